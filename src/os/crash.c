// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <execinfo.h>
#include <setjmp.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include "base/brief.h"
#include "base/check.h"
#include "base/sanitized.h"
#include "os/crash.h"
#include "os/symbol.h"

enum { CRASH_STACK_LEN = 65536, CRASH_SKIP_MAX = 6, CRASH_GUESS_WORDS = 8192, CRASH_GUESS_MAX = 24 };

// Of this process alone: a signal handler is handed nothing.
static struct {
    struct crash_words *words;
    crash_describe_fn *describe;
    const void *owner;
    volatile sig_atomic_t dying;
    volatile sig_atomic_t guarded; // a fault now goes back to `guard`
    sigjmp_buf guard;
    char stack[CRASH_STACK_LEN];
} crash;

extern const char __executable_start[];
extern const char etext[];

uint64_t crash_image(void)
{
    return (uint64_t)(uintptr_t)__executable_start;
}

static uint64_t place_of(const void *context)
{
    const ucontext_t *machine = context;
#if defined(__x86_64__)
    return (uint64_t)machine->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return machine->uc_mcontext.pc;
#else
    (void)machine;
    return 0;
#endif
}

static const uint64_t *stack_of(const void *context)
{
    const ucontext_t *machine = context;
#if defined(__x86_64__)
    return (const uint64_t *)(uintptr_t)machine->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
    return (const uint64_t *)(uintptr_t)machine->uc_mcontext.sp;
#else
    (void)machine;
    return NULL;
#endif
}

// Whether a call may return to `place` of this program.
static bool follows_call(uint64_t place)
{
    const unsigned char *code = (const unsigned char *)(uintptr_t)place;
    if (place < (uint64_t)(uintptr_t)__executable_start + 8 || place >= (uint64_t)(uintptr_t)etext)
        return false;
#if defined(__x86_64__)
    return code[-5] == 0xe8 || (code[-2] == 0xff && (code[-1] & 0x38) == 0x10) ||
           (code[-3] == 0xff && (code[-2] & 0x38) == 0x10) || (code[-6] == 0xff && (code[-5] & 0x38) == 0x10);
#else
    return (code[-1] & 0xfc) == 0x94 || code[-1] == 0xd6;
#endif
}

// Code made at run time (of regular expressions) says nothing of who called it, nor does a jump to nowhere: then what
// looks like a place to return to is better than nothing.
// (That is all of the stack, of which a sanitizer holds parts for nobody's.)
__attribute__((no_sanitize_address)) static void frames_guess(struct crash_words *words, const void *context)
{
    const uint64_t *stack = stack_of(context);
    for (size_t i = 0; stack && i < CRASH_GUESS_WORDS && words->num_frames < CRASH_GUESS_MAX; i++)
        if (follows_call(stack[i]))
            words->frames[words->num_frames++] = stack[i];
}

// The innermost frames are the handler's own: those of interest begin where the signal came.
static void frames_write(struct crash_words *words, const void *context)
{
    void *frames[CRASH_FRAMES + CRASH_SKIP_MAX];
    uint64_t place = place_of(context);
    int num = backtrace(frames, CRASH_FRAMES + CRASH_SKIP_MAX);
    int first = 0;
    while (first < num && (uint64_t)(uintptr_t)frames[first] != place)
        first++;
    uint32_t to = 0;
    if (first == num) {
        words->frames[to++] = place;
        first = num < 2 ? num : 2;
    }
    while (first < num && to < CRASH_FRAMES)
        words->frames[to++] = (uint64_t)(uintptr_t)frames[first++];
    words->num_frames = words->num_sure = to;
}

static void check_write(struct crash_words *words)
{
    struct brief brief;
    const struct check_failure *failure = check_failure();
    brief_init(&brief, words->check, sizeof(words->check));
    if (!failure->expr)
        return;
    brief_str(&brief, failure->expr);
    brief_str(&brief, " at ");
    brief_str(&brief, failure->file);
    brief_str(&brief, ":");
    brief_u64(&brief, (uint64_t)failure->line, 10);
}

static void doing_write(struct crash_words *words)
{
    if (crash.describe)
        crash.describe(crash.owner, words->doing, sizeof(words->doing));
}

