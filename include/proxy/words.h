// SPDX-License-Identifier: Apache-2.0
// What the files that read the words of a proxy share. For src/proxy alone: everyone else reads a finished
// configuration through proxy/conf.h. Runs in the keeper and for -c, never in a process that carries traffic.
#pragma once

#include "base/check.h"
#include "config/config.h"
#include "config/word.h"
#include "proxy/conf.h"

// Sides of a proxy that a word may need.
enum proxy_side { PROXY_SIDE_FRONT, PROXY_SIDE_BACK };

// proxy_program gives the program that `config` is read into.
static inline struct program_conf *proxy_program(const struct config *config)
{
    return config->owner;
}

// proxy_kind gives what messages call `proxy`: "frontend", "backend", "listen" or "defaults".
const char *proxy_kind(const struct proxy_conf *proxy);

// proxy_word_needs warns, as HAProxy does, that the line has no effect where `proxy` lacks the side that `word` needs;
// false then. The line is to be read all the same, for it may hold errors. `instead` is the word that was probably
// meant, or NULL.
bool proxy_word_needs(struct config *config, const struct proxy_conf *proxy, const struct config_word *word,
                      const struct config_line *line, enum proxy_side side, const char *instead);

// proxy_word_is_named reports that `word` may not stand in a defaults section without a name, where `proxy` is one;
// false then.
bool proxy_word_is_named(struct config *config, const struct proxy_conf *proxy, const struct config_word *word,
                         const struct config_line *line);

// proxy_unix_bind gives a listening unix socket what `unix-bind` says and its own line does not (HAProxy 3.2,
// "unix-bind"); false after reporting a name that is too long.
bool proxy_unix_bind(struct config *config, struct os_listen *listen, const struct config_line *line);

// proxy_word_path stores the name of a file or directory, which is not empty, as const char *.
config_parse_fn proxy_word_path;

// proxy_word_error reports an error at the word itself and returns false.
bool proxy_word_error(struct config *config, const struct config_line *line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// proxy_name_check reports a first argument that cannot name a section or a server; false then. Letters, digits and
// "_-.:" can.
bool proxy_name_check(struct config *config, const struct config_line *line);

// proxy_logs_copy gives a copy of `list` in `arena`: a target stands on one list only.
struct log_target *proxy_logs_copy(struct arena *arena, const struct log_target *list);

// proxy_conf_check warns and reports what one proxy, complete but for names, has wrong (src/proxy/check.c).
bool proxy_conf_check(struct config *config, struct proxy_conf *proxy);

// proxy_certs gives the store of certificates, which the first that asks makes (src/proxy/tls.c).
struct tls_store *proxy_certs(struct config *config);

// proxy_pool_finish checks what the servers of `proxy` say of connections kept open, and prepares it; before
// proxy_tls_finish.
bool proxy_pool_finish(struct config *config, struct proxy_conf *proxy);

// proxy_tls_finish completes what the lines of `proxy` say of TLS with the global section's defaults, loads the files
// that are named and builds tls_bind and tls_target. It reads files. False after reporting what is wrong.
bool proxy_tls_finish(struct config *config, struct proxy_conf *proxy);

// proxy_tls_finish_sockets is proxy_tls_finish for the admin sockets.
bool proxy_tls_finish_sockets(struct config *config, struct global_conf *global);

// proxy_tls_check_target builds what the health checks of `server` need for TLS where traffic has none, or offers other
// protocols than `alpn` (ptr NULL: those of the server line). NULL after reporting what is wrong.
struct tls_target *proxy_tls_check_target(struct config *config, struct server_conf *server, struct slice alpn);

// proxy_tls_check reports settings of the global section that contradict each other; false then.
bool proxy_tls_check(struct config *config, const struct tls_global_conf *global);

// proxy_cases_finish reads the file of h1-case-adjust-file, if there is one. False after reporting what is wrong in it.
bool proxy_cases_finish(struct config *config, struct global_conf *global);

// proxy_server_default gives the template that a proxy's server lines start from before any default-server.
struct server_conf *proxy_server_default(struct arena *arena);

// proxy_server_parse reads the address and the options of the server line `line` into `server`.
bool proxy_server_parse(struct config *config, struct server_conf *server, const struct config_line *line);

// proxy_server_append makes `server` the last one of its backend; memory that is needed to find names is taken from
// `arena`, which lives as long as the configuration.
void proxy_server_append(struct arena *arena, struct server_conf *server);

// proxy_probe_finish_server does what proxy_probe_finish does for one server that is added later.
bool proxy_probe_finish_server(struct config *config, struct proxy_conf *proxy, struct server_conf *server);

// proxy_pool_finish_server does so with what proxy_pool_finish does.
bool proxy_pool_finish_server(struct config *config, struct server_conf *server);

// proxy_tls_finish_server does so with what proxy_tls_finish does.
bool proxy_tls_finish_server(struct config *config, struct server_conf *server);

// proxy_limits_finish_server does so with what proxy_limits_finish does.
void proxy_limits_finish_server(struct server_conf *server);

// proxy_server_resolve gives `server` the address of its name as its init-addr says. It may block. False after
// reporting that it has none.
bool proxy_server_resolve(struct config *config, struct server_conf *server);

// proxy_log_datagram says whether `*text` begins with the prefix of an address of datagrams (udp@, uxdg@, ...), and
// then makes it the same address of streams.
bool proxy_log_datagram(struct config *config, struct slice *text);

// proxy_log_backend_check reports what a proxy in mode log cannot have, or what only one in mode log can; false then.
bool proxy_log_backend_check(struct config *config, struct proxy_conf *proxy);

// proxy_log_targets_finish finds the backends that targets of `list` name. False after reporting one that is not there.
bool proxy_log_targets_finish(struct config *config, struct log_target *list);

// proxy_log_members_finish gives the servers of a log backend the addresses that lines are sent to, once names are
// resolved. False after reporting one that has none.
bool proxy_log_members_finish(struct config *config, struct proxy_conf *proxy);

// proxy_cookie_finish gives servers of `proxy` their dynamic cookies, once addresses are known
// (src/proxy/words_cookie.c).
void proxy_cookie_finish(struct config *config, struct proxy_conf *proxy);
// proxy_probe_finish finds the servers that servers track and reports what contradicts itself in what watches them.
bool proxy_probe_finish(struct config *config, struct program_conf *program);

// proxy_probe_resolve gives the agent of `server` the address of its name. It may block. False after reporting.
bool proxy_probe_resolve(struct config *config, struct server_conf *server);

// proxy_guids_finish names the listeners that have a `guid-prefix`, and sees that no two objects have one `guid`. False
// after reporting.
bool proxy_guids_finish(struct config *config, struct program_conf *program);
