// SPDX-License-Identifier: Apache-2.0
// Changes at run time, in one process that is both who publishes them and who applies them: what connections see, what
// those under way keep, and that nothing is left behind.
#include "pair.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "board/change.h"
#include "board/payload.h"
#include "config/word.h"
#include "tls/change.h"
#include "tls/heap.h"
#include "tls/show.h"

struct change_rig {
    struct rig rig;
    struct text why;
    char list[64];
    SSL_CTX *client;
};

static char *read_all(const char *path)
{
    char *text = calloc(1, 65536);
    FILE *file = fopen(path, "r");
    must(text && file);
    must(fread(text, 1, 65535, file) > 0);
    fclose(file);
    return text;
}

static void write_list(struct change_rig *rig, const char *text)
{
    strcpy(rig->list, "/tmp/fairlead_list_XXXXXX");
    int fd = mkstemp(rig->list);
    must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}

static int setup(void **state)
{
    struct change_rig *rig = calloc(1, sizeof(*rig));
    config_words_boot();
    rig_init(&rig->rig);
    board_changes_enter(rig->rig.board, board_incarnation_self(rig->rig.board));
    text_init(&rig->why);
    rig->client = client_new();
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct change_rig *rig = *state;
    SSL_CTX_free(rig->client);
    board_changes_enter(NULL, 0);
    rig_fini(&rig->rig);
    if (*rig->list)
        unlink(rig->list);
    text_fini(&rig->why);
    free(rig);
    return 0;
}

static bool commit(struct change_rig *rig, const char *name, const char *file)
{
    char *pem = read_all(cert_path(file));
    struct tls_cert *draft = tls_draft_new(name);
    bool ok = tls_draft_put(draft, &rig->why, TLS_PART_ALL, slice_str(pem)) && tls_draft_check(draft, &rig->why) &&
              tls_draft_commit(draft);
    tls_cert_release(draft);
    OPENSSL_cleanse(pem, 65536);
    free(pem);
    return ok;
}

// The certificate that a client that asks for `sni` is shown: its first name.
static void shown(struct change_rig *rig, const char *sni, const char *name)
{
    struct pair pair;
    pair_begin(&pair, &rig->rig, rig->client, sni);
    assert_true(pair_run(&pair));
    assert_int_equal(pair.server.cert->names[0].len, strlen(name));
    assert_memory_equal(pair.server.cert->names[0].ptr, name, strlen(name));
    pair_fini(&pair);
}

static void test_swap(void **state)
{
    struct change_rig *rig = *state;
    struct pair old;
    struct tls_entry *entry = rig_entry(&rig->rig, "a.pem", NULL, NULL);
    rig_entry(&rig->rig, "a.pem", NULL, "other.test");
    rig_entry(&rig->rig, "server.pem", NULL, NULL);
    assert_true(rig_bind(&rig->rig));
    const char *name = entry->cert->name;
    assert_int_equal(tls_change_cert_uses(name), 2);
    shown(rig, "a.test", "a.test");
    // A hello that came before the change: the handshake goes on as it began.
    pair_begin(&old, &rig->rig, rig->client, "a.test");
    assert_true(pair_run(&old));
    const struct tls_cert *kept = old.server.cert;
    assert_true(commit(rig, name, "rsa.pem"));
    assert_ptr_equal(old.server.cert, kept);
    assert_string_equal(tls_conn_cert(&old.server, false, 0).ptr ? "there" : "", "there");
    shown(rig, "rsa.test", "rsa.test");
    shown(rig, "other.test", "rsa.test");
    shown(rig, "a.test", "rsa.test"); // the default
    shown(rig, "localhost", "localhost");
    pair_fini(&old);
    // One with the same names is found as the one before, time and again.
    for (int i = 0; i < 3; i++) {
        assert_true(commit(rig, name, "a.pem"));
        shown(rig, "sub.a.test", "a.test");
        assert_true(commit(rig, name, "a.pem"));
        shown(rig, "a.test", "a.test");
        assert_true(commit(rig, name, "rsa.pem"));
        shown(rig, "rsa.test", "rsa.test");
    }
    // Bad ones change nothing.
    struct tls_cert *draft = tls_draft_new(name);
    char *pem = read_all(cert_path("server.pem"));
    assert_true(tls_draft_put(draft, &rig->why, TLS_PART_KEY, slice_str(pem)));
    assert_false(tls_draft_check(draft, &rig->why));
    assert_non_null(strstr(rig->why.ptr, "inconsistencies"));
    assert_false(tls_draft_put(draft, &rig->why, TLS_PART_ALL, SLICE("no PEM")));
    assert_false(tls_draft_put(draft, &rig->why, TLS_PART_OCSP, SLICE("no base64")));
    assert_false(tls_draft_put(draft, &rig->why, TLS_PART_OCSP, SLICE("AAAA")));
    assert_false(tls_draft_put(draft, &rig->why, TLS_PART_SCTL, SLICE("AAAA")));
    assert_false(tls_draft_put(draft, &rig->why, TLS_PART_ISSUER, SLICE("")));
    tls_cert_release(draft);
    free(pem);
    shown(rig, "rsa.test", "rsa.test");
}

