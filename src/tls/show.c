// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <openssl/base64.h>
#include <openssl/bytestring.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/pool.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include "bind_inner.h"
#include "cert_inner.h"
#include "tls/entry.h"
#include "tls/show.h"
#include "tls/x509.h"
#include "trust_inner.h"

enum { NAME_MAX_LEN = 16384 };

static void show_hex(struct text *out, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        text_printf(out, "%02X", bytes[i]);
}

static void show_time(struct text *out, const char *before, int64_t seconds, const char *after)
{
    char text[64];
    struct tm tm;
    time_t time = (time_t)seconds;
    if (gmtime_r(&time, &tm) && strftime(text, sizeof(text), "%b %e %H:%M:%S %Y GMT", &tm))
        text_printf(out, "%s%s%s", before, text, after);
}

static void show_name(struct text *out, const char *before, struct slice name)
{
    char *text = malloc(NAME_MAX_LEN);
    size_t len = text ? tls_x509_name(text, NAME_MAX_LEN, name) : 0;
    text_printf(out, "%s: %.*s\n", before, (int)len, text ? text : "");
    free(text);
}

static void show_alt_names(struct text *out, const struct tls_x509 *cert)
{
    char *text = malloc(NAME_MAX_LEN);
    size_t len = text ? tls_x509_alt_names(text, NAME_MAX_LEN, cert) : 0;
    text_printf(out, "Subject Alternative Name: %.*s\n", (int)len, text ? text : "");
    free(text);
}

// "RSA2048", "EC256".
static void show_algorithm(struct text *out, const CBS *key_info)
{
    CBS cbs = *key_info;
    EVP_PKEY *key = EVP_parse_public_key(&cbs);
    int id = key ? EVP_PKEY_id(key) : 0;
    const char *name = id == EVP_PKEY_RSA       ? "RSA"
                       : id == EVP_PKEY_EC      ? "EC"
                       : id == EVP_PKEY_ED25519 ? "ED25519"
                                                : "UNKNOWN";
    text_printf(out, "Algorithm: %s", name);
    if (key && id != EVP_PKEY_ED25519)
        text_printf(out, "%d", EVP_PKEY_bits(key));
    text_printf(out, "\n");
    EVP_PKEY_free(key);
}

static void show_der(struct text *out, struct slice der)
{
    struct tls_x509 cert;
    struct cert_parts parts;
    uint8_t digest[SHA_DIGEST_LENGTH];
    if (!tls_x509_read(&cert, der) || !cert_parts_read(&parts, (const uint8_t *)der.ptr, der.len))
        return;
    text_printf(out, "Serial: ");
    show_hex(out, (const uint8_t *)cert.serial.ptr, cert.serial.len);
    show_time(out, "\nnotBefore: ", parts.not_before, "\n");
    show_time(out, "notAfter: ", parts.not_after, "\n");
    show_alt_names(out, &cert);
    show_algorithm(out, &parts.key);
    text_printf(out, "SHA1 FingerPrint: ");
    show_hex(out, SHA1((const uint8_t *)der.ptr, der.len, digest), sizeof(digest));
    text_printf(out, "\n");
    show_name(out, "Subject", cert.subject);
    show_name(out, "Issuer", cert.issuer);
}

static struct slice buffer_slice(const CRYPTO_BUFFER *buffer)
{
    return slice_of((const char *)CRYPTO_BUFFER_data(buffer), CRYPTO_BUFFER_len(buffer));
}

void tls_show_cert(struct text *out, const struct tls_cert *cert)
{
    if (cert->num_chain)
        show_der(out, buffer_slice(cert->chain[0]));
    for (uint32_t i = 1; i < cert->num_chain; i++) {
        struct tls_x509 issuer;
        if (!tls_x509_read(&issuer, buffer_slice(cert->chain[i])))
            continue;
        show_name(out, "Chain Subject", issuer.subject);
        show_name(out, "Chain Issuer", issuer.issuer);
    }
}

// ---- files of authorities

uint32_t tls_show_file_num(const struct trust_file *file)
{
    uint32_t num = 0;
    for (size_t i = 0; i < file->num; i++)
        num += file->is_crl ? file->items[i].crl != NULL : file->items[i].cert != NULL;
    return num;
}

bool tls_show_file_is_empty(const struct trust_file *file)
{
    return file->is_new;
}

static void show_x509(struct text *out, X509 *cert)
{
    uint8_t *der = NULL;
    int len = i2d_X509(cert, &der);
    if (len > 0)
        show_der(out, slice_of((const char *)der, (size_t)len));
    OPENSSL_free(der);
}

static void show_asn1_time(struct text *out, const char *before, const ASN1_TIME *time)
{
    int64_t seconds;
    if (time && ASN1_TIME_to_posix(time, &seconds))
        show_time(out, before, seconds, "\n");
}

static void show_x509_name(struct text *out, const char *before, X509_NAME *name)
{
    uint8_t *der = NULL;
    int len = i2d_X509_NAME(name, &der);
    if (len > 0)
        show_name(out, before, slice_of((const char *)der, (size_t)len));
    OPENSSL_free(der);
}

static void show_algorithm_name(struct text *out, const char *before, const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *oid;
    X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
    struct slice name = tls_x509_algorithm(slice_of((const char *)OBJ_get0_data(oid), OBJ_length(oid)));
    text_printf(out, "%s: %.*s\n", before, (int)name.len, name.ptr);
}

