// SPDX-License-Identifier: Apache-2.0
// Traces: trace, show trace. Management guide, section 9.3. A line of settings counts as a whole or not at all.
#include <stdlib.h>
#include <string.h>
#include "admin/session.h"
#include "board/events.h"
#include "board/trace.h"
#include "proxy/trace_line.h"

#define STATES "(.=stopped, w=waiting, R=running)"

static char state_letter(enum trace_source source)
{
    switch (trace_state_of(source)) {
    case TRACE_WAITING:
        return 'w';
    case TRACE_RUNNING:
        return 'R';
    default:
        return '.';
    }
}

static enum admin_verdict list_sources(struct admin_call *call)
{
    call->is_refused = true; // nothing changes
    text_printf(call->out,
                "Supported trace sources and states " STATES " :\n"
                " [.] 0          : not a source, will immediately stop all traces\n"
                " [.] all        : not a source, changes all of them: level, sink, verbosity, filter, follow, start, "
                "pause, stop\n");
    for (uint32_t i = 0; i < TRACE_NUM_SOURCES; i++)
        text_printf(call->out, " [%c] %-10s : %s\n", state_letter((enum trace_source)i), trace_sources[i].source.name,
                    trace_sources[i].source.help);
    return ADMIN_DONE;
}

// ---- lists of what there is

static void list_events(struct text *out, uint32_t source, uint32_t mask, bool has_now)
{
    text_printf(out, "Supported events for source %s (+=enabled, -=disabled):\n", trace_sources[source].source.name);
    if (has_now)
        text_printf(out, "  - now          : don't wait for events, immediately change the state\n");
    text_printf(out, "  - none         : disable all event types\n"
                     "  - any          : enable all event types\n");
    for (uint32_t i = 0; i < TRACE_MAX_EVENTS && trace_sources[source].events[i].name; i++)
        text_printf(out, "  %c %-12s : %s\n", mask & 1u << i ? '+' : '-', trace_sources[source].events[i].name,
                    trace_sources[source].events[i].help);
}

static void list_names(struct text *out, const char *what, uint32_t source, const struct trace_name *names,
                       uint32_t num, uint32_t now)
{
    text_printf(out, "Supported trace %s for source %s:\n", what, trace_sources[source].source.name);
    for (uint32_t i = 0; i < num; i++)
        text_printf(out, "  %c %-10s : %s\n", i == now ? '*' : ' ', names[i].name, names[i].help);
}

static void list_locks(struct text *out, const struct trace_conf *conf)
{
    text_printf(out, "Supported lock-on criteria for source %s:\n", trace_sources[conf->source].source.name);
    // In alphabetical order, as HAProxy has them.
    for (uint32_t at = 0; at < TRACE_NUM_LOCKS; at++) {
        uint32_t i = at < TRACE_LOCK_LISTENER ? at + 1 : at == TRACE_LOCK_LISTENER ? (uint32_t)TRACE_LOCK_NOTHING : at;
        if (trace_sources[conf->source].locks & 1u << i)
            text_printf(out, "  %c %-10s : %s\n", i == conf->lock ? '*' : ' ', trace_locks[i].name,
                        trace_locks[i].help);
    }
}

static void list_sinks(struct text *out, const struct trace_conf *conf)
{
    uint32_t num;
    const struct trace_sink *sinks = trace_sinks(&num);
    text_printf(out, "Supported sinks for source %s (*=current):\n  %c none       : no sink\n",
                trace_sources[conf->source].source.name, conf->sink[0] ? ' ' : '*');
    for (uint32_t i = 0; i < num; i++)
        text_printf(out, "  %c %-10s : %s\n", strcmp(sinks[i].name, conf->sink) == 0 ? '*' : ' ', sinks[i].name,
                    sinks[i].text);
}

static void list_filters(struct text *out, const struct trace_conf *conf)
{
    text_printf(out,
                "Filters of source %s (alternatives where the kind is the same):\n"
                "    none       : remove all\n"
                "    frontend   : of the frontend <name>\n"
                "    backend    : of the backend <name>\n"
                "    server     : of the server <backend>/<server>\n"
                "    src        : of clients with the address <address>[/<bits>]\n",
                trace_sources[conf->source].source.name);
    for (uint32_t i = 0; i < conf->num_filters; i++)
        text_printf(out, "  + %s %s\n", trace_filter_kinds[conf->filters[i].kind], conf->filters[i].name);
}

