// SPDX-License-Identifier: Apache-2.0
// Settings of health checks. A check is a list of steps: connect, send, expect, set a variable. The words of
// `tcp-check` and `http-check` make such lists, and so do `option httpchk`, `option mysql-check` and their kin, which
// are lists that are built in. Owned by the configuration's arena, const once it is read; what a check is doing stands
// in check/engine.h.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "config/config.h"
#include "tls/target.h"
#include "transport/address.h"

struct expr;
struct expr_format;
struct expr_regex;
struct rule;
struct proxy_conf;
struct server_conf;
struct program_conf;

// How the last check went: the names are those of the statistics (HAProxy's management guide, check_status).
enum check_status {
    CHECK_UNKNOWN, // UNK: no check yet
    CHECK_INI,     // INI
    CHECK_SOCKERR, // SOCKERR
    CHECK_L4OK,    // L4OK, and so on
    CHECK_L4TOUT,
    CHECK_L4CON,
    CHECK_L6OK,
    CHECK_L6TOUT,
    CHECK_L6RSP,
    CHECK_L7OK,
    CHECK_L7OKC, // conditionally: disable-on-404
    CHECK_L7TOUT,
    CHECK_L7RSP,
    CHECK_L7STS,
    CHECK_PROCERR,
    CHECK_PROCTOUT,
    CHECK_PROCOK,
    CHECK_HANA,    // observe
    CHECK_CHECKED, // an agent that said nothing of the server's state
    CHECK_NUM_STATUSES
};

enum check_action { CHECK_CONNECT, CHECK_SEND, CHECK_EXPECT, CHECK_VAR };

struct check_connect {
    const struct expr *port_expr;  // gives the port; or NULL
    uint16_t port;                 // 0: as the server's
    struct transport_address addr; // AF_UNSPEC: as the server's
    bool defaults;                 // the server's options hold where this says nothing
    bool implicit;                 // nobody wrote it
    bool send_proxy;
    bool socks4;
    bool ssl;
    bool linger;
    const char *sni;   // or NULL
    struct slice alpn; // as in a hello, ptr NULL: none given
};

// A field of a request that a check sends.
struct check_field {
    struct check_field *next;
    struct slice name;
    const struct expr_format *value;
};

struct check_request {
    const char *method; // NULL: OPTIONS
    const char *uri;    // NULL with uri_format, or "/"
    const struct expr_format *uri_format;
    const char *version; // NULL: HTTP/1.0
    struct check_field *fields;
    struct slice body; // ptr NULL: none
    const struct expr_format *body_format;
    bool send_state; // with X-Haproxy-Server-State
    bool is_head;    // no body follows the answer's head
};

// What a step sends: one of these.
struct check_send {
    struct slice data;
    const struct expr_format *format;
    const struct expr_format *hex; // its text is hexadecimal
    struct check_request *request;
};

enum check_match {
    CHECK_MATCH_BYTES,  // `string`, `binary`: they stand somewhere in what came
    CHECK_MATCH_FORMAT, // `string-lf`
    CHECK_MATCH_HEX,    // `binary-lf`
    CHECK_MATCH_REGEX,  // `rstring`
    CHECK_MATCH_RBINARY,
    CHECK_MATCH_STATUS, // of HTTP, from here
    CHECK_MATCH_RSTATUS,
    CHECK_MATCH_FIELD,
    CHECK_MATCH_BODY,
    CHECK_MATCH_BODY_FORMAT,
    CHECK_MATCH_BODY_REGEX,
    CHECK_MATCH_READ, // a function of a protocol that is built in
};

struct check_range {
    struct check_range *next;
    uint16_t low;
    uint16_t high;
};

enum check_compare { CHECK_IS, CHECK_BEGINS, CHECK_ENDS, CHECK_HOLDS, CHECK_FITS };

// Compared with the name or the value of a field.
struct check_pattern {
    enum check_compare how;
    struct slice text;                // ptr NULL with the others; all NULL: there is no such pattern
    const struct expr_format *format; // `name-lf`, `value-lf`
    const struct expr_regex *regex;
};

// What a function that reads a protocol's answer is given, and gives.
struct check_reading {
    void *check;              // struct check (check/engine.h)
    struct slice data;        // all that came since the last step that sent something
    bool last;                // nothing more will come: the peer ended, or there is no more room
    size_t used;              // out, with NEXT: so many bytes are done with, and not shown to the steps after this one
    enum check_status status; // out, with FAIL or PASS
    uint16_t code;            // out, shown with the status
    char text[128];           // out, likewise: NUL-terminated
};

enum check_verdict {
    CHECK_MORE, // wait for more; with reading->last that is a failure (L7RSP)
    CHECK_NEXT, // as expected
    CHECK_PASS, // the check is over at once and well, as reading->status says
    CHECK_FAIL, // over: reading->status says how it failed
};

