// SPDX-License-Identifier: Apache-2.0
// JSON Web Tokens: their parts, every algorithm with a good and a bad signature, keys and codes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/check.h"
#include "expr/encode.h"
#include "expr/jwt.h"

// Made with OpenSSL for these tests alone.
static const char rsa_spki[] = "-----BEGIN PUBLIC KEY-----\n"
                               "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAo4H5xMSZxBUQZ0X3mKQ6\n"
                               "jG6q4M9OU+PLihJCS6TO2cl0zpHvDKSjKB6Ttl+fNeVKb9/gI456ajY/R5AbkswY\n"
                               "T9JZZjG7RybREuAX/2mDCb5N6Yz6DdnxnSOZD1Hv7lkZyJjdVGkWKWNBj1xGIdQB\n"
                               "FiLAXpvay0Iv7mCeFsGjGGtMJdLrAKKrGsB7W3FBurwFlEThsBcCO6dgppmePKtD\n"
                               "qcvpJIZxoqaHJQ7yKwS1zF5vTN5G1j2hCBubld0C3L1eKSvqyu3/0GRK7Qjufcbi\n"
                               "ebY90qLrsbJGInu8uyrwD7mqhxcSE1BUaFs2UXpy1LfGumcEXCU837v8dpk5r48d\n"
                               "lwIDAQAB\n"
                               "-----END PUBLIC KEY-----\n";
static const char rsa_pkcs1[] = "-----BEGIN RSA PUBLIC KEY-----\n"
                                "MIIBCgKCAQEAo4H5xMSZxBUQZ0X3mKQ6jG6q4M9OU+PLihJCS6TO2cl0zpHvDKSj\n"
                                "KB6Ttl+fNeVKb9/gI456ajY/R5AbkswYT9JZZjG7RybREuAX/2mDCb5N6Yz6Ddnx\n"
                                "nSOZD1Hv7lkZyJjdVGkWKWNBj1xGIdQBFiLAXpvay0Iv7mCeFsGjGGtMJdLrAKKr\n"
                                "GsB7W3FBurwFlEThsBcCO6dgppmePKtDqcvpJIZxoqaHJQ7yKwS1zF5vTN5G1j2h\n"
                                "CBubld0C3L1eKSvqyu3/0GRK7QjufcbiebY90qLrsbJGInu8uyrwD7mqhxcSE1BU\n"
                                "aFs2UXpy1LfGumcEXCU837v8dpk5r48dlwIDAQAB\n"
                                "-----END RSA PUBLIC KEY-----\n";
static const char es256_spki[] = "-----BEGIN PUBLIC KEY-----\n"
                                 "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKqazx5lF/ArPd1xcpHpfv8L9CWTW\n"
                                 "GyQFU0y8l1L88WHigfwt8l7k0yufaJdQI1IAoNsEMrtKBKOPbymY8F1q7Q==\n"
                                 "-----END PUBLIC KEY-----\n";
static const char es384_spki[] = "-----BEGIN PUBLIC KEY-----\n"
                                 "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEEXgM2uO2fJlzpTQ9mXrPaxZPWCizL8ai\n"
                                 "dSMdJ03dCIS+jTvQch6OzRZJLyO927QrSl45jxwdN6rikWVTl6IizvTpFn/71xsp\n"
                                 "j4i09FYQNi3nEumFQaRovKnw3mC/8uNc\n"
                                 "-----END PUBLIC KEY-----\n";
static const char es512_spki[] = "-----BEGIN PUBLIC KEY-----\n"
                                 "MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQAdlt7epHMQICKizphIBqFfsC8/m8W\n"
                                 "5hdxiG3u5zCcrFNefbdncyT4dXy5y47TPyKYRxWjJJF7kdPHwMa4+CfAxGAAk8Td\n"
                                 "yI8Brm5vCQenRi7FtBt/jI+MQXQXLrO1UcpXmY2kUa0s5AoN4+hkVuDTnOGnsLV6\n"
                                 "nkD1KWLCUL1k/s548HE=\n"
                                 "-----END PUBLIC KEY-----\n";

