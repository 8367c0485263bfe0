// SPDX-License-Identifier: Apache-2.0
// What a list of 100,000 entries costs: to read, to look up, to change, in memory; for each way of matching that has a
// structure of its own. Prints one line each. `make bench-lists`.
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/check.h"
#include "expr/conv.h"
#include "expr/list.h"

enum { NUM = 100000, NUM_LOOKUPS = 1 << 17, ROUNDS = 16 };

struct kind {
    const char *name;
    enum expr_match match;
    bool nocase;
    void (*print)(char *out, size_t cap, uint32_t n, bool as_subject);
};

static uint32_t scatter(uint32_t n)
{
    n *= 2654435761u;
    n ^= n >> 15;
    return n * 2246822519u;
}

static void print_host(char *out, size_t cap, uint32_t n, bool as_subject)
{
    uint32_t r = scatter(n);
    snprintf(out, cap, "%s%x.shop%u.example%u.%s", as_subject ? "" : "", r, r % 977, n % 50, r % 3 ? "com" : "org");
}

static void print_path(char *out, size_t cap, uint32_t n, bool as_subject)
{
    uint32_t r = scatter(n);
    snprintf(out, cap, "/area%u/%s/item-%x/%s", r % 31, r % 3 ? "images" : "api/v2", r,
             as_subject ? "some/more/path?with=query" : "");
}

static void print_suffix(char *out, size_t cap, uint32_t n, bool as_subject)
{
    uint32_t r = scatter(n);
    snprintf(out, cap, "%s.site%x.%s", as_subject ? "www.a.customer" : "", r, r % 3 ? "com" : "example.org");
}

static void print_v4(char *out, size_t cap, uint32_t n, bool as_subject)
{
    static const uint32_t lens[] = { 24, 24, 24, 24, 22, 20, 23, 16, 19, 32 };
    uint32_t r = scatter(n), len = lens[n % 10];
    uint32_t net = len == 32 ? r : r >> (32 - len) << (32 - len);
    if (as_subject)
        net |= n * 77 & ((len == 32 ? 0 : UINT32_MAX >> len));
    snprintf(out, cap, as_subject ? "%u.%u.%u.%u" : "%u.%u.%u.%u/%u", net >> 24, net >> 16 & 255, net >> 8 & 255,
             net & 255, len);
}

static void print_v6(char *out, size_t cap, uint32_t n, bool as_subject)
{
    uint32_t r = scatter(n);
    if (as_subject)
        snprintf(out, cap, "2a%02x:%x:%x::%x", r & 63, r >> 20, r >> 4 & 0xffff, n & 0xffff);
    else
        snprintf(out, cap, "2a%02x:%x:%x::/48", r & 63, r >> 20, r >> 4 & 0xffff);
}

static void print_int(char *out, size_t cap, uint32_t n, bool as_subject)
{
    (void)as_subject;
    snprintf(out, cap, "%u", scatter(n));
}

static const struct kind kinds[] = {
    { "str", EXPR_MATCH_STR, false, print_host },   { "str -i", EXPR_MATCH_STR, true, print_host },
    { "beg", EXPR_MATCH_BEG, false, print_path },   { "beg -i", EXPR_MATCH_BEG, true, print_path },
    { "end", EXPR_MATCH_END, false, print_suffix }, { "end -i", EXPR_MATCH_END, true, print_suffix },
    { "ip (v4)", EXPR_MATCH_IP, false, print_v4 },  { "ip (v6)", EXPR_MATCH_IP, false, print_v6 },
    { "int", EXPR_MATCH_INT, false, print_int },
};

static uint64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void write_file(const char *path, const struct kind *kind)
{
    char key[128];
    FILE *file = fopen(path, "w");
    must(file);
    for (uint32_t i = 0; i < NUM; i++) {
        kind->print(key, sizeof(key), i, false);
        fprintf(file, "%s backend%u\n", key, i % 100);
    }
    must(fclose(file) == 0);
}

// Samples of subjects that are all in the list, in an order that no cache foresees.
static struct expr_sample *make_samples(const struct kind *kind)
{
    struct expr_sample *samples = calloc(NUM_LOOKUPS, sizeof(*samples));
    must(samples);
    for (uint32_t i = 0; i < NUM_LOOKUPS; i++) {
        char text[128];
        kind->print(text, sizeof(text), scatter(i) % NUM, true);
        if (kind->match == EXPR_MATCH_IP) {
            samples[i].type = EXPR_ADDR;
            must(expr_addr_parse(&samples[i].addr, slice_str(text)));
        } else if (kind->match == EXPR_MATCH_INT) {
            samples[i] = (struct expr_sample){ .type = EXPR_INT, .num = atoll(text) };
        } else {
            samples[i] = (struct expr_sample){ .type = EXPR_STR, .str = slice_str(strdup(text)) };
        }
    }
    return samples;
}