static void show_revoked(struct text *out, const STACK_OF(X509_REVOKED) * list)
{
    size_t num = list ? sk_X509_REVOKED_num(list) : 0;
    text_printf(out, num ? "Revoked Certificates:\n" : "No Revoked Certificates.\n");
    for (size_t i = 0; i < num; i++) {
        const X509_REVOKED *revoked = sk_X509_REVOKED_value(list, i);
        const ASN1_INTEGER *serial = X509_REVOKED_get0_serialNumber(revoked);
        text_printf(out, "    Serial Number: ");
        show_hex(out, ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
        text_printf(out, "\n");
        show_asn1_time(out, "        Revocation Date: ", X509_REVOKED_get0_revocationDate(revoked));
    }
}

static void show_crl(struct text *out, X509_CRL *crl)
{
    const X509_ALGOR *algorithm;
    X509_CRL_get0_signature(crl, NULL, &algorithm);
    text_printf(out, "Version %ld\n", X509_CRL_get_version(crl) + 1);
    show_algorithm_name(out, "Signature Algorithm", algorithm);
    show_x509_name(out, "Issuer", X509_CRL_get_issuer(crl));
    show_asn1_time(out, "Last Update: ", X509_CRL_get0_lastUpdate(crl));
    show_asn1_time(out, "Next Update: ", X509_CRL_get0_nextUpdate(crl));
    show_revoked(out, X509_CRL_get_REVOKED(crl));
}

void tls_show_file(struct text *out, const struct trust_file *file, uint32_t index)
{
    uint32_t at = 0;
    for (size_t i = 0; i < file->num; i++) {
        const struct trust_item *item = &file->items[i];
        if ((file->is_crl ? !item->crl : !item->cert) || (++at != index && index))
            continue;
        // No answer holds an empty line: a blank stands in it.
        text_printf(out, " \n%s #%u:\n", file->is_crl ? "Certificate Revocation List" : "Certificate", at);
        if (file->is_crl)
            show_crl(out, item->crl);
        else
            show_x509(out, item->cert);
    }
}

// ---- PEM, for who may have it

static void show_pem_block(struct text *out, const char *label, const uint8_t *der, size_t len)
{
    enum { LINE = 48 };
    uint8_t digits[LINE / 3 * 4 + 1];
    text_printf(out, "-----BEGIN %s-----\n", label);
    for (size_t at = 0; at < len; at += LINE) {
        size_t num = EVP_EncodeBlock(digits, der + at, len - at < LINE ? len - at : LINE);
        text_printf(out, "%.*s\n", (int)num, (const char *)digits);
    }
    text_printf(out, "-----END %s-----\n", label);
    OPENSSL_cleanse(digits, sizeof(digits));
}

void tls_show_pem(struct text *out, const struct tls_cert *cert)
{
    CBB der;
    uint8_t *bytes = NULL;
    size_t len = 0;
    if (cert->key && CBB_init(&der, 0)) {
        if (EVP_marshal_private_key(&der, cert->key) && CBB_finish(&der, &bytes, &len))
            show_pem_block(out, "PRIVATE KEY", bytes, len);
        else
            CBB_cleanup(&der);
        OPENSSL_free(bytes);
    }
    for (uint32_t i = 0; i < cert->num_chain; i++)
        show_pem_block(out, "CERTIFICATE", CRYPTO_BUFFER_data(cert->chain[i]), CRYPTO_BUFFER_len(cert->chain[i]));
}

void tls_show_file_pem(struct text *out, const struct trust_file *file)
{
    for (size_t i = 0; i < file->num; i++) {
        uint8_t *der = NULL;
        const struct trust_item *item = &file->items[i];
        int len = item->cert ? i2d_X509(item->cert, &der) : i2d_X509_CRL(item->crl, &der);
        if (len > 0)
            show_pem_block(out, item->cert ? "CERTIFICATE" : "X509 CRL", der, (size_t)len);
        OPENSSL_free(der);
    }
}

// ---- names

static const char *const types[] = { [TLS_KEY_RSA] = "rsa", [TLS_KEY_ECDSA] = "ecdsa", [TLS_KEY_ED25519] = "ed25519" };

static void show_sni(struct text *out, const struct tls_entry *entry, const char *where, struct slice name)
{
    const struct tls_cert *cert = entry->cert;
    struct cert_parts parts;
    const char *before = "";
    text_printf(out, "%s\t%.*s\t", where, (int)name.len, name.ptr);
    for (uint32_t i = 0; i < entry->num_filters; i++)
        if (entry->filters[i][0] == '!') {
            text_printf(out, "%s%s", before, entry->filters[i]);
            before = " ";
        }
    text_printf(out, "%s\t%s\t%s\t", *before ? "" : "-", types[cert->key_type], cert->name);
    if (cert_parts_read(&parts, CRYPTO_BUFFER_data(cert->chain[0]), CRYPTO_BUFFER_len(cert->chain[0]))) {
        show_time(out, "", parts.not_after, "\t");
        show_time(out, "", parts.not_before, "");
    }
    text_printf(out, "\n");
}

static bool is_over(const struct tls_cert *cert, int64_t at)
{
    struct cert_parts parts;
    return cert_parts_read(&parts, CRYPTO_BUFFER_data(cert->chain[0]), CRYPTO_BUFFER_len(cert->chain[0])) &&
           parts.not_after < at;
}

void tls_show_sni(struct text *out, const struct tls_bind *bind, const char *where, int64_t over_at)
{
    for (const struct tls_entry *entry = bind->entries; entry; entry = entry->next) {
        if (over_at && !is_over(entry->cert, over_at))
            continue;
        for (uint32_t i = 0; i < entry->num_filters; i++)
            if (entry->filters[i][0] != '!')
                show_sni(out, entry, where, slice_str(entry->filters[i]));
        for (uint32_t i = 0; i < entry->cert->num_names && !entry->num_filters; i++)
            show_sni(out, entry, where, entry->cert->names[i]);
        if (entry->is_default && !bind->said->strict_sni)
            show_sni(out, entry, where, SLICE("*"));
    }
}
