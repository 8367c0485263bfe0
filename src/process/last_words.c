// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include "base/clock.h"
#include "log/log.h"
#include "os/symbol.h"
#include "process/last_words.h"
#include "process/wire.h"

// By incarnation number: it goes with the core of the board.
#define LAST_WORDS_SECTION "board/last-words"

enum { LAST_WORDS_VERSION = 2, LAST_WORDS_LINE = 1024 };

struct last_words {
    struct crash_words said;
    uint64_t since_us; // monotonic time of its start
    _Atomic uint32_t watchdog;
} __attribute__((aligned(64)));

static struct last_words *words_at(struct board *board, uint32_t inc)
{
    bool fresh;
    struct last_words *all =
        board_section(board, &fresh, LAST_WORDS_SECTION, LAST_WORDS_VERSION, sizeof(*all) * BOARD_MAX_INCARNATIONS);
    return all ? &all[inc] : NULL;
}

bool last_words_prepare(struct board *board)
{
    symbols_open();
    return words_at(board, 0) != NULL;
}

void last_words_enter(struct board *board, uint32_t inc, crash_describe_fn *describe, const void *owner)
{
    struct last_words *words = words_at(board, inc);
    if (!words)
        return;
    memset(words, 0, sizeof(*words));
    words->since_us = clock_mono_us();
    crash_handle(&words->said, describe, owner);
}

void last_words_ask(struct board *board, uint32_t inc)
{
    struct last_words *words = words_at(board, inc);
    if (words)
        atomic_store(&words->said.state, CRASH_NOTHING);
}

bool last_words_asked(struct board *board, uint32_t inc)
{
    const struct last_words *words = words_at(board, inc);
    return words && atomic_load(&words->said.state) == CRASH_ASKED;
}

void last_words_forget(struct board *board, uint32_t inc)
{
    struct last_words *words = words_at(board, inc);
    uint32_t asked = CRASH_ASKED;
    if (words)
        atomic_compare_exchange_strong(&words->said.state, &asked, CRASH_NOTHING);
}

void last_words_watchdog(struct board *board, uint32_t inc)
{
    struct last_words *words = words_at(board, inc);
    if (words)
        atomic_store(&words->watchdog, 1);
}

const char *last_words_role(char *room, struct board *board, uint32_t inc)
{
    const struct board_incarnation *record = board_incarnation_at(board, inc);
    switch (atomic_load(&record->role)) {
    case BOARD_ROLE_WORKER:
        snprintf(room, 32, "worker %u", record->slot + 1);
        return room;
    case BOARD_ROLE_CONTROLLER:
        return "controller";
    case BOARD_ROLE_KEEPER:
        return "keeper";
    case BOARD_ROLE_MASTER:
        return "master";
    default:
        return "process";
    }
}

// One line to the log, and to `also`.
__attribute__((format(printf, 3, 4))) static void line_say(enum log_level level, struct text *also, const char *format,
                                                           ...)
{
    char line[LAST_WORDS_LINE];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    log_say(level, "%s", line);
    if (also)
        text_printf(also, "%s\n", line);
}

static void said_say(const char *who, const struct crash_words *said, enum log_level level, struct text *also)
{
    char text[SYMBOL_TEXT_LEN];
    if (said->doing[0])
        line_say(level, also, "%s was at: %s", who, said->doing);
    const char *file = symbols_path()[0] ? symbols_path() : "the program";
    if (said->program != symbols_program())
        file = "the program's file before the upgrade";
    if (said->num_frames)
        line_say(level, also, "%s: backtrace, numbers in brackets are for addr2line -f -e %s", who, file);
    for (uint32_t i = 0; i < said->num_frames; i++) {
        symbol_text(text, said->frames[i], said->program, said->image, i > 0);
        line_say(level, also, "%s:   #%u %s%s", who, i, i < said->num_sure ? "" : "perhaps ", text);
    }
}

void last_words_tell_answer(struct board *board, uint32_t inc, const char *head)
{
    char room[32];
    struct crash_words said;
    const struct last_words *words = words_at(board, inc);
    if (words)
        crash_words_take(&said, &words->said);
    if (!words || atomic_load(&said.state) != CRASH_ASKED) {
        log_say(LOG_LEVEL_WARNING, "%s", head);
        return;
    }
    log_say(LOG_LEVEL_WARNING, "%s, at: %s", head, said.doing[0] ? said.doing : "nothing it has a name for");
    said.doing[0] = '\0';
    said_say(last_words_role(room, board, inc), &said, LOG_LEVEL_WARNING, NULL);
}

