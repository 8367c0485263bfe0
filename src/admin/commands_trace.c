// SPDX-License-Identifier: Apache-2.0
// Traces: trace, show trace. Management guide, section 9.3. A line of settings counts as a whole or not at all.
#include <stdlib.h>
#include <string.h>
#include "admin/session.h"
#include "board/events.h"
#include "board/trace.h"
#include "proxy/conf.h"

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

static const char *const filter_kinds[] = { "frontend", "backend", "server", "src" };

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
        text_printf(out, "  + %s %s\n", filter_kinds[conf->filters[i].kind], conf->filters[i].name);
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

// The place of `name` among `num` names; `num` where it is none of them.
static uint32_t name_find(const struct trace_name *names, uint32_t num, const char *name)
{
    uint32_t i = 0;
    while (i < num && (!names[i].name || strcmp(names[i].name, name) != 0))
        i++;
    return i;
}

static uint32_t source_find(const char *name)
{
    uint32_t i = 0;
    while (i < TRACE_NUM_SOURCES && strcmp(trace_sources[i].source.name, name) != 0)
        i++;
    return i;
}

// What is wrong with it, or NULL.
static const char *set_mask(uint32_t *mask, uint32_t source, const char *word)
{
    bool off = *word == '-' || *word == '!';
    word += off || *word == '+';
    if (strcmp(word, "none") == 0 || strcmp(word, "any") == 0) {
        *mask = off == (word[0] == 'n') ? UINT32_MAX : 0;
        return NULL;
    }
    uint32_t at = name_find(trace_sources[source].events, TRACE_MAX_EVENTS, word);
    if (at == TRACE_MAX_EVENTS)
        return "No such trace event\n";
    *mask = off ? *mask & ~(1u << at) : *mask | 1u << at;
    return NULL;
}

static const char *set_state(struct trace_conf *conf, uint32_t *mask, enum trace_state state, const char *word)
{
    if (strcmp(word, "now") == 0 || strcmp(word, "+now") == 0) {
        conf->state = (uint8_t)state;
        return NULL;
    }
    const char *wrong = set_mask(mask, conf->source, word);
    // One that is to start by itself waits for that.
    enum trace_state is =
        conf->state == TRACE_KEEP ? trace_state_of((enum trace_source)conf->source) : (enum trace_state)conf->state;
    if (!wrong && mask == &conf->start && is == TRACE_STOPPED && conf->start)
        conf->state = TRACE_WAITING;
    return wrong;
}

static const struct server_conf *server_find(const struct proxy_conf *proxies, const char *name)
{
    const char *slash = strchr(name, '/');
    for (const struct proxy_conf *proxy = slash ? proxies : NULL; proxy; proxy = proxy->next) {
        if (strlen(proxy->name) != (size_t)(slash - name) || strncmp(proxy->name, name, (size_t)(slash - name)) != 0)
            continue;
        for (const struct server_conf *server = proxy->be.servers; server; server = server->next)
            if (strcmp(server->name, slash + 1) == 0)
                return server;
    }
    return NULL;
}

static uint32_t proxy_object(const struct proxy_conf *proxies, const char *name, bool is_frontend)
{
    for (const struct proxy_conf *proxy = proxies; proxy; proxy = proxy->next)
        if (strcmp(proxy->name, name) == 0 && (is_frontend ? proxy->fe_object : proxy->be_object))
            return is_frontend ? proxy->fe_object : proxy->be_object;
    return 0;
}

static bool set_address(struct trace_filter *filter, const char *text)
{
    char host[TRANSPORT_ADDRESS_TEXT_MAX];
    struct expr_addr addr;
    uint64_t bits;
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    if (len >= sizeof(host))
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    if (!expr_addr_parse(&addr, slice_str(host)))
        return false;
    filter->ip_len = addr.family == 4 ? 4 : 16;
    memcpy(filter->ip, addr.bytes, filter->ip_len);
    bits = filter->ip_len * UINT64_C(8);
    if (slash && (!slice_to_u64(slice_str(slash + 1), &bits) || bits > filter->ip_len * UINT64_C(8)))
        return false;
    filter->num_bits = (uint8_t)bits;
    return true;
}

