// SPDX-License-Identifier: Apache-2.0
// show sess as a worker answers it: walks over its sessions that go on while sessions end and begin, and the end of one
// by its identifier.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "board/inquiry.h"
#include "frontend/rig.h"
#include "stream/view.h"

enum { NUM_OPEN = 300, NUM_MORE = 300, NUM_WALKS = 3, ROOM_PORTS = 65536 };

struct pair {
    int client;
    int origin;
    uint16_t port;
    bool open;
    uint32_t began; // in which round
    uint32_t ended; // UINT32_MAX: it is there yet
};

struct crowd {
    struct rig *rig;
    struct pair pairs[NUM_OPEN + NUM_MORE];
    uint32_t num;
    uint32_t draw;
};

static struct rig *tcp_rig(void)
{
    struct rig *rig = rig_new(1);
    rig->proxy.mode = PROXY_MODE_TCP;
    return rig;
}

static uint32_t draw(struct crowd *crowd, uint32_t below)
{
    crowd->draw = crowd->draw * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)crowd->draw * below) >> 32);
}

static void begin_one(struct crowd *crowd, uint32_t round)
{
    struct pair *pair = &crowd->pairs[crowd->num++];
    struct sockaddr_in address;
    socklen_t len = sizeof(address);
    // One that began in the turn in which a walk began may or may not be met.
    usleep(10);
    pair->client = rig_client(crowd->rig, 0);
    pair->origin = rig_origin(crowd->rig, 0);
    assert_int_equal(getsockname(pair->client, (struct sockaddr *)&address, &len), 0);
    pair->port = ntohs(address.sin_port);
    pair->open = true;
    pair->began = round;
    pair->ended = UINT32_MAX;
}

static void end_one(struct crowd *crowd, uint32_t round)
{
    struct pair *pair = &crowd->pairs[draw(crowd, crowd->num)];
    if (!pair->open)
        return;
    uint32_t want = crowd->rig->traffic.num_sessions - 1;
    rig_reset(pair->client);
    close(pair->origin);
    rig_until(crowd->rig, &crowd->rig->traffic.num_sessions, want);
    pair->open = false;
    pair->ended = round;
}

static uint32_t ask(struct rig *rig, enum board_inquiry_type type, const struct stream_wanted *wanted)
{
    uint32_t inquiry = board_inquiry_ask(rig->board, rig->inc, type, wanted, sizeof(*wanted));
    assert_true(inquiry);
    return inquiry;
}

// A turn of what the worker does for those who ask; gives how long it had the processor.
static uint64_t answer(struct rig *rig)
{
    struct timespec start, end;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    board_inquiries_run(rig->board, rig->inc, &rig->traffic);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    return (uint64_t)(end.tv_sec - start.tv_sec) * 1000000 + (uint64_t)(end.tv_nsec - start.tv_nsec) / 1000;
}

// How often each port stands in the list.
static void count_ports(uint8_t *counts, const char *text)
{
    static const char before[] = " src=127.0.0.1:";
    for (const char *at = text; (at = strstr(at, before)); at += sizeof(before) - 1)
        counts[(uint16_t)atoi(at + sizeof(before) - 1)]++;
}

static void expect_counts(const struct crowd *crowd, const uint8_t *counts, uint32_t began, uint32_t ended)
{
    uint32_t num = 0, sum = 0;
    for (uint32_t i = 0; i < ROOM_PORTS; i++)
        sum += counts[i];
    for (uint32_t i = 0; i < crowd->num; i++) {
        const struct pair *pair = &crowd->pairs[i];
        uint8_t count = counts[pair->port];
        if (count > 1)
            fail_msg("session %u was met %u times", i, count);
        if (count && (pair->began > began || pair->ended < began))
            fail_msg("session %u of round %u to %u was met", i, pair->began, pair->ended);
        if (!count && pair->began <= began && pair->ended > ended)
            fail_msg("session %u, there from %u to %u, was missed", i, pair->began, pair->ended);
        num += count;
    }
    assert_int_equal(num, sum);
}

static struct crowd *crowd_new(uint32_t num)
{
    struct crowd *crowd = calloc(1, sizeof(*crowd));
    crowd->rig = tcp_rig();
    crowd->draw = 7;
    rig_start(crowd->rig);
    while (crowd->num < num)
        begin_one(crowd, 0);
    return crowd;
}

static void crowd_free(struct crowd *crowd)
{
    for (uint32_t i = 0; i < crowd->num; i++) {
        if (!crowd->pairs[i].open)
            continue;
        close(crowd->pairs[i].client);
        close(crowd->pairs[i].origin);
    }
    assert_true(list_is_empty(&crowd->rig->traffic.walks));
    rig_free(crowd->rig);
    free(crowd);
}

