// SPDX-License-Identifier: Apache-2.0
// Words of the global section about TLS: where files are, defaults for bind and server lines, sizes and limits.
#include <string.h>
#include <sys/stat.h>
#include "proxy/words.h"
#include "tls/conf_word.h"

static bool parse_dir(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    if (*(const char **)((char *)object + word->into))
        return proxy_word_error(config, line, "'%s' was said before", word->name);
    return config_word_str(config, object, word, line);
}

static bool parse_chain_path(struct config *config, void *object, const struct config_word *word,
                             const struct config_line *line)
{
    const struct config_arg *arg = config_arg_at(line, 0);
    struct stat status;
    if (stat(arg->str, &status) < 0 || !S_ISDIR(status.st_mode))
        return config_error(config, line, 0, "'%s' is no directory", arg->str);
    return parse_dir(config, object, word, line);
}

// Both lists of options hold words alone, which set members of global_conf.
static bool parse_options(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    return config_parse_options(config, object, line, 0, (uint32_t)word->value);
}

static bool option_strict_sni(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    (void)config;
    (void)line;
    ((struct global_conf *)object)->tls.strict_sni = word->value;
    return true;
}

static bool parse_server_verify(struct config *config, void *object, const struct config_word *word,
                                const struct config_line *line)
{
    struct tls_conf conf = { .verify = TLS_VERIFY_UNSAID };
    struct config_word plain = *word;
    plain.into = 0;
    if (!tls_word_verify(config, &conf, &plain, line))
        return false;
    ((struct global_conf *)object)->tls.server_verify_none = conf.verify == TLS_VERIFY_NONE;
    return true;
}

static bool parse_extra_files(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    static const struct {
        const char *name;
        uint32_t bits;
    } kinds[] = {
        { "none", 0 },
        { "all", TLS_EXTRA_ALL },
        { "bundle", TLS_EXTRA_BUNDLE },
        { "sctl", TLS_EXTRA_SCTL },
        { "ocsp", TLS_EXTRA_OCSP },
        { "issuer", TLS_EXTRA_ISSUER },
        { "key", TLS_EXTRA_KEY },
    };
    enum { ALONE = 2 };
    uint32_t bits = 0, num = line->num_args - line->first;
    (void)word;
    for (uint32_t at = 0; at < num; at++) {
        const char *known[NUM_ITEMS(kinds)];
        size_t i = 0;
        for (size_t k = 0; k < NUM_ITEMS(kinds); k++)
            known[k] = kinds[k].name;
        while (i < NUM_ITEMS(kinds) && strcmp(kinds[i].name, config_arg_at(line, at)->str) != 0)
            i++;
        if (i == NUM_ITEMS(kinds))
            return config_error_unknown(config, line, at, "kind of file", known, NUM_ITEMS(known));
        if (i < ALONE && num > 1)
            return config_error(config, line, at, "'%s' stands alone", kinds[i].name);
        bits |= kinds[i].bits;
    }
    ((struct global_conf *)object)->tls.store.extra = bits;
    return true;
}

static bool parse_cipherlist(struct config *config, void *object, const struct config_word *word,
                             const struct config_line *line)
{
    config_diag_add(config->diag, CONFIG_WARNING, line->place,
                    "'%s' is the older name of 'tune.ssl.capture-buffer-size'", word->name);
    return config_word_u32(config, object, word, line);
}

static bool parse_compression(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    static const char *const states[] = { "auto", "off" };
    bool is_auto = strcmp(config_arg_at(line, 0)->str, "auto") == 0;
    (void)word;
    if (!is_auto && strcmp(config_arg_at(line, 0)->str, "off") != 0)
        return config_error_unknown(config, line, 0, "state", states, NUM_ITEMS(states));
    ((struct global_conf *)object)->tls.cert_compression = is_auto;
    return true;
}

static bool parse_dh_param(struct config *config, void *object, const struct config_word *word,
                           const struct config_line *line)
{
    uint64_t bits;
    (void)object;
    if (!config_parse_u64(config, &bits, line, 0, 1024, INT32_MAX))
        return false;
    config_diag_add(config->diag, CONFIG_WARNING, line->place,
                    "'%s' has no effect: BoringSSL has no DHE suites, ECDHE is used instead", word->name);
    return true;
}

#define TLS(member) offsetof(struct global_conf, tls.member)
enum { BIND = TLS(bind_default), SERVER = TLS(server_default) };

#define DIR(word, member, text)                                                                                        \
    {                                                                                                                  \
        .name = word, .in = CONFIG_IN_GLOBAL, .min_args = 1, .max_args = 1, .parse = parse_dir, .into = TLS(member),   \
        .args = "<directory>", .help = text, .good = word " /etc/ssl", .bad = word " /a;" word " /b",                  \
        .bad_says = "was said before"                                                                                  \
    }
#define NUMBER(word, function, member, text)                                                                           \
    {                                                                                                                  \
        .name = word, .in = CONFIG_IN_GLOBAL, .min_args = 1, .max_args = 1, .parse = function, .into = TLS(member),    \
        .max = INT32_MAX, .args = "<number>", .help = text, .good = word " 2000", .bad = word " -1",                   \
        .bad_says = "is no number"                                                                                     \
    }
