// SPDX-License-Identifier: Apache-2.0
// Who the client says it is (RFC 7617, RFC 6750), and whether that is so.
#include <openssl/base64.h>
#include "proxy/userlist.h"
#include "stream/http_fetch.h"
#include "stream/stats.h"

struct credentials {
    struct slice scheme;
    struct slice rest;
};

// read_credentials reads "scheme rest" of the field `name` or, with an empty name, the one meant for us.
static bool read_credentials(struct expr_subject *subject, struct credentials *out, struct slice name)
{
    const struct http_head *head = http_fetch_request(subject);
    if (!head)
        return false;
    enum http_field_id id =
        http_fetch_is_proxied(subject->stream) ? HTTP_FIELD_PROXY_AUTHORIZATION : HTTP_FIELD_AUTHORIZATION;
    int at = name.len ? http_head_find_name(head, name, 0) : http_head_find(head, id, 0);
    if (at < 0)
        return false;
    struct slice value = http_field_value(head, (unsigned)at);
    out->scheme = slice_of(value.ptr, slice_find(value, ' '));
    out->rest = slice_trim(slice_from(value, out->scheme.len));
    return out->scheme.len && out->rest.len;
}

bool stream_credentials(struct expr_subject *subject, struct slice *user, struct slice *password)
{
    struct credentials given;
    if (!read_credentials(subject, &given, SLICE("")) || !slice_equal_nocase(given.scheme, SLICE("Basic")))
        return false;
    char *text = expr_scratch_take(&subject->process->scratch, given.rest.len);
    size_t len;
    if (!text ||
        !EVP_DecodeBase64((uint8_t *)text, &len, given.rest.len, (const uint8_t *)given.rest.ptr, given.rest.len))
        return false;
    struct slice pair = slice_of(text, len);
    size_t colon = slice_find(pair, ':');
    if (colon == len)
        return false;
    *user = slice_of(text, colon);
    *password = slice_from(pair, colon + 1);
    return true;
}

static const char *prepare_list(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)num;
    if (!args[0].str.len)
        return "the name of a userlist is missing";
    args[0].data = userlist_named(config, args[0].str);
    return NULL;
}

static void note_group(struct config *config, const struct expr_arg *args, const struct config_line *line,
                       uint32_t index)
{
    userlist_want_group(config, args[0].data, line, index);
}

static const struct userlist_user *check(struct expr_subject *subject, const struct expr_arg *args)
{
    struct slice name, password;
    struct stream *stream = subject->stream;
    struct stream_ctx *ctx = stream->ctx;
    if (!stream_credentials(subject, &name, &password))
        return NULL;
    if (!ctx->checks)
        ctx->checks = userlist_checks_new();
    return userlist_check(ctx->checks, args[0].data, name, password, ctx->loop->now_us);
}

HTTP_FETCH_FN(fetch_auth)
{
    (void)walk;
    return http_fetch_request(subject) && put_bool(out, check(subject, args) != NULL);
}

// An ACL compares with the user's groups; a user without any still counts as found. As a value it is the name.
HTTP_FETCH_FN(fetch_auth_group)
{
    const struct userlist_user *user = http_fetch_request(subject) ? check(subject, args) : NULL;
    if (!user || (walk->nth && walk->nth >= user->num_groups))
        return false;
    if (walk->one)
        return put_str(out, user->name);
    return put_str(out, user->num_groups ? slice_str(user->groups[walk->nth]) : SLICE(""));
}

// Schemes that nothing here can read are not told, nor Basic without what has to follow.
HTTP_FETCH_FN(fetch_auth_type)
{
    struct credentials given;
    struct slice user, password;
    (void)args, (void)walk;
    if (stream_credentials(subject, &user, &password))
        return put_str(out, SLICE("Basic"));
    return read_credentials(subject, &given, SLICE("")) && slice_equal_nocase(given.scheme, SLICE("Bearer")) &&
           put_str(out, SLICE("Bearer"));
}

HTTP_FETCH_FN(fetch_auth_user)
{
    struct slice user, password;
    (void)args, (void)walk;
    return stream_credentials(subject, &user, &password) && put_str(out, user);
}

HTTP_FETCH_FN(fetch_auth_pass)
{
    struct slice user, password;
    (void)args, (void)walk;
    return stream_credentials(subject, &user, &password) && put_str(out, password);
}

HTTP_FETCH_FN(fetch_auth_bearer)
{
    struct credentials given;
    (void)walk;
    return read_credentials(subject, &given, args[0].str) && slice_equal_nocase(given.scheme, SLICE("Bearer")) &&
           put_str(out, given.rest);
}

#define LIST .args = "<userlist>", .min_args = 1, .max_args = 1, .prepare = prepare_list, .bad_says = "takes"

static const struct expr_fetch fetches[] = {
    { .name = "http_auth",
      LIST,
      .out = EXPR_BOOL,
      .when = HTTP_FETCH_REQUEST,
      .fetch = fetch_auth,
      .help = "Whether user and password that the client sent (Basic authentication) are right by the userlist. "
              "Hashed passwords are slow to check: see the section userlist.",
      .good = "http_auth(example_users)",
      .bad = "http_auth" },
    { .name = "http_auth_group",
      LIST,
      .flags = EXPR_MANY,
      .out = EXPR_STR,
      .when = HTTP_FETCH_REQUEST,
      .note_value = note_group,
      .fetch = fetch_auth_group,
      .help = "The user's name where user and password are right by the userlist; an ACL compares its patterns with "
              "the user's groups instead, and each of them must be a group of that list.",
      .good = "http_auth_group(example_users) admins",
      .bad = "http_auth_group" },
    { .name = "http_auth_type",
      .out = EXPR_STR,
      .when = HTTP_FETCH_REQUEST,
      .fetch = fetch_auth_type,
      .help = "The scheme of the authentication that the client sent: Basic or Bearer; unchecked.",
      .good = "http_auth_type Basic" },
    { .name = "http_auth_user",
      .out = EXPR_STR,
      .when = HTTP_FETCH_REQUEST,
      .fetch = fetch_auth_user,
      .help = "The name that the client sent for Basic authentication; unchecked.",
      .good = "http_auth_user scott" },
    { .name = "http_auth_pass",
      .out = EXPR_STR,
      .when = HTTP_FETCH_REQUEST,
      .fetch = fetch_auth_pass,
      .help = "The password that the client sent for Basic authentication; unchecked.",
      .good = "http_auth_pass -m found" },
    { .name = "http_auth_bearer",
      .args = "[<header>]",
      .max_args = 1,
      .out = EXPR_STR,
      .when = HTTP_FETCH_REQUEST,
      .fetch = fetch_auth_bearer,
      .help = "The token that the client sent for Bearer authentication, in Authorization or in the given field; "
              "unchecked.",
      .good = "http_auth_bearer -m found",
      .bad = "http_auth_bearer(a,b)",
      .bad_says = "takes" },
};
EXPR_FETCHES(fetches);
