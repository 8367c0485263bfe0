// SPDX-License-Identifier: Apache-2.0
// Format strings (manual section 8.2.6, log-format): text with %aliases and %[expressions], compiled while the
// configuration is read and written in one go. Used for log lines, header values, bodies, redirects, names of backends
// and variables. Aliases are rows of tables beside the code that has the facts. Writing allocates nothing.
#pragma once

#include "expr/expr.h"

struct expr_format;

// Who uses it decides how values are escaped and what an absent one looks like.
enum expr_format_use {
    EXPR_FORMAT_TEXT, // headers, bodies, names: values as they are, absent ones leave nothing
    EXPR_FORMAT_LOG,  // log lines: control characters escaped, absent values "-"
    EXPR_FORMAT_SD,   // structured data of RFC 5424: '"', '\' and ']' escaped too
};

// expr_format_parse compiles argument `index` of `line` for use at the moment `when`; NULL after reporting an error.
const struct expr_format *expr_format_parse(struct config *config, const struct config_line *line, uint32_t index,
                                            enum expr_format_use use, uint32_t when);

// expr_format_text compiles `text`, found in a file or default, on behalf of argument `index` of `line`.
const struct expr_format *expr_format_text(struct config *config, const struct config_line *line, uint32_t index,
                                           struct slice text, enum expr_format_use use, uint32_t when);

// expr_format_const gives the text of a format without anything that varies; ptr NULL for others.
struct slice expr_format_const(const struct expr_format *format);

// expr_format_write writes the text for `subject` to `dst` and gives its length; what does not fit into `cap` bytes is
// cut and `*cut` (may be NULL) set.
size_t expr_format_write(const struct expr_format *format, struct expr_subject *subject, char *dst, size_t cap,
                         bool *cut);

// expr_format_make gives the text for `subject` in its scratch (or the constant itself), to hold until that is
// released; ptr NULL where there is no room for all of it.
struct slice expr_format_make(const struct expr_format *format, struct expr_subject *subject);

// expr_format_needs_stream says whether it holds an expression or an alias that asks more of a stream than
// struct stream_log remembers: who logs later than a stream's end must keep it.
bool expr_format_needs_stream(const struct expr_format *format);

// An alias: "%ci". Its fetch is that of a fetch, without arguments.
struct expr_alias {
    const char *name;   // "ci", without the percent sign
    enum expr_type out; // for typed encodings
    uint32_t when;      // EXPR_AT_* bits
    bool needs_stream;  // its fact is not in struct stream_log
    bool quoted;        // written with quotes of its own accord ("%{+Q}" is not needed)
    expr_fetch_fn *fetch;
    const char *help;
};

struct expr_alias_table {
    const struct expr_alias *rows;
    size_t num;
};

// EXPR_ALIASES registers the array `table` of struct expr_alias. One per file.
#define EXPR_ALIASES(table)                                                                                            \
    static const struct expr_alias_table expr_aliases_here = { (table), sizeof(table) / sizeof((table)[0]) };          \
    static const struct expr_alias_table *const expr_aliases_ptr __attribute__((used, section("expr_aliases"))) =      \
        &expr_aliases_here

// expr_aliases_boot gathers all tables, once, before a configuration is read.
void expr_aliases_boot(void);

// expr_aliases_each calls `visit` with every row in the order of names.
void expr_aliases_each(void (*visit)(const struct expr_alias *row, void *arg), void *arg);
