// SPDX-License-Identifier: Apache-2.0
// How much the service as a whole takes a second. Commands change it at run time (proxy/live.h).
#include "proxy/words.h"

#define INTO(member) .into = offsetof(struct global_conf, member)

static const struct config_word words[] = {
    { .name = "maxconnrate",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_u32,
      INTO(max_conn_rate),
      .max = INT32_MAX,
      .args = "<number>",
      .help = "Most connections of clients that are accepted in a second, by all workers together; others wait in the "
              "kernel's queue. 0, the default, is no limit.",
      .good = "maxconnrate 1000",
      .bad = "maxconnrate many",
      .bad_says = "is no number" },
    { .name = "maxsessrate",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_u32,
      INTO(max_sess_rate),
      .max = INT32_MAX,
      .args = "<number>",
      .help = "Most sessions that begin in a second, of all workers together: connections that no 'tcp-request "
              "connection' rule refuses. While there are as many, none is accepted. 0, the default, is no limit.",
      .good = "maxsessrate 1000",
      .bad = "maxsessrate many",
      .bad_says = "is no number" },
};
CONFIG_WORDS(words);
