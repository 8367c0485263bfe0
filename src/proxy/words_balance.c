// SPDX-License-Identifier: Apache-2.0
// `balance` and what belongs to it. Each algorithm is a word of its own; those that take a name in parentheses are
// found by the bare `balance`.
#include <string.h>
#include "base/check.h"
#include "expr/expr.h"
#include "proxy/words.h"

static const char *const names[PROXY_NUM_BALANCES] = {
    [PROXY_BALANCE_ROUNDROBIN] = "roundrobin",
    [PROXY_BALANCE_STATIC_RR] = "static-rr",
    [PROXY_BALANCE_LEASTCONN] = "leastconn",
    [PROXY_BALANCE_FIRST] = "first",
    [PROXY_BALANCE_RANDOM] = "random",
    [PROXY_BALANCE_STICKY] = "sticky",
    [PROXY_BALANCE_SOURCE] = "source",
    [PROXY_BALANCE_URI] = "uri",
    [PROXY_BALANCE_URL_PARAM] = "url_param",
    [PROXY_BALANCE_HDR] = "hdr",
    [PROXY_BALANCE_RDP_COOKIE] = "rdp-cookie",
    [PROXY_BALANCE_HASH] = "hash",
    [PROXY_BALANCE_LOG_HASH] = "log-hash",
};

const char *proxy_balance_name(uint8_t algorithm)
{
    return names[algorithm < PROXY_NUM_BALANCES ? algorithm : 0];
}

// Takes `algorithm` up; what another one was told is forgotten, `hash-type` and hash-balance-factor stay.
static struct balance_conf *choose(struct proxy_conf *proxy, enum proxy_balance algorithm)
{
    struct balance_conf *balance = &proxy->be.balance;
    *balance = (struct balance_conf){ .algorithm = (uint8_t)algorithm,
                                      .function = balance->function,
                                      .affinity = balance->affinity,
                                      .avalanche = balance->avalanche,
                                      .consistent = balance->consistent,
                                      .factor = balance->factor };
    return balance;
}

static bool no_more(struct config *config, const struct config_line *line, uint32_t index, const char *what)
{
    const struct config_arg *arg = config_arg_at(line, index);
    return !arg || config_error(config, line, index, "unexpected argument '%s' after 'balance %s'", arg->str, what);
}

static bool parse_plain(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    choose(object, (enum proxy_balance)word->value)->draws = 2;
    return no_more(config, line, 0, names[word->value]);
}

static bool parse_positive(struct config *config, uint32_t *out, const struct config_line *line, uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index + 1);
    const char *word = config_arg_at(line, index)->str;
    uint64_t num;
    if (!arg || !slice_to_u64(slice_of(arg->str, arg->len), &num) || num == 0 || num > INT32_MAX)
        return config_error(config, line, index + 1, "'%s' expects a positive number", word);
    *out = (uint32_t)num;
    return true;
}

static bool parse_uri(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    static const char *const known[] = { "len", "depth", "whole", "path-only" };
    struct balance_conf *balance = choose(object, PROXY_BALANCE_URI);
    const struct config_arg *arg;
    (void)word;
    for (uint32_t i = 0; (arg = config_arg_at(line, i)); i++) {
        bool is_len = strcmp(arg->str, "len") == 0;
        if (strcmp(arg->str, "whole") == 0)
            balance->whole = true;
        else if (strcmp(arg->str, "path-only") == 0)
            balance->path_only = true;
        else if (!is_len && strcmp(arg->str, "depth") != 0)
            return config_error_unknown(config, line, i, "parameter of 'balance uri'", known, NUM_ITEMS(known));
        else if (!parse_positive(config, is_len ? &balance->len : &balance->depth, line, i++))
            return false;
    }
    return true;
}

