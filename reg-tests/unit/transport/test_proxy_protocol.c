// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/check.h"
#include "transport/proxy_protocol.h"

// Parses `data` out of an allocation of exactly its size, so that the sanitizer sees a byte read too far.
static enum transport_proxy_parse parse(struct transport_proxy_info *info, size_t *used, const char **reason,
                                        struct slice data)
{
    char *copy = malloc(data.len ? data.len : 1);
    assert_non_null(copy);
    if (data.len)
        memcpy(copy, data.ptr, data.len);
    enum transport_proxy_parse result = transport_proxy_read(info, used, reason, slice_of(copy, data.len));
    free(copy);
    return result;
}

static void expect_bad(struct slice data, const char *why)
{
    struct transport_proxy_info info;
    const char *reason;
    size_t used;
    if (parse(&info, &used, &reason, data) != TRANSPORT_PROXY_BAD)
        fail_msg("accepted: %.*s", (int)data.len, data.ptr);
    if (why)
        assert_string_equal(reason, why);
    assert_int_equal(used, 0);
}

static void expect_more(struct slice data)
{
    struct transport_proxy_info info;
    const char *reason;
    size_t used;
    if (parse(&info, &used, &reason, data) != TRANSPORT_PROXY_MORE)
        fail_msg("not MORE for %zu bytes: %.*s", data.len, (int)data.len, data.ptr);
    assert_null(reason);
}

// All of `data` is one header; each of its prefixes wants more and bytes behind it change nothing.
static void expect_header(struct transport_proxy_info *info, struct slice data)
{
    const char *reason;
    size_t used;
    for (size_t len = 0; len < data.len; len++)
        expect_more(slice_of(data.ptr, len));
    char *longer = malloc(data.len + 3);
    assert_non_null(longer);
    memcpy(longer, data.ptr, data.len);
    memcpy(longer + data.len, "\r\nP", 3);
    assert_int_equal(parse(info, &used, &reason, slice_of(longer, data.len + 3)), TRANSPORT_PROXY_DONE);
    assert_int_equal(used, data.len);
    free(longer);
    // TLVs point into the bytes parsed: read again from those the caller holds.
    assert_int_equal(transport_proxy_read(info, &used, &reason, data), TRANSPORT_PROXY_DONE);
    assert_int_equal(used, data.len);
}

static void expect_address(const union transport_proxy_address *address, int family, const char *text, unsigned port)
{
    char buf[INET6_ADDRSTRLEN];
    assert_int_equal(address->sa.sa_family, family);
    const void *at = family == AF_INET ? (const void *)&address->in4.sin_addr : (const void *)&address->in6.sin6_addr;
    assert_non_null(inet_ntop(family, at, buf, sizeof(buf)));
    assert_string_equal(buf, text);
    assert_int_equal(ntohs(family == AF_INET ? address->in4.sin_port : address->in6.sin6_port), port);
}

static union transport_proxy_address address(const char *text, uint16_t port)
{
    union transport_proxy_address a = { 0 };
    if (inet_pton(AF_INET, text, &a.in4.sin_addr) == 1) {
        a.in4.sin_family = AF_INET;
        a.in4.sin_port = htons(port);
        return a;
    }
    a.in6.sin6_family = AF_INET6;
    a.in6.sin6_port = htons(port);
    assert_int_equal(inet_pton(AF_INET6, text, &a.in6.sin6_addr), 1);
    return a;
}

