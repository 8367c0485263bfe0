// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <openssl/bytestring.h>
#include <openssl/nid.h>
#include <openssl/obj.h>
#include <openssl/x509v3.h>
#include "tls/x509.h"

static struct slice slice_of_cbs(const CBS *cbs)
{
    return slice_of((const char *)CBS_data(cbs), CBS_len(cbs));
}

static CBS cbs_of_slice(struct slice slice)
{
    CBS cbs;
    CBS_init(&cbs, (const uint8_t *)slice.ptr, slice.len);
    return cbs;
}

// AlgorithmIdentifier: what follows the identifier is the algorithm's own matter.
static bool read_algorithm(struct slice *oid, CBS *from)
{
    CBS algorithm, id;
    if (!CBS_get_asn1(from, &algorithm, CBS_ASN1_SEQUENCE) || !CBS_get_asn1(&algorithm, &id, CBS_ASN1_OBJECT))
        return false;
    *oid = slice_of_cbs(&id);
    return true;
}

static bool read_version(uint32_t *version, CBS *from)
{
    CBS child;
    int present;
    uint64_t number = 0;
    if (!CBS_get_optional_asn1(from, &child, &present, CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 0) ||
        (present && !CBS_get_asn1_uint64(&child, &number)) || number > 2)
        return false;
    *version = (uint32_t)number + 1;
    return true;
}

static bool read_serial(struct slice *serial, CBS *from)
{
    CBS number;
    if (!CBS_get_asn1(from, &number, CBS_ASN1_INTEGER) || CBS_len(&number) == 0)
        return false;
    while (CBS_len(&number) > 1 && CBS_data(&number)[0] == 0)
        CBS_skip(&number, 1);
    *serial = slice_of_cbs(&number);
    return true;
}

static bool read_name(struct slice *name, CBS *from)
{
    CBS element;
    if (!CBS_get_asn1_element(from, &element, CBS_ASN1_SEQUENCE))
        return false;
    *name = slice_of_cbs(&element);
    return true;
}

static bool read_time(struct slice *time, CBS *from)
{
    CBS text;
    CBS_ASN1_TAG tag;
    if (!CBS_get_any_asn1(from, &text, &tag) || (tag != CBS_ASN1_UTCTIME && tag != CBS_ASN1_GENERALIZEDTIME))
        return false;
    *time = slice_of_cbs(&text);
    return true;
}

static bool read_extensions(struct slice *extensions, CBS *from)
{
    CBS outer, list;
    int present;
    if (!CBS_get_optional_asn1(from, NULL, NULL, CBS_ASN1_CONTEXT_SPECIFIC | 1) ||
        !CBS_get_optional_asn1(from, NULL, NULL, CBS_ASN1_CONTEXT_SPECIFIC | 2) ||
        !CBS_get_optional_asn1(from, &outer, &present, CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 3))
        return false;
    if (!present)
        return true;
    if (!CBS_get_asn1(&outer, &list, CBS_ASN1_SEQUENCE))
        return false;
    *extensions = slice_of_cbs(&list);
    return true;
}

bool tls_x509_read(struct tls_x509 *out, struct slice der)
{
    CBS all = cbs_of_slice(der), cert, body, validity, key;
    *out = (struct tls_x509){ 0 };
    return CBS_get_asn1(&all, &cert, CBS_ASN1_SEQUENCE) && CBS_get_asn1(&cert, &body, CBS_ASN1_SEQUENCE) &&
           read_version(&out->version, &body) && read_serial(&out->serial, &body) &&
           read_algorithm(&out->signed_by, &body) && read_name(&out->issuer, &body) &&
           CBS_get_asn1(&body, &validity, CBS_ASN1_SEQUENCE) && read_time(&out->not_before, &validity) &&
           read_time(&out->not_after, &validity) && read_name(&out->subject, &body) &&
           CBS_get_asn1(&body, &key, CBS_ASN1_SEQUENCE) && read_algorithm(&out->key, &key) &&
           read_extensions(&out->extensions, &body);
}

struct slice tls_x509_algorithm(struct slice oid)
{
    CBS id = cbs_of_slice(oid);
    int nid = OBJ_cbs2nid(&id);
    const char *name = nid != NID_undef ? OBJ_nid2sn(nid) : NULL;
    return name ? slice_str(name) : (struct slice){ 0 };
}

struct slice tls_x509_time(struct slice time)
{
    enum { UTC_LEN = 13, GENERALIZED_LEN = 15 };
    if (time.len == UTC_LEN)
        return time;
    if (time.len == GENERALIZED_LEN && memcmp(time.ptr, "20", 2) == 0)
        return slice_from(time, 2);
    return (struct slice){ 0 };
}

// The contents of the extension `nid`; false where there is none.
static bool find_extension(CBS *value, const struct tls_x509 *cert, int nid)
{
    CBS list = cbs_of_slice(cert->extensions), extension, id;
    while (CBS_len(&list)) {
        if (!CBS_get_asn1(&list, &extension, CBS_ASN1_SEQUENCE) || !CBS_get_asn1(&extension, &id, CBS_ASN1_OBJECT) ||
            !CBS_get_optional_asn1(&extension, NULL, NULL, CBS_ASN1_BOOLEAN) ||
            !CBS_get_asn1(&extension, value, CBS_ASN1_OCTETSTRING))
            return false;
        if (OBJ_cbs2nid(&id) == nid)
            return true;
    }
    return false;
}

static bool print_names(BIO *text, GENERAL_NAMES *names)
{
    for (size_t i = 0; i < sk_GENERAL_NAME_num(names); i++)
        if ((i && BIO_write(text, ", ", 2) != 2) || !GENERAL_NAME_print(text, sk_GENERAL_NAME_value(names, i)))
            return false;
    return true;
}

// The library ends an IPv6 address with a line feed; of other names one would be a trick.
static size_t copy_line(char *out, const uint8_t *text, size_t len)
{
    size_t num = 0;
    for (size_t i = 0; i < len; i++)
        if (text[i] != '\n')
            out[num++] = (char)text[i];
    return num;
}

size_t tls_x509_alt_names(char *out, size_t cap, const struct tls_x509 *cert)
{
    CBS value;
    const uint8_t *text;
    size_t len = 0;
    if (!find_extension(&value, cert, NID_subject_alt_name))
        return 0;
    const uint8_t *at = CBS_data(&value);
    GENERAL_NAMES *names = d2i_GENERAL_NAMES(NULL, &at, (long)CBS_len(&value));
    BIO *bio = BIO_new(BIO_s_mem());
    if (names && bio && print_names(bio, names) && BIO_mem_contents(bio, &text, &len) && len <= cap && len)
        len = copy_line(out, text, len);
    else
        len = 0;
    BIO_free(bio);
    GENERAL_NAMES_free(names);
    return len;
}
