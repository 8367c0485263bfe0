// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/check.h"
#include "check/protocol.h"
#include "protocol_hear.h"

// A session that is ended with a reset counts as aborted for those who keep count.
static void connect_gently(struct arena *arena, struct check_list *list)
{
    struct check_connect *connect = &check_list_add(arena, list, CHECK_CONNECT)->connect;
    connect->defaults = connect->implicit = connect->linger = true;
}

// Bytes that are put together in an arena.
struct bytes {
    char *ptr;
    size_t len;
};

static void add(struct bytes *bytes, const void *data, size_t len)
{
    memcpy(bytes->ptr + bytes->len, data, len);
    bytes->len += len;
}

#define ADD(bytes, literal) add(bytes, literal, sizeof(literal) - 1)

static void add_zeros(struct bytes *bytes, size_t len)
{
    memset(bytes->ptr + bytes->len, 0, len);
    bytes->len += len;
}

static void add_le(struct bytes *bytes, uint32_t value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes->ptr[bytes->len++] = (char)(value >> (8 * i));
}

static void add_be(struct bytes *bytes, uint32_t value, size_t len)
{
    while (len--)
        bytes->ptr[bytes->len++] = (char)(value >> (8 * len));
}

// Handshake response packets of MySQL: 4.1 has wider fields, a character set and reserved bytes. Neither has a
// password.
static struct slice mysql_login(struct arena *arena, enum check_mysql how, const char *user)
{
    enum { PROTOCOL_41 = 0x0200, SECURE = 0x8000, MAX_PACKET = 0x01008000, UTF8 = 33, RESERVED = 23, QUIT = 1 };
    size_t user_len = strlen(user) + 1;
    bool is_41 = how == CHECK_MYSQL_POST_41;
    size_t body_len = (is_41 ? 4 + 4 + 1 + RESERVED : 2 + 3) + user_len + 1;
    struct bytes bytes = { .ptr = arena_alloc(arena, 4 + body_len + 5) };
    add_le(&bytes, (uint32_t)body_len, 3);
    add_le(&bytes, 1, 1);
    if (is_41) {
        add_le(&bytes, PROTOCOL_41 | SECURE, 4);
        add_le(&bytes, MAX_PACKET, 4);
        add_le(&bytes, UTF8, 1);
        add_zeros(&bytes, RESERVED);
    } else {
        add_le(&bytes, SECURE, 2);
        add_le(&bytes, 1 << 16, 3);
    }
    add(&bytes, user, user_len);
    add_zeros(&bytes, 1);
    // COM_QUIT, the first packet of a new sequence.
    add_le(&bytes, 1, 4);
    add_le(&bytes, QUIT, 1);
    return slice_of(bytes.ptr, bytes.len);
}

void check_protocol_mysql(struct arena *arena, struct check_list *list, enum check_mysql how, const char *user)
{
    connect_gently(arena, list);
    check_add_read(arena, list, protocol_hear_mysql_hello);
    if (how == CHECK_MYSQL_HELLO_ONLY)
        return;
    check_add_send(arena, list, mysql_login(arena, how, user));
    check_add_read(arena, list, protocol_hear_mysql_login);
}

void check_protocol_pgsql(struct arena *arena, struct check_list *list, const char *user)
{
    enum { PROTOCOL_3 = 3 << 16 };
    connect_gently(arena, list);
    size_t user_len = strlen(user) + 1;
    size_t len = 4 + 4 + sizeof("user") + user_len + 1;
    struct bytes bytes = { .ptr = arena_alloc(arena, len) };
    add_be(&bytes, (uint32_t)len, 4);
    add_be(&bytes, PROTOCOL_3, 4);
    add(&bytes, "user", sizeof("user"));
    add(&bytes, user, user_len);
    add_zeros(&bytes, 1);
    check_add_send(arena, list, slice_of(bytes.ptr, bytes.len));
    check_add_read(arena, list, protocol_hear_pgsql);
}

void check_protocol_redis(struct arena *arena, struct check_list *list)
{
    check_add_send(arena, list, SLICE("*1\r\n$4\r\nPING\r\n"));
    check_add_read(arena, list, protocol_hear_redis);
}

void check_protocol_smtp(struct arena *arena, struct check_list *list, const char *hello, const char *domain)
{
    connect_gently(arena, list);
    check_add_read(arena, list, protocol_hear_smtp);
    check_add_send(arena, list, slice_str(arena_printf(arena, "%s %s\r\n", hello, domain)));
    check_add_read(arena, list, protocol_hear_smtp);
    check_add_send(arena, list, SLICE("QUIT\r\n"));
    check_add_read(arena, list, protocol_hear_smtp);
}

void check_protocol_ldap(struct arena *arena, struct check_list *list)
{
    // LDAPMessage { messageID 1, bindRequest { version 3, name "", simple "" } }
    static const char bind[] = "\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00";
    check_add_send(arena, list, slice_of(bind, sizeof(bind) - 1));
    check_add_read(arena, list, protocol_hear_ldap);
}

void check_protocol_ssl_hello(struct arena *arena, struct check_list *list)
{
    enum {
        HANDSHAKE = 22,
        CLIENT_HELLO = 1,
        SSL_3 = 0x0300,
        FIRST = 0x01,
        LAST = 0x1b,
        AES_FIRST = 0x2f,
        AES_LAST = 0x3a,
        NUM_SUITES = LAST - FIRST + 1 + AES_LAST - AES_FIRST + 1,
        BODY_LEN = 2 + 32 + 1 + 2 + 2 * NUM_SUITES + 2
    };
    struct bytes bytes = { .ptr = arena_alloc(arena, 5 + 4 + BODY_LEN) };
    add_be(&bytes, HANDSHAKE, 1);
    add_be(&bytes, SSL_3, 2);
    add_be(&bytes, 4 + BODY_LEN, 2);
    add_be(&bytes, CLIENT_HELLO, 1);
    add_be(&bytes, BODY_LEN, 3);
    add_be(&bytes, SSL_3, 2);
    add_be(&bytes, (uint32_t)time(NULL), 4);
    ADD(&bytes, "fairlead looks whether you  "); // 28 bytes that nothing depends on
    add_zeros(&bytes, 1);                        // no session
    add_be(&bytes, 2 * NUM_SUITES, 2);
    for (uint32_t suite = FIRST; suite <= LAST; suite++)
        add_be(&bytes, suite, 2);
    for (uint32_t suite = AES_FIRST; suite <= AES_LAST; suite++)
        add_be(&bytes, suite, 2);
    add_be(&bytes, 1, 1); // one way of compression: none
    add_zeros(&bytes, 1);
    must(bytes.len == 5 + 4 + BODY_LEN);
    check_add_send(arena, list, slice_of(bytes.ptr, bytes.len));
    check_add_read(arena, list, protocol_hear_ssl)->expect.tout_status = CHECK_L6TOUT;
}
