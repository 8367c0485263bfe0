// SPDX-License-Identifier: Apache-2.0
// What the files of actions share: reading their arguments, texts that are constant or a format, and what becomes of a
// rule whose change could not be made. For src/stream/actions*.c alone. Parsing runs in the keeper, the rest in
// workers.
#pragma once

#include "base/check.h"
#include "expr/regex.h"
#include "stream/act.h"

// A text an action writes: a constant, or a format evaluated each time.
struct stream_text {
    struct slice constant;            // ptr NULL: it varies
    const struct expr_format *format; // NULL where it does not
};

// What a constant text must be fit for.
enum stream_text_use {
    STREAM_TEXT_VALUE,  // of a header field: no control character but a tab
    STREAM_TEXT_TARGET, // a request target or a part of one: no space either
    STREAM_TEXT_BODY,   // anything
};

// stream_arg_need gives argument `index`, or reports that `action` misses `what` and gives NULL.
const struct config_arg *stream_arg_need(struct config *config, const struct config_line *line, uint32_t index,
                                         const char *action, const char *what);

// stream_text_parse compiles argument `index` as a format for `rule`; false after reporting an error.
bool stream_text_parse(struct config *config, struct stream_text *out, const struct rule *rule,
                       const struct config_line *line, uint32_t index, enum stream_text_use use);

// stream_text_make gives the text for `subject`, in its scratch where it varies; ptr NULL where there is no room. What
// expressions bring cannot end a field or a head: formats of this kind write control characters as "%0D".
static inline struct slice stream_text_make(const struct stream_text *text, struct expr_subject *subject)
{
    return LIKELY(text->constant.ptr) ? text->constant : expr_format_make(text->format, subject);
}

// stream_name_parse reads argument `index` as the name of a header field, a token, which is put to lower case (RFC 9110
// section 5.1). ptr NULL after reporting an error.
struct slice stream_name_parse(struct config *config, const struct config_line *line, uint32_t index,
                               const char *action);

// stream_expr_parse compiles argument `index` as an expression whose samples can be cast to `type`; NULL after
// reporting an error.
const struct expr *stream_expr_parse(struct config *config, const struct rule *rule, const struct config_line *line,
                                     uint32_t index, enum expr_type type);

// stream_host_set gives the request `head` the Host field `value`, in place of what is there, and puts it into an
// absolute target, too; `scratch` is worked in. False where it is no host, or there is no room.
bool stream_host_set(struct http_head *head, struct slice value, struct expr_scratch *scratch);

// stream_rewrite_verdict is what a rule gives after its change was `done` or could not be made: in strict mode (the
// default) the exchange ends with an internal error, else the next rule is run. Manual, "strict-mode".
enum rule_verdict stream_rewrite_verdict(const struct expr_subject *subject, const struct rule *rule, bool done);

// A regular expression and what its matches become.
struct stream_replace {
    const struct expr_regex *regex;
    struct stream_text text; // with "\1" to "\9" for the groups
};

// stream_replace_parse reads arguments `index` and `index` + 1 as <match-regex> and <replace-fmt>.
bool stream_replace_parse(struct config *config, struct stream_replace *out, const struct rule *rule,
                          const struct config_line *line, uint32_t index);

// What stream_replace_run says.
enum stream_replaced { STREAM_REPLACE_NO, STREAM_REPLACE_DONE, STREAM_REPLACE_FULL };

// stream_replace_run matches `subject_text` and puts what it becomes into `*out`, in the scratch. STREAM_REPLACE_FULL:
// there is no room for it.
enum stream_replaced stream_replace_run(const struct stream_replace *replace, struct slice *out,
                                        struct slice subject_text, struct slice format, struct expr_scratch *scratch);
