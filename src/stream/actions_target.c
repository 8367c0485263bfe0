// SPDX-License-Identifier: Apache-2.0
// Actions that change the request line.
#include "base/check.h"
#include "stream/rewrite.h"

typedef bool set_fn(struct http_head *head, struct slice text);

// The request has no path where its target is "*": the new one takes the target's place.
static bool set_path(struct http_head *head, struct slice path)
{
    return slice_equal(http_head_target(head), SLICE("*")) ? http_head_set_target(head, path)
                                                           : http_head_set_path(head, path);
}

static bool set_pathq(struct http_head *head, struct slice pathq)
{
    return slice_equal(http_head_target(head), SLICE("*")) ? http_head_set_target(head, pathq)
                                                           : http_head_set_pathq(head, pathq);
}

// Once there, the '?' stays: without a query it is the path that ends in it. "*" has none and takes none.
static bool set_query(struct http_head *head, struct slice query)
{
    struct slice pathq = http_head_pathq(head);
    if (slice_equal(http_head_target(head), SLICE("*")))
        return true;
    if (query.len || !http_head_query(head).ptr)
        return http_head_set_query(head, query);
    return http_head_set_pathq(head, slice_of(pathq.ptr, slice_find(pathq, '?') + 1));
}

// An absolute target says for whom the request is, and so does Host: they must agree (RFC 9112 section 3.2.2).
static bool set_target(struct http_head *head, struct slice target)
{
    if (!http_head_set_target(head, target))
        return false;
    struct slice authority = http_head_authority(head);
    int host = http_head_find(head, HTTP_FIELD_HOST, 0);
    if (!authority.len || head->method == HTTP_METHOD_CONNECT)
        return true;
    return host >= 0 ? http_head_set(head, (unsigned)host, authority) : http_head_add(head, SLICE("host"), authority);
}

static bool parse_text(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                       uint32_t *next)
{
    struct stream_text *text = arena_alloc(config->arena, sizeof(*text));
    rule->data = text;
    *next = index + 1;
    return stream_text_parse(config, text, rule, line, index, STREAM_TEXT_TARGET);
}

static enum rule_verdict set_text(struct expr_subject *subject, const struct rule *rule, set_fn *set)
{
    struct slice text = stream_text_make(rule->data, subject);
    struct http_head *head = text.ptr ? stream_head_change(subject) : NULL;
    return stream_rewrite_verdict(subject, rule, head && set(head, text));
}

static enum rule_verdict run_set_method(struct expr_subject *subject, const struct rule *rule)
{
    return set_text(subject, rule, http_head_set_method);
}

static enum rule_verdict run_set_path(struct expr_subject *subject, const struct rule *rule)
{
    return set_text(subject, rule, set_path);
}

static enum rule_verdict run_set_pathq(struct expr_subject *subject, const struct rule *rule)
{
    return set_text(subject, rule, set_pathq);
}

static enum rule_verdict run_set_query(struct expr_subject *subject, const struct rule *rule)
{
    return set_text(subject, rule, set_query);
}

static enum rule_verdict run_set_uri(struct expr_subject *subject, const struct rule *rule)
{
    return set_text(subject, rule, set_target);
}

static bool parse_replace(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                          uint32_t *next)
{
    struct stream_replace *replace = arena_alloc(config->arena, sizeof(*replace));
    rule->data = replace;
    *next = index + 2;
    return stream_replace_parse(config, replace, rule, line, index);
}

static enum rule_verdict replace(struct expr_subject *subject, const struct rule *rule,
                                 struct slice (*get)(const struct http_head *head), set_fn *set)
{
    const struct stream_replace *args = rule->data;
    const struct http_head *seen = stream_head_of(subject);
    struct slice format, made;
    // Where there is no path ("*"), no expression matches it.
    if (!seen || (!seen->path_len && get != http_head_target))
        return RULE_NEXT;
    format = stream_text_make(&args->text, subject);
    if (!format.ptr)
        return stream_rewrite_verdict(subject, rule, false);
    switch (stream_replace_run(args, &made, get(seen), format, &subject->process->scratch)) {
    case STREAM_REPLACE_NO:
        return RULE_NEXT;
    case STREAM_REPLACE_FULL:
        return stream_rewrite_verdict(subject, rule, false);
    default:
        break;
    }
    struct http_head *head = stream_head_change(subject);
    return stream_rewrite_verdict(subject, rule, head && set(head, made));
}