static double time_lookups(const struct expr_patterns *patterns, const struct expr_sample *samples)
{
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t start = now_ns(), num = 0;
        for (uint32_t i = 0; i < NUM_LOOKUPS; i++) {
            struct slice value;
            num += expr_patterns_find(patterns, &samples[i], &value, NULL);
        }
        double each = (double)(now_ns() - start) / NUM_LOOKUPS;
        must(num == NUM_LOOKUPS);
        best = each < best ? each : best;
    }
    return best;
}

static double time_changes(struct expr_list *list, const struct kind *kind)
{
    uint64_t start = now_ns();
    for (uint32_t i = 0; i < NUM / 10; i++) {
        char key[128];
        kind->print(key, sizeof(key), i * 7 % NUM, false);
        expr_list_del(list, 0, slice_str(key));
        must(!expr_list_add(list, 0, slice_str(key), SLICE("new")));
    }
    return (double)(now_ns() - start) / (NUM / 10);
}

// How long traffic of a process that was forked waits, at most, while the list is filled again beside the old entries,
// exchanged, and the old ones go: CPU time of one change and of one step of the freeing.
static void measure_stalls(struct expr_list *list, const struct kind *kind)
{
    uint64_t add = 0, step = 0, steps = 0;
    uint32_t version = expr_list_prepare(list);
    for (uint32_t i = 0; i < NUM; i++) {
        char key[128];
        kind->print(key, sizeof(key), i, false);
        uint64_t start = cpu_ns();
        must(!expr_list_add(list, version, slice_str(key), SLICE("other")));
        uint64_t took = cpu_ns() - start;
        add = took > add ? took : add;
    }
    uint64_t start = cpu_ns(), took;
    must(expr_list_commit(list, version));
    uint64_t commit = cpu_ns() - start;
    bool more = true;
    for (; more; steps++) {
        start = cpu_ns();
        more = expr_lists_tidy(128);
        took = cpu_ns() - start;
        step = took > step ? took : step;
    }
    printf("          exchanged: longest addition %6.0f us   commit %4.1f us   longest of %4llu steps of freeing %5.0f "
           "us\n",
           (double)add / 1e3, (double)commit / 1e3, (unsigned long long)steps, (double)step / 1e3);
}

static void measure(const struct kind *kind)
{
    char path[] = "/tmp/bench_lists.XXXXXX";
    int fd = mkstemp(path);
    must(fd >= 0);
    close(fd);
    write_file(path, kind);
    struct arena arena;
    struct config_diag diag;
    struct config config;
    arena_init(&arena);
    config_diag_init(&diag, &arena);
    config_init(&config, &arena, &diag, NULL);
    size_t before = mallinfo2().uordblks;
    struct expr_list *list;
    const char *error = NULL;
    uint64_t start = now_ns();
    must(!expr_list_load(&list, &config, slice_str(path), true));
    struct expr_patterns *patterns = expr_list_index(list, &error, &config, kind->match, kind->nocase);
    must(patterns);
    double load_ms = (double)(now_ns() - start) / 1e6;
    double each = (double)(mallinfo2().uordblks - before) / expr_list_num(list);
    struct expr_sample *samples = make_samples(kind);
    double find_ns = time_lookups(patterns, samples);
    double change_ns = time_changes(list, kind);
    printf("%-8s  load %6.1f ms   find %6.1f ns   delete and add %7.1f ns   %4.0f bytes an entry\n", kind->name,
           load_ms, find_ns, change_ns, each);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        mallopt(M_MMAP_THRESHOLD, 128 * 1024); // as it starts

        measure_stalls(list, kind);
        fflush(stdout);
        _exit(0);
    }
    must(child > 0 && waitpid(child, NULL, 0) == child);
    for (uint32_t i = 0; i < NUM_LOOKUPS && samples[i].type == EXPR_STR; i++)
        free((char *)samples[i].str.ptr);
    free(samples);
    config_fini(&config);
    arena_fini(&arena);
    unlink(path);
}

int main(void)
{
    mallopt(M_MXFAST, 0);
    mallopt(M_MMAP_THRESHOLD, 1 << 30); // so that all of it is counted
    printf("lists of %d entries, looked up at random:\n", NUM);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        measure(&kinds[i]);
    return 0;
}
