// SPDX-License-Identifier: Apache-2.0
// TLS on a connection, against a client of the library's own on the other end of a socket pair. The client's bytes pass
// through the hands of the test, which cuts and delays them as it likes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "board/board.h"
#include "config/config.h"
#include "tls/bind.h"
#include "transport/tls.h"

enum { BIG = 1 << 20, RECORD_HEAD = 5 };

struct rig {
    struct arena arena;
    struct config_diag diag;
    struct config config;
    struct tls_global_conf global;
    struct tls_bind_conf said;
    struct tls_source source;
    struct tls_store *store;
    struct tls_bind *bind;
    struct board *board;
    uint32_t inc, object;
    struct event_loop loop;
    struct event_task nothing;
    struct transport_tls_ctx *ctx;
    SSL_CTX *client_ctx;
    char pem[64];
};

// One connection: ours, and the client with what it has to send and what came for it.
struct pair {
    struct rig *rig;
    struct transport_conn conn;
    SSL *client;
    BIO *to_client, *from_client;
    int fd;
    unsigned events;
};

static void write_pem(struct rig *rig)
{
    EVP_PKEY *key = EVP_PKEY_new();
    EC_KEY *ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    assert_true(EC_KEY_generate_key(ec));
    assert_true(EVP_PKEY_assign_EC_KEY(key, ec));
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_get_notBefore(cert), -3600);
    X509_gmtime_adj(X509_get_notAfter(cert), 86400);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const uint8_t *)"a.test", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    assert_true(X509_sign(cert, key, EVP_sha256()));
    snprintf(rig->pem, sizeof(rig->pem), "/tmp/fairlead-unit-XXXXXX.pem");
    int fd = mkstemps(rig->pem, 4);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_true(PEM_write_X509(file, cert));
    assert_true(PEM_write_PKCS8PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
    fclose(file);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static enum ssl_verify_result_t trust_all(SSL *ssl, uint8_t *alert)
{
    (void)ssl, (void)alert;
    return ssl_verify_ok;
}

static void do_nothing(struct event_task *task)
{
    (void)task;
}

static int set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    assert_non_null(rig);
    arena_init(&rig->arena);
    config_diag_init(&rig->diag, &rig->arena);
    config_init(&rig->config, &rig->arena, &rig->diag, NULL);
    write_pem(rig);
    rig->board = board_new();
    rig->inc = board_incarnation_take(rig->board, BOARD_ROLE_WORKER, 0, 1);
    board_incarnation_enter(rig->board, rig->inc);
    rig->object = board_object(rig->board, "g/tls");
    rig->global.lifetime_us = 300000000;
    rig->source = (struct tls_source){ .kind = TLS_SOURCE_CRT, .name = rig->pem };
    rig->said = (struct tls_bind_conf){ .enabled = true, .sources = &rig->source };
    rig->store = tls_store_new(&rig->config, &rig->global.store);
    rig->bind =
        tls_bind_new(&rig->config, &rig->global, rig->store, &rig->said, (struct config_place){ .file = "test" });
    assert_non_null(rig->bind);
    assert_true(event_loop_init(&rig->loop));
    rig->loop.now_us = 5000000;
    event_task_init(&rig->nothing, do_nothing);
    rig->ctx = transport_tls_ctx_new(&rig->loop, &rig->global, rig->board, rig->inc, rig->object);
    rig->client_ctx = SSL_CTX_new(TLS_with_buffers_method());
    SSL_CTX_set_custom_verify(rig->client_ctx, SSL_VERIFY_PEER, trust_all);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;
    transport_tls_ctx_free(rig->ctx);
    event_loop_fini(&rig->loop);
    tls_bind_free(rig->bind);
    tls_store_free(rig->store);
    SSL_CTX_free(rig->client_ctx);
    unlink(rig->pem);
    board_free(rig->board);
    config_fini(&rig->config);
    arena_fini(&rig->arena);
    free(rig);
    return 0;
}

static void ready(struct transport_conn *conn)
{
    CONTAINER_OF(conn, struct pair, conn)->events++;
}

static void pair_init(struct pair *pair, struct rig *rig, struct slice early)
{
    int fds[2];
    int small = 4096;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    *pair = (struct pair){ .rig = rig, .fd = fds[1] };
    assert_true(transport_conn_init(&rig->loop, &pair->conn, fds[0], ready));
    assert_true(transport_tls_accept(rig->ctx, &pair->conn, rig->bind, early));
    pair->client = SSL_new(rig->client_ctx);
    pair->to_client = BIO_new(BIO_s_mem());
    pair->from_client = BIO_new(BIO_s_mem());
    SSL_set_bio(pair->client, pair->to_client, pair->from_client);
    SSL_set_connect_state(pair->client);
}

