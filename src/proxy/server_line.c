// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include "config/word.h"
#include "proxy/server_line.h"
#include "proxy/words.h"
#include "proxy/words_check.h"

// Why an option cannot be had at run time is, in this order: a name would have to be looked up; log lines have their
// own way; it is made, or counted on, for all servers when the configuration is read.
static const char *const refused[] = {
    "init-addr", "resolvers", "resolve-net", "resolve-opts", "resolve-prefer", "log-proto", "log-bufsize",
    "namespace", "non-stick", "stick",       "redir",        "max-reuse",      "socks4",    "tcp-ut",
};

static bool is_refused(const char *name)
{
    for (size_t i = 0; i < NUM_ITEMS(refused); i++)
        if (strcmp(refused[i], name) == 0)
            return true;
    return false;
}

// Looks one word up among those of server lines.
struct lookup {
    const char *name;
    const struct config_word *found;
};

static void look(const struct config_word *word, void *arg)
{
    struct lookup *lookup = arg;
    if (word->in & CONFIG_IN_SERVER && strcmp(word->name, lookup->name) == 0)
        lookup->found = word;
}

static const struct config_word *option_of(const char *name)
{
    struct lookup lookup = { .name = name };
    config_words_each(look, &lookup);
    return lookup.found;
}

static bool options_are_allowed(const struct proxy_server_line *line, struct text *wrong)
{
    for (uint32_t at = 2; at < line->num_args;) {
        const struct config_word *word = option_of(line->args[at]);
        if (is_refused(line->args[at])) {
            text_printf(wrong, "'%s' option is not accepted for dynamic server\n", line->args[at]);
            return false;
        }
        at += word ? 1U + word->min_args : 1;
    }
    return true;
}

bool proxy_server_line_wants(const struct proxy_server_line *line)
{
    bool enabled = false;
    for (uint32_t at = 2; at < line->num_args;) {
        const struct config_word *word = option_of(line->args[at]);
        enabled |= strcmp(line->args[at], "enabled") == 0;
        at += word ? 1U + word->min_args : 1;
    }
    return enabled;
}

static void list(const struct config_word *word, void *arg)
{
    if (word->in & CONFIG_IN_SERVER && !is_refused(word->name))
        text_printf(arg, "  %s%s%s\n", word->name, word->args ? " " : "", word->args ? word->args : "");
}

void proxy_server_line_help(struct text *out)
{
    text_printf(out, "List of keywords supported for dynamic servers:\n");
    config_words_each(list, out);
}