static const struct {
    const char *algorithm;
    const char *pem;
    const char *token;
} signed_tokens[] = {
    { "RS256", rsa_spki,
      "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSIsIm4iOjV9.fzsOuagTBDyZo85f-_QO8ANUJMNpl0mGSH1CJcZVlADsUtVWfu_6sZ"
      "a9mHTMpxjSlBAaS2Xw7QJ3yL1hb3QaL5fN_DwkOMAR6_6ZlkqCnblts20Kx9dJtR1m-wk_d0ERnuBgz9pw77upCn_-noXfBT5Kis"
      "fdNOjHXxmlDhuZylJgD05QPnsPO8oYhXvbCm25PYNS7t6ds446jn21D_55IzuUcS1ZD6bsPbjsj3QWcLjdk4O4KjKiywYK4zpEXb"
      "EGxevOW81g5m9y9lC0m0Qasxf2YV62LWK7X1h1qgAUBClCSsDgO57hQiqjm6HYFsY_rwOY8ggGFeLL9tx0pPwV5g" },
    { "RS384", rsa_spki,
      "eyJhbGciOiJSUzM4NCJ9.eyJzdWIiOiJtZSIsIm4iOjV9.HVFDI6kemUNf5EOj2XONQywAYqClsE4Ten2iXtQ6UA3ztu65w_g5FJ"
      "jLCefWMMha6smin0ITK3p7CVhN83P3Ue-gar9aLZW-pgLUHH-56xHZPgbV1LAuNTU6dz2mC4yAZJrH8T2VAs74NiUPU6Oe3cJJ6A"
      "lJDkbymdRcMu4T1Qm4zSDNPJdX-lgH3yRCV20YNBBvUvd9aWn2qJenv0DoLM0dvbC9mW2-wAGW9Tj282X6cO73iFT6M2jgt8VyZq"
      "3P8sN1NJs2GNR1ZNMgyNe5qQVnGwHLXvKiaAeUAU_gYcTmmhhvhetduva5CAM-v43Q-PyXCSO3w_rmos_IBmrCEA" },
    { "RS512", rsa_spki,
      "eyJhbGciOiJSUzUxMiJ9.eyJzdWIiOiJtZSIsIm4iOjV9.HM_TrsUzp-5_kv-9JXqf2t6ukLAlg-YiVWkEO0_wcUTHpDdE9uW_IJ"
      "dgPHHTDRrvxWFOQxuuqW9D4tYH6XM_spewzDggIr-AWFoe8FaiH5gmgBFZZVZc0EU38gBg6C5hU5Kk6Jr6YaJNiXWZ8Lhewo2shy"
      "E6WwRUxq-ZPibWDpnNXI-vV0Dvt12H_Kuh2Ay9PrmxmQCSODMtqv8CfZOSikjiKk5VzrEhExyx6_hRNbmvZGzHu4g7eorm4AqAJz"
      "xG_wx1-840IRqFnYaBuSShN0txN1yGNd57RwepNO2dXzD4Z8EUhPIXY3xDmNOhYAxvYLadUlFzQuOG1rbRzmACmA" },
    { "PS256", rsa_spki,
      "eyJhbGciOiJQUzI1NiJ9.eyJzdWIiOiJtZSIsIm4iOjV9.YkOOt2xQcGXlqUBi77mXJ-MCc_DJQTbT48-nBbDU51cRZP0_skC1aD"
      "7Wh76CBgtVZuTmLo-mcETIp-gQT7LYHcrO08e2OOt61yl6yi9LH4j3N8Zpw_uu4UZ_kCleVleZvBy2poiSGdI8sG4vhj8Eq0MNU0"
      "OWVNOsb3UaC-Sltb06k0bZUKam81y0EesYz5IRDYDW6-6Wzj5lqF_z-hF1Nw80q75jXxBclv03eVrpwdSmnHmId_-uwG9xQmaNrd"
      "fiHCWMRbNkhbv5mQ3-pIfii-TO5NPgKmt97o3scr_KbOr4fTNocl8avjEVUmiBlOE4Hsvoi_Z132mvcPl9UYSB3g" },
    { "PS384", rsa_spki,
      "eyJhbGciOiJQUzM4NCJ9.eyJzdWIiOiJtZSIsIm4iOjV9.TTZ-gd0po4dWm1ZJO1RIjwY2RCvbw2jVvqDXneQAtgqSYdce2YWVpU"
      "JRKJvAeiAob-wty5SfjEYEIqTWwpwl-2tpP9rwUHkhgC7L_Y1olkED2B7XH4o8wkVSXM6t3P1NXVOpN3ODXWeKRLzcuP5m4s2Z0K"
      "a3KLj-CxnNn5ia1IU_yrrU-SRkgzhpKogWcg814Wx8zRZdiAOBM-8TASlgc8EascikEccbXHL7_JMTdCtXpCGF-6_OSTldG4rv0z"
      "Qs6I4r85lAiRvlgNt_QYxVHFYuo8_mU6XV5iA0ienUBjTxwj3I74gISx8eAVbSnlJMv2f_beh4DleuKWD29BZj5Q" },
    { "PS512", rsa_spki,
      "eyJhbGciOiJQUzUxMiJ9.eyJzdWIiOiJtZSIsIm4iOjV9.CwFeIx3QHpGsheBOD9Ks_4Xv6vt1_jGxkBoA2kH0v5woo5_4_62_7T"
      "9yjvwWf2Kwzq4smDeq9fnvGeafZd42aWuZ12xUI8qUbzWM74DGNp6aijhdot7_tnJX7IewsSwgrs2CD07n2EHXVwpX1QRjxGP-w0"
      "X1vlzEjQAvcKpFMButvF6F-b1eJLauzc0L-AgckfBHZwCCy2wbi57QQUwUj2cXwd4gifh8u4HGKI4bCCERIiUfJhMtiPlOlGPmnZ"
      "q8GSIKzSji8Alnco1zwbn-lw98fExeEYt_q6vmDMUHJkWwyz7ugE5eXg8AikGCf5G_ViPnvx4Dcc76x40FTWV2jw" },
    { "ES256", es256_spki,
      "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJtZSIsIm4iOjV9.HmfqSshIGUtC4RmnBt-saCpfJabChQdnldCqf23cbxx6E0jjsVppxv"
      "9l2PGDVrn6RNi9VDVlY3OdqR5LZHUavA" },
    { "ES384", es384_spki,
      "eyJhbGciOiJFUzM4NCJ9.eyJzdWIiOiJtZSIsIm4iOjV9.OQFkK7KAB6Ae2jDFBl62r0KTgnLnbXm76WNPDzPKvHYF0yCFQKakD9"
      "EwziJesZf3VfSHIkfoyXSY2STkpva13e_D6Ls39KYKEacZvDUWDbGiX2ZeERF2KUiwlKlaeRrJ" },
    { "ES512", es512_spki,
      "eyJhbGciOiJFUzUxMiJ9.eyJzdWIiOiJtZSIsIm4iOjV9.AdJNJs5O39kBre7aIGebrt4ztFziJmZZLITiGumKPXrgHsEFsPnq3F"
      "XYZoctuRcEI6YEAlsqv5Xb-vDzRNpcXYkAASBD5u0AUB3Z17ntt17PxoimoZYoUXVejj02CCzeJpDurNnZnKEveEau01XOSUNN17"
      "w0F7qIf15-OmsRHYRnkkW_" },
};

