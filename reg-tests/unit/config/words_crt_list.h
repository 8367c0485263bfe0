// SPDX-License-Identifier: Apache-2.0
// A word of tests that holds the options of a crt-list's line, so that their examples have a line to stand in. Included
// once by a test program that links the words of these options.
#pragma once

#include <string.h>
#include "config/line.h"
#include "config/word.h"

// A line of a crt-list's options; they are of no line of the configuration itself.
static bool parse_crt_list(struct config *config, void *object, const struct config_word *word,
                           const struct config_line *line)
{
    static _Alignas(16) char options[4096];
    (void)object;
    (void)word;
    memset(options, 0, sizeof(options));
    return config_parse_options(config, options, line, 0, CONFIG_IN_CRT_LIST);
}

// The word, for a table of them.
#define WORDS_CRT_LIST                                                                                                 \
    {                                                                                                                  \
        .name = "words-crt-list", .in = CONFIG_IN_GLOBAL, .min_args = 1, .flags = CONFIG_ANY_ARGS,                     \
        .parse = parse_crt_list, .args = "<option>...", .help = "Options of a crt-list's line.",                       \
        .good = "words-crt-list alpn http/1.1", .bad = "words-crt-list", .bad_says = "is incomplete"                   \
    }