void last_words_put_answer(struct text *out, struct board *board, uint32_t inc, const char *indent)
{
    char text[SYMBOL_TEXT_LEN];
    struct crash_words said;
    const struct last_words *words = words_at(board, inc);
    if (!words)
        return;
    crash_words_take(&said, &words->said);
    if (atomic_load(&said.state) != CRASH_ASKED)
        return;
    text_printf(out, "%sat: %s\n", indent, said.doing[0] ? said.doing : "nothing it has a name for");
    for (uint32_t i = 0; i < said.num_frames; i++) {
        symbol_text(text, said.frames[i], said.program, said.image, i > 0);
        text_printf(out, "%s  #%u %s%s\n", indent, i, i < said.num_sure ? "" : "perhaps ", text);
    }
}

// ", uptime 12.3 s", or "" where it is not known.
static const char *age_text(char *room, size_t cap, const struct last_words *words)
{
    uint64_t now_us = clock_mono_us();
    room[0] = '\0';
    if (words && words->since_us && words->since_us <= now_us)
        snprintf(room, cap, ", uptime %llu.%llu s", (unsigned long long)((now_us - words->since_us) / 1000000),
                 (unsigned long long)((now_us - words->since_us) / 100000 % 10));
    return room;
}

static void how_text(char *room, size_t cap, int status, const struct crash_words *said)
{
    if (!WIFSIGNALED(status)) {
        snprintf(room, cap, "exited with status %d", WEXITSTATUS(status));
        return;
    }
    int sig = WTERMSIG(status);
    int len = snprintf(room, cap, "was killed by signal %d (%s)", sig, strsignal(sig));
    if (atomic_load(&said->state) == CRASH_DIED && said->signal == sig && !said->sender && (size_t)len < cap)
        snprintf(room + len, cap - (size_t)len, " at address 0x%llx", (unsigned long long)said->address);
    else if (atomic_load(&said->state) == CRASH_DIED && said->sender && sig != SIGABRT && (size_t)len < cap)
        snprintf(room + len, cap - (size_t)len, " sent by process %d", (int)said->sender);
}

void last_words_tell_death(struct board *board, const struct last_words_death *death, struct text *also)
{
    char name[32];
    char who[64];
    char age[48];
    char how[160];
    struct crash_words said = { 0 };
    const struct last_words *words = words_at(board, death->inc);
    const char *role = last_words_role(name, board, death->inc);
    if (words)
        crash_words_take(&said, &words->said);
    uint32_t state = atomic_load(&said.state);
    how_text(how, sizeof(how), death->status, &said);
    uint32_t sessions = atomic_load(&board_incarnation_at(board, death->inc)->sessions);
    line_say(LOG_LEVEL_ALERT, also, "%s (%d) of generation %u%s %s%s, %u sessions%s%s", role, (int)death->pid,
             death->generation, death->orphan ? ", which has no keeper," : "", how, age_text(age, sizeof(age), words),
             sessions,
             WIFSIGNALED(death->status) ? WCOREDUMP(death->status) ? ", core dumped" : ", no core dumped" : "",
             words && atomic_load(&words->watchdog) ? ", killed by the watchdog" : "");
    if (!WIFSIGNALED(death->status))
        return;
    snprintf(who, sizeof(who), "%s (%d)", role, (int)death->pid);
    if (said.check[0])
        line_say(LOG_LEVEL_ALERT, also, "%s: this check failed, which is a bug: %s", who, said.check);
    if (state == CRASH_ASKED)
        line_say(LOG_LEVEL_ALERT, also, "%s left no last words; when it was last asked:", who);
    else if (state == CRASH_WRITING)
        line_say(LOG_LEVEL_ALERT, also, "%s did not end its last words", who);
    said_say(who, &said, LOG_LEVEL_ALERT, also);
}

void last_words_tell_lost(struct board *board, uint32_t inc)
{
    char name[32];
    char who[64];
    struct crash_words said;
    const struct last_words *words = words_at(board, inc);
    if (!words)
        return;
    crash_words_take(&said, &words->said);
    if (atomic_load(&said.state) != CRASH_DIED)
        return;
    snprintf(who, sizeof(who), "%s (%d)", last_words_role(name, board, inc),
             (int)atomic_load(&board_incarnation_at(board, inc)->pid));
    line_say(LOG_LEVEL_ALERT, NULL, "%s died by signal %d (%s)", who, said.signal, strsignal(said.signal));
    said_say(who, &said, LOG_LEVEL_ALERT, NULL);
}
