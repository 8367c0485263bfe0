// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include "config/config.h"
#include "process/command.h"

#ifndef FAIRLEAD_VERSION
#define FAIRLEAD_VERSION "0.0.0"
#endif
