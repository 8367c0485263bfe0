// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "config/config.h"
#include "proxy/ring.h"
#include "proxy/trace_line.h"

const char *const trace_filter_kinds[TRACE_NUM_FILTER_KINDS] = { "frontend", "backend", "server", "src" };

const char *const trace_words[TRACE_NUM_WORDS] = { "event", "filter", "follow", "level", "lock",
                                                   "pause", "sink",   "start",  "stop",  "verbosity" };

// The place of `name` among `num` names; `num` where it is none of them.
static uint32_t name_find(const struct trace_name *names, uint32_t num, const char *name)
{
    uint32_t i = 0;
    while (i < num && (!names[i].name || strcmp(names[i].name, name) != 0))
        i++;
    return i;
}

uint32_t trace_source_read(const char *name)
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

static const char *set_filter(struct trace_conf *conf, const char *kind, const char *name)
{
    struct trace_filter *filter = &conf->filters[conf->num_filters];
    uint8_t number = 0;
    while (number < TRACE_NUM_FILTER_KINDS && strcmp(trace_filter_kinds[number], kind) != 0)
        number++;
    if (number == TRACE_NUM_FILTER_KINDS)
        return "No such filter\n";
    if (!name)
        return "A filter needs a name or an address\n";
    if (conf->num_filters == TRACE_MAX_FILTERS || strlen(name) >= sizeof(filter->name))
        return "No more than 8 filters, of 127 characters each\n";
    *filter = (struct trace_filter){ .kind = number };
    memcpy(filter->name, name, strlen(name) + 1);
    if (number == TRACE_FILTER_SRC && !set_address(filter, name))
        return "No such address\n";
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
    if (strlen(word) >= sizeof(conf->sink))
        return "No such sink\n";
    memset(conf->sink, 0, sizeof(conf->sink));
    if (!is_none)
        memcpy(conf->sink, word, strlen(word));
    return NULL;
}

static const char *set_follow(struct trace_conf *conf, const char *word)
{
    uint32_t at = trace_source_read(word);
    if (strcmp(word, "none") != 0 && at == TRACE_NUM_SOURCES)
        return "No such trace source\n";
    conf->follow = at == TRACE_NUM_SOURCES || at == conf->source ? 0 : (uint8_t)(at + 1);
    return NULL;
}

// What is wrong with it, or NULL. `*at` is where the argument stands, and moves behind it.
static const char *set_one(struct trace_conf *conf, uint32_t *at, enum trace_word word, const char *const *words,
                           uint32_t num)
{
    const char *value = words[(*at)++];
    switch (word) {
    case TRACE_WORD_EVENT:
        return set_mask(&conf->report, conf->source, value);
    case TRACE_WORD_FILTER:
        if (strcmp(value, "none") != 0)
            return set_filter(conf, value, *at < num ? words[(*at)++] : NULL);
        conf->num_filters = 0;
        memset(conf->filters, 0, sizeof(conf->filters));
        return NULL;
    case TRACE_WORD_FOLLOW:
        return set_follow(conf, value);
    case TRACE_WORD_LEVEL:
        return set_level(conf, value);
    case TRACE_WORD_LOCK:
        return set_lock(conf, value);
    case TRACE_WORD_PAUSE:
        return set_state(conf, &conf->pause, TRACE_WAITING, value);
    case TRACE_WORD_SINK:
        return set_sink(conf, value);
    case TRACE_WORD_START:
        return set_state(conf, &conf->start, TRACE_RUNNING, value);
    case TRACE_WORD_STOP:
        return set_state(conf, &conf->stop, TRACE_STOPPED, value);
    default:
        return set_verbosity(conf, value);
    }
}

static bool is_event_word(const char *text)
{
    return *text == '+' || *text == '-' || *text == '!';
}

static bool takes_events(enum trace_word word)
{
    return word == TRACE_WORD_EVENT || word == TRACE_WORD_PAUSE || word == TRACE_WORD_START || word == TRACE_WORD_STOP;
}

// Events may stand behind each other when each has its sign.
const char *trace_line_read(struct trace_conf *conf, uint32_t *at, enum trace_word *lists, const char *const *words,
                            uint32_t num)
{
    *lists = TRACE_NUM_WORDS;
    while (*at < num) {
        uint32_t word = 0;
        while (word < TRACE_NUM_WORDS && strcmp(trace_words[word], words[*at]) != 0)
            word++;
        if (word == TRACE_NUM_WORDS)
            return "Unknown trace keyword\n";
        if (++*at == num) {
            *lists = (enum trace_word)word;
            return NULL;
        }
        do {
            uint32_t before = *at;
            const char *wrong = set_one(conf, at, (enum trace_word)word, words, num);
            if (wrong) {
                *at = before;
                return wrong;
            }
        } while (takes_events((enum trace_word)word) && *at < num && is_event_word(words[*at]));
    }
    return NULL;
}

// ---- what a line names

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

static const struct proxy_conf *proxy_named(const struct proxy_conf *proxies, const char *name, bool is_frontend)
{
    for (const struct proxy_conf *proxy = proxies; proxy; proxy = proxy->next)
        if (strcmp(proxy->name, name) == 0 && (is_frontend ? proxy->has_frontend : proxy->has_backend))
            return proxy;
    return NULL;
}

static bool has_sink(const struct program_conf *program, const char *name)
{
    if (!*name || strcmp(name, "buf0") == 0)
        return true;
    for (const struct ring_conf *ring = program->global.rings; ring; ring = ring->next)
        if (strcmp(ring->name, name) == 0)
            return true;
    return false;
}

const char *trace_conf_find(struct trace_conf *conf, const char **name, const struct program_conf *program)
{
    *name = conf->sink;
    if (!has_sink(program, conf->sink))
        return "No such sink\n";
    for (uint32_t i = 0; i < conf->num_filters; i++) {
        struct trace_filter *filter = &conf->filters[i];
        bool is_frontend = filter->kind == TRACE_FILTER_FRONTEND;
        *name = filter->name;
        if (filter->kind == TRACE_FILTER_SRC)
            continue;
        if (filter->kind == TRACE_FILTER_SERVER) {
            const struct server_conf *server = server_find(program->proxies, filter->name);
            if (!server)
                return "No such server\n";
            filter->object = server->object;
            continue;
        }
        const struct proxy_conf *proxy = proxy_named(program->proxies, filter->name, is_frontend);
        if (!proxy)
            return "No such proxy\n";
        filter->object = is_frontend ? proxy->fe_object : proxy->be_object;
    }
    return NULL;
}
