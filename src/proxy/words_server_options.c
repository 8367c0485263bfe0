// SPDX-License-Identifier: Apache-2.0
// Options of `server` and `default-server` lines.
#include <net/if.h>
#include <string.h>
#include "proxy/address.h"
#include "proxy/answer.h"
#include "proxy/words.h"

static bool option_bool(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    (void)config;
    (void)line;
    *(bool *)((char *)object + word->into) = word->value;
    return true;
}

static bool option_send_proxy(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    struct server_conf *server = object;
    (void)config;
    (void)line;
    server->send_proxy = (uint8_t)word->value;
    return true;
}

// `no-send-proxy` and `no-send-proxy-v2` undo their own version alone.
static bool option_no_send_proxy(struct config *config, void *object, const struct config_word *word,
                                 const struct config_line *line)
{
    struct server_conf *server = object;
    (void)config;
    (void)line;
    if (server->send_proxy == word->value)
        server->send_proxy = PROXY_SEND_PROXY_NONE;
    return true;
}

// The forms of send-proxy-v2 that tell of the client's TLS: `value` holds the bits of proxy-v2-options.
static bool option_send_proxy_ssl(struct config *config, void *object, const struct config_word *word,
                                  const struct config_line *line)
{
    struct server_conf *server = object;
    (void)config;
    (void)line;
    server->send_proxy = PROXY_SEND_PROXY_V2;
    server->proxy_v2_options |= (uint8_t)word->value;
    return true;
}

static bool option_no_send_proxy_ssl(struct config *config, void *object, const struct config_word *word,
                                     const struct config_line *line)
{
    struct server_conf *server = object;
    (void)config;
    (void)line;
    if (server->send_proxy == PROXY_SEND_PROXY_V2)
        server->send_proxy = PROXY_SEND_PROXY_NONE;
    server->proxy_v2_options &= (uint8_t)~word->value;
    return true;
}

static bool option_proxy_v2(struct config *config, void *object, const struct config_word *word,
                            const struct config_line *line)
{
    static const struct {
        struct slice name;
        uint8_t bits;
    } known[] = {
        { SLICE("crc32c"), PROXY_V2_CRC32C },
        { SLICE("authority"), PROXY_V2_AUTHORITY },
        { SLICE("ssl"), PROXY_V2_SSL },
        { SLICE("cert-cn"), PROXY_V2_SSL | PROXY_V2_CERT_CN },
        { SLICE("ssl-cipher"), PROXY_V2_SSL | PROXY_V2_CIPHER },
        { SLICE("cert-sig"), PROXY_V2_SSL | PROXY_V2_CERT_SIG },
        { SLICE("cert-key"), PROXY_V2_SSL | PROXY_V2_CERT_KEY },
        { SLICE("unique-id"), PROXY_V2_UNIQUE_ID },
    };
    struct server_conf *server = object;
    const struct config_arg *arg = config_arg_at(line, 0);
    struct slice rest = slice_of(arg->str, arg->len);
    (void)word;
    do {
        struct slice one = slice_of(rest.ptr, slice_find(rest, ','));
        size_t i = 0;
        rest = slice_from(rest, one.len + 1);
        while (i < NUM_ITEMS(known) && !slice_equal(one, known[i].name))
            i++;
        if (i == NUM_ITEMS(known))
            return config_error(config, line, 0,
                                "unknown proxy-v2 option '%.*s', expected 'ssl', 'cert-cn', 'ssl-cipher', 'cert-sig', "
                                "'cert-key', 'authority', 'crc32c' or 'unique-id'",
                                (int)one.len, one.ptr);
        server->proxy_v2_options |= known[i].bits;
    } while (rest.len > 0);
    return true;
}

static bool option_source(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    struct server_conf *server = object;
    (void)word;
    server->source_interface = NULL;
    return proxy_address_source(config, &server->source, &server->source_last_port, line, 0);
}

