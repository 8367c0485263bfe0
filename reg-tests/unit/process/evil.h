// SPDX-License-Identifier: Apache-2.0
// Processes of the toy program that are no longer themselves: they say on their line to the master what they must not.
#pragma once

#include "event/messages.h"

// evil_say breaks the rules on `line`, in the way that `what` names: "unknown", "twice", "short", "wide", "runt",
// "long", "descriptor", "stranger", "open", "plan", "section", "seat", "forked", "dead", "reloads".
void evil_say(struct messages *line, const char *what);

// evil_keeper_on makes the calling keeper say `what` when it gets SIGUSR1.
void evil_keeper_on(const char *what);

// evil_keeper makes the calling keeper say `what` at once.
void evil_keeper(const char *what);
