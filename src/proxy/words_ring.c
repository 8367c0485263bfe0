// SPDX-License-Identifier: Apache-2.0
// The section `ring` (manual section 12.5): a bounded buffer of log lines for syslog servers that are spoken to over
// connections. Log lines name it as ring@NAME.
#include <string.h>
#include "board/trace.h"
#include "log/log.h"
#include "proxy/ring.h"
#include "proxy/words.h"

// That of traces, buf0, is one more.
enum { RING_SIZE = 16384, RING_LINE = 16384, MAX_RINGS = TRACE_MAX_SINKS - 1 };

static void *ring_begin(struct config *config, const struct config_line *line)
{
    struct program_conf *program = proxy_program(config);
    const struct config_arg *name = config_arg_at(line, 0);
    if (!name) {
        config_error(config, line, 0, "'ring' needs a name");
        return NULL;
    }
    if (!proxy_name_check(config, line))
        return NULL;
    uint32_t num = 0;
    for (const struct ring_conf *it = program->global.rings; it; it = it->next, num++) {
        if (strcmp(it->name, name->str) == 0) {
            config_error(config, line, 0, "the name is taken by the ring at line %u of %s", it->place.line,
                         it->place.file);
            return NULL;
        }
    }
    if (num >= MAX_RINGS) {
        config_error(config, line, 0, "there may be %d rings at most", MAX_RINGS);
        return NULL;
    }
    struct ring_conf *ring = arena_alloc(config->arena, sizeof(*ring));
    *ring = (struct ring_conf){ .next = program->global.rings,
                                .name = name->str,
                                .description = name->str,
                                .format = LOG_FORMAT_UNSET,
                                .size = RING_SIZE,
                                .max_len = RING_LINE,
                                .connect_us = 1000000,
                                .server_us = 5000000,
                                .place = line->place };
    program->global.rings = ring;
    return ring;
}

static bool ring_end(struct config *config, void *object)
{
    struct ring_conf *ring = object;
    if (strcmp(ring->name, "buf0") != 0 && strcmp(ring->name, "none") != 0 && strlen(ring->name) < TRACE_SINK_MAX)
        return true;
    config_diag_add(config->diag, CONFIG_ERROR, ring->place, "'%s' cannot be the name of a ring: %s", ring->name,
                    strlen(ring->name) < TRACE_SINK_MAX ? "traces know it in another meaning" : "it is too long");
    return false;
}

static const struct config_section ring_section = {
    .name = "ring",
    .in = CONFIG_IN_RING,
    .min_args = 1,
    .max_args = 1,
    .begin = ring_begin,
    .end = ring_end,
    .help = "A ring holds log lines for syslog servers that are spoken to over a connection: 'log ring@<name> ...'. "
            "What does not fit while a server is slow or away is lost and counted. The newest lines are kept for the "
            "admin command 'show ring <name>', with servers or without. Each ring may be the sink of traces, too, "
            "which that command shows among its lines; they are not sent to its servers.",
};
CONFIG_SECTION(ring_section);

static bool parse_format(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    (void)word;
    return log_format_parse(config, &((struct ring_conf *)object)->format, line, 0);
}

static bool parse_server(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    static const char *const protos[] = { "legacy", "octet-count" };
    struct ring_conf *ring = object;
    char error[LOG_ADDRESS_ERROR_MAX];
    const char *text = config_arg_at(line, 1)->str;
    (void)word;
    if (!proxy_name_check(config, line))
        return false;
    const char *at = strchr(text, '@');
    bool is_unix = text[0] == '/' || strncmp(text, "unix@", 5) == 0;
    if (is_unix)
        text = arena_printf(config->arena, "uxst@%s", at ? at + 1 : text);
    else if (strncmp(text, "ipv4@", 5) == 0 || strncmp(text, "ipv6@", 5) == 0)
        text = arena_printf(config->arena, "tcp%c@%s", text[3], at + 1);
    else if (!at)
        text = arena_printf(config->arena, "tcp@%s", text);
    struct ring_server *server = arena_alloc(config->arena, sizeof(*server));
    if (!log_address_parse(&server->to, error, text, config->numeric_hosts))
        return config_error(config, line, 1, "%s", error);
    if (server->to.kind != LOG_ADDRESS_STREAM)
        return config_error(config, line, 1, "a ring's server is spoken to over a connection");
    for (uint32_t i = 2; config_arg_at(line, i); i += 2) {
        const char *option = config_arg_at(line, i)->str;
        if (strcmp(option, "log-proto") != 0)
            return config_error(config, line, i, "'%s' is not supported for a ring's server, only 'log-proto' is",
                                option);
        const struct config_arg *proto = config_arg_at(line, i + 1);
        server->octets = proto && strcmp(proto->str, protos[1]) == 0;
        if (!proto || (!server->octets && strcmp(proto->str, protos[0]) != 0))
            return config_error_unknown(config, line, i + 1, "log protocol", protos, NUM_ITEMS(protos));
    }
    struct ring_server **last = &ring->servers;
    while (*last)
        last = &(*last)->next;
    *last = server;
    return true;
}

