// SPDX-License-Identifier: Apache-2.0
// A program's configuration before and after its sections: default values, and looking proxies up.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "proxy/words.h"

struct program_conf *proxy_conf_new(struct arena *arena)
{
    struct program_conf *program = arena_alloc(arena, sizeof(*program));
    program->arena = arena;
    program->last_proxy = &program->proxies;
    program->global = (struct global_conf){
        .uid = -1,
        .gid = -1,
        .fd_hard_limit = 1048576,
        .strict_limits = true,
        .sandbox = true,
        .silent_warn = 2000000,
        .silent_kill = 5000000,
        .bufsize = 16384,
        .maxrewrite = 1024,
        .max_headers = 101,
        .maxaccept = 64,
        .log_uri_len = 1024,
        .stick_counters = 3,
        .tls = { .store.extra = TLS_EXTRA_ALL,
                 .cache_size = 20000,
                 .lifetime_us = 300 * UINT64_C(1000000),
                 .rotation_us = 12 * 3600 * UINT64_C(1000000),
                 .ticket_lifetime_us = 24 * 3600 * UINT64_C(1000000),
                 .cert_compression = true },
    };
    status_codes_set(&program->global.err_codes, 400, 499, true);
    status_codes_set(&program->global.fail_codes, 500, 599, true);
    status_codes_set(&program->global.fail_codes, 501, 501, false);
    status_codes_set(&program->global.fail_codes, 505, 505, false);
    return program;
}

struct proxy_conf *proxy_conf_find(const struct program_conf *program, const char *name, uint32_t in)
{
    bool front = in == CONFIG_IN_FRONTEND;
    for (struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next) {
        if ((front ? proxy->has_frontend : proxy->has_backend) && strcmp(proxy->name, name) == 0)
            return proxy;
    }
    return NULL;
}

const char *proxy_kind(const struct proxy_conf *proxy)
{
    return proxy->in == CONFIG_IN_FRONTEND  ? "frontend"
           : proxy->in == CONFIG_IN_BACKEND ? "backend"
           : proxy->in == CONFIG_IN_LISTEN  ? "listen"
                                            : "defaults";
}

bool proxy_word_path(struct config *config, void *object, const struct config_word *word,
                     const struct config_line *line)
{
    if (!*config_arg_at(line, 0)->str)
        return config_error(config, line, 0, "the name is empty");
    return config_word_str(config, object, word, line);
}

bool proxy_word_error(struct config *config, const struct config_line *line, const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    config_diag_add(config->diag, CONFIG_ERROR, line->place, "%s", message);
    return false;
}

bool proxy_word_needs(struct config *config, const struct proxy_conf *proxy, const struct config_word *word,
                      const struct config_line *line, enum proxy_side side, const char *instead)
{
    bool front = side == PROXY_SIDE_FRONT;
    if (proxy->in == CONFIG_IN_DEFAULTS || (front ? proxy->has_frontend : proxy->has_backend))
        return true;
    config_diag_add(config->diag, CONFIG_WARNING, line->place, "'%s' is ignored because %s '%s' has no %s side%s%s%s",
                    word->name, proxy_kind(proxy), proxy->name, front ? "frontend" : "backend",
                    instead ? "; did you mean '" : "", instead ? instead : "", instead ? "'?" : "");
    return false;
}

bool proxy_word_is_named(struct config *config, const struct proxy_conf *proxy, const struct config_word *word,
                         const struct config_line *line)
{
    return proxy->in != CONFIG_IN_DEFAULTS || proxy->name ||
           proxy_word_error(config, line, "'%s' is not allowed in an anonymous 'defaults' section; give it a name",
                            word->name);
}
