// SPDX-License-Identifier: Apache-2.0
// What this build can do, under the names that HAProxy's `-vv` uses, for feature(), enabled() and our own `-vv`. One
// table; whoever adds a capability turns it on there.
#pragma once

#include <stdbool.h>
#include "base/slice.h"
#include "base/text.h"

// The SSL library as conditions see it (ssllib_name_startswith, openssl_version_atleast). BoringSSL declares itself
// compatible with this version of OpenSSL.
#define CONFIG_SSLLIB_NAME   "BoringSSL"
#define CONFIG_OPENSSL_LEVEL "1.1.1g"

// config_feature_has says whether the feature `name` is present; false for an unknown one.
bool config_feature_has(struct slice name);

// config_feature_list appends all names to `out`, separated by spaces, with '+' or '-' before each, as -vv shows them.
void config_feature_list(struct text *out);

// config_feature_is_enabled sets `*enabled` for enabled(`name`) as it is without flags of the command line; false where
// HAProxy knows no such option.
bool config_feature_is_enabled(bool *enabled, struct slice name);
