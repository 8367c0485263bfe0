// SPDX-License-Identifier: Apache-2.0
// Fetches of what a process knows of itself (manual section 7.3.2).
#include <stdlib.h>
#include "base/host.h"
#include "config/env.h"
#include "expr/expr.h"
#include "expr/put.h"

// args[0].num is the offset, args[1].num how many of its unit make a second.
static const char *prepare_date(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config;
    struct slice text = args[0].str, unit = args[1].str;
    bool negative = text.len && text.ptr[0] == '-';
    uint64_t value = 0;
    if (num && text.len && (!slice_to_u64(slice_from(text, negative), &value) || value > INT64_MAX))
        return "the offset is an integer";
    args[0].num = negative ? -(int64_t)value : (int64_t)value;
    args[1].num = !unit.ptr || slice_equal(unit, SLICE("s")) ? 1
                  : slice_equal(unit, SLICE("ms"))           ? 1000
                  : slice_equal(unit, SLICE("us"))           ? 1000000
                                                             : 0;
    return args[1].num ? NULL : "the unit is s, ms or us";
}

static bool fetch_date(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                       struct expr_walk *walk)
{
    (void)walk;
    int64_t now = (int64_t)(*subject->process->wall_us / (1000000u / (uint64_t)args[1].num));
    return put_int(out, __builtin_add_overflow(now, args[0].num, &now) ? INT64_MAX : now);
}

static bool fetch_date_us(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                          struct expr_walk *walk)
{
    (void)args, (void)walk;
    return put_int(out, (int64_t)(*subject->process->wall_us % 1000000));
}

// The environment is what it was, and what setenv made of it, when this line was read.
static const char *prepare_env(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    char *name = arena_copy(config->arena, args[0].str.ptr, args[0].str.len);
    const char *value = config->env ? config_env_get(config->env, args[0].str) : getenv(name);
    args[0].str = slice_str(arena_str(config->arena, value));
    return NULL;
}

static bool fetch_arg(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                      struct expr_walk *walk)
{
    (void)subject, (void)walk;
    return put_str(out, args[0].str);
}

// The one entry behind the arguments serves a fetch that takes none.
static const char *prepare_hostname(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    if (!*host_name())
        return "the name of this machine is not known";
    args[0].str = slice_str(arena_str(config->arena, host_name()));
    return NULL;
}

static bool fetch_pid(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                      struct expr_walk *walk)
{
    (void)args, (void)walk;
    return put_int(out, subject->process->pid);
}

static bool fetch_proc(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                       struct expr_walk *walk)
{
    (void)subject, (void)args, (void)walk;
    return put_int(out, 1);
}

static bool fetch_thread(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                         struct expr_walk *walk)
{
    (void)args, (void)walk;
    return put_int(out, subject->process->worker);
}

static bool fetch_uptime(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                         struct expr_walk *walk)
{
    (void)args, (void)walk;
    return put_int(out, (int64_t)((*subject->process->now_us - subject->process->start_us) / 1000000));
}

static bool fetch_quic(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                       struct expr_walk *walk)
{
    (void)subject, (void)args, (void)walk;
    return put_bool(out, false);
}

static bool fetch_stopping(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                           struct expr_walk *walk)
{
    (void)args, (void)walk;
    const bool *stopping = subject->process->stopping;
    return put_bool(out, stopping && *stopping);
}

static const char *prepare_rand(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config;
    uint64_t range = 1ull << 32;
    if (num && (!slice_to_u64(args[0].str, &range) || range == 0 || range > 1ull << 32))
        return "the range is a number from 1 to 4294967296";
    args[0].num = (int64_t)range;
    return NULL;
}

static bool fetch_rand(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                       struct expr_walk *walk)
{
    (void)walk;
    uint64_t bits = expr_process_random(subject->process) >> 32;
    return put_int(out, (int64_t)(bits * (uint64_t)args[0].num >> 32));
}

static const char *prepare_uuid(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config;
    args[0].num = num && slice_equal(args[0].str, SLICE("7")) ? 7 : 4;
    return num && args[0].num == 4 && !slice_equal(args[0].str, SLICE("4")) ? "the version is 4 or 7" : NULL;
}

enum { UUID_LEN = 36 };

// RFC 9562 sections 5.4 and 5.7.
static bool fetch_uuid(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                       struct expr_walk *walk)
{
    (void)walk;
    struct expr_process *process = subject->process;
    uint64_t high = expr_process_random(process), low = expr_process_random(process);
    if (args[0].num == 7)
        high = *process->wall_us / 1000 << 16 | (high & 0xfff);
    high = (high & ~0xf000ull) | (uint64_t)args[0].num << 12;
    low = (low & ~(3ull << 62)) | 1ull << 63;
    char *text = expr_scratch_take(&process->scratch, UUID_LEN);
    if (!text)
        return false;
    for (uint32_t i = 0, digit = 0; i < UUID_LEN; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            text[i] = '-';
            continue;
        }
        uint64_t half = digit < 16 ? high : low;
        text[i] = "0123456789abcdef"[half >> (60 - 4 * (digit++ % 16)) & 15];
    }
    return put_str(out, slice_of(text, UUID_LEN));
}

