// SPDX-License-Identifier: Apache-2.0
#include "expr/conv.h"
#include "proxy/ref.h"
#include "proxy/stick_conf.h"
#include "proxy/words.h"
#include "table/stick.h"

const struct proxy_ref *proxy_ref_new(struct config *config, enum proxy_ref_kind kind, struct slice text)
{
    struct program_conf *program = proxy_program(config);
    struct proxy_ref *ref = arena_alloc(config->arena, sizeof(*ref));
    *ref = (struct proxy_ref){ .next = program->refs,
                               .kind = kind,
                               .text = text,
                               .from = config->in & CONFIG_IN_PROXY ? config->object : NULL,
                               .key = EXPR_ANY,
                               .place = config->word };
    program->refs = ref;
    return ref;
}

const struct proxy_ref *proxy_ref_table(struct config *config, struct slice text, enum expr_type key)
{
    struct proxy_ref *ref = (struct proxy_ref *)proxy_ref_new(config, PROXY_REF_TABLE, text);
    ref->key = key;
    return ref;
}

static bool has_side(const struct proxy_conf *proxy, uint32_t in)
{
    return in == CONFIG_IN_FRONTEND ? proxy->has_frontend : proxy->has_backend;
}

static const struct proxy_conf *find_proxy(const struct program_conf *program, struct slice name, uint32_t in)
{
    for (const struct proxy_conf *it = program->proxies; it; it = it->next)
        if (has_side(it, in) && slice_equal(name, slice_str(it->name)))
            return it;
    return NULL;
}

const struct server_conf *proxy_server_named(const struct proxy_conf **proxy, const struct program_conf *program,
                                             struct slice name, const struct proxy_conf *current)
{
    size_t slash = slice_find(name, '/');
    *proxy = slash < name.len ? proxy_backend_named(program, slice_of(name.ptr, slash)) : current;
    return *proxy ? proxy_server_find(&(*proxy)->be, slash < name.len ? slice_from(name, slash + 1) : name) : NULL;
}

