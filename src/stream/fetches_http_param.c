// SPDX-License-Identifier: Apache-2.0
// Fetches of parameters: of the target's query, and of a body that is an URL-encoded form.
#include "stream/body.h"
#include "stream/http_fetch.h"

bool http_fetch_param(struct slice *out, size_t *pos, struct slice params, struct slice name, char delim, bool nocase)
{
    while (*pos < params.len) {
        const char *start = params.ptr + *pos;
        size_t len = 0, left = params.len - *pos;
        while (len < left && start[len] != '&' && start[len] != ';' && start[len] != delim)
            len++;
        *pos += len + 1;
        struct slice param = slice_of(start, len);
        size_t equal = slice_find(param, '=');
        struct slice own = slice_of(start, equal);
        if (equal == len || (name.len && !(nocase ? slice_equal_nocase(own, name) : slice_equal(own, name))))
            continue;
        *out = slice_from(param, equal + 1);
        return true;
    }
    return false;
}

// nocase_arg reads the last argument "i".
static const char *nocase_arg(struct expr_arg *arg)
{
    arg->num = arg->str.ptr && arg->str.len;
    return arg->num && !slice_equal(arg->str, SLICE("i")) ? "the last argument can only be 'i'" : NULL;
}

static const char *prepare_urlp(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config, (void)num;
    if (args[1].str.len > 1)
        return "the delimiter is a single character";
    args[1].num = args[1].str.len ? args[1].str.ptr[0] : '?';
    return nocase_arg(&args[2]);
}

const char *http_fetch_prepare_param(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config, (void)num;
    return nocase_arg(&args[1]);
}

// walk->at[0] is where the next parameter begins, 0 at first.
static bool next_urlp(struct expr_subject *subject, struct slice *out, const struct expr_arg *args,
                      struct expr_walk *walk)
{
    const struct http_head *head = http_fetch_request(subject);
    if (!head)
        return false;
    struct slice target = http_head_target(head);
    size_t pos = (size_t)walk->at[0];
    char delim = (char)args[1].num;
    if (!pos)
        pos = slice_find(target, delim) + 1;
    bool found = http_fetch_param(out, &pos, target, args[0].str, delim, args[2].num);
    walk->at[0] = pos;
    return found;
}

HTTP_FETCH_FN(fetch_urlp)
{
    struct slice value;
    return next_urlp(subject, &value, args, walk) && put_str(out, value);
}

HTTP_FETCH_FN(fetch_urlp_val)
{
    struct slice value;
    return next_urlp(subject, &value, args, walk) && put_val(out, value);
}

HTTP_FETCH_FN(fetch_body_param)
{
    struct slice body, value;
    size_t pos = (size_t)walk->at[0];
    bool complete;
    if (!stream_body_of(subject, &body, &complete))
        return false;
    if (!http_fetch_param(&value, &pos, body, args[0].str, '&', args[1].num))
        return false;
    walk->at[0] = pos;
    return put_str(out, value);
}

#define URLP .args = "[<name>[,<delim>[,i]]]", .max_args = 3, .flags = EXPR_MANY, .prepare = prepare_urlp

static const struct expr_fetch fetches[] = {
    { .name = "urlp",
      URLP,
      .out = EXPR_STR,
      .when = HTTP_FETCH_REQUEST,
      .fetch = fetch_urlp,
      .help = "The value of the first parameter <name>, or of any without a name, as it stands in the target behind "
              "the first '?' or <delim>, up to '&', ';' or <delim>. With i the case of names does not matter. An ACL "
              "tries all of them.",
      .good = "urlp(session) -m found",
      .bad = "urlp(a,&,x)",
      .bad_says = "can only be 'i'" },
    { .name = "urlp_val",
      URLP,
      .out = EXPR_INT,
      .when = HTTP_FETCH_REQUEST,
      .fetch = fetch_urlp_val,
      .help = "The number that the value of urlp begins with, 0 for none.",
      .good = "urlp_val(page) gt 100",
      .bad = "urlp_val(a,&,x)",
      .bad_says = "can only be 'i'" },
    { .name = "req.body_param",
      .args = "[<name>[,i]]",
      .max_args = 2,
      .flags = EXPR_MANY,
      .out = EXPR_STR,
      .when = HTTP_FETCH_REQUEST,
      .prepare = http_fetch_prepare_param,
      .fetch = fetch_body_param,
      .help = "The value of the first parameter <name>, or of any without a name, of a body that is an URL-encoded "
              "form, as far as it is there. With i the case of names does not matter. An ACL tries all of them.",
      .good = "req.body_param(user) root",
      .bad = "req.body_param(a,x)",
      .bad_says = "can only be 'i'" },
    { .name = "url_param", .of = "urlp", .help = "Another name for urlp." },
    HTTP_FETCH_FORMS("urlp", "urlp"),
};
EXPR_FETCHES(fetches);