static bool name_is_good(const struct proxy_conf *proxy, const char *name, struct text *wrong)
{
    if (proxy_server_find(&proxy->be, slice_str(name))) {
        text_printf(wrong, "Already exists a server with the same name in backend.\n");
        return false;
    }
    for (const char *c = name; *c || c == name; c++) {
        bool ok =
            (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z') || strchr("_-.:", *c);
        if (ok && *c)
            continue;
        if (*c)
            text_printf(wrong, "character '%c' is not permitted in server name '%s'.\n", *c, name);
        else
            text_printf(wrong, "'server' expects <name> and <addr>[:<port>] as arguments.\n");
        return false;
    }
    return true;
}

static const struct server_conf *server_with_id(const struct backend_conf *backend, uint32_t id)
{
    const struct server_conf *it = backend->servers;
    while (it && it->id != id)
        it = it->next;
    return it;
}

// The first that is free, as HAProxy gives it: one that was deleted leaves its number.
static bool number(struct server_conf *server, const struct proxy_server_line *line, struct text *wrong)
{
    const struct backend_conf *backend = server->backend;
    const struct server_conf *other = server->id ? server_with_id(backend, server->id) : NULL;
    if (other) {
        text_printf(wrong, "'id' : custom id %u already used at %s:%u ('server %s').\n", server->id, other->place.file,
                    other->place.line, other->name);
        return false;
    }
    server->has_id = server->id != 0;
    if (line->id)
        server->id = line->id;
    for (uint32_t id = 1; !server->id; id++)
        server->id = server_with_id(backend, id) ? 0 : id;
    return true;
}

// The option that stands at `column` of the line as line_new counts them, or whose argument does.
static const char *option_at(const struct proxy_server_line *line, uint32_t column)
{
    const char *option = NULL;
    uint32_t at = 1 + sizeof("server");
    for (uint32_t i = 0; i < line->num_args && at <= column; i++) {
        option = i >= 2 && option_of(line->args[i]) ? line->args[i] : option;
        at += (uint32_t)strlen(line->args[i]) + 1;
    }
    return option;
}

// There is no line to point into.
static void tell(const struct config_diag *diag, const struct proxy_server_line *line, struct text *wrong)
{
    for (const struct config_message *it = diag->first; it; it = it->next) {
        const char *option = option_at(line, it->place.column);
        if (it->level != CONFIG_ERROR)
            continue;
        if (option && !strstr(it->text, option))
            text_printf(wrong, "'%s' : ", option);
        text_printf(wrong, "%s\n", it->text);
    }
}

static struct config_line *line_new(struct arena *arena, const struct proxy_server_line *line)
{
    struct config_line *out = arena_alloc(arena, sizeof(*out));
    size_t len = 6;
    out->num_args = line->num_args + 1;
    out->first = 1;
    out->args = arena_alloc(arena, out->num_args * sizeof(*out->args));
    out->args[0] = (struct config_arg){ .str = "server", .len = 6, .column = 1, .width = 6 };
    for (uint32_t i = 0; i < line->num_args; i++) {
        struct config_arg *arg = &out->args[i + 1];
        *arg = (struct config_arg){ .str = arena_str(arena, line->args[i]), .column = (uint32_t)len + 2 };
        arg->len = arg->width = (uint32_t)strlen(arg->str);
        len += 1 + arg->len;
    }
    out->place = (struct config_place){ .file = "add server", .line = 1, .column = 1 };
    return out;
}

// What the end of reading does for all servers, for this one.
static bool finish(struct config *config, struct proxy_conf *proxy, struct server_conf *server)
{
    bool ok = proxy_probe_finish_server(config, proxy, server) && proxy_pool_finish_server(config, server) &&
              proxy_tls_finish_server(config, server) && check_rules_finish_server(config, proxy, server);
    if (ok && server->probe.agent && server->probe.agent_host && server->probe.agent_addr.family == AF_UNSPEC)
        ok =
            proxy_word_error(config, &(struct config_line){ .place = server->place },
                             "agent-addr: '%s' would have to be looked up: give its address", server->probe.agent_host);
    proxy_limits_finish_server(server);
    return ok;
}

static struct server_conf *read(struct config *config, struct proxy_conf *proxy, const struct proxy_server_line *line,
                                struct text *wrong)
{
    struct program_conf *program = proxy_program(config);
    const struct config_line *words = line_new(config->arena, line);
    struct proxy_ref *refs = program->refs;
    struct server_conf *server = proxy_server_default(config->arena);
    server->backend = &proxy->be;
    server->name = words->args[1].str;
    server->place = words->place;
    server->is_dynamic = true;
    server->arena = config->arena;
    bool ok = proxy_server_parse(config, server, words);
    // What expressions name is found when the whole configuration is there, and not again.
    if (program->refs != refs)
        ok = proxy_word_error(config, words,
                              "an expression that names a proxy or a table is not accepted for dynamic server");
    program->refs = refs;
    if (!ok)
        return NULL;
    // No name is looked up: `set server ... addr` gives it an address.
    server->unresolved = server->host != NULL;
    return number(server, line, wrong) && finish(config, proxy, server) ? server : NULL;
}

struct server_conf *proxy_server_line_read(struct program_conf *program, struct proxy_conf *proxy,
                                           const struct proxy_server_line *line, struct text *wrong)
{
    struct config_diag diag;
    struct config config;
    if (line->num_args < 2) {
        text_printf(wrong, "'server' expects <name> and <addr>[:<port>] as arguments.\n");
        return NULL;
    }
    if (!name_is_good(proxy, line->args[0], wrong) || !options_are_allowed(line, wrong))
        return NULL;
    struct arena *arena = malloc(sizeof(*arena));
    if (!arena) {
        text_printf(wrong, "Out of memory.\n");
        return NULL;
    }
    arena_init(arena);
    config_diag_init(&diag, arena);
    config_init_words(&config, arena, &diag, program);
    if (program->certs)
        tls_store_lend(program->certs, &config);
    config.object = proxy;
    config.in = proxy->in;
    config.acls = &proxy->acls;
    struct server_conf *server = read(&config, proxy, line, wrong);
    tell(&diag, line, wrong);
    config_fini(&config);
    if (!server) {
        arena_fini(arena);
        free(arena);
    }
    return server;
}

void proxy_server_free(struct server_conf *server)
{
    struct arena *arena = server ? server->arena : NULL;
    if (!arena)
        return;
    arena_fini(arena);
    free(arena);
}
