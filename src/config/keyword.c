// SPDX-License-Identifier: Apache-2.0
// What to say of a line that is no known word here: refused, misplaced, incomplete or misspelled.
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "config/line.h"

// A section that is refused or misspelled: its lines are skipped, for they can only be misunderstood.
static const struct config_section keyword_skipped = { .name = "" };

// Sections whose words belong together: one that stands in the wrong one of them is misplaced, not unsupported.
static uint32_t keyword_group(uint32_t in)
{
    return in & CONFIG_IN_PROXY ? in | CONFIG_IN_PROXY : in;
}

static void keyword_skip_section(struct config *config)
{
    config_section_begin(config, NULL, NULL);
    config->section = &keyword_skipped;
}

static struct config_place keyword_place(const struct config_line *line, uint32_t num)
{
    const struct config_arg *first = &line->args[line->first], *last = first + num - 1;
    struct config_place place = config_place_of(line, first);
    place.length = last->column + last->width - first->column;
    return place;
}

// Appends the names of the sections in which `word` may stand.
static void keyword_list_sections(struct text *out, uint32_t in)
{
    const struct config_section *section;
    unsigned shown = 0;
    // In the order of their bits, not in that of the linker.
    for (uint32_t bit = 1; bit && bit <= in; bit <<= 1) {
        for (size_t i = 0; (section = config_section_at(i)); i++) {
            if (section->in & in & bit)
                text_printf(out, "%s'%s'", shown++ ? ", " : "", section->name);
        }
    }
}

// Reports a word that this section does not take but one of the sections `in` does.
static bool keyword_is_misplaced(struct config *config, const struct config_line *line, uint32_t in)
{
    uint32_t num = line->num_args - line->first;
    for (num = num < CONFIG_NAME_WORDS ? num : CONFIG_NAME_WORDS; num > 0; num--) {
        const struct config_word *word = config_word_find(line->args + line->first, num, in);
        if (!word)
            continue;
        uint32_t sections = 0;
        size_t all;
        const struct config_word *const *words = config_words_all(&all);
        for (size_t i = 0; i < all; i++)
            sections |= strcmp(words[i]->name, word->name) == 0 ? words[i]->in : 0;
        struct text list;
        text_init(&list);
        keyword_list_sections(&list, sections);
        config_diag_add(config->diag, CONFIG_ERROR, keyword_place(line, num),
                        "'%s' is not allowed in section '%s', only in %s", word->name, config->section->name,
                        list.ptr ? list.ptr : "option lists");
        text_fini(&list);
        return true;
    }
    return false;
}

static bool keyword_is_refused(struct config *config, const struct config_line *line)
{
    uint32_t num = line->num_args - line->first;
    for (num = num < CONFIG_NAME_WORDS ? num : CONFIG_NAME_WORDS; num > 0; num--) {
        const char *name = config_args_join(config, line->args + line->first, num);
        // A quoted word may hold a space, but a name's own parts are single words.
        uint32_t spaces = 0;
        for (const char *c = name; *c; c++)
            spaces += *c == ' ';
        const char *reason = spaces == num - 1 ? config_refuse_reason(name, config->in) : NULL;
        if (reason) {
            config_diag_add(config->diag, CONFIG_ERROR, keyword_place(line, num), "'%s' %s", name, reason);
            return true;
        }
    }
    return false;
}

// Gives the part number `depth` of a word's name, or NULL where the parts before are not the line's words.
static const char *keyword_part(struct config *config, const char *name, const struct config_arg *args, uint32_t depth)
{
    for (uint32_t i = 0; i < depth; i++) {
        if (strncmp(name, args[i].str, args[i].len) != 0 || name[args[i].len] != ' ')
            return NULL;
        name += args[i].len + 1;
    }
    return arena_copy(config->arena, name, slice_find(slice_str(name), ' '));
}

