// SPDX-License-Identifier: Apache-2.0
// Names of converters that HAProxy 3.2 has, for messages about a converter that is not supported here. Const data, used
// while the configuration is read.
#pragma once

#include <stdbool.h>
#include "base/slice.h"

// expr_converter_refused says whether HAProxy 3.2 has a converter `name` that is not supported here.
bool expr_converter_refused(struct slice name);

// expr_converter_nearest gives the converter of HAProxy nearest to `name`, or NULL.
const char *expr_converter_nearest(const char *name);
