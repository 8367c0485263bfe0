// SPDX-License-Identifier: Apache-2.0
// Options of `bind` lines about TLS, and those of a crt-list's lines that mean the same for one certificate.
#include "proxy/words.h"
#include "tls/conf_word.h"

static bool option_source(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    struct bind_conf *bind = object;
    const struct config_arg *arg = config_arg_at(line, 0);
    if (arg->len == 0)
        return config_error(config, line, 0, "the name of a file is missing");
    struct tls_source **last = &bind->tls.sources, *source = arena_alloc(config->arena, sizeof(*source));
    source->kind = (uint8_t)word->value;
    source->name = arg->str;
    source->place = line->place;
    source->place.column = arg->column;
    source->place.length = arg->width;
    while (*last)
        last = &(*last)->next;
    *last = source;
    return true;
}

static bool option_strict_sni(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    struct bind_conf *bind = object;
    (void)config;
    (void)line;
    bind->tls.strict_sni = word->value == TLS_YES;
    bind->tls.no_strict_sni = word->value == TLS_NO;
    return true;
}

enum {
    ON_BIND = CONFIG_IN_BIND | CONFIG_IN_SOCKET,
    BIND = offsetof(struct bind_conf, tls.conf),
    LIST = 0,
};

#define SOURCE(word, meaning, text)                                                                                    \
    {                                                                                                                  \
        .name = word, .in = ON_BIND, .min_args = 1, .parse = option_source, .value = meaning, .args = "<file>",        \
        .help = text, .good = word " www.pem", .bad = word " ''", .bad_says = "file is missing"                        \
    }

// What a line of a crt-list may say, and the bind line for all its certificates.
#define EARLY_DATA(list, at)                                                                                           \
    TLS_ROW_SWITCH("allow-0rtt", list, at, early_data, TLS_YES,                                                        \
                   "Early data of TLS 1.3 is read. It may be a replay: requests that come in it carry "                \
                   "'Early-Data: 1', and 'http-request wait-for-handshake' makes one wait.")
#define SHARED(list, at)                                                                                               \
    TLS_ROW_ALPN(list, at,                                                                                             \
                 "The protocols that may run within TLS, the preferred first (RFC 7301). The default of an HTTP bind " \
                 "is http/1.1. h2 is not served yet: it is left out with a warning."),                                 \
        TLS_ROW_BARE("no-alpn", list, at, tls_word_no_alpn, 0, "No protocol is agreed on by ALPN."),                   \
        TLS_ROW_FILE("ca-file", list, at, ca_file,                                                                     \
                     "Authorities that may have signed the certificates of clients, whose names are sent to clients: " \
                     "a PEM file, a directory of such, or @system-ca.",                                                \
                     "clients.pem"),                                                                                   \
        TLS_ROW_FILE("ca-verify-file", list, at, ca_verify_file,                                                       \
                     "Authorities like those of 'ca-file', whose names are not sent to clients.", "roots.pem"),        \
        TLS_ROW_FILE("crl-file", list, at, crl_file,                                                                   \
                     "Revocation lists that the certificates of clients are checked against, PEM.", "revoked.pem"),    \
        TLS_ROW_SWITCH("no-ca-names", list, at, ca_names, TLS_NO,                                                      \
                       "Clients are not told the names of the authorities in 'ca-file'."),                             \
        TLS_ROW_CIPHERS("ciphers", list, at,                                                                           \
                        "Suites of TLS 1.2 and below in OpenSSL's language, the preferred first. The default has "     \
                        "forward secrecy and AEAD alone. What the library does not have is left out with a warning."), \
        TLS_ROW_SUITES("ciphersuites", list, at,                                                                       \
                       "Suites of TLS 1.3. The library fixes them: all three must be there, their order says "         \
                       "nothing."),                                                                                    \
        TLS_ROW_GROUPS("curves", list, at,                                                                             \
                       "Groups for the key exchange, the preferred first; the default is X25519:P-256. secp256r1, "    \
                       "prime256v1 and P-256 are one."),                                                               \
        TLS_ROW_GROUPS("ecdhe", list, at, "The older name of 'curves'."),                                              \
        TLS_ROW_SIGALGS("sigalgs", list, at, tls_word_sigalgs, "Signature algorithms that we sign handshakes with."),  \
        TLS_ROW_SIGALGS("client-sigalgs", list, at, tls_word_client_sigalgs,                                           \
                        "Signature algorithms that clients may prove themselves with."),                               \
        TLS_ROW_POLICY("ssl-policy", list, at,                                                                         \
                       "Versions and suites of a named policy: mozilla-modern, mozilla-intermediate, or one of AWS's " \
                       "names, with or without 'ELBSecurityPolicy-'. Other words beat it."),                           \
    {                                                                                                                  \
        .name = "verify", .in = list, .min_args = 1, .parse = tls_word_verify, .into = at, .value = 1,                 \
        .args = "{ none | optional | required }",                                                                      \
        .help = "Whether clients are asked for a certificate, and whether the handshake fails without one. One "       \
                "that comes is always checked, against 'ca-file'. The default is none.",                               \
        .good = "verify required", .bad = "verify maybe", .bad_says = "unknown way to verify"                          \
    }

