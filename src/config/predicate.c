// SPDX-License-Identifier: Apache-2.0
// What a condition can ask: manual section 2.4.
#include <string.h>
#include "base/check.h"
#include "base/text.h"
#include "config/env.h"
#include "config/feature.h"
#include "config/line.h"

enum { PREDICATE_ARGS = 2 };

// A predicate answers into `*result`; NULL, or what is wrong with its arguments.
typedef const char *predicate_fn(struct config *config, bool *result, const struct slice *args);

struct predicate {
    const char *name;
    unsigned num_args;
    predicate_fn *run;
};

static const char *predicate_defined(struct config *config, bool *result, const struct slice *args)
{
    *result = config_env_get(config->env, args[0]) != NULL;
    return NULL;
}

static const char *predicate_feature(struct config *config, bool *result, const struct slice *args)
{
    (void)config;
    *result = config_feature_has(args[0]);
    return NULL;
}

static const char *predicate_enabled(struct config *config, bool *result, const struct slice *args)
{
    if (!config_feature_is_enabled(result, args[0]))
        return "unknown option; there are POLL, EPOLL, KQUEUE, EVPORTS, SPLICE, GETADDRINFO, REUSEPORT, FAST-FORWARD "
               "and SERVER-SSL-VERIFY-NONE";
    if (slice_equal(args[0], SLICE("GETADDRINFO")))
        *result = !config->numeric_hosts;
    if (slice_equal(args[0], SLICE("SPLICE")))
        *result = !config->no_splice;
    if (slice_equal(args[0], SLICE("SERVER-SSL-VERIFY-NONE")))
        *result = config->no_server_verify;
    return NULL;
}

static const char *predicate_streq(struct config *config, bool *result, const struct slice *args)
{
    (void)config;
    *result = slice_equal(args[0], args[1]);
    return NULL;
}

static const char *predicate_strneq(struct config *config, bool *result, const struct slice *args)
{
    (void)config;
    *result = !slice_equal(args[0], args[1]);
    return NULL;
}

static const char *predicate_strstr(struct config *config, bool *result, const struct slice *args)
{
    (void)config;
    *result = false;
    for (size_t i = 0; i + args[1].len <= args[0].len && !*result; i++)
        *result = slice_begins(slice_from(args[0], i), args[1]);
    return NULL;
}

static const char *predicate_compare(bool *result, const char *level, struct slice version, bool before)
{
    int order;
    if (!config_version_compare(&order, slice_str(level), version))
        return "not a version, such as 3.2, 3.2.1 or 3.2-dev5";
    *result = before ? order < 0 : order >= 0;
    return NULL;
}

static const char *predicate_version_atleast(struct config *config, bool *result, const struct slice *args)
{
    (void)config;
    return predicate_compare(result, CONFIG_LANGUAGE_LEVEL, args[0], false);
}

static const char *predicate_version_before(struct config *config, bool *result, const struct slice *args)
{
    (void)config;
    return predicate_compare(result, CONFIG_LANGUAGE_LEVEL, args[0], true);
}

static const char *predicate_openssl_atleast(struct config *config, bool *result, const struct slice *args)
{
    (void)config;
    return predicate_compare(result, CONFIG_OPENSSL_LEVEL, args[0], false);
}

static const char *predicate_openssl_before(struct config *config, bool *result, const struct slice *args)
{
    (void)config;
    return predicate_compare(result, CONFIG_OPENSSL_LEVEL, args[0], true);
}

static const char *predicate_ssllib(struct config *config, bool *result, const struct slice *args)
{
    (void)config;
    *result = slice_begins(SLICE(CONFIG_SSLLIB_NAME), args[0]);
    return NULL;
}

static const struct predicate predicates[] = {
    { "defined", 1, predicate_defined },
    { "enabled", 1, predicate_enabled },
    { "feature", 1, predicate_feature },
    { "openssl_version_atleast", 1, predicate_openssl_atleast },
    { "openssl_version_before", 1, predicate_openssl_before },
    { "ssllib_name_startswith", 1, predicate_ssllib },
    { "streq", 2, predicate_streq },
    { "strneq", 2, predicate_strneq },
    { "strstr", 2, predicate_strstr },
    { "version_atleast", 1, predicate_version_atleast },
    { "version_before", 1, predicate_version_before },
};

