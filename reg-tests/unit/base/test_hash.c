// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/check.h"
#include "base/hash.h"

// The examples of RFC 3720 appendix B.4, and agreement of both implementations at every length and alignment.
static void crc32c(void **state)
{
    (void)state;
    unsigned char data[256];
    memset(data, 0, 32);
    assert_int_equal(hash_crc32c(0, slice_of((char *)data, 32)), 0x8a9136aa);
    memset(data, 0xff, 32);
    assert_int_equal(hash_crc32c(0, slice_of((char *)data, 32)), 0x62a8ab43);
    for (unsigned i = 0; i < 32; i++)
        data[i] = (unsigned char)i;
    assert_int_equal(hash_crc32c(0, slice_of((char *)data, 32)), 0x46dd794e);
    for (unsigned i = 0; i < 32; i++)
        data[i] = (unsigned char)(31 - i);
    assert_int_equal(hash_crc32c(0, slice_of((char *)data, 32)), 0x113fdb5c);
    assert_int_equal(hash_crc32c(0, SLICE("123456789")), 0xe3069283);
    assert_int_equal(hash_crc32c(hash_crc32c(0, SLICE("1234")), SLICE("56789")), 0xe3069283);
    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)(i * 167 + i / 3);
    for (size_t from = 0; from < 9; from++)
        for (size_t len = 0; len < 100; len++) {
            struct slice part = slice_of((char *)data + from, len);
            assert_int_equal(hash_crc32c(7, part), hash_crc32c_portable(7, part));
        }
}

// The check value of the CRC catalogue, in one piece and in two.
static void crc32(void **state)
{
    (void)state;
    assert_int_equal(hash_crc32(0, SLICE("123456789")), 0xcbf43926);
    assert_int_equal(hash_crc32(hash_crc32(0, SLICE("1234")), SLICE("56789")), 0xcbf43926);
    assert_int_equal(hash_crc32(0, SLICE("hello")), 907060870u);
}

// What HAProxy gives for the same keys.
static void keys(void **state)
{
    static const struct {
        struct slice key;
        uint32_t djb2, sdbm, wt6;
    } known[] = {
        { SLICE("hello"), 261238937u, 684824882u, 3538347703u },
        { SLICE("\xff\xfe\xfd\xfc\x80"), 445974043u, 1338462338u, 1424226297u },
        { SLICE(""), 5381u, 0, 4187620192u },
    };
    (void)state;
    for (size_t i = 0; i < NUM_ITEMS(known); i++) {
        assert_int_equal(hash_djb2(known[i].key), known[i].djb2);
        assert_int_equal(hash_sdbm(known[i].key), known[i].sdbm);
        assert_int_equal(hash_wt6(known[i].key), known[i].wt6);
    }
    assert_int_equal(hash_wt6(SLICE("hello world and more")), 1446236810u);
}

static void avalanche(void **state)
{
    (void)state;
    assert_int_equal(hash_avalanche(0), 2874071335u);
    assert_int_equal(hash_avalanche(hash_crc32(0, SLICE("hello"))), 3902247103u);
    assert_int_equal(hash_avalanche(hash_crc32c(0, SLICE("hello"))), 2290590055u);
    assert_int_equal(hash_avalanche(hash_djb2(SLICE("hello"))), 1119739105u);
    assert_int_equal(hash_avalanche(hash_sdbm(SLICE("hello"))), 2061535398u);
    assert_int_equal(hash_avalanche(hash_wt6(SLICE("hello"))), 140457739u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c),
        cmocka_unit_test(crc32),
        cmocka_unit_test(keys),
        cmocka_unit_test(avalanche),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
