// SPDX-License-Identifier: Apache-2.0
// Words for error pages, in proxies and in http-errors sections. "http-error" is a word of the area of streams.
#include "proxy/answer.h"
#include "proxy/errors.h"
#include "proxy/words.h"

// The list of the section that is read.
static struct errorfile_conf **list_of(struct config *config, void *object)
{
    return config->in == CONFIG_IN_ERRORS ? &((struct proxy_errors *)object)->files
                                          : &((struct proxy_conf *)object)->errorfiles;
}

static bool parse_errorfile(struct config *config, void *object, const struct config_word *word,
                            const struct config_line *line)
{
    const struct proxy_answer *answer;
    uint16_t status;
    (void)word;
    if (!proxy_errors_status(config, &status, line, 0) || !proxy_answer_read(config, &answer, line, 1))
        return false;
    proxy_errors_add(config, list_of(config, object), status)->answer = answer;
    return true;
}

// word->value: the status of the redirection.
static bool parse_errorloc(struct config *config, void *object, const struct config_word *word,
                           const struct config_line *line)
{
    const struct config_arg *url = config_arg_at(line, 1);
    uint16_t status;
    bool ok;
    if (!proxy_errors_status(config, &status, line, 0))
        return false;
    const char *fields = arena_printf(config->arena, "cache-control: no-cache\r\nlocation: %s\r\n", url->str);
    if (strpbrk(url->str, "\r\n"))
        return config_error(config, line, 1, "a location cannot hold the end of a line");
    const struct proxy_answer *answer =
        proxy_answer_new(config->arena, &ok, (uint16_t)word->value, NULL, fields, SLICE(""));
    if (!ok)
        return config_error(config, line, 1, "'%s' cannot stand in a header field", url->str);
    proxy_errors_add(config, list_of(config, object), status)->answer = answer;
    return true;
}

static bool parse_errorfiles(struct config *config, void *object, const struct config_word *word,
                             const struct config_line *line)
{
    struct errorfile_conf **list = list_of(config, object);
    struct config_place place = line->place;
    uint32_t index = 0;
    (void)word;
    place.column = config_arg_at(line, 0)->column;
    place.length = config_arg_at(line, 0)->width;
    const struct proxy_errors *errors = proxy_errors_named(config, config_arg_at(line, 0)->str, place);
    do {
        uint16_t status = 0;
        if (config_arg_at(line, ++index) && !proxy_errors_status(config, &status, line, index))
            return false;
        struct errorfile_conf *file = proxy_errors_add(config, list, status);
        file->import = errors;
        file->place = place;
    } while (config_arg_at(line, index + 1));
    return true;
}

static void *errors_begin(struct config *config, const struct config_line *line)
{
    if (!proxy_name_check(config, line))
        return NULL;
    struct proxy_errors *errors = proxy_errors_named(config, config_arg_at(line, 0)->str, line->place);
    if (errors->is_defined) {
        config_error(config, line, 0, "the http-errors section '%s' is at line %u of %s already", errors->name,
                     errors->place.line, errors->place.file);
        return NULL;
    }
    errors->is_defined = true;
    errors->place = line->place;
    return errors;
}

static const struct config_section section_errors = {
    .name = "http-errors",
    .in = CONFIG_IN_ERRORS,
    .min_args = 1,
    .max_args = 1,
    .begin = errors_begin,
    .help = "A set of error pages that proxies may name: `errorfiles NAME` takes them over.",
};
CONFIG_SECTION(section_errors);

static const struct config_word words[] = {
    { .name = "errorfile",
      .in = CONFIG_IN_PROXY | CONFIG_IN_ERRORS,
      .min_args = 2,
      .max_args = 2,
      .parse = parse_errorfile,
      .args = "<code> <file>",
      .help = "Answers errors of fairlead's own that have the status <code> with the whole HTTP answer that <file> "
              "holds. An empty file closes the connection without an answer.",
      .good = "errorfile 503 /dev/null",
      .bad = "errorfile 299 /dev/null",
      .bad_says = "no error page of status 299" },
    { .name = "errorloc",
      .in = CONFIG_IN_PROXY,
      .min_args = 2,
      .max_args = 2,
      .parse = parse_errorloc,
      .value = 302,
      .args = "<code> <url>",
      .help = "Answers errors of fairlead's own that have the status <code> with a redirection of status 302 to <url>.",
      .good = "errorloc 503 http://sorry.example/",
      .bad = "errorloc 503",
      .bad_says = "is incomplete" },
    { .name = "errorloc302",
      .in = CONFIG_IN_PROXY,
      .min_args = 2,
      .max_args = 2,
      .parse = parse_errorloc,
      .value = 302,
      .args = "<code> <url>",
      .help = "Another name of errorloc.",
      .good = "errorloc302 503 http://sorry.example/",
      .bad = "errorloc302 299 http://sorry.example/",
      .bad_says = "no error page of status 299" },
    { .name = "errorloc303",
      .in = CONFIG_IN_PROXY,
      .min_args = 2,
      .max_args = 2,
      .parse = parse_errorloc,
      .value = 303,
      .args = "<code> <url>",
      .help = "As errorloc, with the status 303: the client asks for <url> with GET, whatever it did before.",
      .good = "errorloc303 503 http://sorry.example/",
      .bad = "errorloc303 503",
      .bad_says = "is incomplete" },
    { .name = "errorfiles",
      .in = CONFIG_IN_PROXY,
      .min_args = 1,
      .max_args = 32,
      .parse = parse_errorfiles,
      .args = "<name> [<code>...]",
      .help = "Takes over the error pages of the http-errors section <name>, or those of the listed statuses. They "
              "replace what stood before, and may be replaced by what follows.",
      .good = "errorfiles site-1 403 404",
      .bad = "errorfiles site-1 299",
      .bad_says = "no error page of status 299" },
};
CONFIG_WORDS(words);
