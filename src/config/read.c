// SPDX-License-Identifier: Apache-2.0
// Files and directories become lines.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/check.h"
#include "config/env.h"
#include "config/line.h"

// A configuration larger than this is a mistake, such as a device.
enum { READ_FILE_MAX = 256 * 1024 * 1024 };

void config_init(struct config *config, struct arena *arena, struct config_diag *diag, void *owner)
{
    *config =
        (struct config){ .arena = arena, .diag = diag, .owner = owner, .section_name = "", .env = config_env_new() };
}

void config_init_words(struct config *config, struct arena *arena, struct config_diag *diag, void *owner)
{
    *config =
        (struct config){ .arena = arena, .diag = diag, .owner = owner, .section_name = "", .numeric_hosts = true };
}

void config_fini(struct config *config)
{
    config_env_free(config->env);
    config->env = NULL;
}

static bool read_failed(struct config *config, const char *path, const char *what)
{
    config_diag_add(config->diag, CONFIG_ERROR, (struct config_place){ .file = path }, "%s", what);
    return false;
}

static void read_line(struct config *config, struct config_blocks *blocks, struct config_place place, size_t len)
{
    struct config_line line;
    if (!config_line_split(config, &line, place, len) || line.num_args == 0)
        return;
    bool handled;
    config_block_line(config, blocks, &handled, &line);
    if (!handled)
        config_line_run(config, &line);
}

static void read_lines(struct config *config, const char *name, struct slice text, bool must_end)
{
    struct config_blocks blocks = { .active = true };
    struct config_place place = { .file = arena_str(config->arena, name) };
    // Lines are terminated in place, and stay for the sake of the messages.
    char *at = arena_copy(config->arena, text.ptr, text.len), *end = at + text.len;
    if (slice_begins(text, SLICE("\xef\xbb\xbf"))) {
        read_failed(config, place.file, "the file begins with a byte order mark; please save it as plain UTF-8");
        at += 3;
    }
    while (at < end) {
        char *feed = memchr(at, '\n', (size_t)(end - at));
        char *line_end = feed ? feed : end;
        *line_end = '\0';
        size_t len = (size_t)(line_end - at);
        if (len && at[len - 1] == '\r')
            at[--len] = '\0';
        place.line++;
        place.text = at;
        read_line(config, &blocks, place, len);
        if (!feed && must_end) {
            place.column = (uint32_t)len + 1;
            place.length = 1;
            config_diag_add(config->diag, CONFIG_ERROR, place,
                            "missing line feed after the last line; the file may have been truncated");
        }
        at = line_end + 1;
    }
    config_block_end(config, &blocks);
    config_section_begin(config, NULL, NULL);
}

bool config_read_text(struct config *config, const char *name, struct slice text)
{
    config_words_boot();
    read_lines(config, name, text, false);
    return !config_diag_failed(config->diag);
}

// Manual section 2.3.
static void note_file(struct config *config, const char *path)
{
    static const char name[] = "HAPROXY_CFGFILES";
    const char *before = config->num_files++ ? config_env_get(config->env, slice_str(name)) : NULL;
    config_env_set(config->env, name, before ? arena_printf(config->arena, "%s;%s", before, path) : path, true);
}

static bool read_file(struct config *config, const char *path, int fd)
{
    note_file(config, path);
    struct text text;
    text_init(&text);
    char chunk[16 * 1024];
    ssize_t got;
    do {
        got = read(fd, chunk, sizeof(chunk));
        if (got > 0)
            text_add(&text, chunk, (size_t)got);
    } while ((got > 0 && text.len <= READ_FILE_MAX && !text.failed) || (got < 0 && errno == EINTR));
    if (got < 0)
        read_failed(config, path, arena_printf(config->arena, "cannot be read: %s", strerror(errno)));
    else if (got > 0)
        read_failed(config, path, "is too large for a configuration");
    else
        read_lines(config, path, slice_of(text.ptr, text.len), true);
    text_fini(&text);
    return !config_diag_failed(config->diag);
}

static int read_is_config(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && slice_ends(slice_str(entry->d_name), SLICE(".cfg"));
}

static int read_compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool read_directory(struct config *config, const char *path)
{
    struct dirent **entries;
    int num = scandir(path, &entries, read_is_config, read_compare_names);
    if (num < 0)
        return read_failed(config, path, arena_printf(config->arena, "cannot be read: %s", strerror(errno)));
    for (int i = 0; i < num; i++) {
        const char *file = arena_printf(config->arena, "%s/%s", path, entries[i]->d_name);
        struct stat st;
        // Only files: a directory of such a name is passed over, a link that leads nowhere is an error.
        if (stat(file, &st) != 0 || S_ISREG(st.st_mode))
            config_read_file(config, file);
        free(entries[i]);
    }
    free(entries);
    return !config_diag_failed(config->diag);
}

bool config_read_file(struct config *config, const char *path)
{
    config_words_boot();
    path = arena_str(config->arena, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        read_failed(config, path, arena_printf(config->arena, "cannot be opened: %s", strerror(errno)));
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool ok = S_ISDIR(st.st_mode) ? read_directory(config, path) : read_file(config, path, fd);
    close(fd);
    return ok;
}

bool config_read_end(struct config *config)
{
    bool ok = !config_diag_failed(config->diag);
    if (ok)
        config_env_export(config->env);
    return ok;
}
