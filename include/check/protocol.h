// SPDX-License-Identifier: Apache-2.0
// What checks say to servers of other protocols, and what they make of the answers: `option mysql-check`, pgsql-check,
// redis-check, smtpchk, ldap-check and ssl-hello-chk. Each appends a few steps to a list: bytes to send and answers to
// wait for, in the order that the protocol wants. Pure: no input or output. The bytes are those that HAProxy sends.
// While the configuration is read; what reads the answers runs in the controller.
#pragma once

#include "base/arena.h"
#include "proxy/check_conf.h"

enum check_mysql { CHECK_MYSQL_HELLO_ONLY, CHECK_MYSQL_POST_41, CHECK_MYSQL_PRE_41 };

// check_protocol_mysql waits for the handshake packet, and with a `user` logs in without a password and quits.
void check_protocol_mysql(struct arena *arena, struct check_list *list, enum check_mysql how, const char *user);

// check_protocol_pgsql sends a startup message for `user` and waits for a request to authenticate, of whatever kind.
void check_protocol_pgsql(struct arena *arena, struct check_list *list, const char *user);

// check_protocol_redis sends PING.
void check_protocol_redis(struct arena *arena, struct check_list *list);

// check_protocol_smtp waits for the greeting, says `hello` ("HELO" or "EHLO") with `domain`, and QUIT. RFC 5321.
void check_protocol_smtp(struct arena *arena, struct check_list *list, const char *hello, const char *domain);

// check_protocol_ldap binds anonymously. RFC 4511 section 4.2.
void check_protocol_ldap(struct arena *arena, struct check_list *list);

// check_protocol_ssl_hello sends a ClientHello of SSL 3.0, and takes any alert or handshake record for life. The time
// in it is that of the call.
void check_protocol_ssl_hello(struct arena *arena, struct check_list *list);
