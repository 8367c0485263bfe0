// SPDX-License-Identifier: Apache-2.0
// Lines of crt-lists that come and go.
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "bind_inner.h"
#include "change_inner.h"
#include "config/word.h"
#include "tls/entry.h"

const struct tls_crt_list *tls_change_lists(void)
{
    const struct tls_store *store = cert_store_live();
    return store ? store->lists : NULL;
}

const struct tls_crt_list *tls_change_list_next(const struct tls_crt_list *list)
{
    return list->next;
}

const struct tls_crt_list *tls_change_list(const char *name)
{
    const struct tls_store *store = cert_store_live();
    return store ? crt_list_find(store, name) : NULL;
}

const char *tls_change_list_name(const struct tls_crt_list *list)
{
    return list->name;
}

void tls_change_list_show(struct text *out, const struct tls_crt_list *list, bool numbers)
{
    text_printf(out, "# %s\n", list->name);
    for (const struct tls_crt_line *line = list->lines; line; line = line->next) {
        text_printf(out, "%s", line->name);
        if (numbers)
            text_printf(out, ":%u", line->number);
        text_printf(out, "%s%s\n", *line->rest ? " " : "", line->rest);
    }
}

static bool uses(const struct tls_bind *bind, const struct tls_crt_list *list)
{
    for (const struct tls_source *source = bind->said->sources; source; source = source->next)
        if (source->kind == TLS_SOURCE_LIST ? !list->is_directory && strcmp(source->name, list->name) == 0
                                            : tls_bind_directory(bind->store, source) == list)
            return true;
    return false;
}

// Reads the line for `bind` into an entry that lives in an arena of its own; with `bind` NULL it is but read. NULL
// after appending the reason to `why`.
static struct tls_entry *read_entry(struct tls_store *store, struct tls_bind *bind, struct text *why,
                                    struct tls_crt_list *list, const struct change *change, bool enter)
{
    struct change_reader reader;
    struct tls_entry *entry = NULL, **end = &entry;
    struct arena *arena = malloc(sizeof(*arena));
    if (!arena)
        check_out_of_memory(sizeof(*arena));
    change_reader_init(&reader);
    arena_init(arena);
    reader.config.arena = arena;
    struct config_place place = { .file = arena_str(arena, list->name),
                                  .line = change->number,
                                  .text = arena_copy(arena, change->text.ptr, change->text.len) };
    tls_store_lend(store, &reader.config);
    bool ok = crt_list_line_read(&reader.config, &end, store, enter ? list : NULL, place,
                                 slice_of(place.text, change->text.len));
    if (ok && entry && !entry->next) {
        entry->own = arena;
        ok = !bind || tls_bind_complete_entry(&reader.config, bind, entry);
    } else if (ok) {
        text_printf(why, "a line names one certificate");
        ok = false;
    }
    store->config = NULL;
    if (!ok && why)
        change_reader_tell(&reader, why);
    change_reader_fini(&reader);
    if (ok)
        return entry;
    if (entry && entry->own) {
        tls_entry_release(entry);
    } else {
        arena_fini(arena);
        free(arena);
    }
    return NULL;
}

// Whether the certificate that the line begins with is there, and filled in.
static bool has_cert(struct tls_store *store, struct text *why, struct text *cert, const struct tls_crt_list *list,
                     struct slice line)
{
    char name[1024];
    struct slice word = slice_trim(line);
    word.len = strcspn(word.ptr, " \t[\r\n") < word.len ? strcspn(word.ptr, " \t[\r\n") : word.len;
    if (!word.len || word.len >= sizeof(name)) {
        text_printf(why, "a line begins with the name of a certificate");
        return false;
    }
    memcpy(name, word.ptr, word.len);
    name[word.len] = '\0';
    size_t dir = strlen(list->name);
    if (list->is_directory && (strncmp(name, list->name, dir) != 0 || name[dir] != '/')) {
        text_printf(why, "'%s' is a directory, certificate path '%s' must contain the directory path", list->name,
                    name);
        return false;
    }
    const struct store_item *item = cert_store_find(store, name);
    if (!item && name[0] != '/' && name[0] != '@' && store->conf->crt_base) {
        char full[2048];
        snprintf(full, sizeof(full), "%s/%s", store->conf->crt_base, name);
        item = cert_store_find(store, full);
    }
    text_printf(cert, "%s", item ? item->name : name);
    if (item && item->cert)
        return true;
    text_printf(why, "certificate '%s' %s!", name, item ? "is empty" : "does not exist");
    return false;
}

