// SPDX-License-Identifier: Apache-2.0
// The section `crt-store`: certificates by name. Manual section 12.7.
#include <string.h>
#include "proxy/words.h"
#include "tls/cert.h"

// The section being read.
struct crt_store {
    const char *name; // "" for the one without
    const char *crt_base;
    const char *key_base;
};

static void *begin(struct config *config, const struct config_line *line)
{
    const struct config_arg *name = config_arg_at(line, 0);
    if (name && !proxy_name_check(config, line))
        return NULL;
    struct crt_store *store = arena_alloc(config->arena, sizeof(*store));
    store->name = name ? name->str : "";
    return store;
}

static const struct config_section section = {
    .name = "crt-store",
    .in = CONFIG_IN_CRT_STORE,
    .max_args = 1,
    .begin = begin,
    .help = "Certificates with the files they are made of, to be named in 'crt' and in crt-lists: by their file's name "
            "or as '@/<alias>'; where the section has a name, as '@<name>/<file>' or '@<name>/<alias>'. Nothing is "
            "looked for beside these files.",
};
CONFIG_SECTION(section);

// The member that the option `name` sets, NULL for none.
static const char **load_member(struct tls_cert_files *files, const char *name)
{
    struct {
        const char *name;
        const char **member;
    } const members[] = {
        { "crt", &files->crt },       { "key", &files->key },   { "ocsp", &files->ocsp },
        { "issuer", &files->issuer }, { "sctl", &files->sctl }, { "alias", &files->alias },
    };
    for (size_t i = 0; i < NUM_ITEMS(members); i++)
        if (strcmp(members[i].name, name) == 0)
            return members[i].member;
    return NULL;
}

static bool load_update(struct config *config, const struct config_line *line, uint32_t index)
{
    static const char *const known[] = { "on", "off" };
    const char *state = config_arg_at(line, index)->str;
    if (strcmp(state, "on") == 0)
        return config_error(config, line, index, "'ocsp-update on' is not supported: %s", TLS_NO_OCSP_UPDATE);
    return strcmp(state, "off") == 0 || config_error_unknown(config, line, index, "state", known, NUM_ITEMS(known));
}

static bool load_option(struct config *config, struct tls_cert_files *files, const struct config_line *line,
                        uint32_t index)
{
    static const char *const known[] = { "crt", "key", "ocsp", "issuer", "sctl", "alias", "ocsp-update" };
    const struct config_arg *name = config_arg_at(line, index), *value = config_arg_at(line, index + 1);
    const char **member = load_member(files, name->str);
    bool is_update = strcmp(name->str, "ocsp-update") == 0;
    if (strcmp(name->str, "acme") == 0 || strcmp(name->str, "domains") == 0)
        return config_error(config, line, index,
                            "'%s' is not supported: fairlead does not ask for certificates by "
                            "ACME; run an ACME client and reload",
                            name->str);
    if (!member && !is_update)
        return config_error_unknown(config, line, index, "option of 'load'", known, NUM_ITEMS(known));
    if (!value || value->len == 0)
        return config_error(config, line, index + 1, "'%s' needs a value", name->str);
    if (is_update)
        return load_update(config, line, index + 1);
    if (*member)
        return config_error(config, line, index, "'%s' was said before", name->str);
    *member = value->str;
    return true;
}

static const char *from_base(struct config *config, const char *name, const char *base)
{
    return !name || name[0] == '/' || !base ? name : arena_printf(config->arena, "%s/%s", base, name);
}

static bool parse_load(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    const struct crt_store *store = object;
    const struct tls_store_conf *global = &proxy_program(config)->global.tls.store;
    struct tls_cert_files files = { 0 };
    (void)word;
    for (uint32_t i = 0; config_arg_at(line, i); i += 2)
        if (!load_option(config, &files, line, i))
            return false;
    if (!files.crt)
        return config_error(config, line, 0, "'load' needs a 'crt': the file of the certificate");
    if (files.alias && strchr(files.alias, '/'))
        return config_error(config, line, 0, "an alias has no '/'");
    const char *crt_base = store->crt_base ? store->crt_base : global->crt_base;
    const char *said = files.crt, *name;
    files.crt = from_base(config, files.crt, crt_base);
    files.key = from_base(config, files.key, store->key_base ? store->key_base : global->key_base);
    files.ocsp = from_base(config, files.ocsp, crt_base);
    files.issuer = from_base(config, files.issuer, crt_base);
    files.sctl = from_base(config, files.sctl, crt_base);
    if (files.alias || *store->name)
        name = arena_printf(config->arena, "@%s/%s", store->name, files.alias ? files.alias : said);
    else
        name = files.crt;
    return tls_store_define(proxy_certs(config), name, &files, line->place);
}

static bool parse_base(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    const char **base = (const char **)((char *)object + word->into);
    if (*base)
        return config_error(config, line, 0, "'%s' was said before", word->name);
    *base = config_arg_at(line, 0)->str;
    return true;
}

#define BASE(word, member, text)                                                                                       \
    {                                                                                                                  \
        .name = word, .in = CONFIG_IN_CRT_STORE, .min_args = 1, .max_args = 1, .parse = parse_base,                    \
        .into = offsetof(struct crt_store, member), .args = "<directory>", .help = text, .good = word " /etc/ssl",     \
        .bad = word " /a;" word " /b", .bad_says = "was said before"                                                   \
    }

static const struct config_word words[] = {
    BASE("crt-base", crt_base,
         "Where the names of this section's files start that are relative, but for keys; instead of the global one, "
         "for the lines that follow."),
    BASE("key-base", key_base,
         "Where the names of this section's keys start that are relative; instead of the global one, for the lines "
         "that follow."),
    { .name = "load",
      .in = CONFIG_IN_CRT_STORE,
      .min_args = 2,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_load,
      .args = "crt <file> [key <file>] [ocsp <file>] [issuer <file>] [sctl <file>] [alias <name>] [ocsp-update off]",
      .help = "Defines a certificate. A key that is named takes the place of one in the certificate's file. The files "
              "are read when something uses the certificate.",
      .good = "load crt site.crt key site.key ocsp site.ocsp alias site;load crt other.pem ocsp-update off",
      .bad = "load crt site.pem ocsp-update on",
      .bad_says = "does not fetch OCSP responses" },
};
CONFIG_WORDS(words);
