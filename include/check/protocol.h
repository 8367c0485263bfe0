// SPDX-License-Identifier: Apache-2.0
// What checks say to servers of other protocols, and what they make of the answers: `option mysql-check`, pgsql-check,
// redis-check, smtpchk, ldap-check and ssl-hello-chk. An exchange is a short list of bytes to send and of answers to
// wait for, in the order that the protocol wants. Pure: no input or output. The bytes are those that HAProxy sends.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/slice.h"
#include "check/check.h"

enum check_heard {
    CHECK_HEARD_MORE, // not yet a whole answer
    CHECK_HEARD_OK,   // the one that was hoped for: go on
    CHECK_HEARD_BAD,  // the check has failed
};

enum { CHECK_FINDING_LEN = 80 };

// What an answer told.
struct check_finding {
    enum check_status status;
    uint32_t code; // the protocol's own, 0 for none
    char text[CHECK_FINDING_LEN];
};

// A function of this kind looks at `got`, all that came and was not used up by an answer before it; `ended`: nothing
// more will come, and then it does not say MORE. With OK `*used` bytes of it were the answer.
typedef enum check_heard check_hear_fn(struct check_finding *finding, size_t *used, struct slice got, bool ended);

// One of both is set.
struct check_exchange_step {
    struct slice say;
    check_hear_fn *hear;
};

enum { CHECK_EXCHANGE_STEPS = 6 };

struct check_exchange {
    const char *name;          // "mysql-check"
    enum check_status ok;      // of the whole exchange, where no finding says otherwise
    enum check_status timeout; // where an answer does not come
    uint32_t num_steps;
    struct check_exchange_step steps[CHECK_EXCHANGE_STEPS];
};

enum check_mysql { CHECK_MYSQL_HELLO_ONLY, CHECK_MYSQL_POST_41, CHECK_MYSQL_PRE_41 };

// These make an exchange in `arena`. Names are strings without NUL.

// check_exchange_mysql waits for the handshake packet, and with a `user` logs in without a password and quits.
struct check_exchange *check_exchange_mysql(struct arena *arena, enum check_mysql how, const char *user);

// check_exchange_pgsql sends a startup message for `user` and waits for a request to authenticate, of whatever kind.
struct check_exchange *check_exchange_pgsql(struct arena *arena, const char *user);

// check_exchange_redis sends PING.
struct check_exchange *check_exchange_redis(struct arena *arena);

// check_exchange_smtp waits for the greeting, says `hello` ("HELO" or "EHLO") with `domain`, and QUIT. RFC 5321.
struct check_exchange *check_exchange_smtp(struct arena *arena, const char *hello, const char *domain);

// check_exchange_ldap binds anonymously. RFC 4511 section 4.2.
struct check_exchange *check_exchange_ldap(struct arena *arena);

// check_exchange_ssl_hello sends a ClientHello of SSL 3.0, and takes any alert or handshake record for life. The time in
// it is that of the call.
struct check_exchange *check_exchange_ssl_hello(struct arena *arena);
