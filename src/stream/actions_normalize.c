// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "expr/cond.h"
#include "stream/normalize.h"
#include "stream/rewrite.h"

enum part { PART_PATH, PART_PATHQ, PART_QUERY, PART_TARGET };

static const struct normalizer {
    const char *name;
    const char *option; // NULL: it has none
    enum part part;
    stream_normalize_fn *run;
    stream_normalize_fn *run_option;
} normalizers[] = {
    { "fragment-encode", NULL, PART_TARGET, stream_normalize_fragment_encode, NULL },
    { "fragment-strip", NULL, PART_TARGET, stream_normalize_fragment_strip, NULL },
    { "path-merge-slashes", NULL, PART_PATH, stream_normalize_merge_slashes, NULL },
    { "path-strip-dot", NULL, PART_PATH, stream_normalize_dot, NULL },
    { "path-strip-dotdot", "full", PART_PATH, stream_normalize_dotdot, stream_normalize_dotdot_full },
    { "percent-decode-unreserved", "strict", PART_PATHQ, stream_normalize_decode, stream_normalize_decode_strict },
    { "percent-to-uppercase", "strict", PART_PATHQ, stream_normalize_upper, stream_normalize_upper_strict },
    { "query-sort-by-name", NULL, PART_QUERY, stream_normalize_sort, NULL },
};

struct args {
    enum part part;
    stream_normalize_fn *run;
};

static bool parse_normalize(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                            uint32_t *next)
{
    const char *known[NUM_ITEMS(normalizers)];
    struct args *args = arena_alloc(config->arena, sizeof(*args));
    const struct config_arg *name = stream_arg_need(config, line, index, "normalize-uri", "a normalizer");
    const struct config_arg *option = config_arg_at(line, index + 1);
    rule->data = args;
    *next = index + 1;
    for (size_t i = 0; name && i < NUM_ITEMS(normalizers); i++) {
        const struct normalizer *row = &normalizers[i];
        known[i] = row->name;
        if (strcmp(name->str, row->name) != 0)
            continue;
        bool with = row->option && option && strcmp(option->str, row->option) == 0;
        *next += with;
        *args = (struct args){ .part = row->part, .run = with ? row->run_option : row->run };
        return true;
    }
    return name && config_error_unknown(config, line, index, "normalizer", known, NUM_ITEMS(known));
}

static struct slice get_part(const struct http_head *head, enum part part)
{
    switch (part) {
    case PART_PATH:
        return http_head_path(head);
    case PART_PATHQ:
        return http_head_pathq(head);
    case PART_QUERY:
        return http_head_query(head);
    default:
        return http_head_target(head);
    }
}

static bool set_part(struct http_head *head, enum part part, struct slice text)
{
    switch (part) {
    case PART_PATH:
        return http_head_set_path(head, text);
    case PART_PATHQ:
        return http_head_set_pathq(head, text);
    case PART_QUERY:
        return http_head_set_query(head, text);
    default:
        return http_head_set_target(head, text);
    }
}

static enum rule_verdict run_normalize(struct expr_subject *subject, const struct rule *rule)
{
    const struct args *args = rule->data;
    const struct http_head *seen = stream_head_of(subject);
    struct expr_scratch *scratch = &subject->process->scratch;
    struct slice old = seen ? get_part(seen, args->part) : SLICE("");
    size_t cap, len;
    if (!old.len)
        return RULE_NEXT;
    char *room = expr_scratch_rest(scratch, &cap);
    switch (args->run(room, cap, &len, old)) {
    case STREAM_NORMALIZE_FULL:
        return stream_rewrite_verdict(subject, rule, false);
    case STREAM_NORMALIZE_INVALID:
        stream_rule_fail(stream_of(subject), 400, STREAM_END_PROXY);
        return RULE_ANSWERED;
    default:
        break;
    }
    struct slice made = slice_of(room, len);
    if (slice_equal(made, old))
        return RULE_NEXT;
    struct http_head *head = stream_head_change(subject);
    return stream_rewrite_verdict(subject, rule, head && set_part(head, args->part, made));
}

static const struct rule_action actions[] = {
    { .name = "normalize-uri",
      .in = RULE_HTTP_REQUEST,
      .parse = parse_normalize,
      .run = run_normalize,
      .args = "{ fragment-encode | fragment-strip | path-merge-slashes | path-strip-dot | path-strip-dotdot [full] | "
              "percent-decode-unreserved [strict] | percent-to-uppercase [strict] | query-sort-by-name }",
      .help = "Gives the request target one of its equivalent forms. full: '..' at the start of the path vanishes. "
              "strict: a '%' without two hexadecimal digits behind it is answered 400. A '#' is never accepted in a "
              "target, so that the two for fragments find one only where a rule put it.",
      .good = "http-request normalize-uri path-strip-dotdot full",
      .bad = "http-request normalize-uri path-strip-dots",
      .bad_says = "did you mean 'path-strip-dot'" },
};
RULE_ACTIONS(actions);
