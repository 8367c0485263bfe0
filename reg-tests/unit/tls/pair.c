// SPDX-License-Identifier: Apache-2.0
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include "tls/bind_inner.h"

void rig_init(struct rig *rig)
{
    *rig = (struct rig){ .conf.enabled = true };
    arena_init(&rig->arena);
    config_diag_init(&rig->diag, &rig->arena);
    config_init(&rig->config, &rig->arena, &rig->diag, NULL);
    rig->store = tls_store_new(&rig->config, &rig->global.store);
    // Ticket keys and the cache stand on a board.
    rig->global.cache_size = 64;
    rig->board = board_new();
    assert_non_null(rig->board);
    board_incarnation_enter(rig->board, board_incarnation_take(rig->board, BOARD_ROLE_WORKER, 0, 1));
    assert_true(tls_shared_prepare(rig->board, &rig->global));
}

void rig_fini(struct rig *rig)
{
    tls_bind_free(rig->bind);
    board_free(rig->board);
    tls_store_free(rig->store);
    tls_trust_free_all();
    config_fini(&rig->config);
    arena_fini(&rig->arena);
}

const char *cert_path(const char *file)
{
    static char paths[4][512];
    static unsigned next;
    const char *folder = getenv("FL_CERTS");
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder ? folder : "build/certs", file);
    return path;
}

struct tls_entry *rig_entry(struct rig *rig, const char *file, const struct tls_conf *conf, const char *filter)
{
    uint32_t num = 0;
    const char *path = arena_str(&rig->arena, cert_path(file));
    struct tls_cert **certs = tls_store_get(rig->store, &num, path, (struct config_place){ 0 });
    if (!certs)
        fail_msg("cannot load %s", path);
    struct tls_entry **end = &rig->entries, *first = NULL;
    while (*end)
        end = &(*end)->next;
    for (uint32_t i = 0; i < num; i++) {
        struct tls_entry *entry = arena_alloc(&rig->arena, sizeof(*entry));
        entry->refs = 1;
        entry->cert = certs[i];
        if (conf)
            entry->conf = *conf;
        if (filter) {
            const char **filters = arena_alloc(&rig->arena, sizeof(*filters));
            filters[0] = filter;
            entry->filters = filters;
            entry->num_filters = 1;
        }
        *end = entry;
        end = &entry->next;
        first = first ? first : entry;
    }
    return first;
}

bool rig_bind(struct rig *rig)
{
    rig->bind =
        tls_bind_of(&rig->config, &rig->global, rig->store, &rig->conf, rig->entries, (struct config_place){ 0 });
    return rig->bind;
}

bool rig_message(const struct rig *rig, const char *text)
{
    for (const struct config_message *message = rig->diag.first; message; message = message->next)
        if (strstr(message->text, text))
            return true;
    return false;
}

static enum ssl_verify_result_t trust_all(SSL *ssl, uint8_t *alert)
{
    (void)ssl;
    (void)alert;
    return ssl_verify_ok;
}

SSL_CTX *client_new(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    assert_non_null(ctx);
    SSL_CTX_set_custom_verify(ctx, SSL_VERIFY_PEER, trust_all);
    return ctx;
}

void client_cert(SSL_CTX *ctx, const char *file)
{
    assert_true(SSL_CTX_use_certificate_chain_file(ctx, cert_path(file)));
    assert_true(SSL_CTX_use_PrivateKey_file(ctx, cert_path(file), SSL_FILETYPE_PEM));
}

static void on_client(const SSL *ssl, int type, int value)
{
    struct pair *pair = SSL_get_ex_data(ssl, 0);
    if (type == SSL_CB_READ_ALERT && value >> 8 == SSL3_AL_FATAL)
        pair->client_alert = value & 0xff;
}

void pair_begin(struct pair *pair, const struct rig *rig, SSL_CTX *client, const char *sni)
{
    BIO *near, *far;
    memset(pair, 0, sizeof(*pair));
    pair->client_alert = -1;
    assert_true(BIO_new_bio_pair(&near, 64 * 1024, &far, 64 * 1024));
    assert_true(tls_conn_accept(&pair->server, rig->bind));
    pair->client = SSL_new(client);
    assert_non_null(pair->client);
    SSL_set_ex_data(pair->client, 0, pair);
    SSL_set_info_callback(pair->client, on_client);
    SSL_set_connect_state(pair->client);
    if (sni)
        assert_true(SSL_set_tlsext_host_name(pair->client, sni));
    SSL_set_bio(pair->client, near, near);
    SSL_set_bio(pair->server.ssl, far, far);
}

static bool is_over(SSL *ssl, int result)
{
    int error = SSL_get_error(ssl, result);
    return error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE;
}

// The client's last word may be an alert that comes with the data, so a byte each way is what makes it well.
static bool exchange(struct pair *pair)
{
    char byte = 0;
    bool heard = SSL_write(pair->client, "c", 1) == 1 && SSL_read(pair->server.ssl, &byte, 1) == 1 && byte == 'c';
    return heard && SSL_write(pair->server.ssl, "s", 1) == 1 && SSL_read(pair->client, &byte, 1) == 1 && byte == 's';
}

bool pair_run(struct pair *pair)
{
    bool server_failed = false, client_failed = false;
    for (int turn = 0; turn < 20 && !(pair->client_done && pair->server_done) && !(server_failed && client_failed);
         turn++) {
        if (!pair->client_done && !client_failed) {
            ERR_clear_error();
            int result = SSL_do_handshake(pair->client);
            pair->client_done = result == 1;
            client_failed = result != 1 && is_over(pair->client, result);
        }
        if (!pair->server_done && !server_failed) {
            ERR_clear_error();
            int result = SSL_do_handshake(pair->server.ssl);
            pair->server_done = result == 1;
            server_failed = result != 1 && is_over(pair->server.ssl, result);
            if (pair->server_done)
                tls_conn_done(&pair->server);
            else if (server_failed)
                tls_conn_failed(&pair->server);
        }
    }
    bool ok = pair->client_done && pair->server_done && exchange(pair);
    if (!ok && pair->client_done) {
        char byte;
        SSL_read(pair->client, &byte, 1); // the alert
    }
    return ok;
}

void pair_fini(struct pair *pair)
{
    SSL_free(pair->client);
    tls_conn_fini(&pair->server);
}

bool pair_all(const struct rig *rig, SSL_CTX *client, const char *sni)
{
    struct pair pair;
    pair_begin(&pair, rig, client, sni);
    bool ok = pair_run(&pair);
    pair_fini(&pair);
    return ok;
}
