// SPDX-License-Identifier: Apache-2.0
// The command line: HAProxy's flags. Flags that mean nothing here (pollers, memory debugging) are taken where they are
// harmless; what this program has not is refused by name. Read once, first thing, by the process the user starts.
#pragma once

#include <stdbool.h>
#include "process/program.h"

enum command { COMMAND_RUN, COMMAND_CHECK, COMMAND_CONDITION, COMMAND_VERSION, COMMAND_DETAILS, COMMAND_USAGE };

// command_read reads the arguments into `options`, whose strings point into `argv`, and says what is wanted. For
// COMMAND_USAGE a message may have been printed.
enum command command_read(struct process_options *options, int argc, char **argv);

// command_options_fini frees the lists of `options`.
void command_options_fini(struct process_options *options);

// command_usage prints all flags to standard error.
void command_usage(const char *name);

// version_print prints the answer to -v, and with `details` that to -vv, to standard output.
void version_print(bool details);

// version_text gives the version, such as "0.1.0".
const char *version_text(void);

// version_date gives the date of the version, such as "2026/11/21".
const char *version_date(void);
