// SPDX-License-Identifier: Apache-2.0
#include "proxy/ref.h"
#include "proxy/words.h"

const struct proxy_ref *proxy_ref_new(struct config *config, enum proxy_ref_kind kind, struct slice text)
{
    struct program_conf *program = proxy_program(config);
    struct proxy_ref *ref = arena_alloc(config->arena, sizeof(*ref));
    *ref = (struct proxy_ref){ .next = program->refs,
                               .kind = kind,
                               .text = text,
                               .from = config->in & CONFIG_IN_PROXY ? config->object : NULL,
                               .place = config->word };
    program->refs = ref;
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

static bool resolve(struct config *config, const struct program_conf *program, struct proxy_ref *ref)
{
    if (ref->kind != PROXY_REF_SERVER)
        return resolve_proxy(config, program, ref, ref->text);
    size_t slash = slice_find(ref->text, '/');
    bool named = slash < ref->text.len;
    struct slice server = named ? slice_from(ref->text, slash + 1) : ref->text;
    if (!resolve_proxy(config, program, ref, named ? slice_of(ref->text.ptr, slash) : SLICE("")))
        return false;
    ref->server = proxy_server_find(&ref->proxy->be, server);
    if (ref->server)
        return true;
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