static const struct config_word words[] = {
    { .name = "ssl",
      .in = ON_BIND,
      .parse = config_word_bool,
      .into = offsetof(struct bind_conf, tls.enabled),
      .args = "",
      .help = "Connections are TLS; 'crt' or 'crt-list' gives the certificates.",
      .good = "ssl crt www.pem",
      .bad = "ssl yes",
      .bad_says = "unknown option 'yes'" },
    SOURCE("crt", TLS_SOURCE_CRT,
           "A PEM file with a certificate, those between it and the root, and its key; or a directory of such files; "
           "or the name that a crt-store gave one. May be said again for more. The first one is the default for "
           "clients that ask for no name or for one that no certificate is for."),
    SOURCE("default-crt", TLS_SOURCE_DEFAULT, "As 'crt', for a certificate that is a default whatever its place."),
    SOURCE("crt-list", TLS_SOURCE_LIST,
           "A file that gives certificates, one a line: `<file> [<option>...] [<name>...]`, the options in brackets."),
    TLS_ROW_BARE("strict-sni", ON_BIND, 0, option_strict_sni, TLS_YES,
                 "A client that asks for no name that a certificate is for is refused."),
    TLS_ROW_BARE("no-strict-sni", ON_BIND, 0, option_strict_sni, TLS_NO,
                 "Takes back 'strict-sni' of 'ssl-default-bind-options'."),
    { .name = "tls-ticket-keys",
      .in = ON_BIND,
      .min_args = 1,
      .parse = config_word_str,
      .into = offsetof(struct bind_conf, tls.ticket_file),
      .args = "<file>",
      .help = "Keys for session tickets that several machines share: at least three lines of 48 or 80 bytes in "
              "base64. Read anew at each reload.",
      .good = "tls-ticket-keys tickets.keys",
      .bad = "tls-ticket-keys ''",
      .bad_says = "not empty" },
    TLS_ROW_ERRORS("ca-ignore-err", ON_BIND, BIND, ca_ignore,
                   "Errors of the authorities in a client's chain that do not end the handshake."),
    TLS_ROW_ERRORS("crt-ignore-err", ON_BIND, BIND, crt_ignore,
                   "Errors of a client's own certificate that do not end the handshake."),
    TLS_ROW_SWITCH("prefer-client-ciphers", ON_BIND, BIND, client_ciphers, TLS_YES,
                   "The client's order of suites counts, not ours."),
    TLS_ROW_SWITCH("no-tls-tickets", ON_BIND, BIND, tickets, TLS_NO,
                   "No session tickets: sessions of TLS 1.2 resume by their number, those of TLS 1.3 not at all, for "
                   "the library keeps no state for them."),
    TLS_ROW_SWITCH("tls-tickets", ON_BIND, BIND, tickets, TLS_YES, "Session tickets, the default."),
    TLS_ROWS_VERSIONS(ON_BIND, BIND),
    EARLY_DATA(CONFIG_IN_BIND, BIND),
    SHARED(ON_BIND, BIND),
    EARLY_DATA(CONFIG_IN_CRT_LIST, LIST),
    SHARED(CONFIG_IN_CRT_LIST, LIST),
    TLS_ROW_VERSION("ssl-min-ver", CONFIG_IN_CRT_LIST, LIST, min_version,
                    "The lowest version that is spoken; one below TLSv1.2 takes 'ciphers' that it can speak."),
    TLS_ROW_VERSION("ssl-max-ver", CONFIG_IN_CRT_LIST, LIST, max_version, "The highest version that is spoken."),
};
CONFIG_WORDS(words);
