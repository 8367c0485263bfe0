// SPDX-License-Identifier: Apache-2.0
// Converters of hashes, encodings and cryptography, through whole expressions: published vectors, the values of
// HAProxy, and what is refused.
#include <stdio.h>
#include "expr/encode.h"
#include "expr/toy.h"
#include "expr/var.h"

static struct toy_config config;

// The value of `text` as text, "-" for none.
static struct slice eval(struct expr_subject *subject, const char *text)
{
    struct config_line line = { .first = 1, .num_args = 2, .place = { .file = "toy", .line = 1, .column = 1 } };
    line.args = arena_alloc(&config.arena, 2 * sizeof(*line.args));
    line.args[1] = (struct config_arg){ .str = text, .len = (uint32_t)strlen(text), .column = 1 };
    line.place.text = text;
    struct expr expr;
    if (!expr_parse(&config.config, &expr, &line, 0))
        fail_msg("%s: %s", text, toy_message(&config, NULL));
    struct slice value = expr_eval_str(&expr, subject);
    return value.ptr ? value : SLICE("-");
}

static void check(const char *text, const char *value)
{
    struct toy toy = { 0 };
    struct slice got = eval(toy_subject(&toy), text);
    if (!slice_equal(got, slice_str(value)))
        fail_msg("%s is %.*s, not %s", text, (int)got.len, got.ptr, value);
}

static void refused(const char *text, const char *says)
{
    struct config_line line = toy_line(&config, text);
    struct expr expr;
    line.first = 0;
    if (expr_parse(&config.config, &expr, &line, 0))
        fail_msg("%s is accepted", text);
    if (!strstr(toy_message(&config, NULL), says))
        fail_msg("%s: %s", text, toy_message(&config, NULL));
}

static void hashes(void **state)
{
    (void)state;
    check("str(hello),crc32", "907060870");
    check("str(hello),crc32(0)", "907060870");
    check("str(hello),crc32(1)", "3902247103");
    check("str(hello),crc32(-1)", "3902247103");
    check("str(hello),crc32c", "2591144780");
    check("str(hello),djb2", "261238937");
    check("str(hello),sdbm(1)", "2061535398");
    check("str(hello),wt6(1)", "140457739");
    check("str(hello),xxh32", "4211111929");
    check("str(hello),xxh32(5)", "3191799670");
    check("str(hello),xxh32(-1)", "655458443");
    check("str(hello),xxh64", "2794345569481354659");
    check("str(hello),xxh64(5)", "5588056476589539108");
    check("str(hello),xxh64(-1)", "125878816811915416");
    check("str(hello),xxh3", "-7685981735718036227");
    check("str(hello),xxh3(5)", "-5040988036188159185");
    refused("str(x),crc32(x)", "expected a number");
    refused("str(x),xxh64(1,2)", "takes");
}

