// SPDX-License-Identifier: Apache-2.0
// Distinguished names: a list of sets, each of them mostly of one type with its value.
#include <string.h>
#include <openssl/bio.h>
#include <openssl/bytestring.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/obj.h>
#include <openssl/x509.h>
#include "tls/x509.h"

// A walk over the entries of a Name.
struct walk {
    CBS sets;
    CBS set;
};

static bool walk_begin(struct walk *walk, struct slice name)
{
    CBS all;
    CBS_init(&all, (const uint8_t *)name.ptr, name.len);
    CBS_init(&walk->set, NULL, 0);
    return CBS_get_asn1(&all, &walk->sets, CBS_ASN1_SEQUENCE);
}

// False at the end, and where the encoding is broken.
static bool walk_next(struct walk *walk, CBS *type, struct slice *value)
{
    CBS entry, text;
    CBS_ASN1_TAG tag;
    while (!CBS_len(&walk->set))
        if (!CBS_len(&walk->sets) || !CBS_get_asn1(&walk->sets, &walk->set, CBS_ASN1_SET))
            return false;
    if (!CBS_get_asn1(&walk->set, &entry, CBS_ASN1_SEQUENCE) || !CBS_get_asn1(&entry, type, CBS_ASN1_OBJECT) ||
        !CBS_get_any_asn1(&entry, &text, &tag))
        return false;
    *value = slice_of((const char *)CBS_data(&text), CBS_len(&text));
    return true;
}

static bool is_clean(struct slice value)
{
    return slice_find(value, '\0') == value.len;
}

// The short name of a type; for those the library does not know its numbers, in `*made`, to be freed.
static const char *type_name(const CBS *type, char **made)
{
    int nid = OBJ_cbs2nid(type);
    const char *name = nid != NID_undef ? OBJ_nid2sn(nid) : NULL;
    *made = name ? NULL : CBS_asn1_oid_to_text(type);
    return name ? name : *made;
}

static bool append(char *out, size_t *len, size_t cap, struct slice text)
{
    if (text.len > cap - *len)
        return false;
    if (text.len)
        memcpy(out + *len, text.ptr, text.len);
    *len += text.len;
    return true;
}

size_t tls_x509_name(char *out, size_t cap, struct slice name)
{
    struct walk walk;
    CBS type;
    struct slice value;
    size_t len = 0;
    bool ok = walk_begin(&walk, name);
    while (ok && walk_next(&walk, &type, &value)) {
        char *made;
        const char *text = type_name(&type, &made);
        ok = text && is_clean(value) && append(out, &len, cap, SLICE("/")) && append(out, &len, cap, slice_str(text)) &&
             append(out, &len, cap, SLICE("=")) && append(out, &len, cap, value);
        OPENSSL_free(made);
    }
    return ok ? len : 0;
}

static bool all_clean(struct slice name)
{
    struct walk walk;
    CBS type;
    struct slice value;
    if (!walk_begin(&walk, name))
        return false;
    while (walk_next(&walk, &type, &value))
        if (!is_clean(value))
            return false;
    return true;
}

size_t tls_x509_name_rfc2253(char *out, size_t cap, struct slice name)
{
    const uint8_t *at = (const uint8_t *)name.ptr, *text;
    size_t len = 0;
    if (!all_clean(name))
        return 0;
    X509_NAME *parsed = d2i_X509_NAME(NULL, &at, (long)name.len);
    BIO *bio = BIO_new(BIO_s_mem());
    if (parsed && bio && X509_NAME_print_ex(bio, parsed, 0, XN_FLAG_RFC2253) >= 0 &&
        BIO_mem_contents(bio, &text, &len) && len && len <= cap)
        memcpy(out, text, len);
    else
        len = 0;
    BIO_free(bio);
    X509_NAME_free(parsed);
    return len;
}

static bool is_type(const CBS *type, struct slice wanted)
{
    char *made;
    const char *text = type_name(type, &made);
    bool same = text && slice_equal_nocase(slice_str(text), wanted);
    OPENSSL_free(made);
    return same;
}

bool tls_x509_name_entry(struct slice *value, struct slice name, struct slice type, int64_t nth)
{
    struct walk walk;
    CBS at;
    struct slice each;
    int64_t num = 0;
    if (!nth || !walk_begin(&walk, name))
        return false;
    while (walk_next(&walk, &at, &each))
        num += is_type(&at, type);
    // Counted from the end: the same one counted from the start.
    int64_t left = nth > 0 ? nth : num + 1 + nth;
    if (left < 1 || left > num || !walk_begin(&walk, name))
        return false;
    while (walk_next(&walk, &at, &each)) {
        if (!is_type(&at, type) || --left)
            continue;
        *value = each;
        return is_clean(each);
    }
    return false;
}
