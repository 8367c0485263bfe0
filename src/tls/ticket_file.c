// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/base64.h>
#include <openssl/mem.h>
#include "base/check.h"
#include "tls/shared.h"
#include "shared_inner.h"

enum { FILE_MIN_KEYS = 3, FILE_MAX_KEYS = 1024, FILE_SHORT = 48, FILE_LONG = 80 };

struct tls_ticket_file {
    struct tls_ticket_file *next;
    uint32_t num;
    struct tls_key_ready *keys[FILE_MAX_KEYS];
};

// All that were read: what a configuration with errors reads belongs to no context.
static struct tls_ticket_file *files;

void tls_ticket_file_free(struct tls_ticket_file *file)
{
    if (!file)
        return;
    for (struct tls_ticket_file **at = &files; *at; at = &(*at)->next) {
        if (*at == file) {
            *at = file->next;
            break;
        }
    }
    for (uint32_t i = 0; i < file->num; i++)
        tls_key_ready_free(file->keys[i]);
    OPENSSL_free(file);
}

struct tls_key_ready *tls_ticket_file_sealing(const struct tls_ticket_file *file)
{
    return file->keys[file->num - 2];
}

struct tls_key_ready *tls_ticket_file_find(const struct tls_ticket_file *file, const uint8_t name[TLS_KEY_NAME_LEN])
{
    for (uint32_t i = file->num; i-- > 0;)
        if (memcmp(file->keys[i]->name, name, TLS_KEY_NAME_LEN) == 0)
            return file->keys[i];
    return NULL;
}

struct reading {
    struct config *config;
    struct tls_ticket_file *file;
    struct config_place place; // of the line; without its text, which is a secret
    size_t key_len;            // of the first key, 0 before
};

static bool add_key(struct reading *reading, const uint8_t *secret, size_t len)
{
    struct tls_ticket_file *file = reading->file;
    struct config_diag *diag = reading->config->diag;
    if (len != FILE_SHORT && len != FILE_LONG) {
        config_diag_add(diag, CONFIG_ERROR, reading->place, "a ticket key has 48 or 80 bytes, this one has %zu", len);
        return false;
    }
    if (reading->key_len && len != reading->key_len) {
        config_diag_add(diag, CONFIG_ERROR, reading->place,
                        "all ticket keys of a file are of one length: the first one has %zu bytes, this one has %zu",
                        reading->key_len, len);
        return false;
    }
    reading->key_len = len;
    if (file->num == FILE_MAX_KEYS) {
        config_diag_add(diag, CONFIG_ERROR, reading->place, "more than %d ticket keys", FILE_MAX_KEYS);
        return false;
    }
    if (!(file->keys[file->num] = tls_key_ready_new(secret, len))) {
        config_diag_add(diag, CONFIG_ERROR, reading->place, "no memory left for this ticket key");
        return false;
    }
    file->num++;
    return true;
}

static bool read_line(struct reading *reading, const char *line, size_t len)
{
    uint8_t secret[FILE_LONG + 16];
    size_t secret_len = 0;
    struct slice text = { .ptr = line, .len = len };
    while (text.len && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
        text.len--;
    text = slice_trim(text);
    if (!text.len)
        return true;
    size_t most;
    if (!EVP_DecodedLength(&most, text.len)) {
        config_diag_add(reading->config->diag, CONFIG_ERROR, reading->place,
                        "this line is no base64: its length is no multiple of 4");
        return false;
    }
    bool fits = most <= sizeof(secret);
    if (fits && !EVP_DecodeBase64(secret, &secret_len, sizeof(secret), (const uint8_t *)text.ptr, text.len)) {
        config_diag_add(reading->config->diag, CONFIG_ERROR, reading->place, "this line is no base64");
        return false;
    }
    bool ok = add_key(reading, secret, fits ? secret_len : most);
    OPENSSL_cleanse(secret, sizeof(secret));
    return ok;
}

static bool read_lines(struct reading *reading, FILE *in)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    bool ok = true;
    while ((len = getline(&line, &room, in)) >= 0 && reading->file->num <= FILE_MAX_KEYS) {
        reading->place.line++;
        ok = read_line(reading, line, (size_t)len) && ok;
        if (reading->config->diag->num_errors > FILE_MAX_KEYS)
            break;
    }
    if (line)
        OPENSSL_cleanse(line, room);
    free(line);
    return ok;
}

const struct tls_ticket_file *tls_ticket_file_read(struct config *config, const char *path, struct config_place place)
{
    struct reading reading = { .config = config, .place = { .file = path } };
    char buffer[4096];
    FILE *in = fopen(path, "re");
    if (!in) {
        config_diag_add(config->diag, CONFIG_ERROR, place, "cannot read the ticket keys '%s': %s", path,
                        strerror(errno));
        return NULL;
    }
    // A buffer of our own, to be wiped.
    setvbuf(in, buffer, _IOFBF, sizeof(buffer));
    reading.file = OPENSSL_malloc(sizeof(*reading.file));
    if (!reading.file)
        check_out_of_memory(sizeof(*reading.file));
    *reading.file = (struct tls_ticket_file){ .next = files };
    files = reading.file;
    bool ok = read_lines(&reading, in);
    if (ferror(in)) {
        config_diag_add(config->diag, CONFIG_ERROR, place, "cannot read the ticket keys '%s': %s", path,
                        strerror(errno));
        ok = false;
    }
    fclose(in);
    OPENSSL_cleanse(buffer, sizeof(buffer));
    if (ok && reading.file->num < FILE_MIN_KEYS) {
        config_diag_add(config->diag, CONFIG_ERROR, place,
                        "'%s' holds %u ticket key%s, where at least %d are needed: one that was used, the one that is, "
                        "and the next",
                        path, reading.file->num, reading.file->num == 1 ? "" : "s", FILE_MIN_KEYS);
        ok = false;
    }
    if (ok)
        return reading.file;
    tls_ticket_file_free(reading.file);
    return NULL;
}
