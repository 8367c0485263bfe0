// SPDX-License-Identifier: Apache-2.0
// What the files that read words of TLS share. For src/tls/conf*.c and policy.c alone.
#pragma once

#include "base/text.h"
#include "tls/conf.h"

// A named set of settings. `ciphers` is as documented by whoever named it.
struct tls_policy {
    const char *name; // without "ELBSecurityPolicy-"
    uint16_t min_version;
    uint16_t max_version;
    bool client_ciphers;
    const char *ciphers; // of TLS 1.2 and below
    const char *lacks;   // groups that the library does not have, NULL: none
    const uint16_t *groups;
    uint8_t num_groups;
};

// tls_conf_policy_apply lays what its policy says into `conf` where no word said anything.
void tls_conf_policy_apply(struct tls_conf *conf);

// Names that the library does not know: one warning lists them all.
struct tls_conf_lost {
    struct text names;
    uint32_t num;
};

// tls_conf_lost_add notes one.
void tls_conf_lost_add(struct tls_conf_lost *lost, struct slice name);

// tls_conf_lost_end reports what was noted, as a warning where something else remains (`left`) and as an error where
// nothing does; `what` ("ciphers") is for the message. It frees `lost` and returns `left`.
bool tls_conf_lost_end(struct config *config, struct tls_conf_lost *lost, const struct config_line *line,
                       uint32_t index, const char *what, bool left);

// tls_conf_ciphers_text reads the cipher string `text` into `*ciphers`, in the arena of `config`; NULL where nothing
// remains.
void tls_conf_ciphers_text(struct config *config, const char **ciphers, struct tls_conf_lost *lost, struct slice text);
