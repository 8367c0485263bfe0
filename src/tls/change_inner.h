// SPDX-License-Identifier: Apache-2.0
// What the files of changes share. For src/tls/change*.c and ticket_file.c alone.
#pragma once

#include "cert_inner.h"
#include "tls/change.h"

// Written to the board.
enum change_op {
    CHANGE_CERT_NEW = 1,
    CHANGE_CERT_SET,
    CHANGE_CERT_DEL,
    CHANGE_CERT_OCSP,
    CHANGE_FILE_NEW,
    CHANGE_FILE_SET,
    CHANGE_FILE_DEL,
    CHANGE_LIST_ADD,
    CHANGE_LIST_DEL,
    CHANGE_TICKET_KEY,
    CHANGE_NUM_OPS
};

// One change as it is applied.
struct change {
    enum change_op op;
    uint32_t number; // of a line
    bool is_crl;
    const char *name;    // NUL-terminated
    struct slice text;   // a line of a crt-list, or its certificate
    struct slice secret; // of the payload
};

// change_publish publishes it; the secret goes by a payload.
uint64_t change_publish(const struct change *change);

// How each is applied.
void change_cert_apply(struct tls_store *store, const struct change *change);
void change_file_apply(struct tls_store *store, const struct change *change);
void change_list_apply(struct tls_store *store, const struct change *change);
void tls_ticket_file_change(const char *name, struct slice key);

// A configuration to report to, for what is read at run time.
struct change_reader {
    struct arena arena;
    struct config_diag diag;
    struct config config;
};
void change_reader_init(struct change_reader *reader);
void change_reader_fini(struct change_reader *reader);

// change_reader_tell appends the first error to `why`.
void change_reader_tell(const struct change_reader *reader, struct text *why);