static enum expr_jwt_result verify(const char *token, const char *algorithm, struct slice secret,
                                   const struct expr_jwt_key *key)
{
    const struct expr_jwt_algorithm *row = expr_jwt_algorithm_find(slice_str(algorithm));
    assert_non_null(row);
    // Exact memory, so that sanitizers see a read past the end.
    size_t len = strlen(token);
    char *copy = malloc(len ? len : 1);
    memcpy(copy, token, len);
    enum expr_jwt_result result = expr_jwt_verify(slice_of(copy, len), row, secret, key);
    free(copy);
    return result;
}

static const struct expr_jwt_key *load(const char *pem)
{
    char path[] = "/tmp/test_jwt_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, pem, strlen(pem)) == (ssize_t)strlen(pem));
    close(fd);
    const struct expr_jwt_key *key = expr_jwt_key_load(path);
    assert_ptr_equal(expr_jwt_key_find(slice_str(path)), key);
    unlink(path);
    return key;
}

static void split(void **state)
{
    struct expr_jwt jwt;
    (void)state;
    assert_true(expr_jwt_split(&jwt, SLICE("ab.cde.f")));
    assert_true(slice_equal(jwt.header, SLICE("ab")) && slice_equal(jwt.payload, SLICE("cde")));
    assert_true(slice_equal(jwt.signature, SLICE("f")) && slice_equal(jwt.input, SLICE("ab.cde")));
    assert_true(expr_jwt_split(&jwt, SLICE("..")) && !jwt.header.len && !jwt.payload.len && jwt.input.len == 1);
    assert_true(expr_jwt_split(&jwt, SLICE("a.b")) && !jwt.signature.len && slice_equal(jwt.input, SLICE("a.b")));
    assert_false(expr_jwt_split(&jwt, SLICE("a")));
    assert_false(expr_jwt_split(&jwt, SLICE("")));
    assert_false(expr_jwt_split(&jwt, SLICE("a.b.c.d")));
}