static void turn(struct pair *pair)
{
    uint64_t now_us = pair->rig->loop.now_us;
    // With work to do the loop does not wait.
    event_task_wake(&pair->rig->loop, &pair->rig->nothing);
    event_loop_turn(&pair->rig->loop);
    pair->rig->loop.now_us = now_us;
}

// Puts up to `max` bytes of what the client has to say on the wire.
static size_t client_sends(struct pair *pair, size_t max)
{
    const uint8_t *data;
    size_t len;
    assert_true(BIO_mem_contents(pair->from_client, &data, &len));
    len = len < max ? len : max;
    if (!len)
        return 0;
    ssize_t put = send(pair->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put <= 0)
        return 0;
    char waste[65536];
    for (size_t left = (size_t)put; left;)
        left -= (size_t)BIO_read(pair->from_client, waste, (int)(left < sizeof(waste) ? left : sizeof(waste)));
    return (size_t)put;
}

// Gives the client up to `max` bytes of the wire.
static ssize_t client_gets(struct pair *pair, size_t max)
{
    char data[65536];
    ssize_t got = recv(pair->fd, data, max < sizeof(data) ? max : sizeof(data), MSG_DONTWAIT);
    if (got > 0)
        assert_int_equal(BIO_write(pair->to_client, data, (int)got), got);
    return got;
}

static void handshake(struct pair *pair, size_t piece)
{
    enum io io = IO_AGAIN;
    int done = 0;
    for (int i = 0; i < 10000 && (io != IO_OK || done != 1); i++) {
        if (done != 1)
            done = SSL_do_handshake(pair->client);
        client_sends(pair, piece);
        turn(pair);
        if (io != IO_OK)
            io = transport_tls_handshake(&pair->conn);
        assert_int_not_equal(io, IO_FAIL);
        client_gets(pair, piece);
    }
    assert_int_equal(io, IO_OK);
    assert_int_equal(done, 1);
}

static void pair_fini(struct pair *pair)
{
    transport_conn_close(&pair->rig->loop, &pair->conn, false);
    close(pair->fd);
    SSL_free(pair->client);
}

static void test_handshake(void **state)
{
    static const size_t pieces[] = { 65536, 1000, 7, 1 };
    for (size_t i = 0; i < NUM_ITEMS(pieces); i++) {
        struct pair pair;
        pair_init(&pair, *state, (struct slice){ 0 });
        handshake(&pair, pieces[i]);
        assert_true(transport_tls_of(&pair.conn)->facts.done);
        assert_int_equal(transport_tls_of(&pair.conn)->facts.version, TLS1_3_VERSION);
        pair_fini(&pair);
    }
}

// A byte that came with the header before the handshake is not lost.
static void test_early_bytes(void **state)
{
    struct rig *rig = *state;
    struct pair pair;
    SSL *client = SSL_new(rig->client_ctx);
    BIO *out = BIO_new(BIO_s_mem()), *in = BIO_new(BIO_s_mem());
    const uint8_t *data;
    size_t len;
    SSL_set_bio(client, in, out);
    SSL_set_connect_state(client);
    assert_int_equal(SSL_do_handshake(client), -1);
    assert_true(BIO_mem_contents(out, &data, &len));
    size_t early = len / 2;
    pair_init(&pair, rig, slice_of((const char *)data, early));
    SSL_free(pair.client);
    pair.client = client;
    pair.to_client = in;
    pair.from_client = out;
    char waste[4096];
    assert_int_equal(BIO_read(out, waste, (int)early), early);
    assert_int_equal(transport_tls_handshake(&pair.conn), IO_AGAIN);
    handshake(&pair, 65536);
    pair_fini(&pair);
}

static char *noise(size_t len)
{
    char *data = malloc(len);
    assert_non_null(data);
    RAND_bytes((uint8_t *)data, len);
    return data;
}

static void test_receive(void **state)
{
    static const size_t caps[] = { 1, 100, 16384, 100000 };
    char *data = noise(BIG), *got = malloc(BIG + 1);
    for (size_t c = 0; c < NUM_ITEMS(caps); c++) {
        struct pair pair;
        size_t at = 0, total = caps[c] == 1 ? 40000 : BIG, len;
        pair_init(&pair, *state, (struct slice){ 0 });
        handshake(&pair, 65536);
        assert_int_equal(SSL_write(pair.client, data, (int)total), total);
        for (int i = 0; i < 100000 && at < total; i++) {
            client_sends(&pair, 5000);
            turn(&pair);
            enum io io;
            while ((io = transport_conn_recv(&pair.conn, &len, got + at,
                                             caps[c] < total - at ? caps[c] : total - at + 1)) == IO_OK)
                at += len;
            assert_int_equal(io, IO_AGAIN);
            assert_false(pair.conn.can_read);
        }
        assert_int_equal(at, total);
        assert_memory_equal(got, data, total);
        pair_fini(&pair);
    }
    free(data);
    free(got);
}

