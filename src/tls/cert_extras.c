// SPDX-License-Identifier: Apache-2.0
// What is sent with a certificate: the OCSP response (RFC 6960) and the SCTs (RFC 6962). Both are checked for form and
// for belonging, neither for its signature: whoever writes these files may write the key's as well.
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <openssl/bytestring.h>
#include <openssl/pool.h>
#include <openssl/sha.h>
#include "base/check.h"
#include "base/clock.h"
#include "cert_inner.h"

enum { CONTEXT = CBS_ASN1_CONTEXT_SPECIFIC, CONTEXT_LIST = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED };

static const uint8_t oid_basic[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01 };
static const uint8_t oid_sha1[] = { 0x2b, 0x0e, 0x03, 0x02, 0x1a };
static const uint8_t oid_sha256[] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01 };

// One answer of an OCSP response.
struct ocsp_single {
    CBS hash_oid;
    CBS name_hash;
    CBS key_hash;
    CBS serial;
    CBS_ASN1_TAG status;
    int64_t this_update;
    int64_t next_update; // INT64_MAX: not said
};

static bool read_time(CBS *cbs, int64_t *seconds)
{
    CBS time;
    return CBS_get_asn1(cbs, &time, CBS_ASN1_GENERALIZEDTIME) &&
           cert_time_read(&time, CBS_ASN1_GENERALIZEDTIME, seconds);
}

static bool single_read(struct ocsp_single *single, CBS *responses)
{
    CBS entry, id, algorithm, status, next;
    int present;
    single->next_update = INT64_MAX;
    return CBS_get_asn1(responses, &entry, CBS_ASN1_SEQUENCE) && CBS_get_asn1(&entry, &id, CBS_ASN1_SEQUENCE) &&
           CBS_get_asn1(&id, &algorithm, CBS_ASN1_SEQUENCE) &&
           CBS_get_asn1(&algorithm, &single->hash_oid, CBS_ASN1_OBJECT) &&
           CBS_get_asn1(&id, &single->name_hash, CBS_ASN1_OCTETSTRING) &&
           CBS_get_asn1(&id, &single->key_hash, CBS_ASN1_OCTETSTRING) &&
           CBS_get_asn1(&id, &single->serial, CBS_ASN1_INTEGER) && CBS_get_any_asn1(&entry, &status, &single->status) &&
           read_time(&entry, &single->this_update) && CBS_get_optional_asn1(&entry, &next, &present, CONTEXT_LIST) &&
           (!present || read_time(&next, &single->next_update));
}

// Finds the list of answers in the response. NULL, or what is wrong.
static const char *find_responses(CBS *responses, struct slice der)
{
    static const char malformed[] = "it is no OCSP response in DER";
    CBS all, response, status, wrap, bytes, oid, octets, basic, tbs, responder;
    CBS_ASN1_TAG tag;
    CBS_init(&all, (const uint8_t *)der.ptr, der.len);
    if (!CBS_get_asn1(&all, &response, CBS_ASN1_SEQUENCE) || CBS_len(&all) ||
        !CBS_get_asn1(&response, &status, CBS_ASN1_ENUMERATED) || CBS_len(&status) != 1)
        return malformed;
    if (CBS_data(&status)[0] != 0)
        return "it is an error answer of the OCSP responder";
    if (!CBS_get_asn1(&response, &wrap, CONTEXT_LIST) || !CBS_get_asn1(&wrap, &bytes, CBS_ASN1_SEQUENCE) ||
        !CBS_get_asn1(&bytes, &oid, CBS_ASN1_OBJECT) || !CBS_get_asn1(&bytes, &octets, CBS_ASN1_OCTETSTRING))
        return malformed;
    if (!CBS_mem_equal(&oid, oid_basic, sizeof(oid_basic)))
        return "it is of a form other than the basic one (RFC 6960 section 4.2.1)";
    // ResponseData: version, responderID, producedAt, responses.
    bool ok = CBS_get_asn1(&octets, &basic, CBS_ASN1_SEQUENCE) && CBS_get_asn1(&basic, &tbs, CBS_ASN1_SEQUENCE) &&
              CBS_get_optional_asn1(&tbs, NULL, NULL, CONTEXT_LIST) && CBS_get_any_asn1(&tbs, &responder, &tag) &&
              CBS_get_asn1(&tbs, NULL, CBS_ASN1_GENERALIZEDTIME) && CBS_get_asn1(&tbs, responses, CBS_ASN1_SEQUENCE) &&
              CBS_len(responses);
    return ok ? NULL : malformed;
}

