// SPDX-License-Identifier: Apache-2.0
// Options of bind, server and default-server lines that HAProxy 3.2 has and fairlead does not (manual sections 5.1 and
// 5.2). An option that some area registers is never looked up here.
#include "base/check.h"
#include "config/line.h"

#define ON_LISTENER (CONFIG_IN_BIND | CONFIG_IN_SOCKET)

#define NETNS  "needs network namespaces, which fairlead does not enter"
#define QUIC   "needs QUIC, which fairlead does not have"
#define EARLY  "is not supported: early data may be replayed, and is not sent on to servers"
#define FORGED "is for certificates made on the fly, which fairlead does not make"
#define ADMIN  "is for admin sockets: 'stats socket'"
#define NPN    "is the forerunner of ALPN, which BoringSSL does not have; say 'alpn'"
#define OCSP                                                                                                           \
    "is for fetching OCSP responses, which fairlead does not do; a file beside the certificate holds one (NAME.ocsp)"

const struct config_refusal config_refuse_option[] = {
    { "accept-netscaler-cip", ON_LISTENER, NULL },
    { "allow-0rtt", CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER, EARLY },
    { "ca-sign-file", ON_LISTENER, FORGED },
    { "ca-sign-pass", ON_LISTENER, FORGED },
    { "check-pool-conn-name", CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER, NULL },
    { "check-reuse-pool", CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER, NULL },
    { "generate-certificates", ON_LISTENER, FORGED },
    { "idle-ping", ON_LISTENER, NULL },
    { "idle-ping", CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER, NULL },
    { "label", ON_LISTENER, NULL },
    { "level", CONFIG_IN_BIND, ADMIN },
    { "namespace", ON_LISTENER, NETNS },
    { "namespace", CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER, NETNS },
    { "nbconn", ON_LISTENER, NULL },
    { "no-check-reuse-pool", CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER, NULL },
    { "npn", ON_LISTENER | CONFIG_IN_CRT_LIST, NPN },
    { "npn", CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER, NPN },
    { "ocsp-update", ON_LISTENER, OCSP },
    { "pool-conn-name", CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER, NULL },
    { "proto", ON_LISTENER, NULL },
    { "proto", CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER, NULL },
    { "quic-cc-algo", ON_LISTENER, QUIC },
    { "quic-force-retry", ON_LISTENER, QUIC },
    { "quic-socket", ON_LISTENER, QUIC },
    { "resolve-net", CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER, NULL },
    { "resolve-opts", CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER, NULL },
    { "resolve-prefer", CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER, NULL },
    { "resolvers", CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER, NULL },
    { "set-proxy-v2-tlv-fmt", CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER, NULL },
    { "severity-output", CONFIG_IN_BIND, ADMIN },
    { "shard", CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER, NULL },
    { "strict-maxconn", CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER, NULL },
    { "usesrc", CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER, NULL },
    { "ws", CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER, NULL },
};
const size_t config_refuse_option_num = NUM_ITEMS(config_refuse_option);