static bool option_interface(struct config *config, void *object, const struct config_word *word,
                             const struct config_line *line)
{
    struct server_conf *server = object;
    const struct config_arg *arg = config_arg_at(line, 0);
    (void)word;
    if (server->source.family == AF_UNSPEC)
        return proxy_word_error(config, line, "'interface' stands behind 'source' and its address");
    if (arg->len == 0 || arg->len >= IFNAMSIZ)
        return config_error(config, line, 0, "the name of an interface has 1 to %d bytes", IFNAMSIZ - 1);
    server->source_interface = arg->str;
    return true;
}

// A number that may be -1, which stands for no limit.
static bool parse_signed(struct config *config, int64_t *out, const struct config_line *line, int64_t max)
{
    uint64_t number;
    *out = -1;
    if (strcmp(config_arg_at(line, 0)->str, "-1") == 0)
        return true;
    if (!config_parse_u64(config, &number, line, 0, 0, (uint64_t)max))
        return false;
    *out = (int64_t)number;
    return true;
}

static bool option_pool_max_conn(struct config *config, void *object, const struct config_word *word,
                                 const struct config_line *line)
{
    int64_t number;
    (void)word;
    if (!parse_signed(config, &number, line, INT32_MAX))
        return false;
    ((struct server_conf *)object)->pool_max_conn = (int32_t)number;
    return true;
}

static bool option_max_reuse(struct config *config, void *object, const struct config_word *word,
                             const struct config_line *line)
{
    int64_t number;
    (void)word;
    if (!parse_signed(config, &number, line, INT32_MAX - 1))
        return false;
    // It counts uses after the first one.
    ((struct server_conf *)object)->max_reuse = (uint32_t)(number + 1);
    return true;
}

static bool option_init_addr(struct config *config, void *object, const struct config_word *word,
                             const struct config_line *line)
{
    const struct config_arg *arg = config_arg_at(line, 0);
    struct slice rest = slice_of(arg->str, arg->len);
    (void)word;
    do {
        struct transport_address addr;
        struct slice one = slice_of(rest.ptr, slice_find(rest, ','));
        rest = slice_from(rest, one.len + 1);
        if (!slice_equal(one, SLICE("last")) && !slice_equal(one, SLICE("libc")) && !slice_equal(one, SLICE("none")) &&
            !transport_address_parse_ip(&addr, arena_copy(config->arena, one.ptr, one.len)))
            return config_error(config, line, 0,
                                "unknown init-addr method '%.*s', expected 'last', 'libc', 'none' or an "
                                "address",
                                (int)one.len, one.ptr);
    } while (rest.len > 0);
    ((struct server_conf *)object)->init_addr = arg->str;
    return true;
}

static bool option_cookie(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    const struct config_arg *arg = config_arg_at(line, 0);
    (void)word;
    // What may stand in a cookie's value (RFC 6265 section 4.1.1).
    for (const char *c = arg->str; *c; c++) {
        if (*c <= ' ' || *c == 0x7f || (*c & 0x80) || strchr("\",;\\", *c))
            return config_error(config, line, 0, "a cookie's value cannot hold '%c'", *c);
    }
    if (arg->len == 0)
        return config_error(config, line, 0, "the cookie's value is missing");
    if (arg->len > PROXY_COOKIE_MAX)
        return config_error(config, line, 0, "a cookie's value has at most %d bytes", PROXY_COOKIE_MAX);
    ((struct server_conf *)object)->cookie = arg->str;
    return true;
}

