// SPDX-License-Identifier: Apache-2.0
// Words of proxies that HAProxy 3.2 has and fairlead does not (manual section 4.2); those that begin rules stand in
// refuse_rule.c. A word that some area registers is never looked up here.
#include "base/check.h"
#include "config/line.h"

#define MAILERS  "sends mail, which fairlead does not do; 'log' lines tell of the same"
#define DISPATCH "is deprecated in HAProxy; use a 'server' line"
#define FCGI     "needs FastCGI, which fairlead does not have"
#define H2       "needs HTTP/2, which fairlead does not support yet"
#define OT       "needs OpenTracing, which fairlead does not have"
#define QUIC     "needs QUIC, which fairlead does not have"
#define SPOE     "needs SPOE, which fairlead does not have"
#define SSL_USE  "is not supported; name the certificate on the bind line, with 'crt' or 'crt-list'"

const struct config_refusal config_refuse_proxy[] = {
    { "compression", CONFIG_IN_PROXY, NULL },
    { "crt", CONFIG_IN_PROXY, SSL_USE },
    { "dispatch", CONFIG_IN_PROXY, DISPATCH },
    { "email-alert from", CONFIG_IN_PROXY, MAILERS },
    { "email-alert level", CONFIG_IN_PROXY, MAILERS },
    { "email-alert mailers", CONFIG_IN_PROXY, MAILERS },
    { "email-alert myhostname", CONFIG_IN_PROXY, MAILERS },
    { "email-alert to", CONFIG_IN_PROXY, MAILERS },
    { "filter", CONFIG_IN_PROXY, NULL },
    { "filter bwlim-in", CONFIG_IN_PROXY, NULL },
    { "filter bwlim-out", CONFIG_IN_PROXY, NULL },
    { "filter cache", CONFIG_IN_PROXY, NULL },
    { "filter compression", CONFIG_IN_PROXY, NULL },
    { "filter fcgi-app", CONFIG_IN_PROXY, FCGI },
    { "filter opentracing", CONFIG_IN_PROXY, OT },
    { "filter spoe", CONFIG_IN_PROXY, SPOE },
    { "filter trace", CONFIG_IN_PROXY, NULL },
    { "option checkcache", CONFIG_IN_PROXY, NULL },
    { "option disable-h2-upgrade", CONFIG_IN_PROXY, H2 },
    { "option http-drop-request-trailers", CONFIG_IN_PROXY, NULL },
    { "option http-drop-response-trailers", CONFIG_IN_PROXY, NULL },
    { "option independent-streams", CONFIG_IN_PROXY, NULL },
    { "option originalto", CONFIG_IN_PROXY, NULL },
    { "option spop-check", CONFIG_IN_PROXY, SPOE },
    { "option transparent", CONFIG_IN_PROXY, NULL },
    { "quic-initial", CONFIG_IN_PROXY, QUIC },
    { "ssl-f-use", CONFIG_IN_PROXY, SSL_USE },
    { "transparent", CONFIG_IN_PROXY, NULL },
    { "use-fcgi-app", CONFIG_IN_PROXY, FCGI },
};
const size_t config_refuse_proxy_num = NUM_ITEMS(config_refuse_proxy);
