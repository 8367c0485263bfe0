// SPDX-License-Identifier: Apache-2.0
// Actions of rules that HAProxy 3.2 has and fairlead does not (manual section 4.3). A rule that some area registers is
// never looked up here.
#include "base/check.h"
#include "config/line.h"

#define SPOE "needs SPOE, which fairlead does not have"

const struct config_refusal config_refuse_rule[] = {
    { "http-request cache-use", CONFIG_IN_PROXY, NULL },
    { "http-request do-resolve", CONFIG_IN_PROXY, NULL },
    { "http-request send-spoe-group", CONFIG_IN_PROXY, SPOE },
    { "http-request set-bandwidth-limit", CONFIG_IN_PROXY, NULL },
    { "http-response cache-store", CONFIG_IN_PROXY, NULL },
    { "http-response send-spoe-group", CONFIG_IN_PROXY, SPOE },
    { "http-response set-bandwidth-limit", CONFIG_IN_PROXY, NULL },
    { "tcp-request connection expect-netscaler-cip", CONFIG_IN_PROXY, NULL },
    { "tcp-request content do-resolve", CONFIG_IN_PROXY, NULL },
    { "tcp-request content send-spoe-group", CONFIG_IN_PROXY, SPOE },
    { "tcp-request content set-bandwidth-limit", CONFIG_IN_PROXY, NULL },
    { "tcp-request content switch-mode", CONFIG_IN_PROXY, NULL },
    { "tcp-request content use-service", CONFIG_IN_PROXY, NULL },
    { "tcp-request session attach-srv", CONFIG_IN_PROXY, NULL },
    { "tcp-response content send-spoe-group", CONFIG_IN_PROXY, SPOE },
    { "tcp-response content set-bandwidth-limit", CONFIG_IN_PROXY, NULL },
};
const size_t config_refuse_rule_num = NUM_ITEMS(config_refuse_rule);