// RFC 7515 appendix A.1.
static void hmac(void **state)
{
    static const char token[] =
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
        ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    char key[80];
    size_t len;
    (void)state;
    assert_true(expr_base64_decode(
        key, &len, SLICE("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"),
        EXPR_BASE64_URL));
    assert_int_equal(verify(token, "HS256", slice_of(key, len), NULL), EXPR_JWT_OK);
    assert_int_equal(verify(token, "HS256", slice_of(key, len - 1), NULL), EXPR_JWT_BAD_SIGNATURE);
    assert_int_equal(verify(token, "HS256", SLICE(""), NULL), EXPR_JWT_BAD_SIGNATURE);
    assert_int_equal(verify(token, "HS384", slice_of(key, len), NULL), EXPR_JWT_BAD_SIGNATURE);
    char bad[sizeof(token)];
    memcpy(bad, token, sizeof(token));
    bad[45] ^= 1;
    assert_int_equal(verify(bad, "HS256", slice_of(key, len), NULL), EXPR_JWT_BAD_SIGNATURE);
}

static void codes(void **state)
{
    (void)state;
    assert_int_equal(verify("a.b.AAAA", "HS256", SLICE("k"), NULL), EXPR_JWT_BAD_SIGNATURE);
    assert_int_equal(verify("a.b.A", "HS256", SLICE("k"), NULL), EXPR_JWT_INVALID_TOKEN);
    assert_int_equal(verify("a.b.AAAA=", "HS256", SLICE("k"), NULL), EXPR_JWT_INVALID_TOKEN);
    assert_int_equal(verify("a.b.", "HS256", SLICE("k"), NULL), EXPR_JWT_INVALID_TOKEN);
    assert_int_equal(verify("a.b", "HS256", SLICE("k"), NULL), EXPR_JWT_INVALID_TOKEN);
    assert_int_equal(verify("a.b.c.d", "none", SLICE("k"), NULL), EXPR_JWT_INVALID_TOKEN);
    assert_int_equal(verify("a.b.", "none", SLICE("k"), NULL), EXPR_JWT_OK);
    assert_int_equal(verify("a.b.c", "none", SLICE("k"), NULL), EXPR_JWT_BAD_SIGNATURE);
    assert_int_equal(verify("a.b.AAAA", "RS256", SLICE("k"), NULL), EXPR_JWT_UNKNOWN_KEY);
    assert_null(expr_jwt_algorithm_find(SLICE("hs256")));
    assert_null(expr_jwt_algorithm_find(SLICE("HS257")));
    assert_null(expr_jwt_algorithm_find(SLICE("")));
    assert_null(expr_jwt_key_load("/nonexistent/key.pem"));
    char big[4000] = "a.b.";
    memset(big + 4, 'A', sizeof(big) - 5);
    assert_int_equal(verify(big, "RS256", SLICE("k"), load(rsa_spki)), EXPR_JWT_INVALID_TOKEN);
}

// Every signature holds with its own algorithm and key, and with no other.
static void signatures(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUM_ITEMS(signed_tokens); i++) {
        const char *token = signed_tokens[i].token;
        const struct expr_jwt_key *key = load(signed_tokens[i].pem);
        assert_int_equal(verify(token, signed_tokens[i].algorithm, SLICE(""), key), EXPR_JWT_OK);
        for (size_t k = 0; k < NUM_ITEMS(signed_tokens); k++)
            if (k != i)
                assert_int_not_equal(verify(token, signed_tokens[k].algorithm, SLICE(""), key), EXPR_JWT_OK);
        char bad[1024];
        snprintf(bad, sizeof(bad), "%s", token);
        bad[5] ^= 1;
        assert_int_equal(verify(bad, signed_tokens[i].algorithm, SLICE(""), key), EXPR_JWT_BAD_SIGNATURE);
        snprintf(bad, sizeof(bad), "%s", token);
        bad[strlen(bad) - 20] ^= 1;
        assert_int_not_equal(verify(bad, signed_tokens[i].algorithm, SLICE(""), key), EXPR_JWT_OK);
    }
    assert_int_equal(verify(signed_tokens[0].token, "RS256", SLICE(""), load(rsa_pkcs1)), EXPR_JWT_OK);
    assert_null(expr_jwt_key_load("/dev/null"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split),
        cmocka_unit_test(hmac),
        cmocka_unit_test(codes),
        cmocka_unit_test(signatures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
