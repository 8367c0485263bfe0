// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/base64.h>
#include <openssl/mem.h>
#include "base/check.h"
#include "tls/shared.h"
#include "change_inner.h"
#include "shared_inner.h"

enum { FILE_MIN_KEYS = 3, FILE_MAX_KEYS = 1024, FILE_SHORT = 48, FILE_LONG = 80 };

// One key, and what it was made of, for those who ask to see it.
struct file_key {
    struct tls_key_ready *ready;
    uint8_t *secret;
};

struct tls_ticket_file {
    struct tls_ticket_file *next;
    char *path;
    size_t key_len; // of each
    uint32_t num;
    struct file_key keys[FILE_MAX_KEYS];
};

// All that were read: what a configuration with errors reads belongs to no context.
static struct tls_ticket_file *files;

static void file_key_fini(struct file_key *key)
{
    tls_key_ready_free(key->ready);
    // That heap wipes what is freed.
    OPENSSL_free(key->secret);
    *key = (struct file_key){ 0 };
}

static bool file_key_init(struct file_key *key, const uint8_t *secret, size_t len)
{
    *key = (struct file_key){ .ready = tls_key_ready_new(secret, len), .secret = OPENSSL_memdup(secret, len) };
    if (key->ready && key->secret)
        return true;
    file_key_fini(key);
    return false;
}

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
        file_key_fini(&file->keys[i]);
    free(file->path);
    OPENSSL_free(file);
}

struct tls_key_ready *tls_ticket_file_sealing(const struct tls_ticket_file *file)
{
    return file->keys[file->num - 2].ready;
}

struct tls_key_ready *tls_ticket_file_find(const struct tls_ticket_file *file, const uint8_t name[TLS_KEY_NAME_LEN])
{
    for (uint32_t i = file->num; i-- > 0;)
        if (memcmp(file->keys[i].ready->name, name, TLS_KEY_NAME_LEN) == 0)
            return file->keys[i].ready;
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
    file->key_len = len;
    if (!file_key_init(&file->keys[file->num], secret, len)) {
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
    char *name = strdup(path);
    if (!reading.file || !name)
        check_out_of_memory(sizeof(*reading.file));
    *reading.file = (struct tls_ticket_file){ .next = files, .path = name };
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

// ---- at run time

// The first file of a name, in the order they were read; binds that name the same one hold copies, which are changed
// together.
static bool is_first(const struct tls_ticket_file *file)
{
    for (const struct tls_ticket_file *it = file->next; it; it = it->next)
        if (strcmp(it->path, file->path) == 0)
            return false;
    return true;
}

uint32_t tls_change_ticket_files(void)
{
    uint32_t num = 0;
    for (const struct tls_ticket_file *file = files; file; file = file->next)
        num += is_first(file);
    return num;
}

// The list holds the latest first.
static const struct tls_ticket_file *file_at(uint32_t id)
{
    uint32_t num = tls_change_ticket_files();
    for (const struct tls_ticket_file *file = files; file; file = file->next)
        if (is_first(file) && --num == id)
            return file;
    return NULL;
}

const char *tls_change_ticket_file(uint32_t id)
{
    const struct tls_ticket_file *file = file_at(id);
    return file ? file->path : NULL;
}

bool tls_change_ticket_find(uint32_t *id, const char *name)
{
    uint32_t num = tls_change_ticket_files();
    for (uint32_t i = 0; i < num; i++) {
        char number[16];
        snprintf(number, sizeof(number), "#%u", i);
        *id = i;
        if (strcmp(name, number) == 0 || strcmp(name, tls_change_ticket_file(i)) == 0)
            return true;
    }
    return false;
}

void tls_change_ticket_show(struct text *out, uint32_t id)
{
    uint8_t digits[FILE_LONG * 2];
    const struct tls_ticket_file *file = file_at(id);
    text_printf(out, "# %u (%s)\n", id, file->path);
    for (uint32_t i = 0; i < file->num; i++) {
        size_t len = EVP_EncodeBlock(digits, file->keys[i].secret, file->key_len);
        text_printf(out, "%u.%u %.*s\n", id, i, (int)len, (const char *)digits);
    }
    OPENSSL_cleanse(digits, sizeof(digits));
}

uint64_t tls_change_ticket_set(struct text *why, uint32_t id, const char *key)
{
    uint8_t secret[FILE_LONG + 16];
    size_t len = 0, most = 0, digits = strlen(key);
    const struct tls_ticket_file *file = file_at(id);
    uint64_t number = 0;
    if (!EVP_DecodedLength(&most, digits) || !digits)
        text_printf(why, "received invalid base64 encoded TLS key.");
    else if (most > sizeof(secret))
        text_printf(why, "received a key of wrong size.");
    else if (!EVP_DecodeBase64(secret, &len, sizeof(secret), (const uint8_t *)key, digits))
        text_printf(why, "received invalid base64 encoded TLS key.");
    else if (len != file->key_len)
        text_printf(why, "received a key of wrong size.");
    else {
        struct change change = { .op = CHANGE_TICKET_KEY,
                                 .name = file->path,
                                 .secret = slice_of((const char *)secret, len) };
        number = change_publish(&change);
    }
    OPENSSL_cleanse(secret, sizeof(secret));
    return number;
}

void tls_ticket_file_change(const char *name, struct slice secret)
{
    for (struct tls_ticket_file *file = files; file; file = file->next) {
        struct file_key key;
        if (strcmp(file->path, name) != 0 || secret.len != file->key_len ||
            !file_key_init(&key, (const uint8_t *)secret.ptr, secret.len))
            continue;
        file_key_fini(&file->keys[0]);
        memmove(&file->keys[0], &file->keys[1], (file->num - 1) * sizeof(file->keys[0]));
        file->keys[file->num - 1] = key;
    }
}
