// SPDX-License-Identifier: Apache-2.0
// The action do-log: log lines at once, besides those of the proxy.
#include "stream/act.h"
#include "stream/log.h"

static enum proxy_log_step step_of(uint32_t ruleset)
{
    switch (ruleset) {
    case RULE_TCP_CONNECTION:
        return PROXY_LOG_AT_TCP_CONNECTION;
    case RULE_TCP_SESSION:
        return PROXY_LOG_AT_TCP_SESSION;
    case RULE_TCP_CONTENT:
        return PROXY_LOG_AT_TCP_CONTENT;
    case RULE_TCP_RESPONSE:
        return PROXY_LOG_AT_TCP_RESPONSE;
    case RULE_HTTP_REQUEST:
        return PROXY_LOG_AT_HTTP_REQUEST;
    case RULE_HTTP_RESPONSE:
        return PROXY_LOG_AT_HTTP_RESPONSE;
    default:
        return PROXY_LOG_AT_HTTP_AFTER;
    }
}

static enum rule_verdict run_do_log(struct expr_subject *subject, const struct rule *rule)
{
    stream_log_now(subject->process->owner, subject->session, subject->stream, step_of(rule->ruleset));
    return RULE_NEXT;
}

static const struct rule_action actions[] = {
    { .name = "do-log",
      .in = RULE_TCP_CONNECTION | RULE_TCP_SESSION | RULE_TCP_CONTENT | RULE_TCP_RESPONSE | RULE_HTTP_REQUEST |
            RULE_HTTP_RESPONSE | RULE_HTTP_AFTER_RESPONSE,
      .run = run_do_log,
      .args = "",
      .help = "Writes log lines at once, besides those that the proxy writes; a log-profile can give them a format of "
              "their own.",
      .good = "http-request do-log if TRUE",
      .bad = "http-request do-log now",
      .bad_says = "now" },
};
RULE_ACTIONS(actions);
