// SPDX-License-Identifier: Apache-2.0
// Options of `server` and `default-server` lines about TLS.
#include "expr/expr.h"
#include "proxy/words.h"
#include "tls/conf_word.h"

static bool option_ssl(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    (void)config;
    (void)line;
    ((struct server_conf *)object)->tls.enabled = word->value;
    return true;
}

static bool option_reuse(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    (void)config;
    (void)line;
    ((struct server_conf *)object)->tls.no_reuse = word->value;
    return true;
}

static bool option_no_verifyhost(struct config *config, void *object, const struct config_word *word,
                                 const struct config_line *line)
{
    (void)config;
    (void)word;
    (void)line;
    ((struct server_conf *)object)->tls.verify_host = NULL;
    return true;
}

static bool option_sni(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    struct server_conf *server = object;
    struct expr *expr = arena_alloc(config->arena, sizeof(*expr));
    (void)word;
    if (config_arg_at(line, 0)->len == 0)
        return config_error(config, line, 0, "an expression is missing, such as 'req.hdr(host)' or 'str(www.test)'");
    if (!expr_parse(config, expr, line, 0) ||
        !expr_check_when(config, line, 0, expr, EXPR_AT_REQUEST_CONTENT | EXPR_AT_REQUEST_HEAD))
        return false;
    server->sni = expr;
    return true;
}

enum { IN_BOTH = CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER, AT = offsetof(struct server_conf, tls.conf) };

static const struct config_word words[] = {
    TLS_ROW_BARE("ssl", IN_BOTH, 0, option_ssl, true,
                 "Connections to the server are TLS. Its certificate is verified against 'ca-file' unless 'verify' "
                 "says otherwise."),
    TLS_ROW_BARE("no-ssl", IN_BOTH, 0, option_ssl, false, "Takes back 'ssl' of default-server."),
    TLS_ROW_BARE("no-ssl-reuse", IN_BOTH, 0, option_reuse, true,
                 "Sessions with the server are not resumed: each connection takes a full handshake."),
    TLS_ROW_BARE("ssl-reuse", IN_BOTH, 0, option_reuse, false, "Sessions are resumed, the default."),
    TLS_ROW_SWITCH("no-tls-tickets", IN_BOTH, AT, tickets, TLS_NO, "Session tickets are not asked for."),
    TLS_ROW_SWITCH("tls-tickets", IN_BOTH, AT, tickets, TLS_YES, "Session tickets are asked for, the default."),
    { .name = "verify",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = tls_word_verify,
      .into = AT,
      .args = "{ none | required }",
      .help = "Whether the server must prove by a certificate of 'ca-file' that it is who 'sni' or 'verifyhost' says. "
              "The default is required, or what the global 'ssl-server-verify' says.",
      .good = "ssl verify none",
      .bad = "verify optional",
      .bad_says = "unknown way to verify" },
    { .name = "verifyhost",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = config_word_str,
      .into = offsetof(struct server_conf, tls.verify_host),
      .args = "<name>",
      .help = "The name that the server's certificate must be for where no 'sni' is sent.",
      .good = "ssl verify required ca-file ca.pem verifyhost www.test",
      .bad = "verifyhost ''",
      .bad_says = "not empty" },
    TLS_ROW_BARE("no-verifyhost", IN_BOTH, 0, option_no_verifyhost, 0, "Takes back 'verifyhost' of default-server."),
    { .name = "sni",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_sni,
      .args = "<expression>",
      .help = "The name that the server is asked for, and that its certificate must then be for: what the expression "
              "gives for the request that opens the connection. Connections are kept apart by it.",
      .good = "ssl verify none sni str(www.test)",
      .bad = "sni ''",
      .bad_says = "an expression is missing" },
    { .name = "crt",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = config_word_str,
      .into = offsetof(struct server_conf, tls.crt),
      .args = "<file>",
      .help = "The certificate and key that we prove ourselves with where the server asks.",
      .good = "crt client.pem",
      .bad = "crt ''",
      .bad_says = "not empty" },
    TLS_ROW_FILE("ca-file", IN_BOTH, AT, ca_file,
                 "Authorities that may have signed the server's certificate: a PEM file, a directory of such, or "
                 "@system-ca.",
                 "@system-ca"),
    TLS_ROW_FILE("crl-file", IN_BOTH, AT, crl_file,
                 "Revocation lists that the server's certificate is checked against, PEM.", "revoked.pem"),
    TLS_ROW_ALPN(IN_BOTH, AT,
                 "Protocols that the server is offered by ALPN. h2 is not spoken yet: it is left out with a warning."),
    TLS_ROW_CIPHERS("ciphers", IN_BOTH, AT, "Suites of TLS 1.2 and below that are offered, in OpenSSL's language."),
    TLS_ROW_SUITES("ciphersuites", IN_BOTH, AT, "Suites of TLS 1.3: the library fixes them, all three must be there."),
    TLS_ROW_GROUPS("curves", IN_BOTH, AT, "Groups for the key exchange, the preferred first."),
    TLS_ROW_SIGALGS("sigalgs", IN_BOTH, AT, tls_word_sigalgs,
                    "Signature algorithms that the server may prove itself with."),
    TLS_ROW_SIGALGS("client-sigalgs", IN_BOTH, AT, tls_word_client_sigalgs,
                    "Signature algorithms that we prove ourselves with."),
    TLS_ROW_POLICY("ssl-policy", IN_BOTH, AT,
                   "Versions and suites of a named policy, as on a bind line. Other words beat it."),
    TLS_ROWS_VERSIONS(IN_BOTH, AT),
};
CONFIG_WORDS(words);
