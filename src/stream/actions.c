// SPDX-License-Identifier: Apache-2.0
// Actions that end a list: an answer in place of a server's, or none of the further rules.
#include "proxy/words.h"
#include "stream/rewrite.h"
#include "stream/service.h"
#include "stream/track.h"

static bool parse_reply(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                        uint32_t *next, uint16_t status, bool is_deny)
{
    const struct stream_reply_kind kind = {
        .action = arena_printf(config->arena, "%s %s", rule_set_name(rule->ruleset), rule->action->name),
        .status = status,
        .is_deny = is_deny,
        .when = rule->when,
    };
    rule->data = stream_reply_parse(config, &kind, line, &index);
    *next = index;
    return rule->data != NULL;
}

static bool parse_return(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                         uint32_t *next)
{
    return parse_reply(config, rule, line, index, next, 200, false);
}

static bool parse_deny(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                       uint32_t *next)
{
    return parse_reply(config, rule, line, index, next, rule->ruleset == RULE_HTTP_REQUEST ? 403 : 502, true);
}

static bool parse_tarpit(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                         uint32_t *next)
{
    return parse_reply(config, rule, line, index, next, 500, true);
}

static enum rule_verdict run_reply(struct expr_subject *subject, const struct rule *rule)
{
    return stream_reply_set(stream_of(subject), rule->data) ? RULE_ANSWERED : RULE_ERROR;
}

static enum rule_verdict run_tarpit(struct expr_subject *subject, const struct rule *rule)
{
    struct stream *stream = stream_of(subject);
    const struct proxy_conf *conf = stream->backend ? stream->backend->conf : stream->session->conf;
    uint64_t delay_us = conf->timeouts.tarpit ? conf->timeouts.tarpit : conf->timeouts.connect;
    uint64_t now_us = stream->ctx->loop->now_us;
    uint64_t due_us = stream->rule_waits ? stream->rule_due_us : now_us + delay_us;
    // A client that has ended its side waits for nothing else.
    if (!stream->rule_waits)
        stream_track_error(stream);
    if (delay_us && due_us > now_us && !stream->front->conn.near_end) {
        stream_rule_wait(stream, due_us, true);
        return RULE_WAIT;
    }
    // The log tells the time as if it had been spent in a queue.
    stream->times.queued_us = now_us;
    stream_note_end(stream, STREAM_END_PROXY);
    stream->end_phase = 'T';
    return run_reply(subject, rule);
}

static enum rule_verdict run_allow(struct expr_subject *subject, const struct rule *rule)
{
    (void)subject;
    (void)rule;
    return RULE_STOP;
}

static bool parse_strict(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                         uint32_t *next)
{
    static const char *const known[] = { "on", "off" };
    const struct config_arg *arg = stream_arg_need(config, line, index, "strict-mode", "'on' or 'off'");
    *next = index + 1;
    if (!arg)
        return false;
    if (strcmp(arg->str, "on") != 0 && strcmp(arg->str, "off") != 0)
        return config_error_unknown(config, line, index, "mode", known, 2);
    rule->data = strcmp(arg->str, "off") == 0 ? rule : NULL;
    return true;
}

static enum rule_verdict run_strict(struct expr_subject *subject, const struct rule *rule)
{
    stream_of(subject)->wishes.lax = rule->data ? rule : NULL;
    return RULE_NEXT;
}

static bool parse_service(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                          uint32_t *next)
{
    rule->data = (void *)rule_service_parse(config, line, index);
    *next = index + 1;
    return rule->data != NULL;
}

static enum rule_verdict run_service(struct expr_subject *subject, const struct rule *rule)
{
    const struct rule_service *service = rule->data;
    const struct stream_service *vtable = service->vtable;
    struct stream *stream = stream_of(subject);
    stream->answer = NULL;
    stream->service = vtable;
    return RULE_ANSWERED;
}

#define REPLY_ARGS                                                                                                     \
    "[content-type <type>] [{ default-errorfiles | errorfile <file> | errorfiles <name> | file <file> | "              \
    "lf-file <file> | string <str> | lf-string <fmt> }] [hdr <name> <fmt>]*"

static const struct rule_action actions[] = {
    { .name = "return",
      .flags = RULE_FINAL,
      .in = RULE_HTTP_REQUEST | RULE_HTTP_RESPONSE,
      .parse = parse_return,
      .run = run_reply,
      .args = "[status <code>] " REPLY_ARGS,
      .help = "Answers here and now, with the status (default 200). The body is a text or the content of a file, each "
              "as it is or as a format (lf-), and needs a content type; hdr adds header fields. Or the whole answer is "
              "a file (errorfile), or the error page of the status: that of the proxy (default-errorfiles) or of an "
              "http-errors section (errorfiles). Files are read while the configuration is.",
      .good = "http-request return status 200 content-type text/plain string hello",
      .bad = "http-request return status 99",
      .bad_says = "expected 200 to 599" },
    { .name = "deny",
      .flags = RULE_FINAL | RULE_DENIES | RULE_ERRS,
      .in = RULE_HTTP_REQUEST | RULE_HTTP_RESPONSE,
      .parse = parse_deny,
      .run = run_reply,
      .args = "[{ status | deny_status } <code>] " REPLY_ARGS,
      .help = "Refuses the request (403) or the answer of the server (502). What is answered instead may be said as "
              "for return; without arguments, or with deny_status alone, it is the error page of the status.",
      .good = "http-request deny deny_status 429",
      .bad = "http-request deny deny_status 418",
      .bad_says = "no error page of status 418" },
    { .name = "tarpit",
      .flags = RULE_FINAL | RULE_DENIES,
      .in = RULE_HTTP_REQUEST,
      .parse = parse_tarpit,
      .run = run_tarpit,
      .args = "[{ status | deny_status } <code>] " REPLY_ARGS,
      .help =
          "As deny, with the status 500, but the answer waits for 'timeout tarpit' ('timeout connect' where that is "
          "not set), as if the server were slow.",
      .good = "http-request tarpit deny_status 429",
      .bad = "http-request tarpit deny_status 418",
      .bad_says = "no error page of status 418" },
    { .name = "allow",
      .flags = RULE_FINAL,
      .in = RULE_HTTP_REQUEST | RULE_HTTP_RESPONSE | RULE_HTTP_AFTER_RESPONSE,
      .run = run_allow,
      .args = "",
      .help = "Ends the list: no further rule of it is run.",
      .good = "http-request allow if TRUE",
      .bad = "http-request allow all",
      .bad_says = "only a condition" },
    { .name = "strict-mode",
      .in = RULE_HTTP_REQUEST | RULE_HTTP_RESPONSE | RULE_HTTP_AFTER_RESPONSE,
      .parse = parse_strict,
      .run = run_strict,
      .args = "{ on | off }",
      .help = "Whether a change by one of the rules below it, in the same list, that cannot be made (there is no room, "
              "or the text cannot stand there) ends the exchange with an internal error (on, the default) or is "
              "skipped.",
      .good = "http-request strict-mode off",
      .bad = "http-request strict-mode of",
      .bad_says = "did you mean 'off'" },
    { .name = "use-service",
      .flags = RULE_FINAL,
      .in = RULE_HTTP_REQUEST,
      .parse = parse_service,
      .run = run_service,
      .args = "<service>",
      .help = "Hands the request to a built-in service. ws-echo: a WebSocket endpoint that sends back what it gets.",
      .good = "http-request use-service ws-echo",
      .bad = "http-request use-service ws-ecko",
      .bad_says = "ws-echo" },
};
RULE_ACTIONS(actions);
