// SPDX-License-Identifier: Apache-2.0
// Sections. A proxy begins as a copy of the defaults it names, or of the newest ones (manual section 4).
#include <string.h>
#include "log/log.h"
#include "proxy/words.h"
#include "rule/rule.h"

static void *global_begin(struct config *config, const struct config_line *line)
{
    (void)line;
    return &proxy_program(config)->global;
}

static void init_built_in(struct config *config, struct proxy_conf *proxy)
{
    proxy->mode = PROXY_MODE_TCP;
    proxy->log_format = PROXY_LOG_DEFAULT;
    proxy->be.reuse = PROXY_REUSE_SAFE;
    proxy->be.retries = 3;
    proxy->be.retry_on = PROXY_RETRY_CONNECT;
    proxy->be.redispatch_interval = -1;
    proxy->be.default_server = proxy_server_default(config->arena);
}

struct log_target *proxy_logs_copy(struct arena *arena, const struct log_target *list)
{
    struct log_target *first = NULL, **last = &first;
    for (; list; list = list->next) {
        *last = arena_alloc(arena, sizeof(**last));
        **last = *list;
        (*last)->next = NULL;
        last = &(*last)->next;
    }
    return first;
}

static struct rule *copy_rules(struct arena *arena, const struct rule *list)
{
    struct rule *first = NULL, **last = &first;
    for (; list; list = list->next) {
        *last = arena_alloc(arena, sizeof(**last));
        **last = *list;
        (*last)->next = NULL;
        last = &(*last)->next;
    }
    return first;
}

// What stands on lists that the proxy adds to is copied; everything else is shared, since it is const.
static void copy_defaults(struct config *config, struct proxy_conf *proxy, struct proxy_conf *defaults)
{
    *proxy = *defaults;
    proxy->defaults = defaults;
    proxy->next = NULL;
    proxy->name = NULL;
    proxy->acls = NULL;
    proxy->logs = proxy_logs_copy(config->arena, defaults->logs);
    for (int i = 0; i < PROXY_NUM_RULE_SETS; i++)
        proxy->rules[i] = copy_rules(config->arena, defaults->rules[i]);
    proxy->be.default_server = arena_alloc(config->arena, sizeof(*proxy->be.default_server));
    *proxy->be.default_server = *defaults->be.default_server;
}