static const char *set_filter(const struct admin_call *call, struct trace_conf *conf, const char *kind,
                              const char *name)
{
    const struct proxy_conf *proxies = call->admin->start.conf->proxies;
    struct trace_filter *filter = &conf->filters[conf->num_filters];
    const struct server_conf *server;
    uint8_t number = 0;
    while (number < NUM_ITEMS(filter_kinds) && strcmp(filter_kinds[number], kind) != 0)
        number++;
    if (number == NUM_ITEMS(filter_kinds))
        return "No such filter\n";
    if (!name)
        return "A filter needs a name or an address\n";
    if (conf->num_filters == TRACE_MAX_FILTERS || strlen(name) >= sizeof(filter->name))
        return "No more than 8 filters, of 127 characters each\n";
    *filter = (struct trace_filter){ .kind = number };
    memcpy(filter->name, name, strlen(name) + 1);
    switch ((enum trace_filter_kind)number) {
    case TRACE_FILTER_FRONTEND:
    case TRACE_FILTER_BACKEND:
        filter->object = proxy_object(proxies, name, number == TRACE_FILTER_FRONTEND);
        break;
    case TRACE_FILTER_SERVER:
        server = server_find(proxies, name);
        filter->object = server ? server->object : 0;
        break;
    case TRACE_FILTER_SRC:
        if (!set_address(filter, name))
            return "No such address\n";
        filter->object = 1;
        break;
    }
    if (!filter->object)
        return number == TRACE_FILTER_SERVER ? "No such server\n" : "No such proxy\n";
    conf->num_filters++;
    return NULL;
}

static const char *set_lock(struct trace_conf *conf, const char *word)
{
    uint32_t at = name_find(trace_locks, TRACE_NUM_LOCKS, word);
    if (at == TRACE_NUM_LOCKS || !(trace_sources[conf->source].locks & 1u << at))
        return "Unsupported lock-on criterion\n";
    conf->lock = (uint8_t)at;
    conf->relocks = true;
    return NULL;
}

static const char *set_level(struct trace_conf *conf, const char *word)
{
    uint32_t at = name_find(trace_levels, TRACE_NUM_LEVELS, word);
    if (at == TRACE_NUM_LEVELS)
        return "No such trace level\n";
    conf->level = (uint8_t)at;
    return NULL;
}

static const char *set_verbosity(struct trace_conf *conf, const char *word)
{
    uint32_t at = name_find(trace_verbosities, TRACE_NUM_VERBOSITIES, word);
    if (strcmp(word, "default") == 0)
        at = TRACE_CLEAN;
    if (at == TRACE_NUM_VERBOSITIES)
        return "No such verbosity level\n";
    conf->verbosity = (uint8_t)at;
    return NULL;
}

static const char *set_sink(struct trace_conf *conf, const char *word)
{
    bool is_none = strcmp(word, "none") == 0;
    if (!is_none && !trace_sink_find(word))
        return "No such sink\n";
    memset(conf->sink, 0, sizeof(conf->sink));
    if (!is_none)
        memcpy(conf->sink, word, strlen(word));
    return NULL;
}

static const char *set_follow(struct trace_conf *conf, const char *word)
{
    uint32_t at = source_find(word);
    if (strcmp(word, "none") != 0 && at == TRACE_NUM_SOURCES)
        return "No such trace source\n";
    conf->follow = at == TRACE_NUM_SOURCES || at == conf->source ? 0 : (uint8_t)(at + 1);
    return NULL;
}

enum word {
    WORD_EVENT,
    WORD_FILTER,
    WORD_FOLLOW,
    WORD_LEVEL,
    WORD_LOCK,
    WORD_PAUSE,
    WORD_SINK,
    WORD_START,
    WORD_STOP,
    WORD_VERBOSITY,
    NUM_WORDS
};

