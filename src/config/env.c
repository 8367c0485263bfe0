// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/check.h"
#include "base/host.h"
#include "config/config.h"
#include "config/env.h"

// Manual section 2.3: what HAProxy sets itself. Its formats are those of sections 8.2.2 to 8.2.4.
static const struct {
    const char *name;
    const char *value;
} env_predefined[] = {
    { "HAPROXY_STARTUP_VERSION", CONFIG_LANGUAGE_LEVEL ".0" },
    { "HAPROXY_BRANCH", CONFIG_LANGUAGE_LEVEL },
    { "HAPROXY_MWORKER", "1" },
    { "HAPROXY_TCP_LOG_FMT", "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq" },
    { "HAPROXY_TCP_CLF_LOG_FMT", "%{Q}o %{-Q}ci - - [%T] \"TCP \" 000 %B \"\" \"\" %cp %ms %ft %b %s %Th %Tw %Tc %Tt "
                                 "%U %ts-- %ac %fc %bc %sc %rc %sq %bq \"\" \"\" " },
    { "HAPROXY_HTTP_LOG_FMT", "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc "
                              "%sq/%bq %hr %hs %{+Q}r" },
    { "HAPROXY_HTTP_CLF_LOG_FMT", "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta "
                                  "%tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl" },
    { "HAPROXY_HTTPS_LOG_FMT", "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc "
                               "%sq/%bq %hr %hs %{+Q}r %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/"
                               "%[ssl_fc_is_resumed] %[ssl_fc_sni]/%sslv/%sslc" },
};

static char **env_find(const struct config_env *env, struct slice name)
{
    for (size_t i = 0; i < env->num; i++) {
        struct slice entry = slice_str(env->entries[i]);
        if (slice_begins(entry, name) && entry.len > name.len && entry.ptr[name.len] == '=')
            return &env->entries[i];
    }
    return NULL;
}

static void env_append(struct config_env *env, char *take_entry)
{
    if (!take_entry)
        check_out_of_memory(1);
    if (env->num == env->cap) {
        env->cap = env->cap ? env->cap * 2 : 64;
        env->entries = realloc(env->entries, env->cap * sizeof(*env->entries));
        if (!env->entries)
            check_out_of_memory(env->cap * sizeof(*env->entries));
    }
    env->entries[env->num++] = take_entry;
}

struct config_env *config_env_new(void)
{
    struct config_env *env = calloc(1, sizeof(*env));
    if (!env)
        check_out_of_memory(sizeof(*env));
    for (char **entry = environ; entry && *entry; entry++)
        env_append(env, strdup(*entry));
    for (size_t i = 0; i < NUM_ITEMS(env_predefined); i++)
        config_env_set(env, env_predefined[i].name, env_predefined[i].value, false);
    if (*host_name())
        config_env_set(env, "HAPROXY_LOCALPEER", host_name(), false);
    return env;
}

void config_env_free(struct config_env *env)
{
    if (!env)
        return;
    for (size_t i = 0; i < env->num; i++)
        free(env->entries[i]);
    free(env->entries);
    free(env);
}

const char *config_env_get(const struct config_env *env, struct slice name)
{
    char **entry = name.len ? env_find(env, name) : NULL;
    return entry ? *entry + name.len + 1 : NULL;
}

void config_env_set(struct config_env *env, const char *name, const char *value, bool overwrite)
{
    char **old = env_find(env, slice_str(name));
    if (old && !overwrite)
        return;
    size_t name_len = strlen(name), value_len = strlen(value);
    char *entry = malloc(name_len + value_len + 2);
    if (!entry)
        check_out_of_memory(name_len + value_len + 2);
    memcpy(entry, name, name_len);
    entry[name_len] = '=';
    memcpy(entry + name_len + 1, value, value_len + 1);
    if (old) {
        free(*old);
        *old = entry;
    } else {
        env_append(env, entry);
    }
}

void config_env_unset(struct config_env *env, const char *name)
{
    char **entry = env_find(env, slice_str(name));
    if (!entry)
        return;
    free(*entry);
    env->num--;
    memmove(entry, entry + 1, (size_t)(env->entries + env->num - entry) * sizeof(*entry));
}

bool config_env_name_is_valid(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = slice_lower(name.ptr[i]);
        if (!(c >= 'a' && c <= 'z') && c != '_' && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return name.len > 0;
}

void config_env_export(const struct config_env *env)
{
    if (env->is_private)
        return;
    clearenv();
    for (size_t i = 0; i < env->num; i++) {
        char *equal = strchr(env->entries[i], '=');
        if (!equal || equal == env->entries[i])
            continue;
        *equal = '\0';
        if (setenv(env->entries[i], equal + 1, 1) != 0)
            check_out_of_memory(strlen(equal + 1));
        *equal = '=';
    }
}