static void list_follow(struct text *out, const struct trace_conf *conf)
{
    text_printf(out, "Supported sources to follow for source %s:\n  %c none       : follow no other source\n",
                trace_sources[conf->source].source.name, conf->follow ? ' ' : '*');
    for (uint32_t i = 0; i < TRACE_NUM_SOURCES; i++)
        if (i != conf->source)
            text_printf(out, "  %c %-10s : %s\n", conf->follow == i + 1 ? '*' : ' ', trace_sources[i].source.name,
                        trace_sources[i].source.help);
}

static enum admin_verdict list_commands(struct admin_call *call)
{
    call->is_refused = true;
    text_printf(call->out, "Supported commands:\n"
                           "  event     : list/enable/disable source-specific event reporting\n"
                           "  filter    : list/set what of a frontend, backend, server or client is reported\n"
                           "  follow    : also report what another source is locked on\n"
                           "  level     : list/set trace reporting level\n"
                           "  lock      : automatic lock on thread/connection/stream/...\n"
                           "  pause     : pause and automatically restart after a specific event\n"
                           "  sink      : list/set event sinks\n"
                           "  start     : start immediately or after a specific event\n"
                           "  stop      : stop immediately or after a specific event\n"
                           "  verbosity : list/set trace output verbosity\n");
    return ADMIN_DONE;
}

// ---- settings

static void list_one(struct text *out, const struct trace_conf *conf, enum trace_word word)
{
    switch (word) {
    case TRACE_WORD_EVENT:
        list_events(out, conf->source, conf->report, false);
        break;
    case TRACE_WORD_FILTER:
        list_filters(out, conf);
        break;
    case TRACE_WORD_FOLLOW:
        list_follow(out, conf);
        break;
    case TRACE_WORD_LEVEL:
        list_names(out, "levels", conf->source, trace_levels, TRACE_NUM_LEVELS, conf->level);
        break;
    case TRACE_WORD_LOCK:
        list_locks(out, conf);
        break;
    case TRACE_WORD_PAUSE:
        list_events(out, conf->source, conf->pause, true);
        break;
    case TRACE_WORD_SINK:
        list_sinks(out, conf);
        break;
    case TRACE_WORD_START:
        list_events(out, conf->source, conf->start, true);
        break;
    case TRACE_WORD_STOP:
        list_events(out, conf->source, conf->stop, true);
        break;
    default:
        list_names(out, "verbosities", conf->source, trace_verbosities, TRACE_NUM_VERBOSITIES, conf->verbosity);
    }
}

// Reads what follows the source's name into `conf`. `*changed` says that there is anything to publish. False after
// answering what is wrong.
static bool read_line(struct admin_call *call, struct trace_conf *conf, bool *changed)
{
    uint32_t at = 1;
    enum trace_word lists;
    const char *name;
    const char *wrong = trace_line_read(conf, &at, &lists, call->args, call->num_args);
    if (!wrong)
        wrong = trace_conf_find(conf, &name, call->admin->start.conf);
    if (wrong) {
        admin_refuse(call, "%s", wrong);
        return false;
    }
    if (lists < TRACE_NUM_WORDS)
        list_one(call->out, conf, lists);
    *changed |= at > 1u + (lists < TRACE_NUM_WORDS);
    return true;
}

static enum admin_verdict publish(struct admin_call *call, const struct trace_conf *confs, uint32_t num)
{
    for (uint32_t i = 0; i < num; i++) {
        call->number = trace_publish(&confs[i]);
        if (!call->number)
            return admin_refuse(call, "The journal has no room, as a process has not applied older changes\n");
    }
    return ADMIN_CHANGED;
}

static enum admin_verdict stop_all(struct admin_call *call)
{
    struct trace_conf confs[TRACE_NUM_SOURCES];
    for (uint32_t i = 0; i < TRACE_NUM_SOURCES; i++) {
        confs[i] = *trace_conf_of((enum trace_source)i);
        confs[i].state = TRACE_STOPPED;
        confs[i].follow = 0;
    }
    admin_say(call, 6, "All traces now stopped\n");
    return publish(call, confs, TRACE_NUM_SOURCES);
}