#define TIME(word, member, text)                                                                                       \
    {                                                                                                                  \
        .name = word, .in = CONFIG_IN_GLOBAL, .min_args = 1, .max_args = 1, .parse = config_word_time,                 \
        .into = TLS(member), .value = 1000000, .min = 1000000, .args = "<time>", .help = text, .good = word " 1h",     \
        .bad = word " x", .bad_says = "is no time"                                                                     \
    }
#define BARE(word, member, text)                                                                                       \
    {                                                                                                                  \
        .name = word, .in = CONFIG_IN_GLOBAL, .parse = config_word_bool, .into = TLS(member), .args = "",              \
        .help = text, .good = word, .bad = word " on", .bad_says = "takes no argument"                                 \
    }

// Defaults for one side.
#define DEFAULTS(side, at, who)                                                                                        \
    TLS_ROW_CIPHERS("ssl-default-" side "-ciphers", CONFIG_IN_GLOBAL, at,                                              \
                    "What 'ciphers' is for " who " lines that do not say."),                                           \
        TLS_ROW_SUITES("ssl-default-" side "-ciphersuites", CONFIG_IN_GLOBAL, at,                                      \
                       "What 'ciphersuites' is for " who " lines that do not say."),                                   \
        TLS_ROW_GROUPS("ssl-default-" side "-curves", CONFIG_IN_GLOBAL, at,                                            \
                       "What 'curves' is for " who " lines that do not say."),                                         \
        TLS_ROW_SIGALGS("ssl-default-" side "-sigalgs", CONFIG_IN_GLOBAL, at, tls_word_sigalgs,                        \
                        "What 'sigalgs' is for " who " lines that do not say."),                                       \
        TLS_ROW_SIGALGS("ssl-default-" side "-client-sigalgs", CONFIG_IN_GLOBAL, at, tls_word_client_sigalgs,          \
                        "What 'client-sigalgs' is for " who " lines that do not say.")