// What all binds would make of the line, thrown away: one that cannot take it has it refused for all.
static bool try_line(struct tls_store *store, struct text *why, struct tls_crt_list *list, const struct change *change)
{
    struct tls_entry *entry = read_entry(store, NULL, why, list, change, false);
    bool ok = entry;
    tls_entry_release(entry);
    for (struct tls_bind *bind = store->binds; ok && bind; bind = bind->next) {
        if (!uses(bind, list))
            continue;
        entry = read_entry(store, bind, why, list, change, false);
        ok = entry;
        tls_entry_release(entry);
    }
    return ok;
}

uint64_t tls_change_list_add(struct text *why, struct text *cert, const char *name, struct slice line)
{
    struct tls_store *store = cert_store_live();
    struct tls_crt_list *list = store ? crt_list_find(store, name) : NULL;
    while (line.len && strchr("\r\n", line.ptr[line.len - 1]))
        line.len--;
    if (!list) {
        text_printf(why, "crt-list '%s' does not exist!", name);
        return 0;
    }
    if (memchr(line.ptr, '\n', line.len)) {
        text_printf(why, "only one line of payload is supported!");
        return 0;
    }
    struct change change = { .op = CHANGE_LIST_ADD, .name = name, .text = line, .number = list->last_number + 1 };
    if (!has_cert(store, why, cert, list, line) || !try_line(store, why, list, &change))
        return 0;
    return change_publish(&change);
}

static void add(struct tls_store *store, struct tls_crt_list *list, const struct change *change)
{
    // The line itself first: entries point to it.
    struct tls_entry *entry = read_entry(store, NULL, NULL, list, change, true);
    if (!entry)
        return;
    tls_entry_release(entry);
    for (struct tls_bind *bind = store->binds; bind; bind = bind->next) {
        if (!uses(bind, list) || !(entry = read_entry(store, bind, NULL, list, change, true)))
            continue;
        tls_bind_own(bind, entry);
        tls_names_add(bind->names, entry);
    }
}

// ---- the end of a line

// Tells the numbers of the lines of `cert`, "(2, 5)".
static void tell_numbers(struct text *why, const struct tls_crt_list *list, const char *cert)
{
    const char *before = "(";
    for (const struct tls_crt_line *line = list->lines; line; line = line->next)
        if (strcmp(line->name, cert) == 0) {
            text_printf(why, "%s%u", before, line->number);
            before = ", ";
        }
    text_printf(why, ")!");
}

// The binds that would be left without the certificate that is theirs where no other is.
static bool is_default(const struct tls_store *store, struct text *why, const struct tls_crt_line *line)
{
    bool any = false;
    for (const struct tls_bind *bind = store->binds; bind; bind = bind->next)
        for (const struct tls_entry *entry = bind->entries; entry; entry = entry->next) {
            if (entry->line != line || !entry->is_default || bind->said->strict_sni)
                continue;
            if (!any)
                text_printf(why,
                            "certificate '%s' cannot be deleted, it is used as default certificate by the following "
                            "frontends:\n",
                            line->name);
            text_printf(why, "\t- %s:%u\n", bind->base.place.file, bind->base.place.line);
            any = true;
        }
    return any;
}

