// SPDX-License-Identifier: Apache-2.0
// The steps inside of reading, from a line of text to the word that handles it. For src/config alone; the areas above
// use config/config.h and config/word.h.
#pragma once

#include "config/word.h"

// Bytes that one line's words may take once its variables are expanded.
enum { CONFIG_LINE_MAX = 1024 * 1024 };

// config_line_split cuts the text of `place` (`len` bytes) into words as manual section 2.2 says, resolving quotes,
// escapes and variables, into `*line` (in the arena). False after reporting what is malformed; `*line` then holds the
// words before that. A line that is empty or only a comment has no words.
bool config_line_split(struct config *config, struct config_line *line, struct config_place place, size_t len);

// The word being built by config_line_split.
struct config_splitter {
    struct config *config;
    struct config_place place;
    struct slice raw; // the line
    size_t pos;       // of the next byte
    struct text word; // what the word holds so far
    size_t word_at;   // offset at which it started
    bool in_word;
    bool quoted;
    size_t total; // bytes of all words, against CONFIG_LINE_MAX
    struct config_arg *args;
    uint32_t num;
    uint32_t cap;
};

// config_split_word_end ends the word being built, if there is one, before the byte at `end`.
void config_split_word_end(struct config_splitter *split, size_t end);

// config_split_word_add adds bytes to the word being built, or begins one at offset `at`. False after reporting that
// the line became too long.
bool config_split_word_add(struct config_splitter *split, size_t at, const char *data, size_t len);

// config_split_variable expands the variable whose '$' stands at split->pos, which lies within double quotes, and moves
// past it. False after reporting an error. Manual section 2.3.
bool config_split_variable(struct config_splitter *split);

// config_split_error reports an error at bytes [at, at + len) of the line and returns false.
bool config_split_error(struct config_splitter *split, size_t at, size_t len, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// The nesting of .if blocks, one per file.
struct config_blocks {
    struct config_block *top;
    bool active; // lines here count
};

// config_block_line handles `line` if it is a directive (its first word begins with a dot) and then sets `*handled`,
// as it does for a line in a part that a condition left out. Manual section 2.4.
void config_block_line(struct config *config, struct config_blocks *blocks, bool *handled,
                       const struct config_line *line);

// config_block_end reports the blocks that the file left open and frees them.
void config_block_end(struct config *config, struct config_blocks *blocks);

// config_condition_eval evaluates the already split and joined `text`. On an error, `*error` is a message in the arena
// and `*error_at` the offset it belongs to.
bool config_condition_eval(struct config *config, bool *result, const char **error, size_t *error_at, const char *text);

// config_predicate_eval evaluates the predicate at `*pos` (a letter) of `text` and moves `*pos` behind it; errors as
// above.
bool config_predicate_eval(struct config *config, bool *result, const char **error, size_t *error_at, const char *text,
                           size_t *pos);

// config_version_compare sets `*order` to less than, equal to or greater than 0 as version `a` is older, the same or
// newer than `b`; false where one is no version. Missing components are zero; "3.2-dev5" comes before "3.2".
bool config_version_compare(int *order, struct slice a, struct slice b);

// config_section_begin ends the current section and begins `section`; with `section` NULL it only ends.
void config_section_begin(struct config *config, const struct config_section *section, struct config_line *line);

// config_line_run runs a line that is no directive: it begins a section or sets something in the current one.
void config_line_run(struct config *config, struct config_line *line);

// config_word_find gives the word named by the `num` words at `args` joined by spaces, in the section or option list
// `in`, or NULL. With several bits in `in`, any of them will do.
const struct config_word *config_word_find(const struct config_arg *args, uint32_t num, uint32_t in);

// Most words that a name has ("capture request header").
enum { CONFIG_NAME_WORDS = 4 };

// config_words_all gives all words, sorted by name, and their number.
const struct config_word *const *config_words_all(size_t *num);

// config_section_at gives the section number `index`, or NULL past the last.
const struct config_section *config_section_at(size_t index);

// config_error_keyword reports that the line's words, from line->first on, are no word of the current section: refused,
// misplaced, incomplete or misspelled.
void config_error_keyword(struct config *config, const struct config_line *line);

// config_section_is_refused says whether the line begins a section that HAProxy has and we do not; reported, and
// skipped.
bool config_section_is_refused(struct config *config, const struct config_line *line);

// config_args_join joins `num` words with spaces, in the arena.
const char *config_args_join(struct config *config, const struct config_arg *args, uint32_t num);

// config_place_of gives the place of `arg` on `line`, or the end of the line for NULL.
struct config_place config_place_of(const struct config_line *line, const struct config_arg *arg);

// config_line_call checks the number of arguments and runs the word's parse function.
bool config_line_call(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line);

// A table of words HAProxy has and we do not (src/config/refuse_*.c).
struct config_refusal {
    const char *name;
    uint32_t in;        // CONFIG_IN_* bits; 0 for the name of a section
    const char *reason; // NULL: not supported yet
};

// config_refusal_at gives the row number `i` of all those tables, or NULL past the last.
const struct config_refusal *config_refusal_at(size_t i);

extern const struct config_refusal config_refuse_global[];
extern const size_t config_refuse_global_num;
extern const struct config_refusal config_refuse_proxy[];
extern const size_t config_refuse_proxy_num;
extern const struct config_refusal config_refuse_rule[];
extern const size_t config_refuse_rule_num;
extern const struct config_refusal config_refuse_option[];
extern const size_t config_refuse_option_num;
