// SPDX-License-Identifier: Apache-2.0
// The journal's side of it: how a change is written and read.
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "board/board.h"
#include "board/change.h"
#include "board/payload.h"
#include "bind_inner.h"
#include "change_inner.h"

// An entry of the journal: this, the name, the text.
struct wire {
    uint32_t op;
    uint32_t generation;
    uint32_t number;
    uint32_t is_crl;
    uint64_t payload; // 0: none
    uint16_t name_len;
    uint16_t text_len;
    uint32_t reserved;
};

uint64_t change_publish(const struct change *change)
{
    struct board *board = board_changes_board();
    char data[BOARD_JOURNAL_ENTRY_MAX];
    struct slice name = slice_str(change->name);
    size_t len = sizeof(struct wire) + name.len + change->text.len;
    if (!board || len > sizeof(data))
        return 0;
    struct wire wire = { .op = change->op,
                         .generation = board_changes_generation(),
                         .number = change->number,
                         .is_crl = change->is_crl,
                         .name_len = (uint16_t)name.len,
                         .text_len = (uint16_t)change->text.len };
    if (change->secret.len && !(wire.payload = board_payload_put(board, change->secret.ptr, change->secret.len)))
        return 0;
    memcpy(data, &wire, sizeof(wire));
    memcpy(data + sizeof(wire), name.ptr, name.len);
    if (change->text.len)
        memcpy(data + sizeof(wire) + name.len, change->text.ptr, change->text.len);
    uint64_t number = board_change_publish(BOARD_CHANGE_CERTIFICATE, data, len);
    if (wire.payload)
        board_payload_tie(board, wire.payload, number);
    return number;
}

static void dispatch(struct tls_store *store, const struct change *change)
{
    switch (change->op) {
    case CHANGE_CERT_NEW:
    case CHANGE_CERT_SET:
    case CHANGE_CERT_DEL:
    case CHANGE_CERT_OCSP:
        change_cert_apply(store, change);
        return;
    case CHANGE_FILE_NEW:
    case CHANGE_FILE_SET:
    case CHANGE_FILE_DEL:
        change_file_apply(store, change);
        return;
    case CHANGE_LIST_ADD:
    case CHANGE_LIST_DEL:
        change_list_apply(store, change);
        return;
    case CHANGE_TICKET_KEY:
        tls_ticket_file_change(change->name, change->secret);
        return;
    default:
        return;
    }
}

// Another generation read its files afresh.
static void apply(const struct board_change *entry)
{
    struct wire wire;
    size_t secret_len = 0;
    must(entry->len >= sizeof(wire));
    memcpy(&wire, entry->data, sizeof(wire));
    must(entry->len == sizeof(wire) + (size_t)wire.name_len + wire.text_len);
    struct tls_store *store = cert_store_live();
    if (wire.generation != board_changes_generation() || !store)
        return;
    const char *at = (const char *)entry->data + sizeof(wire);
    const void *secret = wire.payload ? board_payload_at(board_changes_board(), wire.payload, &secret_len) : NULL;
    if (wire.payload && !secret)
        return;
    char name[BOARD_JOURNAL_ENTRY_MAX];
    memcpy(name, at, wire.name_len);
    name[wire.name_len] = '\0';
    struct change change = { .op = (enum change_op)wire.op,
                             .number = wire.number,
                             .is_crl = wire.is_crl,
                             .name = name,
                             .text = slice_of(at + wire.name_len, wire.text_len),
                             .secret = slice_of(secret, secret_len) };
    dispatch(store, &change);
}

static const struct board_change_kind certificates = { .type = BOARD_CHANGE_CERTIFICATE, .apply = apply };
BOARD_CHANGES(certificates);

void change_reader_init(struct change_reader *reader)
{
    arena_init(&reader->arena);
    config_diag_init(&reader->diag, &reader->arena);
    config_init(&reader->config, &reader->arena, &reader->diag, NULL);
}

void change_reader_fini(struct change_reader *reader)
{
    config_fini(&reader->config);
    arena_fini(&reader->arena);
}

void change_reader_tell(const struct change_reader *reader, struct text *why)
{
    for (const struct config_message *it = reader->diag.first; it; it = it->next)
        if (it->level == CONFIG_ERROR) {
            text_printf(why, "%s", it->text);
            return;
        }
}
