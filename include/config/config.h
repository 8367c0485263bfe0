// SPDX-License-Identifier: Apache-2.0
// Reading a configuration: files become lines, lines become words, words find their declaration (config/word.h), and
// all that is wrong is collected in one pass (config/diag.h). This area knows the language, not one word of it: the
// words stand beside the code they set up. Runs in the keeper (and for -c), never in a process that carries traffic.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/slice.h"
#include "config/diag.h"

struct config_word;
struct config_section;
struct expr_acl;

// One word of a line after quotes, escapes and variables are resolved.
struct config_arg {
    const char *str; // NUL-terminated, in the configuration's arena
    uint32_t len;
    uint32_t column; // where it starts in the line, in bytes from 1
    uint32_t width;  // bytes it takes in the line, quotes, escapes and variables' names included
    bool quoted;     // some part of it stood in quotes
};

struct config_line {
    struct config_place place; // file, line, text; column of the first word
    struct config_arg *args;
    uint32_t num_args;
    uint32_t first; // index of the first argument after the word's own name, for the word's parse function
    bool negated;   // it began with `no`
    bool reset;     // it began with `default`
};

// A configuration being read, and what it was read into. One per generation.
struct config {
    struct arena *arena; // everything the configuration keeps lives here
    struct config_diag *diag;
    const struct config_section *section; // the one being read, NULL before the first
    const char *section_name;     // its name ("www"), its type where it has none, "" before the first: ${.SECTION}
    struct expr_acl *const *acls; // the section's ACLs, for expressions that name some; NULL where it has none
    void *object;                 // the section's object, given by its begin function; NULL while it is skipped
    uint32_t in;                  // CONFIG_IN_* bit of the section
    void *owner;                  // for the areas above: the program's whole configuration
    struct config_place word;     // the fetch or converter whose arguments are prepared; for errors that show later
    bool numeric_hosts;           // -dG: names of hosts are not looked up, addresses in numbers alone
    bool no_files;                // a command's: nothing is read from files, nor kept
    bool no_splice;               // -dS: for enabled(SPLICE)
    bool no_server_verify;        // -dV: for enabled(SERVER-SSL-VERIFY-NONE)
    const char *base_dir;         // directory that relative file names start from, or NULL
    uint32_t num_files;           // read so far
    struct config_env *env;       // variables as setenv and the like left them (config/env.h); see config_read_end
};

// config_init prepares `config` to read into `owner`, taking memory from `arena` and reporting to `diag`.
void config_init(struct config *config, struct arena *arena, struct config_diag *diag, void *owner);

// config_init_words prepares `config` for the parse functions of single words at run time: there is no environment to
// read lines with, and no name is looked up.
void config_init_words(struct config *config, struct arena *arena, struct config_diag *diag, void *owner);

// config_fini frees what reading needed beyond the arena.
void config_fini(struct config *config);

// config_read_file reads `path`, or every *.cfg file of the directory `path` in the order of their names (strcmp,
// hidden files left out). The end of a file ends its last section. It goes on after errors; false where anything was
// wrong so far. Manual section 2.1.
bool config_read_file(struct config *config, const char *path);

// config_read_text reads the text `text` as a file named `name`; for tests, fuzzing and built-in configurations. Unlike
// in a file, the last line may lack its line feed.
bool config_read_text(struct config *config, const char *name, struct slice text);

// config_read_end is to be called once after all files; false where anything was wrong. Where nothing was, it makes the
// process's environment that of `config->env`, for libc's sake (TZ, RES_OPTIONS).
bool config_read_end(struct config *config);

// config_condition evaluates the condition expression `text` (-cc on the command line; `.if` does the same) as HAProxy
// 3.2 does, quotes and "$VARIABLES" included: integers, defined(NAME), feature(NAME), enabled(OPTION), streq(a,b),
// strneq, strstr, version_atleast, version_before, openssl_version_atleast, openssl_version_before,
// ssllib_name_startswith, !, &&, ||, parentheses; the empty text is false. False with a message in `*error` (in the
// arena) where it is malformed. The language level it answers for is CONFIG_LANGUAGE_LEVEL. Manual section 2.4.
bool config_condition(struct config *config, bool *result, const char **error, const char *text);

#define CONFIG_LANGUAGE_LEVEL "3.2"

// Helpers for parse functions. They return false after reporting the error at the right argument.

// config_arg_at gives the word's argument number `index` (0 is the first after its name), or NULL past the last. For an
// option of an option list these are the option's own arguments.
const struct config_arg *config_arg_at(const struct config_line *line, uint32_t index);

// config_error reports an error at argument `index` of the word (config_line.first + index), or at the end of the line
// when there is no such argument. It always returns false, so that it can be returned.
bool config_error(struct config *config, const struct config_line *line, uint32_t index, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// config_warning is config_error for a warning; it returns true.
bool config_warning(struct config *config, const struct config_line *line, uint32_t index, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// config_error_unknown reports that the argument is none of the `num` `known` words and names the nearest one.
bool config_error_unknown(struct config *config, const struct config_line *line, uint32_t index, const char *what,
                          const char *const *known, size_t num);

// config_parse_time reads a time such as "10s" (us, ms, s, m, h, d; `default_unit_us` microseconds per unit without a
// suffix) into `*out_us`. As for HAProxy the most is 2147483647 ms. Manual section 2.5.
bool config_parse_time(struct config *config, uint64_t *out_us, const struct config_line *line, uint32_t index,
                       uint64_t default_unit_us);

// config_parse_size reads a size such as "16k" (k, m, g in either case: powers of 1024) into `*out`. Manual
// section 2.6.
bool config_parse_size(struct config *config, uint64_t *out, const struct config_line *line, uint32_t index);

// config_parse_u64 reads a decimal number from `min` to `max`.
bool config_parse_u64(struct config *config, uint64_t *out, const struct config_line *line, uint32_t index,
                      uint64_t min, uint64_t max);