// What is replaced is gone, however often that is done.
static void test_nothing_stays(void **state)
{
    struct change_rig *rig = *state;
    struct tls_entry *entry = rig_entry(&rig->rig, "a.pem", NULL, NULL);
    size_t held, used = 0;
    assert_true(rig_bind(&rig->rig));
    for (int i = 0; i < 100; i++) {
        assert_true(commit(rig, entry->cert->name, i % 2 ? "a.pem" : "server.pem"));
        board_payloads_sweep(rig->rig.board);
        if (i == 3)
            used = tls_heap_used(&held);
    }
    assert_int_equal(tls_heap_used(&held), used);
}

static void test_new_and_del(void **state)
{
    struct change_rig *rig = *state;
    bool exists;
    rig_entry(&rig->rig, "a.pem", NULL, NULL);
    assert_true(rig_bind(&rig->rig));
    char name[32];
    // So many that places are moved when others go.
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "new%d", i);
        assert_int_not_equal(tls_change_cert_new(name), 0);
    }
    assert_true(commit(rig, "new7", "rsa.pem"));
    for (int i = 0; i < 200; i += 2) {
        snprintf(name, sizeof(name), "new%d", i);
        assert_int_not_equal(tls_change_cert_del(name), 0);
    }
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "new%d", i);
        const struct tls_cert *cert = tls_change_cert(name, &exists);
        assert_int_equal(exists, i % 2);
        assert_int_equal(cert != NULL, i == 7);
    }
    uint32_t num;
    const char **names = tls_change_certs(&num);
    assert_int_equal(num, 101);
    free(names);
    tls_change_cert_del("new7");
}

static void test_list(void **state)
{
    struct change_rig *rig = *state;
    char text[1024], line[1024];
    struct text cert;
    struct pair old;
    snprintf(text, sizeof(text), "%s\n# said\n%s one.test !two.test\n", cert_path("a.pem"), cert_path("server.pem"));
    write_list(rig, text);
    static struct tls_source source = { .kind = TLS_SOURCE_LIST };
    source.name = rig->list;
    rig->rig.conf.sources = &source;
    rig->rig.bind = tls_bind_new(&rig->rig.config, &rig->rig.global, rig->rig.store, &rig->rig.conf,
                                 (struct config_place){ .file = "test", .line = 3 });
    assert_non_null(rig->rig.bind);
    text_init(&cert);
    shown(rig, "one.test", "localhost");
    assert_int_not_equal(tls_change_cert_new("new"), 0);
    assert_int_equal(tls_change_list_add(&rig->why, &cert, rig->list, SLICE("new [ocsp-update off] x.test")), 0);
    assert_true(commit(rig, "new", "rsa.pem"));
    assert_int_equal(tls_change_list_add(&rig->why, &cert, rig->list, SLICE("new [nonsense] x.test")), 0);
    assert_int_equal(tls_change_list_add(&rig->why, &cert, rig->list, SLICE("a\nb")), 0);
    assert_int_equal(tls_change_list_add(&rig->why, &cert, "nowhere", SLICE("new")), 0);
    assert_int_equal(tls_change_list_add(&rig->why, &cert, rig->list, SLICE("")), 0);
    shown(rig, "x.test", "a.test");
    assert_int_not_equal(
        tls_change_list_add(&rig->why, &cert, rig->list, SLICE("new [ocsp-update off] x.test *.y.test !z.y.test\n")),
        0);
    shown(rig, "x.test", "rsa.test");
    shown(rig, "a.y.test", "rsa.test");
    shown(rig, "z.y.test", "a.test");
    snprintf(line, sizeof(line),
             "# %s\n%s:1\n%s:3 one.test !two.test\nnew:4 [ocsp-update off] x.test *.y.test "
             "!z.y.test\n",
             rig->list, cert_path("a.pem"), cert_path("server.pem"));
    struct text out;
    text_init(&out);
    tls_change_list_show(&out, tls_change_list(rig->list), true);
    assert_string_equal(out.ptr, line);
    text_fini(&out);
    // A commit reaches the entry of the line.
    assert_true(commit(rig, "new", "server.pem"));
    shown(rig, "x.test", "localhost");
    assert_true(tls_change_cert_is_listed("new"));
    // A connection that was made for the line outlives it.
    pair_begin(&old, &rig->rig, rig->client, "x.test");
    assert_true(pair_run(&old));
    assert_int_not_equal(tls_change_list_del(&rig->why, &cert, rig->list, "new:4"), 0);
    shown(rig, "x.test", "a.test");
    assert_int_not_equal(tls_change_cert_del("new"), 0);
    assert_non_null(old.server.entry);
    assert_int_equal(old.server.cert->num_names > 0, true);
    pair_fini(&old);
    assert_int_equal(tls_change_list_del(&rig->why, &cert, rig->list, cert_path("a.pem")), 0);
    assert_non_null(strstr(rig->why.ptr, "test:3"));
    text_fini(&cert);
}