static void v1_good(void **state)
{
    (void)state;
    struct transport_proxy_info info;
    expect_header(&info, SLICE("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"));
    assert_false(info.local);
    assert_int_equal(info.version, 1);
    expect_address(&info.src, AF_INET, "192.168.0.1", 56324);
    expect_address(&info.dst, AF_INET, "192.168.0.11", 443);
    expect_header(&info, SLICE("PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n"));
    expect_header(&info, SLICE("PROXY TCP6 2001:DB8::1 ::1 1 65535\r\n"));
    expect_address(&info.src, AF_INET6, "2001:db8::1", 1);
    expect_address(&info.dst, AF_INET6, "::1", 65535);
    expect_header(&info, SLICE("PROXY TCP6 ::ffff:1.2.3.4 fe80:1234:5678:9abc:def0:1234:5678:9abc 1 2\r\n"));
    expect_address(&info.src, AF_INET6, "::ffff:1.2.3.4", 1);
    expect_header(&info, SLICE("PROXY UNKNOWN\r\n"));
    assert_true(info.local);
    assert_int_equal(info.src.sa.sa_family, AF_UNSPEC);
    expect_header(&info, SLICE("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                               "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"));
    expect_header(&info, SLICE("PROXY UNKNOWN what ever it\1may be\r\n"));
}

static void v1_bad(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "G",
        "PROXX",
        "PROXY\t",
        "PROXY\r",
        "proxy TCP4",
        "PROXY  ",
        "PROXY X",
        "PROXY TCP5",
        "PROXY TCP4\r",
        "PROXY TCP4  ",
        "PROXY UNKNOWNX",
        "PROXY UNKN\r",
        "PROXY UNKNOWN\n",
        "PROXY UNKNOWN\rx",
        "PROXY TCP4 256",
        "PROXY TCP4 01.",
        "PROXY TCP4 1..",
        "PROXY TCP4 1.2.3.4.",
        "PROXY TCP4 1.2.3 ",
        "PROXY TCP4 1.2.3. ",
        "PROXY TCP4 ::1 ",
        "PROXY TCP4 1.2.3.4 1.2.3.4x",
        "PROXY TCP4 1.2.3.4 1.2.3.4 65536",
        "PROXY TCP4 1.2.3.4 1.2.3.4 00",
        "PROXY TCP4 1.2.3.4 1.2.3.4 +1",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1  ",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 ",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r ",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 \r",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4\r\n",
        "PROXY TCP4 \r\n",
        "PROXY TCP4 1.2.3.4 ::1 ",
        "PROXY TCP6 1.2.3.4 ",
        "PROXY TCP6 :::1 ",
        "PROXY TCP6 ::1%1 ",
        "PROXY TCP6 12345:: ",
        "PROXY TCP6 1:2:3:4:5:6:7:8:9 ",
        "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    };
    for (size_t i = 0; i < NUM_ITEMS(lines); i++)
        expect_bad(slice_str(lines[i]), NULL);
    expect_bad(SLICE("PROXY TCP4 1.2.3.4\0 "), "PROXY v1: bad source address");
    expect_bad(SLICE("PROXY TCP6 ::1\0 "), "PROXY v1: bad source address");
}

static void v1_too_long(void **state)
{
    (void)state;
    struct transport_proxy_info info;
    char line[200];
    memset(line, 'x', sizeof(line));
    memcpy(line, "PROXY UNKNOWN ", 14);
    expect_more(slice_of(line, 105));
    expect_bad(slice_of(line, 106), "PROXY v1: the line is longer than 107 bytes");
    expect_bad(slice_of(line, 200), "PROXY v1: the line is longer than 107 bytes");
    memcpy(line + 106, "\r\n", 2);
    expect_bad(slice_of(line, 108), "PROXY v1: the line is longer than 107 bytes");
    memcpy(line + 105, "\r\n", 2);
    expect_header(&info, slice_of(line, 107));
}

#define SIG "\r\n\r\n\0\r\nQUIT\n"

static void v2_good(void **state)
{
    (void)state;
    struct transport_proxy_info info;
    expect_header(&info, SLICE(SIG "\x21\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x12\x34\0\x50"));
    assert_false(info.local);
    assert_int_equal(info.version, 2);
    expect_address(&info.src, AF_INET, "1.2.3.4", 0x1234);
    expect_address(&info.dst, AF_INET, "5.6.7.8", 80);
    assert_int_equal(info.num_tlvs, 0);
    // UDP over IPv4, with two TLVs, one of them empty.
    expect_header(&info, SLICE(SIG "\x21\x12\0\x14\x01\x02\x03\x04\x05\x06\x07\x08\x12\x34\0\x50\x01\0\x02h2\xe0\0\0"));
    assert_int_equal(info.num_tlvs, 2);
    assert_int_equal(info.tlvs[0].type, TRANSPORT_PROXY_TLV_ALPN);
    assert_true(slice_equal(info.tlvs[0].value, SLICE("h2")));
    assert_int_equal(info.tlvs[1].type, 0xe0);
    assert_int_equal(info.tlvs[1].value.len, 0);
    expect_header(&info, SLICE(SIG "\x21\x21\0\x24"
                                   "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
                                   "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2\1\2\3\4"));
    expect_address(&info.src, AF_INET6, "::1", 0x102);
    expect_address(&info.dst, AF_INET6, "::2", 0x304);
}

static void v2_unix(void **state)
{
    (void)state;
    struct transport_proxy_info info;
    char header[16 + 216] = SIG "\x21\x31\0\xd8/tmp/a";
    memset(header + 16 + 108, 'b', 108);
    expect_header(&info, slice_of(header, sizeof(header)));
    assert_false(info.local);
    assert_int_equal(info.src.sa.sa_family, AF_UNIX);
    assert_string_equal(info.src.un.sun_path, "/tmp/a");
    assert_memory_equal(info.dst.un.sun_path, header + 124, 108);
}

static void v2_local(void **state)
{
    (void)state;
    struct transport_proxy_info info;
    expect_header(&info, SLICE(SIG "\x20\0\0\0"));
    assert_true(info.local);
    // The family of LOCAL is ignored, whatever it says, and its block is skipped even where it is no TLV.
    expect_header(&info, SLICE(SIG "\x20\xff\0\x03xyz"));
    assert_true(info.local);
    assert_int_equal(info.num_tlvs, 0);
    expect_header(&info, SLICE(SIG "\x20\x11\0\x03xyz"));
    expect_header(&info, SLICE(SIG "\x20\0\0\x05\x02\0\x02yz"));
    assert_int_equal(info.num_tlvs, 1);
    // UNSPEC family or protocol with the PROXY command: accepted, addresses unknown.
    expect_header(&info, SLICE(SIG "\x21\0\0\x05\x02\0\x02yz"));
    assert_true(info.local);
    assert_int_equal(info.src.sa.sa_family, AF_UNSPEC);
    assert_int_equal(info.num_tlvs, 1);
    expect_header(&info, SLICE(SIG "\x21\x10\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x12\x34\0\x50"));
    assert_true(info.local);
    assert_int_equal(info.src.sa.sa_family, AF_UNSPEC);
}

static void v2_bad(void **state)
{
    (void)state;
    expect_bad(SLICE("\r\n\r\nQ"), "no PROXY header");
    expect_bad(SLICE("\r\n\r\n\0\r\nQUIT\r"), "no PROXY header");
    expect_bad(SLICE(SIG "\x11"), "PROXY v2: unknown version");
    expect_bad(SLICE(SIG "\x31"), "PROXY v2: unknown version");
    expect_bad(SLICE(SIG "\x22"), "PROXY v2: unknown command");
    expect_bad(SLICE(SIG "\x21\x41"), "PROXY v2: unknown address family or protocol");
    expect_bad(SLICE(SIG "\x21\x13"), "PROXY v2: unknown address family or protocol");
    expect_bad(SLICE(SIG "\x21\x11\0\x0b"), "PROXY v2: too short for its addresses");
    expect_bad(SLICE(SIG "\x21\x21\0\x23"), "PROXY v2: too short for its addresses");
    expect_bad(SLICE(SIG "\x21\x31\0\xd7"), "PROXY v2: too short for its addresses");
#define V4(len) SIG "\x21\x11\0" len "\x01\x02\x03\x04\x05\x06\x07\x08\x12\x34\0\x50"
    expect_bad(SLICE(V4("\x0d") "\x04"), "PROXY v2: bytes left over after the last TLV");
    expect_bad(SLICE(V4("\x0e")), "PROXY v2: bytes left over after the last TLV");
    expect_bad(SLICE(V4("\x0f") "\x04\0\x01"), "PROXY v2: a TLV is longer than the header");
    expect_bad(SLICE(V4("\x12") "\x03\0\x03"), "PROXY v2: a malformed or second CRC32c");
    expect_bad(SLICE(V4("\x13") "\x03\0\x04xxxx"), "PROXY v2: wrong CRC32c");
    expect_bad(SLICE(V4("\xff") "\x05\0\x81"), "PROXY v2: a unique id of more than 128 bytes");
}

static void v2_too_many_tlvs(void **state)
{
    (void)state;
    struct transport_proxy_info info;
    char header[28 + 33 * 3] = V4("\x6c");
    for (int i = 0; i < 33; i++)
        header[28 + i * 3] = TRANSPORT_PROXY_TLV_NOOP;
    expect_header(&info, slice_of(header, 28 + 32 * 3));
    assert_int_equal(info.num_tlvs, 32);
    header[15] += 3;
    expect_bad(slice_of(header, sizeof(header)), "PROXY v2: too many TLVs");
}

static void build_v1(void **state)
{
    (void)state;
    char out[TRANSPORT_PROXY_V1_MAX];
    union transport_proxy_address a = address("10.0.0.1", 1000), b = address("10.0.0.2", 80),
                                  c = address("2001:db8::5", 81);
    struct transport_proxy_write what = { .version = 1, .src = &a, .dst = &b };
    size_t len = transport_proxy_build(out, sizeof(out), &what);
    assert_true(slice_equal(slice_of(out, len), SLICE("PROXY TCP4 10.0.0.1 10.0.0.2 1000 80\r\n")));
    assert_int_equal(transport_proxy_build(out, len - 1, &what), 0);
    assert_int_equal(transport_proxy_build(out, len, &what), len);
    what.dst = &c;
    len = transport_proxy_build(out, sizeof(out), &what);
    assert_true(slice_equal(slice_of(out, len), SLICE("PROXY TCP6 ::ffff:10.0.0.1 2001:db8::5 1000 81\r\n")));
    what.dst = NULL;
    len = transport_proxy_build(out, sizeof(out), &what);
    assert_true(slice_equal(slice_of(out, len), SLICE("PROXY UNKNOWN\r\n")));
    what.dst = &b;
    what.local = true;
    len = transport_proxy_build(out, sizeof(out), &what);
    assert_true(slice_equal(slice_of(out, len), SLICE("PROXY UNKNOWN\r\n")));
}

static void build_v2(void **state)
{
    (void)state;
    char out[512];
    struct transport_proxy_info info;
    union transport_proxy_address a = address("10.0.0.1", 1000), b = address("10.0.0.2", 80), c = address("::2", 81);
    struct transport_proxy_tlv more[] = { { TRANSPORT_PROXY_TLV_CRC32C, SLICE("abcd") }, { 0xe1, SLICE("custom") } };
    struct transport_proxy_write what = { .version = 2,
                                          .crc32c = true,
                                          .src = &a,
                                          .dst = &b,
                                          .unique_id = SLICE("id"),
                                          .authority = SLICE("example.org"),
                                          .tlvs = more,
                                          .num_tlvs = 2 };
    size_t len = transport_proxy_build(out, sizeof(out), &what);
    expect_header(&info, slice_of(out, len));
    expect_address(&info.src, AF_INET, "10.0.0.1", 1000);
    expect_address(&info.dst, AF_INET, "10.0.0.2", 80);
    assert_int_equal(info.num_tlvs, 4);
    assert_int_equal(info.tlvs[0].type, TRANSPORT_PROXY_TLV_CRC32C);
    assert_true(slice_equal(info.tlvs[1].value, SLICE("example.org")));
    assert_true(slice_equal(info.tlvs[2].value, SLICE("id")));
    assert_int_equal(info.tlvs[3].type, 0xe1);
    for (size_t cap = 0; cap < len; cap++)
        assert_int_equal(transport_proxy_build(out, cap, &what), 0);
    // Any bit turned over in the header is found.
    assert_int_equal(transport_proxy_build(out, len, &what), len);
    for (size_t bit = 16 * 8; bit < len * 8; bit++) {
        const char *reason;
        size_t used;
        out[bit / 8] ^= (char)(1 << bit % 8);
        bool is_crc_type = bit / 8 == 28;
        if (!is_crc_type && transport_proxy_read(&info, &used, &reason, slice_of(out, len)) == TRANSPORT_PROXY_DONE)
            fail_msg("bit %zu", bit);
        out[bit / 8] ^= (char)(1 << bit % 8);
    }
    what.dst = &c;
    len = transport_proxy_build(out, sizeof(out), &what);
    expect_header(&info, slice_of(out, len));
    expect_address(&info.src, AF_INET6, "::ffff:10.0.0.1", 1000);
    what.local = true;
    len = transport_proxy_build(out, sizeof(out), &what);
    expect_header(&info, slice_of(out, len));
    assert_true(info.local);
    what = (struct transport_proxy_write){ .version = 2, .local = true };
    len = transport_proxy_build(out, sizeof(out), &what);
    assert_int_equal(len, 16);
    assert_memory_equal(out, SIG "\x20\0\0\0", 16);
}

// In the order in which HAProxy 2.6 writes them.
static void build_v2_ssl(void **state)
{
    (void)state;
    static const char expected[] = "\x01\x00\x08http/1.1\x20\x00\x31\x07\0\0\0\x0a\x21\x00\x07TLSv1.3\x22\x00\x07"
                                   "client1\x25\x00\x05"
                                   "EC256\x23\x00\x0dTLS_AES_128_X";
    char out[512];
    struct transport_proxy_info info;
    union transport_proxy_address a = address("10.0.0.1", 1000), b = address("10.0.0.2", 80);
    struct transport_proxy_ssl ssl = { .client = TRANSPORT_PROXY_CLIENT_SSL | TRANSPORT_PROXY_CLIENT_CERT_CONN |
                                                 TRANSPORT_PROXY_CLIENT_CERT_SESS,
                                       .verify = 10,
                                       .version = SLICE("TLSv1.3"),
                                       .cn = SLICE("client1"),
                                       .key_alg = SLICE("EC256"),
                                       .cipher = SLICE("TLS_AES_128_X") };
    struct transport_proxy_write what = { .version = 2, .src = &a, .dst = &b, .alpn = SLICE("http/1.1"), .ssl = &ssl };
    size_t len = transport_proxy_build(out, sizeof(out), &what);
    expect_header(&info, slice_of(out, len));
    assert_int_equal(info.num_tlvs, 2);
    assert_int_equal(len, 28 + sizeof(expected) - 1);
    assert_memory_equal(out + 28, expected, sizeof(expected) - 1);
    for (size_t cap = 0; cap < len; cap++)
        assert_int_equal(transport_proxy_build(out, cap, &what), 0);
    // A client without TLS is told of as such.
    ssl = (struct transport_proxy_ssl){ 0 };
    len = transport_proxy_build(out, sizeof(out), &what);
    expect_header(&info, slice_of(out, len));
    assert_int_equal(info.tlvs[1].value.len, 5);
}

static void build_v2_bounds(void **state)
{
    (void)state;
    static char out[TRANSPORT_PROXY_V2_MAX + 100], big[70000];
    union transport_proxy_address a = { .un = { .sun_family = AF_UNIX, .sun_path = "/a" } };
    struct transport_proxy_info info;
    struct transport_proxy_write what = { .version = 2, .src = &a, .dst = &a };
    size_t len = transport_proxy_build(out, sizeof(out), &what);
    assert_int_equal(len, 16 + 216);
    expect_header(&info, slice_of(out, len));
    assert_string_equal(info.dst.un.sun_path, "/a");
    what.authority = slice_of(big, 65535 - 216 - 3);
    len = transport_proxy_build(out, sizeof(out), &what);
    assert_int_equal(len, TRANSPORT_PROXY_V2_MAX);
    what.authority.len++;
    assert_int_equal(transport_proxy_build(out, sizeof(out), &what), 0);
    what.authority.len = 65536;
    assert_int_equal(transport_proxy_build(out, sizeof(out), &what), 0);
    what.authority.len = 0;
    what.unique_id = slice_of(big, 129);
    assert_int_equal(transport_proxy_build(out, sizeof(out), &what), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v1_good),  cmocka_unit_test(v1_bad),           cmocka_unit_test(v1_too_long),
        cmocka_unit_test(v2_good),  cmocka_unit_test(v2_unix),          cmocka_unit_test(v2_local),
        cmocka_unit_test(v2_bad),   cmocka_unit_test(v2_too_many_tlvs), cmocka_unit_test(build_v1),
        cmocka_unit_test(build_v2), cmocka_unit_test(build_v2_ssl),     cmocka_unit_test(build_v2_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
