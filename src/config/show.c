// SPDX-License-Identifier: Apache-2.0
// How diagnostics look: the message, the line, the caret.
#include <string.h>
#include <unistd.h>
#include "config/diag.h"

enum {
    SHOW_BEFORE = 60, // bytes of a long line shown before the caret, and after it
    SHOW_AFTER = 60,
};

static const char *const show_levels[] = {
    [CONFIG_DIAG] = "[DIAG]    ",
    [CONFIG_NOTICE] = "[NOTICE]  ",
    [CONFIG_WARNING] = "[WARNING] ",
    [CONFIG_ERROR] = "[ALERT]   ",
};

// A character beyond ASCII that a terminal may be sent: no C1 control, which would be U+0080 to U+009F.
static size_t show_utf8_len(const char *s, size_t len)
{
    bool control = len > 1 && (unsigned char)s[0] == 0xc2 && (unsigned char)s[1] < 0xa0;
    return control || (unsigned char)s[0] < 0x80 ? 0 : slice_utf8_len(slice_of(s, len));
}

// Appends the character at `s` to `out` and, to `under`, what is as wide on the screen: `first` in its first column and
// `rest` in the others. Gives the number of bytes it took.
static size_t show_char(struct text *out, struct text *under, const char *s, size_t len, char first, char rest)
{
    unsigned char c = (unsigned char)*s;
    if (c == '\t') {
        text_add(out, "\t", 1);
        // A tab below is as wide, whatever stands around it; but a caret needs a column to stand in.
        text_add(under, first == ' ' ? "\t" : &first, 1);
        return 1;
    }
    text_add(under, &first, 1);
    size_t took = c >= 0x20 && c < 0x7f ? 1 : show_utf8_len(s, len);
    if (took) {
        text_add(out, s, took);
        return took;
    }
    text_printf(out, "\\x%02x", c);
    for (int i = 0; i < 3; i++)
        text_add(under, &rest, 1);
    return 1;
}

static bool show_is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static void show_line(struct text *out, const struct config_place *place)
{
    const char *line = place->text;
    size_t len = strlen(line);
    size_t caret = place->column ? place->column - 1 : 0;
    caret = caret < len ? caret : len;
    size_t caret_end = caret + (place->length ? place->length : 1);
    size_t begin = caret > SHOW_BEFORE + 3 ? caret - SHOW_BEFORE : 0;
    size_t end = len > caret + SHOW_AFTER + 3 ? caret + SHOW_AFTER : len;
    while (begin > 0 && begin < caret && show_is_continuation(line[begin]))
        begin++;
    while (end < len && end > caret + 1 && show_is_continuation(line[end]))
        end--;

    struct text under;
    text_init(&under);
    text_printf(out, "        %s", begin ? "..." : "");
    text_printf(&under, "        %s", begin ? "   " : "");
    for (size_t i = begin; i < end;) {
        char rest = i >= caret && i < caret_end ? '~' : ' ';
        i += show_char(out, &under, line + i, end - i, i == caret ? '^' : rest, rest);
    }
    if (place->column && caret >= end)
        text_add(&under, "^", 1);
    text_printf(out, "%s\n", end < len ? "..." : "");
    while (under.len && (under.ptr[under.len - 1] == ' ' || under.ptr[under.len - 1] == '\t'))
        under.len--;
    if (place->column)
        text_printf(out, "%.*s\n", (int)under.len, under.ptr);
    text_fini(&under);
}

// The words of a message may come from the file: they are shown as the line is.
static void show_escaped(struct text *out, const char *str)
{
    struct text under;
    text_init(&under);
    for (size_t len = strlen(str); len > 0;) {
        size_t took = 1;
        if (*str == '\t')
            text_add(out, "\\x09", 4);
        else
            took = show_char(out, &under, str, len, ' ', ' ');
        str += took;
        len -= took;
    }
    text_fini(&under);
}

static void show_message(struct text *out, const struct config_message *message)
{
    const struct config_place *place = &message->place;
    text_printf(out, "%s (%d) : config : ", show_levels[message->level], (int)getpid());
    if (place->file) {
        show_escaped(out, place->file);
        if (place->line)
            text_printf(out, ":%u", place->line);
        if (place->line && place->column)
            text_printf(out, ":%u", place->column);
        text_add(out, ": ", 2);
    }
    show_escaped(out, message->text);
    text_add(out, "\n", 1);
    if (place->text && place->line)
        show_line(out, place);
}

void config_diag_write(const struct config_diag *diag, struct text *out, enum config_level level)
{
    for (const struct config_message *message = diag->first; message; message = message->next) {
        if (message->level >= level)
            show_message(out, message);
    }
    if (!config_diag_failed(diag))
        return;
    text_printf(out, "%s (%d) : config : ", show_levels[CONFIG_ERROR], (int)getpid());
    if (diag->num_errors)
        text_printf(out, "%u error%s in the configuration\n", diag->num_errors, diag->num_errors > 1 ? "s" : "");
    else
        text_printf(out, "%u warning%s in the configuration, and none is allowed (zero-warning)\n", diag->num_warnings,
                    diag->num_warnings > 1 ? "s" : "");
}
