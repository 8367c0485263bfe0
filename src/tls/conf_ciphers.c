// SPDX-License-Identifier: Apache-2.0
// Cipher strings of OpenSSL's language (ciphers(1)), over the suites that this library has. The library reads such
// strings too, but some words mean other suites to it (HIGH has 3DES), and it either ignores what it does not know or
// refuses the whole.
#include <string.h>
#include <openssl/nid.h>
#include <openssl/ssl.h>
#include "base/check.h"
#include "conf_inner.h"

enum { KX_RSA = 1, KX_ECDHE = 2, KX_ANY = 3 };
enum { AUTH_RSA = 1, AUTH_ECDSA = 2, AUTH_ANY = 3 };
enum { ENC_128 = 1, ENC_256 = 2, ENC_128_GCM = 4, ENC_256_GCM = 8, ENC_CHACHA = 16, ENC_3DES = 32 };
enum { MAC_SHA1 = 1, MAC_AEAD = 2, MAC_ANY = 3 };

// OpenSSL counts 3DES among its MEDIUM ciphers and as a rule is built without it: it takes its name.
enum { ENC_GCM = ENC_128_GCM | ENC_256_GCM, ENC_AES = ENC_128 | ENC_256 | ENC_GCM, ENC_ANY = ENC_AES | ENC_CHACHA };

struct cipher_kind {
    uint8_t kx;
    uint8_t auth;
    uint8_t enc;
    uint8_t mac;
};

struct cipher {
    const SSL_CIPHER *suite;
    struct cipher_kind kind;
    uint8_t group; // of suites that the client chooses among, 0: none
    bool on;
};

enum { CIPHERS_MAX = 32 };
struct cipher_list {
    struct cipher items[CIPHERS_MAX];
    size_t num;
    uint8_t group; // of what is being added
    uint8_t groups;
};

static const struct {
    struct slice name;
    struct cipher_kind kind; // a member that is zero: no suite is of that kind
} cipher_words[] = {
    { SLICE("ALL"), { KX_ANY, AUTH_ANY, ENC_ANY, MAC_ANY } },
    { SLICE("DEFAULT"), { KX_ANY, AUTH_ANY, ENC_ANY, MAC_ANY } },
    { SLICE("HIGH"), { KX_ANY, AUTH_ANY, ENC_ANY, MAC_ANY } },
    { SLICE("FIPS"), { KX_ANY, AUTH_ANY, ENC_AES, MAC_ANY } },
    { SLICE("MEDIUM"), { KX_ANY, AUTH_ANY, ENC_3DES, MAC_ANY } },
    { SLICE("3DES"), { KX_ANY, AUTH_ANY, ENC_3DES, MAC_ANY } },
    { SLICE("kRSA"), { KX_RSA, AUTH_ANY, ENC_ANY, MAC_ANY } },
    { SLICE("RSA"), { KX_RSA, AUTH_RSA, ENC_ANY, MAC_ANY } },
    { SLICE("aRSA"), { KX_ANY, AUTH_RSA, ENC_ANY, MAC_ANY } },
    { SLICE("kECDHE"), { KX_ECDHE, AUTH_ANY, ENC_ANY, MAC_ANY } },
    { SLICE("kEECDH"), { KX_ECDHE, AUTH_ANY, ENC_ANY, MAC_ANY } },
    { SLICE("ECDHE"), { KX_ECDHE, AUTH_ANY, ENC_ANY, MAC_ANY } },
    { SLICE("EECDH"), { KX_ECDHE, AUTH_ANY, ENC_ANY, MAC_ANY } },
    { SLICE("ECDH"), { KX_ECDHE, AUTH_ANY, ENC_ANY, MAC_ANY } },
    { SLICE("aECDSA"), { KX_ANY, AUTH_ECDSA, ENC_ANY, MAC_ANY } },
    { SLICE("ECDSA"), { KX_ANY, AUTH_ECDSA, ENC_ANY, MAC_ANY } },
    { SLICE("AES"), { KX_ANY, AUTH_ANY, ENC_AES, MAC_ANY } },
    { SLICE("AES128"), { KX_ANY, AUTH_ANY, ENC_128 | ENC_128_GCM, MAC_ANY } },
    { SLICE("AES256"), { KX_ANY, AUTH_ANY, ENC_256 | ENC_256_GCM, MAC_ANY } },
    { SLICE("AESGCM"), { KX_ANY, AUTH_ANY, ENC_GCM, MAC_ANY } },
    { SLICE("CHACHA20"), { KX_ANY, AUTH_ANY, ENC_CHACHA, MAC_ANY } },
    { SLICE("SHA"), { KX_ANY, AUTH_ANY, ENC_ANY, MAC_SHA1 } },
    { SLICE("SHA1"), { KX_ANY, AUTH_ANY, ENC_ANY, MAC_SHA1 } },
    { SLICE("SSLv3"), { KX_ANY, AUTH_ANY, ENC_ANY, MAC_SHA1 } },
    { SLICE("TLSv1"), { KX_ANY, AUTH_ANY, ENC_ANY, MAC_SHA1 } },
    { SLICE("TLSv1.0"), { KX_ANY, AUTH_ANY, ENC_ANY, MAC_SHA1 } },
    { SLICE("TLSv1.2"), { KX_ANY, AUTH_ANY, ENC_ANY, MAC_AEAD } },
};

