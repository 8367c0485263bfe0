// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "check/check.h"

static const struct {
    const char *name;
    const char *text;
} statuses[CHECK_NUM_STATUSES] = {
    [CHECK_UNKNOWN] = { "UNK", "unknown" },
    [CHECK_INI] = { "INI", "Initializing" },
    [CHECK_SOCKERR] = { "SOCKERR", "Socket error" },
    [CHECK_L4OK] = { "L4OK", "Layer4 check passed" },
    [CHECK_L4TOUT] = { "L4TOUT", "Layer4 timeout" },
    [CHECK_L4CON] = { "L4CON", "Layer4 connection problem" },
    [CHECK_L6OK] = { "L6OK", "Layer6 check passed" },
    [CHECK_L6TOUT] = { "L6TOUT", "Layer6 timeout" },
    [CHECK_L6RSP] = { "L6RSP", "Layer6 invalid response" },
    [CHECK_L7OK] = { "L7OK", "Layer7 check passed" },
    [CHECK_L7OKC] = { "L7OKC", "Layer7 check conditionally passed" },
    [CHECK_L7TOUT] = { "L7TOUT", "Layer7 timeout" },
    [CHECK_L7RSP] = { "L7RSP", "Layer7 invalid response" },
    [CHECK_L7STS] = { "L7STS", "Layer7 wrong status" },
    [CHECK_PROCERR] = { "PROCERR", "External check error" },
    [CHECK_PROCTOUT] = { "PROCTOUT", "External check timeout" },
    [CHECK_PROCOK] = { "PROCOK", "External check passed" },
    [CHECK_HANA] = { "HANA", "Health analyze" },
    [CHECK_CHECKED] = { "CHECKED", "No status change" },
};

const char *check_status_name(enum check_status status)
{
    must(status < CHECK_NUM_STATUSES);
    return statuses[status].name;
}

const char *check_status_text(enum check_status status)
{
    must(status < CHECK_NUM_STATUSES);
    return statuses[status].text;
}

bool check_status_has_code(enum check_status status)
{
    return status == CHECK_L7OK || status == CHECK_L7OKC || status == CHECK_L7STS || status == CHECK_PROCERR ||
           status == CHECK_PROCTOUT || status == CHECK_PROCOK;
}
