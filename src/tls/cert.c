// SPDX-License-Identifier: Apache-2.0
// A certificate out of its files: chain, key, and the library's context of both.
#include <stdlib.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>
#include "base/check.h"
#include "cert_inner.h"

// A chain longer than this is a file of authorities.
enum { CHAIN_MAX = 100 };

bool cert_error(const struct cert_reader *reader, const char *path, const char *what, const char *reason)
{
    uint32_t code = reason ? 0 : ERR_peek_last_error();
    if (code)
        reason = ERR_reason_error_string(code);
    ERR_clear_error();
    config_diag_add(reader->store->config->diag, CONFIG_ERROR, reader->place, "'%s': %s%s%s", path, what,
                    reason ? ": " : "", reason ? reason : "");
    return false;
}

static bool is_cert_label(struct slice label)
{
    return slice_equal(label, SLICE("CERTIFICATE")) || slice_equal(label, SLICE("X509 CERTIFICATE")) ||
           slice_equal(label, SLICE("TRUSTED CERTIFICATE"));
}

// OpenSSL's trusted form has settings of its own behind the certificate.
static CRYPTO_BUFFER *make_buffer(struct tls_store *store, const struct cert_pem_block *block)
{
    CBS all, cert;
    CBS_init(&all, block->der, block->der_len);
    if (!CBS_get_asn1_element(&all, &cert, CBS_ASN1_SEQUENCE) ||
        (CBS_len(&all) && !slice_begins(block->label, SLICE("TRUSTED"))))
        return NULL;
    CRYPTO_BUFFER *buffer = CRYPTO_BUFFER_new_from_CBS(&cert, store->pool);
    if (!buffer)
        check_out_of_memory(CBS_len(&cert));
    return buffer;
}

static bool add_cert(struct cert_reader *reader, const struct cert_pem_block *block, const char *path)
{
    struct cert_parts parts;
    CRYPTO_BUFFER *buffer = make_buffer(reader->store, block);
    if (!buffer || !cert_parts_read(&parts, CRYPTO_BUFFER_data(buffer), CRYPTO_BUFFER_len(buffer))) {
        CRYPTO_BUFFER_free(buffer);
        return cert_error(reader, path, "a certificate in it is malformed", "it is not DER as RFC 5280 has it");
    }
    struct tls_cert *cert = reader->cert;
    if (cert->num_chain == CHAIN_MAX) {
        CRYPTO_BUFFER_free(buffer);
        return cert_error(reader, path, "it holds more than 100 certificates",
                          "that is no chain; a file of authorities is named with 'ca-file'");
    }
    // A root is known to whoever trusts it, so it need not be sent.
    if (cert->num_chain && reader->store->conf->skip_self_issued &&
        CBS_mem_equal(&parts.issuer, CBS_data(&parts.subject), CBS_len(&parts.subject))) {
        if (!reader->issuer)
            reader->issuer = buffer;
        else
            CRYPTO_BUFFER_free(buffer);
        return true;
    }
    cert->chain[cert->num_chain++] = buffer;
    return true;
}

static bool add_key(struct cert_reader *reader, const struct cert_pem_block *block, const char *path)
{
    const char *error;
    // The first key counts, as for HAProxy.
    if (reader->cert->key)
        return true;
    reader->cert->key = cert_key_parse(block, &error);
    return !error || cert_error(reader, path, "its private key cannot be used", error);
}

enum { WANT_CERTS = 1 << 0, WANT_KEY = 1 << 1 };

static bool read_blocks(struct cert_reader *reader, const char *path, struct slice text, int want)
{
    struct cert_pem pem = { .rest = text };
    struct cert_pem_block block;
    bool ok = true;
    while (ok && cert_pem_next(&pem, &block)) {
        if (want & WANT_CERTS && is_cert_label(block.label))
            ok = add_cert(reader, &block, path);
        else if (want & WANT_KEY)
            ok = add_key(reader, &block, path);
        cert_pem_block_fini(&block);
    }
    if (ok && pem.error)
        ok = cert_error(reader, path, "it is no well-formed PEM file", pem.error);
    return ok;
}

static bool read_pem(struct cert_reader *reader, const char *path, int want)
{
    struct cert_file file;
    const char *error;
    if (!cert_file_read(&file, &error, path))
        return cert_error(reader, path, "it cannot be read", error);
    bool ok = read_blocks(reader, path, slice_of(file.data, file.len), want);
    cert_file_fini(&file);
    return ok;
}

bool cert_read_text(struct cert_reader *reader, const char *path, struct slice text, bool is_key)
{
    return read_blocks(reader, path, text, is_key ? WANT_KEY : WANT_CERTS | WANT_KEY);
}

