// SPDX-License-Identifier: Apache-2.0
// Ticket keys, the cache of sessions and the register of early data as memory that processes share: what each
// promises in one process, in many at once, and where they are killed in the middle of writing.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/rand.h>
#include "base/check.h"
#include "base/clock.h"
#include "tls/shared_inner.h"

#define SECOND UINT64_C(1000000)
#define HOUR   (3600 * SECOND)

static const uint64_t start_us = UINT64_C(1800000000) * SECOND;

static void *shared_memory(size_t len)
{
    void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    return memory;
}

static uint32_t num_keys(const struct tls_keys *keys)
{
    uint32_t num = 0;
    for (uint32_t i = 0; i < TLS_KEYS_MAX; i++)
        num += atomic_load(&keys->slots[i].state) == TLS_KEY_READY;
    return num;
}

// ---- keys

static void keys_rotate(void **state)
{
    (void)state;
    struct tls_keys *keys = shared_memory(sizeof(*keys));
    struct tls_keyring ring = { .keys = keys };
    uint64_t now = start_us;
    assert_int_equal(tls_keys_turn(keys, now, 12 * HOUR, 24 * HOUR), now + 12 * HOUR);
    assert_int_equal(num_keys(keys), 2);
    uint8_t first[TLS_KEY_NAME_LEN], name[TLS_KEY_NAME_LEN];
    memcpy(first, tls_keyring_sealing(&ring, now)->name, sizeof(first));
    // Turning at any other time changes nothing.
    for (int i = 0; i < 100; i++)
        tls_keys_turn(keys, now + i * 400 * SECOND, 12 * HOUR, 24 * HOUR);
    assert_int_equal(num_keys(keys), 2);
    assert_memory_equal(tls_keyring_sealing(&ring, now + 12 * HOUR - 1)->name, first, sizeof(first));
    // The next one takes over by the clock alone, the controller may be as late as it likes.
    memcpy(name, tls_keyring_sealing(&ring, now + 12 * HOUR)->name, sizeof(name));
    assert_memory_not_equal(name, first, sizeof(first));
    assert_memory_equal(tls_keyring_sealing(&ring, now + 100 * HOUR)->name, name, sizeof(name));
    // The first one opens until its last ticket is over, and not a turn longer.
    for (now = start_us; now < start_us + 36 * HOUR; now += HOUR / 2) {
        tls_keys_turn(keys, now, 12 * HOUR, 24 * HOUR);
        assert_non_null(tls_keyring_find(&ring, first));
        assert_true(num_keys(keys) <= 5);
    }
    tls_keys_turn(keys, now, 12 * HOUR, 24 * HOUR);
    assert_null(tls_keyring_find(&ring, first));
    for (uint32_t i = 0; i < TLS_KEYS_MAX; i++)
        if (atomic_load(&keys->slots[i].state) == TLS_KEY_FREE)
            for (uint32_t n = 0; n < TLS_KEY_SECRET_LEN; n++)
                assert_int_equal(keys->slots[i].secret[n], 0);
    tls_keyring_fini(&ring);
    munmap(keys, sizeof(*keys));
}

// Whatever sealed at any time opens for a whole lifetime, at each turn of rotations and lifetimes that change.
static void keys_outlive_tickets(void **state)
{
    (void)state;
    struct tls_keys *keys = shared_memory(sizeof(*keys));
    struct tls_keyring ring = { .keys = keys };
    enum { TICKETS = 4000 };
    static struct {
        uint8_t name[TLS_KEY_NAME_LEN];
        uint64_t ends_us;
    } tickets[TICKETS];
    uint64_t now = start_us, lifetime = 24 * HOUR, rotation = 12 * HOUR;
    srandom(1);
    for (uint32_t i = 0; i < TICKETS; i++) {
        if (i % 500 == 0) {
            lifetime = (1 + (uint64_t)random() % 24) * HOUR;
            rotation = lifetime / 2 + (uint64_t)random() % lifetime;
        }
        // The controller is away for a quarter of the time.
        if (random() % 4)
            tls_keys_turn(keys, now, rotation, lifetime);
        else if (i % 500 == 0)
            tls_keys_turn(keys, now, rotation, lifetime);
        memcpy(tickets[i].name, tls_keyring_sealing(&ring, now)->name, TLS_KEY_NAME_LEN);
        tickets[i].ends_us = now + lifetime;
        now += (uint64_t)random() % (HOUR / 2);
        uint32_t back = (uint32_t)random() % (i + 1);
        if (tickets[back].ends_us > now)
            assert_non_null(tls_keyring_find(&ring, tickets[back].name));
    }
    tls_keyring_fini(&ring);
    munmap(keys, sizeof(*keys));
}

