// SPDX-License-Identifier: Apache-2.0
// Names, as the controller sees them: a question to the helper, and its answer or none.
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "base/check.h"
#include "base/clock.h"
#include "check/engine.h"
#include "check/external_ops.h"
#include "check/lookup.h"

enum {
    NUM_QUESTIONS = 16,
    LIMIT_US = 5000000,
    SLACK_US = 2000000, // in which the helper tells that it took too long
};

// The oldest makes room for a new one: whoever asked has gone, or gives up at the same time.
static struct question {
    uint64_t number;
    uint64_t end_us;
    bool is_answered;
    struct external_answer answer;
} questions[NUM_QUESTIONS];
static uint32_t last_number;

uint64_t check_lookup_begin(const char *name, uint16_t family)
{
    struct external_ask ask = { .limit_us = LIMIT_US, .object = EXTERNAL_LOOKUP, .addr.family = family };
    // No other controller's on the same socket, and none of before.
    if (!last_number)
        last_number = (uint32_t)clock_mono_us();
    if (strlen(name) >= sizeof(ask.name) || !*name)
        return 0;
    snprintf(ask.name, sizeof(ask.name), "%s", name);
    ask.id = (uint64_t)EXTERNAL_LOOKUP << 32 | ++last_number;
    if (!check_external_send(&ask))
        return 0;
    struct question *question = &questions[last_number % NUM_QUESTIONS];
    *question = (struct question){ .number = ask.id, .end_us = clock_mono_us() + LIMIT_US + SLACK_US };
    return ask.id;
}

void check_lookup_answered(const struct external_answer *answer)
{
    for (struct question *it = questions; it < questions + NUM_QUESTIONS; it++) {
        if (it->number != answer->id)
            continue;
        it->is_answered = true;
        it->answer = *answer;
    }
}

static enum check_lookup read_answer(struct transport_address *addr, const char **error,
                                     const struct external_answer *answer)
{
    switch ((enum external_end)answer->end) {
    case EXTERNAL_FOUND:
        *addr = answer->addr;
        return CHECK_LOOKUP_FOUND;
    case EXTERNAL_UNKNOWN:
        *error = answer->value ? gai_strerror(answer->value) : "it has no IPv4 or IPv6 address";
        return CHECK_LOOKUP_FAILED;
    case EXTERNAL_TIMED_OUT:
        *error = "the resolver did not answer in time";
        return CHECK_LOOKUP_FAILED;
    case EXTERNAL_NOT_RUN:
        *error = strerror(answer->value);
        return CHECK_LOOKUP_FAILED;
    default:
        *error = "the lookup was broken off";
        return CHECK_LOOKUP_FAILED;
    }
}

enum check_lookup check_lookup_take(struct transport_address *addr, const char **error, uint64_t number)
{
    struct question *question = &questions[(uint32_t)number % NUM_QUESTIONS];
    if (question->number == number && question->is_answered)
        return read_answer(addr, error, &question->answer);
    if (question->number == number && clock_mono_us() < question->end_us)
        return CHECK_LOOKUP_PENDING;
    *error = question->number == number ? "the process that looks up names does not answer" : "too many lookups";
    return CHECK_LOOKUP_FAILED;
}
