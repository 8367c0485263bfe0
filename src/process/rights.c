// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>
#include "base/sanitized.h"
#include "log/log.h"
#include "process/rights.h"

void rights_confine(const struct process_settings *settings, enum os_sandbox_role role, bool tells)
{
    // The sanitizer's leak checker starts a thread at the end, which traces this process and reads files.
    if (settings->sandbox && !BASE_SANITIZED && !os_sandbox_enter(role) && tells)
        log_say(LOG_LEVEL_WARNING,
                "seccomp: this kernel cannot confine processes to their system calls (%s); they go "
                "on without",
                strerror(errno));
}

// Apart, so that a turn without denials makes no room for one.
static __attribute__((noinline, cold)) void tell_denials(const char *name)
{
    struct os_sandbox_denial denial;
    while (os_sandbox_denied(&denial))
        log_say(LOG_LEVEL_ALERT, "%s was denied system call %s (%d) at %s", name, denial.name, denial.number,
                denial.place);
}

void rights_denials_tell(const char *name)
{
    if (os_sandbox_has_denials())
        tell_denials(name);
}