static void keys_bear_clocks(void **state)
{
    (void)state;
    struct tls_keys *keys = shared_memory(sizeof(*keys));
    struct tls_keyring ring = { .keys = keys };
    uint64_t now = start_us;
    tls_keys_turn(keys, now, 12 * HOUR, 24 * HOUR);
    uint8_t name[TLS_KEY_NAME_LEN];
    memcpy(name, tls_keyring_sealing(&ring, now)->name, sizeof(name));
    // Back by a year: the same key seals before the controller looks, and a usable one after.
    uint64_t before = now - 8760 * HOUR;
    assert_memory_equal(tls_keyring_sealing(&ring, before)->name, name, sizeof(name));
    assert_true(tls_keys_turn(keys, before, 12 * HOUR, 24 * HOUR) <= before + 24 * HOUR);
    assert_non_null(tls_keyring_sealing(&ring, before));
    assert_non_null(tls_keyring_find(&ring, name));
    // Shorter rotations count at once.
    assert_true(tls_keys_turn(keys, before, SECOND, 100 * SECOND) <= before + 2 * SECOND);
    // More keys than there is room for: those that seal are there.
    for (int i = 0; i < 1000; i++) {
        before += SECOND;
        tls_keys_turn(keys, before, SECOND, 24 * HOUR);
        assert_non_null(tls_keyring_sealing(&ring, before));
    }
    assert_true(num_keys(keys) <= TLS_KEYS_MAX);
    tls_keyring_fini(&ring);
    munmap(keys, sizeof(*keys));
}

static void keys_ignore_garbage(void **state)
{
    (void)state;
    struct tls_keys *keys = shared_memory(sizeof(*keys));
    struct tls_keyring ring = { .keys = keys };
    srandom(2);
    tls_keys_turn(keys, start_us, 12 * HOUR, 24 * HOUR);
    for (int round = 0; round < 200; round++) {
        for (uint32_t i = 0; i < TLS_KEYS_MAX; i++) {
            if (random() % 2)
                RAND_bytes((uint8_t *)&keys->slots[i], sizeof(keys->slots[i]));
            if (random() % 2)
                atomic_store(&keys->slots[i].state, TLS_KEY_READY);
        }
        atomic_fetch_add(&keys->version, 1);
        // No key whose name is not its own, and no end without one.
        struct tls_key_ready *key = tls_keyring_sealing(&ring, start_us);
        if (key)
            assert_ptr_equal(tls_keyring_find(&ring, key->name), key);
        tls_keys_turn(keys, start_us + (uint64_t)round * HOUR, 12 * HOUR, 24 * HOUR);
    }
    tls_keyring_fini(&ring);
    munmap(keys, sizeof(*keys));
}

// Controllers that are killed at any point, with several at work at once: workers always have a key to seal with, and
// every ticket of the last lifetime opens.
static void keys_survive_kills(void **state)
{
    (void)state;
    struct tls_keys *keys = shared_memory(sizeof(*keys));
    struct tls_keyring ring = { .keys = keys };
    enum { ROUNDS = 60, WRITERS = 3 };
    const uint64_t rotation = 20000, lifetime = 400000;
    tls_keys_turn(keys, clock_wall_us(), rotation, lifetime);
    static struct {
        uint8_t name[TLS_KEY_NAME_LEN];
        uint64_t ends_us;
    } tickets[4096];
    uint32_t num = 0;
    for (int round = 0; round < ROUNDS; round++) {
        pid_t pids[WRITERS];
        for (int i = 0; i < WRITERS; i++) {
            pids[i] = fork();
            if (pids[i] == 0)
                for (;;)
                    tls_keys_turn(keys, clock_wall_us(), rotation, lifetime);
        }
        for (int step = 0; step < 20; step++) {
            uint64_t now = clock_wall_us();
            struct tls_key_ready *key = tls_keyring_sealing(&ring, now);
            assert_non_null(key);
            memcpy(tickets[num % 4096].name, key->name, TLS_KEY_NAME_LEN);
            tickets[num % 4096].ends_us = now + lifetime - 50000;
            num++;
            for (uint32_t back = 0; back < 64 && back < num; back++) {
                uint32_t which = (num - 1 - back) % 4096;
                if (tickets[which].ends_us > clock_wall_us())
                    assert_non_null(tls_keyring_find(&ring, tickets[which].name));
            }
            usleep(200);
        }
        for (int i = 0; i < WRITERS; i++)
            kill(pids[i], SIGKILL);
        for (int i = 0; i < WRITERS; i++)
            waitpid(pids[i], NULL, 0);
    }
    tls_keyring_fini(&ring);
    munmap(keys, sizeof(*keys));
}