static bool parse_url_param(struct config *config, void *object, const struct config_word *word,
                            const struct config_line *line)
{
    struct balance_conf *balance = choose(object, PROXY_BALANCE_URL_PARAM);
    const struct config_arg *name = config_arg_at(line, 0), *option = config_arg_at(line, 1);
    (void)word;
    if (!name || !name->len)
        return config_error(config, line, 0, "'balance url_param' wants the name of a parameter");
    balance->name = name->str;
    balance->name_len = name->len;
    if (!option)
        return true;
    if (strcmp(option->str, "check_post") != 0)
        return config_error(config, line, 1, "unexpected '%s', expected 'check_post'", option->str);
    balance->check_post = true;
    // How much of the body to wait for could once be said there. It is read and does not count, as in HAProxy.
    return no_more(config, line, 3, "url_param");
}

static bool parse_hash(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    enum { WHEN = EXPR_AT_REQUEST_CONTENT | EXPR_AT_REQUEST_HEAD | EXPR_AT_REQUEST_BODY };
    struct balance_conf *balance = choose(object, PROXY_BALANCE_HASH);
    struct expr *expr = arena_alloc(config->arena, sizeof(*expr));
    (void)word;
    if (!config_arg_at(line, 0))
        return config_error(config, line, 0, "'balance hash' wants an expression");
    balance->expr = expr;
    return expr_parse(config, expr, line, 0) && expr_check_when(config, line, 0, expr, WHEN) &&
           no_more(config, line, 1, "hash");
}

static bool parse_log_hash(struct config *config, void *object, const struct config_word *word,
                           const struct config_line *line)
{
    struct balance_conf *balance = choose(object, PROXY_BALANCE_LOG_HASH);
    struct expr *expr = arena_alloc(config->arena, sizeof(*expr));
    (void)word;
    if (!config_arg_at(line, 0))
        return config_error(config, line, 0, "'balance log-hash' wants a list of converters");
    balance->expr = expr;
    if (!expr_parse_steps(config, expr, line, 0, EXPR_STR) || !no_more(config, line, 1, "log-hash"))
        return false;
    return expr_cast_exists(expr->out, EXPR_STR) ||
           config_error(config, line, 0, "no text can be made of what these converters give");
}

// What stands in parentheses behind `name` in the first argument; ptr NULL where it begins otherwise.
static struct slice in_parentheses(const struct config_line *line, const char *name)
{
    const struct config_arg *arg = config_arg_at(line, 0);
    size_t len = strlen(name);
    if (arg->len < len + 2 || memcmp(arg->str, name, len) != 0 || arg->str[len] != '(' || arg->str[arg->len - 1] != ')')
        return slice_of(NULL, 0);
    return slice_of(arg->str + len + 1, arg->len - len - 2);
}

static bool take_name(struct config *config, struct balance_conf *balance, struct slice name,
                      const struct config_line *line, const char *what)
{
    balance->name = arena_copy(config->arena, name.ptr, name.len);
    balance->name_len = (uint32_t)name.len;
    return name.len > 0 || config_error(config, line, 0, "the name of the %s is missing", what);
}

static bool parse_hdr(struct config *config, struct proxy_conf *proxy, struct slice name,
                      const struct config_line *line)
{
    struct balance_conf *balance = choose(proxy, PROXY_BALANCE_HDR);
    const struct config_arg *option = config_arg_at(line, 1);
    if (!take_name(config, balance, name, line, "header field"))
        return false;
    balance->field = (uint16_t)http_field_id_of(name);
    balance->domain_only = option && strcmp(option->str, "use_domain_only") == 0;
    if (option && !balance->domain_only)
        return config_error(config, line, 1, "unexpected '%s', expected 'use_domain_only'", option->str);
    return no_more(config, line, 2, "hdr()");
}

static bool parse_random(struct config *config, struct proxy_conf *proxy, struct slice draws,
                         const struct config_line *line)
{
    struct balance_conf *balance = choose(proxy, PROXY_BALANCE_RANDOM);
    uint64_t num = 2;
    if (draws.len && (!slice_to_u64(draws, &num) || num == 0 || num > INT32_MAX))
        return config_error(config, line, 0, "the number of draws must be 1 or more");
    balance->draws = (uint32_t)num;
    return no_more(config, line, 1, "random()");
}

