// SPDX-License-Identifier: Apache-2.0
// The arguments that return, deny, tarpit and http-error share (manual section 4.4, "return").
#include "base/check.h"
#include "expr/cond.h"
#include "proxy/errors.h"
#include "proxy/words.h"
#include "stream/act.h"
#include "stream/rewrite.h"

struct parts {
    const struct stream_reply_kind *kind;
    uint16_t status; // 0: not given
    uint32_t status_at;
    bool deny_status;
    const struct config_arg *content_type;
    const struct config_arg *body; // the word that says where it comes from
    uint32_t body_at;              // of its value
    struct stream_reply_field *fields;
    struct stream_reply_field **last_field;
    uint32_t fields_at;
    bool varies;
    bool close;
};

static const struct config_arg *need(struct config *config, const struct config_line *line, uint32_t index,
                                     const char *what)
{
    return stream_arg_need(config, line, index, config_arg_at(line, index - 1)->str, what);
}

// What fairlead writes itself, to fit the answer and the connection, is left out; the wish to close is honoured.
static bool is_ours(struct config *config, struct parts *parts, const struct config_line *line, uint32_t index,
                    struct slice name)
{
    switch (http_field_id_of(name)) {
    case HTTP_FIELD_CONNECTION:
        parts->close = parts->close || strcmp(config_arg_at(line, index + 1)->str, "close") == 0;
        return true;
    case HTTP_FIELD_CONTENT_LENGTH:
    case HTTP_FIELD_TRANSFER_ENCODING:
    case HTTP_FIELD_KEEP_ALIVE:
    case HTTP_FIELD_PROXY_CONNECTION:
    case HTTP_FIELD_TE:
        config_warning(config, line, index, "'%s' is ignored here: it is always written as the answer needs it",
                       config_arg_at(line, index)->str);
        return true;
    default:
        return false;
    }
}

static bool parse_field(struct config *config, struct parts *parts, const struct config_line *line, uint32_t index)
{
    struct slice name = stream_name_parse(config, line, index, "hdr");
    if (!name.ptr || !need(config, line, index + 1, "the value of the header field"))
        return false;
    const struct expr_format *value = expr_format_parse(config, line, index + 1, EXPR_FORMAT_TEXT, parts->kind->when);
    if (!value)
        return false;
    struct slice constant = expr_format_const(value);
    if (constant.ptr && (memchr(constant.ptr, '\r', constant.len) || memchr(constant.ptr, '\n', constant.len)))
        return config_error(config, line, index + 1, "a header field cannot hold the end of a line");
    parts->fields_at = index;
    if (is_ours(config, parts, line, index, name))
        return true;
    struct stream_reply_field *field = arena_alloc(config->arena, sizeof(*field));
    *field = (struct stream_reply_field){ .name = name, .value = value };
    *parts->last_field = field;
    parts->last_field = &field->next;
    parts->varies |= !constant.ptr;
    return true;
}

static bool parse_status(struct config *config, struct parts *parts, const struct config_line *line, uint32_t index)
{
    uint64_t status;
    if (!need(config, line, index, "a status") || !config_parse_u64(config, &status, line, index, 200, 599))
        return false;
    parts->status = (uint16_t)status;
    parts->status_at = index;
    return true;
}

static bool parse_body(struct config *config, struct parts *parts, const struct config_line *line, uint32_t index)
{
    const struct config_arg *word = config_arg_at(line, index);
    bool alone = strcmp(word->str, "default-errorfiles") == 0;
    if (parts->body)
        return config_error(config, line, index, "unexpected '%s' after '%s': an answer has one source", word->str,
                            parts->body->str);
    parts->body = word;
    parts->body_at = index + 1;
    return alone || need(config, line, index + 1, strstr(word->str, "file") ? "a name" : "a text");
}

// Reads the word at `*index` and leaves `*index` behind what belongs to it.
static bool parse_word(struct config *config, struct parts *parts, const struct config_line *line, uint32_t *index)
{
    static const char *const known[] = { "status",    "content-type", "default-errorfiles",
                                         "errorfile", "errorfiles",   "file",
                                         "lf-file",   "string",       "lf-string",
                                         "hdr",       "deny_status" };
    const char *word = config_arg_at(line, *index)->str;
    uint32_t at = *index;
    *index += 2;
    if (strcmp(word, "status") == 0)
        return parse_status(config, parts, line, at + 1);
    if (strcmp(word, "deny_status") == 0 && parts->kind->is_deny)
        return (parts->deny_status = true) && parse_status(config, parts, line, at + 1);
    if (strcmp(word, "content-type") == 0)
        return (parts->content_type = need(config, line, at + 1, "a media type")) != NULL;
    if (strcmp(word, "hdr") == 0) {
        *index = at + 3;
        return need(config, line, at + 1, "a name and a value") && parse_field(config, parts, line, at + 1);
    }
    for (size_t i = 2; i < 9; i++) {
        if (strcmp(word, known[i]) == 0) {
            *index = i == 2 ? at + 1 : at + 2;
            return parse_body(config, parts, line, at);
        }
    }
    return config_error_unknown(config, line, at, arena_printf(config->arena, "argument of '%s'", parts->kind->action),
                                known, NUM_ITEMS(known) - !parts->kind->is_deny);
}

// An answer that stands in a file or an error page: what else was said about it has no effect.
static void warn_ignored(struct config *config, const struct parts *parts, const struct config_line *line)
{
    if (parts->content_type)
        config_warning(config, line, 0, "the content type '%s' is ignored: the answer %s", parts->content_type->str,
                       parts->body ? "brings its own" : "has no body");
    if (parts->fields_at && parts->body)
        config_warning(config, line, parts->fields_at, "'hdr' is ignored: the answer is whole already");
}