static bool fetch_rule_file(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                            struct expr_walk *walk)
{
    (void)args, (void)walk;
    return subject->last_rule && put_str(out, slice_str(subject->last_rule->file));
}

static bool fetch_rule_line(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                            struct expr_walk *walk)
{
    (void)args, (void)walk;
    return subject->last_rule && put_int(out, subject->last_rule->line);
}

bool expr_sample_place(struct expr_subject *subject, struct expr_sample *out, const struct config_place *place)
{
    struct slice file = slice_str(place->file);
    char digits[EXPR_TEXT_LEN];
    struct expr_sample line = { .type = EXPR_INT, .num = place->line };
    struct slice number = expr_sample_str(&line, digits);
    char *text = expr_scratch_take(&subject->process->scratch, file.len + 1 + number.len);
    if (!text)
        return false;
    memcpy(text, file.ptr, file.len);
    text[file.len] = ':';
    memcpy(text + file.len + 1, number.ptr, number.len);
    return put_str(out, slice_of(text, file.len + 1 + number.len));
}

static bool fetch_entity(struct expr_subject *subject, struct expr_sample *out, const struct expr_arg *args,
                         struct expr_walk *walk)
{
    (void)args, (void)walk;
    return subject->last_rule && expr_sample_place(subject, out, subject->last_rule);
}

#define SIMPLE(word, type, function, text, example)                                                                    \
    {                                                                                                                  \
        .name = word, .out = type, .when = EXPR_ALWAYS, .fetch = function, .help = text, .good = example               \
    }

static const struct expr_fetch rows[] = {
    { .name = "date",
      .args = "[<offset>[,<unit>]]",
      .max_args = 2,
      .out = EXPR_INT,
      .when = EXPR_ALWAYS,
      .prepare = prepare_date,
      .fetch = fetch_date,
      .help = "The time since 1970 in seconds, or in the unit given (s, ms or us), plus the offset.",
      .good = "date(-3600,s) gt 1700000000",
      .bad = "date(0,h)",
      .bad_says = "the unit is s, ms or us" },
    SIMPLE("date_us", EXPR_INT, fetch_date_us, "The microseconds of the second that 'date' gives.",
           "date_us lt 500000"),
    { .name = "env",
      .args = "<name>",
      .min_args = 1,
      .max_args = 1,
      .out = EXPR_STR,
      .when = EXPR_ALWAYS,
      .prepare = prepare_env,
      .fetch = fetch_arg,
      .help = "The environment variable, as it is when the configuration is read.",
      .good = "env(STOP) -m found",
      .bad = "env",
      .bad_says = "takes (<name>)" },
    { .name = "hostname",
      .out = EXPR_STR,
      .when = EXPR_ALWAYS,
      .prepare = prepare_hostname,
      .fetch = fetch_arg,
      .help = "The name of this machine, as it is when the configuration is read.",
      .good = "hostname lb1" },
    SIMPLE("pid", EXPR_INT, fetch_pid, "The number of the process, usually a worker.", "pid gt 1"),
    SIMPLE("proc", EXPR_INT, fetch_proc, "Always 1.", "proc 1"),
    SIMPLE("thread", EXPR_INT, fetch_thread, "The number of the worker, from 0.", "thread 0"),
    SIMPLE("uptime", EXPR_INT, fetch_uptime, "Seconds since the worker began.", "uptime gt 60"),
    SIMPLE("quic_enabled", EXPR_BOOL, fetch_quic, "Always false: there is no QUIC.", "quic_enabled"),
    SIMPLE("stopping", EXPR_BOOL, fetch_stopping, "Whether a soft stop of the worker is under way.", "stopping"),
    { .name = "rand",
      .args = "[<range>]",
      .max_args = 1,
      .out = EXPR_INT,
      .when = EXPR_ALWAYS,
      .prepare = prepare_rand,
      .fetch = fetch_rand,
      .help = "A random number from 0 up to, without, the range, which is 2^32 where none is given. No secret.",
      .good = "rand(100) lt 5",
      .bad = "rand(0)",
      .bad_says = "from 1 to 4294967296" },
    { .name = "uuid",
      .args = "[<version>]",
      .max_args = 1,
      .out = EXPR_STR,
      .when = EXPR_ALWAYS,
      .prepare = prepare_uuid,
      .fetch = fetch_uuid,
      .help = "A new UUID (RFC 9562) of version 4, all random, or 7, which begins with the time. No secret.",
      .good = "uuid(7) -m len 36",
      .bad = "uuid(1)",
      .bad_says = "the version is 4 or 7" },
    SIMPLE("last_rule_file", EXPR_STR, fetch_rule_file,
           "The file of the rule that ended the last list of rules; nothing before one did.",
           "last_rule_file -m end .cfg"),
    SIMPLE("last_rule_line", EXPR_INT, fetch_rule_line, "The line of that rule.", "last_rule_line gt 0"),
    SIMPLE("last_entity", EXPR_STR, fetch_entity, "File and line of that rule, with a colon between.",
           "last_entity -m found"),
};
EXPR_FETCHES(rows);