static const struct predicate *predicate_find(struct slice name)
{
    for (size_t i = 0; i < NUM_ITEMS(predicates); i++) {
        if (slice_equal(slice_str(predicates[i].name), name))
            return &predicates[i];
    }
    return NULL;
}

static bool predicate_unknown(struct config *config, const char **error, struct slice name)
{
    const char *known[NUM_ITEMS(predicates)];
    for (size_t i = 0; i < NUM_ITEMS(predicates); i++)
        known[i] = predicates[i].name;
    const char *word = arena_copy(config->arena, name.ptr, name.len);
    const char *nearest = config_nearest(word, known, NUM_ITEMS(known));
    *error = nearest ? arena_printf(config->arena, "unknown predicate '%s'; did you mean '%s'?", word, nearest)
                     : arena_printf(config->arena, "unknown predicate '%s'", word);
    return false;
}

// The backslash's meaning in arguments: as in a line, without \#, \$ and \xNN (manual section 2.2).
static char predicate_escape(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case ' ':
    case '\\':
    case '"':
    case '\'':
        return c;
    }
    return '\0';
}

// Reads one argument up to the comma or parenthesis that ends it, which `*pos` then stands at. False where a quote or
// the argument does not end.
static bool predicate_arg(struct text *arg, const char *text, size_t *pos)
{
    char quote = '\0';
    for (size_t i = *pos; text[i]; i++) {
        char c = text[i];
        char escaped = c == '\\' && quote != '\'' ? predicate_escape(text[i + 1]) : '\0';
        if (escaped) {
            text_add(arg, &escaped, 1);
            i++;
        } else if (quote ? c == quote : c == '"' || c == '\'') {
            quote = quote ? '\0' : c;
        } else if (!quote && (c == ',' || c == ')')) {
            *pos = i;
            return true;
        } else {
            text_add(arg, &c, 1);
        }
    }
    return false;
}

// Reads what stands in the parentheses, from behind the opening one to behind the closing one.
static bool predicate_args(struct config *config, struct slice *args, const char **error, size_t *error_at,
                           const struct predicate *predicate, const char *text, size_t *pos)
{
    for (unsigned i = 0;; i++) {
        *error_at = *pos;
        struct text arg;
        text_init(&arg);
        bool ok = predicate_arg(&arg, text, pos);
        args[i] = slice_of(arena_copy(config->arena, arg.ptr, arg.len), arg.len);
        text_fini(&arg);
        if (!ok) {
            *error = arena_printf(config->arena, "expected ')' after the arguments of '%s'", predicate->name);
            return false;
        }
        bool last = text[*pos] == ')';
        if (last == (i + 1 == predicate->num_args)) {
            ++*pos;
            if (last)
                return true;
            continue;
        }
        *error_at = *pos;
        *error = arena_printf(config->arena, "'%s' takes %u argument%s", predicate->name, predicate->num_args,
                              predicate->num_args > 1 ? "s" : "");
        return false;
    }
}

bool config_predicate_eval(struct config *config, bool *result, const char **error, size_t *error_at, const char *text,
                           size_t *pos)
{
    size_t len = 0;
    for (const char *c = text + *pos; (slice_lower(c[len]) >= 'a' && slice_lower(c[len]) <= 'z') || c[len] == '_';
         len++)
        ;
    *error_at = *pos;
    const struct predicate *predicate = predicate_find(slice_of(text + *pos, len));
    if (!predicate)
        return predicate_unknown(config, error, slice_of(text + *pos, len));
    *pos += len;
    if (text[*pos] != '(') {
        *error = arena_printf(config->arena, "'%s' must be followed by its arguments in parentheses", predicate->name);
        return false;
    }
    ++*pos;
    size_t args_at = *pos;
    struct slice args[PREDICATE_ARGS];
    if (!predicate_args(config, args, error, error_at, predicate, text, pos))
        return false;
    const char *wrong = predicate->run(config, result, args);
    if (!wrong)
        return true;
    *error_at = args_at;
    *error = arena_printf(config->arena, "argument '%s' of '%s': %s", args[0].ptr, predicate->name, wrong);
    return false;
}