static const struct tls_crt_line *find_line(struct text *why, struct tls_crt_list *list, const char *cert,
                                            const char *number)
{
    const struct tls_crt_line *found = NULL;
    uint32_t num = 0, wanted = number ? (uint32_t)strtoul(number, NULL, 10) : 0;
    for (const struct tls_crt_line *line = list->lines; line; line = line->next)
        if (strcmp(line->name, cert) == 0) {
            num++;
            if (!number || line->number == wanted)
                found = line;
        }
    if (!num) {
        text_printf(why, "certificate '%s' can't be found in crt-list '%s'!", cert, list->name);
    } else if (!number && num > 1) {
        text_printf(why,
                    "found the certificate '%s' in several entries, please specify a line number preceded by colons ",
                    cert);
        tell_numbers(why, list, cert);
        return NULL;
    } else if (!found) {
        text_printf(why,
                    "found a certificate '%s' but the line number is incorrect, please specify a correct line number "
                    "preceded by colons ",
                    cert);
        tell_numbers(why, list, cert);
    }
    return found;
}

uint64_t tls_change_list_del(struct text *why, struct text *cert, const char *name, const char *entry)
{
    struct tls_store *store = cert_store_live();
    struct tls_crt_list *list = store ? crt_list_find(store, name) : NULL;
    const char *colon = strrchr(entry, ':');
    bool has_number = colon && colon[1] && colon[1 + strspn(colon + 1, "0123456789")] == '\0';
    char file[1024];
    snprintf(file, sizeof(file), "%.*s", has_number ? (int)(colon - entry) : (int)strlen(entry), entry);
    if (!list) {
        text_printf(why, "crt-list '%s' does not exist!", name);
        return 0;
    }
    if (!cert_store_find(store, file) && !crt_list_of(list, file)) {
        text_printf(why, "certificate '%s' does not exist!", file);
        return 0;
    }
    text_printf(cert, "%s", file);
    const struct tls_crt_line *line = find_line(why, list, file, has_number ? colon + 1 : NULL);
    if (!line || is_default(store, why, line))
        return 0;
    struct change change = {
        .op = CHANGE_LIST_DEL, .name = name, .text = slice_str(line->name), .number = line->number
    };
    return change_publish(&change);
}

static void cut_entry(struct tls_entry *entry)
{
    tls_names_cut(entry->bind->names, entry);
    tls_bind_disown(entry);
    entry->line = NULL;
    tls_entry_release(entry);
}

// The entries of a line that have this certificate.
static bool cut_users(const struct tls_cert *cert, const struct tls_crt_line *line)
{
    bool any = false;
    for (struct tls_entry *entry = cert->users, *next; entry; entry = next) {
        next = entry->next_user;
        if (entry->line != line)
            continue;
        cut_entry(entry);
        any = true;
    }
    return any;
}

// Entries that have the certificate of their line are found by it: few, however many others there are.
static void cut_entries(struct tls_store *store, const struct tls_crt_line *line)
{
    const struct store_item *item = cert_store_find(store, line->name);
    if (item && item->cert && cut_users(item->cert, line))
        return;
    for (struct tls_bind *bind = store->binds; bind; bind = bind->next)
        for (struct tls_entry *entry = bind->entries, *next; entry; entry = next) {
            next = entry->next;
            if (entry->line == line)
                cut_entry(entry);
        }
}

static void del(struct tls_store *store, struct tls_crt_list *list, const struct change *change)
{
    struct tls_crt_line *line = list->lines;
    while (line && (line->number != change->number || !slice_equal(slice_str(line->name), change->text)))
        line = line->next;
    if (!line)
        return;
    cut_entries(store, line);
    crt_list_cut(list, line);
}

void change_list_apply(struct tls_store *store, const struct change *change)
{
    struct tls_crt_list *list = crt_list_find(store, change->name);
    if (list && change->op == CHANGE_LIST_ADD)
        add(store, list, change);
    else if (list)
        del(store, list, change);
}
