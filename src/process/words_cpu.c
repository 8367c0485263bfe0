// SPDX-License-Identifier: Apache-2.0
// Words of the global section about the processors that the processes run on.
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "config/config.h"
#include "config/word.h"
#include "process/program.h"
#include "proxy/conf.h"

enum {
    CPU_MAX_NUMBER = 64,   // of a group, and of a worker in it, where a range has no end
    CPU_ALL_NUMBERS = 128, // what `all` and an open range cover where nothing counts them
};

_Static_assert((int)PROCESS_MAX_WORKERS <= (int)CPU_ALL_NUMBERS, "all is all");

// Numbers from 1 as text: all | odd | even | number[-[number]].
static bool range_read(struct config *config, struct cpu_map_range *range, const struct config_line *line,
                       struct slice text)
{
    uint64_t first = 1, last = CPU_ALL_NUMBERS, step = 1;
    size_t dash = slice_find(text, '-');
    struct slice end = slice_from(text, dash + 1);
    bool good = true;
    *range = (struct cpu_map_range){ 0 };
    if (slice_equal(text, slice_str("odd"))) {
        step = 2;
    } else if (slice_equal(text, slice_str("even"))) {
        first = step = 2;
    } else if (!slice_equal(text, slice_str("all"))) {
        good = slice_to_u64(slice_of(text.ptr, dash), &first) && (dash + 1 >= text.len || slice_to_u64(end, &last)) &&
               first >= 1 && last >= 1;
        if (dash == text.len)
            last = first;
        good = good && first <= CPU_MAX_NUMBER && (last <= CPU_MAX_NUMBER || last == CPU_ALL_NUMBERS);
    }
    if (!good)
        return config_error(config, line, 0, "'%.*s' is no number from 1 to %d, range of these, 'all', 'odd' or 'even'",
                            (int)text.len, text.ptr, CPU_MAX_NUMBER);
    for (uint64_t i = first < last ? first : last; i <= (first < last ? last : first); i += step)
        range->bits[(i - 1) / 64] |= UINT64_C(1) << ((i - 1) % 64);
    return true;
}

// As for HAProxy a group has at most 64 to count.
static uint32_t range_num(const struct cpu_map_range *range)
{
    return (uint32_t)__builtin_popcountll(range->bits[0]);
}

static bool cpus_read(struct config *config, struct os_cpus *cpus, const struct config_line *line, uint32_t from)
{
    const struct config_arg *arg;
    for (uint32_t i = from; (arg = config_arg_at(line, i)); i++)
        if (!os_cpus_read(cpus, arg->str))
            return config_error(config, line, i, "'%s' is no list of processors from 0 to %d, such as 0-3,8", arg->str,
                                OS_CPUS_MAX - 1);
    return true;
}

static bool parse_map(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    struct global_conf *global = object;
    struct cpu_map_conf *map = arena_alloc(config->arena, sizeof(*map));
    struct slice text = slice_str(config_arg_at(line, 0)->str);
    (void)word;
    *map = (struct cpu_map_conf){ .is_auto = text.len > 5 && memcmp(text.ptr, "auto:", 5) == 0 };
    if (map->is_auto)
        text = slice_from(text, 5);
    size_t slash = slice_find(text, '/');
    if (!range_read(config, &map->groups, line, slice_of(text.ptr, slash)) ||
        !range_read(config, &map->threads, line, slash < text.len ? slice_from(text, slash + 1) : slice_str("all")) ||
        !cpus_read(config, &map->cpus, line, 1))
        return false;
    if (map->is_auto) {
        uint32_t num_groups = range_num(&map->groups);
        uint32_t num_threads = range_num(&map->threads);
        if (num_groups > 1 && num_threads > 1)
            return config_error(config, line, 0, "only one of group and thread may be a range after 'auto:'");
        map->by_group = num_groups > 1;
        uint32_t num = map->by_group ? num_groups : num_threads;
        uint32_t num_cpus = os_cpus_num(&map->cpus);
        // An open range of processors has as many as are wanted.
        bool is_open = os_cpus_has(&map->cpus, OS_CPUS_MAX - 1);
        if (num != num_cpus && !(is_open && num_cpus > num))
            return config_error(config, line, 0, "%u numbers and %u processors cannot be bound one to one ('auto:')",
                                num, num_cpus);
    }
    struct cpu_map_conf **end = &global->cpu_maps;
    while (*end)
        end = &(*end)->next;
    *end = map;
    return true;
}

enum cpu_set { CPU_RESET, CPU_CPU, CPU_NODE, CPU_THREAD };

