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

static struct trust_item *item_new(struct trust_file *file, const uint8_t *der, size_t len)
{
    if (file->num == file->cap) {
        file->cap = file->cap ? file->cap * 2 : 4;
        void *grown = realloc(file->items, file->cap * sizeof(*file->items));
        if (!grown)
            check_out_of_memory(file->cap * sizeof(*file->items));
        file->items = grown;
    }
    struct trust_item *item = &file->items[file->num++];
    *item = (struct trust_item){ 0 };
    SHA256(der, len, item->digest);
    return item;
}

void trust_items_free(struct trust_file *file)
{
    for (size_t i = 0; i < file->num; i++) {
        X509_free(file->items[i].cert);
        X509_CRL_free(file->items[i].crl);
    }
    free(file->items);
    file->items = NULL;
    file->num = file->cap = 0;
}

static bool add_cert(struct trust_reader *reader, const uint8_t *der, size_t len, bool trusted_form)
{
    const uint8_t *end = der;
    X509 *cert = trusted_form ? d2i_X509_AUX(NULL, &end, (long)len) : d2i_X509(NULL, &end, (long)len);
    if (cert)
        item_new(reader->file, der, len)->cert = cert;
    return cert;
}

static bool add_crl(struct trust_reader *reader, const uint8_t *der, size_t len)
{
    const uint8_t *end = der;
    X509_CRL *crl = d2i_X509_CRL(NULL, &end, (long)len);
    if (crl)
        item_new(reader->file, der, len)->crl = crl;
    return crl;
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
        else if (is_cert && !reader->file->is_crl)
            ok = add_cert(reader, der, (size_t)len, aux);
        if (is_crl || (is_cert && !reader->file->is_crl))
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

static bool read_bio(struct trust_reader *reader, const char *path, BIO *bio, bool may_be_empty)
{
    int num = read_blocks(reader, path, bio);
    BIO_free(bio);
    if (num == 0 && !may_be_empty)
        return error_in(reader, path, reader->file->is_crl ? "it holds no revocation list" : "it holds no certificate");
    return num >= 0;
}

static bool read_file(struct trust_reader *reader, const char *path, bool may_be_empty)
{
    ERR_clear_error();
    BIO *bio = BIO_new_file(path, "r");
    if (bio)
        return read_bio(reader, path, bio, may_be_empty);
    int error = errno;
    ERR_clear_error();
    return error_in(reader, path, strerror(error));
}

bool trust_read_text(struct trust_reader *reader, const char *path, struct slice text)
{
    ERR_clear_error();
    BIO *bio = BIO_new_mem_buf(text.ptr, (ossl_ssize_t)text.len);
    if (!bio)
        check_out_of_memory(text.len);
    return read_bio(reader, path, bio, false);
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
    size_t before = reader->file->num;
    for (int i = 0; i < num; i++) {
        if (!read_file(reader, arena_printf(reader->config->arena, "%s/%s", path, files[i]->d_name), true))
            ok = false;
        free(files[i]);
    }
    free(files);
    if (ok && reader->file->num == before)
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
