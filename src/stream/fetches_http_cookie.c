// SPDX-License-Identifier: Apache-2.0
// Fetches of cookies: pairs of Cookie fields, the first pair of each Set-Cookie field (RFC 6265). Quotes belong to the
// value; a pair without '=' is none.
#include "stream/http_fetch.h"

// pair_end gives where the pair ends that begins at the start of `rest`: at ';' or ',' outside of quotes.
static size_t pair_end(struct slice rest)
{
    bool quoted = false;
    for (size_t i = 0; i < rest.len; i++) {
        char c = rest.ptr[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if ((c == ';' || c == ',') && !quoted)
            return i;
    }
    return rest.len;
}

// next_pair gives the next cookie; walk->at as in fields: index + 1, and the offset that comes next.
static bool next_pair(const struct http_head *head, struct slice *name, struct slice *value, struct expr_walk *walk)
{
    enum http_field_id id = head->is_response ? HTTP_FIELD_SET_COOKIE : HTTP_FIELD_COOKIE;
    unsigned at = (unsigned)walk->at[0];
    size_t pos = (size_t)walk->at[1];
    if (!at)
        at = (unsigned)(http_head_find(head, id, 0) + 1);
    while (at) {
        struct slice field = http_field_value(head, at - 1);
        while (pos < field.len) {
            struct slice rest = slice_from(field, pos);
            struct slice pair = slice_of(rest.ptr, pair_end(rest));
            pos = head->is_response ? field.len : pos + pair.len + 1;
            size_t equal = slice_find(pair, '=');
            if (equal == pair.len)
                continue;
            *name = slice_trim(slice_of(pair.ptr, equal));
            // "$Version" and its like speak of the cookies beside them (RFC 2965 section 3.3.4).
            if (name->len && name->ptr[0] == '$' && !head->is_response)
                continue;
            *value = slice_trim(slice_from(pair, equal + 1));
            walk->at[0] = at;
            walk->at[1] = pos;
            return true;
        }
        at = (unsigned)(http_head_find(head, id, at) + 1);
        pos = 0;
    }
    return false;
}

static bool next_named(const struct http_head *head, struct slice *value, const struct expr_arg *wanted,
                       struct expr_walk *walk)
{
    struct slice name;
    while (next_pair(head, &name, value, walk))
        if (!wanted->str.len || slice_equal(name, wanted->str))
            return true;
    return false;
}

// An ACL tries all; elsewhere it is the last of that name or, without a name, the first.
static bool pick(const struct http_head *head, struct slice *out, const struct expr_arg *args, struct expr_walk *walk)
{
    bool found = next_named(head, out, args, walk);
    if (!walk->one || !args[0].str.len)
        return found;
    for (struct slice value; next_named(head, &value, args, walk);)
        *out = value;
    return found;
}

HTTP_FETCH_SIDE_FN(cook)
{
    struct slice value;
    (void)subject;
    return pick(head, &value, args, walk) && put_str(out, value);
}
HTTP_FETCH_SIDES(cook)

HTTP_FETCH_FN(any_cook)
{
    const struct http_head *head = http_fetch_either(subject);
    return head && cook(head, subject, out, args, walk);
}

HTTP_FETCH_SIDE_FN(cook_val)
{
    struct slice value;
    (void)subject;
    return pick(head, &value, args, walk) && put_val(out, value);
}
HTTP_FETCH_SIDES(cook_val)

HTTP_FETCH_SIDE_FN(cook_cnt)
{
    struct expr_walk own = { 0 };
    struct slice value;
    int64_t num = 0;
    (void)subject, (void)walk;
    while (next_named(head, &value, args, &own))
        num++;
    return put_int(out, num);
}
HTTP_FETCH_SIDES(cook_cnt)

static const char *prepare_delimiter(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config;
    args[0].num = num && args[0].str.len ? args[0].str.ptr[0] : ',';
    return num && !args[0].str.len ? "the delimiter is empty" : NULL;
}

HTTP_FETCH_SIDE_FN(cook_names)
{
    struct expr_walk own = { 0 };
    struct slice name, value;
    size_t cap, len = 0;
    char *text = expr_scratch_rest(&subject->process->scratch, &cap);
    bool first = true;
    (void)walk;
    for (; next_pair(head, &name, &value, &own); first = false) {
        if (name.len + !first > cap - len)
            return false;
        if (!first)
            text[len++] = (char)args[0].num;
        if (name.len)
            memcpy(text + len, name.ptr, name.len);
        len += name.len;
    }
    return !first && expr_scratch_take(&subject->process->scratch, len) && put_str(out, slice_of(text, len));
}
HTTP_FETCH_SIDES(cook_names)

#define NAME      .args = "[<name>]", .max_args = 1, .bad_says = "takes"
#define DELIMITER .args = "[<delim>]", .max_args = 1, .prepare = prepare_delimiter, .bad_says = "is empty"
#define REQUEST   .when = HTTP_FETCH_REQUEST
#define RESPONSE  .when = HTTP_FETCH_ANSWER

static const struct expr_fetch fetches[] = {
    { .name = "cookie",
      NAME,
      .flags = EXPR_MANY,
      .out = EXPR_STR,
      .when = HTTP_FETCH_EITHER,
      .fetch = any_cook,
      .help = "res.cook where an answer is looked at, else req.cook.",
      .good = "cookie(theme) dark",
      .bad = "cookie(a,b)" },
    { .name = "req.cook",
      NAME,
      .flags = EXPR_MANY,
      .out = EXPR_STR,
      REQUEST,
      .fetch = req_cook,
      .help = "The values of the cookies of that name. An ACL tries all of them, elsewhere it is the last; without a "
              "name it is the first cookie of all.",
      .good = "req.cook(theme) dark",
      .bad = "req.cook(a,b)" },
    { .name = "res.cook",
      NAME,
      .flags = EXPR_MANY,
      .out = EXPR_STR,
      RESPONSE,
      .fetch = res_cook,
      .help = "The values that the answer sets the cookie to, as req.cook.",
      .good = "res.cook(theme) dark",
      .bad = "res.cook(a,b)" },
    { .name = "req.cook_cnt",
      NAME,
      .out = EXPR_INT,
      REQUEST,
      .fetch = req_cook_cnt,
      .help = "How many cookies of that name, or of any without one, the request has.",
      .good = "req.cook_cnt(id) gt 1",
      .bad = "req.cook_cnt(a,b)" },
    { .name = "res.cook_cnt",
      NAME,
      .out = EXPR_INT,
      RESPONSE,
      .fetch = res_cook_cnt,
      .help = "How many cookies of that name, or of any without one, the answer sets.",
      .good = "res.cook_cnt(id) gt 1",
      .bad = "res.cook_cnt(a,b)" },
    { .name = "req.cook_val",
      NAME,
      .flags = EXPR_MANY,
      .out = EXPR_INT,
      REQUEST,
      .fetch = req_cook_val,
      .help = "The numbers that the values of req.cook begin with, 0 for none.",
      .good = "req.cook_val(visits) gt 10",
      .bad = "req.cook_val(a,b)" },
    { .name = "res.cook_val",
      NAME,
      .flags = EXPR_MANY,
      .out = EXPR_INT,
      RESPONSE,
      .fetch = res_cook_val,
      .help = "The numbers that the values of res.cook begin with, 0 for none.",
      .good = "res.cook_val(visits) gt 10",
      .bad = "res.cook_val(a,b)" },
    { .name = "req.cook_names",
      DELIMITER,
      .out = EXPR_STR,
      REQUEST,
      .fetch = req_cook_names,
      .help = "The names of all cookies, a comma or the delimiter between them.",
      .good = "req.cook_names -m sub session",
      .bad = "req.cook_names(\"\")" },
    { .name = "res.cook_names",
      DELIMITER,
      .out = EXPR_STR,
      RESPONSE,
      .fetch = res_cook_names,
      .help = "The names of all cookies that the answer sets, as req.cook_names.",
      .good = "res.cook_names -m sub session",
      .bad = "res.cook_names(\"\")" },
    { .name = "cook", .of = "req.cook", .help = "Another name for req.cook." },
    { .name = "cook_cnt", .of = "req.cook_cnt", .help = "Another name for req.cook_cnt." },
    { .name = "cook_val", .of = "req.cook_val", .help = "Another name for req.cook_val." },
    { .name = "scook", .of = "res.cook", .help = "Another name for res.cook." },
    { .name = "scook_cnt", .of = "res.cook_cnt", .help = "Another name for res.cook_cnt." },
    { .name = "scook_val", .of = "res.cook_val", .help = "Another name for res.cook_val." },
    { .name = "set-cookie", .of = "res.cook", .help = "Another name for res.cook." },
    HTTP_FETCH_FORMS("req.cook", "cook"),
    HTTP_FETCH_FORMS("req.cook", "req.cook"),
    HTTP_FETCH_FORMS("res.cook", "res.cook"),
    HTTP_FETCH_FORMS("res.cook", "scook"),
};
EXPR_FETCHES(fetches);
