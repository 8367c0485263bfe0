// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include "check/trace.h"

void check_trace(const struct check *check, const struct check_result *result)
{
    enum { TEXT_MAX = 900, REASON_MAX = 700 };
    bool failed = result && check_status_is_failure(result->status);
    struct trace_point point = {
        .source = TRACE_CHECK,
        .level = failed ? TRACE_LEVEL_ERROR : TRACE_LEVEL_USER,
        .event = !result  ? TRACE_CHECK_BEGIN
                 : failed ? TRACE_CHECK_RESULT | TRACE_CHECK_ERR
                          : TRACE_CHECK_RESULT,
        .backend = check->proxy->be_object,
        .server = check->server->object,
    };
    char text[TEXT_MAX], reason[REASON_MAX] = "begins";
    if (!trace_begin(&point))
        return;
    if (result)
        check_describe(reason, sizeof(reason), result);
    int len = snprintf(text, sizeof(text), "be=%.64s srv=%.64s : %s check %s%s", check->proxy->name,
                       check->server->name, check->kind == CHECK_AGENT ? "agent" : "health",
                       !result  ? ""
                       : failed ? "failed, "
                                : "succeeded, ",
                       reason);
    trace_end(&point, slice_of(text, len < TEXT_MAX ? (size_t)len : TEXT_MAX - 1));
}