static enum admin_verdict run_trace(struct admin_call *call)
{
    struct trace_conf confs[TRACE_NUM_SOURCES];
    bool changed = false;
    if (!call->num_args)
        return list_sources(call);
    if (strcmp(call->args[0], "0") == 0 && call->num_args == 1)
        return stop_all(call);
    bool is_all = strcmp(call->args[0], "all") == 0;
    uint32_t source = is_all ? 0 : trace_source_read(call->args[0]), end = is_all ? TRACE_NUM_SOURCES : source + 1;
    if (source == TRACE_NUM_SOURCES)
        return admin_refuse(call, "No such trace source\n");
    if (call->num_args == 1)
        return list_commands(call);
    for (uint32_t i = source; i < end; i++) {
        confs[i] = *trace_conf_of((enum trace_source)i);
        confs[i].state = TRACE_KEEP;
        confs[i].relocks = false;
        if (!read_line(call, &confs[i], &changed))
            return ADMIN_DONE;
    }
    call->is_refused = !changed;
    return changed ? publish(call, confs + source, end - source) : ADMIN_DONE;
}

// ---- show trace

static uint64_t sink_dropped(const struct trace_conf *conf)
{
    const struct trace_sink *sink = trace_sink_find(conf->sink);
    return sink ? board_events_dropped(sink->events) : 0;
}

static void show_source(struct text *out, uint32_t source)
{
    const struct trace_conf *conf = trace_conf_of((enum trace_source)source);
    text_printf(out, "Trace status for %s:\n  - sink: %s [%llu dropped]\n", trace_sources[source].source.name,
                conf->sink[0] ? conf->sink : "none", (unsigned long long)sink_dropped(conf));
    text_printf(out, "  - event name   :     report    start    stop    pause\n");
    for (uint32_t i = 0; i < TRACE_MAX_EVENTS && trace_sources[source].events[i].name; i++) {
        uint32_t bit = 1u << i;
        text_printf(out, "    %-12s :        %c        %c        %c       %c\n", trace_sources[source].events[i].name,
                    conf->report & bit ? '+' : '-', conf->start & bit ? '+' : '-', conf->stop & bit ? '+' : '-',
                    conf->pause & bit ? '+' : '-');
    }
}

static enum admin_verdict run_show_trace(struct admin_call *call)
{
    uint32_t source = call->num_args ? trace_source_read(call->args[0]) : 0;
    // As HAProxy has it, the list is for all, the details are not.
    if (call->num_args && call->session->level < ADMIN_LEVEL_OPERATOR)
        return admin_refuse(call, "Permission denied\n");
    if (source == TRACE_NUM_SOURCES)
        return admin_refuse(call, "No such trace source\n");
    if (call->num_args) {
        show_source(call->out, source);
        return ADMIN_DONE;
    }
    text_printf(call->out, "Supported trace sources and states " STATES " :\n");
    for (uint32_t i = 0; i < TRACE_NUM_SOURCES; i++) {
        const struct trace_conf *conf = trace_conf_of((enum trace_source)i);
        text_printf(call->out, " [%c] %-10s -> %s [drp %llu]  [%s]\n", state_letter((enum trace_source)i),
                    trace_sources[i].source.name, conf->sink[0] ? conf->sink : "none",
                    (unsigned long long)sink_dropped(conf), trace_sources[i].source.help);
    }
    return ADMIN_DONE;
}

static const struct admin_command commands[] = {
    { .name = "trace",
      .level = ADMIN_LEVEL_OPERATOR,
      .where = ADMIN_ON_SERVICE,
      .max_args = ADMIN_MAX_WORDS - 2,
      .changes = true,
      .args = "[<module> [cmd [args...]]]",
      .help = "manage live tracing",
      .run = run_trace },
    { .name = "show trace",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_SERVICE,
      .max_args = 1,
      .args = "[<module>]",
      .help = "show live tracing state",
      .run = run_show_trace },
};
ADMIN_COMMANDS(commands);