// Words of OpenSSL for suites that this library has none of: to take them out takes nothing out.
static const char *const cipher_words_void[] = {
    "ADH",
    "AECDH",
    "AESCCM",
    "AESCCM8",
    "ARIA",
    "ARIA128",
    "ARIA256",
    "ARIAGCM",
    "CAMELLIA",
    "CAMELLIA128",
    "CAMELLIA256",
    "CBC",
    "COMPLEMENTOFALL",
    "COMPLEMENTOFDEFAULT",
    "DES",
    "DH",
    "DHE",
    "DSS",
    "ECDHEPSK",
    "EDH",
    "EXP",
    "EXPORT",
    "EXPORT40",
    "EXPORT56",
    "GOST",
    "GOST12",
    "GOST89MAC",
    "GOST94",
    "IDEA",
    "KRB5",
    "LOW",
    "MD5",
    "NULL",
    "PSK",
    "RC2",
    "RC4",
    "SEED",
    "SHA256",
    "SHA384",
    "SRP",
    "SSLv2",
    "aDH",
    "aDSS",
    "aECDH",
    "aGOST",
    "aGOST01",
    "aGOST12",
    "aKRB5",
    "aNULL",
    "aPSK",
    "aSRP",
    "eNULL",
    "kDH",
    "kDHE",
    "kDHEPSK",
    "kDHd",
    "kDHr",
    "kECDH",
    "kECDHEPSK",
    "kECDHe",
    "kECDHr",
    "kEDH",
    "kFZA",
    "kGOST",
    "kKRB5",
    "kPSK",
    "kRSAPSK",
    "kSRP",
};

static struct cipher_kind kind_of(const SSL_CIPHER *suite)
{
    struct cipher_kind kind = { .mac = SSL_CIPHER_is_aead(suite) ? MAC_AEAD : MAC_SHA1 };
    int kx = SSL_CIPHER_get_kx_nid(suite), auth = SSL_CIPHER_get_auth_nid(suite);
    kind.kx = kx == NID_kx_rsa ? KX_RSA : kx == NID_kx_ecdhe ? KX_ECDHE : 0;
    kind.auth = auth == NID_auth_rsa ? AUTH_RSA : auth == NID_auth_ecdsa ? AUTH_ECDSA : 0;
    switch (SSL_CIPHER_get_cipher_nid(suite)) {
    case NID_aes_128_cbc:
        kind.enc = ENC_128;
        break;
    case NID_aes_256_cbc:
        kind.enc = ENC_256;
        break;
    case NID_aes_128_gcm:
        kind.enc = ENC_128_GCM;
        break;
    case NID_aes_256_gcm:
        kind.enc = ENC_256_GCM;
        break;
    case NID_chacha20_poly1305:
        kind.enc = ENC_CHACHA;
        break;
    case NID_des_ede3_cbc:
        kind.enc = ENC_3DES;
        break;
    }
    return kind;
}

// All suites below TLS 1.3 in the library's order, but those of pre-shared keys, which nothing here has.
static void list_init(struct cipher_list *list, SSL_CTX *ctx)
{
    must(SSL_CTX_set_cipher_list(ctx, "ALL"));
    const STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx);
    *list = (struct cipher_list){ .num = 0 };
    for (size_t i = 0; i < sk_SSL_CIPHER_num(all) && list->num < CIPHERS_MAX; i++) {
        const SSL_CIPHER *suite = sk_SSL_CIPHER_value(all, i);
        struct cipher_kind kind = kind_of(suite);
        if (SSL_CIPHER_get_min_version(suite) < TLS1_3_VERSION && kind.kx && kind.auth && kind.enc)
            list->items[list->num++] = (struct cipher){ .suite = suite, .kind = kind };
    }
}