// ---- tickets

static void tickets_open(void **state)
{
    (void)state;
    uint8_t secret[TLS_KEY_SECRET_LEN] = { 1 }, session[300], ticket[512], out[512];
    struct tls_key_ready *key = tls_key_ready_new(secret, sizeof(secret));
    secret[0] = 2;
    struct tls_key_ready *other = tls_key_ready_new(secret, sizeof(secret));
    size_t len, out_len;
    uint64_t origin;
    RAND_bytes(session, sizeof(session));
    assert_true(tls_ticket_seal(key, ticket, &len, sizeof(ticket), session, sizeof(session), 42));
    assert_int_equal(len, sizeof(session) + TLS_TICKET_OVERHEAD);
    assert_true(tls_ticket_open(key, out, &out_len, &origin, len, ticket, len));
    assert_int_equal(out_len, sizeof(session));
    assert_memory_equal(out, session, out_len);
    assert_int_equal(origin, 42);
    // In place, as the library allows.
    memcpy(out, session, sizeof(session));
    assert_true(tls_ticket_seal(key, out, &len, sizeof(out), out, sizeof(session), 7));
    assert_false(
        tls_ticket_seal(key, out, &len, sizeof(session) + TLS_TICKET_OVERHEAD - 1, session, sizeof(session), 7));
    assert_false(tls_ticket_open(other, out, &out_len, &origin, sizeof(out), ticket, len));
    for (size_t i = 0; i < len; i++) {
        ticket[i] ^= 1;
        assert_false(tls_ticket_open(key, out, &out_len, &origin, sizeof(out), ticket, len));
        ticket[i] ^= 1;
        assert_false(tls_ticket_open(key, out, &out_len, &origin, sizeof(out), ticket, i));
    }
    tls_key_ready_free(key);
    tls_key_ready_free(other);
}

// ---- early data

static void strikes_once(void **state)
{
    (void)state;
    struct tls_strikes *strikes = shared_memory(sizeof(*strikes));
    uint8_t tag[TLS_TICKET_TAG_LEN];
    RAND_bytes(tag, sizeof(tag));
    assert_true(tls_strike_first(strikes, tag, 0));
    for (uint64_t now = 0; now < 3 * TLS_STRIKE_WINDOW_S; now += 10)
        assert_false(tls_strike_first(strikes, tag, now));
    // A full bucket takes no more until its oldest may be forgotten; then that one goes.
    uint8_t first[TLS_TICKET_TAG_LEN];
    memset(tag, 0x55, sizeof(tag));
    memcpy(first, tag, sizeof(tag));
    for (uint64_t i = 0; i < TLS_STRIKE_WAYS; i++) {
        tag[0] = (uint8_t)i;
        assert_true(tls_strike_first(strikes, tag, 1000 + i));
    }
    tag[0] = TLS_STRIKE_WAYS;
    assert_false(tls_strike_first(strikes, tag, 1000 + TLS_STRIKE_WAYS));
    assert_false(tls_strike_first(strikes, tag, 1000 + TLS_STRIKE_WINDOW_S - 1));
    first[0] = 0;
    assert_false(tls_strike_first(strikes, first, 1000 + TLS_STRIKE_WINDOW_S));
    assert_true(tls_strike_first(strikes, tag, 1000 + TLS_STRIKE_WINDOW_S));
    first[0] = 1;
    assert_false(tls_strike_first(strikes, first, 1000 + TLS_STRIKE_WINDOW_S));
    munmap(strikes, sizeof(*strikes));
}

