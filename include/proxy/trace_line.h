// SPDX-License-Identifier: Apache-2.0
// Settings of traces in the words of the admin command `trace` and of the section `traces`, which are the same
// (management guide, section 9.3; configuration manual, section 12.1). Reads them into struct trace_conf; who calls
// publishes that, or has the processes of a generation begin with it. Runs in keepers and controllers.
#pragma once

#include "board/trace.h"
#include "config/config.h"
#include "proxy/conf.h"

// The words that a line consists of, each but the last with something behind it.
enum trace_word {
    TRACE_WORD_EVENT,
    TRACE_WORD_FILTER,
    TRACE_WORD_FOLLOW,
    TRACE_WORD_LEVEL,
    TRACE_WORD_LOCK,
    TRACE_WORD_PAUSE,
    TRACE_WORD_SINK,
    TRACE_WORD_START,
    TRACE_WORD_STOP,
    TRACE_WORD_VERBOSITY,
    TRACE_NUM_WORDS
};

extern const char *const trace_words[TRACE_NUM_WORDS];

// Names of enum trace_filter_kind.
enum { TRACE_NUM_FILTER_KINDS = 4 };
extern const char *const trace_filter_kinds[TRACE_NUM_FILTER_KINDS];

// trace_source_read gives the source of that name, TRACE_NUM_SOURCES where there is none.
uint32_t trace_source_read(const char *name);

// trace_line_read reads what follows a source's name into `conf`, from `words[*at]` up to `num`. NULL, or what is
// wrong, with a line feed; `*at` is then the place of that word. `*lists` is the word that stands last, without
// anything behind it, or TRACE_NUM_WORDS. What a filter or sink names is not looked for: trace_conf_find does that.
const char *trace_line_read(struct trace_conf *conf, uint32_t *at, enum trace_word *lists, const char *const *words,
                            uint32_t num);

// trace_conf_find looks for the sink and for what filters name in `program`, and notes the numbers of the latter on the
// board, where they have some by now. NULL, or what is wrong, with a line feed; `*name` is then what is not there.
const char *trace_conf_find(struct trace_conf *conf, const char **name, const struct program_conf *program);

// What the `traces` sections set, by source.
struct trace_confs {
    struct trace_conf of[TRACE_NUM_SOURCES];
    bool is_set[TRACE_NUM_SOURCES];
    struct config_place places[TRACE_NUM_SOURCES]; // of the last line that did
};

// trace_confs_check does that for the settings of `traces` sections: false after reporting what is not there.
bool trace_confs_check(struct config *config, const struct program_conf *program);

// trace_confs_begin has the processes of this generation begin with these settings; in the keeper, once proxies have
// their numbers on the board, before it forks.
void trace_confs_begin(const struct program_conf *program);
