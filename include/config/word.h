// SPDX-License-Identifier: Apache-2.0
// Declarations of configuration words. Each area declares its words in tables beside its code, with CONFIG_WORDS; the
// linker gathers the tables, boot sorts them and refuses duplicates. A word brings its own help and examples, from
// which the manual is generated and which the unit tests run.
#pragma once

#include "config/config.h"

// Where a word may stand. A section is one bit; so is each option list inside of a line.
enum {
    CONFIG_IN_GLOBAL = 1 << 0,
    CONFIG_IN_DEFAULTS = 1 << 1,
    CONFIG_IN_FRONTEND = 1 << 2,
    CONFIG_IN_BACKEND = 1 << 3,
    CONFIG_IN_LISTEN = 1 << 4,
    CONFIG_IN_BIND = 1 << 8,            // options of a bind line
    CONFIG_IN_SERVER = 1 << 9,          // options of a server line, and of default-server where ON_DEFAULT_SERVER
    CONFIG_IN_DEFAULT_SERVER = 1 << 10, // options of default-server
    CONFIG_IN_SOCKET = 1 << 11,         // options of a stats socket line
    CONFIG_IN_LOG = 1 << 12,            // options of a log line
    CONFIG_IN_COOKIE = 1 << 13,         // options of a cookie line
    CONFIG_IN_CRT_LIST = 1 << 14,       // options of a line of a crt-list, in brackets
    CONFIG_IN_CRT_STORE = 1 << 15,      // a section
    CONFIG_IN_LOG_PROFILE = 1 << 16,    // a section
    CONFIG_IN_RING = 1 << 17,           // a section
    CONFIG_IN_SSL_BIND = 1 << 18,       // options of ssl-default-bind-options
    CONFIG_IN_SSL_SERVER = 1 << 19,     // options of ssl-default-server-options
    CONFIG_IN_ERRORS = 1 << 20,         // an http-errors section
    CONFIG_IN_USERLIST = 1 << 21,       // a userlist section
    CONFIG_IN_TRACES = 1 << 22,         // a traces section
    CONFIG_IN_PROXY = CONFIG_IN_DEFAULTS | CONFIG_IN_FRONTEND | CONFIG_IN_BACKEND | CONFIG_IN_LISTEN,
};

enum {
    CONFIG_MAY_NEGATE = 1 << 0, // accepts `no` (and `default`) before it, then with no or fewer arguments
    CONFIG_ANY_ARGS = 1 << 1,   // max_args is not checked
};

// config_parse_fn handles one line (or one option of it) of `word` for `object`, the section's object (or the option
// list's). `line->first` is the index of the first argument. It reports its own errors and returns false on one.
typedef bool config_parse_fn(struct config *config, void *object, const struct config_word *word,
                             const struct config_line *line);

struct config_word {
    const char *name; // may be several words: "option forwardfor", "timeout client", "http-request return"
    uint32_t in;      // CONFIG_IN_* bits
    uint8_t min_args;
    uint8_t max_args; // of an option in an option list: exactly min_args are taken
    uint8_t flags;    // CONFIG_MAY_NEGATE, ...
    config_parse_fn *parse;
    size_t into;    // offset into the object, for the generic parse functions below
    uint64_t value; // what they need: the flag's bit, the unit of a time, ...
    uint64_t min;
    uint64_t max;         // bounds for numbers; 0, 0 is no bound
    const char *args;     // how the arguments look in the manual: "<number>", "{ http | tcp }"
    const char *help;     // one or more sentences for the manual
    const char *good;     // an example line that must be accepted, with "..." nothing made up; ';' separates lines
    const char *bad;      // an example line that must be refused
    const char *bad_says; // a part of the message it gets
};

// CONFIG_WORDS registers the array `table` of struct config_word. One per file.
#define CONFIG_WORDS(table)                                                                                            \
    static const struct config_word_table config_words_here = { (table), sizeof(table) / sizeof((table)[0]) };         \
    static const struct config_word_table *const config_words_ptr __attribute__((used, section("config_words"))) =     \
        &config_words_here

struct config_word_table {
    const struct config_word *words;
    size_t num;
};

// Sections are declared in the same way by the area that owns their object.
struct config_section {
    const char *name; // "frontend"
    uint32_t in;      // its CONFIG_IN_* bit
    uint8_t min_args;
    uint8_t max_args; // of the section's line: "frontend NAME", "backend NAME from DEFAULTS"
    // begin makes or finds the object that the section's words set; NULL (after an error) skips to the next section.
    void *(*begin)(struct config *config, const struct config_line *line);
    // end checks the section as a whole; may be NULL.
    bool (*end)(struct config *config, void *object);
    const char *help;
};

#define CONFIG_SECTION(object_name)                                                                                    \
    static const struct config_section *const config_section_ptr_##object_name                                         \
        __attribute__((used, section("config_sections"))) = &(object_name)

// config_words_boot gathers all tables; it must be called before reading, and does nothing when called again. Two words
// of one name in one section are a bug of ours: must().
void config_words_boot(void);

// config_words_each calls `visit` with every word in the order of (section, name); for the manual and its tests.
void config_words_each(void (*visit)(const struct config_word *word, void *arg), void *arg);

// config_parse_options reads the option list that starts at argument `index` of `line` with the words declared for
// `in`, each with exactly its min_args arguments, into `object`. Unknown words are reported with the nearest known one.
bool config_parse_options(struct config *config, void *object, const struct config_line *line, uint32_t index,
                          uint32_t in);

// config_section_find gives the section declared as `name`, or NULL.
const struct config_section *config_section_find(const char *name);

// Generic parse functions for words that store one value at object + word->into. After `no` or `default`, where the
// word allows it, they store zero.

config_parse_fn config_word_u32;    // config_word_u32 stores a number from word->min to word->max as uint32_t
config_parse_fn config_word_u64;    // config_word_u64 stores a number as uint64_t
config_parse_fn config_word_size;   // config_word_size stores a size ("16k") as uint64_t
config_parse_fn config_word_time;   // config_word_time stores a time in us as uint64_t; word->value: us per bare unit
config_parse_fn config_word_str;    // config_word_str stores a string as const char *
config_parse_fn config_word_flag;   // config_word_flag sets the bits word->value in a uint64_t; `no` clears them
config_parse_fn config_word_bool;   // config_word_bool stores true in a bool; `no` stores false
config_parse_fn config_word_on_off; // config_word_on_off stores the argument on|off as bool
config_parse_fn config_word_tuning; // config_word_tuning accepts the line with one warning: it has no meaning here

// config_refuse_reason gives why a word that HAProxy 3.2 has is not supported here (and what to do instead, where there
// is something), to be read after the word's name: "is a HAProxy keyword that fairlead does not support yet". NULL
// where HAProxy has no such word in `in` (0: no such section). It knows nothing of registered words: ask it only about
// others.
const char *config_refuse_reason(const char *name, uint32_t in);
