// SPDX-License-Identifier: Apache-2.0
// Lists of certificates: per line a certificate, options in brackets, filters. Manual section 5.1, crt-list.
#include <stdio.h>
#include <string.h>
#include "base/check.h"
#include "cert_inner.h"
#include "config/word.h"
#include "tls/entry.h"

// What the options of a line are read into; those of TLS itself see the first member alone.
struct list_line {
    struct tls_conf conf;
    struct tls_cert_files files;
};

// A line's words while they are cut.
struct list_words {
    struct config_arg *args;
    uint32_t num;
    uint32_t options_at; // index of the first option
    uint32_t filters_at;
    const char *error;
    size_t error_at;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool words_fail(struct list_words *words, size_t at, const char *error)
{
    words->error = error;
    words->error_at = at;
    return false;
}

// Cuts `text` into words. Brackets stand by themselves wherever they are: "[alpn h2]", "[ alpn h2 ]". The words before
// are the certificate's, one; those behind are filters.
static bool words_cut(struct config *config, struct list_words *words, struct slice text)
{
    size_t at = 0;
    bool in_options = false, had_options = false;
    words->args = arena_alloc(config->arena, (text.len / 2 + 1) * sizeof(*words->args));
    while (at < text.len) {
        char c = text.ptr[at];
        if (is_blank(c)) {
            at++;
            continue;
        }
        if (c == '[') {
            if (had_options)
                return words_fail(words, at, in_options ? "'[' within brackets" : "a line has one list of options");
            if (words->num != 1)
                return words_fail(words, at, words->num ? "options must stand before the filters"
                                                        : "a line begins with the name of a certificate");
            in_options = had_options = true;
            words->options_at = 1;
            at++;
            continue;
        }
        if (c == ']') {
            if (!in_options)
                return words_fail(words, at, "']' without a '['");
            in_options = false;
            words->filters_at = words->num;
            at++;
            continue;
        }
        size_t end = at;
        while (end < text.len && !is_blank(text.ptr[end]) && !(end > at && in_options && text.ptr[end] == ']'))
            end++;
        words->args[words->num++] = (struct config_arg){
            .str = arena_copy(config->arena, text.ptr + at, end - at),
            .len = (uint32_t)(end - at),
            .column = (uint32_t)at + 1,
            .width = (uint32_t)(end - at),
        };
        at = end;
    }
    if (in_options)
        return words_fail(words, text.len, "the list of options is not closed, a ']' is missing");
    if (!had_options)
        words->options_at = words->filters_at = 1;
    return true;
}

static const char *const *list_filters(struct config *config, const struct list_words *words)
{
    const char **filters = arena_alloc(config->arena, (words->num + 1) * sizeof(*filters));
    for (uint32_t i = words->filters_at; i < words->num; i++) {
        char *lower = arena_copy(config->arena, words->args[i].str, words->args[i].len);
        for (char *at = lower; *at; at++)
            *at = slice_lower(*at);
        filters[i - words->filters_at] = lower;
    }
    return filters;
}

// Options are read as those of a line that ends where they do.
static bool list_options(struct config *config, struct list_line *line, const struct list_words *words,
                         struct config_place place)
{
    struct config_line options = {
        .place = place, .args = words->args, .num_args = words->filters_at, .first = words->options_at
    };
    return config_parse_options(config, line, &options, 0, CONFIG_IN_CRT_LIST);
}

static bool list_line_read(struct config *config, struct tls_entry ***end, struct tls_store *store,
                           struct config_place place, struct slice text)
{
    struct list_words words = { 0 };
    struct list_line line = { .conf.place = place };
    if (!words_cut(config, &words, text)) {
        place.column = (uint32_t)words.error_at + 1;
        place.length = 1;
        config_diag_add(config->diag, CONFIG_ERROR, place, "%s", words.error);
        return false;
    }
    if (!words.num)
        return true;
    place.column = words.args[0].column;
    place.length = words.args[0].width;
    line.conf.place = place;
    bool ok = list_options(config, &line, &words, place);
    uint32_t num;
    struct tls_cert **certs = cert_store_get(store, &num, words.args[0].str, &line.files, place);
    const char *const *filters = list_filters(config, &words);
    uint32_t num_filters = words.num - words.filters_at;
    for (uint32_t i = 0; certs && i < num; i++) {
        struct tls_entry *entry = arena_alloc(config->arena, sizeof(*entry));
        entry->cert = certs[i];
        entry->conf = line.conf;
        entry->filters = filters;
        entry->num_filters = num_filters;
        for (uint32_t f = 0; f < num_filters; f++)
            entry->is_default |= strcmp(filters[f], "*") == 0;
        **end = entry;
        *end = &entry->next;
    }
    return ok && certs;
}

bool tls_crt_list_read(struct config *config, struct tls_entry **entries, struct tls_store *store, const char *path,
                       struct config_place place)
{
    struct cert_file file;
    const char *error;
    if (!cert_file_read(&file, &error, path)) {
        config_diag_add(config->diag, CONFIG_ERROR, place, "'%s': the crt-list cannot be read: %s", path, error);
        return false;
    }
    // Lines stay, for the sake of the messages.
    char *at = arena_copy(config->arena, file.data, file.len), *text_end = at + file.len;
    cert_file_fini(&file);
    struct tls_entry **end = entries;
    while (*end)
        end = &(*end)->next;
    struct config_place here = { .file = arena_str(config->arena, path) };
    bool ok = true;
    while (at < text_end) {
        char *feed = memchr(at, '\n', (size_t)(text_end - at));
        char *line_end = feed ? feed : text_end;
        struct slice text = slice_of(at, (size_t)(line_end - at));
        while (text.len && (text.ptr[text.len - 1] == '\r'))
            text.len--;
        at[text.len] = '\0';
        here.line++;
        here.text = at;
        if (at[0] != '#' && !list_line_read(config, &end, store, here, slice_of(at, strlen(at))))
            ok = false;
        at = line_end + 1;
    }
    return ok;
}
