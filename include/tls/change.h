// SPDX-License-Identifier: Apache-2.0
// Certificates, authorities, crt-lists and ticket keys that change while the service runs. A change is put together and
// checked in the controller; what is published is known to be good, and all processes of its generation apply it as one
// change of the journal (board/change.h). Keys travel in payloads and never stand in the journal. Connections under way
// keep what they were given.
//
// Names are those the configuration has, with the base directories before them. Functions that may fail give false, or
// NULL, and say why in `why` (one line, no line feed). Published changes give their number, 0 where the journal or the
// payloads have no room.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"
#include "base/text.h"
#include "tls/cert.h"

// ---- certificates -------------------------------------------------------------------------------------------------

// tls_change_certs gives the names of all certificates, sorted, in memory to be freed; `*num` is their number.
const char **tls_change_certs(uint32_t *num);

// tls_change_cert gives the certificate of that name, NULL where there is none, or it is empty; `*exists` says which.
const struct tls_cert *tls_change_cert(const char *name, bool *exists);

// tls_change_cert_uses counts the binds and servers that use it, once for each place.
uint32_t tls_change_cert_uses(const char *name);

// tls_change_cert_is_listed says whether it stands on a crt-list.
bool tls_change_cert_is_listed(const char *name);

// tls_change_cert_new publishes an empty one; there is none of that name.
uint64_t tls_change_cert_new(const char *name);

// tls_change_cert_del publishes its end; it is not used, nor on a list.
uint64_t tls_change_cert_del(const char *name);

// Parts that are set one by one.
enum tls_part { TLS_PART_ALL, TLS_PART_KEY, TLS_PART_ISSUER, TLS_PART_OCSP, TLS_PART_SCTL };

// tls_draft_new gives a certificate to be changed: a copy of the one of that name, or empty. tls_cert_release frees it.
struct tls_cert *tls_draft_new(const char *name);

// tls_draft_copy gives a copy of `draft`; with NULL it is tls_draft_new of `name`.
struct tls_cert *tls_draft_copy(const struct tls_cert *draft, const char *name);

// tls_draft_put replaces a part by what the text says: PEM, or base64 of an OCSP response or of SCTs. With TLS_PART_ALL
// the chain is replaced, and the key where the text holds one.
bool tls_draft_put(struct tls_cert *draft, struct text *why, enum tls_part part, struct slice text);

// tls_draft_check says whether the draft is a certificate that can be used: key and chain belong to each other.
bool tls_draft_check(struct tls_cert *draft, struct text *why);

// tls_draft_commit publishes a draft that was checked: it is the certificate of its name from now on.
uint64_t tls_draft_commit(const struct tls_cert *draft);

// tls_change_ocsp publishes the OCSP response `text` (DER in base64) for all certificates that it is for. 0 with the
// reason in `why` where there is none or it is not good.
uint64_t tls_change_ocsp(struct text *why, struct slice text);

// ---- authorities and revocation lists -----------------------------------------------------------------------------

struct trust_file;

// tls_change_files gives all files of one kind, sorted by name, as tls_change_certs does.
const struct trust_file **tls_change_files(uint32_t *num, bool is_crl);

// tls_change_file gives the file of that name, NULL for none.
const struct trust_file *tls_change_file(const char *name, bool is_crl);

// tls_change_file_name gives the name of `file`.
const char *tls_change_file_name(const struct trust_file *file);

// tls_change_file_is_used says whether a bind or a server believes in it.
bool tls_change_file_is_used(const struct trust_file *file);

// tls_change_file_uses counts the entries of binds, and the servers, that believe in it.
uint32_t tls_change_file_uses(const struct trust_file *file);

// tls_change_file_new publishes an empty one; there is none of that name.
uint64_t tls_change_file_new(const char *name, bool is_crl);

// tls_change_file_del publishes its end; it is not used.
uint64_t tls_change_file_del(const char *name, bool is_crl);

// tls_change_file_draft reads the PEM text into a file that nobody believes in yet.
struct trust_file *tls_change_file_draft(const char *name, struct text *why, bool is_crl, struct slice text);

// tls_change_file_drop frees a draft; NULL is fine.
void tls_change_file_drop(struct trust_file *file);

// tls_change_file_commit publishes the text that was read.
uint64_t tls_change_file_commit(const char *name, bool is_crl, struct slice text);

// ---- crt-lists ----------------------------------------------------------------------------------------------------

struct tls_crt_list;

// tls_change_lists gives the first of all lists and directories, in the order of their names; NULL for none.
const struct tls_crt_list *tls_change_lists(void);

// tls_change_list_next gives the one after `list`, NULL for none.
const struct tls_crt_list *tls_change_list_next(const struct tls_crt_list *list);

// tls_change_list gives the list of that name, NULL for none.
const struct tls_crt_list *tls_change_list(const char *name);

// tls_change_list_name gives the name of `list`.
const char *tls_change_list_name(const struct tls_crt_list *list);

// tls_change_list_show appends its lines as they may stand in a file, with their numbers where `numbers`.
void tls_change_list_show(struct text *out, const struct tls_crt_list *list, bool numbers);

// tls_change_list_add publishes a line, for all binds that use the list; the name of its certificate is appended to
// `cert`. 0 with the reason in `why` where the line is wrong.
uint64_t tls_change_list_add(struct text *why, struct text *cert, const char *list, struct slice line);

// tls_change_list_del publishes the end of the line that `entry` names: its certificate, with ":line" behind it where
// there are several. The certificate's name is appended to `cert`. 0 with the reason in `why` where it cannot go.
uint64_t tls_change_list_del(struct text *why, struct text *cert, const char *list, const char *entry);

// ---- ticket keys --------------------------------------------------------------------------------------------------

// tls_change_ticket_files gives how many files of ticket keys there are: their ids are 0 and up.
uint32_t tls_change_ticket_files(void);

// tls_change_ticket_file gives the name of the file `id`, NULL for none.
const char *tls_change_ticket_file(uint32_t id);

// tls_change_ticket_find gives the id for "#<id>", "<id>" or a file's name; false for none.
bool tls_change_ticket_find(uint32_t *id, const char *name);

// tls_change_ticket_show appends the keys of a file, a line each, in base64.
void tls_change_ticket_show(struct text *out, uint32_t id);

// tls_change_ticket_set publishes a key (base64): it becomes the last of its file, the one before it seals from now on,
// the first one goes.
uint64_t tls_change_ticket_set(struct text *why, uint32_t id, const char *key);
