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

static const char *next_arg(const struct config_line *line, uint32_t *index)
{
    const struct config_arg *arg = *index + 1 < line->num_args ? &line->args[++*index] : NULL;
    return arg ? arg->str : NULL;
}

static bool need_arg(struct config *config, const struct config_line *line, uint32_t index, const char *value)
{
    return value || config_error(config, line, index + 1 - line->first, "'%s' needs a value", line->args[index].str);
}

// "hdr NAME VALUE"
static bool parse_field(struct config *config, struct return_args *args, const struct config_line *line, uint32_t *at)
{
    uint32_t word = *at;
    const char *name = next_arg(line, at);
    const char *value = name ? next_arg(line, at) : NULL;
    if (!need_arg(config, line, word, value))
        return false;
    if (strchr(value, '%'))
        return config_error(config, line, *at - line->first, "log-format expressions are not supported in 'hdr' yet");
    text_printf(&args->fields, "%s: %s\r\n", name, value);
    return true;
}

static bool parse_return_word(struct config *config, struct return_args *args, const struct config_line *line,
                              uint32_t *at)
{
    static const char *const known[] = { "status", "content-type", "string", "hdr" };
    static const char *const later[] = { "file", "errorfile", "errorfiles", "default-errorfiles", "lf-string", "lf-file" };
    const char *word = line->args[*at].str;
    uint32_t index = *at - line->first;
    if (!strcmp(word, "status")) {
        ++*at;
        return config_parse_u64(config, &args->status, line, index + 1, 200, 599);
    }
    if (!strcmp(word, "content-type"))
        return need_arg(config, line, *at, args->content_type = next_arg(line, at));
    if (!strcmp(word, "string"))
        return need_arg(config, line, *at, args->string = next_arg(line, at));
    if (!strcmp(word, "hdr"))
        return parse_field(config, args, line, at);
    for (size_t i = 0; i < NUM_ITEMS(later); i++)
        if (!strcmp(word, later[i]))
            return config_error(config, line, index, "'%s' is not supported by 'http-request return' yet", word);
    return config_error_unknown(config, line, index, "argument of 'http-request return'", known, NUM_ITEMS(known));
}

static bool parse_return(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                         uint32_t *next)
{
    struct return_args args = { .status = 200 };
    bool ok = true;
    text_init(&args.fields);
    while (ok && index < line->num_args && !expr_is_cond(line, index)) {
        ok = parse_return_word(config, &args, line, &index);
        index++;
    }
    if (ok && args.string && !args.content_type)
        ok = config_error(config, line, index - line->first, "'string' needs a 'content-type'");
    if (ok) {
        bool made;
        rule->data = (void *)proxy_answer_new(config->arena, &made, (uint16_t)args.status,
                                              args.string ? args.content_type : NULL, args.fields.ptr,
                                              slice_str(args.string));
        if (!made)
            ok = config_error(config, line, 0, "a header field of this answer is malformed");
    }
    text_fini(&args.fields);
    *next = index;
    return ok;
}

static enum rule_verdict run_return(void *subject, const struct rule *rule)
{
    struct stream *stream = subject;
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

static enum rule_verdict run_service(void *subject, const struct rule *rule)
{
    const struct rule_service *service = rule->data;
    const struct stream_service *vtable = service->vtable;
    struct stream *stream = subject;
    stream->answer = NULL;
    stream->service = vtable;
    return RULE_ANSWERED;
}

static const struct rule_action actions[] = {
    { .name = "return", .in = RULE_HTTP_REQUEST, .parse = parse_return, .run = run_return,
      .args = "[status <code>] [content-type <type>] [string <text>] [hdr <name> <value>]*",
      .help = "Answers the request here and now: with the status (default 200), the text as its body, and further "
              "header fields.",
      .good = "http-request return status 200 content-type text/plain string hello",
      .bad = "http-request return status 99", .bad_says = "from 200 to 599" },
    { .name = "use-service", .in = RULE_HTTP_REQUEST, .parse = parse_service, .run = run_service, .args = "<service>",
      .help = "Hands the request to a built-in service. ws-echo: a WebSocket endpoint that sends back what it gets.",
      .good = "http-request use-service ws-echo", .bad = "http-request use-service ws-ecko",
      .bad_says = "ws-echo" },
};
RULE_ACTIONS(actions);
