// SPDX-License-Identifier: Apache-2.0
// Files of certificates and keys, and the PEM blocks in them. Nothing of a key may stay behind in memory that a core
// dump shows, so neither stdio nor the stack hold any of it.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/base64.h>
#include <openssl/mem.h>
#include "base/check.h"
#include "cert_inner.h"

// More than this is a mistake, such as a device.
enum { FILE_LEN_MAX = 16 * 1024 * 1024 };

static bool file_fill(struct cert_file *file, const char **error, int fd, size_t cap)
{
    for (;;) {
        if (file->len == cap) {
            char *grown = cap < FILE_LEN_MAX ? OPENSSL_realloc(file->data, cap * 2) : NULL;
            if (!grown) {
                *error = "it is too large";
                return false;
            }
            file->data = grown;
            cap *= 2;
        }
        ssize_t got = read(fd, file->data + file->len, cap - file->len);
        if (got > 0)
            file->len += (size_t)got;
        if (got == 0)
            return true;
        if (got < 0 && errno != EINTR) {
            *error = strerror(errno);
            return false;
        }
    }
}

bool cert_file_read(struct cert_file *file, const char **error, const char *path)
{
    *file = (struct cert_file){ 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        *error = strerror(errno);
        if (fd >= 0)
            close(fd);
        return false;
    }
    // One byte more than the file has, so that its end shows in one go.
    size_t cap = st.st_size > 0 && st.st_size < FILE_LEN_MAX ? (size_t)st.st_size + 1 : 4096;
    file->data = OPENSSL_malloc(cap);
    if (!file->data)
        check_out_of_memory(cap);
    bool ok = file_fill(file, error, fd, cap);
    close(fd);
    if (!ok)
        cert_file_fini(file);
    return ok;
}

void cert_file_fini(struct cert_file *file)
{
    OPENSSL_free(file->data);
    *file = (struct cert_file){ 0 };
}

// The next line of `text`, without its end and blanks behind it; `text` moves past it.
static struct slice next_line(struct slice *text)
{
    size_t len = slice_find(*text, '\n');
    struct slice line = slice_of(text->ptr, len);
    *text = slice_from(*text, len + 1);
    while (line.len && strchr(" \t\r", line.ptr[line.len - 1]))
        line.len--;
    return line;
}

static bool is_boundary(struct slice line, struct slice begin, struct slice *label)
{
    struct slice dashes = SLICE("-----");
    if (!slice_begins(line, begin) || !slice_ends(line, dashes) || line.len < begin.len + dashes.len)
        return false;
    *label = slice_of(line.ptr + begin.len, line.len - begin.len - dashes.len);
    return true;
}

static void move_digits(char *to, size_t *len, struct slice line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] != ' ' && line.ptr[i] != '\t')
            to[(*len)++] = line.ptr[i];
}

static bool decode(struct cert_pem *pem, struct cert_pem_block *block, const char *digits, size_t num)
{
    size_t cap = num / 4 * 3;
    if (cap && EVP_DecodeBase64(block->der, &block->der_len, cap, (const uint8_t *)digits, num))
        return true;
    pem->error = cap ? "a block is not in base64" : "a block is empty";
    return false;
}

// Reads up to the end of the block that `label` begins; headers, if any, end with an empty line.
static bool read_body(struct cert_pem *pem, struct cert_pem_block *block, char *digits)
{
    struct slice label;
    size_t num = 0;
    bool may_be_header = true;
    while (pem->rest.len) {
        struct slice line = next_line(&pem->rest);
        if (is_boundary(line, SLICE("-----END "), &label)) {
            if (slice_equal(label, block->label))
                return decode(pem, block, digits, num);
            break;
        }
        // Up to the first dashes there is room for digits; base64 has none.
        if (memmem(line.ptr, line.len, "-----", 5))
            break;
        bool is_header = may_be_header && slice_find(line, ':') < line.len;
        if (is_header && slice_begins(line, SLICE("Proc-Type:")))
            block->encrypted = memmem(line.ptr, line.len, "ENCRYPTED", 9) != NULL;
        // A header goes on in lines that begin with a blank; none of base64 do.
        else if (!is_header && !(may_be_header && line.len && strchr(" \t", line.ptr[0])))
            may_be_header = num == 0 && line.len == 0;
        if (!is_header)
            move_digits(digits, &num, line);
    }
    pem->error = "a block does not end, or another begins inside of it";
    return false;
}

bool cert_pem_next(struct cert_pem *pem, struct cert_pem_block *block)
{
    *block = (struct cert_pem_block){ 0 };
    pem->error = NULL;
    while (pem->rest.len) {
        struct slice line = next_line(&pem->rest);
        if (!is_boundary(line, SLICE("-----BEGIN "), &block->label))
            continue;
        // No block is longer than what is left, nor are its bytes more than its digits.
        const char *end = memmem(pem->rest.ptr, pem->rest.len, "-----", 5);
        size_t cap = end ? (size_t)(end - pem->rest.ptr) : 0;
        if (!end) {
            pem->error = "a block does not end";
            return false;
        }
        char *digits = OPENSSL_malloc(cap + 1);
        block->der = OPENSSL_malloc(cap + 1);
        if (!digits || !block->der)
            check_out_of_memory(cap);
        bool ok = read_body(pem, block, digits);
        OPENSSL_free(digits);
        if (!ok)
            cert_pem_block_fini(block);
        return ok;
    }
    return false;
}

void cert_pem_block_fini(struct cert_pem_block *block)
{
    OPENSSL_free(block->der);
    block->der = NULL;
    block->der_len = 0;
}