static bool is_kind(struct cipher_kind a, struct cipher_kind of)
{
    return a.kx & of.kx && a.auth & of.auth && a.enc & of.enc && a.mac & of.mac;
}

static bool is_void_word(struct slice name)
{
    for (size_t i = 0; i < NUM_ITEMS(cipher_words_void); i++)
        if (slice_equal(slice_str(cipher_words_void[i]), name))
            return true;
    return false;
}

static bool is_suite_13(struct slice name)
{
    return slice_begins(name, SLICE("TLS_AES_")) || slice_begins(name, SLICE("TLS_CHACHA20_"));
}

// What one rule, without its operator, stands for: one suite or several words joined by '+'.
struct cipher_rule {
    const SSL_CIPHER *suite;
    struct cipher_kind kind;
    bool known; // a word of the language, be it for nothing
};

static struct cipher_rule rule_of(const struct cipher_list *list, struct slice name)
{
    struct cipher_rule rule = { .kind = { KX_ANY, AUTH_ANY, ENC_ANY | ENC_3DES, MAC_ANY }, .known = true };
    for (size_t i = 0; i < list->num; i++) {
        const SSL_CIPHER *suite = list->items[i].suite;
        if (slice_equal(name, slice_str(SSL_CIPHER_get_name(suite))) ||
            slice_equal(name, slice_str(SSL_CIPHER_standard_name(suite)))) {
            rule.suite = suite;
            return rule;
        }
    }
    do {
        struct slice word = slice_of(name.ptr, slice_find(name, '+'));
        name = slice_from(name, word.len + 1);
        size_t i = 0;
        while (i < NUM_ITEMS(cipher_words) && !slice_equal(cipher_words[i].name, word))
            i++;
        if (i == NUM_ITEMS(cipher_words)) {
            rule.known &= is_void_word(word);
            rule.kind.kx = 0;
            continue;
        }
        const struct cipher_kind *kind = &cipher_words[i].kind;
        rule.kind.kx &= kind->kx;
        rule.kind.auth &= kind->auth;
        rule.kind.enc &= kind->enc;
        rule.kind.mac &= kind->mac;
    } while (name.len > 0);
    return rule;
}

static void move_last(struct cipher_list *list, size_t at)
{
    struct cipher moved = list->items[at];
    memmove(&list->items[at], &list->items[at + 1], (list->num - at - 1) * sizeof(moved));
    list->items[list->num - 1] = moved;
}

// Applies a rule, and says whether it meant any suite that is still there.
static bool list_apply(struct cipher_list *list, char operator, const struct cipher_rule * rule)
{
    bool any = false;
    for (size_t i = 0, left = list->num; left > 0; left--) {
        struct cipher *item = &list->items[i];
        bool meant = rule->suite ? item->suite == rule->suite : is_kind(item->kind, rule->kind);
        any |= meant;
        // Each case leaves `i` at the next one to look at; what moved to the end was counted in `left`.
        if (meant && operator== '!') {
            memmove(item, item + 1, (list->num - i - 1) * sizeof(*item));
            list->num--;
        } else if (meant && (operator== '+' ? item->on : operator== '-' ? false : !item->on)) {
            item->on = true;
            item->group = list->group;
            move_last(list, i);
        } else {
            item->on &= !meant || operator!= '-';
            i++;
        }
    }
    return any;
}

static void sort_strength(struct cipher_list *list)
{
    for (size_t i = 1; i < list->num; i++) {
        struct cipher item = list->items[i];
        size_t at = i;
        while (at > 0 && SSL_CIPHER_get_bits(list->items[at - 1].suite, NULL) < SSL_CIPHER_get_bits(item.suite, NULL)) {
            list->items[at] = list->items[at - 1];
            at--;
        }
        list->items[at] = item;
    }
}