static bool hash_is_of(const struct ocsp_single *single, const CBS *hash, const uint8_t *data, size_t len)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    if (CBS_mem_equal(&single->hash_oid, oid_sha1, sizeof(oid_sha1)))
        return CBS_mem_equal(hash, SHA1(data, len, digest), SHA_DIGEST_LENGTH);
    if (CBS_mem_equal(&single->hash_oid, oid_sha256, sizeof(oid_sha256)))
        return CBS_mem_equal(hash, SHA256(data, len, digest), SHA256_DIGEST_LENGTH);
    // Other hashes are not in use; the serial number has to do.
    return true;
}

// The key's hash is over the bits of the subject's public key alone.
static bool key_hash_matches(const struct ocsp_single *single, const CRYPTO_BUFFER *issuer)
{
    struct cert_parts parts;
    CBS key, bits;
    uint8_t unused;
    if (!issuer)
        return true;
    return cert_parts_read(&parts, CRYPTO_BUFFER_data(issuer), CRYPTO_BUFFER_len(issuer)) &&
           CBS_get_asn1(&parts.key, &key, CBS_ASN1_SEQUENCE) && CBS_get_asn1(&key, NULL, CBS_ASN1_SEQUENCE) &&
           CBS_get_asn1(&key, &bits, CBS_ASN1_BITSTRING) && CBS_get_u8(&bits, &unused) &&
           hash_is_of(single, &single->key_hash, CBS_data(&bits), CBS_len(&bits));
}

static bool is_for(const struct ocsp_single *single, const struct cert_parts *parts, const CRYPTO_BUFFER *issuer)
{
    return CBS_mem_equal(&single->serial, CBS_data(&parts->serial), CBS_len(&parts->serial)) &&
           hash_is_of(single, &single->name_hash, CBS_data(&parts->issuer), CBS_len(&parts->issuer)) &&
           key_hash_matches(single, issuer);
}

void cert_ocsp_serials_read(struct cert_ocsp_serials *out, struct slice der)
{
    struct ocsp_single single;
    CBS responses;
    *out = (struct cert_ocsp_serials){ .any = find_responses(&responses, der) != NULL };
    while (!out->any && CBS_len(&responses)) {
        out->any = out->num == NUM_ITEMS(out->serials) || !single_read(&single, &responses);
        if (!out->any)
            out->serials[out->num++] = single.serial;
    }
}

bool cert_ocsp_serials_hold(const struct cert_ocsp_serials *serials, const struct tls_cert *cert)
{
    CBS der, all, tbs, serial;
    if (serials->any)
        return true;
    CBS_init(&der, CRYPTO_BUFFER_data(cert->chain[0]), CRYPTO_BUFFER_len(cert->chain[0]));
    if (!CBS_get_asn1(&der, &all, CBS_ASN1_SEQUENCE) || !CBS_get_asn1(&all, &tbs, CBS_ASN1_SEQUENCE) ||
        !CBS_get_optional_asn1(&tbs, NULL, NULL, CONTEXT_LIST) || !CBS_get_asn1(&tbs, &serial, CBS_ASN1_INTEGER))
        return true;
    for (uint32_t i = 0; i < serials->num; i++)
        if (CBS_mem_equal(&serials->serials[i], CBS_data(&serial), CBS_len(&serial)))
            return true;
    return false;
}

bool cert_ocsp_is_response(struct slice der)
{
    CBS all, response, status;
    CBS_init(&all, (const uint8_t *)der.ptr, der.len);
    return CBS_get_asn1(&all, &response, CBS_ASN1_SEQUENCE) && !CBS_len(&all) &&
           CBS_get_asn1(&response, &status, CBS_ASN1_ENUMERATED) && CBS_len(&status) == 1;
}

const char *cert_ocsp_check(const struct tls_cert *cert, const CRYPTO_BUFFER *issuer)
{
    struct cert_parts parts;
    struct ocsp_single single;
    CBS responses;
    if (!cert->ocsp.len)
        return NULL;
    if (!cert_parts_read(&parts, CRYPTO_BUFFER_data(cert->chain[0]), CRYPTO_BUFFER_len(cert->chain[0])))
        return "the certificate is malformed";
    const char *error = find_responses(&responses, cert->ocsp);
    if (error)
        return error;
    do {
        if (!single_read(&single, &responses))
            return "it is no OCSP response in DER";
    } while (!is_for(&single, &parts, issuer) && CBS_len(&responses));
    if (!is_for(&single, &parts, issuer))
        return "it is for another certificate";
    if (single.status != CONTEXT)
        return single.status == (CONTEXT_LIST | 1) ? "it says that the certificate is revoked"
                                                   : "it says that the responder does not know the certificate";
    int64_t now = (int64_t)(clock_wall_us() / 1000000);
    if (single.this_update > now)
        return "it is from the future";
    return single.next_update <= now ? "it has expired" : NULL;
}

