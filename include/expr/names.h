// SPDX-License-Identifier: Apache-2.0
// Names of fetches and converters that HAProxy 3.2 has and that are not supported here, for messages about them. Const
// data, used while the configuration is read.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "base/slice.h"

// expr_converter_refused says whether HAProxy 3.2 has a converter `name` that is not supported here.
bool expr_converter_refused(struct slice name);

// expr_fetch_refused_at gives the name number `i` of those that expr_fetch_refused knows, NULL behind the last; for the
// manual and its tests.
const char *expr_fetch_refused_at(size_t i);

// expr_converter_refused_at does so for converters.
const char *expr_converter_refused_at(size_t i);
