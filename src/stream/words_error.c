// SPDX-License-Identifier: Apache-2.0
// "http-error": an error page that may vary with the request.
#include "proxy/errors.h"
#include "proxy/words.h"
#include "stream/act.h"

static bool parse_error(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    const struct stream_reply_kind kind = { .action = "http-error",
                                            .when = EXPR_FROM_REQUEST_HEAD | EXPR_AT_RESPONSE_HEAD };
    uint32_t index = 0;
    (void)word;
    const struct stream_reply *reply = stream_reply_parse(config, &kind, line, &index);
    if (!reply)
        return false;
    if (config_arg_at(line, index))
        return config_error(config, line, index, "an error page has no condition");
    if (!proxy_status_has_page(reply->status))
        return config_error(config, line, 0, "there is no error page of status %u", reply->status);
    struct errorfile_conf *file = proxy_errors_add(config, &proxy->errorfiles, reply->status);
    file->is_default = reply->is_default;
    file->import = reply->errors;
    file->place = line->place;
    if (reply->body || reply->fields)
        file->reply = reply;
    else
        file->answer = reply->answer;
    return true;
}

static const struct config_word words[] = {
    { .name = "http-error",
      .in = CONFIG_IN_PROXY,
      .min_args = 2,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_error,
      .args = "status <code> [content-type <type>] [{ default-errorfiles | errorfile <file> | errorfiles <name> | "
              "file <file> | lf-file <file> | string <str> | lf-string <fmt> }] [hdr <name> <fmt>]*",
      .help = "Answers errors of fairlead's own that have the status <code> as said, see 'http-request return'. "
              "default-errorfiles takes back what the section said of that status before.",
      .good = "http-error status 503 content-type text/plain lf-string 'sorry, %[path]' hdr Retry-After 10",
      .bad = "http-error status 418",
      .bad_says = "no error page of status 418" },
};
CONFIG_WORDS(words);