// Makes the call so that a fault in it only ends it.
#define GUARDED(call)                                                                                                  \
    do {                                                                                                               \
        if (sigsetjmp(crash.guard, 1) == 0) {                                                                          \
            crash.guarded = 1;                                                                                         \
            call;                                                                                                      \
        }                                                                                                              \
        crash.guarded = 0;                                                                                             \
    } while (0)

static void words_write(enum crash_state state, const siginfo_t *info, const void *context)
{
    struct crash_words *words = crash.words;
    atomic_store(&words->state, CRASH_WRITING);
    words->signal = info->si_signo;
    words->sender = info->si_code <= 0 ? (int32_t)info->si_pid : 0;
    words->address = info->si_code > 0 ? (uint64_t)(uintptr_t)info->si_addr : 0;
    words->program = symbols_program();
    words->image = crash_image();
    words->num_frames = words->num_sure = 0;
    words->doing[0] = words->check[0] = '\0';
    if (info->si_signo == SIGABRT)
        check_write(words);
    GUARDED(frames_write(words, context));
    if (words->num_frames < 3)
        GUARDED(frames_guess(words, context));
    GUARDED(doing_write(words));
    atomic_store(&words->state, state);
}

static void ask_handler(int sig, siginfo_t *info, void *context)
{
    int saved = errno;
    (void)sig;
    if (!crash.dying && atomic_load(&crash.words->state) != CRASH_WRITING)
        words_write(CRASH_ASKED, info, context);
    errno = saved;
}

// A fault comes again by itself when the handler returns, at the very same place, which is what a core file should
// show.
static void die_handler(int sig, siginfo_t *info, void *context)
{
    if (crash.guarded && info->si_code > 0) {
        crash.guarded = 0;
        siglongjmp(crash.guard, 1);
    }
    bool again = crash.dying;
    crash.dying = 1;
    struct sigaction action = { .sa_handler = SIG_DFL };
    sigaction(sig, &action, NULL);
    if (!again)
        words_write(CRASH_DIED, info, context);
    if (info->si_code <= 0) {
        raise(sig);
        _exit(128 + sig);
    }
}

static void on_signal(int sig, void (*handler)(int sig, siginfo_t *info, void *context), int flags)
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK | flags };
    sigemptyset(&action.sa_mask);
    sigaction(sig, &action, NULL);
}

void crash_handle(struct crash_words *words, crash_describe_fn *describe, const void *owner)
{
    static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };
    void *frame;
    crash.words = words;
    crash.describe = describe;
    crash.owner = owner;
    // The first call loads what it needs, which takes memory.
    backtrace(&frame, 1);
    stack_t stack = { .ss_sp = crash.stack, .ss_size = sizeof(crash.stack) };
    sigaltstack(&stack, NULL);
    // SA_NODEFER: a fault within the handler must come through, to be caught there.
#if !BASE_SANITIZED
    for (size_t i = 0; i < NUM_ITEMS(faults); i++)
        on_signal(faults[i], die_handler, SA_NODEFER);
#else
    (void)faults;
#endif
    on_signal(SIGABRT, die_handler, SA_NODEFER);
    on_signal(CRASH_ASK_SIGNAL, ask_handler, SA_RESTART);
}

void crash_words_take(struct crash_words *copy, const struct crash_words *words)
{
    uint32_t state = atomic_load(&words->state);
    memcpy(copy, words, sizeof(*copy));
    atomic_store(&copy->state, state);
    if (copy->num_frames > CRASH_FRAMES)
        copy->num_frames = CRASH_FRAMES;
    char room[CRASH_DOING_LEN];
    struct brief brief;
    // What prints is copied over itself: a damaged text must not reach a terminal.
    memcpy(room, copy->doing, sizeof(room));
    room[sizeof(room) - 1] = '\0';
    brief_init(&brief, copy->doing, sizeof(copy->doing));
    brief_str(&brief, room);
    memcpy(room, copy->check, sizeof(copy->check));
    room[sizeof(copy->check) - 1] = '\0';
    brief_init(&brief, copy->check, sizeof(copy->check));
    brief_str(&brief, room);
}