static const char *const keywords[NUM_WORDS] = { "event", "filter", "follow", "level", "lock",
                                                 "pause", "sink",   "start",  "stop",  "verbosity" };

static enum word keyword_find(const char *text)
{
    uint32_t i = 0;
    while (i < NUM_WORDS && strcmp(keywords[i], text) != 0)
        i++;
    return (enum word)i;
}

static void list_one(struct text *out, const struct trace_conf *conf, enum word word)
{
    switch (word) {
    case WORD_EVENT:
        list_events(out, conf->source, conf->report, false);
        break;
    case WORD_FILTER:
        list_filters(out, conf);
        break;
    case WORD_FOLLOW:
        list_follow(out, conf);
        break;
    case WORD_LEVEL:
        list_names(out, "levels", conf->source, trace_levels, TRACE_NUM_LEVELS, conf->level);
        break;
    case WORD_LOCK:
        list_locks(out, conf);
        break;
    case WORD_PAUSE:
        list_events(out, conf->source, conf->pause, true);
        break;
    case WORD_SINK:
        list_sinks(out, conf);
        break;
    case WORD_START:
        list_events(out, conf->source, conf->start, true);
        break;
    case WORD_STOP:
        list_events(out, conf->source, conf->stop, true);
        break;
    default:
        list_names(out, "verbosities", conf->source, trace_verbosities, TRACE_NUM_VERBOSITIES, conf->verbosity);
    }
}

// What is wrong with it, or NULL. `*at` is where the argument stands, and moves behind it.
static const char *set_one(const struct admin_call *call, struct trace_conf *conf, uint32_t *at, enum word word)
{
    const char *value = call->args[(*at)++];
    switch (word) {
    case WORD_EVENT:
        return set_mask(&conf->report, conf->source, value);
    case WORD_FILTER:
        if (strcmp(value, "none") != 0)
            return set_filter(call, conf, value, *at < call->num_args ? call->args[(*at)++] : NULL);
        conf->num_filters = 0;
        memset(conf->filters, 0, sizeof(conf->filters));
        return NULL;
    case WORD_FOLLOW:
        return set_follow(conf, value);
    case WORD_LEVEL:
        return set_level(conf, value);
    case WORD_LOCK:
        return set_lock(conf, value);
    case WORD_PAUSE:
        return set_state(conf, &conf->pause, TRACE_WAITING, value);
    case WORD_SINK:
        return set_sink(conf, value);
    case WORD_START:
        return set_state(conf, &conf->start, TRACE_RUNNING, value);
    case WORD_STOP:
        return set_state(conf, &conf->stop, TRACE_STOPPED, value);
    default:
        return set_verbosity(conf, value);
    }
}

static bool is_event_word(const char *text)
{
    return *text == '+' || *text == '-' || *text == '!';
}

// Reads what follows the source's name into `conf`. `*changed` says that there is anything to publish. False after
// answering what is wrong. Events may stand behind each other when each has its sign.
static bool read_line(struct admin_call *call, struct trace_conf *conf, bool *changed)
{
    uint32_t at = 1;
    while (at < call->num_args) {
        enum word word = keyword_find(call->args[at++]);
        if (word == NUM_WORDS) {
            admin_refuse(call, "Unknown trace keyword\n");
            return false;
        }
        if (at == call->num_args) {
            list_one(call->out, conf, word);
            return true;
        }
        bool takes_events = word == WORD_EVENT || word == WORD_PAUSE || word == WORD_START || word == WORD_STOP;
        do {
            const char *wrong = set_one(call, conf, &at, word);
            if (wrong) {
                admin_refuse(call, "%s", wrong);
                return false;
            }
        } while (takes_events && at < call->num_args && is_event_word(call->args[at]));
        *changed = true;
    }
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
    uint32_t source = is_all ? 0 : source_find(call->args[0]), end = is_all ? TRACE_NUM_SOURCES : source + 1;
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
    uint32_t source = call->num_args ? source_find(call->args[0]) : 0;
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
