// SPDX-License-Identifier: Apache-2.0
// JSON Web Tokens: every algorithm, with a secret and with keys of both kinds, on any text. No signature that the
// fuzzer makes up may hold, but for "none".
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/check.h"
#include "expr/encode.h"
#include "expr/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

// Keys whose private halves nobody has kept.
static const char rsa_spki[] = "-----BEGIN PUBLIC KEY-----\n"
                               "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApcwRuohiwlCXVx+qFyDa\n"
                               "ReyMQBmPKbF61gRJ1xmpoJNqvkmtGyt8sK21NQAfIvUaBMAs9eTaOF0jicNmplKd\n"
                               "4z7TH23ta9b5ZM0iYWtHorF2wu7Gn/ZC/7ddtSHSQ50e1rbM9n8niKg39HenJVIl\n"
                               "4or072b2kvOe1SNCJi3D8A0JZb7kXvUQryevSh5ZsTtsN9C26LdIPoq01g5b8HfE\n"
                               "XIYd5Qs5vdp98BuW5kOo/aBVPJ8wkMPYfT2hNFpeb8ERhUU4KxW9MoccH0E65xb6\n"
                               "7keVRYRAy/jWSjfEOQWTu9U59LT93rv+MEdeE1rZUtkBNrssWslTt+v2i54MEl4G\n"
                               "NQIDAQAB\n"
                               "-----END PUBLIC KEY-----\n";
static const char ec_spki[] = "-----BEGIN PUBLIC KEY-----\n"
                              "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdZYb4Jg1gi5UNaDe4XEfwL+mdbOH\n"
                              "WFGATp0mIKi9wjX8xQC2fJW6eH1F8P4N9XjXXgLajhbInkHH+ffr64Bp8w==\n"
                              "-----END PUBLIC KEY-----\n";

static const struct expr_jwt_key *load(const char *pem)
{
    char path[] = "/tmp/fuzz_jwt_XXXXXX";
    int fd = mkstemp(path);
    must(fd >= 0 && write(fd, pem, strlen(pem)) == (ssize_t)strlen(pem));
    close(fd);
    const struct expr_jwt_key *key = expr_jwt_key_load(path);
    unlink(path);
    must(key);
    return key;
}

static void check_base64(struct slice text)
{
    char *bytes = malloc(expr_base64_max(text.len) + 1), *back = malloc(expr_base64_len(text.len) + 1);
    must(bytes && back);
    for (int kind = EXPR_BASE64; kind <= EXPR_BASE64_URL; kind++) {
        size_t len;
        if (!expr_base64_decode(bytes, &len, text, (enum expr_base64)kind))
            continue;
        // The same text comes back but for unused bits of its last digit.
        size_t num = expr_base64_encode(back, slice_of(bytes, len), (enum expr_base64)kind);
        must(num == text.len && (num < 4 || memcmp(back, text.ptr, num - 4) == 0));
    }
    free(bytes);
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char families[][3] = { "HS", "RS", "ES", "PS" };
    static const char sizes[][4] = { "256", "384", "512" };
    static const struct expr_jwt_key *keys[2];
    if (!keys[0]) {
        keys[0] = load(rsa_spki);
        keys[1] = load(ec_spki);
    }
    char *copy = malloc(len ? len : 1);
    must(copy);
    memcpy(copy, data, len);
    struct slice token = slice_of(copy, len);
    check_base64(token);
    for (size_t f = 0; f < NUM_ITEMS(families); f++)
        for (size_t s = 0; s < NUM_ITEMS(sizes); s++) {
            char name[8];
            snprintf(name, sizeof(name), "%s%s", families[f], sizes[s]);
            const struct expr_jwt_algorithm *algorithm = expr_jwt_algorithm_find(slice_str(name));
            must(algorithm);
            for (size_t k = 0; k < NUM_ITEMS(keys); k++)
                must(expr_jwt_verify(token, algorithm, SLICE("a secret that is in no corpus"), keys[k]) < EXPR_JWT_OK);
        }
    (void)expr_jwt_verify(token, expr_jwt_algorithm_find(SLICE("none")), SLICE(""), NULL);
    free(copy);
    return 0;
}
