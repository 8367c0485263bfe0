// SPDX-License-Identifier: Apache-2.0
// What the tests of certificates share: a store with a configuration around it, files of its own in a directory that
// goes away with it, and the certificates of reg-tests/certs. Each test program includes it once.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/check.h"
#include "config/env.h"
#include "config/word.h"
#include "tls/cert.h"

struct reader {
    struct arena arena;
    struct config_diag diag;
    struct config config;
    struct tls_store_conf conf;
    struct tls_store *store;
    struct text out; // all diagnostics
    char dir[64];
};

static inline void reader_init(struct reader *reader)
{
    *reader = (struct reader){ .conf.extra = TLS_EXTRA_ALL };
    config_words_boot();
    arena_init(&reader->arena);
    config_diag_init(&reader->diag, &reader->arena);
    config_init(&reader->config, &reader->arena, &reader->diag, NULL);
    reader->config.env->is_private = true;
    reader->store = tls_store_new(&reader->config, &reader->conf);
    text_init(&reader->out);
    strcpy(reader->dir, "/tmp/fairlead_certs_XXXXXX");
    must(mkdtemp(reader->dir));
}

static inline void reader_fini(struct reader *reader)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -r '%s'", reader->dir);
    must(system(command) == 0);
    text_fini(&reader->out);
    tls_store_free(reader->store);
    config_fini(&reader->config);
    arena_fini(&reader->arena);
}

// The path of a file of reg-tests/certs.
static inline const char *reader_file(struct reader *reader, const char *name)
{
    const char *dir = getenv("FL_CERTS");
    if (!dir) {
        dir = "build/certs";
        must(system("reg-tests/certs build/certs >/dev/null") == 0);
    }
    return arena_printf(&reader->arena, "%s/%s", dir, name);
}

// The path of a file of the test's own.
static inline const char *reader_path(struct reader *reader, const char *name)
{
    return arena_printf(&reader->arena, "%s/%s", reader->dir, name);
}

static inline const char *reader_write(struct reader *reader, const char *name, const char *data, size_t len)
{
    const char *path = reader_path(reader, name);
    FILE *file = fopen(path, "w");
    must(file && fwrite(data, 1, len, file) == len && fclose(file) == 0);
    return path;
}

// Runs `command` with the shell, in the test's own directory, with $C naming that of reg-tests/certs.
static inline void reader_shell(struct reader *reader, const char *command)
{
    char *certs = realpath(reader_file(reader, "."), NULL);
    must(certs);
    const char *line =
        arena_printf(&reader->arena, "cd '%s' && C='%s' && { %s; } >/dev/null 2>&1", reader->dir, certs, command);
    free(certs);
    if (system(line) != 0) {
        fprintf(stderr, "failed: %s\n", line);
        abort();
    }
}

static inline struct tls_cert **reader_get(struct reader *reader, uint32_t *num, const char *name)
{
    const struct config_place place = { .file = "test.cfg", .line = 1 };
    struct tls_cert **certs = tls_store_get(reader->store, num, name, place);
    text_fini(&reader->out);
    config_diag_write(&reader->diag, &reader->out, CONFIG_DIAG);
    return certs;
}

static inline struct tls_cert *reader_one(struct reader *reader, const char *name)
{
    uint32_t num;
    struct tls_cert **certs = reader_get(reader, &num, name);
    if (!certs || num != 1) {
        fprintf(stderr, "%s: %u certificates: %s\n", name, num, reader->out.ptr ? reader->out.ptr : "");
        abort();
    }
    return certs[0];
}

// Wants an error that says `says`.
static inline void reader_refuses(struct reader *reader, const char *name, const char *says)
{
    uint32_t num, before = reader->diag.num_errors;
    if (reader_get(reader, &num, name) || reader->diag.num_errors == before || !strstr(reader->out.ptr, says)) {
        fprintf(stderr, "%s says not '%s': %s\n", name, says, reader->out.ptr ? reader->out.ptr : "");
        abort();
    }
}
