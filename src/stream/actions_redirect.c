// SPDX-License-Identifier: Apache-2.0
// Redirections (manual section 4.2, "redirect").
#include <stdlib.h>
#include "expr/cond.h"
#include "proxy/words.h"
#include "stream/rewrite.h"

enum redirect_kind { REDIRECT_NONE, REDIRECT_LOCATION, REDIRECT_PREFIX, REDIRECT_SCHEME };

struct redirect {
    enum redirect_kind kind;
    uint16_t code;
    bool drop_query;
    bool keep_query;
    bool append_slash;
    bool ignore_empty;
    bool is_root; // "prefix /": nothing stands before the path
    struct stream_text text;
    const struct expr_format *cookie; // NULL: a constant one, or none
    const struct proxy_answer *base;  // what is constant: all of it but Location and a cookie that varies
    const struct proxy_answer *whole; // all of it, where nothing varies
};

struct parts {
    struct rule *rule;
    struct redirect *redirect;
    const char *cookie; // as it goes into the field
    bool is_line;       // "redirect ...": texts are taken as they are
};

static const struct config_arg *need(struct config *config, const struct config_line *line, uint32_t index)
{
    return stream_arg_need(config, line, index, config_arg_at(line, index - 1)->str, "a value");
}

static bool parse_target(struct config *config, struct parts *parts, const struct config_line *line, uint32_t index,
                         enum redirect_kind kind)
{
    struct redirect *redirect = parts->redirect;
    const struct config_arg *arg = need(config, line, index + 1);
    if (!arg)
        return false;
    if (redirect->kind)
        return config_error(config, line, index, "only one of 'location', 'prefix' and 'scheme' may be given");
    if (kind != REDIRECT_LOCATION && parts->rule->ruleset != RULE_HTTP_REQUEST)
        return config_error(config, line, index, "an answer can only be redirected by 'location'");
    redirect->kind = kind;
    redirect->is_root = kind == REDIRECT_PREFIX && strcmp(arg->str, "/") == 0;
    if (!parts->is_line)
        return stream_text_parse(config, &redirect->text, parts->rule, line, index + 1, STREAM_TEXT_VALUE);
    redirect->text.constant = slice_of(arg->str, arg->len);
    return !strpbrk(arg->str, "\r\n") ||
           config_error(config, line, index + 1, "a location cannot hold the end of a line");
}

static bool parse_code(struct config *config, struct parts *parts, const struct config_line *line, uint32_t index)
{
    static const char *const known[] = { "301", "302", "303", "307", "308" };
    const struct config_arg *arg = need(config, line, index + 1);
    if (!arg)
        return false;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(arg->str, known[i]) == 0) {
            parts->redirect->code = (uint16_t)atoi(known[i]);
            return true;
        }
    }
    return config_error(config, line, index + 1, "a redirection has the code 301, 302, 303, 307 or 308, not '%s'",
                        arg->str);
}

static bool parse_cookie(struct config *config, struct parts *parts, const struct config_line *line, uint32_t index)
{
    const char *word = config_arg_at(line, index)->str;
    const struct config_arg *arg = need(config, line, index + 1);
    if (!arg)
        return false;
    if (strpbrk(arg->str, "\r\n"))
        return config_error(config, line, index + 1, "a cookie cannot hold the end of a line");
    parts->cookie =
        arena_printf(config->arena, "%s; path=/;%s", arg->str, strcmp(word, "clear-cookie") == 0 ? " Max-Age=0;" : "");
    if (strcmp(word, "set-cookie-fmt") != 0)
        return true;
    const struct expr_format *format =
        expr_format_text(config, line, index + 1, slice_str(parts->cookie), EXPR_FORMAT_TEXT, parts->rule->when);
    struct slice constant = format ? expr_format_const(format) : (struct slice){ 0 };
    parts->cookie = constant.ptr ? arena_copy(config->arena, constant.ptr, constant.len) : NULL;
    parts->redirect->cookie = constant.ptr ? NULL : format;
    return format != NULL;
}