static bool set_page(struct config *config, const struct parts *parts, struct stream_reply *reply,
                     const struct config_line *line)
{
    const char *word = parts->body ? parts->body->str : "default-errorfiles";
    if (!proxy_status_has_page(reply->status))
        return config_error(config, line, parts->status_at, "there is no error page of status %u, as '%s' needs it",
                            reply->status, word);
    warn_ignored(config, parts, line);
    if (strcmp(word, "errorfile") == 0) {
        bool ok = proxy_answer_read(config, &reply->answer, line, parts->body_at);
        reply->silent = !reply->answer;
        return ok;
    }
    reply->is_default = strcmp(word, "default-errorfiles") == 0;
    if (!reply->is_default) {
        struct config_place place = line->place;
        place.column = config_arg_at(line, parts->body_at)->column;
        place.length = config_arg_at(line, parts->body_at)->width;
        reply->errors = proxy_errors_named(config, config_arg_at(line, parts->body_at)->str, place);
    }
    return true;
}

static bool read_body(struct config *config, struct parts *parts, struct slice *out, struct stream_reply *reply,
                      const struct config_line *line)
{
    const struct config_arg *value = config_arg_at(line, parts->body_at);
    bool is_format = strncmp(parts->body->str, "lf-", 3) == 0, is_file = strstr(parts->body->str, "file") != NULL;
    const struct global_conf *global = &proxy_program(config)->global;
    *out = slice_of(value->str, value->len);
    if (is_file && !proxy_file_read(config, out, line, parts->body_at, global->bufsize - global->maxrewrite))
        return false;
    if (!is_format || !out->len)
        return true;
    const struct expr_format *format =
        expr_format_text(config, line, parts->body_at, *out, EXPR_FORMAT_TEXT, parts->kind->when);
    if (!format)
        return false;
    *out = expr_format_const(format);
    reply->body = out->ptr ? NULL : format;
    return true;
}

static bool check_body(struct config *config, const struct parts *parts, struct slice body,
                       const struct stream_reply *reply, const struct config_line *line)
{
    bool has_body = reply->body || body.len;
    if (has_body && !parts->content_type)
        return config_error(config, line, parts->body_at, "a body needs a 'content-type'");
    // Neither has a body (RFC 9110 section 6.4.1): what followed would be read as the next answer.
    if (has_body && (reply->status == 204 || reply->status == 304))
        return config_error(config, line, parts->body_at, "answers of status %u have no body", reply->status);
    if (!has_body)
        warn_ignored(config, &(struct parts){ .content_type = parts->content_type }, line);
    return true;
}

static bool set_content(struct config *config, struct parts *parts, struct stream_reply *reply,
                        const struct config_line *line)
{
    struct slice body = { 0 };
    struct text lines;
    bool ok = true;
    if (parts->body && !read_body(config, parts, &body, reply, line))
        return false;
    if (!check_body(config, parts, body, reply, line))
        return false;
    text_init(&lines);
    // Fields that do not vary are part of what is made now, unless one before them does: they keep their order.
    if (!parts->varies) {
        for (const struct stream_reply_field *field = parts->fields; field; field = field->next) {
            struct slice value = expr_format_const(field->value);
            text_printf(&lines, "%.*s: %.*s\r\n", (int)field->name.len, field->name.ptr, (int)value.len, value.ptr);
        }
    } else {
        reply->fields = parts->fields;
    }
    bool typed = parts->content_type && (reply->body || body.len);
    const char *type = typed ? parts->content_type->str : NULL;
    if (type && strpbrk(type, "\r\n"))
        ok = config_error(config, line, parts->body_at, "a content type cannot hold the end of a line");
    struct proxy_answer *answer =
        ok ? (struct proxy_answer *)proxy_answer_new(config->arena, &ok, reply->status, type, lines.ptr, body) : NULL;
    if (answer)
        answer->close = parts->close;
    reply->answer = answer;
    text_fini(&lines);
    return answer || !ok ? answer != NULL || config_error(config, line, 0, "a header field of this answer is malformed")
                         : false;
}

struct stream_reply *stream_reply_parse(struct config *config, const struct stream_reply_kind *kind,
                                        const struct config_line *line, uint32_t *index)
{
    struct stream_reply *reply = arena_alloc(config->arena, sizeof(*reply));
    struct parts parts = { .kind = kind };
    uint32_t first = *index;
    parts.last_field = &parts.fields;
    while (config_arg_at(line, *index) && !expr_is_cond(line, *index))
        if (!parse_word(config, &parts, line, index))
            return NULL;
    reply->status = parts.status ? parts.status : kind->status;
    if (!reply->status) {
        config_error(config, line, first, "'%s' needs a 'status'", kind->action);
        return NULL;
    }
    // As in HAProxy "deny deny_status 429" and "deny" alone mean the error page, "deny status 429" an empty answer.
    bool is_bare = kind->is_deny && (*index == first || (parts.deny_status && *index == first + 2));
    bool is_page = is_bare || (parts.body && (strncmp(parts.body->str, "error", 5) == 0 ||
                                              strcmp(parts.body->str, "default-errorfiles") == 0));
    bool ok = is_page ? set_page(config, &parts, reply, line) : set_content(config, &parts, reply, line);
    return ok ? reply : NULL;
}