static bool fail(struct config *config, const struct proxy_ref *ref, const char *what, struct slice name,
                 const char *nearest)
{
    config_diag_add(config->diag, CONFIG_ERROR, ref->place, "there is no %s '%.*s'%s%s%s", what, (int)name.len,
                    name.ptr, nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    return false;
}

static const char *nearest_proxy(struct config *config, const struct program_conf *program, struct slice name,
                                 uint32_t in)
{
    const char **known = arena_alloc(config->arena, (program->num_proxies + 1) * sizeof(*known));
    size_t num = 0;
    for (const struct proxy_conf *it = program->proxies; it; it = it->next)
        known[num++] = has_side(it, in) ? it->name : NULL;
    return config_nearest(arena_copy(config->arena, name.ptr, name.len), known, num);
}

static const char *nearest_server(struct config *config, const struct proxy_conf *proxy, struct slice name)
{
    const char **known = arena_alloc(config->arena, (proxy->be.num_servers + 1) * sizeof(*known));
    size_t num = 0;
    for (const struct server_conf *it = proxy->be.servers; it && num < proxy->be.num_servers; it = it->next)
        known[num++] = it->name;
    return config_nearest(arena_copy(config->arena, name.ptr, name.len), known, num);
}

// The proxy that a name before the slash, or none, means.
static bool resolve_proxy(struct config *config, const struct program_conf *program, struct proxy_ref *ref,
                          struct slice name)
{
    uint32_t in = ref->kind == PROXY_REF_FRONTEND ? CONFIG_IN_FRONTEND : CONFIG_IN_BACKEND;
    const char *side = in == CONFIG_IN_FRONTEND ? "frontend" : "backend";
    if (name.len) {
        ref->proxy = find_proxy(program, name, in);
        return ref->proxy || fail(config, ref, side, name, nearest_proxy(config, program, name, in));
    }
    if (!ref->from || ref->from->in == CONFIG_IN_DEFAULTS) {
        if (ref->kind != PROXY_REF_SERVER)
            return true;
        config_diag_add(config->diag, CONFIG_ERROR, ref->place,
                        "it is not known here which backend has that server: name it, as in backend/server");
        return false;
    }
    ref->proxy = ref->from;
    if (has_side(ref->from, in))
        return true;
    config_diag_add(config->diag, CONFIG_ERROR, ref->place, "%s '%s' has no %s side, name one", proxy_kind(ref->from),
                    ref->from->name, side);
    return false;
}

static const char *nearest_table(struct config *config, const struct program_conf *program, struct slice name)
{
    const char **known = arena_alloc(config->arena, (program->num_proxies + 1) * sizeof(*known));
    size_t num = 0;
    for (const struct proxy_conf *it = program->proxies; it; it = it->next)
        known[num++] = it->stick_table ? it->name : NULL;
    return config_nearest(arena_copy(config->arena, name.ptr, name.len), known, num);
}

static bool fits_table(struct config *config, const struct proxy_ref *ref)
{
    static const enum expr_type types[] = { [STICK_IP] = EXPR_ADDR,
                                            [STICK_IPV6] = EXPR_ADDR,
                                            [STICK_INTEGER] = EXPR_INT,
                                            [STICK_STRING] = EXPR_STR,
                                            [STICK_BINARY] = EXPR_BIN };
    enum expr_type type = types[ref->table->type];
    if (expr_cast_exists(ref->key, type))
        return true;
    config_diag_add(config->diag, CONFIG_ERROR, ref->place,
                    "the stick table '%s' has keys of another type: a value of type %s cannot be made one of type %s",
                    ref->table->name, expr_type_name(ref->key), expr_type_name(type));
    return false;
}

// Rules of a defaults section would mean another table in each proxy: as with HAProxy they have to name one.
static bool resolve_table(struct config *config, const struct program_conf *program, struct proxy_ref *ref)
{
    bool is_known = ref->from && ref->from->in != CONFIG_IN_DEFAULTS;
    if (ref->text.len) {
        ref->table = proxy_stick_table(program, ref->text);
        if (!ref->table)
            return fail(config, ref, "stick table", ref->text, nearest_table(config, program, ref->text));
    } else if (!is_known) {
        config_diag_add(config->diag, CONFIG_ERROR, ref->place,
                        "it is not known here whose stick table is meant: name it");
        return false;
    } else {
        ref->table = ref->from->stick_table;
        if (!ref->table)
            config_diag_add(config->diag, CONFIG_ERROR, ref->place,
                            "%s '%s' has no stick table: declare one with 'stick-table', or name that of another proxy",
                            proxy_kind(ref->from), ref->from->name);
    }
    return ref->table && fits_table(config, ref);
}

static bool resolve(struct config *config, const struct program_conf *program, struct proxy_ref *ref)
{
    if (ref->kind == PROXY_REF_TABLE)
        return resolve_table(config, program, ref);
    if (ref->kind != PROXY_REF_SERVER)
        return resolve_proxy(config, program, ref, ref->text);
    size_t slash = slice_find(ref->text, '/');
    bool named = slash < ref->text.len;
    struct slice server = named ? slice_from(ref->text, slash + 1) : ref->text;
    if (!resolve_proxy(config, program, ref, named ? slice_of(ref->text.ptr, slash) : SLICE("")))
        return false;
    ref->server = proxy_server_find(&ref->proxy->be, server);
    if (ref->server) {
        ref->server->is_referenced = true;
        return true;
    }
    const char *what = arena_printf(config->arena, "server in %s '%s'", proxy_kind(ref->proxy), ref->proxy->name);
    return fail(config, ref, what, server, nearest_server(config, ref->proxy, server));
}

bool proxy_refs_resolve(struct config *config, struct program_conf *program)
{
    bool ok = true;
    struct proxy_ref *ordered = NULL;
    // They were noted newest first.
    while (program->refs) {
        struct proxy_ref *ref = program->refs;
        program->refs = ref->next;
        ref->next = ordered;
        ordered = ref;
    }
    program->refs = ordered;
    for (struct proxy_ref *ref = ordered; ref; ref = ref->next)
        ok &= resolve(config, program, ref);
    return ok;
}