static bool parse_word(struct config *config, struct parts *parts, const struct config_line *line, uint32_t *index)
{
    static const char *const known[] = { "location",     "prefix",       "scheme",        "code",
                                         "set-cookie",   "clear-cookie", "drop-query",    "keep-query",
                                         "append-slash", "ignore-empty", "set-cookie-fmt" };
    struct redirect *redirect = parts->redirect;
    const char *word = config_arg_at(line, *index)->str;
    bool *flag = strcmp(word, "drop-query") == 0     ? &redirect->drop_query
                 : strcmp(word, "keep-query") == 0   ? &redirect->keep_query
                 : strcmp(word, "append-slash") == 0 ? &redirect->append_slash
                 : strcmp(word, "ignore-empty") == 0 ? &redirect->ignore_empty
                                                     : NULL;
    uint32_t at = *index;
    *index += flag ? 1 : 2;
    if (flag)
        return *flag = true;
    if (strcmp(word, "location") == 0)
        return parse_target(config, parts, line, at, REDIRECT_LOCATION);
    if (strcmp(word, "prefix") == 0)
        return parse_target(config, parts, line, at, REDIRECT_PREFIX);
    if (strcmp(word, "scheme") == 0)
        return parse_target(config, parts, line, at, REDIRECT_SCHEME);
    if (strcmp(word, "code") == 0)
        return parse_code(config, parts, line, at);
    if (strcmp(word, "set-cookie") == 0 || strcmp(word, "clear-cookie") == 0 || strcmp(word, "set-cookie-fmt") == 0)
        return parse_cookie(config, parts, line, at);
    return config_error_unknown(config, line, at, "argument of a redirection", known, sizeof(known) / sizeof(known[0]));
}

// Browsers would keep a temporary redirection otherwise.
static bool make_answers(struct config *config, const struct parts *parts, const struct config_line *line)
{
    struct redirect *redirect = parts->redirect;
    bool ok = true, is_lasting = redirect->code == 301 || redirect->code == 308;
    const char *fields = is_lasting ? "" : "cache-control: no-cache\r\n";
    if (parts->cookie)
        fields = arena_printf(config->arena, "%sset-cookie: %s\r\n", fields, parts->cookie);
    redirect->base = proxy_answer_new(config->arena, &ok, redirect->code, NULL, fields, SLICE(""));
    if (ok && redirect->kind == REDIRECT_LOCATION && !redirect->keep_query && !redirect->cookie &&
        redirect->text.constant.ptr) {
        fields = arena_printf(config->arena, "location: %.*s\r\n%s", (int)redirect->text.constant.len,
                              redirect->text.constant.ptr, fields);
        redirect->whole = proxy_answer_new(config->arena, &ok, redirect->code, NULL, fields, SLICE(""));
    }
    return ok || config_error(config, line, 0, "the fields of this redirection hold a control character");
}

static bool parse_redirect(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                           uint32_t *next)
{
    struct redirect *redirect = arena_alloc(config->arena, sizeof(*redirect));
    // The word "redirect" on a line of its own is the action, too.
    struct parts parts = { .rule = rule, .redirect = redirect, .is_line = line->first == 0 };
    rule->data = redirect;
    redirect->code = 302;
    while (config_arg_at(line, index) && !expr_is_cond(line, index))
        if (!parse_word(config, &parts, line, &index))
            return false;
    *next = index;
    if (!redirect->kind)
        return config_error(config, line, index, "'redirect' needs a 'location', 'prefix' or 'scheme'");
    return make_answers(config, &parts, line);
}

// A location is put together in the room that the scratch has left.
struct out {
    char *mem;
    size_t len;
    size_t cap;
    bool full;
};

static void put(struct out *out, struct slice text)
{
    if (out->full || text.len > out->cap - out->len) {
        out->full = true;
        return;
    }
    if (text.len)
        memcpy(out->mem + out->len, text.ptr, text.len);
    out->len += text.len;
}

static void put_path(struct out *out, const struct redirect *redirect, const struct http_head *head)
{
    struct slice path = head ? http_head_path(head) : SLICE(""), query = head ? http_head_query(head) : SLICE("");
    path = path.len ? path : SLICE("/");
    put(out, path);
    if (redirect->drop_query) {
        if (redirect->append_slash && path.ptr[path.len - 1] != '/')
            put(out, SLICE("/"));
    } else if (head && query.ptr) {
        put(out, SLICE("?"));
        put(out, query);
    }
}

static void put_query(struct out *out, const struct http_head *head)
{
    struct slice query = http_head_query(head);
    if (!query.len)
        return;
    put(out, memchr(out->mem, '?', out->len) ? SLICE("&") : SLICE("?"));
    put(out, query);
}

