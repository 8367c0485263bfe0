// SPDX-License-Identifier: Apache-2.0
// Reading authorities and revocation lists out of PEM files (RFC 7468).
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include "base/check.h"
#include "trust_inner.h"

// More than this is no list of authorities but a mistake: a device, a log.
enum { FILE_MAX = 256 * 1024 * 1024 };

static bool error_in(const struct trust_reader *reader, const char *path, const char *what)
{
    uint32_t code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    config_diag_add(reader->config->diag, CONFIG_ERROR, reader->place, "'%s': %s%s%s%s", path, what, reason ? " (" : "",
                    reason ? reason : "", reason ? ")" : "");
    ERR_clear_error();
    return false;
}

// The digest is of what stands in the files, in no order, so what was seen is noted and sorted at the end.
static void note(struct trust_reader *reader, uint8_t kind, const uint8_t *der, size_t len)
{
    if (reader->num == reader->cap) {
        reader->cap = reader->cap ? reader->cap * 2 : 16;
        void *grown = realloc(reader->digests, reader->cap * sizeof(*reader->digests));
        if (!grown)
            check_out_of_memory(reader->cap * sizeof(*reader->digests));
        reader->digests = grown;
    }
    uint8_t *entry = reader->digests[reader->num++];
    entry[0] = kind;
    SHA256(der, len, entry + 1);
}

static bool name_is_there(const struct tls_trust *trust, const uint8_t *der, size_t len)
{
    for (size_t i = 0; i < sk_CRYPTO_BUFFER_num(trust->names); i++) {
        const CRYPTO_BUFFER *name = sk_CRYPTO_BUFFER_value(trust->names, i);
        if (CRYPTO_BUFFER_len(name) == len && memcmp(CRYPTO_BUFFER_data(name), der, len) == 0)
            return true;
    }
    return false;
}

static bool add_name(struct tls_trust *trust, X509 *cert)
{
    uint8_t *der = NULL;
    int len = i2d_X509_NAME(X509_get_subject_name(cert), &der);
    if (len < 0)
        return false;
    bool ok = true;
    if (!name_is_there(trust, der, (size_t)len)) {
        CRYPTO_BUFFER *name = CRYPTO_BUFFER_new(der, (size_t)len, NULL);
        ok = name && sk_CRYPTO_BUFFER_push(trust->names, name);
        if (!ok)
            CRYPTO_BUFFER_free(name);
    }
    OPENSSL_free(der);
    return ok;
}

// What the store holds already is no error there: files of authorities repeat themselves.
static bool add_cert(struct trust_reader *reader, const uint8_t *der, size_t len, bool trusted_form)
{
    const uint8_t *end = der;
    X509 *cert = trusted_form ? d2i_X509_AUX(NULL, &end, (long)len) : d2i_X509(NULL, &end, (long)len);
    bool ok = cert && X509_STORE_add_cert(reader->trust->store, cert) &&
              (reader->file != TRUST_CA || add_name(reader->trust, cert));
    if (ok)
        note(reader, (uint8_t)reader->file, der, len);
    X509_free(cert);
    return ok;
}

static bool add_crl(struct trust_reader *reader, const uint8_t *der, size_t len)
{
    const uint8_t *end = der;
    X509_CRL *crl = d2i_X509_CRL(NULL, &end, (long)len);
    bool ok = crl && X509_STORE_add_crl(reader->trust->store, crl);
    if (ok)
        note(reader, TRUST_CRL, der, len);
    X509_CRL_free(crl);
    return ok;
}

// Gives how many blocks of use `bio` holds, -1 after reporting one that is malformed.
static int read_blocks(struct trust_reader *reader, const char *path, BIO *bio)
{
    char *type, *header;
    uint8_t *der;
    long len;
    int num = 0;
    bool ok = true;
    while (ok && PEM_read_bio(bio, &type, &header, &der, &len)) {
        bool aux = strcmp(type, PEM_STRING_X509_TRUSTED) == 0;
        bool is_cert = aux || strcmp(type, PEM_STRING_X509) == 0 || strcmp(type, PEM_STRING_X509_OLD) == 0;
        bool is_crl = strcmp(type, PEM_STRING_X509_CRL) == 0;
        if (is_crl)
            ok = add_crl(reader, der, (size_t)len);
        else if (is_cert && reader->file != TRUST_CRL)
            ok = add_cert(reader, der, (size_t)len, aux);
        if (is_crl || (is_cert && reader->file != TRUST_CRL))
            num++;
        OPENSSL_free(type);
        OPENSSL_free(header);
        OPENSSL_free(der);
    }
    if (!ok)
        return error_in(reader, path, "a certificate or revocation list in it is malformed") ? 0 : -1;
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return error_in(reader, path, "it is no well-formed PEM file") ? 0 : -1;
    ERR_clear_error();
    return num;
}

static bool read_file(struct trust_reader *reader, const char *path, bool may_be_empty)
{
    ERR_clear_error();
    BIO *bio = BIO_new_file(path, "r");
    if (!bio) {
        int error = errno;
        ERR_clear_error();
        return error_in(reader, path, strerror(error));
    }
    int num = read_blocks(reader, path, bio);
    BIO_free(bio);
    if (num == 0 && !may_be_empty)
        return error_in(reader, path,
                        reader->file == TRUST_CRL ? "it holds no revocation list" : "it holds no certificate");
    return num >= 0;
}

static int is_wanted(const struct dirent *file)
{
    static const char *const endings[] = { ".pem", ".crt", ".cer", ".crl" };
    for (size_t i = 0; i < NUM_ITEMS(endings) && file->d_name[0] != '.'; i++)
        if (slice_ends(slice_str(file->d_name), slice_str(endings[i])))
            return 1;
    return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool read_directory(struct trust_reader *reader, const char *path)
{
    struct dirent **files = NULL;
    int num = scandir(path, &files, is_wanted, by_name);
    bool ok = num >= 0;
    if (!ok)
        error_in(reader, path, strerror(errno));
    size_t before = reader->num;
    for (int i = 0; i < num; i++) {
        if (!read_file(reader, arena_printf(reader->config->arena, "%s/%s", path, files[i]->d_name), true))
            ok = false;
        free(files[i]);
    }
    free(files);
    if (ok && reader->num == before)
        return error_in(reader, path, "no file in it holds a certificate or revocation list");
    return ok;
}

bool trust_read_path(struct trust_reader *reader, const char *path)
{
    struct stat stat_buf;
    if (stat(path, &stat_buf) != 0)
        return error_in(reader, path, strerror(errno));
    if (S_ISDIR(stat_buf.st_mode))
        return read_directory(reader, path);
    if (stat_buf.st_size > FILE_MAX)
        return error_in(reader, path, "it is too large to be a list of authorities");
    return read_file(reader, path, false);
}
