// SPDX-License-Identifier: Apache-2.0
// The actions that track entries of stick tables (track-sc0, ...) and those that change what is tracked (sc-inc-gpc and
// its kin). What is not tracked, or not stored, is left alone.
#include "config/line.h"
#include "expr/cond.h"
#include "expr/expr.h"
#include "rule/rule.h"
#include "stream/track_words.h"

struct track_action {
    uint32_t number;
    struct expr key;
    const struct proxy_ref *table;
};

static bool is_word(const struct config_arg *arg, const char *word)
{
    return arg && strcmp(arg->str, word) == 0;
}

static bool parse_track(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                        uint32_t *next)
{
    uint32_t num = ((const struct program_conf *)config->owner)->global.stick_counters;
    struct track_action *action = arena_alloc(config->arena, sizeof(*action));
    const char *word = config_arg_at(line, index - 1)->str;
    struct slice table = { 0 };
    uint64_t number;
    rule->data = action;
    if (!slice_to_u64(rule->parens, &number) || number >= num)
        return config_error(config, line, index - 1,
                            "'%s': there are %u counters, counted from 0; see 'tune.stick-counters'", word, num);
    action->number = (uint32_t)number;
    if (!config_arg_at(line, index) || expr_is_cond(line, index))
        return config_error(config, line, index, "'%s' wants an expression, the key", word);
    if (!expr_parse(config, &action->key, line, index) ||
        !expr_check_when(config, line, index, &action->key, rule->when))
        return false;
    config->word = config_place_of(line, config_arg_at(line, index - 1));
    if (is_word(config_arg_at(line, ++index), "table")) {
        const struct config_arg *arg = config_arg_at(line, ++index);
        if (!arg || expr_is_cond(line, index))
            return config_error(config, line, index, "'table' needs the name of a stick table");
        table = slice_of(arg->str, arg->len);
        config->word = config_place_of(line, arg);
        index++;
    }
    *next = index;
    action->table = proxy_ref_table(config, table, action->key.out);
    return true;
}

// What HAProxy counts when tracking begins only after the fact was there.
static void catch_up(const struct stream *stream, struct stream_track_counter *counter, uint32_t ruleset)
{
    const struct global_conf *global = &stream->ctx->program->global;
    struct stick_table *table = counter->table;
    counter->is_late = stream->track_counted && ruleset == RULE_TCP_CONTENT;
    if (stream->track_counted && !counter->is_late) {
        stick_add(table, counter->entry, STICK_HTTP_REQ_CNT, 0, 1);
        stick_add(table, counter->entry, STICK_HTTP_REQ_RATE, 0, 1);
    }
    if (ruleset == RULE_HTTP_RESPONSE && status_codes_has(&global->err_codes, stream->status)) {
        stick_add(table, counter->entry, STICK_HTTP_ERR_CNT, 0, 1);
        stick_add(table, counter->entry, STICK_HTTP_ERR_RATE, 0, 1);
    }
    if (ruleset == RULE_HTTP_RESPONSE && status_codes_has(&global->fail_codes, stream->status)) {
        stick_add(table, counter->entry, STICK_HTTP_FAIL_CNT, 0, 1);
        stick_add(table, counter->entry, STICK_HTTP_FAIL_RATE, 0, 1);
    }
}

static enum rule_verdict run_track(struct expr_subject *subject, const struct rule *rule)
{
    const struct track_action *action = rule->data;
    struct expr_sample key;
    if (stream_track_of(subject, action->number))
        return RULE_NEXT;
    subject->may_change = false;
    if (!expr_eval(&action->key, subject, &key)) {
        // Bytes that may still come are waited for as a condition waits for them: as long as inspect-delay says.
        subject->acted = false;
        return rule->ruleset == RULE_TCP_CONTENT && subject->may_change && !subject->final ? RULE_WAIT : RULE_NEXT;
    }
    struct stream_track_counter *counter = stream_track_start(subject, action->number, action->table->table, &key);
    if (counter && subject->stream)
        catch_up(subject->stream, counter, rule->ruleset);
    return RULE_NEXT;
}

// ---- what is tracked ------------------------------------------------------------------------------------------------

struct change_action {
    uint32_t number;
    uint32_t index;
    uint32_t value;
    const struct expr *expr; // NULL: the value
};

