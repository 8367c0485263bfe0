// SPDX-License-Identifier: Apache-2.0
// The actions HAProxy 3.2 has (its manual, sections 4.3 and 4.4) and in which rule sets, to tell one that is missing
// here from a slip. One that gains a row in a table of actions may stay; the row wins.
#include <string.h>
#include "base/check.h"
#include "rule/names.h"
#include "rule/rule.h"

enum {
    TCP_CONN = RULE_TCP_CONNECTION,
    TCP_SESS = RULE_TCP_SESSION,
    TCP_CONT = RULE_TCP_CONTENT,
    TCP_RESP = RULE_TCP_RESPONSE,
    HTTP_REQ = RULE_HTTP_REQUEST,
    HTTP_RES = RULE_HTTP_RESPONSE,
    HTTP_AFTER = RULE_HTTP_AFTER_RESPONSE,
};

static const struct {
    const char *name;
    uint32_t in;
} actions[] = {
    { "accept", TCP_CONN | TCP_SESS | TCP_CONT | TCP_RESP },
    { "add-acl", HTTP_REQ | HTTP_RES },
    { "add-header", HTTP_REQ | HTTP_RES | HTTP_AFTER },
    { "allow", HTTP_REQ | HTTP_RES | HTTP_AFTER },
    { "attach-srv", TCP_SESS },
    { "auth", HTTP_REQ },
    { "cache-store", HTTP_RES },
    { "cache-use", HTTP_REQ },
    { "capture", TCP_CONT | HTTP_REQ | HTTP_RES | HTTP_AFTER },
    { "close", TCP_RESP },
    { "del-acl", HTTP_REQ | HTTP_RES },
    { "del-header", HTTP_REQ | HTTP_RES | HTTP_AFTER },
    { "del-map", HTTP_REQ | HTTP_RES },
    { "deny", HTTP_REQ | HTTP_RES },
    { "disable-l7-retry", HTTP_REQ },
    { "do-log", TCP_CONN | TCP_SESS | TCP_CONT | TCP_RESP | HTTP_REQ | HTTP_RES | HTTP_AFTER },
    { "do-resolve", TCP_CONT | HTTP_REQ },
    { "early-hint", HTTP_REQ },
    { "expect-netscaler-cip", TCP_CONN },
    { "expect-proxy", TCP_CONN },
    { "normalize-uri", HTTP_REQ },
    { "pause", HTTP_REQ | HTTP_RES },
    { "redirect", HTTP_REQ | HTTP_RES },
    { "reject", TCP_CONN | TCP_SESS | TCP_CONT | TCP_RESP | HTTP_REQ },
    { "replace-header", HTTP_REQ | HTTP_RES | HTTP_AFTER },
    { "replace-path", HTTP_REQ },
    { "replace-pathq", HTTP_REQ },
    { "replace-uri", HTTP_REQ },
    { "replace-value", HTTP_REQ | HTTP_RES | HTTP_AFTER },
    { "return", HTTP_REQ | HTTP_RES },
    { "sc-add-gpc", TCP_CONN | TCP_SESS | TCP_CONT | TCP_RESP | HTTP_REQ | HTTP_RES | HTTP_AFTER },
    { "sc-inc-gpc", TCP_CONN | TCP_SESS | TCP_CONT | TCP_RESP | HTTP_REQ | HTTP_RES | HTTP_AFTER },
    { "sc-inc-gpc0", TCP_CONN | TCP_SESS | TCP_CONT | TCP_RESP | HTTP_REQ | HTTP_RES | HTTP_AFTER },
    { "sc-inc-gpc1", TCP_CONN | TCP_SESS | TCP_CONT | TCP_RESP | HTTP_REQ | HTTP_RES | HTTP_AFTER },
    { "sc-set-gpt", TCP_CONN | TCP_SESS | TCP_CONT | TCP_RESP | HTTP_REQ | HTTP_RES | HTTP_AFTER },
    { "sc-set-gpt0", TCP_CONN | TCP_SESS | TCP_CONT | TCP_RESP | HTTP_REQ | HTTP_RES | HTTP_AFTER },
    { "send-spoe-group", TCP_CONT | TCP_RESP | HTTP_REQ | HTTP_RES },
    { "set-bandwidth-limit", TCP_CONT | TCP_RESP | HTTP_REQ | HTTP_RES },
    { "set-bc-mark", TCP_CONT | HTTP_REQ },
    { "set-bc-tos", TCP_CONT | HTTP_REQ },
    { "set-dst", TCP_CONN | TCP_SESS | TCP_CONT | HTTP_REQ },
    { "set-dst-port", TCP_CONN | TCP_SESS | TCP_CONT | HTTP_REQ },
    { "set-fc-mark", TCP_CONN | TCP_SESS | TCP_CONT | TCP_RESP | HTTP_REQ | HTTP_RES },
    { "set-fc-tos", TCP_CONN | TCP_SESS | TCP_CONT | TCP_RESP | HTTP_REQ | HTTP_RES },
    { "set-header", HTTP_REQ | HTTP_RES | HTTP_AFTER },
    { "set-log-level", TCP_CONT | TCP_RESP | HTTP_REQ | HTTP_RES | HTTP_AFTER },
    { "set-map", HTTP_REQ | HTTP_RES },
    { "set-mark", TCP_CONN | TCP_SESS | TCP_CONT | TCP_RESP | HTTP_REQ | HTTP_RES },
    { "set-method", HTTP_REQ },
    { "set-nice", TCP_CONT | TCP_RESP | HTTP_REQ | HTTP_RES },
    { "set-path", HTTP_REQ },
    { "set-pathq", HTTP_REQ },
    { "set-priority-class", TCP_CONT | HTTP_REQ },
    { "set-priority-offset", TCP_CONT | HTTP_REQ },
    { "set-query", HTTP_REQ },
    { "set-retries", TCP_CONT | HTTP_REQ },
    { "set-src", TCP_CONN | TCP_SESS | TCP_CONT | HTTP_REQ },
    { "set-src-port", TCP_CONN | TCP_SESS | TCP_CONT | HTTP_REQ },
    { "set-status", HTTP_RES | HTTP_AFTER },
    { "set-timeout", HTTP_REQ | HTTP_RES },
    { "set-tos", TCP_CONN | TCP_SESS | TCP_CONT | TCP_RESP | HTTP_REQ | HTTP_RES },
    { "set-uri", HTTP_REQ },
    { "set-var", TCP_CONN | TCP_SESS | TCP_CONT | TCP_RESP | HTTP_REQ | HTTP_RES | HTTP_AFTER },
    { "set-var-fmt", TCP_CONN | TCP_SESS | TCP_CONT | TCP_RESP | HTTP_REQ | HTTP_RES | HTTP_AFTER },
    { "silent-drop", TCP_CONN | TCP_SESS | TCP_CONT | TCP_RESP | HTTP_REQ | HTTP_RES },
    { "strict-mode", HTTP_REQ | HTTP_RES | HTTP_AFTER },
    { "switch-mode", TCP_CONT },
    { "tarpit", HTTP_REQ },
    { "track-sc0", TCP_CONN | TCP_SESS | TCP_CONT | HTTP_REQ | HTTP_RES },
    { "track-sc1", TCP_CONN | TCP_SESS | TCP_CONT | HTTP_REQ | HTTP_RES },
    { "track-sc2", TCP_CONN | TCP_SESS | TCP_CONT | HTTP_REQ | HTTP_RES },
    { "unset-var", TCP_CONN | TCP_SESS | TCP_CONT | TCP_RESP | HTTP_REQ | HTTP_RES | HTTP_AFTER },
    { "use-service", TCP_CONT | HTTP_REQ },
    { "wait-for-body", HTTP_REQ | HTTP_RES },
    { "wait-for-handshake", HTTP_REQ },
};

uint32_t rule_action_refused(const char *name)
{
    size_t len = strcspn(name, "(");
    for (size_t i = 0; i < NUM_ITEMS(actions); i++)
        if (strlen(actions[i].name) == len && memcmp(actions[i].name, name, len) == 0)
            return actions[i].in;
    return 0;
}