bool proxy_name_check(struct config *config, const struct config_line *line)
{
    const struct config_arg *name = config_arg_at(line, 0);
    if (name->len == 0)
        return config_error(config, line, 0, "the name is empty");
    for (const char *c = name->str; *c; c++) {
        bool ok =
            (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z') || strchr("_-.:", *c);
        if (!ok)
            return config_error(config, line, 0, "the character '%c' is not permitted in the name '%s'", *c, name->str);
    }
    return true;
}

// Finds the defaults section that "from NAME" at argument `index` means; `*found` stays as it is without "from".
static bool find_defaults(struct config *config, struct proxy_conf **found, const struct config_line *line,
                          uint32_t index)
{
    const struct config_arg *from = config_arg_at(line, index), *name = config_arg_at(line, index + 1);
    if (!from)
        return true;
    if (strcmp(from->str, "from") != 0)
        return config_error(config, line, index,
                            "unexpected argument '%s'; only 'from' and the name of a defaults "
                            "section may follow%s",
                            from->str, index ? ", addresses belong on 'bind' lines" : "");
    if (!name)
        return config_error(config, line, index + 1, "the name of a defaults section is missing");
    struct proxy_conf *match = NULL;
    for (struct proxy_conf *it = proxy_program(config)->defaults; it; it = it->next) {
        if (!it->name || strcmp(it->name, name->str) != 0)
            continue;
        if (match)
            return config_error(config, line, index + 1,
                                "the defaults section '%s' is ambiguous, it is at line %u of "
                                "%s and at line %u of %s",
                                name->str, it->place.line, it->place.file, match->place.line, match->place.file);
        match = it;
    }
    if (!match) {
        const char *known[64];
        size_t num = 0;
        for (struct proxy_conf *it = proxy_program(config)->defaults; it && num < NUM_ITEMS(known); it = it->next)
            known[num++] = it->name;
        return config_error_unknown(config, line, index + 1, "defaults section", known, num);
    }
    *found = match;
    return true;
}

static struct proxy_conf *begin(struct config *config, const struct config_line *line, struct proxy_conf *defaults,
                                uint32_t in, const char *name)
{
    struct proxy_conf *proxy = arena_alloc(config->arena, sizeof(*proxy));
    if (defaults)
        copy_defaults(config, proxy, defaults);
    else
        init_built_in(config, proxy);
    proxy->in = in;
    proxy->name = name;
    proxy->place = line->place;
    proxy->be.proxy = proxy;
    config->acls = &proxy->acls;
    return proxy;
}

static void *defaults_begin(struct config *config, const struct config_line *line)
{
    struct program_conf *program = proxy_program(config);
    struct proxy_conf *defaults = NULL;
    const struct config_arg *name = config_arg_at(line, 0);
    bool named = name && (strcmp(name->str, "from") != 0 || line->num_args - line->first != 2);
    if ((named && !proxy_name_check(config, line)) || !find_defaults(config, &defaults, line, named))
        return NULL;
    struct proxy_conf *proxy = begin(config, line, defaults, CONFIG_IN_DEFAULTS, named ? name->str : NULL);
    proxy->next = program->defaults;
    program->defaults = proxy;
    return proxy;
}

// Two proxies of one name may only be a frontend and a backend.
static bool name_is_free(struct config *config, const struct config_line *line, uint32_t in)
{
    const char *name = config_arg_at(line, 0)->str;
    const struct proxy_conf *other = NULL;
    if (in != CONFIG_IN_BACKEND)
        other = proxy_conf_find(proxy_program(config), name, CONFIG_IN_FRONTEND);
    if (in != CONFIG_IN_FRONTEND && !other)
        other = proxy_conf_find(proxy_program(config), name, CONFIG_IN_BACKEND);
    return !other || config_error(config, line, 0, "the name '%s' is taken by the %s section at line %u of %s", name,
                                  proxy_kind(other), other->place.line, other->place.file);
}

// Rules belong to one side: defaults with rules cannot serve both, and so no listen section (manual section 4,
// "http-request").
static bool rules_fit(struct config *config, const struct config_line *line, struct proxy_conf *defaults, uint32_t in)
{
    bool has_rules = false;
    for (int i = 0; defaults && i < PROXY_NUM_RULE_SETS; i++)
        has_rules |= defaults->rules[i] != NULL;
    if (!has_rules)
        return true;
    if (in == CONFIG_IN_LISTEN)
        return config_error(config, line, 0,
                            "a listen section cannot start from the defaults at line %u of %s, which have rules",
                            defaults->place.line, defaults->place.file);
    int misfit = in == CONFIG_IN_FRONTEND                              ? PROXY_RULES_TCP_RESPONSE
                 : defaults->rules[PROXY_RULES_TCP_CONNECTION] != NULL ? PROXY_RULES_TCP_CONNECTION
                                                                       : PROXY_RULES_TCP_SESSION;
    if (defaults->rules[misfit])
        return config_error(config, line, 0,
                            "a %s section cannot start from the defaults at line %u of %s, which have '%s' rules",
                            line->args[0].str, defaults->place.line, defaults->place.file, rule_set_name(1U << misfit));
    for (const struct proxy_conf *it = proxy_program(config)->proxies; it; it = it->next) {
        if (it->defaults == defaults && it->in != in)
            return config_error(config, line, 0,
                                "a %s and a %s section cannot both start from the defaults at line %u "
                                "of %s, which have rules",
                                proxy_kind(it), line->args[0].str, defaults->place.line, defaults->place.file);
    }
    return true;
}

static void *proxy_begin(struct config *config, const struct config_line *line, uint32_t in)
{
    struct program_conf *program = proxy_program(config);
    struct proxy_conf *defaults = program->defaults;
    if (!proxy_name_check(config, line) || !find_defaults(config, &defaults, line, 1))
        return NULL;
    // The section is read even so: its lines may have errors of their own.
    name_is_free(config, line, in);
    rules_fit(config, line, defaults, in);
    struct proxy_conf *proxy = begin(config, line, defaults, in, config_arg_at(line, 0)->str);
    proxy->has_frontend = in != CONFIG_IN_BACKEND;
    proxy->has_backend = in != CONFIG_IN_FRONTEND;
    proxy->index = program->num_proxies++;
    *program->last_proxy = proxy;
    program->last_proxy = &proxy->next;
    return proxy;
}

static void *frontend_begin(struct config *config, const struct config_line *line)
{
    return proxy_begin(config, line, CONFIG_IN_FRONTEND);
}

static void *backend_begin(struct config *config, const struct config_line *line)
{
    return proxy_begin(config, line, CONFIG_IN_BACKEND);
}

static void *listen_begin(struct config *config, const struct config_line *line)
{
    return proxy_begin(config, line, CONFIG_IN_LISTEN);
}

static const struct config_section section_global = {
    .name = "global",
    .in = CONFIG_IN_GLOBAL,
    .begin = global_begin,
    .help = "What concerns the whole program: processes, limits, buffers, logs.",
};
CONFIG_SECTION(section_global);

static const struct config_section section_defaults = {
    .name = "defaults",
    .in = CONFIG_IN_DEFAULTS,
    .max_args = 3,
    .begin = defaults_begin,
    .help = "Settings that the proxies after it start from. With a name (`defaults NAME`), a proxy can ask for it: "
            "`backend app from NAME`. It may itself start from another: `defaults NAME from OTHER`.",
};
CONFIG_SECTION(section_defaults);

static const struct config_section section_frontend = {
    .name = "frontend",
    .in = CONFIG_IN_FRONTEND,
    .min_args = 1,
    .max_args = 3,
    .begin = frontend_begin,
    .help = "Addresses that clients connect to, and which backend serves what: `frontend NAME [from DEFAULTS]`.",
};
CONFIG_SECTION(section_frontend);

static const struct config_section section_backend = {
    .name = "backend",
    .in = CONFIG_IN_BACKEND,
    .min_args = 1,
    .max_args = 3,
    .begin = backend_begin,
    .help = "Servers, and how requests are spread over them: `backend NAME [from DEFAULTS]`.",
};
CONFIG_SECTION(section_backend);

static const struct config_section section_listen = {
    .name = "listen",
    .in = CONFIG_IN_LISTEN,
    .min_args = 1,
    .max_args = 3,
    .begin = listen_begin,
    .help = "A frontend and a backend in one: `listen NAME [from DEFAULTS]`.",
};
CONFIG_SECTION(section_listen);
