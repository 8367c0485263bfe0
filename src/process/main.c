// SPDX-License-Identifier: Apache-2.0
#include "process/program.h"

extern const struct process_program process_program_fairlead;

int main(int argc, char **argv)
{
    return process_main(&process_program_fairlead, argc, argv);
}