// The numbers in the parentheses: an index, where the action has one, and that of the counter.
static struct change_action *parse_numbers(struct config *config, struct rule *rule, const struct config_line *line,
                                           uint32_t index, bool has_index)
{
    uint32_t num = ((const struct program_conf *)config->owner)->global.stick_counters;
    struct change_action *action = arena_alloc(config->arena, sizeof(*action));
    const char *word = rule->action->name;
    struct slice rest = rule->parens;
    uint64_t at = 0, number;
    rule->data = action;
    if (has_index) {
        size_t comma = slice_find(rest, ',');
        if (comma == rest.len || !slice_to_u64(slice_of(rest.ptr, comma), &at) || at >= STICK_MAX_ARRAY) {
            config_error(config, line, index - 1,
                         "'%s' wants the index of an array, from 0 to %d, and the number of a counter in parentheses",
                         word, STICK_MAX_ARRAY - 1);
            return NULL;
        }
        rest = slice_from(rest, comma + 1);
    }
    if (!slice_to_u64(rest, &number) || number >= num) {
        config_error(config, line, index - 1,
                     "'%s' wants the number of a counter in parentheses: there are %u, counted from 0; see "
                     "'tune.stick-counters'",
                     word, num);
        return NULL;
    }
    action->index = (uint32_t)at;
    action->number = (uint32_t)number;
    return action;
}

static bool parse_inc(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                      uint32_t *next)
{
    *next = index;
    return parse_numbers(config, rule, line, index, false);
}

static bool parse_inc_array(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                            uint32_t *next)
{
    *next = index;
    return parse_numbers(config, rule, line, index, true);
}

static bool parse_value(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                        uint32_t *next, bool has_index)
{
    struct change_action *action = parse_numbers(config, rule, line, index, has_index);
    const struct config_arg *arg = config_arg_at(line, index);
    int64_t value;
    *next = index + 1;
    if (!action)
        return false;
    if (!arg || expr_is_cond(line, index))
        return config_error(config, line, index, "'%s' wants an integer or an expression", rule->action->name);
    if (slice_to_i64(slice_of(arg->str, arg->len), &value)) {
        if (value < 0 || value > UINT32_MAX)
            return config_error(config, line, index, "%s is out of range: expected 0 to %u", arg->str, UINT32_MAX);
        action->value = (uint32_t)value;
        return true;
    }
    struct expr *expr = arena_alloc(config->arena, sizeof(*expr));
    action->expr = expr;
    if (!expr_parse(config, expr, line, index) || !expr_check_when(config, line, index, expr, rule->when))
        return false;
    return expr_cast_exists(expr->out, EXPR_INT) ||
           config_error(config, line, index, "'%s' gives no integer", arg->str);
}

static bool parse_set(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                      uint32_t *next)
{
    return parse_value(config, rule, line, index, next, false);
}

static bool parse_set_array(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                            uint32_t *next)
{
    return parse_value(config, rule, line, index, next, true);
}

// False where the expression has no value now.
static bool value_of(uint32_t *value, const struct change_action *action, struct expr_subject *subject)
{
    struct expr_sample sample;
    *value = action->value;
    if (!action->expr)
        return true;
    if (!expr_eval(action->expr, subject, &sample) || !expr_cast(&sample, EXPR_INT, &subject->process->scratch))
        return false;
    *value = (uint32_t)sample.num;
    return true;
}

static enum rule_verdict inc(struct expr_subject *subject, const struct rule *rule, enum stick_data data)
{
    const struct change_action *action = rule->data;
    const struct stream_track_counter *counter = stream_track_of(subject, action->number);
    if (counter)
        stream_track_add(counter->table, counter->entry, data, action->index, 1);
    return RULE_NEXT;
}

static enum rule_verdict run_inc_gpc(struct expr_subject *subject, const struct rule *rule)
{
    return inc(subject, rule, STICK_GPC);
}

static enum rule_verdict run_inc_gpc0(struct expr_subject *subject, const struct rule *rule)
{
    return inc(subject, rule, STICK_GPC0);
}

static enum rule_verdict run_inc_gpc1(struct expr_subject *subject, const struct rule *rule)
{
    return inc(subject, rule, STICK_GPC1);
}

static enum rule_verdict run_add_gpc(struct expr_subject *subject, const struct rule *rule)
{
    const struct change_action *action = rule->data;
    const struct stream_track_counter *counter = stream_track_of(subject, action->number);
    uint32_t value;
    if (counter && value_of(&value, action, subject))
        stream_track_add(counter->table, counter->entry, STICK_GPC, action->index, value);
    return RULE_NEXT;
}

static enum rule_verdict set(struct expr_subject *subject, const struct rule *rule, enum stick_data data)
{
    const struct change_action *action = rule->data;
    const struct stream_track_counter *counter = stream_track_of(subject, action->number);
    uint32_t index = action->index, value;
    if (counter && value_of(&value, action, subject) &&
        stream_track_find(stick_conf_of(counter->table), &data, &index)) {
        stick_set(counter->table, counter->entry, data, index, value);
        stick_touch(counter->table, counter->entry);
    }
    return RULE_NEXT;
}

