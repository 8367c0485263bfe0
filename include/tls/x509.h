// SPDX-License-Identifier: Apache-2.0
// Questions about one certificate: whose it is, who signed it, until when it holds. It is read from its DER encoding
// (RFC 5280 section 4.1) in place, without an object of the library, so that a rule may ask for each request. Slices
// point into that encoding. Nothing here says whether a certificate is to be believed (tls/trust.h). Used by workers.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"

struct tls_x509 {
    uint32_t version;        // as people count: 1 to 3
    struct slice serial;     // the number's bytes, without the zero that only says that it is not negative
    struct slice signed_by;  // OBJECT IDENTIFIER of the signature's algorithm
    struct slice key;        // OBJECT IDENTIFIER of the public key's algorithm
    struct slice issuer;     // Name, DER
    struct slice subject;    // Name, DER
    struct slice not_before; // UTCTime or GeneralizedTime, its characters
    struct slice not_after;
    struct slice extensions; // contents of the list, empty: none
};

// tls_x509_read reads the certificate `der`. False where it is none; what it says beyond its form is not checked.
bool tls_x509_read(struct tls_x509 *out, struct slice der);

// The functions below write at most `cap` bytes into `out` and give the length, 0 where there is nothing to tell or no
// room for it. Nothing is cut short.

// tls_x509_name writes all of a Name in one line, "/C=FR/O=Example/CN=a.test": values as they are encoded, types by
// their short names or in dots and numbers. None where a value holds a zero byte: what is behind it could deceive.
size_t tls_x509_name(char *out, size_t cap, struct slice name);

// tls_x509_name_rfc2253 writes it as RFC 2253 has it, for LDAP: "CN=a.test,O=Example,C=FR".
size_t tls_x509_name_rfc2253(char *out, size_t cap, struct slice name);

// tls_x509_name_entry finds the value of the type `type` (any case) in a Name: occurrence `nth`, from 1 for the first,
// from -1 for the last. False where there is none, and where it holds a zero byte.
bool tls_x509_name_entry(struct slice *value, struct slice name, struct slice type, int64_t nth);

// tls_x509_algorithm gives the name of an algorithm by its OBJECT IDENTIFIER ("rsaEncryption", "ecdsa-with-SHA256");
// empty for one that the library does not know.
struct slice tls_x509_algorithm(struct slice oid);

// tls_x509_time gives a time of the certificate as "YYMMDDhhmmssZ"; empty for one outside this century.
struct slice tls_x509_time(struct slice time);

// tls_x509_alt_names writes the names of the subjectAltName extension (RFC 5280 section 4.2.1.6) with ", " between:
// "DNS:a.test, IP Address:127.0.0.1, URI:http://a.test/".
size_t tls_x509_alt_names(char *out, size_t cap, const struct tls_x509 *cert);
