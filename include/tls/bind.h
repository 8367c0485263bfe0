// SPDX-License-Identifier: Apache-2.0
// TLS at one bind: its entries, what it chooses from them for each ClientHello, and the library's context behind it.
// Built by the keeper from a configuration that is complete, const afterwards; used by workers.
//
// The library's SSL_set_SSL_CTX swaps a certificate and little else, so everything an entry sets is set anew on the
// connection, in the callback that sees the ClientHello before anything is decided.
#pragma once

#include "tls/entry.h"

struct tls_shared;
struct tls_ticket_file;

// What a bind line says, beyond what its entries may say themselves.
struct tls_bind_conf {
    bool enabled;               // `ssl`
    bool strict_sni;            // with that of ssl-default-bind-options, once the configuration is complete
    bool no_strict_sni;         // no-strict-sni takes that one back
    struct tls_conf conf;       // holds for all entries that do not say otherwise
    struct tls_source *sources; // crt, crt-list, default-crt, in the order of the line
    const char *ticket_file;    // tls-ticket-keys
};

enum tls_source_kind { TLS_SOURCE_CRT, TLS_SOURCE_LIST, TLS_SOURCE_DEFAULT };
struct tls_source {
    struct tls_source *next;
    uint8_t kind; // enum tls_source_kind
    const char *name;
    struct config_place place;
};

// Settings of the whole process (global section).
struct tls_global_conf {
    struct tls_store_conf store;
    const char *ca_base;
    struct tls_conf bind_default;   // ssl-default-bind-*
    struct tls_conf server_default; // ssl-default-server-*
    bool strict_sni;                // of ssl-default-bind-options
    bool server_verify_none;        // ssl-server-verify none
    uint32_t cache_size;            // tune.ssl.cachesize: sessions of TLS 1.2, 0: none
    uint64_t lifetime_us;           // tune.ssl.lifetime: how long a session may be resumed
    uint64_t rotation_us;           // tune.ssl.ticket-rotation
    uint64_t ticket_lifetime_us;
    uint32_t max_record;      // tune.ssl.maxrecord, 0: dynamic
    uint32_t hard_max_record; // tune.ssl.hard-maxrecord
    bool keep_hello;          // a fetch asks for ClientHellos: they are kept, capture_len bytes of each, 0: whole
    uint32_t capture_len;     // tune.ssl.capture-buffer-size
    bool keylog;              // tune.ssl.keylog
    bool private_cache;       // tune.ssl.force-private-cache
    bool cert_compression;    // tune.ssl.certificate-compression
    uint32_t max_conn;        // maxsslconn
    uint32_t max_rate;        // maxsslrate
};

// tls_bind_new builds what `conf` says. NULL after reporting everything that is wrong.
struct tls_bind *tls_bind_new(struct config *config, const struct tls_global_conf *global, struct tls_store *store,
                              const struct tls_bind_conf *conf, struct config_place place);

// tls_bind_free frees what the library holds; NULL is accepted.
void tls_bind_free(struct tls_bind *bind);

// tls_bind_context gives the library's context that connections start from.
struct ssl_ctx_st *tls_bind_context(const struct tls_bind *bind);

