// SPDX-License-Identifier: Apache-2.0
// Lists of certificates: brackets, options, filters and the look-up that comes of them. There is one file, "a",
// that is good. Whatever the text, each entry can be found or is hidden, and what is
// wrong is told at its line.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/check.h"
#include "config/env.h"
#include "config/word.h"
#include "tls/entry.h"
#include "fuzz_pem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char dir[] = "/dev/shm/fuzz_crt_list_XXXXXX";

static void clean(void)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/a", dir);
    unlink(path);
    snprintf(path, sizeof(path), "%s/list", dir);
    unlink(path);
    rmdir(dir);
}

static void write_file(const char *name, const char *data, size_t len)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    must(file && fwrite(data, 1, len, file) == len && fclose(file) == 0);
}

static void look_up(struct tls_entry *entries)
{
    struct tls_names *names = tls_names_new(entries);
    for (const struct tls_entry *it = entries; it; it = it->next)
        for (uint32_t i = 0; i < it->num_filters; i++) {
            struct slice filter = slice_str(it->filters[i]);
            const struct tls_entry *found = tls_names_find(names, filter, TLS_CAN_RSA | TLS_CAN_ECDSA);
            if (filter.len && filter.len < 256 && !strchr("!*", filter.ptr[0]))
                must(found);
        }
    (void)tls_names_default(names, 0);
    tls_names_free(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static bool made;
    if (!made) {
        must(mkdtemp(dir));
        atexit(clean);
        write_file("a", fuzz_pem, sizeof(fuzz_pem) - 1);
        config_words_boot();
        made = true;
    }
    // No file of the machine is to be opened.
    char *text = malloc(len + 1);
    must(text);
    for (size_t i = 0; i < len; i++)
        text[i] = data[i] == '/' ? '_' : (char)data[i];
    write_file("list", text, len);
    free(text);
    struct arena arena;
    struct config_diag diag;
    struct config config;
    arena_init(&arena);
    config_diag_init(&diag, &arena);
    config_init(&config, &arena, &diag, NULL);
    config.env->is_private = true;
    const struct tls_store_conf conf = { .crt_base = dir, .key_base = dir, .extra = TLS_EXTRA_ALL };
    struct tls_store *store = tls_store_new(&config, &conf);
    struct tls_entry *entries = NULL;
    const struct config_place place = { .file = "fuzz", .line = 1 };
    bool ok = tls_crt_list_read(&config, &entries, store, arena_printf(&arena, "%s/list", dir), place);
    must(ok == (diag.num_errors == 0));
    look_up(entries);
    for (const struct config_message *message = diag.first; message; message = message->next)
        must(!message->place.text || message->place.column <= strlen(message->place.text) + 1);
    tls_store_free(store);
    config_fini(&config);
    arena_fini(&arena);
    return 0;
}