// Two connections whose records come in pieces do not meet in the scratch.
static void test_interleaved(void **state)
{
    struct pair pairs[3];
    char *data = noise(100000), *got[3];
    size_t at[3] = { 0 }, len;
    for (int p = 0; p < 3; p++) {
        got[p] = malloc(100000);
        pair_init(&pairs[p], *state, (struct slice){ 0 });
        handshake(&pairs[p], 65536);
        assert_int_equal(SSL_write(pairs[p].client, data, 100000), 100000);
    }
    for (int i = 0; i < 10000 && at[0] + at[1] + at[2] < 300000; i++) {
        for (int p = 0; p < 3; p++)
            client_sends(&pairs[p], (size_t)(977 * (p + 1)));
        turn(&pairs[0]);
        for (int p = 0; p < 3; p++) {
            // One read at most: what is decrypted and what is not stays behind.
            size_t cap = 100000 - at[p] < 700 ? 100000 - at[p] : 700;
            if (cap && transport_conn_recv(&pairs[p].conn, &len, got[p] + at[p], cap) == IO_OK)
                at[p] += len;
        }
    }
    for (int p = 0; p < 3; p++) {
        assert_int_equal(at[p], 100000);
        assert_memory_equal(got[p], data, 100000);
        free(got[p]);
        pair_fini(&pairs[p]);
    }
    free(data);
}

// Sends all of `data` while the client reads `piece` bytes of the wire at a time; gives what it read.
static void send_all(struct pair *pair, const char *data, size_t len, size_t piece, char *got)
{
    size_t at = 0, got_at = 0, sent;
    bool was_held = false;
    for (int i = 0; i < 100000 && got_at < len; i++) {
        if (at < len || pair->conn.held) {
            struct iovec pieces[2] = { { (char *)data + at, (len - at) / 3 },
                                       { (char *)data + at + (len - at) / 3, len - at - (len - at) / 3 } };
            enum io io = transport_conn_sendv(&pair->conn, &sent, pieces, 2);
            at += sent;
            assert_int_not_equal(io, IO_FAIL);
            assert_true(io == IO_AGAIN || at == len);
            was_held |= pair->conn.held;
        }
        client_gets(pair, piece);
        int has;
        while ((has = SSL_read(pair->client, got + got_at, (int)(len - got_at))) > 0)
            got_at += (size_t)has;
        turn(pair);
    }
    assert_int_equal(got_at, len);
    assert_memory_equal(got, data, len);
    if (len == BIG)
        assert_true(was_held);
    assert_false(pair->conn.held);
    assert_true(pair->conn.can_write);
}

static void test_send(void **state)
{
    static const size_t pieces[] = { 65536, 3000, 200 };
    char *data = noise(BIG), *got = malloc(BIG);
    for (size_t i = 0; i < NUM_ITEMS(pieces); i++) {
        struct pair pair;
        pair_init(&pair, *state, (struct slice){ 0 });
        handshake(&pair, 65536);
        send_all(&pair, data, BIG, pieces[i], got);
        send_all(&pair, data, 1, pieces[i], got);
        pair_fini(&pair);
    }
    free(data);
    free(got);
}

// The lengths of records on the wire, in order.
static size_t record_lens(struct pair *pair, size_t *lens, size_t max)
{
    static uint8_t wire[1 << 17];
    size_t len = 0, num = 0;
    ssize_t got;
    while ((got = recv(pair->fd, wire + len, sizeof(wire) - len, MSG_DONTWAIT)) > 0)
        len += (size_t)got;
    for (size_t at = 0; at + RECORD_HEAD <= len && num < max;) {
        lens[num] = RECORD_HEAD + ((size_t)wire[at + 3] << 8 | wire[at + 4]);
        at += lens[num++];
    }
    return num;
}

