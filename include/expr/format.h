// SPDX-License-Identifier: Apache-2.0
// Format strings (manual section 8.2.6, log-format): text with %aliases and %[expressions], compiled while the
// configuration is read and written in one go. Used for log lines, header values, bodies, redirects, names of backends
// and variables. Aliases are rows of tables beside the code that has the facts. Writing allocates nothing.
#pragma once

#include "expr/expr.h"

struct expr_format;

// Who uses it decides how values are escaped, what an absent one looks like, and whether runs of spaces become one.
enum expr_format_use {
    EXPR_FORMAT_TEXT, // headers, bodies, targets: control characters as "%0A", absent values leave nothing
    EXPR_FORMAT_RAW,  // variables, names: values as they are, absent ones leave nothing
    EXPR_FORMAT_ID,   // unique ids: as TEXT, but absent values are "-" and spaces merged
    EXPR_FORMAT_LOG,  // log lines: all but printable ASCII as "#0A", absent values "-", spaces merged
    EXPR_FORMAT_SD,   // structured data of RFC 5424: as LOG; flag E escapes '"', '\' and ']'
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

// expr_format_has says whether `format` uses the alias `name`.
bool expr_format_has(const struct expr_format *format, const char *name);

// expr_format_http gives the name of an alias or "" of an expression of `format` that only makes sense in mode http, or
// NULL: "r" of "%r".
const char *expr_format_http(const struct expr_format *format);

// How the characters of an alias' text are made harmless in a log line (manual section 8.6).
enum expr_alias_escape {
    EXPR_ALIAS_PLAIN, // names and numbers: they hold nothing harmful
    EXPR_ALIAS_URL,   // all but printable ASCII, '"' and '#'
    EXPR_ALIAS_HDR,   // '{', '|' and '}' too
};

// Several values under one alias: captured headers.
enum expr_alias_list {
    EXPR_ALIAS_ONE,
    EXPR_ALIAS_BRACES, // "{a|b|}", nothing where there are no values at all
    EXPR_ALIAS_WORDS,  // "a b -"
};

// Where an alias' function stands and what it adds to its value.
struct expr_alias_item {
    uint32_t nth; // in: which value of a list
    bool end;     // out: a list has no value number nth, nor any behind it
    bool plus;    // out: the number is not final, or is to be noticed: "+" stands before it
};

// expr_alias_fn puts the alias' value into `out`, which holds until the next call; false where it has none.
typedef bool expr_alias_fn(struct expr_subject *subject, struct expr_sample *out, struct expr_alias_item *item);

// An alias: "%ci".
struct expr_alias {
    const char *name;   // "ci", without the percent sign
    enum expr_type out; // for the manual; a value may have another type
    uint32_t when;      // EXPR_AT_* bits
    uint8_t escape;     // enum expr_alias_escape
    uint8_t list;       // enum expr_alias_list
    uint8_t hex;        // digits at least of a number with flag X; 0: X does not apply
    bool needs_stream;  // its fact is not in struct stream_log
    bool http;          // mode http only
    bool bare;          // never in quotes: dates, states
    expr_alias_fn *get;
    const char *help;
};

// EXPR_ALIASES registers the array `table` of struct expr_alias. One per file.
#define EXPR_ALIASES(table) EXPR_TABLE(expr_aliases, struct expr_alias, table)

// expr_aliases_boot gathers all tables, once, before a configuration is read.
void expr_aliases_boot(void);

// expr_alias_find gives the row named `name`, or NULL.
const struct expr_alias *expr_alias_find(struct slice name);

// expr_aliases_each calls `visit` with every row in the order of names.
void expr_aliases_each(void (*visit)(const struct expr_alias *row, void *arg), void *arg);