static void apply_word(struct cipher_list *list, struct tls_conf_lost *lost, struct slice word)
{
    char operator= strchr("!-+@", word.ptr[0]) ? word.ptr[0] : '\0';
    struct slice name = slice_from(word, operator? 1 : 0);
    if (operator== '@') {
        if (slice_equal(name, SLICE("STRENGTH")))
            sort_strength(list);
        else
            tls_conf_lost_add(lost, word);
        return;
    }
    // Suites of TLS 1.3 are always there.
    if (is_suite_13(name))
        return;
    struct cipher_rule rule = rule_of(list, name);
    bool any = list_apply(list, operator, & rule);
    // A suite that is taken out although it was never there is no loss.
    if (operator? !rule.known && !strchr(name.ptr, '-') : !any)
        tls_conf_lost_add(lost, word);
}

static const char *list_text(struct config *config, const struct cipher_list *list)
{
    struct text text;
    text_init(&text);
    uint8_t group = 0;
    for (size_t i = 0; i < list->num; i++) {
        const struct cipher *item = &list->items[i];
        if (!item->on)
            continue;
        bool same = item->group && item->group == group;
        text_printf(&text, "%s%s%s%s", group && !same ? "]" : "",
                    same       ? "|"
                    : text.len ? ":"
                               : "",
                    item->group && !same ? "[" : "", SSL_CIPHER_get_name(item->suite));
        group = item->group;
    }
    text_printf(&text, "%s", group ? "]" : "");
    const char *made = text.len ? arena_copy(config->arena, text.ptr, text.len) : NULL;
    text_fini(&text);
    return made;
}

void tls_conf_ciphers_text(struct config *config, const char **ciphers, struct tls_conf_lost *lost, struct slice text)
{
    struct cipher_list list;
    SSL_CTX *ctx = SSL_CTX_new(TLS_with_buffers_method());
    must(ctx);
    list_init(&list, ctx);
    while (text.len > 0) {
        if (*text.ptr == '[')
            list.group = ++list.groups;
        else if (*text.ptr == ']')
            list.group = 0;
        size_t len = 0;
        while (len < text.len && !strchr(":, ;[]|", text.ptr[len]))
            len++;
        if (len)
            apply_word(&list, lost, slice_of(text.ptr, len));
        text = slice_from(text, len ? len : 1);
    }
    *ciphers = list_text(config, &list);
    must(!*ciphers || SSL_CTX_set_strict_cipher_list(ctx, *ciphers));
    SSL_CTX_free(ctx);
}

bool tls_conf_ciphers(struct config *config, struct tls_conf *conf, const struct config_line *line, uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index);
    struct tls_conf_lost lost = { .num = 0 };
    const char *ciphers;
    text_init(&lost.names);
    tls_conf_ciphers_text(config, &ciphers, &lost, slice_of(arg->str, arg->len));
    if (!tls_conf_lost_end(config, &lost, line, index, "ciphers", ciphers))
        return false;
    conf->ciphers = ciphers;
    return true;
}

// The library negotiates all of them and lets nobody leave one out.
bool tls_conf_suites(struct config *config, const struct config_line *line, uint32_t index)
{
    static const struct slice suites[] = {
        SLICE("TLS_AES_128_GCM_SHA256"),
        SLICE("TLS_AES_256_GCM_SHA384"),
        SLICE("TLS_CHACHA20_POLY1305_SHA256"),
    };
    const struct config_arg *arg = config_arg_at(line, index);
    struct slice rest = slice_of(arg->str, arg->len);
    struct tls_conf_lost lost = { .num = 0 };
    unsigned seen = 0;
    text_init(&lost.names);
    while (rest.len > 0) {
        struct slice one = slice_of(rest.ptr, slice_find(rest, ':'));
        size_t i = 0;
        rest = slice_from(rest, one.len + 1);
        while (i < NUM_ITEMS(suites) && !slice_equal(suites[i], one))
            i++;
        if (i < NUM_ITEMS(suites))
            seen |= 1u << i;
        else if (one.len)
            tls_conf_lost_add(&lost, one);
    }
    for (size_t i = 0; i < NUM_ITEMS(suites); i++) {
        if (seen >> i & 1)
            continue;
        text_fini(&lost.names);
        return config_error(config, line, index,
                            "%s is not in the list, but BoringSSL fixes the suites of TLS 1.3: "
                            "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256, which all "
                            "are safe, is the only list there can be",
                            suites[i].ptr);
    }
    return tls_conf_lost_end(config, &lost, line, index, "ciphersuites", true);
}
