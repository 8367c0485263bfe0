// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include "base/check.h"
#include "proxy/answer.h"
#include "proxy/errors.h"
#include "proxy/words.h"

bool proxy_status_has_page(uint16_t status)
{
    static const uint16_t known[] = { 200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414,
                                      421, 422, 425, 429, 431, 500, 501, 502, 503, 504 };
    for (size_t i = 0; i < NUM_ITEMS(known); i++)
        if (known[i] == status)
            return true;
    return false;
}

bool proxy_errors_status(struct config *config, uint16_t *out, const struct config_line *line, uint32_t index)
{
    uint64_t status;
    if (!config_parse_u64(config, &status, line, index, 100, 999))
        return false;
    *out = (uint16_t)status;
    return proxy_status_has_page(*out) ||
           config_error(config, line, index, "there is no error page of status %u", (unsigned)status);
}

struct proxy_errors *proxy_errors_named(struct config *config, const char *name, struct config_place place)
{
    struct proxy_errors **at = &proxy_program(config)->errors;
    for (; *at; at = &(*at)->next)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    *at = arena_alloc(config->arena, sizeof(**at));
    **at = (struct proxy_errors){ .name = arena_str(config->arena, name), .place = place };
    return *at;
}

const struct errorfile_conf *proxy_errors_find(const struct errorfile_conf *list, uint16_t status)
{
    for (; list; list = list->next) {
        const struct errorfile_conf *found = list->status == status ? list : NULL;
        if (list->import && (found || !list->status))
            found = proxy_errors_find(list->import->files, status);
        if (found)
            return found->is_default ? NULL : found;
    }
    return NULL;
}

struct errorfile_conf *proxy_errors_add(struct config *config, struct errorfile_conf **list, uint16_t status)
{
    struct errorfile_conf *file = arena_alloc(config->arena, sizeof(*file));
    *file = (struct errorfile_conf){ .next = *list, .status = status };
    *list = file;
    return file;
}

static bool check_list(struct config *config, const struct proxy_conf *proxy)
{
    for (const struct errorfile_conf *file = proxy->errorfiles; file; file = file->next)
        if (file->import && file->import->is_defined && file->status &&
            !proxy_errors_find(file->import->files, file->status))
            config_diag_add(config->diag, CONFIG_WARNING, file->place,
                            "the http-errors section '%s' has no page of status %u", file->import->name, file->status);
    return true;
}

bool proxy_errors_check(struct config *config, const struct program_conf *program)
{
    bool ok = true;
    for (const struct proxy_errors *errors = program->errors; errors; errors = errors->next) {
        if (errors->is_defined)
            continue;
        config_diag_add(config->diag, CONFIG_ERROR, errors->place, "there is no http-errors section '%s'",
                        errors->name);
        ok = false;
    }
    for (const struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next)
        ok &= check_list(config, proxy);
    return ok;
}

bool proxy_file_read(struct config *config, struct slice *out, const struct config_line *line, uint32_t index,
                     size_t most)
{
    const char *path = config_arg_at(line, index)->str;
    if (path[0] != '/' && config->base_dir)
        path = arena_printf(config->arena, "%s/%s", config->base_dir, path);
    FILE *file = fopen(path, "re");
    if (!file)
        return config_error(config, line, index, "cannot read '%s': %s", path, strerror(errno));
    char *data = arena_alloc(config->arena, most + 1);
    size_t len = fread(data, 1, most + 1, file);
    int error = ferror(file) ? errno : 0;
    (void)fclose(file);
    if (error)
        return config_error(config, line, index, "cannot read '%s': %s", path, strerror(error));
    // As for HAProxy an answer has to fit into a buffer.
    if (len > most)
        return config_error(config, line, index, "'%s' has more than %zu bytes (tune.bufsize)", path, most);
    *out = slice_of(data, len);
    return true;
}

bool proxy_answer_read(struct config *config, const struct proxy_answer **out, const struct config_line *line,
                       uint32_t index)
{
    struct slice data;
    const char *error = NULL;
    *out = NULL;
    if (!proxy_file_read(config, &data, line, index, proxy_program(config)->global.bufsize))
        return false;
    if (data.len && !(*out = proxy_answer_from_file(config->arena, &error, data)))
        return config_error(config, line, index, "'%s' is no HTTP answer: %s", config_arg_at(line, index)->str, error);
    return true;
}