// Many processes ask for the same tickets at the same time, in few buckets: exactly one of them gets each.
static void strikes_race(void **state)
{
    (void)state;
    enum { RACERS = 6, TICKETS = 20000, BUCKETS = 64 };
    struct tls_strikes *strikes = shared_memory(sizeof(*strikes));
    struct {
        _Atomic uint32_t turn;
        _Atomic uint32_t wins[TICKETS];
        uint8_t tags[TICKETS][TLS_TICKET_TAG_LEN];
    } *race = shared_memory(sizeof(*race));
    RAND_bytes((uint8_t *)race->tags, sizeof(race->tags));
    for (uint32_t i = 0; i < TICKETS; i++) {
        race->tags[i][8] %= BUCKETS;
        race->tags[i][9] = race->tags[i][10] = 0;
    }
    pid_t pids[RACERS];
    for (int r = 0; r < RACERS; r++) {
        pids[r] = fork();
        if (pids[r])
            continue;
        for (uint32_t i = 0; i < TICKETS; i++) {
            // Close together: nobody is more than a few tickets ahead, and time goes on so that buckets turn over.
            while (i > atomic_load(&race->turn) + 4)
                usleep(0);
            if (tls_strike_first(strikes, race->tags[i], i))
                atomic_fetch_add(&race->wins[i], 1);
            uint32_t turn = i;
            if (r == 0)
                atomic_store(&race->turn, turn + 1);
        }
        _exit(0);
    }
    for (int r = 0; r < RACERS; r++) {
        int status;
        waitpid(pids[r], &status, 0);
        assert_int_equal(status, 0);
    }
    uint32_t won = 0;
    for (uint32_t i = 0; i < TICKETS; i++) {
        assert_true(atomic_load(&race->wins[i]) <= 1);
        won += atomic_load(&race->wins[i]);
    }
    assert_true(won > TICKETS * 9 / 10);
    munmap(race, sizeof(*race));
    munmap(strikes, sizeof(*strikes));
}

// ---- the cache

struct stage {
    struct tls_cache cache;
    void *memory;
    size_t len;
};

static void cache_open(struct stage *stage, uint32_t num)
{
    stage->len = tls_cache_len(num);
    stage->memory = shared_memory(stage->len);
    tls_cache_init(&stage->cache, stage->memory, num, true);
}

static void id_of(uint8_t id[TLS_CACHE_ID_LEN], uint64_t number)
{
    memset(id, 0, TLS_CACHE_ID_LEN);
    memcpy(id, &number, sizeof(number));
}

// A session of a length and with bytes that follow from its number.
static size_t session_of(uint8_t *data, uint64_t number)
{
    size_t len = number % 5 ? 100 + number % 200 : 1000 + number * 7919 % 6000;
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(number * 31 + i);
    return len;
}

static bool put(struct tls_cache *cache, uint64_t number, uint32_t now_s)
{
    uint8_t id[TLS_CACHE_ID_LEN], data[TLS_CACHE_LARGE];
    id_of(id, number);
    return tls_cache_put(cache, id, sizeof(id), data, session_of(data, number), now_s + 300, now_s);
}

// 1 there, 0 not there; anything that is there must be whole.
static int look(struct tls_cache *cache, uint64_t number, uint64_t wall_s)
{
    uint8_t id[TLS_CACHE_ID_LEN], data[TLS_CACHE_LARGE], got[TLS_CACHE_LARGE];
    id_of(id, number);
    size_t len = tls_cache_get(cache, got, id, sizeof(id), wall_s);
    if (!len)
        return 0;
    must(len == session_of(data, number) && memcmp(got, data, len) == 0);
    return 1;
}

static void cache_keeps(void **state)
{
    (void)state;
    struct stage stage;
    cache_open(&stage, 1000);
    uint8_t big[TLS_CACHE_LARGE] = { 0 }, id[TLS_CACHE_ID_LEN] = { 9 };
    // As many as promised at a time, or nearly: a set may overflow while another has room.
    int there = 0;
    for (uint64_t i = 0; i < 600; i++)
        assert_true(put(&stage.cache, i, 10));
    for (uint64_t i = 0; i < 600; i++)
        there += look(&stage.cache, i, 10);
    assert_true(there > 550);
    // Never more than there is room for, and the latest is always among them.
    for (uint64_t i = 600; i < 10000; i++) {
        assert_true(put(&stage.cache, i, 10 + (uint32_t)i));
        assert_int_equal(look(&stage.cache, i, i), 1);
    }
    there = 0;
    for (uint64_t i = 0; i < 10000; i++)
        there += look(&stage.cache, i, 0);
    assert_true(there <= 1000 + 256 + 2 * TLS_CACHE_WAYS);
    // Over.
    assert_true(put(&stage.cache, 77777, 100));
    assert_int_equal(look(&stage.cache, 77777, 399), 1);
    assert_int_equal(look(&stage.cache, 77777, 400), 0);
    // Limits.
    assert_false(tls_cache_put(&stage.cache, id, sizeof(id), big, sizeof(big), 1, 1));
    assert_true(tls_cache_put(&stage.cache, id, sizeof(id), big, sizeof(big) - sizeof(struct tls_cache_slot), 9, 1));
    assert_int_equal(tls_cache_get(&stage.cache, big, id, sizeof(id), 8), sizeof(big) - sizeof(struct tls_cache_slot));
    assert_false(tls_cache_put(&stage.cache, id, 0, big, 10, 1, 1));
    assert_false(tls_cache_put(&stage.cache, id, 33, big, 10, 1, 1));
    assert_int_equal(tls_cache_get(&stage.cache, big, id, 33, 1), 0);
    assert_int_equal(tls_cache_get(&stage.cache, big, id, 0, 1), 0);
    munmap(stage.memory, stage.len);
}

