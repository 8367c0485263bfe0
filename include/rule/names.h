// SPDX-License-Identifier: Apache-2.0
// Names of actions that HAProxy 3.2 has. Const data, used while the configuration is read. Private to this area.
#pragma once

#include <stdint.h>

// rule_action_refused gives the rule sets (RULE_* bits) in which HAProxy 3.2 has the action `name`, which may bring
// arguments in parentheses; 0 where it has none of that name.
uint32_t rule_action_refused(const char *name);
