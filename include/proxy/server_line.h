// SPDX-License-Identifier: Apache-2.0
// Server lines at run time (`add server`): the words of the configuration, read by the code that reads the file, in any
// process, long after the rights to open files and to look names up are gone. What needs one of these is refused by
// name. Every process reads the same words to the same end. A server that is read belongs to nobody before it is
// entered; one that was taken out stays readable for a while, as others may be in the middle of a list of servers.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/text.h"
#include "proxy/conf.h"

// What follows `add server <backend>/`: a name, an address and options.
struct proxy_server_line {
    const char *const *args;
    uint32_t num_args;
    uint32_t id; // the number it is to have, 0: as the line says, else the first that is free
};

// proxy_server_line_read makes a server of `line`, which is to be one of `proxy`, in an arena of its own. NULL with the
// reason, a line, in `wrong`.
struct server_conf *proxy_server_line_read(struct program_conf *program, struct proxy_conf *proxy,
                                           const struct proxy_server_line *line, struct text *wrong);

// proxy_server_line_wants says whether `enabled` stands in `line`: that the server is not to begin in maintenance.
bool proxy_server_line_wants(const struct proxy_server_line *line);

// proxy_server_line_help appends the options that such a line may have, a line each.
void proxy_server_line_help(struct text *out);

// proxy_server_enter makes `server`, whose objects on the board are known, the last one of its backend.
void proxy_server_enter(struct program_conf *program, struct server_conf *server);

// proxy_server_leave takes `server` out of its backend; its own `next` still leads on.
void proxy_server_leave(struct server_conf *server);

// proxy_server_free frees a server that was read at run time; NULL is accepted, and those of the file live on.
void proxy_server_free(struct server_conf *server);
