// SPDX-License-Identifier: Apache-2.0
// Certificates, authorities, revocation lists and OCSP responses in words, as operators know them from HAProxy and
// openssl. Used by the controller for commands; reads only.
#pragma once

#include "tls/change.h"

// tls_show_cert appends whose a certificate is, until when it holds, and who signed it; a line each.
void tls_show_cert(struct text *out, const struct tls_cert *cert);

// tls_show_file appends what is in a file of authorities or revocation lists; with `index` (from 1) that one alone,
// 0: all.
void tls_show_file(struct text *out, const struct trust_file *file, uint32_t index);

// tls_show_file_pem appends its certificates in PEM.
void tls_show_file_pem(struct text *out, const struct trust_file *file);

// tls_show_file_num gives the number of certificates or lists in it.
uint32_t tls_show_file_num(const struct trust_file *file);

// tls_show_file_is_empty says whether it was made at run time and nothing was put in yet.
bool tls_show_file_is_empty(const struct trust_file *file);

// tls_show_ocsp appends the OCSP response (DER, RFC 6960) as `openssl ocsp -respin -text` has it, up to the answers.
void tls_show_ocsp(struct text *out, struct slice der);

// tls_show_ocsp_base64 appends it in base64.
void tls_show_ocsp_base64(struct text *out, struct slice der);

// tls_show_ocsp_key appends the key that responses for a certificate go by: the DER of its CertID with SHA-1, in hex.
// Nothing where its issuer is not known.
void tls_show_ocsp_key(struct text *out, const struct tls_cert *cert);

// tls_show_ocsp_id appends the members of the CertID, a line each.
void tls_show_ocsp_id(struct text *out, const struct tls_cert *cert);

// tls_show_pem appends key, certificate and chain in PEM: for who may have the key.
void tls_show_pem(struct text *out, const struct tls_cert *cert);

// tls_show_sni appends a line for each name that `bind` serves; `where` ("fe/file:12") begins it. With `over_at` (not
// 0, seconds since 1970) only certificates that are over then.
struct tls_bind;
void tls_show_sni(struct text *out, const struct tls_bind *bind, const char *where, int64_t over_at);