static bool parse_balance(struct config *config, void *object, const struct config_word *word,
                          const struct config_line *line)
{
    const struct config_arg *arg = config_arg_at(line, 0);
    struct proxy_conf *proxy = object;
    struct slice inner;
    (void)word;
    if ((inner = in_parentheses(line, "hdr")).ptr)
        return parse_hdr(config, proxy, inner, line);
    if ((inner = in_parentheses(line, "random")).ptr)
        return parse_random(config, proxy, inner, line);
    if ((inner = in_parentheses(line, "rdp-cookie")).ptr)
        return take_name(config, choose(proxy, PROXY_BALANCE_RDP_COOKIE), inner, line, "cookie") &&
               no_more(config, line, 1, "rdp-cookie()");
    if (strcmp(arg->str, "hdr") == 0 || strncmp(arg->str, "hdr(", 4) == 0)
        return config_error(config, line, 0, "'balance hdr' wants the name of a header field: hdr(<name>)");
    return config_error_unknown(config, line, 0, "balancing algorithm", names, NUM_ITEMS(names));
}

static bool parse_hash_type(struct config *config, void *object, const struct config_word *word,
                            const struct config_line *line)
{
    static const char *const methods[] = { "map-based", "consistent" };
    static const char *const functions[] = { [PROXY_HASH_SDBM] = "sdbm",
                                             [PROXY_HASH_DJB2] = "djb2",
                                             [PROXY_HASH_WT6] = "wt6",
                                             [PROXY_HASH_CRC32] = "crc32",
                                             [PROXY_HASH_NONE] = "none" };
    struct proxy_conf *proxy = object;
    struct balance_conf *balance = &proxy->be.balance;
    const struct config_arg *method = config_arg_at(line, 0), *function = config_arg_at(line, 1),
                            *modifier = config_arg_at(line, 2);
    proxy_word_needs(config, proxy, word, line, PROXY_SIDE_BACK, NULL);
    balance->consistent = strcmp(method->str, methods[1]) == 0;
    if (!balance->consistent && strcmp(method->str, methods[0]) != 0)
        return config_error_unknown(config, line, 0, "hash type", methods, NUM_ITEMS(methods));
    balance->function = PROXY_HASH_SDBM;
    balance->avalanche = balance->consistent;
    if (!function)
        return true;
    while (balance->function < NUM_ITEMS(functions) && strcmp(function->str, functions[balance->function]) != 0)
        balance->function++;
    if (balance->function == NUM_ITEMS(functions))
        return config_error_unknown(config, line, 1, "hash function", functions, NUM_ITEMS(functions));
    balance->avalanche = modifier != NULL;
    return !modifier || strcmp(modifier->str, "avalanche") == 0 ||
           config_error(config, line, 2, "unexpected '%s', expected 'avalanche'", modifier->str);
}

static bool parse_factor(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    uint32_t *factor = &proxy->be.balance.factor;
    proxy_word_needs(config, proxy, word, line, PROXY_SIDE_BACK, NULL);
    return config_word_u32(config, object, word, line) &&
           (*factor == 0 || *factor > 100 || config_error(config, line, 0, "the factor must be 0, or more than 100"));
}

static bool parse_affinity(struct config *config, void *object, const struct config_word *word,
                           const struct config_line *line)
{
    static const char *const known[] = {
        [PROXY_AFFINITY_ALWAYS] = "always", [PROXY_AFFINITY_MAXCONN] = "maxconn", [PROXY_AFFINITY_MAXQUEUE] = "maxqueue"
    };
    struct proxy_conf *proxy = object;
    proxy_word_needs(config, proxy, word, line, PROXY_SIDE_BACK, NULL);
    for (uint8_t i = 0; i < NUM_ITEMS(known); i++) {
        if (strcmp(config_arg_at(line, 0)->str, known[i]) == 0) {
            proxy->be.balance.affinity = i;
            return true;
        }
    }
    return config_error_unknown(config, line, 0, "way to preserve affinity", known, NUM_ITEMS(known));
}

