// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include "base/check.h"
#include "expr/var.h"

enum {
    VAR_ROOM = 112,       // bytes of text a value holds without a block of its own
    VAR_OVERHEAD = 64,    // what a variable counts for beside its text
    VAR_CHUNK = 64,       // variables allocated at once
    VAR_MAX_TEXT = 65536, // of one value
};

// One variable, and with those after it a store. One that was unset stays, for "ifexists".
struct expr_var_store {
    struct expr_var_store *next;
    uint64_t id;
    struct expr_sample sample;
    char *big; // text that does not fit into `room`, or NULL
    uint32_t cap;
    bool is_set;
    char room[VAR_ROOM];
};

struct var_chunk {
    struct var_chunk *next;
    struct expr_var_store vars[VAR_CHUNK];
};

struct expr_var_pool {
    struct expr_var_limits limits;
    uint64_t used;
    struct expr_var_store *free;
    struct var_chunk *chunks;
};

static const char *const scope_names[EXPR_NUM_SCOPES] = { "proc", "sess", "txn", "req", "res", "check" };

uint64_t expr_var_id(struct slice name)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (uint8_t)name.ptr[i]) * 0x100000001b3;
    return hash;
}

const char *expr_var_ref_parse(struct expr_var_ref *out, struct slice text)
{
    size_t dot = slice_find(text, '.');
    struct slice scope = slice_of(text.ptr, dot), name = slice_from(text, dot + 1);
    uint32_t i = 0;
    while (i < EXPR_NUM_SCOPES && !slice_equal(scope, slice_str(scope_names[i])))
        i++;
    if (i == EXPR_NUM_SCOPES && dot < text.len && scope.len > 1 && scope.ptr[0] == 'p')
        for (uint32_t of = EXPR_SCOPE_SESS; of <= EXPR_SCOPE_RES; of++)
            if (slice_equal(slice_from(scope, 1), slice_str(scope_names[of])))
                return "there are no parent streams, whose variables this scope would be";
    if (i == EXPR_NUM_SCOPES || dot == text.len)
        return "a variable's name begins with its scope: 'proc.', 'sess.', 'txn.', 'req.', 'res.' or 'check.'";
    if (name.len == 0 || name.len > 255)
        return "the scope wants a name of 1 to 255 characters behind it";
    for (size_t at = 0; at < name.len; at++) {
        char c = slice_lower(name.ptr[at]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '.')
            return "a variable's name is made of letters, digits, '_' and '.'";
    }
    *out = (struct expr_var_ref){ .id = expr_var_id(name), .scope = (enum expr_scope)i, .name = text };
    return NULL;
}

struct expr_var_pool *expr_var_pool_new(const struct expr_var_limits *limits)
{
    struct expr_var_pool *pool = calloc(1, sizeof(*pool));
    if (pool && limits)
        pool->limits = *limits;
    return pool;
}

void expr_var_pool_free(struct expr_var_pool *pool)
{
    if (!pool)
        return;
    for (struct var_chunk *chunk = pool->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        for (size_t i = 0; i < VAR_CHUNK; i++)
            free(chunk->vars[i].big);
        free(chunk);
    }
    free(pool);
}

static bool pool_grow(struct expr_var_pool *pool)
{
    struct var_chunk *chunk = calloc(1, sizeof(*chunk));
    if (!chunk)
        return false;
    chunk->next = pool->chunks;
    pool->chunks = chunk;
    for (size_t i = 0; i < VAR_CHUNK; i++) {
        chunk->vars[i].next = pool->free;
        pool->free = &chunk->vars[i];
    }
    return true;
}

static bool is_text(const struct expr_sample *sample)
{
    return sample->type == EXPR_STR || sample->type == EXPR_BIN || sample->type == EXPR_METHOD;
}

static uint64_t cost_of(const struct expr_sample *sample)
{
    return VAR_OVERHEAD + (is_text(sample) ? sample->str.len : 0);
}

static uint64_t store_size(const struct expr_var_store *store)
{
    uint64_t size = 0;
    for (; store; store = store->next)
        size += store->is_set ? cost_of(&store->sample) : 0;
    return size;
}

static struct expr_var_store *find(struct expr_subject *subject, const struct expr_var_ref *ref)
{
    struct expr_var_store *var = subject->vars[ref->scope];
    while (var && var->id != ref->id)
        var = var->next;
    return var;
}

static bool is_within(uint64_t limit, uint64_t size)
{
    return limit == 0 || size <= limit;
}

