// SPDX-License-Identifier: Apache-2.0
// `http-request auth`: the client is asked for a user name and a password (RFC 9110 section 11.6).
#include "expr/cond.h"
#include "expr/format.h"
#include "proxy/conf.h"
#include "base/check.h"
#include "stream/http_fetch.h"

// What an origin says, and what a proxy does.
struct auth_args {
    struct stream_reply origin;
    struct stream_reply proxy;
};

static const struct expr_format *make_challenge(struct config *config, const struct config_line *line, uint32_t index,
                                                const char *realm)
{
    size_t len = strlen(realm);
    char *text = arena_alloc(config->arena, 2 * len + 20);
    size_t at = (size_t)(stpcpy(text, "Basic realm=\"") - text);
    for (size_t i = 0; i < len; i++) {
        if (realm[i] == '"' || realm[i] == '\\')
            text[at++] = '\\';
        text[at++] = realm[i];
        if (realm[i] == '%') // a format's own
            text[at++] = '%';
    }
    text[at++] = '"';
    return expr_format_text(config, line, index, slice_of(text, at), EXPR_FORMAT_TEXT, EXPR_AT_REQUEST_HEAD);
}

static void fill(struct config *config, struct stream_reply *reply, uint16_t status, struct slice name,
                 const struct expr_format *challenge)
{
    struct stream_reply_field *field = arena_alloc(config->arena, sizeof(*field));
    *field = (struct stream_reply_field){ .name = name, .value = challenge };
    *reply = (struct stream_reply){ .status = status, .is_default = true, .fields = field };
}

static bool parse_auth(struct config *config, struct rule *rule, const struct config_line *line, uint32_t index,
                       uint32_t *next)
{
    static const char *const known[] = { "realm" };
    const struct proxy_conf *proxy = config->object;
    const char *realm = proxy->name ? proxy->name : "";
    const struct config_arg *arg = config_arg_at(line, index);
    if (arg && !expr_is_cond(line, index)) {
        if (strcmp(arg->str, "realm") != 0)
            return config_error_unknown(config, line, index, "argument of 'auth'", known, NUM_ITEMS(known));
        arg = config_arg_at(line, ++index);
        if (!arg)
            return config_error(config, line, index, "'realm' needs a value");
        realm = arg->str;
        index++;
    }
    const struct expr_format *challenge = make_challenge(config, line, index, realm);
    struct auth_args *args = arena_alloc(config->arena, sizeof(*args));
    if (!challenge)
        return false;
    fill(config, &args->origin, 401, SLICE("www-authenticate"), challenge);
    fill(config, &args->proxy, 407, SLICE("proxy-authenticate"), challenge);
    rule->data = args;
    *next = index;
    return true;
}

static enum rule_verdict run_auth(struct expr_subject *subject, const struct rule *rule)
{
    const struct auth_args *args = rule->data;
    struct stream *stream = subject->stream;
    bool proxied = http_fetch_is_proxied(stream);
    return stream_reply_set(stream, proxied ? &args->proxy : &args->origin) ? RULE_ANSWERED : RULE_ERROR;
}

static const struct rule_action actions[] = {
    { .name = "auth",
      .flags = RULE_FINAL | RULE_ERRS,
      .in = RULE_HTTP_REQUEST,
      .parse = parse_auth,
      .run = run_auth,
      .args = "[realm <realm>]",
      .help = "Answers with the error page of 401, or of 407 to a request for a proxy ('option "
              "http-use-proxy-header'), and asks for a user name and a password. The realm is the section's name where "
              "none is given.",
      .good = "http-request auth realm Gimme if TRUE",
      .bad = "http-request auth realms Gimme",
      .bad_says = "did you mean 'realm'?" },
};
RULE_ACTIONS(actions);