static void test_record_sizes(void **state)
{
    struct rig *rig = *state;
    struct pair pair;
    size_t lens[64], sent;
    char *data = noise(65536);
    int large = 1 << 20;
    pair_init(&pair, rig, (struct slice){ 0 });
    setsockopt(pair.conn.source.fd, SOL_SOCKET, SO_SNDBUF, &large, sizeof(large));
    handshake(&pair, 65536);
    rig->loop.now_us += 10000000;
    // What comes together goes out in one record, the ticket before it.
    struct iovec pieces[2] = { { data, 300 }, { data + 300, 128 } };
    assert_int_equal(transport_conn_sendv(&pair.conn, &sent, pieces, 2), IO_OK);
    assert_int_equal(sent, 428);
    size_t num = record_lens(&pair, lens, NUM_ITEMS(lens));
    assert_in_range(num, 1, 2);
    assert_int_equal(lens[num - 1], 428 + 22);
    // Records of a segment, then large ones, then again after a pause.
    for (int i = 0; i < 2; i++) {
        rig->loop.now_us += 2000000;
        assert_int_equal(transport_conn_send(&pair.conn, &sent, data, 65536), IO_OK);
        num = record_lens(&pair, lens, NUM_ITEMS(lens));
        assert_in_range(lens[0], 1200, 1428);
        assert_int_equal(lens[num - 2], 16384 + 22);
    }
    assert_int_equal(transport_conn_send(&pair.conn, &sent, data, 65536), IO_OK);
    num = record_lens(&pair, lens, NUM_ITEMS(lens));
    assert_int_equal(num, 4);
    free(data);
    pair_fini(&pair);
}

static void test_ends(void **state)
{
    char byte;
    size_t len;
    // close_notify is an end in order, whatever the TCP connection does after it; the other way stays open.
    struct pair pair;
    pair_init(&pair, *state, (struct slice){ 0 });
    handshake(&pair, 65536);
    assert_int_equal(SSL_write(pair.client, "bye", 3), 3);
    SSL_shutdown(pair.client);
    client_sends(&pair, 65536);
    turn(&pair);
    char text[16];
    assert_int_equal(transport_conn_recv(&pair.conn, &len, text, sizeof(text)), IO_OK);
    assert_int_equal(len, 3);
    assert_int_equal(transport_conn_recv(&pair.conn, &len, text, sizeof(text)), IO_EOF);
    assert_false(pair.conn.cut);
    assert_int_equal(transport_conn_send(&pair.conn, &len, "yes", 3), IO_OK);
    client_gets(&pair, 65536);
    pair_fini(&pair);
    // A FIN alone is an end too, but one that is told apart.
    pair_init(&pair, *state, (struct slice){ 0 });
    handshake(&pair, 65536);
    shutdown(pair.fd, SHUT_WR);
    turn(&pair);
    assert_int_equal(transport_conn_recv(&pair.conn, &len, text, sizeof(text)), IO_EOF);
    assert_true(pair.conn.cut);
    pair_fini(&pair);
    // So is one within a record.
    pair_init(&pair, *state, (struct slice){ 0 });
    handshake(&pair, 65536);
    assert_int_equal(SSL_write(pair.client, "cut", 3), 3);
    client_sends(&pair, 10);
    shutdown(pair.fd, SHUT_WR);
    turn(&pair);
    assert_int_equal(transport_conn_recv(&pair.conn, &len, text, sizeof(text)), IO_EOF);
    assert_true(pair.conn.cut);
    pair_fini(&pair);
    // A record that was tampered with is a failure.
    pair_init(&pair, *state, (struct slice){ 0 });
    handshake(&pair, 65536);
    static const char forged[] = "\x17\x03\x03\x00\x20"
                                 "0123456789abcdef0123456789abcdef";
    assert_int_equal(send(pair.fd, forged, sizeof(forged) - 1, 0), sizeof(forged) - 1);
    turn(&pair);
    assert_int_equal(transport_conn_recv(&pair.conn, &len, text, sizeof(text)), IO_FAIL);
    assert_true(pair.conn.failed);
    pair_fini(&pair);
    // Ours is said, too, before the FIN.
    pair_init(&pair, *state, (struct slice){ 0 });
    handshake(&pair, 65536);
    transport_conn_shutdown(&pair.conn);
    while (client_gets(&pair, 65536) > 0)
        continue;
    assert_int_equal(SSL_get_error(pair.client, SSL_read(pair.client, &byte, 1)), SSL_ERROR_ZERO_RETURN);
    assert_int_equal(recv(pair.fd, &byte, 1, MSG_DONTWAIT), 0);
    pair_fini(&pair);
}