// The processors that the numbers in `numbers` stand for.
static void set_expand(struct os_cpus *cpus, const struct os_cpus *numbers, enum cpu_set kind)
{
    *cpus = (struct os_cpus){ 0 };
    if (kind == CPU_CPU)
        *cpus = *numbers;
    for (uint32_t i = 0; kind != CPU_CPU && i < OS_CPUS_MAX; i++) {
        if (os_cpus_has(numbers, i) && kind == CPU_NODE)
            os_cpus_of_node(cpus, i);
        else if (os_cpus_has(numbers, i))
            os_cpus_of_thread(cpus, i);
    }
}

static bool parse_set(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    static const char *const names[] = { "reset",     "drop-cpu",    "only-cpu",   "drop-node",
                                         "only-node", "drop-thread", "only-thread" };
    static const enum cpu_set kinds[] = { CPU_RESET, CPU_CPU, CPU_CPU, CPU_NODE, CPU_NODE, CPU_THREAD, CPU_THREAD };
    struct global_conf *global = object;
    const struct config_arg *arg;
    (void)word;
    if (!global->cpus) {
        global->cpus = arena_alloc(config->arena, sizeof(*global->cpus));
        os_cpus_now(global->cpus);
    }
    for (uint32_t i = 0; (arg = config_arg_at(line, i)); i++) {
        struct os_cpus numbers = { 0 }, chosen;
        size_t which = 0;
        while (which < NUM_ITEMS(names) && strcmp(arg->str, names[which]) != 0)
            which++;
        if (which == NUM_ITEMS(names) && (strstr(arg->str, "-cluster") || strstr(arg->str, "-core")))
            return config_error(config, line, i, "'%s' is not supported: name the processors with 'only-cpu'",
                                arg->str);
        if (which == NUM_ITEMS(names))
            return config_error_unknown(config, line, i, "directive", names, NUM_ITEMS(names));
        if (kinds[which] == CPU_RESET) {
            os_cpus_online(global->cpus);
            continue;
        }
        arg = config_arg_at(line, ++i);
        if (!arg || !os_cpus_read(&numbers, arg->str))
            return config_error(config, line, i, "a list of numbers must follow, such as 0-3,8");
        set_expand(&chosen, &numbers, kinds[which]);
        if (names[which][0] == 'd')
            os_cpus_drop(global->cpus, &chosen);
        else
            os_cpus_keep(global->cpus, &chosen);
    }
    return os_cpus_num(global->cpus) ? true : config_error(config, line, 0, "this leaves no processor to run on");
}

static const struct config_word words[] = {
    { .name = "cpu-map",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 2,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_map,
      .args = "[auto:]<group>[/<workers>] <cpu>[-[<cpu>]][,...] [...]",
      .help =
          "Binds workers to processors. Numbers of threads are those of workers, from 1 in each group, and there is "
          "one group unless thread-groups says more. Both are a number, a range (1-4, 1-), all, odd or even. With "
          "auto: the first worker gets the lowest processor, the second the next, and there must be as many of "
          "both ('all' are 64). Of lines that name the same worker the last one counts. A worker whose processors "
          "do not exist runs on any, with a warning.",
      .good = "cpu-map 1/all 0-3;cpu-map auto:1/1-4 0-1 2-3;cpu-map auto:1/all 0-63;cpu-map 1/1- 0-",
      .bad = "cpu-map auto:1/1-4 0",
      .bad_says = "cannot be bound one to one" },
    { .name = "cpu-set",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_set,
      .args = "{ reset | { drop | only }-{ cpu | node | thread } <set> }...",
      .help = "The processors that keeper, controller and workers run on, and with that the number of workers where "
              "nbthread does not say. It starts from those that whoever started the program left it; reset takes all "
              "the machine has. A node is one of NUMA, a thread the number of a hardware thread in its core. cpu-map "
              "overrides it for single workers.",
      .good = "cpu-set reset;cpu-set only-cpu 0-;cpu-set only-thread 0",
      .bad = "cpu-set only-cpu first",
      .bad_says = "a list of numbers must follow" },
    { .name = "thread-groups",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_u32,
      .into = offsetof(struct global_conf, num_groups),
      .min = 1,
      .max = 16,
      .args = "<number>",
      .help = "Numbers workers in so many groups of like size, for cpu-map, and has no other effect.",
      .good = "thread-groups 2",
      .bad = "thread-groups 0",
      .bad_says = "out of range" },
};
CONFIG_WORDS(words);