const char *tls_cert_ocsp_check(const struct tls_cert *cert)
{
    return cert_ocsp_check(cert, cert->num_chain > 1 ? cert->chain[1] : NULL);
}

bool cert_sctl_is_valid(struct slice list)
{
    CBS cbs, entries, entry;
    CBS_init(&cbs, (const uint8_t *)list.ptr, list.len);
    if (!CBS_get_u16_length_prefixed(&cbs, &entries) || CBS_len(&cbs) || !CBS_len(&entries))
        return false;
    while (CBS_len(&entries))
        if (!CBS_get_u16_length_prefixed(&entries, &entry) || !CBS_len(&entry))
            return false;
    return true;
}

// What the configuration names must be there, what would lie beside the certificate need not: NULL where it does not.
static const char *find_file(const struct cert_reader *reader, const char *named, const char *crt, const char *ext,
                             uint32_t extra)
{
    if (named || reader->explicit_files || !(reader->store->conf->extra & extra))
        return named;
    const char *beside = cert_beside(reader->store, crt, ext);
    return access(beside, F_OK) == 0 ? beside : NULL;
}

static bool read_bytes(struct cert_reader *reader, struct slice *bytes, const char *path)
{
    struct cert_file file;
    const char *error;
    if (!cert_file_read(&file, &error, path))
        return cert_error(reader, path, "it cannot be read", error);
    *bytes = slice_of(arena_copy(reader->store->config->arena, file.data, file.len), file.len);
    cert_file_fini(&file);
    return true;
}

static bool read_issuer(struct cert_reader *reader, const char *path)
{
    struct cert_file file;
    struct cert_pem_block block;
    const char *error;
    if (!cert_file_read(&file, &error, path))
        return cert_error(reader, path, "it cannot be read", error);
    struct cert_pem pem = { .rest = slice_of(file.data, file.len) };
    struct cert_parts parts;
    bool ok = cert_pem_next(&pem, &block);
    if (ok && (ok = cert_parts_read(&parts, block.der, block.der_len))) {
        CRYPTO_BUFFER_free(reader->issuer);
        reader->issuer = CRYPTO_BUFFER_new(block.der, block.der_len, reader->store->pool);
    }
    cert_pem_block_fini(&block);
    cert_file_fini(&file);
    return ok || cert_error(reader, path, "it holds no certificate of an issuer",
                            pem.error ? pem.error : "none is in its PEM blocks");
}

static bool read_ocsp(struct cert_reader *reader, const char *path)
{
    struct tls_cert *cert = reader->cert;
    if (!read_bytes(reader, &cert->ocsp, path))
        return false;
    const CRYPTO_BUFFER *issuer = cert->num_chain > 1 ? cert->chain[1] : NULL;
    const char *wrong = cert_ocsp_check(cert, reader->issuer ? reader->issuer : issuer);
    if (wrong) {
        config_diag_add(reader->store->config->diag, CONFIG_WARNING, reader->place,
                        "'%s': the OCSP response is not used: %s", path, wrong);
        cert->ocsp = (struct slice){ 0 };
    }
    return true;
}

bool cert_extras_read(struct cert_reader *reader, const struct tls_cert_files *files)
{
    const char *issuer = find_file(reader, files->issuer, files->crt, ".issuer", TLS_EXTRA_ISSUER);
    const char *ocsp = find_file(reader, files->ocsp, files->crt, ".ocsp", TLS_EXTRA_OCSP);
    const char *sctl = find_file(reader, files->sctl, files->crt, ".sctl", TLS_EXTRA_SCTL);
    if (issuer && (files->issuer || ocsp) && !read_issuer(reader, issuer))
        return false;
    if (ocsp && !read_ocsp(reader, ocsp))
        return false;
    if (!sctl)
        return true;
    if (!read_bytes(reader, &reader->cert->sctl, sctl))
        return false;
    return cert_sctl_is_valid(reader->cert->sctl) ||
           cert_error(reader, sctl, "it is no list of SCTs", "its form is not that of RFC 6962 section 3.3");
}
