// SPDX-License-Identifier: Apache-2.0
// The crypto library's heap: sizes, alignment, wiping, giving back, forks, and what core dumps leave out.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include "base/check.h"
#include "base/sanitized.h"
#include "tls/heap.h"

void *OPENSSL_memory_alloc(size_t len);
void OPENSSL_memory_free(void *ptr);
size_t OPENSSL_memory_get_size(void *ptr);

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

// Sizes as a handshake has them: most are small, some are records, few are large.
static size_t random_len(void)
{
    uint64_t kind = next_random() % 100;
    if (kind < 80)
        return next_random() % 600;
    if (kind < 99)
        return next_random() % 20000;
    return next_random() % 200000;
}

static void test_sizes(void **state)
{
    (void)state;
    for (size_t len = 0; len < 70000; len += len < 2100 ? 1 : 61) {
        unsigned char *ptr = OPENSSL_memory_alloc(len);
        assert_non_null(ptr);
        assert_int_equal((uintptr_t)ptr % 16, 0);
        size_t room = OPENSSL_memory_get_size(ptr);
        assert_true(room >= len);
        if (!BASE_SANITIZED && len > 16)
            assert_true(len <= 1024 ? room < len + 16 : room <= len + (len < 20480 ? len / 8 + 1 : 4096));
        memset(ptr, 0xa5, len);
        OPENSSL_memory_free(ptr);
    }
    // The sanitizer ends a program that asks for so much.
    if (!BASE_SANITIZED)
        assert_null(OPENSSL_memory_alloc(SIZE_MAX - 5));
}

struct held {
    unsigned char *ptr;
    size_t len;
    unsigned char fill;
};

static void check_fill(const struct held *held)
{
    for (size_t i = 0; i < held->len; i += held->len < 64 ? 1 : held->len / 64)
        assert_int_equal(held->ptr[i], held->fill);
    if (held->len)
        assert_int_equal(held->ptr[held->len - 1], held->fill);
}

// Blocks never overlap, and everything is there in the end.
static void test_random(void **state)
{
    (void)state;
    enum { NUM = 4096 };
    struct held *all = calloc(NUM, sizeof(*all));
    size_t held, before = tls_heap_used(&held);
    for (uint32_t i = 0; i < (BASE_SANITIZED ? 100000u : 2000000u); i++) {
        struct held *it = &all[next_random() % NUM];
        if (it->ptr) {
            check_fill(it);
            OPENSSL_memory_free(it->ptr);
            it->ptr = NULL;
            continue;
        }
        *it = (struct held){ .len = random_len(), .fill = (unsigned char)i };
        it->ptr = OPENSSL_memory_alloc(it->len);
        assert_non_null(it->ptr);
        memset(it->ptr, it->fill, it->len);
    }
    for (size_t i = 0; i < NUM; i++) {
        if (!all[i].ptr)
            continue;
        check_fill(&all[i]);
        OPENSSL_memory_free(all[i].ptr);
    }
    assert_int_equal(tls_heap_used(&held), before);
    free(all);
}

static void test_wiped(void **state)
{
    (void)state;
    if (BASE_SANITIZED)
        skip();
    // The span stays mapped for the sake of its neighbour; the first word links the free blocks.
    for (size_t len = 24; len < 20000; len += 333) {
        unsigned char *ptr = OPENSSL_memory_alloc(len), *neighbour = OPENSSL_memory_alloc(len);
        memset(ptr, 0x5a, len);
        OPENSSL_memory_free(ptr);
        for (size_t i = sizeof(void *); i < len; i++)
            assert_int_equal(ptr[i], 0);
        OPENSSL_memory_free(neighbour);
    }
}

static size_t resident(void)
{
    unsigned long size, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    must(file && fscanf(file, "%lu %lu", &size, &pages) == 2);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void test_given_back(void **state)
{
    (void)state;
    if (BASE_SANITIZED)
        skip();
    enum { NUM = 100000, LEN = 1000 };
    void **all = calloc(NUM, sizeof(*all));
    size_t before = resident(), held, again;
    for (size_t i = 0; i < NUM; i++) {
        all[i] = OPENSSL_memory_alloc(LEN);
        memset(all[i], 1, LEN);
    }
    size_t most = resident();
    assert_true(most - before > (size_t)NUM * LEN);
    assert_true(most - before < (size_t)NUM * LEN * 104 / 100 + 2000000);
    tls_heap_used(&held);
    for (size_t i = 0; i < NUM; i++)
        OPENSSL_memory_free(all[i]);
    assert_true(resident() < before + (most - before) / 8 + 2000000);
    // What was given back serves again, whatever the size.
    for (size_t i = 0; i < NUM; i++) {
        all[i] = OPENSSL_memory_alloc(LEN / 2);
        memset(all[i], 1, LEN / 2);
    }
    tls_heap_used(&again);
    assert_int_equal(again, held);
    for (size_t i = 0; i < NUM; i++)
        OPENSSL_memory_free(all[i]);
    free(all);
}

static void test_fork(void **state)
{
    (void)state;
    unsigned char *ptr = OPENSSL_memory_alloc(100);
    memset(ptr, 7, 100);
    pid_t pid = fork();
    if (pid == 0) {
        bool ok = ptr[99] == 7;
        OPENSSL_memory_free(ptr);
        for (int i = 0; i < 1000; i++)
            ok &= OPENSSL_memory_alloc(100) != NULL;
        _exit(ok ? 0 : 1);
    }
    int status;
    must(waitpid(pid, &status, 0) == pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(ptr[99], 7);
    OPENSSL_memory_free(ptr);
}

// Says whether the mapping that `ptr` lies in is left out of core dumps.
static bool is_left_out(const void *ptr)
{
    FILE *file = fopen("/proc/self/smaps", "r");
    char line[512];
    bool here = false, found = false;
    must(file);
    while (fgets(line, sizeof(line), file)) {
        unsigned long start, end;
        if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
            here = (uintptr_t)ptr >= start && (uintptr_t)ptr < end;
        else if (here && strncmp(line, "VmFlags:", 8) == 0)
            found = strstr(line, " dd") != NULL;
    }
    fclose(file);
    return found;
}

static void test_no_dump(void **state)
{
    (void)state;
    if (BASE_SANITIZED)
        skip();
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, NULL);
    assert_true(ctx && EVP_PKEY_keygen_init(ctx) && EVP_PKEY_keygen(ctx, &key));
    assert_true(is_left_out(key));
    void *large = OPENSSL_malloc(300000);
    assert_true(is_left_out(large));
    assert_false(is_left_out(&key));
    OPENSSL_free(large);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),      cmocka_unit_test(test_random), cmocka_unit_test(test_wiped),
        cmocka_unit_test(test_given_back), cmocka_unit_test(test_fork),   cmocka_unit_test(test_no_dump),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