// RFC 4648 section 10, and what is no base64.
static void base64(void **state)
{
    static const char *const known[][2] = { { "f", "Zg==" },        { "fo", "Zm8=" },        { "foo", "Zm9v" },
                                            { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" } };
    char text[64];
    (void)state;
    for (size_t i = 0; i < NUM_ITEMS(known); i++) {
        snprintf(text, sizeof(text), "str(%s),base64", known[i][0]);
        check(text, known[i][1]);
        snprintf(text, sizeof(text), "str(%s),b64dec", known[i][1]);
        check(text, known[i][0]);
        snprintf(text, sizeof(text), "str(%s),ub64enc,ub64dec", known[i][0]);
        check(text, known[i][0]);
    }
    check("str(//79/IA=),b64dec,hex", "FFFEFDFC80");
    check("str(//79/IA=),b64dec,ub64enc", "__79_IA");
    check("str(__79_IA),ub64dec,hex", "FFFEFDFC80");
    static const char *const bad[] = { "aGVsbG8",  "aGVsbG8==", "a===", "aG=sbG8=",
                                       "aGV sbG8", "__79_IA=",  "====", "%GVs" };
    for (size_t i = 0; i < NUM_ITEMS(bad); i++) {
        snprintf(text, sizeof(text), "str(\"%s\"),b64dec", bad[i]);
        check(text, "-");
    }
    static const char *const bad_url[] = { "aGVsbG8=", "aGVsb", "//79/IA", "aGV.bG8" };
    for (size_t i = 0; i < NUM_ITEMS(bad_url); i++) {
        snprintf(text, sizeof(text), "str(%s),ub64dec", bad_url[i]);
        check(text, "-");
    }
}

// Every byte decodes as the alphabet says, without a table.
static void base64_digits(void **state)
{
    (void)state;
    for (int kind = EXPR_BASE64; kind <= EXPR_BASE64_URL; kind++) {
        const char *alphabet = kind == EXPR_BASE64 ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
                                                   : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        for (int c = 0; c < 256; c++) {
            char text[4] = { 'A', 'A', 'A', (char)c }, out[3];
            size_t len;
            const char *at = memchr(alphabet, c, 64);
            bool ok = expr_base64_decode(out, &len, slice_of(text, 4), (enum expr_base64)kind);
            assert_int_equal(ok, at != NULL || (kind == EXPR_BASE64 && c == '='));
            if (at)
                assert_int_equal(out[2], at - alphabet);
        }
    }
}

static void digits(void **state)
{
    (void)state;
    check("str(jk),hex", "6A6B");
    check("str(FF0),hex2i", "4080");
    check("str(fg),hex2i", "-");
    check("str(ffffffffffffffff),hex2i", "-1");
    check("str(1ffffffffffffffff),hex2i", "-1");
    check("str(0x10),hex2i", "-");
    check("str(Bf8=),b64dec,base2", "0000010111111111");
#define BYTES "str(AQIDBAUGBw==),b64dec,"
    check(BYTES "be2dec(:,2)", "258:772:1286:7");
    check(BYTES "be2dec(-,2,1)", "258-772-1286");
    check(BYTES "be2dec(,2,1)", "2587721286");
    check(BYTES "le2dec(:,2)", "513:1027:1541:7");
    check("str(//////////8=),b64dec,be2dec(.,8)", "18446744073709551615");
    check(BYTES "be2hex", "01020304050607");
    check(BYTES "be2hex(:,2)", "0102:0304:0506:07");
    check(BYTES "be2hex(--,2,1)", "0102--0304--0506");
    check(BYTES "be2hex(,3,1)", "010203040506");
    check(BYTES "be2hex(,9,1)", "");
    refused(BYTES "be2dec(:,9)", "from 1 to 8");
    refused(BYTES "be2dec(:,2,2)", "from 0 to 1");
    refused(BYTES "be2hex(:)", "expected a number");
    refused(BYTES "be2hex(:,0)", "expected a number from 1");
}

// FIPS 180 "abc", RFC 4231 test case 2.
static void digests(void **state)
{
    (void)state;
    check("str(abc),sha1,hex", "A9993E364706816ABA3E25717850C26C9CD0D89D");
    check("str(abc),sha2,hex", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD");
    check("str(abc),sha2(224),hex", "23097D223405D8228642A477BDA255B32AADBCE4BDA0B3F7E36C9DA7");
    check("str(abc),digest(SHA2-256),hex", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD");
    check("str(abc),digest(md5),hex", "900150983CD24FB0D6963F7D28E17F72");
    check("str(abc),digest(sha512-256),hex", "53048E2681941EF99B2E29B76B4C7DABE4C2D0C634FC6D46E0E2F13107E7AF23");
    check("str(abc),digest(md5-sha1),hex", "900150983CD24FB0D6963F7D28E17F72A9993E364706816ABA3E25717850C26C9CD0D89D");
    check("str(\"what do ya want for nothing?\"),hmac(sha256,SmVmZQ==),hex",
          "5BDCC146BF60754E6A042426089575C75A003F089D2739839DEC58B964EC3843");
    refused("str(abc),digest(md6)", "no digest 'md6'");
    refused("str(abc),sha2(100)", "224, 256, 384 or 512");
    refused("str(abc),hmac(sha256,YWF)", "expected base64");
}

// There and back; and the vectors of the GCM specification.
static void gcm(void **state)
{
    static const char nonce[] = "yv66vvrO263erviI", key[] = "/v/pkoZlcxxtao+UZzCDCA==";
    char text[512];
    (void)state;
    struct toy toy = { 0 };
    struct expr_subject *subject = toy_subject(&toy);
    static const struct expr_var_limits limits;
    subject->process->vars = expr_var_pool_new(&limits);
    subject->scopes = 1u << EXPR_SCOPE_TXN;
    snprintf(text, sizeof(text), "str(secret),aes_gcm_enc(128,%s,%s,txn.tag),base64", nonce, key);
    struct slice sealed = eval(subject, text);
    char copy[64];
    snprintf(copy, sizeof(copy), "%.*s", (int)sealed.len, sealed.ptr);
    assert_string_not_equal(copy, "-");
    snprintf(text, sizeof(text), "str(%s),b64dec,aes_gcm_dec(128,%s,%s,txn.tag)", copy, nonce, key);
    assert_true(slice_equal(eval(subject, text), SLICE("secret")));
    copy[0] ^= 1;
    snprintf(text, sizeof(text), "str(%s),b64dec,aes_gcm_dec(128,%s,%s,txn.tag)", copy, nonce, key);
    assert_true(slice_equal(eval(subject, text), SLICE("-")));
    // A key of all zero, a nonce of all zero, 16 bytes of zero: test case 2 of the GCM specification.
    assert_true(slice_equal(eval(subject, "str(AAAAAAAAAAAAAAAAAAAAAA==),b64dec,aes_gcm_enc(128,AAAAAAAAAAAAAAAA,"
                                          "AAAAAAAAAAAAAAAAAAAAAA==,txn.tag),hex"),
                            SLICE("0388DACE60B6A392F328C2B971B2FE78")));
    assert_true(slice_equal(eval(subject, "var(txn.tag),b64dec,hex"), SLICE("AB6E47D42CEC13BDF53A67B21257BDDF")));
    expr_vars_end(subject, EXPR_SCOPE_TXN);
    expr_var_pool_free(subject->process->vars);
    refused("str(a),aes_gcm_enc(100,AAAA,AAAA,txn.t)", "128, 192 or 256");
    refused("str(a),aes_gcm_enc(128,AAAA,AAAA,txn.t)", "the key has 24 bits, not 128");
    refused("str(a),aes_gcm_enc(128,AAAA,txn.k,tag)", "name of a variable");
    refused("str(a),aes_gcm_dec(128,AAAA,txn.k,AAAA)", "the tag must be 16 bytes");
}

static void jwt(void **state)
{
    (void)state;
    check("str(a.b.),jwt_verify(none,x)", "1");
    check("str(a.b.AAAA),jwt_verify(HS256,x)", "0");
    check("str(a.b.A),jwt_verify(HS256,x)", "-3");
    check("str(eyJhbGciOiJIUzI1NiJ9.e30.c2ln),jwt_verify(HS256,secret)", "0");
    refused("str(a.b.c),jwt_verify(HS257,x)", "no JWT algorithm");
    refused("str(a.b.c),jwt_verify(RS256,/nonexistent)", "cannot read a public key");
}

static int setup(void **state)
{
    (void)state;
    toy_init(&config);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    toy_fini(&config);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes),  cmocka_unit_test(base64), cmocka_unit_test(base64_digits), cmocka_unit_test(digits),
        cmocka_unit_test(digests), cmocka_unit_test(gcm),    cmocka_unit_test(jwt),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
