// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <openssl/sha.h>
#include "tls/entry.h"
#include "tls/trust.h"

const struct tls_entry *tls_entry_get1(const struct tls_entry *entry)
{
    ((struct tls_entry *)entry)->refs++;
    return entry;
}

void tls_entry_release(const struct tls_entry *entry)
{
    struct tls_entry *own = (struct tls_entry *)entry;
    if (!own || --own->refs)
        return;
    tls_trust_leave(own->trust);
    own->trust = NULL;
    // The entry itself lies in there.
    struct arena *arena = own->own;
    if (!arena)
        return;
    arena_fini(arena);
    free(arena);
}

// What is forgiven is part of what was checked: a session made where an expired certificate is let in must not open an
// entry where it is not.
static void add_errors(SHA256_CTX *sha, const struct tls_errors *errors)
{
    for (size_t i = 0; i < TLS_ERRORS_MAX / 8; i++) {
        uint8_t byte = (uint8_t)(errors->bits[i / 8] >> i % 8 * 8);
        SHA256_Update(sha, &byte, 1);
    }
}

// Machines of a fleet and generations of a process must come to the same bytes: what is hashed has one form everywhere.
static void make_context(struct tls_entry *entry)
{
    static const char purpose[] = "fairlead session context 1";
    uint8_t digest[32] = { 0 }, verify = entry->conf.verify;
    if (entry->trust)
        tls_trust_digest(entry->trust, digest);
    _Static_assert(sizeof(entry->session_context) == SHA256_DIGEST_LENGTH, "a SHA-256");
    SHA256_CTX sha;
    SHA256_Init(&sha);
    SHA256_Update(&sha, purpose, sizeof(purpose));
    SHA256_Update(&sha, entry->cert->name, strlen(entry->cert->name) + 1);
    SHA256_Update(&sha, &verify, sizeof(verify));
    SHA256_Update(&sha, digest, sizeof(digest));
    if (entry->trust) {
        add_errors(&sha, &entry->conf.ca_ignore);
        add_errors(&sha, &entry->conf.crt_ignore);
    }
    SHA256_Final(entry->session_context, &sha);
}

// Of a constant entry: this is no part of what it says.
const uint8_t *tls_entry_context(const struct tls_entry *entry)
{
    uint64_t now = entry->trust ? tls_trust_version(entry->trust) : 1;
    if (entry->context_of != now) {
        make_context((struct tls_entry *)entry);
        ((struct tls_entry *)entry)->context_of = now;
    }
    return entry->session_context;
}