static const struct config_word words[] = {
    DIR("ca-base", ca_base, "Where the names of 'ca-file', 'ca-verify-file' and 'crl-file' start that are relative."),
    DIR("crt-base", store.crt_base, "Where the names of certificates start that are relative."),
    DIR("key-base", store.key_base, "Where the names of a crt-store's 'key' start that are relative."),
    { .name = "issuers-chain-path",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_chain_path,
      .into = TLS(store.issuers_chain_path),
      .args = "<directory>",
      .help = "A directory of PEM files with the certificates between ours and the root: they complete those files "
              "that have their own certificate alone.",
      .good = "issuers-chain-path /",
      .bad = "issuers-chain-path /dev/null",
      .bad_says = "is no directory" },
    DEFAULTS("bind", BIND, "bind"),
    DEFAULTS("server", SERVER, "server"),
    { .name = "ssl-default-bind-options",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_options,
      .value = CONFIG_IN_SSL_BIND,
      .args = "<option>...",
      .help = "Options that bind lines start with: those about versions, tickets, 'strict-sni' and "
              "'prefer-client-ciphers'.",
      .good = "ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets prefer-client-ciphers",
      .bad = "ssl-default-bind-options no-tls-ticket",
      .bad_says = "did you mean 'no-tls-tickets'" },
    { .name = "ssl-default-server-options",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_options,
      .value = CONFIG_IN_SSL_SERVER,
      .args = "<option>...",
      .help = "Options that server lines start with: those about versions and tickets.",
      .good = "ssl-default-server-options ssl-min-ver TLSv1.2 no-tls-tickets",
      .bad = "ssl-default-server-options prefer-client-ciphers",
      .bad_says = "unknown option" },
    TLS_ROWS_VERSIONS(CONFIG_IN_SSL_BIND, BIND),
    TLS_ROW_SWITCH("no-tls-tickets", CONFIG_IN_SSL_BIND, BIND, tickets, TLS_NO, "No session tickets."),
    TLS_ROW_SWITCH("tls-tickets", CONFIG_IN_SSL_BIND, BIND, tickets, TLS_YES, "Session tickets, the default."),
    TLS_ROW_SWITCH("prefer-client-ciphers", CONFIG_IN_SSL_BIND, BIND, client_ciphers, TLS_YES,
                   "The client's order of suites counts, not ours."),
    TLS_ROW_BARE("strict-sni", CONFIG_IN_SSL_BIND, 0, option_strict_sni, true,
                 "A client that asks for no name that a certificate is for is refused."),
    TLS_ROW_BARE("no-strict-sni", CONFIG_IN_SSL_BIND, 0, option_strict_sni, false,
                 "Such a client gets the default certificate."),
    TLS_ROWS_VERSIONS(CONFIG_IN_SSL_SERVER, SERVER),
    TLS_ROW_SWITCH("no-tls-tickets", CONFIG_IN_SSL_SERVER, SERVER, tickets, TLS_NO,
                   "Session tickets are not asked for."),
    TLS_ROW_SWITCH("tls-tickets", CONFIG_IN_SSL_SERVER, SERVER, tickets, TLS_YES,
                   "Session tickets are asked for, the default."),
    TLS_ROW_POLICY("ssl-policy", CONFIG_IN_GLOBAL, BIND,
                   "Versions and suites of a named policy, for all bind lines; other words beat it."),
    { .name = "ssl-server-verify",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_server_verify,
      .args = "{ none | required }",
      .help = "What 'verify' is for server lines that do not say; the default is required.",
      .good = "ssl-server-verify none",
      .bad = "ssl-server-verify optional",
      .bad_says = "unknown way to verify" },
    { .name = "ssl-load-extra-files",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_extra_files,
      .args = "{ none | all | bundle | sctl | ocsp | issuer | key }...",
      .help = "Which files beside a certificate's are looked for: its name with .rsa and .ecdsa (bundle), .sctl, "
              ".ocsp, .issuer, .key. The default is all.",
      .good = "ssl-load-extra-files bundle key",
      .bad = "ssl-load-extra-files none ocsp",
      .bad_says = "stands alone" },
    BARE("ssl-load-extra-del-ext", store.extra_del_ext,
         "Such files take the place of the certificate's extension: www.key beside www.crt."),
    BARE("ssl-skip-self-issued-ca", store.skip_self_issued,
         "Self-signed certificates at the end of a chain are not sent to clients."),
    NUMBER("maxsslconn", config_word_u32, max_conn,
           "Most TLS connections at once, to clients and to servers, of all workers together; 0, the default, is no "
           "limit."),
    NUMBER("maxsslrate", config_word_u32, max_rate,
           "Most TLS connections of clients that are accepted in a second, by all workers together; 0, the default, "
           "is no limit."),
    NUMBER("tune.ssl.cachesize", config_word_u32, cache_size,
           "Sessions of TLS 1.2 that are kept for clients without tickets; the default is 20000, 0 keeps none. "
           "A reload with another size starts with an empty cache."),
    NUMBER("tune.ssl.maxrecord", config_word_u32, max_record,
           "Most bytes of a record while a connection starts or starts again after a pause; 0, the default, lets "
           "records start small and grow."),
    NUMBER("tune.ssl.hard-maxrecord", config_word_u32, hard_max_record,
           "Most bytes of any record; 0, the default, is what TLS allows, 16384."),
    NUMBER("tune.ssl.capture-buffer-size", config_word_u32, capture_len,
           "Most bytes of a ClientHello's lists that are kept for fingerprints (ssl_fc_cipherlist_bin, ssl_fc_ja4 and "
           "the like), where the configuration asks for them; 0, the default, keeps them whole."),
    NUMBER("tune.ssl.capture-cipherlist-size", parse_cipherlist, capture_len,
           "The older name of 'tune.ssl.capture-buffer-size'."),
    TIME("tune.ssl.lifetime", lifetime_us,
         "How long a session in the cache may be resumed; the default is 300s. A number alone is seconds. HAProxy "
         "dates tickets with it, too: here they have a word of their own, 'tune.ssl.ticket-lifetime'."),
    TIME("tune.ssl.ticket-rotation", rotation_us,
         "How often session tickets get a new key; the default is 12h. A number alone is seconds."),
    TIME("tune.ssl.ticket-lifetime", ticket_lifetime_us,
         "How long a session ticket may be used; the default is 24h. A number alone is seconds."),
    { .name = "tune.ssl.keylog",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_on_off,
      .into = TLS(keylog),
      .args = "{ on | off }",
      .help = "Keeps the secrets of connections for fetches that log them (ssl_fc_client_random and the like), so "
              "that a capture can be read. Off by default.",
      .good = "tune.ssl.keylog on",
      .bad = "tune.ssl.keylog yes",
      .bad_says = "unknown state" },
    BARE("tune.ssl.force-private-cache", private_cache, "Each worker keeps its own sessions of TLS 1.2."),
    { .name = "tune.ssl.certificate-compression",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_compression,
      .args = "{ auto | off }",
      .help = "Whether certificates are compressed (zlib, RFC 8879) for clients of TLS 1.3 that can read that; auto is "
              "the default.",
      .good = "tune.ssl.certificate-compression off",
      .bad = "tune.ssl.certificate-compression on",
      .bad_says = "unknown state" },
    { .name = "tune.ssl.ssl-ctx-cache-size",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_tuning,
      .args = "<number>",
      .help = "Has no effect: no certificates are made on the fly.",
      .good = "tune.ssl.ssl-ctx-cache-size 100",
      .bad = "tune.ssl.ssl-ctx-cache-size",
      .bad_says = "is incomplete" },
    { .name = "tune.ssl.default-dh-param",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_dh_param,
      .args = "<number>",
      .help = "Has no effect: BoringSSL has no DHE suites.",
      .good = "tune.ssl.default-dh-param 2048",
      .bad = "tune.ssl.default-dh-param 512",
      .bad_says = "out of range" },
};
CONFIG_WORDS(words);
