// SPDX-License-Identifier: Apache-2.0
// The case of field names for peers that know but one: h1-case-adjust and its file.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "http/case.h"
#include "proxy/words.h"

static bool is_lower(const char *text)
{
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            return false;
    return true;
}

// What is wrong with the pair, or NULL.
static const char *add(struct global_conf *global, struct arena *arena, const char *from, const char *to)
{
    struct http_cases *cases = &global->h1_cases;
    struct slice name = slice_str(to);
    if (!is_lower(from))
        return "the first name must be in lower case";
    if (!slice_equal_nocase(slice_str(from), name) || !name.len || strpbrk(from, ":\r\n"))
        return "both must be the same name, but for the case";
    uint32_t at = 0;
    while (at < cases->num && http_case_order(cases->names[at], name) < 0)
        at++;
    if (at < cases->num && http_case_order(cases->names[at], name) == 0)
        return "there is a line for that name already";
    struct slice *names = arena_alloc(arena, (cases->num + 1) * sizeof(*names));
    if (cases->num) {
        memcpy(names, cases->names, at * sizeof(*names));
        memcpy(names + at + 1, cases->names + at, (cases->num - at) * sizeof(*names));
    }
    names[at] = slice_str(arena_str(arena, to));
    *cases = (struct http_cases){ names, cases->num + 1 };
    return NULL;
}

static bool parse_case(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    (void)word;
    const char *from = config_arg_at(line, 0)->str, *to = config_arg_at(line, 1)->str;
    const char *wrong = add(object, config->arena, from, to);
    return !wrong || config_error(config, line, 1, "'%s', '%s': %s", from, to, wrong);
}

// Lines are read once all others are: only the last file counts, and its names must be new ones.
static bool parse_file(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    struct global_conf *global = object;
    (void)config;
    (void)word;
    global->h1_case_file = config_arg_at(line, 0)->str;
    global->h1_case_place = line->place;
    return true;
}

bool proxy_cases_finish(struct config *config, struct global_conf *global)
{
    static const char blank[] = " \t\r\n";
    const char *path = global->h1_case_file;
    char *text = NULL;
    size_t cap = 0;
    bool ok = true;
    if (!path)
        return true;
    FILE *file = fopen(path, "re");
    if (!file) {
        config_diag_add(config->diag, CONFIG_ERROR, global->h1_case_place, "cannot open '%s': %s", path,
                        strerror(errno));
        return false;
    }
    for (unsigned number = 1; getline(&text, &cap, file) >= 0; number++) {
        char *rest = NULL, *from = strtok_r(text, blank, &rest);
        if (!from || *from == '#')
            continue;
        char *to = strtok_r(NULL, blank, &rest);
        const char *wrong = !to || strtok_r(NULL, blank, &rest) ? "a line has two names" : NULL;
        if (!wrong)
            wrong = add(global, config->arena, from, to);
        if (wrong)
            config_diag_add(config->diag, CONFIG_ERROR, global->h1_case_place, "%s:%u: %s", path, number, wrong);
        ok = ok && !wrong;
    }
    free(text);
    (void)fclose(file);
    return ok;
}

static const struct config_word words[] = {
    { .name = "h1-case-adjust",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 2,
      .max_args = 2,
      .parse = parse_case,
      .args = "<from> <to>",
      .help =
          "How the field name <from>, which is in lower case, is written to peers that know but one case of it; for "
          "proxies with 'option h1-case-adjust-bogus-client' or 'option h1-case-adjust-bogus-server'. Names without "
          "such a line keep the case they came in.",
      .good = "h1-case-adjust content-length Content-Length",
      .bad = "h1-case-adjust content-length Content-Type",
      .bad_says = "same name" },
    { .name = "h1-case-adjust-file",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_file,
      .args = "<file>",
      .help =
          "A file of such pairs, one a line; lines that are empty or begin with '#' do not count. The last file named "
          "is read.",
      .good = "h1-case-adjust-file /dev/null",
      .bad = "h1-case-adjust-file",
      .bad_says = "is incomplete" },
};
CONFIG_WORDS(words);
