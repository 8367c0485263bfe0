// SPDX-License-Identifier: Apache-2.0
// OCSP responses (RFC 6960 section 4.2.1) in words.
#include <stdlib.h>
#include <string.h>
#include <openssl/base64.h>
#include <openssl/bytestring.h>
#include <openssl/digest.h>
#include <openssl/mem.h>
#include <openssl/pool.h>
#include <openssl/sha.h>
#include "cert_inner.h"
#include "tls/show.h"
#include "tls/x509.h"

enum { CONTEXT = CBS_ASN1_CONTEXT_SPECIFIC, CONTEXT_LIST = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED };

static void hex(struct text *out, const char *before, const uint8_t *bytes, size_t len, bool upper)
{
    text_printf(out, "%s", before);
    for (size_t i = 0; i < len; i++)
        text_printf(out, upper ? "%02X" : "%02x", bytes[i]);
}

static void hex_cbs(struct text *out, const char *before, CBS cbs)
{
    // The zero that says that a number is not negative is no part of it.
    if (CBS_len(&cbs) > 1 && CBS_data(&cbs)[0] == 0)
        CBS_skip(&cbs, 1);
    hex(out, before, CBS_data(&cbs), CBS_len(&cbs), true);
    text_printf(out, "\n");
}

// ---- the CertID of a certificate

static const CRYPTO_BUFFER *issuer_of(const struct tls_cert *cert)
{
    return cert->issuer ? cert->issuer : cert->num_chain > 1 ? cert->chain[1] : NULL;
}

struct cert_id {
    uint8_t name_hash[SHA_DIGEST_LENGTH];
    uint8_t key_hash[SHA_DIGEST_LENGTH];
    CBS serial;
};

static bool id_make(struct cert_id *id, const struct tls_cert *cert)
{
    struct cert_parts parts, issuer;
    CBS key, bits;
    uint8_t unused;
    const CRYPTO_BUFFER *by = issuer_of(cert);
    if (!cert->num_chain || !by ||
        !cert_parts_read(&parts, CRYPTO_BUFFER_data(cert->chain[0]), CRYPTO_BUFFER_len(cert->chain[0])) ||
        !cert_parts_read(&issuer, CRYPTO_BUFFER_data(by), CRYPTO_BUFFER_len(by)) ||
        !CBS_get_asn1(&issuer.key, &key, CBS_ASN1_SEQUENCE) || !CBS_get_asn1(&key, NULL, CBS_ASN1_SEQUENCE) ||
        !CBS_get_asn1(&key, &bits, CBS_ASN1_BITSTRING) || !CBS_get_u8(&bits, &unused))
        return false;
    SHA1(CBS_data(&parts.issuer), CBS_len(&parts.issuer), id->name_hash);
    SHA1(CBS_data(&bits), CBS_len(&bits), id->key_hash);
    id->serial = parts.serial;
    return true;
}

static bool id_write(CBB *out, const struct cert_id *id)
{
    CBB list, value;
    return CBB_add_asn1(out, &list, CBS_ASN1_SEQUENCE) && EVP_marshal_digest_algorithm(&list, EVP_sha1()) &&
           CBB_add_asn1_octet_string(&list, id->name_hash, sizeof(id->name_hash)) &&
           CBB_add_asn1_octet_string(&list, id->key_hash, sizeof(id->key_hash)) &&
           CBB_add_asn1(&list, &value, CBS_ASN1_INTEGER) &&
           CBB_add_bytes(&value, CBS_data(&id->serial), CBS_len(&id->serial)) && CBB_flush(out);
}

void tls_show_ocsp_key(struct text *out, const struct tls_cert *cert)
{
    struct cert_id id;
    CBB cbb;
    if (!id_make(&id, cert) || !CBB_init(&cbb, 128))
        return;
    if (id_write(&cbb, &id))
        hex(out, "", CBB_data(&cbb), CBB_len(&cbb), false);
    CBB_cleanup(&cbb);
}

void tls_show_ocsp_id(struct text *out, const struct tls_cert *cert)
{
    struct cert_id id;
    if (!id_make(&id, cert))
        return;
    hex(out, "      Issuer Name Hash: ", id.name_hash, sizeof(id.name_hash), true);
    hex(out, "\n      Issuer Key Hash: ", id.key_hash, sizeof(id.key_hash), true);
    text_printf(out, "\n");
    hex_cbs(out, "      Serial Number: ", id.serial);
}

// ---- the response

void tls_show_ocsp_base64(struct text *out, struct slice der)
{
    size_t len;
    if (!EVP_EncodedLength(&len, der.len))
        return;
    uint8_t *digits = OPENSSL_malloc(len);
    if (digits)
        text_printf(out, "%.*s\n", (int)EVP_EncodeBlock(digits, (const uint8_t *)der.ptr, der.len), (char *)digits);
    OPENSSL_free(digits);
}