#define INTO(member) .into = offsetof(struct ring_conf, member)

static const struct config_word words[] = {
    { .name = "description",
      .in = CONFIG_IN_RING,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_str,
      INTO(description),
      .args = "<text>",
      .help = "What the ring is for.",
      .good = "description \"for the archive\"",
      .bad = "description",
      .bad_says = "is incomplete" },
    { .name = "format",
      .in = CONFIG_IN_RING,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_format,
      .args = "<format>",
      .help = "The syslog format of its lines, as for 'log'; without it that of the log line, or raw.",
      .good = "format rfc5424",
      .bad = "format rfc5425",
      .bad_says = "did you mean 'rfc5424'?" },
    { .name = "maxlen",
      .in = CONFIG_IN_RING,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_u32,
      INTO(max_len),
      .min = 80,
      .max = 65535,
      .args = "<length>",
      .help = "Cuts longer lines; the default is 16384.",
      .good = "maxlen 1200",
      .bad = "maxlen 0",
      .bad_says = "out of range" },
    { .name = "size",
      .in = CONFIG_IN_RING,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_size,
      INTO(size),
      .min = 1024,
      .max = LOG_STREAM_MAX,
      .args = "<size>",
      .help = "How many bytes of lines may wait for each server; the default is 16384.",
      .good = "size 1m",
      .bad = "size 10",
      .bad_says = "out of range" },
    { .name = "timeout connect",
      .in = CONFIG_IN_RING,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_time,
      INTO(connect_us),
      .value = 1000,
      .args = "<time>",
      .help = "How long connecting to a server may take; the default is a second. It is tried again after one.",
      .good = "timeout connect 5s",
      .bad = "timeout connect soon",
      .bad_says = "soon" },
    { .name = "timeout server",
      .in = CONFIG_IN_RING,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_time,
      INTO(server_us),
      .value = 1000,
      .args = "<time>",
      .help = "How long a server may take nothing of what waits before its connection is closed; the default is 5 "
              "seconds.",
      .good = "timeout server 10s",
      .bad = "timeout server soon",
      .bad_says = "soon" },
    { .name = "server",
      .in = CONFIG_IN_RING,
      .min_args = 2,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_server,
      .args = "<name> <address> [log-proto { legacy | octet-count }]",
      .help = "Sends the ring's lines to a syslog server over TCP, or over a unix stream socket: with a line feed "
              "behind each, or its length before it (RFC 6587). With several servers each gets all lines.",
      .good = "server s1 127.0.0.1:6514 log-proto octet-count",
      .bad = "server s1 127.0.0.1:6514 log-proto octets",
      .bad_says = "unknown log protocol" },
};
CONFIG_WORDS(words);

static const struct ring_conf *find_ring(struct config *config, const struct log_target *target)
{
    const char *known[64];
    size_t num = 0;
    for (const struct ring_conf *it = proxy_program(config)->global.rings; it; it = it->next) {
        if (strcmp(it->name, target->ring_name) == 0)
            return it;
        if (num < NUM_ITEMS(known))
            known[num++] = it->name;
    }
    const char *nearest = config_nearest(target->ring_name, known, num);
    config_diag_add(config->diag, CONFIG_ERROR, target->place, "there is no ring '%s'%s%s%s", target->ring_name,
                    nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    return NULL;
}

bool proxy_rings_finish(struct config *config, struct log_target *list)
{
    bool ok = true;
    for (struct log_target *target = list; target; target = target->next) {
        const struct ring_conf *ring = target->ring_name ? find_ring(config, target) : NULL;
        ok &= ring || !target->ring_name;
        if (!ring)
            continue;
        target->ring_name = NULL;
        target->max_len = ring->max_len;
        if (ring->format != LOG_FORMAT_UNSET)
            target->format = ring->format;
        else if (target->format == LOG_FORMAT_UNSET)
            target->format = LOG_FORMAT_RAW;
        target->to = (struct log_address){ .kind = LOG_ADDRESS_RING };
        memcpy(target->to.socket.un.sun_path, ring->name, strlen(ring->name));
        // A target of its own for each server: what one of them has not taken is no other's matter.
        for (const struct ring_server *it = ring->servers; it; it = it->next) {
            struct log_target *another = arena_alloc(config->arena, sizeof(*another));
            *another = *target;
            target->next = another;
            target = another;
            target->to = it->to;
            target->stream = (struct log_stream_conf){
                .cap = ring->size, .connect_us = ring->connect_us, .server_us = ring->server_us, .octets = it->octets
            };
        }
    }
    return ok;
}
