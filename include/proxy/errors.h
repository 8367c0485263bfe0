// SPDX-License-Identifier: Apache-2.0
// Error pages: which answer stands for a status that fairlead answers itself. `errorfile`, `errorloc`, `errorfiles` and
// `http-error` lines make a list per proxy, newest first, which a section inherits from its defaults; http-errors
// sections are lists that others name. Made in the keeper, const afterwards. What varies with the request is made by
// the area of streams and kept here unseen.
#pragma once

#include "proxy/conf.h"

// A http-errors section, or a name that waits for one.
struct proxy_errors {
    struct proxy_errors *next;
    const char *name;
    bool is_defined;
    struct errorfile_conf *files;
    struct config_place place; // of the section, or where it was first named
};

// proxy_errors_named gives the http-errors section `name`, which may come later in the files: proxy_conf_finish reports
// at `place` one that never does.
struct proxy_errors *proxy_errors_named(struct config *config, const char *name, struct config_place place);

// proxy_errors_find gives the entry for `status` that holds in `list`, the newest; NULL for none.
const struct errorfile_conf *proxy_errors_find(const struct errorfile_conf *list, uint16_t status);

// proxy_errors_add puts an entry for `status` before all others of `*list` and gives it to be filled.
struct errorfile_conf *proxy_errors_add(struct config *config, struct errorfile_conf **list, uint16_t status);

// proxy_errors_status reads argument `index` as a status that has an error page; false after reporting an error.
bool proxy_errors_status(struct config *config, uint16_t *out, const struct config_line *line, uint32_t index);

// proxy_status_has_page says whether `status` is one of those.
bool proxy_status_has_page(uint16_t status);

// proxy_errors_check reports what the names of http-errors sections have wrong once all files were read.
bool proxy_errors_check(struct config *config, const struct program_conf *program);

// proxy_file_read reads the file that argument `index` names, at most `most` bytes of it, into `*out`, in the arena;
// false after reporting an error. Relative names start from the working directory (flag -C).
bool proxy_file_read(struct config *config, struct slice *out, const struct config_line *line, uint32_t index,
                     size_t most);

// proxy_answer_read reads the file that argument `index` names as a whole HTTP answer; `*out` is NULL for an empty
// file: no answer at all. False after reporting an error.
bool proxy_answer_read(struct config *config, const struct proxy_answer **out, const struct config_line *line,
                       uint32_t index);
