// SPDX-License-Identifier: Apache-2.0
// The parts of a certificate that we look at. A walk over the DER costs a hundredth of building an X509 object, which
// counts with ten thousand of them.
#include <string.h>
#include <time.h>
#include <openssl/bytestring.h>
#include "base/check.h"
#include "cert_inner.h"

static const uint8_t oid_common_name[] = { 0x55, 0x04, 0x03 };
static const uint8_t oid_alt_name[] = { 0x55, 0x1d, 0x11 };

// A dNSName in GeneralName: [2] IA5String.
enum { TAG_DNS_NAME = CBS_ASN1_CONTEXT_SPECIFIC | 2 };
enum { TAG_EXTENSIONS = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 3 };
enum { TAG_VERSION = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED };

bool cert_time_read(const CBS *time, CBS_ASN1_TAG tag, int64_t *seconds)
{
    struct tm tm = { 0 };
    bool ok = tag == CBS_ASN1_UTCTIME ? CBS_parse_utc_time(time, &tm, 1) : CBS_parse_generalized_time(time, &tm, 1);
    if (ok)
        *seconds = timegm(&tm);
    return ok;
}

static bool read_validity(struct cert_parts *parts, CBS *tbs)
{
    CBS validity, time;
    CBS_ASN1_TAG tag;
    return CBS_get_asn1(tbs, &validity, CBS_ASN1_SEQUENCE) && CBS_get_any_asn1(&validity, &time, &tag) &&
           cert_time_read(&time, tag, &parts->not_before) && CBS_get_any_asn1(&validity, &time, &tag) &&
           cert_time_read(&time, tag, &parts->not_after);
}

static bool read_extensions(struct cert_parts *parts, CBS *tbs)
{
    CBS wrap, list, extension, oid, value;
    int present;
    // Unique identifiers ([1], [2]) are of no use to anybody.
    if (!CBS_get_optional_asn1(tbs, NULL, NULL, CBS_ASN1_CONTEXT_SPECIFIC | 1) ||
        !CBS_get_optional_asn1(tbs, NULL, NULL, CBS_ASN1_CONTEXT_SPECIFIC | 2) ||
        !CBS_get_optional_asn1(tbs, &wrap, &present, TAG_EXTENSIONS))
        return false;
    if (!present)
        return true;
    if (!CBS_get_asn1(&wrap, &list, CBS_ASN1_SEQUENCE))
        return false;
    while (CBS_len(&list)) {
        if (!CBS_get_asn1(&list, &extension, CBS_ASN1_SEQUENCE) || !CBS_get_asn1(&extension, &oid, CBS_ASN1_OBJECT) ||
            !CBS_get_optional_asn1(&extension, NULL, NULL, CBS_ASN1_BOOLEAN) ||
            !CBS_get_asn1(&extension, &value, CBS_ASN1_OCTETSTRING))
            return false;
        if (CBS_mem_equal(&oid, oid_alt_name, sizeof(oid_alt_name)) &&
            (!CBS_get_asn1(&value, &parts->san, CBS_ASN1_SEQUENCE) || CBS_len(&value)))
            return false;
    }
    return true;
}

bool cert_parts_read(struct cert_parts *parts, const uint8_t *der, size_t len)
{
    CBS all, cert, tbs;
    memset(parts, 0, sizeof(*parts));
    CBS_init(&all, der, len);
    return CBS_get_asn1(&all, &cert, CBS_ASN1_SEQUENCE) && CBS_get_asn1(&cert, &tbs, CBS_ASN1_SEQUENCE) &&
           CBS_get_optional_asn1(&tbs, NULL, NULL, TAG_VERSION) &&
           CBS_get_asn1(&tbs, &parts->serial, CBS_ASN1_INTEGER) && CBS_get_asn1(&tbs, NULL, CBS_ASN1_SEQUENCE) &&
           CBS_get_asn1_element(&tbs, &parts->issuer, CBS_ASN1_SEQUENCE) && read_validity(parts, &tbs) &&
           CBS_get_asn1_element(&tbs, &parts->subject, CBS_ASN1_SEQUENCE) &&
           CBS_get_asn1_element(&tbs, &parts->key, CBS_ASN1_SEQUENCE) && read_extensions(parts, &tbs);
}

// A name that no server name can equal (RFC 6066 section 3) is left out.
static bool name_is_plain(const CBS *name)
{
    for (size_t i = 0; i < CBS_len(name); i++)
        if (CBS_data(name)[i] <= ' ' || CBS_data(name)[i] >= 0x7f)
            return false;
    return CBS_len(name) > 0;
}

// A CN usually repeats a name of the SAN; names of a SAN do not repeat each other.
static void add_name(struct slice *names, uint32_t *num, const CBS *name, bool is_cn, struct arena *arena)
{
    if (!name_is_plain(name))
        return;
    struct slice found = slice_of((const char *)CBS_data(name), CBS_len(name));
    for (uint32_t i = 0; is_cn && i < *num; i++)
        if (slice_equal_nocase(names[i], found))
            return;
    char *copy = arena_copy(arena, found.ptr, found.len);
    for (size_t i = 0; i < found.len; i++)
        copy[i] = slice_lower(copy[i]);
    names[(*num)++] = slice_of(copy, found.len);
}

// Visits the DNS names and the CNs; with `names` NULL it counts them.
static uint32_t each_name(const struct cert_parts *parts, struct slice *names, uint32_t *num, struct arena *arena)
{
    CBS san = parts->san, subject = parts->subject, rdns, rdn, pair, oid, value;
    CBS_ASN1_TAG tag;
    uint32_t seen = 0;
    while (CBS_len(&san) && CBS_get_any_asn1(&san, &value, &tag)) {
        if (tag != TAG_DNS_NAME)
            continue;
        seen++;
        if (names)
            add_name(names, num, &value, false, arena);
    }
    if (!CBS_get_asn1(&subject, &rdns, CBS_ASN1_SEQUENCE))
        return seen;
    while (CBS_len(&rdns) && CBS_get_asn1(&rdns, &rdn, CBS_ASN1_SET)) {
        while (CBS_len(&rdn) && CBS_get_asn1(&rdn, &pair, CBS_ASN1_SEQUENCE)) {
            if (!CBS_get_asn1(&pair, &oid, CBS_ASN1_OBJECT) || !CBS_get_any_asn1(&pair, &value, &tag) ||
                !CBS_mem_equal(&oid, oid_common_name, sizeof(oid_common_name)))
                continue;
            seen++;
            if (names)
                add_name(names, num, &value, true, arena);
        }
    }
    return seen;
}

uint32_t cert_parts_names(const struct cert_parts *parts, struct slice **names, struct arena *arena)
{
    uint32_t num = 0;
    *names = arena_alloc(arena, (each_name(parts, NULL, NULL, NULL) + 1) * sizeof(**names));
    each_name(parts, *names, &num, arena);
    return num;
}
