// SPDX-License-Identifier: Apache-2.0
// A line becomes words: manual section 2.2. Where the manual and HAProxy's own behaviour differ (an escaped dollar
// outside of quotes keeps its backslash), behaviour is followed, for existing regular expressions rely on it.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/check.h"
#include "config/line.h"

bool config_split_error(struct config_splitter *split, size_t at, size_t len, const char *format, ...)
{
    char message[256];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    struct config_place place = split->place;
    place.column = (uint32_t)at + 1;
    place.length = (uint32_t)len;
    config_diag_add(split->config->diag, CONFIG_ERROR, place, "%s", message);
    return false;
}

bool config_split_word_add(struct config_splitter *split, size_t at, const char *data, size_t len)
{
    if (!split->in_word) {
        split->in_word = true;
        split->quoted = false;
        split->word_at = at;
    }
    split->total += len;
    if (split->total > CONFIG_LINE_MAX)
        return config_split_error(split, at, 1, "line is longer than %d bytes once its variables are expanded",
                                  CONFIG_LINE_MAX);
    text_add(&split->word, data, len);
    if (split->word.failed)
        check_out_of_memory(len);
    return true;
}

void config_split_word_end(struct config_splitter *split, size_t end)
{
    if (!split->in_word)
        return;
    struct arena *arena = split->config->arena;
    if (split->num == split->cap) {
        split->cap = split->cap ? split->cap * 2 : 8;
        struct config_arg *args = arena_alloc(arena, split->cap * sizeof(*args));
        if (split->num)
            memcpy(args, split->args, split->num * sizeof(*args));
        split->args = args;
    }
    split->args[split->num++] = (struct config_arg){
        .str = arena_copy(arena, split->word.ptr, split->word.len),
        .len = (uint32_t)split->word.len,
        .column = (uint32_t)split->word_at + 1,
        .width = (uint32_t)(end - split->word_at),
        .quoted = split->quoted,
    };
    text_consume(&split->word, split->word.len);
    split->in_word = false;
}

static bool split_escape_hex(struct config_splitter *split, size_t at)
{
    struct slice raw = split->raw;
    int high = at + 2 < raw.len ? slice_hex_digit(raw.ptr[at + 2]) : -1;
    int low = high >= 0 && at + 3 < raw.len ? slice_hex_digit(raw.ptr[at + 3]) : -1;
    size_t shown = raw.len - at < 4 ? raw.len - at : 4;
    if (low < 0)
        return config_split_error(split, at, shown, "truncated or invalid hexadecimal sequence '%.*s', expected \\xNN",
                                  (int)shown, raw.ptr + at);
    char c = (char)(high * 16 + low);
    if (c == '\0')
        return config_split_error(split, at, shown, "a NUL character (\\x00) cannot be part of a word");
    split->pos += 4;
    return config_split_word_add(split, at, &c, 1);
}

// Resolves the backslash at split->pos. One that escapes nothing special stands for itself.
static bool split_escape(struct config_splitter *split, bool weak)
{
    size_t at = split->pos;
    char next = at + 1 < split->raw.len ? split->raw.ptr[at + 1] : '\0';
    if (next == 'x')
        return split_escape_hex(split, at);
    char c = '\0';
    switch (next) {
    case ' ':
    case '\t':
    case '\\':
    case '#':
    case '"':
    case '\'':
        c = next;
        break;
    case '$':
        c = weak ? '$' : '\0';
        break;
    case 'n':
        c = '\n';
        break;
    case 'r':
        c = '\r';
        break;
    case 't':
        c = '\t';
        break;
    }
    split->pos += c ? 2 : 1;
    return config_split_word_add(split, at, c ? &c : "\\", 1);
}

static bool split_quoted(struct config_splitter *split)
{
    size_t open = split->pos++;
    char quote = split->raw.ptr[open];
    bool weak = quote == '"';
    // A lone variable that expands to no word leaves none, so a word begins here only where something else stands.
    bool lone_list = false;
    while (split->pos < split->raw.len) {
        size_t at = split->pos;
        char c = split->raw.ptr[at];
        if (c == quote) {
            split->pos++;
            if (!split->in_word && !lone_list && !config_split_word_add(split, open, "", 0))
                return false;
            split->quoted = true;
            return true;
        }
        if (weak && c == '$') {
            if (!config_split_variable(split))
                return false;
            lone_list = !split->in_word;
        } else if (weak && c == '\\') {
            if (!split_escape(split, true))
                return false;
        } else {
            split->pos++;
            if (!config_split_word_add(split, at, &split->raw.ptr[at], 1))
                return false;
        }
    }
    return config_split_error(split, open, 1, "unmatched quote");
}

static bool split_line(struct config_splitter *split)
{
    size_t nul = slice_find(split->raw, '\0');
    if (nul < split->raw.len)
        return config_split_error(split, nul, 1, "NUL character in the line");
    while (split->pos < split->raw.len) {
        size_t at = split->pos;
        char c = split->raw.ptr[at];
        switch (c) {
        case ' ':
        case '\t':
            config_split_word_end(split, at);
            split->pos++;
            break;
        case '#':
            config_split_word_end(split, at);
            return true;
        case '"':
        case '\'': {
            bool starts = !split->in_word;
            if (!split_quoted(split))
                return false;
            // The quote is where the word begins, not what stands in it.
            if (starts && split->in_word && split->word_at == at + 1)
                split->word_at = at;
            break;
        }
        case '\\':
            if (!split_escape(split, false))
                return false;
            break;
        default:
            split->pos++;
            if (!config_split_word_add(split, at, &c, 1))
                return false;
        }
    }
    config_split_word_end(split, split->pos);
    return true;
}

bool config_line_split(struct config *config, struct config_line *line, struct config_place place, size_t len)
{
    struct config_splitter split = { .config = config, .place = place, .raw = slice_of(place.text, len) };
    text_init(&split.word);
    bool ok = split_line(&split);
    text_fini(&split.word);
    *line = (struct config_line){ .place = place, .args = split.args, .num_args = split.num };
    if (split.num) {
        line->place.column = split.args[0].column;
        line->place.length = split.args[0].width;
    }
    return ok;
}
