// SPDX-License-Identifier: Apache-2.0
// Words that make a proxy's checks speak another protocol, or run a program.
#include <strings.h>
#include <string.h>
#include "check/protocol.h"
#include "proxy/words.h"

static struct check_list *begin(struct config *config, struct proxy_conf *proxy, const struct config_word *word,
                                const struct config_line *line)
{
    proxy_word_needs(config, proxy, word, line, PROXY_SIDE_BACK, NULL);
    check_conf_choose(&proxy->be.check, proxy, CHECK_PROTOCOL_BUILT_IN, word->name + sizeof("option"));
    return &proxy->be.check.built_in;
}

static bool is(const struct config_arg *arg, const char *word)
{
    return arg && strcmp(arg->str, word) == 0;
}

// `user <name>`, which may be required.
static bool read_user(struct config *config, const char **user, const struct config_word *word,
                      const struct config_line *line, bool required)
{
    const struct config_arg *arg = config_arg_at(line, 0), *name = config_arg_at(line, 1);
    *user = name ? name->str : NULL;
    if (!arg && !required)
        return true;
    if (!arg || !name)
        return config_error(config, line, name ? 0 : 1, "'%s' expects 'user <username>'", word->name);
    return is(arg, "user") || config_error(config, line, 0, "'%s' expects 'user', not '%s'", word->name, arg->str);
}

static bool parse_mysql(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    static const char *const forms[] = { "post-41", "pre-41" };
    const struct config_arg *form = config_arg_at(line, 2);
    const char *user;
    if (!read_user(config, &user, word, line, false))
        return false;
    if (form && !is(form, forms[0]) && !is(form, forms[1]))
        return config_error_unknown(config, line, 2, "form of 'user'", forms, NUM_ITEMS(forms));
    enum check_mysql how = !user                ? CHECK_MYSQL_HELLO_ONLY
                           : is(form, forms[1]) ? CHECK_MYSQL_PRE_41
                                                : CHECK_MYSQL_POST_41;
    check_protocol_mysql(config->arena, begin(config, object, word, line), how, user);
    return true;
}

static bool parse_pgsql(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    const char *user;
    if (!read_user(config, &user, word, line, true))
        return false;
    check_protocol_pgsql(config->arena, begin(config, object, word, line), user);
    return true;
}

// Both words or none of them count, and what is no EHLO is a HELO.
static bool parse_smtp(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    const struct config_arg *hello = config_arg_at(line, 0), *domain = config_arg_at(line, 1);
    bool is_known = domain && (is(hello, "HELO") || is(hello, "EHLO"));
    check_protocol_smtp(config->arena, begin(config, object, word, line), is_known ? hello->str : "HELO",
                        is_known ? domain->str : "localhost");
    return true;
}

static bool parse_redis(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    check_protocol_redis(config->arena, begin(config, object, word, line));
    return true;
}

static bool parse_ldap(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    check_protocol_ldap(config->arena, begin(config, object, word, line));
    return true;
}

static bool parse_ssl_hello(struct config *config, void *object, const struct config_word *word,
                            const struct config_line *line)
{
    check_protocol_ssl_hello(config->arena, begin(config, object, word, line));
    return true;
}

static bool parse_external(struct config *config, void *object, const struct config_word *word,
                           const struct config_line *line)
{
    begin(config, object, word, line);
    return true;
}

#define OPTION(word, function, most, shape, text, example, wrong, says)                                                \
    {                                                                                                                  \
        .name = "option " word, .in = CONFIG_IN_PROXY, .max_args = most, .parse = function, .args = shape,             \
        .help = text, .good = "option " word example, .bad = "option " word wrong, .bad_says = says                    \
    }

static const struct config_word words[] = {
    OPTION(
        "mysql-check", parse_mysql, 3, "[user <username> [{ post-41 | pre-41 }]]",
        "Checks wait for the handshake of a MySQL server. With a user they log in without a password, as a client of "
        "4.1 and later (the default) or an older one, and quit, so that the server counts no aborted connection.",
        " user checker", " user checker post-5", "unknown form of 'user'"),
    OPTION(
        "pgsql-check", parse_pgsql, 2, "user <username>",
        "Checks begin a session with a PostgreSQL server, and take its request for authentication, of whatever kind, "
        "for life.",
        " user checker", " user", "expects 'user <username>'"),
    OPTION("redis-check", parse_redis, 0, "", "Checks send PING to a Redis server and expect +PONG.", "", " x",
           "takes no argument"),
    OPTION("smtpchk", parse_smtp, 2, "[{ HELO | EHLO } <domain>]",
           "Checks greet a mail server and take leave; each of its three replies has to be a 2xx. The default is HELO "
           "localhost.",
           " EHLO mail.test", " EHLO mail.test x", "takes at most"),
    OPTION("ldap-check", parse_ldap, 0, "",
           "Checks bind to an LDAPv3 server without a name and expect success. RFC 4511 section 4.2.", "", " x",
           "takes no argument"),
    OPTION("ssl-hello-chk", parse_ssl_hello, 0, "",
           "Checks send a ClientHello of SSL 3.0 and take any alert or handshake record for life; 'check-ssl' is for "
           "servers that are to prove more.",
           "", " x", "takes no argument"),
    OPTION("external-check", parse_external, 0, "",
           "Checks run the program of 'external-check command'; the global section has to permit that with "
           "'external-check' and 'insecure-fork-wanted'.",
           "", " x", "takes no argument"),
};
CONFIG_WORDS(words);
