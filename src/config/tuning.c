// SPDX-License-Identifier: Apache-2.0
// Words that tune a part of HAProxy's inside which fairlead does not have, and whose absence no client or server can
// see. They are accepted, with a warning each. A word stands here only after thought: one that limits, permits or
// changes something belongs to the area that does it, or is refused (refuse_global.c).
#include "config/word.h"

// A word without arguments.
#define TUNING_SWITCH(section, word, negate, why)                                                                      \
    {                                                                                                                  \
        .name = word, .in = (section), .flags = (negate), .parse = config_word_tuning, .args = "", .help = why,        \
        .good = word, .bad = word " now", .bad_says = "'" word "' takes no argument"                                   \
    }

// A word with `count` arguments; `example` are some.
#define TUNING_VALUE(section, word, shape, count, example, why)                                                        \
    {                                                                                                                  \
        .name = word, .in = (section), .min_args = (count), .max_args = (count), .parse = config_word_tuning,          \
        .args = shape, .help = why, .good = word " " example, .bad = word,                                             \
        .bad_says = "'" word "' is incomplete, expected: " word " " shape                                              \
    }

// A word with `count` arguments or more.
#define TUNING_LIST(section, word, negate, shape, count, example, why)                                                 \
    {                                                                                                                  \
        .name = word, .in = (section), .min_args = (count), .flags = (negate) | CONFIG_ANY_ARGS,                       \
        .parse = config_word_tuning, .args = shape, .help = why, .good = word " " example, .bad = word,                \
        .bad_says = "'" word "' is incomplete, expected: " word " " shape                                              \
    }

#define ON_OFF "{ on | off }"

#define WHY_CPU     "No effect: each worker is a process of one thread; 'cpu-map' and 'cpu-set' place it."
#define WHY_POLLER  "No effect: epoll is the only poller."
#define WHY_BUFFERS "No effect: buffers are only held while bytes are in flight."
#define WHY_COPY    "No effect: bodies are spliced or copied at most once, whatever carries them."
#define WHY_LOOP    "No effect: the event loop bounds each descriptor by a budget of bytes."
#define WHY_LISTEN  "No effect: each worker has a socket of its own for each listening address."
#define WHY_POOL    "No effect: memory pools and idle connections are each worker's own."
#define WHY_DEBUG   "No effect: a means to debug HAProxy."
#define WHY_PERMIT  "No effect: fairlead has nothing of that kind to permit."

