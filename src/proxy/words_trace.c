// SPDX-License-Identifier: Apache-2.0
// The section `traces` (manual section 12.1): what the admin command `trace` would set, from the start.
#include <stdio.h>
#include <string.h>
#include "proxy/trace_line.h"
#include "proxy/words.h"

static void *traces_begin(struct config *config, const struct config_line *line)
{
    (void)line;
    return proxy_program(config);
}

static const struct config_section traces_section = {
    .name = "traces",
    .in = CONFIG_IN_TRACES,
    .begin = traces_begin,
    .help =
        "What is traced from the start, in the words of the admin command 'trace', which may change it later. There "
        "may be several; their lines count in their order. A reload begins with these settings, too.",
};
CONFIG_SECTION(traces_section);

static struct trace_confs *confs_of(struct config *config)
{
    struct global_conf *global = &proxy_program(config)->global;
    if (global->traces)
        return global->traces;
    global->traces = arena_alloc(config->arena, sizeof(*global->traces));
    memset(global->traces, 0, sizeof(*global->traces));
    for (uint32_t i = 0; i < TRACE_NUM_SOURCES; i++) {
        global->traces->of[i] = *trace_conf_of((enum trace_source)i);
        global->traces->of[i].state = TRACE_STOPPED;
    }
    return global->traces;
}

// What may stand behind the line's last word, argument `last`.
static bool refuse_listing(struct config *config, const struct config_line *line, uint32_t last, uint32_t source,
                           enum trace_word word)
{
    const struct trace_source_name *is = &trace_sources[source];
    char text[512] = "";
    size_t len = 0;
    for (uint32_t i = 0; i < TRACE_MAX_EVENTS; i++) {
        const char *name = NULL;
        if (word == TRACE_WORD_LEVEL && i < TRACE_NUM_LEVELS)
            name = trace_levels[i].name;
        else if (word == TRACE_WORD_VERBOSITY && i < TRACE_NUM_VERBOSITIES)
            name = trace_verbosities[i].name;
        else if (word == TRACE_WORD_LOCK && i < TRACE_NUM_LOCKS && is->locks & 1u << i)
            name = trace_locks[i].name;
        else if (word == TRACE_WORD_FOLLOW && i < TRACE_NUM_SOURCES && i != source)
            name = trace_sources[i].source.name;
        else if (word == TRACE_WORD_FILTER && i < TRACE_NUM_FILTER_KINDS)
            name = trace_filter_kinds[i];
        else if (word == TRACE_WORD_EVENT || word == TRACE_WORD_START || word == TRACE_WORD_PAUSE ||
                 word == TRACE_WORD_STOP)
            name = is->events[i].name;
        if (name)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len ? ", " : ": ", name);
    }
    return config_error(config, line, last, "'%s' is incomplete%s", trace_words[word], text);
}

static bool read_for(struct config *config, const struct config_line *line, uint32_t source, const char *const *words,
                     uint32_t num)
{
    struct trace_confs *confs = confs_of(config);
    enum trace_word lists;
    struct trace_conf *conf = &confs->of[source];
    uint32_t at = 0, num_filters = conf->num_filters;
    char sink[TRACE_SINK_MAX];
    memcpy(sink, conf->sink, sizeof(sink));
    const char *wrong = trace_line_read(conf, &at, &lists, words, num);
    confs->is_set[source] = true;
    // What it names is looked for at the end.
    if (conf->num_filters != num_filters || strcmp(conf->sink, sink) != 0)
        confs->places[source] = line->place;
    if (wrong)
        return config_error(config, line, 1 + (at < num ? at : num - 1), "%.*s", (int)strcspn(wrong, "\n"), wrong);
    return lists == TRACE_NUM_WORDS || refuse_listing(config, line, num, source, lists);
}

static bool parse_trace(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    enum { WORDS_MAX = 64 };
    const char *words[WORDS_MAX];
    const char *name = config_arg_at(line, 0)->str;
    uint32_t num = 0;
    (void)object;
    (void)word;
    for (const struct config_arg *arg; num < WORDS_MAX && (arg = config_arg_at(line, num + 1)); num++)
        words[num] = arg->str;
    if (num == WORDS_MAX)
        return config_error(config, line, num, "no more than %d words may stand here", WORDS_MAX - 1);
    if (strcmp(name, "0") == 0 && !num) {
        for (uint32_t i = 0; i < TRACE_NUM_SOURCES; i++)
            confs_of(config)->of[i].state = TRACE_STOPPED;
        return true;
    }
    bool is_all = strcmp(name, "all") == 0;
    uint32_t source = is_all ? 0 : trace_source_read(name), end = is_all ? TRACE_NUM_SOURCES : source + 1;
    const char *known[TRACE_NUM_SOURCES + 1] = { "all" };
    for (uint32_t i = 0; i < TRACE_NUM_SOURCES; i++)
        known[i + 1] = trace_sources[i].source.name;
    if (source == TRACE_NUM_SOURCES)
        return config_error_unknown(config, line, 0, "trace source", known, NUM_ITEMS(known));
    if (!num)
        return config_error(config, line, 0, "'trace %s' is incomplete: what is to be set?", name);
    for (uint32_t i = source; i < end; i++)
        if (!read_for(config, line, i, words, num))
            return false;
    return true;
}

static const struct config_word words[] = {
    { .name = "trace",
      .in = CONFIG_IN_TRACES,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_trace,
      .args = "<source> <settings>*",
      .help =
          "Traces 'session' (clients' connections), 'stream' (requests and tunnels), 'h1' (heads), 'ssl' (handshakes), "
          "'check' (health checks) or 'all' of them. The settings are those of the admin command 'trace': 'sink "
          "<ring>' and 'start now' at least; 'event', 'filter', 'follow', 'level', 'lock', 'pause', 'stop' and "
          "'verbosity' confine it. What is traced costs: see 'Tracing one request' in the management guide.",
      .good = "trace stream sink buf0 level state start now",
      .bad = "trace stream sink buf0 level stat start now",
      .bad_says = "No such trace level" },
};
CONFIG_WORDS(words);

bool trace_confs_check(struct config *config, const struct program_conf *program)
{
    struct trace_confs *confs = program->global.traces;
    bool ok = true;
    for (uint32_t i = 0; confs && i < TRACE_NUM_SOURCES; i++) {
        const char *name;
        const char *wrong = confs->is_set[i] ? trace_conf_find(&confs->of[i], &name, program) : NULL;
        if (!wrong)
            continue;
        config_diag_add(config->diag, CONFIG_ERROR, confs->places[i], "trace %s: %.*s: '%s'",
                        trace_sources[i].source.name, (int)strcspn(wrong, "\n"), wrong, name);
        ok = false;
    }
    return ok;
}

void trace_confs_begin(const struct program_conf *program)
{
    struct trace_confs *confs = program->global.traces;
    for (uint32_t i = 0; confs && i < TRACE_NUM_SOURCES; i++) {
        if (!confs->is_set[i])
            continue;
        // The numbers are known by now.
        const char *name;
        must(!trace_conf_find(&confs->of[i], &name, program));
        trace_conf_set(&confs->of[i]);
    }
}