static void put_location(struct out *out, const struct redirect *redirect, const struct stream *stream,
                         struct slice text)
{
    const struct http_head *request = stream->head_valid ? &stream->request : NULL;
    int host = request ? http_head_find(request, HTTP_FIELD_HOST, 0) : -1;
    if (!redirect->is_root)
        put(out, text);
    switch (redirect->kind) {
    case REDIRECT_SCHEME:
        put(out, SLICE("://"));
        if (host >= 0)
            put(out, http_field_value(request, (unsigned)host));
        put_path(out, redirect, request);
        break;
    case REDIRECT_PREFIX:
        put_path(out, redirect, request);
        break;
    default:
        if (redirect->keep_query && request)
            put_query(out, request);
        break;
    }
}

static bool make(struct expr_subject *subject, const struct redirect *redirect, struct slice text)
{
    struct stream *stream = stream_of(subject);
    struct expr_scratch *scratch = &subject->process->scratch;
    struct out out = { 0 };
    struct slice cookie = { 0 };
    if (redirect->cookie) {
        cookie = expr_format_make(redirect->cookie, subject);
        if (!cookie.ptr)
            return false;
    }
    out.mem = expr_scratch_rest(scratch, &out.cap);
    put_location(&out, redirect, stream, text);
    struct proxy_answer *answer = out.full ? NULL : stream_reply_copy(stream, redirect->base);
    return answer && http_head_add(&answer->head, SLICE("location"), slice_of(out.mem, out.len)) &&
           (!cookie.ptr || http_head_add(&answer->head, SLICE("set-cookie"), cookie));
}

static enum rule_verdict run_redirect(struct expr_subject *subject, const struct rule *rule)
{
    const struct redirect *redirect = rule->data;
    struct stream *stream = stream_of(subject);
    stream->service = NULL;
    stream->answer = redirect->whole;
    if (redirect->whole)
        return RULE_ANSWERED;
    struct slice text = stream_text_make(&redirect->text, subject);
    if (!text.ptr)
        return RULE_ERROR;
    if (redirect->ignore_empty && redirect->kind == REDIRECT_LOCATION && !text.len)
        return RULE_NEXT;
    return make(subject, redirect, text) ? RULE_ANSWERED : RULE_ERROR;
}

// The word itself is the action of a rule that is run after those of http-request.
static bool parse_line(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    struct config_line whole = *line;
    (void)word;
    whole.first--;
    return rule_parse(config, &proxy->rules[PROXY_RULES_REDIRECT], &whole, 0, RULE_HTTP_REQUEST, &proxy->acls,
                      EXPR_FROM_REQUEST_HEAD) != NULL;
}

static const struct config_word words[] = {
    { .name = "redirect",
      .in = CONFIG_IN_FRONTEND | CONFIG_IN_BACKEND | CONFIG_IN_LISTEN,
      .min_args = 2,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_line,
      .args = "{ location | prefix | scheme } <value> [<option>...] [{ if | unless } <condition>]",
      .help =
          "As 'http-request redirect', but run after all http-request rules of the section, and with texts that are "
          "taken as they stand.",
      .good = "redirect prefix https://www.example.com if { path_beg /old }",
      .bad = "redirect location / code 305",
      .bad_says = "not '305'" },
};
CONFIG_WORDS(words);

static const struct rule_action actions[] = {
    { .name = "redirect",
      .flags = RULE_FINAL,
      .in = RULE_HTTP_REQUEST | RULE_HTTP_RESPONSE,
      .parse = parse_redirect,
      .run = run_redirect,
      .args = "{ location <loc> | prefix <pfx> | scheme <sch> } [code <code>] [drop-query] [keep-query] "
              "[append-slash] [ignore-empty] [{ set-cookie | clear-cookie } <name>[=<value>]] [set-cookie-fmt <fmt>]",
      .help = "Sends the client elsewhere: to <loc>, to <pfx> followed by path and query, or to the same host and path "
              "by the scheme <sch>. The code is 301, 302 (the default), 303, 307 or 308. drop-query leaves the query "
              "out, append-slash then ends the path with '/', keep-query adds the query to a location, ignore-empty "
              "skips the rule where the location is empty. Texts are formats but on a line that begins with "
              "'redirect'. An answer of a server can only be replaced by 'location'.",
      .good = "http-request redirect scheme https code 301",
      .bad = "http-request redirect location / code 305",
      .bad_says = "not '305'" },
};
RULE_ACTIONS(actions);
