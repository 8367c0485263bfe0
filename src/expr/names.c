// SPDX-License-Identifier: Apache-2.0
// What HAProxy 3.2 has (its manual, sections 7.3.1 to 7.3.6, and the ACL keywords that imply a match) and is missing
// here: so that such a word is told from a slip. A name that gains a row in a table of fetches or converters goes from
// here.
#include "base/check.h"
#include "expr/fetch.h"
#include "expr/names.h"

static const char *const fetches[] = {
    "51d.all",
    "ssl_bc_npn",
    "ssl_fc_npn",
};

static const char *const converters[] = {
    "51d.single", "aes_cbc_dec", "aes_cbc_enc", "da-csv-conv", "map_bin", "map_match",
};

static bool is_one_of(const char *const *names, size_t num, struct slice name)
{
    for (size_t i = 0; i < num; i++)
        if (slice_equal(slice_str(names[i]), name))
            return true;
    return false;
}

bool expr_fetch_refused(struct slice name)
{
    return is_one_of(fetches, NUM_ITEMS(fetches), name);
}

bool expr_converter_refused(struct slice name)
{
    return is_one_of(converters, NUM_ITEMS(converters), name);
}

const char *expr_fetch_refused_at(size_t i)
{
    return i < NUM_ITEMS(fetches) ? fetches[i] : NULL;
}

const char *expr_converter_refused_at(size_t i)
{
    return i < NUM_ITEMS(converters) ? converters[i] : NULL;
}
