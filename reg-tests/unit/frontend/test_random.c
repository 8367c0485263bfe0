// SPDX-License-Identifier: Apache-2.0
// Pipelined requests and their answers in pieces of random size on all four ways, with random framing, bodies and
// trailers, and an origin that now and then closes a reused connection on a request. Every answer must carry its
// request's body.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "frontend/rig.h"

enum { NUM_REQUESTS = 60, WIRE_MAX = 1 << 23, BODY_MAX = 150000 };

struct wire {
    char *data;
    size_t len;
    size_t pos;
};

struct message {
    struct slice head;
    char body[BODY_MAX + 1];
    size_t body_len;
};

static unsigned seed;

static size_t below(size_t limit)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 8) % limit;
}

static void put(struct wire *wire, const char *data, size_t len)
{
    assert_true(wire->len + len <= WIRE_MAX);
    memcpy(wire->data + wire->len, data, len);
    wire->len += len;
}

__attribute__((format(printf, 2, 3))) static void say(struct wire *wire, const char *format, ...)
{
    char line[128];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    assert_true(len >= 0 && (size_t)len < sizeof(line));
    put(wire, line, (size_t)len);
}

static size_t body_len_of(int number)
{
    static const size_t limits[] = { 1, 10, 400, 3000, 17000, BODY_MAX };
    return (size_t)number * 7919 % limits[number % 6];
}

static char body_byte(int number, size_t at)
{
    return (char)('a' + ((size_t)number * 31 + at * 7) % 26);
}

static void put_body(struct wire *wire, int number, bool chunked)
{
    static char body[BODY_MAX];
    size_t len = body_len_of(number);
    for (size_t i = 0; i < len; i++)
        body[i] = body_byte(number, i);
    if (!chunked) {
        say(wire, "Content-Length: %zu\r\n\r\n", len);
        put(wire, body, len);
        return;
    }
    say(wire, "Transfer-Encoding: chunked\r\n\r\n");
    size_t largest = below(3) ? 5000 : 40;
    for (size_t at = 0; at < len;) {
        size_t chunk = 1 + below(largest);
        chunk = chunk < len - at ? chunk : len - at;
        say(wire, below(2) ? "%zx\r\n" : "00%zX;x=\"y z\"\r\n", chunk);
        put(wire, body + at, chunk);
        put(wire, "\r\n", 2);
        at += chunk;
    }
    say(wire, below(2) ? "0\r\n\r\n" : "0\r\nx-sum: %d\r\nb: c\r\n\r\n", number);
}

// Takes one whole message off the front; false where it is not complete.
static bool take(struct message *message, struct wire *wire)
{
    char *start = wire->data + wire->pos;
    char *end = wire->data + wire->len;
    char *body = memmem(start, (size_t)(end - start), "\r\n\r\n", 4);
    if (!body)
        return false;
    body += 4;
    message->head = slice_of(start, (size_t)(body - start));
    message->body_len = 0;
    char *length = memmem(start, message->head.len, "ontent-Length: ", 15);
    if (length) {
        size_t len = strtoul(length + 15, NULL, 10);
        if ((size_t)(end - body) < len)
            return false;
        memcpy(message->body, body, len);
        message->body_len = len;
        wire->pos = (size_t)(body + len - wire->data);
        return true;
    }
    assert_non_null(memmem(start, message->head.len, "transfer-encoding: chunked", 26));
    for (;;) {
        char *line = memmem(body, (size_t)(end - body), "\r\n", 2);
        if (!line)
            return false;
        size_t len = strtoul(body, NULL, 16);
        body = line + 2;
        if (!len)
            break;
        if ((size_t)(end - body) < len + 2)
            return false;
        assert_true(message->body_len + len <= BODY_MAX);
        memcpy(message->body + message->body_len, body, len);
        message->body_len += len;
        assert_memory_equal(body + len, "\r\n", 2);
        body += len + 2;
    }
    char *over =
        end - body >= 2 && !memcmp(body, "\r\n", 2) ? body - 2 : memmem(body, (size_t)(end - body), "\r\n\r\n", 4);
    if (!over)
        return false;
    wire->pos = (size_t)(over + 4 - wire->data);
    return true;
}

static void check(const struct message *message, int number)
{
    assert_int_equal(message->body_len, body_len_of(number));
    for (size_t i = 0; i < message->body_len; i++)
        assert_int_equal(message->body[i], body_byte(number, i));
}

