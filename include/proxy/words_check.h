// SPDX-License-Identifier: Apache-2.0
// What the files that read the words of health checks share. For src/proxy alone. Runs in the keeper and for -c.
#pragma once

#include "proxy/words.h"

// check_server_default gives what a server has whose line says nothing.
struct check_server_conf check_server_default(void);

// check_list_begin makes `list` the proxy's own: rules it has from its defaults are left behind.
void check_list_begin(struct check_list *list, const struct proxy_conf *proxy);

// check_parse_connect reads the options of `tcp-check connect` and `http-check connect` from argument 1 on.
bool check_parse_connect(struct config *config, struct check_list *list, const struct config_line *line, bool is_http);

// check_parse_expect reads those of `expect`; `is_http`: of http-check.
bool check_parse_expect(struct config *config, struct check_list *list, const struct config_line *line, bool is_http);

// check_parse_send reads those of the forms of `tcp-check send`.
bool check_parse_send(struct config *config, struct check_list *list, const struct config_line *line);

// check_parse_request reads those of `http-check send`.
bool check_parse_request(struct config *config, struct check_list *list, const struct config_line *line);

// check_parse_comment reads `comment`, which is for the steps that follow.
bool check_parse_comment(struct config *config, struct check_list *list, const struct config_line *line);

// check_parse_var reads set-var and its kin.
bool check_parse_var(struct config *config, struct check_list *list, const struct config_line *line);

// check_parse_hex reads `text`, part of argument `index`, as hexadecimal digits.
bool check_parse_hex(struct config *config, struct slice *out, const struct config_line *line, uint32_t index);

// check_rules_finish makes the list of steps that the checks of `proxy` run, and gives its servers what they need for
// it: addresses and TLS. False after reporting what is wrong.
bool check_rules_finish(struct config *config, struct proxy_conf *proxy);

// check_rules_finish_server does what that does for one server that is added later.
bool check_rules_finish_server(struct config *config, struct proxy_conf *proxy, struct server_conf *server);