static enum rule_verdict run_replace_path(struct expr_subject *subject, const struct rule *rule)
{
    return replace(subject, rule, http_head_path, set_path);
}

static enum rule_verdict run_replace_pathq(struct expr_subject *subject, const struct rule *rule)
{
    return replace(subject, rule, http_head_pathq, set_pathq);
}

static enum rule_verdict run_replace_uri(struct expr_subject *subject, const struct rule *rule)
{
    return replace(subject, rule, http_head_target, set_target);
}

static const struct rule_action actions[] = {
    { .name = "set-method",
      .in = RULE_HTTP_REQUEST,
      .parse = parse_text,
      .run = run_set_method,
      .args = "<fmt>",
      .help =
          "Replaces the method by what the format gives. It must fit the form of the request target: a path does not "
          "become the target of CONNECT.",
      .good = "http-request set-method PATCH",
      .bad = "http-request set-method",
      .bad_says = "needs a format" },
    { .name = "set-path",
      .in = RULE_HTTP_REQUEST,
      .parse = parse_text,
      .run = run_set_path,
      .args = "<fmt>",
      .help = "Replaces the path by what the format gives, which must begin with '/'. Scheme, authority and query "
              "stay; a target without a path (\"*\") is replaced.",
      .good = "http-request set-path /%[req.hdr(host)]%[path]",
      .bad = "http-request set-path '/a b'",
      .bad_says = "cannot hold spaces" },
    { .name = "set-pathq",
      .in = RULE_HTTP_REQUEST,
      .parse = parse_text,
      .run = run_set_pathq,
      .args = "<fmt>",
      .help = "As set-path, but the query is replaced as well; without a '?' in the new text there is none.",
      .good = "http-request set-pathq /a?b=c",
      .bad = "http-request set-pathq",
      .bad_says = "needs a format" },
    { .name = "set-query",
      .in = RULE_HTTP_REQUEST,
      .parse = parse_text,
      .run = run_set_query,
      .args = "<fmt>",
      .help = "Replaces what stands behind the first '?' of the target by what the format gives; a '?' is added where "
              "there was none.",
      .good = "http-request set-query a=b",
      .bad = "http-request set-query",
      .bad_says = "needs a format" },
    { .name = "set-uri",
      .in = RULE_HTTP_REQUEST,
      .parse = parse_text,
      .run = run_set_uri,
      .args = "<fmt>",
      .help = "Replaces the whole request target by what the format gives. The authority of an absolute one becomes "
              "the Host field too.",
      .good = "http-request set-uri http://intern%[path]",
      .bad = "http-request set-uri",
      .bad_says = "needs a format" },
    { .name = "replace-path",
      .in = RULE_HTTP_REQUEST,
      .parse = parse_replace,
      .run = run_replace_path,
      .args = "<match-regex> <replace-fmt>",
      .help = "Matches the path, without the query; where it matches it is replaced as a whole by the format, in which "
              "\\1 to \\9 stand for what the parentheses took.",
      .good = "http-request replace-path (.*) /foo\\1",
      .bad = "http-request replace-path (.* /foo",
      .bad_says = "is no regular expression" },
    { .name = "replace-pathq",
      .in = RULE_HTTP_REQUEST,
      .parse = parse_replace,
      .run = run_replace_pathq,
      .args = "<match-regex> <replace-fmt>",
      .help = "As replace-path, for path and query together.",
      .good = "http-request replace-pathq ([^?]*)(\\?(.*))? \\1/foo\\2",
      .bad = "http-request replace-pathq .*",
      .bad_says = "needs a format" },
    { .name = "replace-uri",
      .in = RULE_HTTP_REQUEST,
      .parse = parse_replace,
      .run = run_replace_uri,
      .args = "<match-regex> <replace-fmt>",
      .help = "As replace-path, for the whole request target as it was sent; as for set-uri the authority of an "
              "absolute one becomes the Host field too.",
      .good = "http-request replace-uri ^http://(.*) https://\\1",
      .bad = "http-request replace-uri",
      .bad_says = "needs a regular expression" },
};
RULE_ACTIONS(actions);
