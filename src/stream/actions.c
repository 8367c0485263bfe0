// SPDX-License-Identifier: Apache-2.0
// Actions of http-request that this version has: answering in place of a server.
#include <stdlib.h>
#include "expr/cond.h"
#include "rule/rule.h"
#include "stream/service.h"
#include "stream/stream.h"

struct return_args {
    uint64_t status;
    const char *content_type;
    const char *string;
    struct text fields;
};

// All indexes are those of config_arg_at.

static const char *next_arg(struct config *config, const struct config_line *line, uint32_t *at)
{
    const struct config_arg *arg = config_arg_at(line, ++*at);
    if (!arg)
        config_error(config, line, *at, "'%s' needs a value", config_arg_at(line, *at - 1)->str);
    return arg ? arg->str : NULL;
}

// "hdr NAME VALUE"
static bool parse_field(struct config *config, struct return_args *args, const struct config_line *line, uint32_t *at)
{
    const char *name = next_arg(config, line, at);
    const char *value = name ? next_arg(config, line, at) : NULL;
    if (!value)
        return false;
    if (strchr(value, '%'))
        return config_error(config, line, *at, "log-format expressions are not supported in 'hdr' yet");
    text_printf(&args->fields, "%s: %s\r\n", name, value);
    return true;
}

static bool parse_return_word(struct config *config, struct return_args *args, const struct config_line *line,
                              uint32_t *at)
{
    static const char *const known[] = { "status", "content-type", "string", "hdr" };
    static const char *const later[] = {
        "file", "errorfile", "errorfiles", "default-errorfiles", "lf-string", "lf-file"
    };
    const char *word = config_arg_at(line, *at)->str;
    if (!strcmp(word, "status"))
        return next_arg(config, line, at) && config_parse_u64(config, &args->status, line, *at, 200, 599);
    if (!strcmp(word, "content-type"))
        return (args->content_type = next_arg(config, line, at)) != NULL;
    if (!strcmp(word, "string"))
        return (args->string = next_arg(config, line, at)) != NULL;
    if (!strcmp(word, "hdr"))
        return parse_field(config, args, line, at);
    for (size_t i = 0; i < NUM_ITEMS(later); i++)
        if (!strcmp(word, later[i]))
            return config_error(config, line, *at, "'%s' is not supported by 'http-request return' yet", word);
    return config_error_unknown(config, line, *at, "argument of 'http-request return'", known, NUM_ITEMS(known));
}

static bool parse_return(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                         uint32_t *next)
{
    struct return_args args = { .status = 200 };
    bool ok = true;
    text_init(&args.fields);
    for (; ok && config_arg_at(line, index) && !expr_is_cond(line, index); index++)
        ok = parse_return_word(config, &args, line, &index);
    if (ok && args.string && !args.content_type)
        ok = config_error(config, line, index, "'string' needs a 'content-type'");
    // Neither has a body (RFC 9110 section 6.4.1): what followed would be read as the next answer.
    if (ok && args.string && (args.status == 204 || args.status == 304))
        ok = config_error(config, line, 0, "no body expected for %u responses", (unsigned)args.status);
    if (ok) {
        bool made;
        rule->data =
            (void *)proxy_answer_new(config->arena, &made, (uint16_t)args.status,
                                     args.string ? args.content_type : NULL, args.fields.ptr, slice_str(args.string));
        if (!made)
            ok = config_error(config, line, 0, "a header field of this answer is malformed");
    }
    text_fini(&args.fields);
    *next = index;
    return ok;
}

static enum rule_verdict run_return(struct expr_subject *subject, const struct rule *rule)
{
    struct stream *stream = subject->stream;
    stream->answer = rule->data;
    return RULE_ANSWERED;
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
    struct stream *stream = subject->stream;
    stream->answer = NULL;
    stream->service = vtable;
    return RULE_ANSWERED;
}

static const struct rule_action actions[] = {
    { .name = "return",
      .in = RULE_HTTP_REQUEST,
      .parse = parse_return,
      .run = run_return,
      .args = "[status <code>] [content-type <type>] [string <text>] [hdr <name> <value>]*",
      .help = "Answers the request here and now: with the status (default 200), the text as its body, and further "
              "header fields.",
      .good = "http-request return status 200 content-type text/plain string hello",
      .bad = "http-request return status 99",
      .bad_says = "expected 200 to 599" },
    { .name = "use-service",
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