static const struct config_word tuning_words[] = {
    TUNING_SWITCH(CONFIG_IN_GLOBAL, "busy-polling", CONFIG_MAY_NEGATE, WHY_POLLER),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "cpu-policy", "<policy>", 1, "performance", WHY_CPU),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "debug.counters", ON_OFF, 1, "on", WHY_DEBUG),
    TUNING_SWITCH(CONFIG_IN_GLOBAL, "expose-deprecated-directives", 0, WHY_PERMIT),
    TUNING_SWITCH(CONFIG_IN_GLOBAL, "expose-experimental-directives", 0, WHY_PERMIT),
    TUNING_SWITCH(CONFIG_IN_GLOBAL, "insecure-setuid-wanted", CONFIG_MAY_NEGATE, WHY_PERMIT),
    TUNING_SWITCH(CONFIG_IN_GLOBAL, "no-memory-trimming", 0, WHY_POOL),
    TUNING_SWITCH(CONFIG_IN_GLOBAL, "no-quic", 0, "No effect: there is no QUIC to turn off."),
    TUNING_SWITCH(CONFIG_IN_GLOBAL, "noepoll", 0, WHY_POLLER),
    TUNING_SWITCH(CONFIG_IN_GLOBAL, "noevports", 0, WHY_POLLER),
    TUNING_SWITCH(CONFIG_IN_GLOBAL, "nokqueue", 0, WHY_POLLER),
    TUNING_SWITCH(CONFIG_IN_GLOBAL, "nopoll", 0, WHY_POLLER),
    TUNING_SWITCH(CONFIG_IN_GLOBAL, "numa-cpu-mapping", CONFIG_MAY_NEGATE, WHY_CPU),
    TUNING_SWITCH(CONFIG_IN_GLOBAL, "prealloc-fd", CONFIG_MAY_NEGATE,
                  "No effect: workers do not share a table of descriptors, whose growth this avoids."),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "profiling.memory", ON_OFF, 1, "off", WHY_DEBUG),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "profiling.tasks", "{ auto | on | off }", 1, "auto", WHY_DEBUG),
    TUNING_SWITCH(CONFIG_IN_GLOBAL, "quick-exit", 0, "No effect: a worker that has finished always exits at once."),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "stress-level", "<level>", 1, "0", WHY_DEBUG),
    TUNING_LIST(CONFIG_IN_GLOBAL, "thread-group", 0, "<group> [<threads>...]", 1, "1 1-4", WHY_CPU),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.applet.zero-copy-forwarding", ON_OFF, 1, "on", WHY_COPY),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.buffers.limit", "<number>", 1, "0", WHY_BUFFERS),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.buffers.reserve", "<number>", 1, "4", WHY_BUFFERS),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.bufsize.small", "<size>", 1, "1k", WHY_BUFFERS),
    TUNING_SWITCH(CONFIG_IN_GLOBAL, "tune.disable-fast-forward", 0, WHY_COPY),
    TUNING_SWITCH(CONFIG_IN_GLOBAL, "tune.disable-zero-copy-forwarding", 0, WHY_COPY),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.epoll.mask-events", "<event>[,...]", 1, "rdhup", WHY_LOOP),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.events.max-events-at-once", "<number>", 1, "100", WHY_LOOP),
    TUNING_SWITCH(CONFIG_IN_GLOBAL, "tune.fail-alloc", 0, WHY_DEBUG),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.fd.edge-triggered", ON_OFF, 1, "on", WHY_LOOP),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.h1.zero-copy-fwd-recv", ON_OFF, 1, "on", WHY_COPY),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.h1.zero-copy-fwd-send", ON_OFF, 1, "on", WHY_COPY),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.h2.zero-copy-fwd-send", ON_OFF, 1, "on", WHY_COPY),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.idle-pool.shared", ON_OFF, 1, "on", WHY_POOL),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.idletimer", "<timeout>", 1, "1s", WHY_BUFFERS),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.listener.default-shards", "{ by-process | by-thread | by-group }", 1,
                 "by-thread", WHY_LISTEN),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.listener.multi-queue", "{ on | fair | off }", 1, "fair", WHY_LISTEN),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.max-checks-per-thread", "<number>", 1, "0",
                 "No effect: the controller, which carries no traffic, runs the checks."),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.max-rules-at-once", "<number>", 1, "50", WHY_LOOP),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.maxpollevents", "<number>", 1, "200", WHY_LOOP),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.memory.hot-size", "<number>", 1, "1048576", WHY_POOL),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.pattern.cache-size", "<number>", 1, "10000",
                 "No effect: patterns are compiled, and found without a cache."),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.peers.max-updates-at-once", "<number>", 1, "200", WHY_LOOP),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.pool-high-fd-ratio", "<number>", 1, "25", WHY_POOL),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.pool-low-fd-ratio", "<number>", 1, "20", WHY_POOL),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.pt.zero-copy-forwarding", ON_OFF, 1, "on", WHY_COPY),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.recv_enough", "<size>", 1, "10k", WHY_LOOP),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.renice.runtime", "<number>", 1, "0", WHY_CPU),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.renice.startup", "<number>", 1, "10", WHY_CPU),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.ring.queues", "<number>", 1, "4",
                 "No effect: each worker logs to its own ring."),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.runqueue-depth", "<number>", 1, "200", WHY_LOOP),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.sched.low-latency", ON_OFF, 1, "on", WHY_LOOP),
    TUNING_VALUE(CONFIG_IN_GLOBAL, "tune.takeover-other-tg-connections", "{ none | restricted | full }", 1, "none",
                 WHY_POOL),

    TUNING_SWITCH(CONFIG_IN_PROXY, "option contstats", CONFIG_MAY_NEGATE,
                  "No effect: bytes are always counted as they pass."),
    TUNING_SWITCH(CONFIG_IN_PROXY, "option splice-auto", CONFIG_MAY_NEGATE, WHY_COPY),
    TUNING_SWITCH(CONFIG_IN_PROXY, "option splice-request", CONFIG_MAY_NEGATE, WHY_COPY),
    TUNING_SWITCH(CONFIG_IN_PROXY, "option splice-response", CONFIG_MAY_NEGATE, WHY_COPY),
    TUNING_SWITCH(CONFIG_IN_DEFAULTS | CONFIG_IN_FRONTEND | CONFIG_IN_LISTEN, "option tcp-smart-accept",
                  CONFIG_MAY_NEGATE, "No effect: the kernel decides when to send a lone acknowledgement."),
    TUNING_SWITCH(CONFIG_IN_DEFAULTS | CONFIG_IN_BACKEND | CONFIG_IN_LISTEN, "option tcp-smart-connect",
                  CONFIG_MAY_NEGATE, "No effect: the kernel decides when to send a lone acknowledgement."),

    TUNING_VALUE(CONFIG_IN_BIND, "nice", "<nice>", 1, "10", WHY_LOOP),
    TUNING_VALUE(CONFIG_IN_BIND, "shards", "{ <number> | by-thread | by-group }", 1, "by-thread", WHY_LISTEN),
    TUNING_VALUE(CONFIG_IN_BIND, "thread", "[<group>/]<threads>[,...]", 1, "1/all", WHY_CPU),
};
CONFIG_WORDS(tuning_words);
