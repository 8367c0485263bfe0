// SPDX-License-Identifier: Apache-2.0
// An entry is one certificate at one bind, with the settings that hold for it, and the names that lead to it: a `crt`
// argument or a line of a crt-list. The look-up from a ClientHello's server name to its entry is here: a hash of exact
// names and wildcards, the default. Built by the keeper; what commands change (tls/change.h) each process changes in
// its own copy.
#pragma once

#include "tls/cert.h"
#include "tls/conf.h"

struct tls_bind;
struct tls_trust;
struct tls_crt_line;

struct tls_entry {
    struct tls_entry *next;
    struct tls_entry **at;       // what points to it of its bind's list, once it is there
    uint64_t order;              // in the look-up: that of the configuration
    struct tls_bind *bind;       // NULL: of none, or no longer
    struct tls_entry *next_user; // of the same certificate
    struct tls_entry **user_at;
    uint32_t refs;                   // the bind's, and of connections that it was chosen for
    struct arena *own;               // where an entry of run time lives; NULL: in the configuration's arena
    const struct tls_crt_line *line; // of a crt-list or directory; NULL: of a `crt` argument
    struct tls_cert *cert;           // the latest of its name
    struct tls_conf conf;          // complete: line, bind, ssl-default-bind-*, our defaults
    const struct tls_trust *trust; // NULL: client certificates are not asked for
    const char *const *filters;    // of the crt-list's line, lower case, "!" before those it does not serve
    uint32_t num_filters;          // 0: the names of the certificate
    bool is_default;               // default-crt, or the first of the bind
    uint8_t session_context[32];   // what a session must match: tls_entry_context gives it
    uint64_t context_of;           // what `trust` was when it was made, 0: never
};

// tls_entry_get1 gives a reference. Of a constant one: what counts is no part of it.
const struct tls_entry *tls_entry_get1(const struct tls_entry *entry);

// tls_entry_release takes a reference back; the last one frees it. NULL is fine.
void tls_entry_release(const struct tls_entry *entry);

// tls_entry_context gives what a session of the entry must match, 32 bytes: a hash of the entry's name, the contents of
// its client CAs and CRLs and the verify mode; never of an address, a pointer or an order. It is made when it is asked
// for after one of them changed: a commit of what ten thousand entries believe must not keep traffic waiting.
const uint8_t *tls_entry_context(const struct tls_entry *entry);

struct tls_names;

// tls_names_new makes the look-up for the entries that are linked at `entries`, in the order of the configuration.
struct tls_names *tls_names_new(struct tls_entry *entries);

// tls_names_add adds an entry: where it was, if it was in the look-up before, else behind all others.
void tls_names_add(struct tls_names *names, struct tls_entry *entry);

// tls_names_cut takes one out. Its filters and its certificate are those that it was added with.
void tls_names_cut(struct tls_names *names, const struct tls_entry *entry);

// tls_names_free frees it; NULL is accepted. Entries are not its own.
void tls_names_free(struct tls_names *names);

// What a ClientHello says it can check.
enum { TLS_CAN_RSA = 1 << TLS_KEY_RSA, TLS_CAN_ECDSA = 1 << TLS_KEY_ECDSA, TLS_CAN_ED25519 = 1 << TLS_KEY_ED25519 };

// tls_names_find gives the entry for the server name `name` (any case; empty: none was sent) and a client that can
// check `can`: per type of key the exact name before a wildcard and the first of the configuration before later ones,
// then ECDSA before RSA where the client can. NULL: nothing is there for that name; tls_names_default then gives the
// default, where the bind is not strict-sni. Manual: bind's `crt` and `crt-list`, section 5.1.
const struct tls_entry *tls_names_find(const struct tls_names *names, struct slice name, uint32_t can);

// tls_names_default gives the entry for names that nothing is there for, of a kind the client can check where there is
// one.
const struct tls_entry *tls_names_default(const struct tls_names *names, uint32_t can);

// tls_crt_list_read reads a crt-list: per line a certificate, options in brackets, filters. Each line makes one entry
// per certificate (several for a bundle or a directory), appended to `*entries`; its conf holds what the line says.
// Options are words of CONFIG_IN_CRT_LIST, parsed into a struct tls_conf. Errors are reported with the file and line of
// the list. False after one.
bool tls_crt_list_read(struct config *config, struct tls_entry **entries, struct tls_store *store, const char *path,
                       struct config_place place);