static bool parse_hash_key(struct config *config, void *object, const struct config_word *word,
                           const struct config_line *line)
{
    static const char *const known[] = {
        [PROXY_HASH_KEY_ID] = "id", [PROXY_HASH_KEY_ADDR] = "addr", [PROXY_HASH_KEY_ADDR_PORT] = "addr-port"
    };
    struct server_conf *server = object;
    (void)word;
    for (uint8_t i = 0; i < NUM_ITEMS(known); i++) {
        if (strcmp(config_arg_at(line, 0)->str, known[i]) == 0) {
            server->hash_key = i;
            return true;
        }
    }
    return config_error_unknown(config, line, 0, "hash key", known, NUM_ITEMS(known));
}

enum { IN_BACK = CONFIG_IN_DEFAULTS | CONFIG_IN_BACKEND | CONFIG_IN_LISTEN };

#define ALGORITHM(word, function) .name = "balance " word, .in = IN_BACK, .flags = CONFIG_ANY_ARGS, .parse = (function)
#define PLAIN(word, algorithm)                                                                                         \
    ALGORITHM(word, parse_plain), .value = (algorithm), .args = "", .good = "balance " word,                           \
                                  .bad = "balance " word " 1", .bad_says = "unexpected argument"

static const struct config_word words[] = {
    { .name = "balance",
      .in = IN_BACK,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_balance,
      .args = "{ roundrobin | static-rr | leastconn | first | source | random[(<draws>)] | hash <expression> | "
              "uri [<option>...] | url_param <name> [check_post] | hdr(<name>) [use_domain_only] | "
              "rdp-cookie[(<name>)] | log-hash <converters> | sticky }",
      .help = "How requests are spread over servers that no cookie and no rule names. hdr(<name>) hashes the first "
              "value of that field (see hash-type), or with use_domain_only the label of a host name that stands "
              "before the top level domain: \"www.example.com\" counts as \"example\". random(<draws>) draws that many "
              "servers by weight, 2 unless told, and takes the one with the fewest connections for its weight. "
              "rdp-cookie(<name>) hashes that cookie of an RDP connection request, which 'tcp-request content' must "
              "have waited for. A request that has no such field or cookie goes round robin. Where all servers are "
              "full a request waits for any of them; one that was hashed waits for its own.",
      .good = "balance hdr(host) use_domain_only;balance random(3);balance rdp-cookie(msts)",
      .bad = "balance roundrobbin",
      .bad_says = "did you mean 'roundrobin'?" },
    { PLAIN("roundrobin", PROXY_BALANCE_ROUNDROBIN),
      .help = "In turn by weight, spread as evenly as can be; one rotation for all workers. Weights count as they are "
              "at the moment. This is the default." },
    { PLAIN("static-rr", PROXY_BALANCE_STATIC_RR),
      .help = "In turn by the weights of the configuration; one that is changed at run time counts only from or to "
              "zero." },
    { PLAIN("leastconn", PROXY_BALANCE_LEASTCONN),
      .help = "To the server with the fewest connections of all workers for its weight, in turn among equals." },
    { PLAIN("first", PROXY_BALANCE_FIRST),
      .help = "To the server with the lowest id that has room under its maxconn, so that as few are used as will do. "
              "Weights do not count." },
    { PLAIN("source", PROXY_BALANCE_SOURCE),
      .help = "By a hash of the client's address (see hash-type): the same client reaches the same server." },
    { PLAIN("random", PROXY_BALANCE_RANDOM), .help = "The same as random(2)." },
    { PLAIN("rdp-cookie", PROXY_BALANCE_RDP_COOKIE), .help = "The same as rdp-cookie(mstshash)." },
    { ALGORITHM("uri", parse_uri), .args = "[len <bytes>] [depth <number>] [whole] [path-only]",
      .help = "By a hash of the request's target up to its query (see hash-type): 'len' limits it to so many bytes, "
              "'depth' to so many directories; 'whole' adds the query; 'path-only' leaves scheme and authority out, so "
              "that all forms of a target count the same.",
      .good = "balance uri depth 2 path-only", .bad = "balance uri depth 0", .bad_says = "expects a positive number" },
    { ALGORITHM("url_param", parse_url_param), .args = "<name> [check_post [<bytes>]]",
      .help = "By a hash of that parameter of the query (see hash-type); round robin where there is none. With "
              "check_post, requests of POST whose query lacks it wait for their body, as far as it fits into a buffer, "
              "and are looked for it there; <bytes> is accepted for old configurations and does not count, as in "
              "HAProxy.",
      .good = "balance url_param user check_post", .bad = "balance url_param user check_put",
      .bad_says = "expected 'check_post'" },
    { ALGORITHM("hash", parse_hash), .args = "<expression>",
      .help = "By a hash of what the expression gives (see hash-type); round robin where it gives nothing.",
      .good = "balance hash str(www.test),lower", .bad = "balance hash", .bad_says = "wants an expression" },
    { PLAIN("sticky", PROXY_BALANCE_STICKY),
      .help = "In mode log alone: all lines go to one server as long as that is up, then to the one that has been up "
              "for longest, the first of the file among equals; one that comes back does not take over. All workers "
              "stay with the same server, and it stays over reloads." },
    { ALGORITHM("log-hash", parse_log_hash), .args = "<converter>[,<converter>...]",
      .help = "In mode log alone: by a hash (see hash-type) of what the converters make of the line's message, which "
              "is what follows the syslog header; round robin where they make nothing of it.",
      .good = "balance log-hash 'field(-2,\\\"),lower'", .bad = "balance log-hash lowr",
      .bad_says = "did you mean 'lower'?" },
    { .name = "hash-type",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 3,
      .parse = parse_hash_type,
      .args = "{ map-based | consistent } [{ sdbm | djb2 | wt6 | crc32 | none } [avalanche]]",
      .help =
          "How hashes lead to servers. 'map-based': each server has as many places in a map as its weight says, so "
          "that requests spread evenly, and most of them move when a server comes or goes; weights set at run time do "
          "not count. 'consistent': each server has many places on a ring, and only its own requests move when it "
          "comes or goes. The function makes a number of the key; 'none' takes the key for the number; 'avalanche' "
          "mixes its bits, which helps where keys are alike. Without a function it is sdbm, with avalanche for "
          "'consistent'. Of an address that 'source' looks at the 32-bit words are combined, by no function. The same "
          "request reaches the same server through HAProxy, so that both may stand before the same servers, whose ids "
          "must then be the same.",
      .good = "hash-type consistent djb2 avalanche",
      .bad = "hash-type consistent md5",
      .bad_says = "unknown hash function" },
    { .name = "hash-balance-factor",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_factor,
      .into = offsetof(struct proxy_conf, be.balance.factor),
      .max = INT32_MAX,
      .args = "<percent>",
      .help = "With 'hash-type consistent' or 'balance random': no server gets more than that share of the average of "
              "connections at once, over all workers and by weight; the next on the ring gets what exceeds it. More "
              "than 100, or 0 for no such limit, which is the default.",
      .good = "hash-balance-factor 150",
      .bad = "hash-balance-factor 100",
      .bad_says = "more than 100" },
    { .name = "hash-preserve-affinity",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_affinity,
      .args = "{ always | maxconn | maxqueue }",
      .help = "Whether a hashed request waits for its server when that is full: always, which is the default; "
              "'maxconn': it goes to the next on the ring (of 'hash-type map-based', the next of the map) that has "
              "room; 'maxqueue': it does so once the server's queue has reached its maxqueue, too.",
      .good = "hash-preserve-affinity maxconn",
      .bad = "hash-preserve-affinity never",
      .bad_says = "unknown way" },
    { .name = "hash-key",
      .in = CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER,
      .min_args = 1,
      .parse = parse_hash_key,
      .args = "{ id | addr | addr-port }",
      .help = "What the server's places on the ring of 'hash-type consistent' are derived from: its id, which is the "
              "default, its address, or address and port. A server without an address that is known uses its id. "
              "Places by address are fairlead's own.",
      .good = "weight 2 hash-key addr-port",
      .bad = "hash-key name",
      .bad_says = "unknown hash key" },
};
CONFIG_WORDS(words);
