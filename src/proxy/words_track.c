// SPDX-License-Identifier: Apache-2.0
// Words of the global section about what is tracked in stick tables: how many counters, and which answers count as
// errors and failures.
#include "proxy/words.h"
#include "table/stick.h"

void status_codes_set(struct status_codes *codes, uint32_t first, uint32_t last, bool in)
{
    for (uint32_t at = first - STATUS_CODE_MIN; at <= last - STATUS_CODE_MIN; at++) {
        uint64_t bit = UINT64_C(1) << at % 64;
        codes->bits[at / 64] = in ? codes->bits[at / 64] | bit : codes->bits[at / 64] & ~bit;
    }
}

// Reads "404" or "400-499"; false where it is neither.
static bool read_range(uint32_t *first, uint32_t *last, struct slice text)
{
    size_t dash = slice_find(text, '-');
    uint64_t low, high;
    if (!slice_to_u64(slice_of(text.ptr, dash), &low))
        return false;
    high = low;
    if (dash < text.len && !slice_to_u64(slice_from(text, dash + 1), &high))
        return false;
    if (low < STATUS_CODE_MIN || high > STATUS_CODE_MAX || low > high)
        return false;
    *first = (uint32_t)low;
    *last = (uint32_t)high;
    return true;
}

// A sign holds for all ranges of its argument; without one they take the place of what was there.
static bool parse_codes(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    struct status_codes *codes = (struct status_codes *)((char *)object + word->into);
    const struct config_arg *arg;
    for (uint32_t i = 0; (arg = config_arg_at(line, i)); i++) {
        struct slice rest = slice_of(arg->str, arg->len);
        char sign = rest.len && (rest.ptr[0] == '+' || rest.ptr[0] == '-') ? rest.ptr[0] : 0;
        rest = slice_from(rest, sign != 0);
        if (!sign)
            *codes = (struct status_codes){ 0 };
        do {
            size_t comma = slice_find(rest, ',');
            uint32_t first, last;
            if (!read_range(&first, &last, slice_of(rest.ptr, comma)))
                return config_error(config, line, i,
                                    "'%.*s' is no range of status codes: expected one from %d to %d, or two with a "
                                    "'-' between, the lower first",
                                    (int)comma, rest.ptr, STATUS_CODE_MIN, STATUS_CODE_MAX);
            status_codes_set(codes, first, last, sign != '-');
            rest = comma < rest.len ? slice_from(rest, comma + 1) : (struct slice){ 0 };
        } while (rest.ptr);
    }
    return true;
}

#define CODES(word, member, text)                                                                                      \
    {                                                                                                                  \
        .name = word, .in = CONFIG_IN_GLOBAL, .min_args = 1, .flags = CONFIG_ANY_ARGS, .parse = parse_codes,           \
        .into = offsetof(struct global_conf, member), .args = "[+-]<range>[,...] [...]", .help = text,                 \
        .good = word " 400-503 -404,501 +599", .bad = word " 404-400", .bad_says = "is no range of status codes"       \
    }

static const struct config_word words[] = {
    CODES("http-err-codes", err_codes,
          "The status codes of servers' answers that count as errors of the client in stick tables (http_err_cnt, "
          "http_err_rate): codes and ranges, separated by commas, that take the place of those before them, are added "
          "to them ('+') or taken from them ('-'). Default: 400-499."),
    CODES("http-fail-codes", fail_codes,
          "Likewise those that count as failures of the server (http_fail_cnt, http_fail_rate). Default: 500-599 "
          "without 501 and 505."),
    { .name = "tune.stick-counters",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_u32,
      .into = offsetof(struct global_conf, stick_counters),
      .max = STICK_MAX_ARRAY,
      .args = "<number>",
      .help = "How many entries of stick tables a connection or a request can track at once (track-sc0, track-sc1, "
              "...); the default is 3. It must stand before the rules. One that tracks nothing takes no memory for it.",
      .good = "tune.stick-counters 10",
      .bad = "tune.stick-counters 101",
      .bad_says = "out of range" },
};
CONFIG_WORDS(words);