static struct tls_entry *verifying(struct change_rig *rig, const char *ca)
{
    struct tls_conf conf = { .verify = TLS_VERIFY_REQUIRED, .ca_file = arena_str(&rig->rig.arena, cert_path(ca)) };
    return rig_entry(&rig->rig, "a.pem", &conf, NULL);
}

static bool lets_in(struct change_rig *rig)
{
    struct pair pair;
    pair_begin(&pair, &rig->rig, rig->client, "a.test");
    bool ok = pair_run(&pair);
    pair_fini(&pair);
    return ok;
}

static void test_authorities(void **state)
{
    struct change_rig *rig = *state;
    struct tls_entry *entry = verifying(rig, "ca.pem");
    uint8_t context[32];
    assert_true(rig_bind(&rig->rig));
    client_cert(rig->client, "client.pem");
    assert_true(lets_in(rig));
    const char *name = entry->conf.ca_file;
    const struct trust_file *file = tls_change_file(name, false);
    assert_non_null(file);
    assert_int_equal(tls_change_file_uses(file), 1);
    char *other = read_all(cert_path("ca2.pem")), *same = read_all(cert_path("ca.pem"));
    memcpy(context, tls_entry_context(entry), sizeof(context));
    assert_int_not_equal(tls_change_file_commit(name, false, slice_str(other)), 0);
    assert_false(lets_in(rig));
    assert_memory_not_equal(context, tls_entry_context(entry), sizeof(context));
    // The same contents are the same context, whichever way they came.
    assert_int_not_equal(tls_change_file_commit(name, false, slice_str(same)), 0);
    assert_true(lets_in(rig));
    assert_memory_equal(context, tls_entry_context(entry), sizeof(context));
    assert_null(tls_change_file_draft(name, &rig->why, false, SLICE("nothing")));
    assert_int_not_equal(tls_change_file_new("n", true), 0);
    assert_true(tls_show_file_is_empty(tls_change_file("n", true)));
    assert_null(tls_change_file("n", false));
    assert_int_not_equal(tls_change_file_del("n", true), 0);
    assert_null(tls_change_file("n", true));
    free(other);
    free(same);
}

// What another generation published is none of this one's business, nor is what makes no sense.
static void test_others(void **state)
{
    struct change_rig *rig = *state;
    bool exists;
    rig_entry(&rig->rig, "a.pem", NULL, NULL);
    assert_true(rig_bind(&rig->rig));
    struct {
        uint32_t op, generation, number, is_crl;
        uint64_t payload;
        uint16_t name_len, text_len;
        uint32_t reserved;
        char name[4];
    } wire = { .op = 1, .generation = 2, .name_len = 3, .name = "new" };
    size_t len = offsetof(__typeof__(wire), name) + 3;
    assert_int_not_equal(board_change_publish(BOARD_CHANGE_CERTIFICATE, &wire, len), 0);
    (void)tls_change_cert("new", &exists);
    assert_false(exists);
    wire.generation = 1;
    wire.op = 99;
    assert_int_not_equal(board_change_publish(BOARD_CHANGE_CERTIFICATE, &wire, len), 0);
    wire.op = 2;
    wire.payload = 4711; // that nobody put down
    assert_int_not_equal(board_change_publish(BOARD_CHANGE_CERTIFICATE, &wire, len), 0);
    wire.payload = board_payload_put(rig->rig.board, "\2\0\0\0\377rubbish", 12);
    assert_int_not_equal(board_change_publish(BOARD_CHANGE_CERTIFICATE, &wire, len), 0);
    (void)tls_change_cert("new", &exists);
    assert_false(exists);
    board_payload_tie(rig->rig.board, wire.payload, 0);
    shown(rig, "a.test", "a.test");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_swap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_new_and_del, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_authorities, setup, teardown),
        cmocka_unit_test_setup_teardown(test_others, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