static enum rule_verdict run_set_gpt(struct expr_subject *subject, const struct rule *rule)
{
    return set(subject, rule, STICK_GPT);
}

static enum rule_verdict run_set_gpt0(struct expr_subject *subject, const struct rule *rule)
{
    return set(subject, rule, STICK_GPT0);
}

#define TRACKS  (RULE_TCP_CONNECTION | RULE_TCP_SESSION | RULE_TCP_CONTENT | RULE_HTTP_REQUEST | RULE_HTTP_RESPONSE)
#define CHANGES (TRACKS | RULE_TCP_RESPONSE | RULE_HTTP_AFTER_RESPONSE)

static const struct rule_action actions[] = {
    { .name = "track-sc",
      .flags = RULE_NUMBER,
      .in = TRACKS,
      .parse = parse_track,
      .run = run_track,
      .args = "<number> <key> [table <table>]",
      .help = "As track-sc0, track-sc1 and so on up to tune.stick-counters: tracks the entry of the expression's value "
              "in the stick table (that of this proxy), which is made where it is not there, as the counter of that "
              "number, unless that is taken. What happens then is counted in the entry until the connection closes, "
              "or, where a rule of tcp-request content, http-request or http-response began it, until the exchange "
              "ends; as long as it is tracked it does not expire.",
      .good = "http-request track-sc0 src table sticky",
      .bad = "http-request track-sc3 src table sticky",
      .bad_says = "there are 3 counters" },
    { .name = "sc-inc-gpc",
      .flags = RULE_PARENS,
      .in = CHANGES,
      .parse = parse_inc_array,
      .run = run_inc_gpc,
      .args = "(<idx>,<sc-id>)",
      .help = "Adds 1 to an element of the general purpose counters (gpc, gpc_rate) of what that counter tracks.",
      .good = "http-request sc-inc-gpc(3,0)",
      .bad = "http-request sc-inc-gpc(100,0)",
      .bad_says = "from 0 to 99" },
    { .name = "sc-inc-gpc0",
      .flags = RULE_PARENS,
      .in = CHANGES,
      .parse = parse_inc,
      .run = run_inc_gpc0,
      .args = "(<sc-id>)",
      .help = "Adds 1 to gpc0 and gpc0_rate, or to the first element of gpc and gpc_rate, of what that counter tracks.",
      .good = "http-request sc-inc-gpc0(0)",
      .bad = "http-request sc-inc-gpc0(3)",
      .bad_says = "there are 3" },
    { .name = "sc-inc-gpc1",
      .flags = RULE_PARENS,
      .in = CHANGES,
      .parse = parse_inc,
      .run = run_inc_gpc1,
      .args = "(<sc-id>)",
      .help =
          "Adds 1 to gpc1 and gpc1_rate, or to the second element of gpc and gpc_rate, of what that counter tracks.",
      .good = "http-request sc-inc-gpc1(0)",
      .bad = "http-request sc-inc-gpc1",
      .bad_says = "the number of a counter in parentheses" },
    { .name = "sc-add-gpc",
      .flags = RULE_PARENS,
      .in = CHANGES,
      .parse = parse_set_array,
      .run = run_add_gpc,
      .args = "(<idx>,<sc-id>) { <int> | <expr> }",
      .help = "Adds an integer, or what an expression gives, to an element of the general purpose counters (gpc, "
              "gpc_rate) of what that counter tracks.",
      .good = "http-request sc-add-gpc(0,1) req.hdrs,length",
      .bad = "http-request sc-add-gpc(0,1) 4294967296",
      .bad_says = "out of range" },
    { .name = "sc-set-gpt",
      .flags = RULE_PARENS,
      .in = CHANGES,
      .parse = parse_set_array,
      .run = run_set_gpt,
      .args = "(<idx>,<sc-id>) { <int> | <expr> }",
      .help = "Sets an element of the general purpose tags (gpt) of what that counter tracks to an integer, or to what "
              "an expression gives.",
      .good = "http-request sc-set-gpt(0,1) 7",
      .bad = "http-request sc-set-gpt(1) 7",
      .bad_says = "the index of an array" },
    { .name = "sc-set-gpt0",
      .flags = RULE_PARENS,
      .in = CHANGES,
      .parse = parse_set,
      .run = run_set_gpt0,
      .args = "(<sc-id>) { <int> | <expr> }",
      .help = "Sets gpt0, or the first element of gpt, of what that counter tracks to an integer, or to what an "
              "expression gives.",
      .good = "http-request sc-set-gpt0(0) src_port",
      .bad = "http-request sc-set-gpt0(0) if TRUE",
      .bad_says = "wants an integer or an expression" },
};
RULE_ACTIONS(actions);
