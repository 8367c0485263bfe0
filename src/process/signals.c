// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include "base/check.h"
#include "os/service.h"
#include "process/signals.h"

void process_signals_child(void)
{
    static const int ignored[] = { SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGTTIN, SIGTTOU, SIGTSTP };
    os_signals_reset(ignored, NUM_ITEMS(ignored));
}