static void send_piece(struct wire *wire, int fd, size_t limit)
{
    size_t len = 1 + below(limit);
    len = len < wire->len - wire->pos ? len : wire->len - wire->pos;
    ssize_t sent = len ? send(fd, wire->data + wire->pos, len, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
    wire->pos += sent > 0 ? (size_t)sent : 0;
}

static void read_piece(struct wire *wire, int fd, size_t limit)
{
    size_t room = WIRE_MAX - wire->len;
    size_t len = 1 + below(limit);
    ssize_t got = recv(fd, wire->data + wire->len, len < room ? len : room, MSG_DONTWAIT);
    wire->len += got > 0 ? (size_t)got : 0;
}

struct play {
    struct rig *rig;
    int client;
    int origin;
    int answered; // on this connection to the origin
    struct wire client_out, client_in, origin_out, origin_in;
    struct message message;
};

static void origin_answers(struct play *play)
{
    int number = atoi(play->message.head.ptr + sizeof("PUT /") - 1);
    check(&play->message, number);
    if (play->answered && body_len_of(number) < 300 && !below(4)) {
        close(play->origin);
        play->origin = -1;
        return;
    }
    if (!below(5))
        say(&play->origin_out, "HTTP/1.1 103 Early Hints\r\nlink: <%d>\r\n\r\n", number);
    say(&play->origin_out, "HTTP/1.1 200 OK\r\nnumber: %d\r\n", number);
    put_body(&play->origin_out, number, below(2));
    play->answered++;
}

static void origin_turn(struct play *play, size_t limit)
{
    if (play->origin < 0) {
        play->origin = accept4(play->rig->origin_fd[0], NULL, NULL, SOCK_CLOEXEC);
        if (play->origin < 0)
            return;
        play->answered = 0;
        play->origin_in.len = play->origin_in.pos = play->origin_out.len = play->origin_out.pos = 0;
    }
    read_piece(&play->origin_in, play->origin, limit);
    send_piece(&play->origin_out, play->origin, limit);
    if (play->origin_out.pos == play->origin_out.len && take(&play->message, &play->origin_in))
        origin_answers(play);
}

static uint64_t play_round(unsigned round)
{
    static const size_t limits[] = { 3, 100, 20000 };
    struct play *play = calloc(1, sizeof(*play));
    struct wire *wires[] = { &play->client_out, &play->client_in, &play->origin_out, &play->origin_in };
    struct rig *rig = play->rig = rig_new(1);
    seed = round;
    for (int i = 0; i < 4; i++)
        wires[i]->data = malloc(WIRE_MAX);
    rig->program.global.no_splice = round % 2;
    rig_start(rig);
    rig->loop.max_sleep_us = 0;
    play->client = rig_client(rig, round % 3 ? 4096 : 0);
    play->origin = -1;
    int sent = 0, got = 0;
    size_t num = round % 3 ? NUM_REQUESTS : NUM_REQUESTS / 4;
    for (unsigned turns = 0; got < (int)num; turns++) {
        if (turns > 3000000)
            fail_msg("round %u stands still: %d of %d answers", round, got, sent);
        if (sent < (int)num && sent - got < 4) {
            int number = ++sent;
            say(&play->client_out, "PUT /%d HTTP/1.1\r\nHost: a\r\n", number);
            put_body(&play->client_out, number, below(2));
        }
        size_t limit = limits[(round + turns / 5000) % 3];
        send_piece(&play->client_out, play->client, limit);
        origin_turn(play, limit);
        read_piece(&play->client_in, play->client, limit);
        event_loop_turn(&rig->loop);
        struct slice rest =
            slice_of(play->client_in.data + play->client_in.pos, play->client_in.len - play->client_in.pos);
        if (slice_begins(rest, SLICE("HTTP/1.1 103 "))) {
            char *end = memmem(rest.ptr, rest.len, "\r\n\r\n", 4);
            play->client_in.pos += end ? (size_t)(end + 4 - rest.ptr) : 0;
            continue;
        }
        if (slice_begins(rest, SLICE("HTTP/1.1 ")) && rest.len > 12 && !take(&play->message, &play->client_in))
            continue;
        if (rest.len <= 12)
            continue;
        assert_memory_equal(rest.ptr, "HTTP/1.1 200 ", 12);
        got++;
        int number = atoi((char *)memmem(rest.ptr, rest.len, "number: ", 8) + 8);
        assert_int_equal(number, got);
        check(&play->message, number);
    }
    uint64_t resent = rig_count(rig, rig->servers[0].object, PROXY_COUNT_POOL_RETRIES);
    close(play->client);
    if (play->origin >= 0)
        close(play->origin);
    rig_free(rig);
    for (int i = 0; i < 4; i++)
        free(wires[i]->data);
    free(play);
    return resent;
}

static void test_random_pieces(void **state)
{
    (void)state;
    uint64_t resent = 0;
    for (unsigned round = 1; round <= 12; round++)
        resent += play_round(round);
    assert_true(resent > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