// Behind bytes that are held, close_notify and FIN wait their turn.
static void test_shutdown_held(void **state)
{
    struct pair pair;
    size_t sent, total = 0;
    char *data = noise(BIG), *got = malloc(BIG);
    pair_init(&pair, *state, (struct slice){ 0 });
    handshake(&pair, 65536);
    assert_int_equal(transport_conn_send(&pair.conn, &sent, data, BIG), IO_AGAIN);
    assert_true(pair.conn.held);
    transport_conn_shutdown(&pair.conn);
    int why = SSL_ERROR_WANT_READ;
    for (int i = 0; i < 10000 && why == SSL_ERROR_WANT_READ; i++) {
        client_gets(&pair, 3000);
        turn(&pair);
        int has;
        while ((has = SSL_read(pair.client, got + total, (int)(BIG - total))) > 0)
            total += (size_t)has;
        why = SSL_get_error(pair.client, has);
    }
    assert_int_equal(why, SSL_ERROR_ZERO_RETURN);
    assert_int_equal(total, sent);
    assert_memory_equal(got, data, sent);
    char byte;
    assert_int_equal(recv(pair.fd, &byte, 1, MSG_DONTWAIT), 0);
    pair_fini(&pair);
    free(data);
    free(got);
}

static void test_no_tls(void **state)
{
    static const char *const wrong[] = { "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\xff\xff", "\0\0\0\0\0\0\0\0" };
    for (size_t i = 0; i < NUM_ITEMS(wrong); i++) {
        struct pair pair;
        pair_init(&pair, *state, (struct slice){ 0 });
        size_t len = wrong[i][0] ? strlen(wrong[i]) : 8;
        assert_int_equal(send(pair.fd, wrong[i], len, 0), len);
        turn(&pair);
        assert_int_equal(transport_tls_handshake(&pair.conn), IO_FAIL);
        assert_int_not_equal(transport_tls_of(&pair.conn)->facts.error, 0);
        pair_fini(&pair);
    }
    // One that says nothing and goes is no failure of TLS.
    struct pair pair;
    pair_init(&pair, *state, (struct slice){ 0 });
    assert_int_equal(transport_tls_handshake(&pair.conn), IO_AGAIN);
    assert_false(transport_tls_started(&pair.conn));
    shutdown(pair.fd, SHUT_WR);
    turn(&pair);
    assert_int_equal(transport_tls_handshake(&pair.conn), IO_EOF);
    pair_fini(&pair);
}

static void test_alive(void **state)
{
    struct pair pair;
    pair_init(&pair, *state, (struct slice){ 0 });
    handshake(&pair, 65536);
    assert_true(transport_conn_is_alive(&pair.conn));
    // A record that carries nothing for us does not count.
    assert_true(SSL_key_update(pair.client, SSL_KEY_UPDATE_NOT_REQUESTED));
    SSL_write(pair.client, "", 0);
    client_sends(&pair, 65536);
    turn(&pair);
    assert_true(transport_conn_is_alive(&pair.conn));
    assert_int_equal(SSL_write(pair.client, "x", 1), 1);
    client_sends(&pair, 65536);
    turn(&pair);
    assert_false(transport_conn_is_alive(&pair.conn));
    char byte;
    size_t len;
    assert_int_equal(transport_conn_recv(&pair.conn, &len, &byte, 1), IO_OK);
    assert_int_equal(byte, 'x');
    assert_true(transport_conn_is_alive(&pair.conn));
    SSL_shutdown(pair.client);
    client_sends(&pair, 65536);
    turn(&pair);
    assert_false(transport_conn_is_alive(&pair.conn));
    pair_fini(&pair);
}

static void test_counted(void **state)
{
    struct rig *rig = *state;
    uint64_t before = board_counter_sum(rig->board, rig->object, TRANSPORT_TLS_COUNT_CONNS);
    struct pair pair;
    pair_init(&pair, rig, (struct slice){ 0 });
    handshake(&pair, 65536);
    assert_int_equal(board_counter_sum(rig->board, rig->object, TRANSPORT_TLS_COUNT_CONNS), before + 1);
    assert_true(board_rate_read(&board_gauges(rig->board, rig->object)[TRANSPORT_TLS_GAUGE_KEYS], rig->loop.now_us));
    pair_fini(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handshake),   cmocka_unit_test(test_early_bytes),   cmocka_unit_test(test_receive),
        cmocka_unit_test(test_interleaved), cmocka_unit_test(test_send),          cmocka_unit_test(test_record_sizes),
        cmocka_unit_test(test_ends),        cmocka_unit_test(test_shutdown_held), cmocka_unit_test(test_no_tls),
        cmocka_unit_test(test_alive),       cmocka_unit_test(test_counted),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