struct check_step;

typedef enum check_verdict check_read_fn(struct check_reading *reading, const struct check_step *step);

struct check_expect {
    enum check_match match;
    bool negated;
    bool whole_value;            // `fhdr`
    bool is_hex;                 // CHECK_MATCH_BYTES: it was written as `binary`
    int32_t min_recv;            // -1: not given
    enum check_status ok_status; // CHECK_UNKNOWN: the usual one
    enum check_status error_status;
    enum check_status tout_status;
    const struct expr_format *on_success;
    const struct expr_format *on_error;
    const struct expr *status_code;
    struct slice data;
    const struct expr_format *format;
    const struct expr_regex *regex;
    struct check_range *ranges;
    struct check_pattern name;
    struct check_pattern value;
    check_read_fn *read;           // CHECK_MATCH_READ
    const struct check_step *head; // where reading goes on when more came: the first of the negated ones before it
};

struct check_step {
    struct check_step *next;
    enum check_action action;
    uint32_t number; // from 1, in messages; 0 for one that nobody wrote
    const char *comment;
    union {
        struct check_connect connect;
        struct check_send send;
        struct check_expect expect;
        const struct rule *rule; // CHECK_VAR
    };
};

// Which list of steps a proxy's checks use. Those from CHECK_PROTOCOL_BUILT_IN on never take rules of the file.
enum check_protocol {
    CHECK_PROTOCOL_NONE, // a connection is all
    CHECK_PROTOCOL_TCP,  // option tcp-check
    CHECK_PROTOCOL_HTTP, // option httpchk
    CHECK_PROTOCOL_BUILT_IN,
};

// A list that is being read. A proxy's own rules take the place of those of its defaults.
struct check_list {
    struct check_step *first;
    struct check_step *last;
    const struct proxy_conf *owner; // who began it
    const char *comment;            // `tcp-check comment`, for the step that follows
    uint32_t num;                   // of its lines, comments included
};

// Of a proxy.
struct check_conf {
    uint8_t protocol; // enum check_protocol
    const char *name; // "tcp-check", "http-check", "mysql-check", ... in messages
    struct check_list tcp;
    struct check_list http;
    struct check_list built_in;   // of a protocol that is; it begins with what comes after the connect
    struct check_request httpchk; // what `option httpchk` says
    bool disable_on_404;
    bool send_state;
    bool logs;                      // option log-health-checks
    const struct check_step *steps; // finished: the list that is run
    uint32_t num_steps;
    uint32_t num_connects;
};

// Of a server.
struct check_server_conf {
    bool enabled;
    uint8_t use_ssl; // CHECK_SSL_*
    bool send_proxy;
    bool socks4;
    uint32_t rise;                 // default 2
    uint32_t fall;                 // default 3
    uint64_t inter_us;             // default 2 s
    uint64_t fastinter_us;         // 0: inter
    uint64_t downinter_us;         // 0: inter
    uint16_t port;                 // 0: the server's
    struct transport_address addr; // AF_UNSPEC: the server's; its port, unless 0, counts where `port` is 0
    const char *addr_host;         // a name that addr is to be resolved from
    const char *sni;
    const char *proto;
    struct slice alpn;                 // ptr NULL: none given
    const struct check_step *steps;    // what is run; NULL: the backend's (check_conf.steps)
    struct tls_target *const *targets; // of each step that connects, by its place among these; NULL: plain
};

struct http_head;
struct transport_conn;

// What expressions in the rules of a check may ask about (expr_subject.check).
struct check_facts {
    const struct server_conf *server;
    const struct proxy_conf *proxy;
    const struct transport_conn *conn;
    const struct http_head *head; // of the answer, or NULL
    struct slice body;            // what came of it
    struct slice data;            // all that came since the last bytes were sent
    size_t room;                  // more than that will never be there
};

enum { CHECK_SSL_AUTO, CHECK_SSL_ON, CHECK_SSL_OFF };

// check_list_add appends a step to `list`, zeroed but for its action.
struct check_step *check_list_add(struct arena *arena, struct check_list *list, enum check_action action);

// check_add_send appends a step of a built-in protocol that sends `data`, which is borrowed for good.
struct check_step *check_add_send(struct arena *arena, struct check_list *list, struct slice data);

// check_add_read appends one that hands what comes to `read`.
struct check_step *check_add_read(struct arena *arena, struct check_list *list, check_read_fn *read);

// check_conf_choose makes `protocol` the one of `conf`; for CHECK_PROTOCOL_BUILT_IN it empties the list built_in.
void check_conf_choose(struct check_conf *conf, const struct proxy_conf *proxy, enum check_protocol protocol,
                       const char *name);