const char *cert_beside(const struct tls_store *store, const char *path, const char *ext)
{
    struct slice base = slice_str(path);
    if (store->conf->extra_del_ext && slice_ends(base, SLICE(".crt")))
        base.len -= strlen(".crt");
    return arena_printf(store->config->arena, "%.*s%s", (int)base.len, base.ptr, ext);
}

// The key is in the certificate's file, or in one that the configuration names, or in one beside it.
static bool read_key(struct cert_reader *reader, const struct tls_cert_files *files)
{
    struct tls_cert *cert = reader->cert;
    if (files->key) {
        if (!read_pem(reader, files->key, WANT_KEY))
            return false;
        return cert->key || cert_error(reader, files->key, "it holds no private key", "none is in its PEM blocks");
    }
    if (cert->key)
        return true;
    if (reader->explicit_files || !(reader->store->conf->extra & TLS_EXTRA_KEY))
        return cert_error(reader, files->crt, "it holds no private key", "and no other file is named for one");
    const char *path = cert_beside(reader->store, files->crt, ".key");
    if (access(path, F_OK) != 0)
        return cert_error(reader, files->crt, "it holds no private key",
                          arena_printf(reader->store->config->arena, "and there is no '%s'", path));
    if (!read_pem(reader, path, WANT_KEY))
        return false;
    return cert->key || cert_error(reader, path, "it holds no private key", "nor does the certificate's file");
}

static bool read_chain(struct cert_reader *reader, const struct tls_cert_files *files)
{
    struct tls_cert *cert = reader->cert;
    cert->chain = calloc(CHAIN_MAX, sizeof(*cert->chain));
    if (!cert->chain)
        check_out_of_memory(CHAIN_MAX * sizeof(*cert->chain));
    struct crypto_buffer_st **room = cert->chain;
    bool ok = read_pem(reader, files->crt, files->key ? WANT_CERTS : WANT_CERTS | WANT_KEY);
    // One more than there is, for a chain that issuers-chain-path completes makes room of its own.
    cert->chain = arena_alloc(reader->store->config->arena, (cert->num_chain + 1) * sizeof(*cert->chain));
    memcpy(cert->chain, room, cert->num_chain * sizeof(*cert->chain));
    free(room);
    if (ok && !cert->num_chain)
        return cert_error(reader, files->crt, "it holds no certificate", "none is in its PEM blocks");
    return ok;
}

bool cert_context_make(struct cert_reader *reader, const char *path)
{
    struct tls_cert *cert = reader->cert;
    ERR_clear_error();
    cert->ctx = SSL_CTX_new(TLS_with_buffers_method());
    if (!cert->ctx)
        check_out_of_memory(sizeof(*cert));
    if (!SSL_CTX_set_chain_and_key(cert->ctx, cert->chain, cert->num_chain, cert->key, NULL)) {
        uint32_t code = ERR_peek_last_error();
        if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_AND_PRIVATE_KEY_MISMATCH)
            return cert_error(reader, path, "the private key does not belong to the certificate",
                              "the first certificate of the file must be the key's, its issuers come behind it");
        if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_UNKNOWN_CERTIFICATE_TYPE)
            return cert_error(reader, path, "the certificate cannot be used",
                              "its key is of a kind, or for a use, that TLS does not have");
        return cert_error(reader, path, "the certificate cannot be used", NULL);
    }
    bool ok =
        (!cert->ocsp.len || SSL_CTX_set_ocsp_response(cert->ctx, (const uint8_t *)cert->ocsp.ptr, cert->ocsp.len)) &&
        (!cert->sctl.len ||
         SSL_CTX_set_signed_cert_timestamp_list(cert->ctx, (const uint8_t *)cert->sctl.ptr, cert->sctl.len)) &&
        (reader->store->conf->no_compression || cert_compression_add(cert->ctx));
    return ok || cert_error(reader, path, "the certificate cannot be prepared", NULL);
}

bool cert_read(struct cert_reader *reader, const struct tls_cert_files *files)
{
    struct tls_cert *cert = reader->cert;
    struct cert_parts parts;
    // Everything that is wrong with the files is told at once.
    bool ok = read_chain(reader, files);
    if (!ok || !read_key(reader, files))
        return false;
    const char *error = cert_key_describe(cert);
    if (error)
        return cert_error(reader, files->crt, "the certificate cannot be used", error);
    must(cert_parts_read(&parts, CRYPTO_BUFFER_data(cert->chain[0]), CRYPTO_BUFFER_len(cert->chain[0])));
    cert->num_names = cert_parts_names(&parts, &cert->names, reader->store->config->arena);
    ok = cert_chain_complete(reader) && cert_extras_read(reader, files);
    return ok && cert_context_make(reader, files->crt);
}