// Writers that are killed, and readers that look all the while: nothing broken is ever given out, and no slot is lost.
static void cache_survives_kills(void **state)
{
    (void)state;
    enum { ROUNDS = 80, WRITERS = 3, NUMBERS = 400 };
    struct stage stage;
    cache_open(&stage, 64);
    pid_t reader = fork();
    if (reader == 0) {
        for (uint64_t i = 0;; i++)
            look(&stage.cache, i % NUMBERS, 0);
    }
    for (int round = 0; round < ROUNDS; round++) {
        pid_t pids[WRITERS];
        for (int i = 0; i < WRITERS; i++) {
            pids[i] = fork();
            if (pids[i] == 0) {
                srandom((unsigned)(round * WRITERS + i));
                for (;;)
                    put(&stage.cache, (uint64_t)random() % NUMBERS, (uint32_t)round);
            }
        }
        usleep(1000 + (useconds_t)(random() % 3000));
        for (int i = 0; i < WRITERS; i++)
            kill(pids[i], SIGKILL);
        for (int i = 0; i < WRITERS; i++)
            waitpid(pids[i], NULL, 0);
    }
    int status;
    assert_int_equal(waitpid(reader, &status, WNOHANG), 0);
    kill(reader, SIGKILL);
    waitpid(reader, NULL, 0);
    // What the dead claimed can be had again.
    for (uint64_t i = 0; i < NUMBERS; i++) {
        assert_true(put(&stage.cache, i, ROUNDS + TLS_CACHE_CLAIM_S));
        assert_int_equal(look(&stage.cache, i, 0), 1);
    }
    munmap(stage.memory, stage.len);
}

// A writer that stands still in the middle for so long that its slot is given away, and then goes on.
static void cache_sees_torn_entries(void **state)
{
    (void)state;
    struct stage stage;
    cache_open(&stage, 8);
    for (uint64_t i = 0; i < 8; i++)
        put(&stage.cache, i * 5 + 1, 100);
    for (uint32_t i = 0; i < 64; i++) {
        struct tls_cache_slot *slot = (struct tls_cache_slot *)(stage.cache.slots[0] + i % 8 * TLS_CACHE_SMALL);
        slot->data[slot->len * i / 64] ^= 4;
        for (uint64_t n = 0; n < 8; n++)
            look(&stage.cache, n * 5 + 1, 0);
        slot->data[slot->len * i / 64] ^= 4;
    }
    // Whatever the memory holds.
    srandom(3);
    for (int round = 0; round < 2000; round++) {
        uint8_t *byte = (uint8_t *)stage.memory + sizeof(struct tls_cache_head) +
                        (size_t)random() % (stage.len - sizeof(struct tls_cache_head));
        *byte = (uint8_t)random();
        if (round % 16 == 0)
            RAND_bytes(stage.cache.slots[round / 16 % 2], TLS_CACHE_SMALL * 8);
        for (uint64_t n = 0; n < 8; n++)
            look(&stage.cache, n * 5 + 1, 0);
        put(&stage.cache, (uint64_t)random() % 40, (uint32_t)random());
    }
    munmap(stage.memory, stage.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_rotate),
        cmocka_unit_test(keys_outlive_tickets),
        cmocka_unit_test(keys_bear_clocks),
        cmocka_unit_test(keys_ignore_garbage),
        cmocka_unit_test(keys_survive_kills),
        cmocka_unit_test(tickets_open),
        cmocka_unit_test(strikes_once),
        cmocka_unit_test(strikes_race),
        cmocka_unit_test(cache_keeps),
        cmocka_unit_test(cache_survives_kills),
        cmocka_unit_test(cache_sees_torn_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