// The limit of a scope is one on those inside of it too (tune.vars.*-max-size). `old` bytes are replaced by `new`.
static bool limits_allow(const struct expr_subject *subject, enum expr_scope scope, uint64_t old, uint64_t new)
{
    const struct expr_var_pool *pool = subject->process->vars;
    const struct expr_var_limits *limits = &pool->limits;
    if (new <= old)
        return true;
    uint64_t used = pool->used - old + new;
    if (!is_within(limits->total, used) || !is_within(limits->scope[EXPR_SCOPE_PROC], used))
        return false;
    if (!(limits->scope[EXPR_SCOPE_SESS] | limits->scope[EXPR_SCOPE_TXN] | limits->scope[scope]))
        return true;
    uint64_t own = store_size(subject->vars[scope]) - old + new, size = own;
    if (scope == EXPR_SCOPE_CHECK || scope == EXPR_SCOPE_REQ || scope == EXPR_SCOPE_RES) {
        if (!is_within(limits->scope[scope], own))
            return false;
        if (scope == EXPR_SCOPE_CHECK)
            return true;
        size += store_size(subject->vars[scope == EXPR_SCOPE_REQ ? EXPR_SCOPE_RES : EXPR_SCOPE_REQ]) +
                store_size(subject->vars[EXPR_SCOPE_TXN]);
    } else if (scope == EXPR_SCOPE_TXN) {
        size += store_size(subject->vars[EXPR_SCOPE_REQ]) + store_size(subject->vars[EXPR_SCOPE_RES]);
    }
    if (scope != EXPR_SCOPE_SESS) {
        if (!is_within(limits->scope[EXPR_SCOPE_TXN], size))
            return false;
        size += store_size(subject->vars[EXPR_SCOPE_SESS]);
    } else {
        for (int inner = EXPR_SCOPE_TXN; inner <= EXPR_SCOPE_RES; inner++)
            size += store_size(subject->vars[inner]);
    }
    return is_within(limits->scope[EXPR_SCOPE_SESS], size);
}

// Copies `text`, which may be a part of what the variable holds.
static bool keep_text(struct expr_var_store *var, struct slice text)
{
    char *dst = var->big && text.len > VAR_ROOM ? var->big : var->room;
    char *old = NULL;
    if (text.len > VAR_ROOM && (!var->big || text.len > var->cap)) {
        if (text.len > VAR_MAX_TEXT || !(dst = malloc(text.len)))
            return false;
        old = var->big;
        var->big = dst;
        var->cap = (uint32_t)text.len;
    }
    if (text.len)
        memmove(dst, text.ptr, text.len);
    var->sample.str = slice_of(dst, text.len);
    free(old);
    return true;
}

bool expr_var_get(struct expr_subject *subject, const struct expr_var_ref *ref, struct expr_sample *out)
{
    struct expr_process *process = subject->process;
    if (ref->scope == EXPR_SCOPE_PROC)
        return process->proc_vars && process->proc_vars->get(process->proc_vars->arg, out, ref->id, &process->scratch);
    const struct expr_var_store *var = find(subject, ref);
    if (!var || !var->is_set)
        return false;
    *out = var->sample;
    return true;
}

bool expr_var_set(struct expr_subject *subject, const struct expr_var_ref *ref, const struct expr_sample *value)
{
    struct expr_process *process = subject->process;
    if (ref->scope == EXPR_SCOPE_PROC)
        return process->proc_vars && process->proc_vars->set(process->proc_vars->arg, ref->id, ref->name, value);
    struct expr_var_pool *pool = process->vars;
    if (!(subject->scopes & 1u << ref->scope) || !pool)
        return false;
    struct expr_var_store *var = find(subject, ref);
    uint64_t old = var && var->is_set ? cost_of(&var->sample) : 0, new = cost_of(value);
    if (!limits_allow(subject, ref->scope, old, new))
        return false;
    if (!var) {
        if (!pool->free && !pool_grow(pool))
            return false;
        var = pool->free;
        pool->free = var->next;
        var->next = subject->vars[ref->scope];
        var->id = ref->id;
        var->is_set = false;
        subject->vars[ref->scope] = var;
    }
    if (!is_text(value))
        var->sample = *value;
    else if (keep_text(var, value->str))
        var->sample.type = value->type;
    else
        return false;
    var->is_set = true;
    pool->used += new - old;
    return true;
}

bool expr_var_exists(struct expr_subject *subject, const struct expr_var_ref *ref)
{
    return ref->scope == EXPR_SCOPE_PROC || find(subject, ref);
}

void expr_var_unset(struct expr_subject *subject, const struct expr_var_ref *ref)
{
    struct expr_process *process = subject->process;
    if (ref->scope == EXPR_SCOPE_PROC) {
        if (process->proc_vars)
            (void)process->proc_vars->unset(process->proc_vars->arg, ref->id);
        return;
    }
    struct expr_var_store *var = find(subject, ref);
    if (!var || !var->is_set)
        return;
    process->vars->used -= cost_of(&var->sample);
    var->is_set = false;
}

void expr_vars_end(struct expr_subject *subject, enum expr_scope scope)
{
    struct expr_var_store *var = subject->vars[scope];
    if (!var)
        return;
    struct expr_var_pool *pool = subject->process->vars;
    subject->vars[scope] = NULL;
    for (struct expr_var_store *next; var; var = next) {
        next = var->next;
        if (var->is_set)
            pool->used -= cost_of(&var->sample);
        free(var->big);
        var->big = NULL;
        var->cap = 0;
        var->next = pool->free;
        pool->free = var;
    }
}
