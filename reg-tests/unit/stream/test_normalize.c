// SPDX-License-Identifier: Apache-2.0
// Normalizers of targets: the examples of the manual, edges, and no byte written past the room.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "stream/normalize.h"

struct example {
    stream_normalize_fn *run;
    const char *in;
    const char *out; // NULL: invalid
};

static const struct example examples[] = {
    { stream_normalize_fragment_encode, "/#foo", "/%23foo" },
    { stream_normalize_fragment_encode, "/a##", "/a%23%23" },
    { stream_normalize_fragment_strip, "/#foo", "/" },
    { stream_normalize_fragment_strip, "/a", "/a" },
    { stream_normalize_merge_slashes, "//", "/" },
    { stream_normalize_merge_slashes, "/foo//bar///", "/foo/bar/" },
    { stream_normalize_dot, "/.", "/" },
    { stream_normalize_dot, "/./", "/" },
    { stream_normalize_dot, "/./bar/", "/bar/" },
    { stream_normalize_dot, "/a/./a", "/a/a" },
    { stream_normalize_dot, "/.well-known/", "/.well-known/" },
    { stream_normalize_dot, "/a/..", "/a/.." },
    { stream_normalize_dotdot, "/foo/../", "/" },
    { stream_normalize_dotdot, "/foo/..", "/" },
    { stream_normalize_dotdot, "/foo/../bar/", "/bar/" },
    { stream_normalize_dotdot, "/foo/bar/../", "/foo/" },
    { stream_normalize_dotdot, "/../bar/", "/../bar/" },
    { stream_normalize_dotdot, "/bar/../../", "/../" },
    { stream_normalize_dotdot, "/a/../../b/..", "/../" },
    { stream_normalize_dotdot, "/foo//../", "/foo/" },
    { stream_normalize_dotdot, "/foo/%2E%2E/", "/foo/%2E%2E/" },
    { stream_normalize_dotdot, "/a/..b/.../", "/a/..b/.../" },
    { stream_normalize_dotdot_full, "/../bar/", "/bar/" },
    { stream_normalize_dotdot_full, "/bar/../../", "/" },
    { stream_normalize_dotdot_full, "/../../..", "/" },
    { stream_normalize_decode, "/%61dmin", "/admin" },
    { stream_normalize_decode, "/foo%3Fbar=baz", "/foo%3Fbar=baz" },
    { stream_normalize_decode, "/%%36%36", "/%66" },
    { stream_normalize_decode, "/%ZZ%4", "/%ZZ%4" },
    { stream_normalize_decode, "/%7e%2D%5f%2E%30", "/~-_.0" },
    { stream_normalize_decode_strict, "/%61", "/a" },
    { stream_normalize_decode_strict, "/%%36%36", NULL },
    { stream_normalize_decode_strict, "/%ZZ", NULL },
    { stream_normalize_decode_strict, "/%6", NULL },
    { stream_normalize_upper, "/%6f", "/%6F" },
    { stream_normalize_upper, "/%zz%aF", "/%zz%AF" },
    { stream_normalize_upper_strict, "/%zz", NULL },
    { stream_normalize_sort, "c=3&a=1&b=2", "a=1&b=2&c=3" },
    { stream_normalize_sort, "aaa=3&a=1&aa=2", "a=1&aa=2&aaa=3" },
    { stream_normalize_sort, "a=3&b=4&a=1&b=5&a=2", "a=3&a=1&a=2&b=4&b=5" },
    { stream_normalize_sort, "b&&a", "&a&b" },
    { stream_normalize_sort, "", "" },
};

static void test_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        const struct example *it = &examples[i];
        char out[256];
        size_t len = 0;
        enum stream_normalized result = it->run(out, sizeof(out), &len, slice_str(it->in));
        if (!it->out) {
            assert_int_equal(result, STREAM_NORMALIZE_INVALID);
            continue;
        }
        assert_int_equal(result, STREAM_NORMALIZED);
        out[len] = '\0';
        assert_string_equal(out, it->out);
        // What is normal stays as it is; "%%36" is the one that the manual warns of.
        assert_int_equal(it->run(out + 128, 128, &len, slice_str(it->out)), STREAM_NORMALIZED);
        if (!strstr(it->in, "%%"))
            assert_true(slice_equal(slice_of(out + 128, len), slice_str(it->out)));
    }
}

// Short room gives FULL or a result that fits, whatever comes.
static void test_room(void **state)
{
    static stream_normalize_fn *const all[] = {
        stream_normalize_fragment_encode,
        stream_normalize_fragment_strip,
        stream_normalize_merge_slashes,
        stream_normalize_dot,
        stream_normalize_dotdot,
        stream_normalize_dotdot_full,
        stream_normalize_decode,
        stream_normalize_decode_strict,
        stream_normalize_upper,
        stream_normalize_upper_strict,
        stream_normalize_sort,
    };
    static const char letters[] = "/./.#%4a&=";
    (void)state;
    srand(1);
    for (unsigned round = 0; round < 20000; round++) {
        char in[24];
        size_t in_len = (size_t)rand() % sizeof(in), cap = (size_t)rand() % 40, len = 0;
        for (size_t i = 0; i < in_len; i++)
            in[i] = letters[(size_t)rand() % (sizeof(letters) - 1)];
        char *out = malloc(cap + 1);
        assert_non_null(out);
        out[cap] = 'x';
        enum stream_normalized result =
            all[round % (sizeof(all) / sizeof(all[0]))](out, cap, &len, slice_of(in, in_len));
        assert_true(result != STREAM_NORMALIZED || len <= cap);
        assert_int_equal(out[cap], 'x');
        free(out);
    }
}

// As many parameters as there is a place for, and one more.
static void test_many_params(void **state)
{
    static char in[1200], out[1200];
    size_t len;
    (void)state;
    memset(in, '&', sizeof(in));
    assert_int_equal(stream_normalize_sort(out, sizeof(out), &len, slice_of(in, 511)), STREAM_NORMALIZED);
    assert_int_equal(len, 511);
    assert_int_equal(stream_normalize_sort(out, sizeof(out), &len, slice_of(in, 512)), STREAM_NORMALIZE_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_many_params),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