static bool option_redir(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    const struct config_arg *arg = config_arg_at(line, 0);
    (void)word;
    for (const char *c = arg->str; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return config_error(config, line, 0, "a prefix cannot hold spaces or control characters");
    if (arg->len == 0 || arg->len > 4096)
        return config_error(config, line, 0, "the prefix cannot be %s", arg->len ? "so long" : "empty");
    bool ok;
    struct server_conf *server = object;
    struct proxy_answer *answer = (struct proxy_answer *)proxy_answer_new(config->arena, &ok, 302, NULL,
                                                                          "cache-control: no-cache\r\n", SLICE(""));
    must(ok);
    answer->close = true;
    server->redir = arg->str;
    server->redir_answer = answer;
    return true;
}

enum { IN_BOTH = CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER };

#define INTO(member) .into = offsetof(struct server_conf, member)
#define SWITCH(word, function, member, meaning, text)                                                                  \
    {                                                                                                                  \
        .name = word, .in = IN_BOTH, .parse = function, INTO(member), .value = meaning, .args = "", .help = text,      \
        .good = word, .bad = word " yes", .bad_says = "unknown option 'yes'"                                           \
    }
#define NUMBER(word, member, least, most, text)                                                                        \
    {                                                                                                                  \
        .name = word, .in = IN_BOTH, .min_args = 1, .parse = config_word_u32, INTO(member), .min = least, .max = most, \
        .args = "<number>", .help = text, .good = word " 10", .bad = word " x", .bad_says = "is no number"             \
    }

static const struct config_word words[] = {
    { .name = "id",
      .in = CONFIG_IN_SERVER,
      .min_args = 1,
      .parse = config_word_u32,
      INTO(id),
      .min = 1,
      .max = INT32_MAX,
      .args = "<number>",
      .help = "The server's number in statistics; those without one are numbered from 1.",
      .good = "id 12",
      .bad = "id 0",
      .bad_says = "out of range" },
    NUMBER("weight", weight, 0, 256,
           "The server's share, from 0 to 256, against that of the others; 0 takes it out of balancing but not out of "
           "stickiness. The default is 1."),
    NUMBER("maxconn", maxconn, 0, INT32_MAX,
           "Most connections that all workers together open to the server; further requests queue. 0: no limit."),
    NUMBER("minconn", minconn, 0, INT32_MAX,
           "With fewer sessions in the backend than its 'fullconn' the server's maxconn is lower: it rises with their "
           "number, from <number> on. 0: 'maxconn' holds always."),
    NUMBER("maxqueue", maxqueue, 0, INT32_MAX,
           "Most requests that wait for this very server; further ones go to another. 0: no limit."),
    SWITCH("backup", option_bool, backup, true, "Used only when no other server is available."),
    SWITCH("no-backup", option_bool, backup, false, "Undoes 'backup'."),
    SWITCH("disabled", option_bool, disabled, true, "The server starts in maintenance and gets no traffic."),
    SWITCH("enabled", option_bool, disabled, false, "Undoes 'disabled'."),
    SWITCH("non-stick", option_bool, non_stick, true,
           "No 'stick store-request' or 'stick store-response' remembers the server."),
    SWITCH("stick", option_bool, non_stick, false, "Undoes 'non-stick'."),
    SWITCH("tfo", option_bool, tfo, true, "TCP Fast Open: the first bytes go with the SYN."),
    SWITCH("no-tfo", option_bool, tfo, false, "Undoes 'tfo'."),
    SWITCH("send-proxy", option_send_proxy, send_proxy, PROXY_SEND_PROXY_V1,
           "Connections begin with a PROXY protocol header of version 1, which says who the client is."),
    SWITCH("send-proxy-v2", option_send_proxy, send_proxy, PROXY_SEND_PROXY_V2,
           "Connections begin with a PROXY protocol header of version 2."),
    SWITCH("no-send-proxy", option_no_send_proxy, send_proxy, PROXY_SEND_PROXY_V1, "Undoes 'send-proxy'."),
    SWITCH("no-send-proxy-v2", option_no_send_proxy, send_proxy, PROXY_SEND_PROXY_V2, "Undoes 'send-proxy-v2'."),
    SWITCH("send-proxy-v2-ssl", option_send_proxy_ssl, proxy_v2_options, PROXY_V2_SSL,
           "As 'send-proxy-v2', and the header tells of the client's TLS."),
    SWITCH("no-send-proxy-v2-ssl", option_no_send_proxy_ssl, proxy_v2_options, PROXY_V2_SSL,
           "Undoes 'send-proxy-v2-ssl'."),
    SWITCH("send-proxy-v2-ssl-cn", option_send_proxy_ssl, proxy_v2_options, PROXY_V2_SSL | PROXY_V2_CERT_CN,
           "As 'send-proxy-v2-ssl', with the common name of the client's certificate."),
    SWITCH("no-send-proxy-v2-ssl-cn", option_no_send_proxy_ssl, proxy_v2_options, PROXY_V2_SSL | PROXY_V2_CERT_CN,
           "Undoes 'send-proxy-v2-ssl-cn'."),
    { .name = "proxy-v2-options",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_proxy_v2,
      .args = "{ ssl | cert-cn | ssl-cipher | cert-sig | cert-key | authority | crc32c | unique-id }[,...]",
      .help = "What a PROXY protocol header of version 2 holds beyond addresses: the client's TLS (its version and "
              "whether it has a certificate), with that its certificate's common name, its cipher, and how our "
              "certificate was signed and which key it has; the server name the client asked for; a checksum; what "
              "unique-id-format gives.",
      .good = "proxy-v2-options ssl,cert-cn,crc32c",
      .bad = "proxy-v2-options tls",
      .bad_says = "unknown proxy-v2 option" },
    { .name = "source",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_source,
      .args = "<address>[:<port>[-<port>]]",
      .help = "The address to connect from, and the port, or a range of ports, of which each connection takes one that "
              "is free: all workers share it. Servers may share one, too.",
      .good = "source 127.0.0.1:20000-30000",
      .bad = "source 127.0.0.1:90-80",
      .bad_says = "invalid port range" },
    { .name = "interface",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_interface,
      .args = "<name>",
      .help = "Behind 'source': the network interface to connect from.",
      .good = "source 127.0.0.1 interface lo",
      .bad = "interface lo",
      .bad_says = "stands behind 'source'" },
    { .name = "pool-max-conn",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_pool_max_conn,
      .args = "<number>",
      .help = "Idle connections that are kept, by all workers together; -1, the default: no limit; 0: none.",
      .good = "pool-max-conn 100",
      .bad = "pool-max-conn -2",
      .bad_says = "is no number" },
    { .name = "pool-purge-delay",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = config_word_time,
      INTO(pool_purge_us),
      .value = 1000,
      .args = "<time>",
      .help = "How often half of the idle connections that were not needed since are closed; the default is 5s. With 0 "
              "no connection is kept idle.",
      .good = "pool-purge-delay 1s",
      .bad = "pool-purge-delay x",
      .bad_says = "is no time" },
    { .name = "max-reuse",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_max_reuse,
      .args = "<number>",
      .help = "How often a connection is used again after its first request; -1, the default: no limit.",
      .good = "max-reuse 100",
      .bad = "max-reuse -2",
      .bad_says = "is no number" },
    { .name = "init-addr",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_init_addr,
      .args = "{ last | libc | none | <ip> }[,...]",
      .help =
          "How a host name finds its address at start, each way tried in turn; 'none' starts without one and leaves "
          "the server down. The default is last,libc.",
      .good = "init-addr last,libc,none",
      .bad = "init-addr dns",
      .bad_says = "unknown init-addr method" },
    { .name = "redir",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_redir,
      .args = "<prefix>",
      .help =
          "GET and HEAD requests for the server are answered with a redirection (302) to <prefix> followed by their "
          "path and query; others are served. The prefix should not end with '/', nor lead back here.",
      .good = "redir http://images.example.org",
      .bad = "redir ''",
      .bad_says = "cannot be empty" },
    { .name = "cookie",
      .in = IN_BOTH,
      .min_args = 1,
      .parse = option_cookie,
      .args = "<value>",
      .help = "The value of the affinity cookie that means this server.",
      .good = "cookie s1",
      .bad = "cookie \"a b\"",
      .bad_says = "cannot hold ' '" },
};
CONFIG_WORDS(words);
