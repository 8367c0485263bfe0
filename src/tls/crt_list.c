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

// Takes a bracket into account. False where it stands in a wrong place.
static bool words_bracket(struct list_words *words, size_t at, char c, bool *in_options)
{
    if (c == ']') {
        if (!*in_options)
            return words_fail(words, at, "']' without a '['");
        *in_options = false;
        words->filters_at = words->num;
        return true;
    }
    if (words->options_at)
        return words_fail(words, at, *in_options ? "'[' within brackets" : "a line has one list of options");
    if (words->num != 1)
        return words_fail(words, at,
                          words->num ? "options must stand before the filters"
                                     : "a line begins with the name of a certificate");
    *in_options = true;
    words->options_at = 1;
    return true;
}

// Cuts `text` into words. Brackets stand by themselves wherever they are: "[alpn h2]", "[ alpn h2 ]". The word before
// is the certificate's; those behind are filters.
static bool words_cut(struct config *config, struct list_words *words, struct slice text)
{
    size_t at = 0;
    bool in_options = false;
    words->args = arena_alloc(config->arena, (text.len / 2 + 1) * sizeof(*words->args));
    while (at < text.len) {
        char c = text.ptr[at];
        if (is_blank(c)) {
            at++;
            continue;
        }
        if (c == '[' || c == ']') {
            if (!words_bracket(words, at++, c, &in_options))
                return false;
            continue;
        }
        size_t end = at;
        while (end < text.len && !is_blank(text.ptr[end]) && text.ptr[end] != '[' && text.ptr[end] != ']')
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
    if (!words->options_at)
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

static bool parse_ocsp_update(struct config *config, void *object, const struct config_word *word,
                              const struct config_line *line)
{
    const char *state = config_arg_at(line, 0)->str;
    (void)object;
    (void)word;
    if (strcmp(state, "off") == 0)
        return true;
    if (strcmp(state, "on") == 0)
        return config_error(config, line, 0, "'ocsp-update on' is not supported: %s", TLS_NO_OCSP_UPDATE);
    static const char *const known[] = { "on", "off" };
    return config_error_unknown(config, line, 0, "state", known, NUM_ITEMS(known));
}

#define FILE_WORD(word, member, text)                                                                                  \
    {                                                                                                                  \
        .name = word, .in = CONFIG_IN_CRT_LIST, .min_args = 1, .max_args = 1, .parse = config_word_str,                \
        .into = offsetof(struct list_line, files.member), .args = "<file>", .help = text, .good = word " www." word,   \
        .bad = word, .bad_says = "is incomplete"                                                                       \
    }

static const struct config_word list_word_table[] = {
    FILE_WORD("crt", crt, "The certificate's file, where the first word of the line is but a name for it."),
    FILE_WORD("key", key, "The file of the private key; a key in the certificate's file does not count then."),
    FILE_WORD("ocsp", ocsp, "An OCSP response in DER that is sent to clients which ask for one."),
    FILE_WORD("issuer", issuer,
              "The certificate of the issuer, to check that the OCSP response is for this certificate."),
    FILE_WORD("sctl", sctl, "Signed certificate timestamps as RFC 6962 section 3.3 has them, for clients that ask."),
    { .name = "ocsp-update",
      .in = CONFIG_IN_CRT_LIST,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_ocsp_update,
      .args = "off",
      .help = "OCSP responses are not fetched: 'off' is all there is.",
      .good = "ocsp-update off",
      .bad = "ocsp-update on",
      .bad_says = "is not supported" },
};
CONFIG_WORDS(list_word_table);

// Options are read as those of a line that ends where they do.
static bool list_options(struct config *config, struct list_line *line, const struct list_words *words,
                         struct config_place place)
{
    struct config_line options = {
        .place = place, .args = words->args, .num_args = words->filters_at, .first = words->options_at
    };
    return config_parse_options(config, line, &options, 0, CONFIG_IN_CRT_LIST);
}

// What stands behind the certificate's name, for those who show it.
static struct slice list_rest(struct config *config, const struct list_words *words)
{
    bool has_options = words->filters_at > words->options_at;
    size_t len = 2;
    for (uint32_t i = 1; i < words->num; i++)
        len += words->args[i].len + 1;
    char *rest = arena_alloc(config->arena, len), *at = rest;
    for (uint32_t i = 1; i < words->num; i++) {
        if (i > 1)
            *at++ = ' ';
        if (has_options && i == words->options_at)
            *at++ = '[';
        memcpy(at, words->args[i].str, words->args[i].len);
        at += words->args[i].len;
        if (has_options && i + 1 == words->filters_at)
            *at++ = ']';
    }
    return slice_of(rest, (size_t)(at - rest));
}

// The same file may be read for several binds; its lines are entered once. The files of a bundle are lines of their
// own, which come and go one by one.
static const struct tls_crt_line *list_line_enter(struct config *config, struct tls_crt_list *list, uint32_t number,
                                                  const char *name, const struct list_words *words)
{
    if (!list)
        return NULL;
    const struct tls_crt_line *there = crt_list_at(list, number, name);
    return there ? there : crt_list_add(list, number, slice_str(name), list_rest(config, words));
}

bool crt_list_line_read(struct config *config, struct tls_entry ***end, struct tls_store *store,
                        struct tls_crt_list *list, struct config_place place, struct slice text)
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
    if (!ok || !certs)
        return false;
    const char *const *filters = list_filters(config, &words);
    uint32_t num_filters = words.num - words.filters_at;
    for (uint32_t i = 0; i < num; i++) {
        struct tls_entry *entry = arena_alloc(config->arena, sizeof(*entry));
        entry->refs = 1;
        entry->line = list_line_enter(config, list, place.line, certs[i]->name, &words);
        entry->cert = certs[i];
        entry->conf = line.conf;
        entry->filters = filters;
        entry->num_filters = num_filters;
        for (uint32_t f = 0; f < num_filters; f++)
            entry->is_default |= strcmp(filters[f], "*") == 0;
        **end = entry;
        *end = &entry->next;
    }
    return true;
}

// Reads the line at `place`, `len` bytes.
static bool list_text_line(struct config *config, struct tls_entry ***end, struct tls_store *store,
                           struct tls_crt_list *list, struct config_place place, size_t len)
{
    struct slice text = slice_trim(slice_of(place.text, len));
    if (!text.len || text.ptr[0] == '#')
        return true;
    if (strlen(place.text) != len) {
        config_diag_add(config->diag, CONFIG_ERROR, place, "a NUL byte in a crt-list");
        return false;
    }
    return crt_list_line_read(config, end, store, list, place, slice_of(place.text, len));
}

static bool list_lines(struct config *config, struct tls_entry **end, struct tls_store *store,
                       struct tls_crt_list *list, struct config_place place, struct slice text)
{
    // Lines are terminated in place, and stay for the sake of the messages.
    char *at = arena_copy(config->arena, text.ptr, text.len), *text_end = at + text.len;
    bool ok = true;
    while (at < text_end) {
        char *feed = memchr(at, '\n', (size_t)(text_end - at));
        char *line_end = feed ? feed : text_end;
        *line_end = '\0';
        size_t len = (size_t)(line_end - at);
        if (len && at[len - 1] == '\r')
            at[--len] = '\0';
        place.line++;
        place.text = at;
        ok &= list_text_line(config, &end, store, list, place, len);
        if (!feed) {
            config_diag_add(config->diag, CONFIG_ERROR, place,
                            "missing line feed after the last line; the file may have been truncated");
            ok = false;
        }
        at = line_end + 1;
    }
    return ok;
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
    while (*entries)
        entries = &(*entries)->next;
    const struct config_place start = { .file = arena_str(config->arena, path) };
    struct tls_crt_list *list = crt_list_enter(store, path, false);
    if (!list)
        list = crt_list_find(store, path);
    bool ok = list_lines(config, entries, store, list, start, slice_of(file.data, file.len));
    cert_file_fini(&file);
    return ok;
}