// Several look at once, each at its pace, while sessions come and go at all places of the list.
static void test_walks_go_on(void **state)
{
    struct crowd *crowd = crowd_new(NUM_OPEN);
    struct rig *rig = crowd->rig;
    const struct stream_wanted wanted = { .version = STREAM_VIEW_VERSION };
    struct walk {
        uint32_t inquiry;
        uint32_t began;
        struct text text;
        uint8_t *counts;
    } walks[NUM_WALKS];
    uint64_t longest_us = 0;
    uint32_t done = 0;
    (void)state;
    memset(walks, 0, sizeof(walks));
    for (uint32_t round = 1; done < NUM_WALKS; round++) {
        assert_true(round < 5000);
        struct walk *walk = &walks[draw(crowd, NUM_WALKS)];
        if (!walk->counts) {
            walk->counts = calloc(1, ROOM_PORTS);
            text_init(&walk->text);
            walk->inquiry = ask(rig, BOARD_INQUIRY_SESSIONS, &wanted);
            walk->began = round;
            // The walk begins with the first answer.
            uint64_t us = answer(rig);
            longest_us = us > longest_us ? us : longest_us;
        }
        if (crowd->num < NUM_OPEN + NUM_MORE && draw(crowd, 2))
            begin_one(crowd, round + 1);
        if (draw(crowd, 3))
            end_one(crowd, round + 1);
        rig_turn(rig, 1);
        uint64_t us = answer(rig);
        longest_us = us > longest_us ? us : longest_us;
        if (!walk->inquiry || draw(crowd, 8))
            continue;
        bool is_over = board_inquiry_look(rig->board, walk->inquiry) == BOARD_INQUIRY_DONE;
        board_inquiry_read(rig->board, walk->inquiry, &walk->text);
        if (!is_over)
            continue;
        board_inquiry_end(rig->board, walk->inquiry);
        walk->inquiry = 0;
        count_ports(walk->counts, walk->text.ptr);
        expect_counts(crowd, walk->counts, walk->began, round + 1);
        done++;
    }
    print_message("the longest of a worker's turns for those who look took %u us of processor time\n",
                  (unsigned)longest_us);
    for (uint32_t i = 0; i < NUM_WALKS; i++) {
        text_fini(&walks[i].text);
        free(walks[i].counts);
    }
    crowd_free(crowd);
}

// The whole answer to one question; to be freed.
static char *answer_to(struct rig *rig, enum board_inquiry_type type, const struct stream_wanted *wanted)
{
    uint32_t inquiry = ask(rig, type, wanted);
    struct text text;
    text_init(&text);
    text_add(&text, "", 0);
    for (uint32_t i = 0; board_inquiry_look(rig->board, inquiry) != BOARD_INQUIRY_DONE; i++) {
        assert_true(i < 10000);
        answer(rig);
        board_inquiry_read(rig->board, inquiry, &text);
    }
    board_inquiry_end(rig->board, inquiry);
    return text.ptr;
}

static uint32_t count_lines(const char *text)
{
    uint32_t num = 0;
    for (; *text; text++)
        num += *text == '\n';
    return num;
}

static void test_one_is_ended(void **state)
{
    struct crowd *crowd = crowd_new(5);
    struct rig *rig = crowd->rig;
    struct stream_wanted wanted = { .version = STREAM_VIEW_VERSION };
    (void)state;
    char *list = answer_to(rig, BOARD_INQUIRY_SESSIONS, &wanted);
    assert_int_equal(count_lines(list), 5);
    char where[64];
    snprintf(where, sizeof(where), " src=127.0.0.1:%u ", crowd->pairs[2].port);
    const char *at = strstr(list, where);
    assert_non_null(at);
    while (at > list && at[-1] != '\n')
        at--;
    char id[32] = "";
    memcpy(id, at, strcspn(at, ":"));
    assert_true(stream_view_id_read(&wanted.id, id));
    assert_int_equal(stream_view_inc(rig->board, wanted.id), rig->inc);
    free(list);
    // At length it begins with the same.
    wanted.flags = STREAM_VIEW_DETAIL;
    list = answer_to(rig, BOARD_INQUIRY_SESSIONS, &wanted);
    assert_memory_equal(list, id, strlen(id));
    assert_true(count_lines(list) > 8);
    free(list);
    list = answer_to(rig, BOARD_INQUIRY_SHUTDOWN, &wanted);
    assert_string_equal(list, "1");
    free(list);
    rig_until(rig, &rig->traffic.num_sessions, 4);
    rig_expect_end(rig, crowd->pairs[2].client, false);
    for (int i = 0; i < 2; i++) {
        list = answer_to(rig, i ? BOARD_INQUIRY_SHUTDOWN : BOARD_INQUIRY_SESSIONS, &wanted);
        assert_string_equal(list, "");
        free(list);
    }
    // What a program of another version asks is not understood, rather than misunderstood.
    wanted = (struct stream_wanted){ .version = STREAM_VIEW_VERSION + 1 };
    list = answer_to(rig, BOARD_INQUIRY_SESSIONS, &wanted);
    assert_string_equal(list, "");
    free(list);
    crowd_free(crowd);
}

static void test_identifiers(void **state)
{
    static const struct {
        const char *text;
        uint64_t id;
    } cases[] = { { "0x1", 1 },
                  { "0X1f", 31 },
                  { "1f", 31 },
                  { "0xffffffffffffffff", UINT64_MAX },
                  { "0x0", 0 },
                  { "0x", 0 },
                  { "", 0 },
                  { "0x1 ", 0 },
                  { "0x1g", 0 },
                  { "-1", 0 },
                  { "0x10000000000000000", 0 } };
    (void)state;
    for (size_t i = 0; i < NUM_ITEMS(cases); i++) {
        uint64_t id = 0;
        assert_int_equal(stream_view_id_read(&id, cases[i].text), cases[i].id != 0);
        if (cases[i].id)
            assert_int_equal(id, cases[i].id);
    }
    struct rig *rig = tcp_rig();
    rig_start(rig);
    uint64_t id = stream_view_id(rig->board, rig->inc, 12345);
    assert_int_equal(stream_view_inc(rig->board, id), rig->inc);
    // Whoever has the number of the process after it is another one.
    assert_int_equal(stream_view_inc(rig->board, id + (UINT64_C(1) << 52)), 0);
    assert_int_equal(stream_view_inc(rig->board, id + (UINT64_C(1) << 44)), 0);
    assert_int_equal(stream_view_inc(rig->board, 12345), 0);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walks_go_on),
        cmocka_unit_test(test_one_is_ended),
        cmocka_unit_test(test_identifiers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
