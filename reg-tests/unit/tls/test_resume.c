// SPDX-License-Identifier: Apache-2.0
// Sessions resume where the same identity is checked and nowhere else, in any process, by tickets and by session ids;
// early data is taken once.
#include "pair.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <openssl/base64.h>
#include <openssl/rand.h>
#include "tls/bind_inner.h"
#include "tls/shared_inner.h"

enum kind { TICKET_13, TICKET_12, ID_12, NUM_KINDS };
static const char *const kind_names[] = { "TLS 1.3 ticket", "TLS 1.2 ticket", "TLS 1.2 session id" };

static int take_session(SSL *ssl, SSL_SESSION *session)
{
    SSL_SESSION **at = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0);
    SSL_SESSION_free(*at);
    *at = session;
    return 1;
}

// A client that keeps its latest session in `*session`.
static SSL_CTX *client_of(SSL_SESSION **session, enum kind kind)
{
    SSL_CTX *client = client_new();
    *session = NULL;
    SSL_CTX_set_max_proto_version(client, kind == TICKET_13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    if (kind == ID_12)
        SSL_CTX_set_options(client, SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(client, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_ex_data(client, 0, session);
    SSL_CTX_sess_set_new_cb(client, take_session);
    return client;
}

// Connects with `session` (NULL: none) and says whether it was resumed; the two sides must be of one mind.
static bool resumes(const struct rig *rig, SSL_CTX *client, const char *sni, SSL_SESSION *session)
{
    struct pair pair;
    pair_begin(&pair, rig, client, sni);
    if (session)
        SSL_set_session(pair.client, session);
    if (!pair_run(&pair))
        fail_msg("%s: %s (client's alert %d)", sni, tls_conn_reason(&pair.server), pair.client_alert);
    bool resumed = pair.server.facts.resumed;
    assert_int_equal(resumed, SSL_session_reused(pair.client));
    pair_fini(&pair);
    return resumed;
}

static struct tls_conf conf_of(struct rig *rig, enum tls_verify verify, const char *ca, const char *crl)
{
    return (struct tls_conf){
        .verify = (uint8_t)verify,
        .ca_file = ca ? arena_str(&rig->arena, cert_path(ca)) : NULL,
        .crl_file = crl ? arena_str(&rig->arena, cert_path(crl)) : NULL,
    };
}

static const struct {
    const char *name, *cert, *ca, *crl;
    enum tls_verify verify;
    bool loose;
} contexts[] = {
    { "plain.test", "a.pem", NULL, NULL, TLS_VERIFY_UNSAID, false },
    { "vhost.test", "server.pem", NULL, NULL, TLS_VERIFY_UNSAID, false },
    { "optional.test", "a.pem", "ca.pem", NULL, TLS_VERIFY_OPTIONAL, false },
    { "required.test", "a.pem", "ca.pem", NULL, TLS_VERIFY_REQUIRED, false },
    { "ca2.test", "a.pem", "ca2.pem", NULL, TLS_VERIFY_OPTIONAL, false },
    { "crl.test", "a.pem", "ca.pem", "crl.pem", TLS_VERIFY_OPTIONAL, false },
    { "loose.test", "a.pem", "ca.pem", NULL, TLS_VERIFY_REQUIRED, true },
};

static void contexts_add(struct rig *rig)
{
    for (size_t i = 0; i < NUM_ITEMS(contexts); i++) {
        struct tls_conf conf = conf_of(rig, contexts[i].verify, contexts[i].ca, contexts[i].crl);
        if (contexts[i].loose)
            memset(&conf.crt_ignore, 0xff, sizeof(conf.crt_ignore));
        rig_entry(rig, contexts[i].cert, &conf, contexts[i].name);
    }
}

static void client_for(SSL_CTX *client, size_t context)
{
    client_cert(client,
                contexts[context].ca && strcmp(contexts[context].ca, "ca2.pem") == 0 ? "client2.pem" : "client.pem");
}

// From each context to every other; and to the same one at another bind, which stands for another port and address.
static void test_contexts(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    contexts_add(&rig);
    assert_true(rig_bind(&rig));
    struct rig other = rig;
    other.entries = NULL;
    other.bind = NULL;
    arena_init(&other.arena);
    contexts_add(&other);
    assert_true(rig_bind(&other));
    for (int kind = 0; kind < NUM_KINDS; kind++) {
        for (size_t from = 0; from < NUM_ITEMS(contexts); from++) {
            for (size_t to = 0; to < NUM_ITEMS(contexts); to++) {
                SSL_SESSION *session, *unused;
                SSL_CTX *first = client_of(&session, (enum kind)kind), *second = client_of(&unused, (enum kind)kind);
                client_for(first, from);
                client_for(second, to);
                assert_false(resumes(&rig, first, contexts[from].name, NULL));
                assert_non_null(session);
                bool resumed = resumes(&rig, second, contexts[to].name, session);
                if (resumed != (from == to))
                    fail_msg("%s: from %s to %s %s", kind_names[kind], contexts[from].name, contexts[to].name,
                             resumed ? "resumes" : "does not resume");
                assert_int_equal(resumes(&other, second, contexts[to].name, session), from == to);
                SSL_SESSION_free(session);
                SSL_SESSION_free(unused);
                SSL_CTX_free(first);
                SSL_CTX_free(second);
            }
        }
    }
    tls_bind_free(other.bind);
    rig_fini(&rig);
    arena_fini(&other.arena);
}

// ---- processes

struct handed {
    size_t len[NUM_KINDS];
    uint8_t session[NUM_KINDS][8000];
};

static void in_child(void (*run)(const struct rig *rig, struct handed *handed), const struct rig *rig,
                     struct handed *handed, int signal_expected)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL); // cmocka would go on in the child
        if (!tls_shared_seal())
            _exit(2);
        run(rig, handed);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (signal_expected)
        assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
    else
        assert_int_equal(status, 0);
}

static void make_sessions(const struct rig *rig, struct handed *handed)
{
    for (int kind = 0; kind < NUM_KINDS; kind++) {
        SSL_SESSION *session;
        SSL_CTX *client = client_of(&session, (enum kind)kind);
        uint8_t *data;
        size_t len;
        must(!resumes(rig, client, "a.test", NULL) && session && SSL_SESSION_to_bytes(session, &data, &len));
        must(len <= sizeof(handed->session[0]));
        memcpy(handed->session[kind], data, len);
        handed->len[kind] = len;
    }
}

static uint32_t num_resumed(const struct rig *rig, const struct handed *handed)
{
    uint32_t num = 0;
    for (int kind = 0; kind < NUM_KINDS; kind++) {
        SSL_SESSION *next;
        SSL_CTX *client = client_of(&next, (enum kind)kind);
        SSL_SESSION *session = SSL_SESSION_from_bytes(handed->session[kind], handed->len[kind], client);
        num += resumes(rig, client, "a.test", session) ? 1U << kind : 0;
        SSL_SESSION_free(session);
        SSL_SESSION_free(next);
        SSL_CTX_free(client);
    }
    return num;
}

static void resume_all(const struct rig *rig, struct handed *handed)
{
    must(num_resumed(rig, handed) == 7);
}

static void resume_tickets(const struct rig *rig, struct handed *handed)
{
    must(num_resumed(rig, handed) == 3);
}

static void write_keys(const struct rig *rig, struct handed *handed)
{
    (void)rig, (void)handed;
    atomic_store(&tls_shared_of_process()->keys->version, 1);
}

static void test_processes(void **state)
{
    (void)state;
    struct rig rig;
    struct handed *handed = mmap(NULL, sizeof(*handed), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(handed, MAP_FAILED);
    rig_init(&rig);
    rig_entry(&rig, "a.pem", NULL, NULL);
    assert_true(rig_bind(&rig));
    struct tls_shared_stats before, after;
    tls_shared_stats_get(&before);
    in_child(make_sessions, &rig, handed, 0);
    for (int i = 0; i < 3; i++)
        in_child(resume_all, &rig, handed, 0);
    tls_shared_stats_get(&after);
    assert_int_equal(after.lookups - before.lookups, 3);
    assert_int_equal(after.misses, before.misses);
    // Workers only read keys.
    in_child(write_keys, &rig, handed, SIGSEGV);
    in_child(resume_all, &rig, handed, 0);
    // The next generation's keeper finds the sections.
    tls_bind_free(rig.bind);
    assert_true(tls_shared_prepare(rig.board, &rig.global));
    assert_true(rig_bind(&rig));
    in_child(resume_all, &rig, handed, 0);
    // Of another size, the cache is another one, and with tune.ssl.force-private-cache each process has its own.
    rig.global.cache_size = 128;
    assert_true(tls_shared_prepare(rig.board, &rig.global));
    in_child(resume_tickets, &rig, handed, 0);
    rig.global.private_cache = true;
    in_child(make_sessions, &rig, handed, 0);
    in_child(resume_tickets, &rig, handed, 0);
    rig.global.private_cache = false;
    rig.global.cache_size = 0;
    assert_true(tls_shared_prepare(rig.board, &rig.global));
    in_child(resume_tickets, &rig, handed, 0);
    munmap(handed, sizeof(*handed));
    rig_fini(&rig);
}

// ---- limits

static void test_times(void **state)
{
    (void)state;
    struct tls_global_conf global = { 0 };
    assert_int_equal(tls_shared_lifetime(&global), 86400);
    global.ticket_lifetime_us = UINT64_C(30) * 86400 * 1000000;
    assert_int_equal(tls_shared_lifetime(&global), 7 * 86400);
    // Never longer than keys are kept.
    global.rotation_us = 1000000;
    assert_int_equal(tls_shared_lifetime(&global), TLS_KEYS_MAX - TLS_KEYS_SPARE);
    struct rig rig;
    rig_init(&rig);
    rig.global.lifetime_us = 100 * 1000000;
    rig.global.ticket_lifetime_us = 5000 * UINT64_C(1000000);
    rig_entry(&rig, "a.pem", NULL, NULL);
    assert_true(rig_bind(&rig));
    SSL_SESSION *session;
    SSL_CTX *client = client_of(&session, TICKET_13);
    resumes(&rig, client, "a.test", NULL);
    assert_int_equal(SSL_SESSION_get_timeout(session), 5000);
    SSL_CTX_free(client);
    SSL_SESSION_free(session);
    client = client_of(&session, TICKET_12);
    resumes(&rig, client, "a.test", NULL);
    assert_int_equal(SSL_SESSION_get_ticket_lifetime_hint(session), 5000);
    SSL_CTX_free(client);
    SSL_SESSION_free(session);
    rig_fini(&rig);
}

static void test_strange_tickets(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_entry(&rig, "a.pem", NULL, NULL);
    assert_true(rig_bind(&rig));
    for (int kind = TICKET_13; kind <= TICKET_12; kind++) {
        SSL_SESSION *session, *next;
        SSL_CTX *client = client_of(&session, (enum kind)kind);
        assert_false(resumes(&rig, client, "a.test", NULL));
        SSL_CTX_set_ex_data(client, 0, &next);
        const uint8_t *ticket;
        size_t len;
        SSL_SESSION_get0_ticket(session, &ticket, &len);
        uint8_t copy[1000];
        assert_true(len < sizeof(copy));
        memcpy(copy, ticket, len);
        for (size_t at = 0; at < len; at += 7) {
            next = NULL;
            copy[at] ^= 0x10;
            assert_true(SSL_SESSION_set_ticket(session, copy, len));
            assert_false(resumes(&rig, client, "a.test", session));
            copy[at] ^= 0x10;
            SSL_SESSION_free(next);
            next = NULL;
            assert_true(SSL_SESSION_set_ticket(session, copy, at + 1));
            assert_false(resumes(&rig, client, "a.test", session));
            SSL_SESSION_free(next);
        }
        next = NULL;
        assert_true(SSL_SESSION_set_ticket(session, copy, len));
        assert_true(resumes(&rig, client, "a.test", session));
        SSL_SESSION_free(next);
        SSL_SESSION_free(session);
        SSL_CTX_free(client);
    }
    rig_fini(&rig);
}

// Client certificates make sessions large: they are kept in slots of their own.
static void test_large_sessions(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    struct tls_conf conf = conf_of(&rig, TLS_VERIFY_REQUIRED, "ca.pem", NULL);
    rig_entry(&rig, "a.pem", &conf, NULL);
    assert_true(rig_bind(&rig));
    SSL_SESSION *session;
    SSL_CTX *client = client_of(&session, ID_12);
    client_cert(client, "client.pem");
    assert_false(resumes(&rig, client, "a.test", NULL));
    assert_true(resumes(&rig, client, "a.test", session));
    struct tls_shared_stats stats;
    tls_shared_stats_get(&stats);
    assert_int_equal(stats.too_large, 0);
    SSL_SESSION_free(session);
    SSL_CTX_free(client);
    rig_fini(&rig);
}

// ---- early data

// Connects with `session`, sends early data and says whether it was accepted. The connection is well either way.
static bool early_accepted(const struct rig *rig, SSL_CTX *client, SSL_SESSION *session, bool *resumed)
{
    struct pair pair;
    char data[16] = "";
    pair_begin(&pair, rig, client, "a.test");
    SSL_set_session(pair.client, session);
    assert_int_equal(SSL_do_handshake(pair.client), 1);
    assert_true(SSL_in_early_data(pair.client));
    assert_int_equal(SSL_write(pair.client, "early", 5), 5);
    int result = SSL_do_handshake(pair.server.ssl);
    bool accepted = SSL_early_data_accepted(pair.server.ssl);
    if (accepted) {
        assert_int_equal(result, 1);
        assert_int_equal(SSL_read(pair.server.ssl, data, sizeof(data)), 5);
        assert_memory_equal(data, "early", 5);
    }
    *resumed = SSL_session_reused(pair.server.ssl);
    if (SSL_do_handshake(pair.client) != 1 && SSL_get_error(pair.client, -1) == SSL_ERROR_EARLY_DATA_REJECTED)
        SSL_reset_early_data_reject(pair.client);
    for (int i = 0; i < 4; i++) {
        SSL_do_handshake(pair.client);
        SSL_do_handshake(pair.server.ssl);
    }
    assert_int_equal(SSL_write(pair.client, "late", 4), 4);
    assert_int_equal(SSL_read(pair.server.ssl, data, sizeof(data)), 4);
    assert_memory_equal(data, "late", 4);
    assert_int_equal(SSL_write(pair.server.ssl, "yes", 3), 3);
    assert_int_equal(SSL_read(pair.client, data, sizeof(data)), 3);
    pair_fini(&pair);
    return accepted;
}

static void early_rig(struct rig *rig, const char *ticket_file)
{
    struct tls_conf conf = { .early_data = TLS_YES };
    rig_init(rig);
    rig->conf.ticket_file = ticket_file;
    rig_entry(rig, "a.pem", &conf, NULL);
    assert_true(rig_bind(rig));
}

static void test_early_once(void **state)
{
    (void)state;
    struct rig rig;
    early_rig(&rig, NULL);
    SSL_SESSION *session, *next = NULL;
    SSL_CTX *client = client_of(&session, TICKET_13);
    SSL_CTX_set_early_data_enabled(client, 1);
    bool resumed;
    assert_false(resumes(&rig, client, "a.test", NULL));
    assert_true(SSL_SESSION_early_data_capable(session));
    SSL_CTX_set_ex_data(client, 0, &next);
    assert_true(early_accepted(&rig, client, session, &resumed));
    assert_true(resumed);
    for (int i = 0; i < 3; i++) {
        assert_false(early_accepted(&rig, client, session, &resumed));
        assert_true(resumed);
        // The ticket of a connection whose early data was refused is good for early data itself.
        assert_true(SSL_SESSION_early_data_capable(next));
    }
    SSL_SESSION_free(session);
    session = next;
    next = NULL;
    assert_true(early_accepted(&rig, client, session, &resumed));
    // Who offers none uses nothing up.
    SSL_SESSION_free(session);
    session = next;
    next = NULL;
    SSL_CTX_set_early_data_enabled(client, 0);
    assert_true(resumes(&rig, client, "a.test", session));
    SSL_CTX_set_early_data_enabled(client, 1);
    assert_true(early_accepted(&rig, client, session, &resumed));
    assert_false(early_accepted(&rig, client, session, &resumed));
    SSL_SESSION_free(session);
    SSL_SESSION_free(next);
    SSL_CTX_free(client);
    rig_fini(&rig);
}

// ---- files of keys

static void file_write(char *path, int first, int num, size_t len)
{
    strcpy(path, "/tmp/test_resume.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *out = fdopen(fd, "w");
    for (int i = first; i < first + num; i++) {
        uint8_t secret[80], text[120];
        memset(secret, i, sizeof(secret));
        EVP_EncodeBlock(text, secret, len);
        fprintf(out, "%s\n", text);
    }
    fclose(out);
}

// A ticket of one machine of a fleet opens at another; its early data does not, for what the first has seen of it the
// second cannot know.
static void test_file(void **state)
{
    (void)state;
    struct rig rig;
    char path[64], later[64], others[64];
    file_write(path, 1, 3, 48);
    file_write(later, 2, 3, 48);
    file_write(others, 7, 3, 80);
    early_rig(&rig, path);
    SSL_SESSION *session, *next = NULL;
    SSL_CTX *client = client_of(&session, TICKET_13);
    SSL_CTX_set_early_data_enabled(client, 1);
    bool resumed;
    assert_false(resumes(&rig, client, "a.test", NULL));
    SSL_CTX_set_ex_data(client, 0, &next);
    assert_true(early_accepted(&rig, client, session, &resumed));
    rig_fini(&rig);
    early_rig(&rig, later); // another board, the file one key further
    assert_false(early_accepted(&rig, client, session, &resumed));
    assert_true(resumed);
    assert_true(early_accepted(&rig, client, next, &resumed));
    rig_fini(&rig);
    early_rig(&rig, others);
    assert_false(early_accepted(&rig, client, session, &resumed));
    assert_false(resumed);
    rig_fini(&rig);
    early_rig(&rig, NULL);
    assert_false(early_accepted(&rig, client, session, &resumed));
    assert_false(resumed);
    rig_fini(&rig);
    SSL_SESSION_free(session);
    SSL_SESSION_free(next);
    SSL_CTX_free(client);
    unlink(path);
    unlink(later);
    unlink(others);
}

static void expect_bad(const char *text, const char *message)
{
    struct rig rig;
    char path[] = "/tmp/test_resume.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    rig_init(&rig);
    const struct tls_ticket_file *file = tls_ticket_file_read(&rig.config, path, (struct config_place){ 0 });
    if (file || !rig_message(&rig, message))
        fail_msg("no '%s' but '%s'", message, rig.diag.first ? rig.diag.first->text : "nothing");
    for (const struct config_message *it = rig.diag.first; it; it = it->next)
        assert_null(it->place.text); // it is a secret
    unlink(path);
    rig_fini(&rig);
}

#define KEY48 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
#define KEY80                                                                                                          \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"

static void test_bad_files(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    assert_null(tls_ticket_file_read(&rig.config, "/nonexistent/keys", (struct config_place){ 0 }));
    assert_true(rig_message(&rig, "No such file"));
    rig_fini(&rig);
    expect_bad("", "holds 0 ticket keys, where at least 3 are needed");
    expect_bad(KEY48 "\n" KEY48, "holds 2 ticket keys, where at least 3 are needed");
    expect_bad(KEY48 KEY80 KEY48, "all ticket keys of a file are of one length");
    expect_bad(KEY48 "AAAA\n" KEY48 KEY48, "a ticket key has 48 or 80 bytes, this one has 3");
    expect_bad(KEY48 KEY48 "AAA\n" KEY48, "this line is no base64");
    expect_bad(KEY48 KEY48 "A!AA\n" KEY48, "this line is no base64");
    expect_bad(KEY80 KEY80 KEY80 KEY80 KEY80 "AA==" KEY80, "this line is no base64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contexts),       cmocka_unit_test(test_processes),
        cmocka_unit_test(test_times),          cmocka_unit_test(test_strange_tickets),
        cmocka_unit_test(test_large_sessions), cmocka_unit_test(test_early_once),
        cmocka_unit_test(test_file),           cmocka_unit_test(test_bad_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
