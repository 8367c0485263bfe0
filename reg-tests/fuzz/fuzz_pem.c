// SPDX-License-Identifier: Apache-2.0
// PEM bundles, OCSP responses and lists of SCTs, as certificates' files hold them. The first byte says which file the
// rest is; the other files are good ones. Whatever they hold, a certificate comes out with all its parts, or an error
// in words.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <openssl/ssl.h>
#include "base/check.h"
#include "config/env.h"
#include "tls/cert.h"
#include "fuzz_pem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char dir[] = "/dev/shm/fuzz_pem_XXXXXX";

static void clean(void)
{
    char path[64];
    static const char *const names[] = { "c", "x" };
    for (size_t i = 0; i < NUM_ITEMS(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
}

static const char *write_file(struct arena *arena, const char *name, const char *data, size_t len)
{
    const char *path = arena_printf(arena, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    must(file && fwrite(data, 1, len, file) == len && fclose(file) == 0);
    return path;
}

static void check(const struct tls_cert *cert)
{
    must(cert->num_chain > 0 && cert->key && cert->ctx && cert->key_type <= TLS_KEY_ED25519);
    must(SSL_CTX_get0_privatekey(cert->ctx) == cert->key);
    for (uint32_t i = 0; i < cert->num_names; i++)
        for (size_t c = 0; c < cert->names[i].len; c++)
            must(cert->names[i].ptr[c] > ' ' && cert->names[i].ptr[c] < 0x7f);
    must(!cert->ocsp.len || !tls_cert_ocsp_check(cert));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static bool made;
    if (!made) {
        must(mkdtemp(dir));
        atexit(clean);
        made = true;
    }
    if (!len)
        return 0;
    struct slice rest = slice_of((const char *)data + 1, len - 1);
    struct arena arena;
    struct config_diag diag;
    struct config config;
    arena_init(&arena);
    config_diag_init(&diag, &arena);
    config_init(&config, &arena, &diag, NULL);
    config.env->is_private = true;
    static const struct tls_store_conf conf = { .skip_self_issued = true };
    struct tls_store *store = tls_store_new(&config, &conf);
    struct tls_cert_files files = { .crt = write_file(&arena, "c", fuzz_pem, sizeof(fuzz_pem) - 1) };
    const char **members[] = { &files.crt, &files.key, &files.ocsp, &files.sctl, &files.issuer };
    *members[data[0] % NUM_ITEMS(members)] = write_file(&arena, "x", rest.ptr, rest.len);
    const struct config_place place = { .file = "fuzz", .line = 1 };
    must(tls_store_define(store, "@/fuzz", &files, place));
    uint32_t num;
    struct tls_cert **certs = tls_store_get(store, &num, "@/fuzz", place);
    must(!certs == (diag.num_errors > 0));
    if (certs)
        check(certs[0]);
    tls_store_free(store);
    config_fini(&config);
    arena_fini(&arena);
    return 0;
}
