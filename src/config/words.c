// SPDX-License-Identifier: Apache-2.0
// The registry of words and sections. The linker gathers the tables between the start and stop symbols of their
// sections.
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "config/line.h"

extern const struct config_word_table *const __start_config_words[] __attribute__((weak, visibility("hidden")));
extern const struct config_word_table *const __stop_config_words[] __attribute__((weak, visibility("hidden")));
extern const struct config_section *const __start_config_sections[] __attribute__((weak, visibility("hidden")));
extern const struct config_section *const __stop_config_sections[] __attribute__((weak, visibility("hidden")));

// cppcheck takes the linker's start and stop symbols for objects of their own; they are the two ends of one array.

// Written once by config_words_boot, constant after.
static const struct config_word **words_by_name;
static const struct config_word **words_by_section;
static size_t words_num;

static int words_compare_name(const void *a, const void *b)
{
    const struct config_word *left = *(const struct config_word *const *)a;
    const struct config_word *right = *(const struct config_word *const *)b;
    int order = strcmp(left->name, right->name);
    return order ? order : (left->in > right->in) - (left->in < right->in);
}

static int words_compare_section(const void *a, const void *b)
{
    const struct config_word *left = *(const struct config_word *const *)a;
    const struct config_word *right = *(const struct config_word *const *)b;
    uint32_t left_bit = left->in & -left->in, right_bit = right->in & -right->in;
    return left_bit != right_bit ? (left_bit > right_bit) - (left_bit < right_bit) : words_compare_name(a, b);
}

static const struct config_word **words_alloc(size_t num)
{
    const struct config_word **words = calloc(num + 1, sizeof(void *));
    if (!words)
        check_out_of_memory((num + 1) * sizeof(void *));
    return words;
}

static void words_check_unique(void)
{
    for (size_t i = 0; i < words_num; i++) {
        must(words_by_name[i]->parse && words_by_name[i]->in);
        for (size_t j = i + 1; j < words_num && strcmp(words_by_name[i]->name, words_by_name[j]->name) == 0; j++)
            must((words_by_name[i]->in & words_by_name[j]->in) == 0);
    }
}

void config_words_boot(void)
{
    if (words_by_name)
        return;
    const struct config_word_table *const *table;
    for (table = __start_config_words; table < __stop_config_words; table++)
        words_num += (*table)->num;
    words_by_name = words_alloc(words_num);
    words_by_section = words_alloc(words_num);
    size_t at = 0;
    for (table = __start_config_words; table < __stop_config_words; table++) {
        for (size_t i = 0; i < (*table)->num; i++)
            words_by_name[at++] = &(*table)->words[i];
    }
    memcpy(words_by_section, words_by_name, words_num * sizeof(void *));
    qsort(words_by_name, words_num, sizeof(void *), words_compare_name);
    qsort(words_by_section, words_num, sizeof(void *), words_compare_section);
    words_check_unique();
}

void config_words_each(void (*visit)(const struct config_word *word, void *arg), void *arg)
{
    for (size_t i = 0; i < words_num; i++)
        visit(words_by_section[i], arg);
}

const struct config_word *const *config_words_all(size_t *num)
{
    *num = words_num;
    return words_by_name;
}

const struct config_section *config_section_at(size_t index)
{
    return index < (size_t)(__stop_config_sections - __start_config_sections) ? __start_config_sections[index] : NULL;
}

const struct config_section *config_section_find(const char *name)
{
    const struct config_section *section;
    for (size_t i = 0; (section = config_section_at(i)); i++) {
        if (strcmp(section->name, name) == 0)
            return section;
    }
    return NULL;
}

// Compares `name` with the words at `args` joined by spaces, in the order of strcmp.
static int words_compare_args(const char *name, const struct config_arg *args, uint32_t num)
{
    for (uint32_t i = 0; i < num; i++) {
        if (i > 0) {
            if (*name != ' ')
                return (unsigned char)*name < ' ' ? -1 : 1;
            name++;
        }
        int order = strncmp(name, args[i].str, args[i].len);
        if (order)
            return order;
        name += args[i].len;
    }
    return *name ? 1 : 0;
}

const struct config_word *config_word_find(const struct config_arg *args, uint32_t num, uint32_t in)
{
    // A quoted word may hold a space, but a name's own parts are single words.
    for (uint32_t i = 0; i < num; i++) {
        if (args[i].len == 0 || memchr(args[i].str, ' ', args[i].len))
            return NULL;
    }
    size_t low = 0, high = words_num;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (words_compare_args(words_by_name[middle]->name, args, num) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < words_num && words_compare_args(words_by_name[low]->name, args, num) == 0; low++) {
        if (words_by_name[low]->in & in)
            return words_by_name[low];
    }
    return NULL;
}
