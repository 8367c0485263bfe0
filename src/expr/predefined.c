// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "expr/acl.h"

enum { PREDEFINED_MAX_WORDS = 4 };

static const struct {
    const char *name;
    const char *words[PREDEFINED_MAX_WORDS];
} predefined[] = {
    { "FALSE", { "always_false" } },
    { "HTTP", { "req.proto_http" } },
    { "HTTP_1.0", { "req.ver", "1.0" } },
    { "HTTP_1.1", { "req.ver", "1.1" } },
    { "HTTP_2.0", { "req.ver", "2.0" } },
    { "HTTP_3.0", { "req.ver", "3.0" } },
    { "HTTP_CONTENT", { "req.hdr_val(content-length)", "gt", "0" } },
    { "HTTP_URL_ABS", { "url_reg", "^[^/:]*://" } },
    { "HTTP_URL_SLASH", { "url_beg", "/" } },
    { "HTTP_URL_STAR", { "url", "*" } },
    { "LOCALHOST", { "src", "127.0.0.1/8", "::1" } },
    { "METH_CONNECT", { "method", "CONNECT" } },
    { "METH_DELETE", { "method", "DELETE" } },
    { "METH_GET", { "method", "GET", "HEAD" } },
    { "METH_HEAD", { "method", "HEAD" } },
    { "METH_OPTIONS", { "method", "OPTIONS" } },
    { "METH_POST", { "method", "POST" } },
    { "METH_PUT", { "method", "PUT" } },
    { "METH_TRACE", { "method", "TRACE" } },
    { "RDP_COOKIE", { "req.rdp_cookie_cnt", "gt", "0" } },
    { "REQ_CONTENT", { "req.len", "gt", "0" } },
    { "TRUE", { "always_true" } },
    { "WAIT_END", { "wait_end" } },
};

const char *expr_predefined_name(size_t i)
{
    return i < NUM_ITEMS(predefined) ? predefined[i].name : NULL;
}

struct expr_acl *expr_predefined_parse(struct config *config, bool *found, const struct config_line *line,
                                       uint32_t index, const char *name)
{
    size_t i = 0;
    while (i < NUM_ITEMS(predefined) && strcmp(predefined[i].name, name) != 0)
        i++;
    *found = i < NUM_ITEMS(predefined);
    if (!*found)
        return NULL;
    const char *const *words = predefined[i].words;
    struct slice fetch = slice_str(words[0]);
    fetch.len = slice_find(fetch, '(');
    if (!expr_fetch_find(fetch)) {
        config_error(config, line, index, "predefined ACL '%s' needs the fetch '%.*s', which is not supported yet",
                     name, (int)fetch.len, fetch.ptr);
        return NULL;
    }
    struct config_arg args[PREDEFINED_MAX_WORDS] = { 0 };
    struct config_line made = { .place = line->place, .args = args };
    for (; made.num_args < PREDEFINED_MAX_WORDS && words[made.num_args]; made.num_args++)
        args[made.num_args] = (struct config_arg){ .str = words[made.num_args],
                                                   .len = (uint32_t)strlen(words[made.num_args]),
                                                   .column = line->args[line->first + index].column };
    struct expr_test *test = expr_test_parse(config, &made, 0, made.num_args);
    if (!test)
        return NULL;
    struct expr_acl *acl = expr_acl_new(config, predefined[i].name, line->place);
    expr_acl_append(acl, test);
    return acl;
}
