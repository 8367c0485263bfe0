// SPDX-License-Identifier: Apache-2.0
// Which signals mean something to which process. The terminal's and an operator's signals are for the master; keeper,
// controller and workers hear of them from it.
#pragma once

// process_signals_child is the first thing in a forked process: signals back to their defaults, except for those that
// the master alone obeys, which are ignored.
void process_signals_child(void);