static void show_time(struct text *out, const char *before, const CBS *time)
{
    int64_t seconds;
    char text[64];
    struct tm tm;
    if (!cert_time_read(time, CBS_ASN1_GENERALIZEDTIME, &seconds))
        return;
    time_t at = (time_t)seconds;
    if (gmtime_r(&at, &tm) && strftime(text, sizeof(text), "%b %e %H:%M:%S %Y GMT", &tm))
        text_printf(out, "%s%s\n", before, text);
}

static void show_responder(struct text *out, const CBS *responder, CBS_ASN1_TAG tag)
{
    char name[2048];
    CBS value = *responder, key;
    if (tag == (CONTEXT_LIST | 1)) {
        size_t len = tls_x509_name(name, sizeof(name), slice_of((const char *)CBS_data(&value), CBS_len(&value)));
        text_printf(out, "    Responder Id: %.*s\n", (int)len, name);
    } else if (CBS_get_asn1(&value, &key, CBS_ASN1_OCTETSTRING)) {
        hex(out, "    Responder Id: ", CBS_data(&key), CBS_len(&key), true);
        text_printf(out, "\n");
    }
}

static const char *hash_name(const CBS *oid)
{
    CBS copy = *oid;
    const EVP_MD *md = EVP_parse_digest_algorithm(&copy);
    return !md ? "unknown" : EVP_MD_size(md) == SHA_DIGEST_LENGTH ? "sha1" : "sha256";
}

static bool show_single(struct text *out, CBS *responses)
{
    CBS entry, id, algorithm, hash, name, key, serial, status, time, wrap;
    CBS_ASN1_TAG tag;
    int present;
    if (!CBS_get_asn1(responses, &entry, CBS_ASN1_SEQUENCE) || !CBS_get_asn1(&entry, &id, CBS_ASN1_SEQUENCE) ||
        !CBS_get_asn1_element(&id, &algorithm, CBS_ASN1_SEQUENCE) || !CBS_get_asn1(&id, &name, CBS_ASN1_OCTETSTRING) ||
        !CBS_get_asn1(&id, &key, CBS_ASN1_OCTETSTRING) || !CBS_get_asn1(&id, &serial, CBS_ASN1_INTEGER) ||
        !CBS_get_any_asn1(&entry, &status, &tag) || !CBS_get_asn1(&entry, &time, CBS_ASN1_GENERALIZEDTIME))
        return false;
    hash = algorithm;
    text_printf(out, "    Certificate ID:\n      Hash Algorithm: %s\n", hash_name(&hash));
    hex(out, "      Issuer Name Hash: ", CBS_data(&name), CBS_len(&name), true);
    hex(out, "\n      Issuer Key Hash: ", CBS_data(&key), CBS_len(&key), true);
    text_printf(out, "\n");
    hex_cbs(out, "      Serial Number: ", serial);
    text_printf(out, "    Cert Status: %s\n",
                tag == CONTEXT              ? "good"
                : tag == (CONTEXT_LIST | 1) ? "revoked"
                                            : "unknown");
    show_time(out, "    This Update: ", &time);
    if (CBS_get_optional_asn1(&entry, &wrap, &present, CONTEXT_LIST) && present &&
        CBS_get_asn1(&wrap, &time, CBS_ASN1_GENERALIZEDTIME))
        show_time(out, "    Next Update: ", &time);
    return true;
}

void tls_show_ocsp(struct text *out, struct slice der)
{
    CBS all, response, wrap, bytes, octets, basic, tbs, responder, produced, responses;
    CBS_ASN1_TAG tag;
    CBS_init(&all, (const uint8_t *)der.ptr, der.len);
    text_printf(out, "OCSP Response Data:\n    OCSP Response Status: successful (0x0)\n"
                     "    Response Type: Basic OCSP Response\n    Version: 1 (0x0)\n");
    if (!CBS_get_asn1(&all, &response, CBS_ASN1_SEQUENCE) || !CBS_get_asn1(&response, NULL, CBS_ASN1_ENUMERATED) ||
        !CBS_get_asn1(&response, &wrap, CONTEXT_LIST) || !CBS_get_asn1(&wrap, &bytes, CBS_ASN1_SEQUENCE) ||
        !CBS_get_asn1(&bytes, NULL, CBS_ASN1_OBJECT) || !CBS_get_asn1(&bytes, &octets, CBS_ASN1_OCTETSTRING) ||
        !CBS_get_asn1(&octets, &basic, CBS_ASN1_SEQUENCE) || !CBS_get_asn1(&basic, &tbs, CBS_ASN1_SEQUENCE) ||
        !CBS_get_optional_asn1(&tbs, NULL, NULL, CONTEXT_LIST) || !CBS_get_any_asn1(&tbs, &responder, &tag) ||
        !CBS_get_asn1(&tbs, &produced, CBS_ASN1_GENERALIZEDTIME) || !CBS_get_asn1(&tbs, &responses, CBS_ASN1_SEQUENCE))
        return;
    show_responder(out, &responder, tag);
    show_time(out, "    Produced At: ", &produced);
    text_printf(out, "    Responses:\n");
    while (CBS_len(&responses) && show_single(out, &responses))
        continue;
}