// Gives the different parts that may stand at `depth` in the current section, sorted; `*num` of them.
static const char **keyword_parts(struct config *config, size_t *num, const struct config_arg *args, uint32_t depth)
{
    size_t all;
    const struct config_word *const *words = config_words_all(&all);
    const struct config_section *section;
    size_t room = all;
    for (size_t i = 0; config_section_at(i); i++)
        room++;
    const char **parts = arena_alloc(config->arena, (room + 1) * sizeof(*parts));
    *num = 0;
    for (size_t i = 0; i < all; i++) {
        const char *part = words[i]->in & config->in ? keyword_part(config, words[i]->name, args, depth) : NULL;
        if (part && (*num == 0 || strcmp(parts[*num - 1], part) != 0))
            parts[(*num)++] = part;
    }
    for (size_t i = 0; depth == 0 && (section = config_section_at(i)); i++)
        parts[(*num)++] = section->name;
    return parts;
}

// Reports a line whose first `depth` words begin a name but whose next one does not go on with it, or is missing.
static void keyword_error_part(struct config *config, const struct config_line *line, const char *const *parts,
                               size_t num, uint32_t depth)
{
    struct config_line here = *line;
    const char *before = config_args_join(config, line->args + line->first, depth);
    here.first = line->first + depth;
    config_error_unknown(config, &here, 0, arena_printf(config->arena, "'%s' keyword", before), parts, num);
}

static void keyword_error_first(struct config *config, const struct config_line *line, const char *const *parts,
                                size_t num)
{
    const struct config_arg *arg = &line->args[line->first];
    const char *nearest = config_nearest(arg->str, parts, num);
    const char *what = config->section ? "keyword" : "section";
    const char *where = config->section ? arena_printf(config->arena, " in section '%s'", config->section->name) : "";
    if (nearest)
        config_diag_add(config->diag, CONFIG_ERROR, config_place_of(line, arg), "unknown %s '%s'%s; did you mean '%s'?",
                        what, arg->str, where, nearest);
    else
        config_diag_add(config->diag, CONFIG_ERROR, config_place_of(line, arg), "unknown %s '%s'%s", what, arg->str,
                        where);
    // A section's name is written at the margin; below a misspelled one every line would be an error.
    if (!config->section || (nearest && arg->column == 1 && config_section_find(nearest)))
        keyword_skip_section(config);
}

// Reports a word that some section has, on a line before the first one.
static bool keyword_is_outside(struct config *config, const struct config_line *line)
{
    uint32_t num = line->num_args - line->first;
    for (num = num < CONFIG_NAME_WORDS ? num : CONFIG_NAME_WORDS; num > 0; num--) {
        const struct config_word *word =
            config_word_find(line->args + line->first, num, CONFIG_IN_GLOBAL | CONFIG_IN_PROXY);
        if (!word)
            continue;
        config_diag_add(config->diag, CONFIG_ERROR, keyword_place(line, num),
                        "'%s' stands outside of any section; a file begins with one", word->name);
        keyword_skip_section(config);
        return true;
    }
    return false;
}

void config_error_keyword(struct config *config, const struct config_line *line)
{
    if (config->section) {
        if (keyword_is_misplaced(config, line, keyword_group(config->in)) || keyword_is_refused(config, line) ||
            keyword_is_misplaced(config, line, CONFIG_IN_GLOBAL | CONFIG_IN_PROXY))
            return;
    } else if (keyword_is_outside(config, line)) {
        return;
    }
    const struct config_arg *args = line->args + line->first;
    uint32_t depth = line->num_args - line->first;
    for (depth = depth < CONFIG_NAME_WORDS ? depth : CONFIG_NAME_WORDS - 1; depth > 0; depth--) {
        size_t num;
        const char **parts = keyword_parts(config, &num, args, depth);
        if (num > 0) {
            keyword_error_part(config, line, parts, num, depth);
            return;
        }
    }
    size_t num;
    const char **parts = keyword_parts(config, &num, args, 0);
    keyword_error_first(config, line, parts, num);
}

bool config_section_is_refused(struct config *config, const struct config_line *line)
{
    const char *reason = config_refuse_reason(line->args[0].str, 0);
    if (!reason)
        return false;
    config_diag_add(config->diag, CONFIG_ERROR, line->place, "section '%s' %s", line->args[0].str, reason);
    keyword_skip_section(config);
    return true;
}
