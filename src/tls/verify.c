// SPDX-License-Identifier: Apache-2.0
// Names and words of what a check of a chain may find (X509_V_*).
#include <string.h>
#include <openssl/x509.h>
#include "base/check.h"
#include "tls/trust.h"

struct error {
    int16_t code;
    const char *name;
    const char *text;
};

#define ERROR(id, words)                                                                                               \
    {                                                                                                                  \
        .code = X509_V_ERR_##id, .name = "X509_V_ERR_" #id, .text = words                                              \
    }

// What OpenSSL may find and this library does not look for: files that ignore it load. Its own numbers, but for those
// that mean something else here.
#define FOREIGN(number, id)                                                                                            \
    {                                                                                                                  \
        .code = number, .name = "X509_V_ERR_" #id, .text = "an error of OpenSSL that this library does not know"       \
    }

static const struct error errors[] = {
    { .code = X509_V_OK, .name = "X509_V_OK", .text = "ok" },
    ERROR(UNSPECIFIED, "certificate is malformed"),
    ERROR(UNABLE_TO_GET_ISSUER_CERT, "certificate of an intermediate's issuer is not among the authorities"),
    ERROR(UNABLE_TO_GET_CRL, "no revocation list of its issuer was loaded"),
    ERROR(UNABLE_TO_DECRYPT_CERT_SIGNATURE, "certificate's signature cannot be read"),
    ERROR(UNABLE_TO_DECRYPT_CRL_SIGNATURE, "revocation list's signature cannot be read"),
    ERROR(UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, "issuer's public key cannot be read"),
    ERROR(CERT_SIGNATURE_FAILURE, "certificate's signature is wrong"),
    ERROR(CRL_SIGNATURE_FAILURE, "revocation list's signature is wrong"),
    ERROR(CERT_NOT_YET_VALID, "certificate is not valid yet"),
    ERROR(CERT_HAS_EXPIRED, "certificate has expired"),
    ERROR(CRL_NOT_YET_VALID, "revocation list is not valid yet"),
    ERROR(CRL_HAS_EXPIRED, "revocation list has expired"),
    ERROR(ERROR_IN_CERT_NOT_BEFORE_FIELD, "certificate's notBefore is malformed"),
    ERROR(ERROR_IN_CERT_NOT_AFTER_FIELD, "certificate's notAfter is malformed"),
    ERROR(ERROR_IN_CRL_LAST_UPDATE_FIELD, "revocation list's lastUpdate is malformed"),
    ERROR(ERROR_IN_CRL_NEXT_UPDATE_FIELD, "revocation list's nextUpdate is malformed"),
    ERROR(OUT_OF_MEM, "out of memory"),
    ERROR(DEPTH_ZERO_SELF_SIGNED_CERT, "certificate is self-signed and not among the authorities"),
    ERROR(SELF_SIGNED_CERT_IN_CHAIN, "chain ends at a root that is not among the authorities"),
    ERROR(UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "issuer's certificate is not among the authorities"),
    ERROR(UNABLE_TO_VERIFY_LEAF_SIGNATURE, "certificate's signature cannot be checked without its issuer"),
    ERROR(CERT_CHAIN_TOO_LONG, "chain is too long"),
    ERROR(CERT_REVOKED, "certificate is revoked"),
    ERROR(INVALID_CA, "issuer is no certificate authority"),
    ERROR(PATH_LENGTH_EXCEEDED, "chain is longer than an authority in it allows"),
    ERROR(INVALID_PURPOSE, "certificate is not for this purpose"),
    ERROR(CERT_UNTRUSTED, "root is not trusted for this purpose"),
    ERROR(CERT_REJECTED, "root is marked as rejected for this purpose"),
    ERROR(SUBJECT_ISSUER_MISMATCH, "issuer's name is not the one the certificate says"),
    ERROR(AKID_SKID_MISMATCH, "issuer's key identifier is not the one the certificate says"),
    ERROR(AKID_ISSUER_SERIAL_MISMATCH, "issuer's serial number is not the one the certificate says"),
    ERROR(KEYUSAGE_NO_CERTSIGN, "issuer's key may not sign certificates"),
    ERROR(UNABLE_TO_GET_CRL_ISSUER, "certificate of the revocation list's issuer is not among the authorities"),
    ERROR(UNHANDLED_CRITICAL_EXTENSION, "certificate has a critical extension that is not known"),
    ERROR(KEYUSAGE_NO_CRL_SIGN, "issuer's key may not sign revocation lists"),
    ERROR(UNHANDLED_CRITICAL_CRL_EXTENSION, "revocation list has a critical extension that is not known"),
    ERROR(INVALID_NON_CA, "certificate of an authority stands where none may"),
    ERROR(PROXY_PATH_LENGTH_EXCEEDED, "chain of proxy certificates is longer than one in it allows"),
    ERROR(KEYUSAGE_NO_DIGITAL_SIGNATURE, "certificate's key may not make signatures"),
    ERROR(PROXY_CERTIFICATES_NOT_ALLOWED, "proxy certificates are not allowed"),
    ERROR(INVALID_EXTENSION, "an extension of the certificate is malformed"),
    ERROR(INVALID_POLICY_EXTENSION, "certificate's policy extension is malformed"),
    ERROR(NO_EXPLICIT_POLICY, "certificate names no policy"),
    ERROR(DIFFERENT_CRL_SCOPE, "revocation list is of another scope"),
    ERROR(UNSUPPORTED_EXTENSION_FEATURE, "an extension asks for what is not supported"),
    ERROR(UNNESTED_RESOURCE, "a resource is not a part of its issuer's"),
    ERROR(PERMITTED_VIOLATION, "name is not among those its authority may certify"),
    ERROR(EXCLUDED_VIOLATION, "name is among those its authority may not certify"),
    ERROR(SUBTREE_MINMAX, "an authority's limit of names is not supported"),
    ERROR(APPLICATION_VERIFICATION, "certificate was refused"),
    ERROR(UNSUPPORTED_CONSTRAINT_TYPE, "an authority limits a kind of names that is not supported"),
    ERROR(UNSUPPORTED_CONSTRAINT_SYNTAX, "an authority's limit of names is malformed"),
    ERROR(UNSUPPORTED_NAME_SYNTAX, "a name in the certificate is malformed"),
    ERROR(CRL_PATH_VALIDATION_ERROR, "chain of the revocation list's issuer cannot be verified"),
    ERROR(HOSTNAME_MISMATCH, "certificate is not for this host name"),
    ERROR(EMAIL_MISMATCH, "certificate is not for this mail address"),
    ERROR(IP_ADDRESS_MISMATCH, "certificate is not for this address"),
    ERROR(INVALID_CALL, "check was not possible"),
    ERROR(STORE_LOOKUP, "authorities could not be searched"),
    ERROR(NAME_CONSTRAINTS_WITHOUT_SANS, "an authority limits names and the certificate has them in its subject alone"),
    FOREIGN(55, PATH_LOOP),
    FOREIGN(56, SUITE_B_INVALID_VERSION),
    FOREIGN(57, SUITE_B_INVALID_ALGORITHM),
    FOREIGN(58, SUITE_B_INVALID_CURVE),
    FOREIGN(59, SUITE_B_INVALID_SIGNATURE_ALGORITHM),
    FOREIGN(60, SUITE_B_LOS_NOT_ALLOWED),
    FOREIGN(61, SUITE_B_CANNOT_SIGN_P_384_WITH_P_256),
    FOREIGN(68, CA_MD_TOO_WEAK),
    FOREIGN(71, NO_VALID_SCTS),
    FOREIGN(72, PROXY_SUBJECT_NAME_VIOLATION),
    FOREIGN(73, OCSP_VERIFY_NEEDED),
    FOREIGN(74, OCSP_VERIFY_FAILED),
    FOREIGN(75, OCSP_CERT_UNKNOWN),
    FOREIGN(76, UNSUPPORTED_SIGNATURE_ALGORITHM),
    FOREIGN(77, SIGNATURE_ALGORITHM_MISMATCH),
    FOREIGN(78, SIGNATURE_ALGORITHM_INCONSISTENCY),
    FOREIGN(80, PATHLEN_INVALID_FOR_NON_CA),
    FOREIGN(81, PATHLEN_WITHOUT_KU_KEY_CERT_SIGN),
    FOREIGN(82, KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA),
    FOREIGN(83, ISSUER_NAME_EMPTY),
    FOREIGN(84, SUBJECT_NAME_EMPTY),
    FOREIGN(85, MISSING_AUTHORITY_KEY_IDENTIFIER),
    FOREIGN(86, MISSING_SUBJECT_KEY_IDENTIFIER),
    FOREIGN(87, EMPTY_SUBJECT_ALT_NAME),
    FOREIGN(88, EMPTY_SUBJECT_SAN_NOT_CRITICAL),
    FOREIGN(89, CA_BCONS_NOT_CRITICAL),
    FOREIGN(90, AUTHORITY_KEY_IDENTIFIER_CRITICAL),
    FOREIGN(91, SUBJECT_KEY_IDENTIFIER_CRITICAL),
    FOREIGN(92, CA_CERT_MISSING_KEY_USAGE),
    FOREIGN(93, EXTENSIONS_REQUIRE_VERSION_3),
    FOREIGN(94, EC_KEY_EXPLICIT_PARAMS),
    FOREIGN(120, DANE_NO_MATCH),
    FOREIGN(121, EE_KEY_TOO_SMALL),
    FOREIGN(122, CA_KEY_TOO_SMALL),
    FOREIGN(123, NO_ISSUER_PUBLIC_KEY),
};

static const struct error *find(int code)
{
    for (size_t i = 0; i < NUM_ITEMS(errors); i++)
        if (errors[i].code == code)
            return &errors[i];
    return NULL;
}

const char *tls_verify_error_name(int code)
{
    const struct error *error = find(code);
    return error ? error->name : NULL;
}

const char *tls_verify_error_text(int code)
{
    const struct error *error = find(code);
    return error ? error->text : "unknown error";
}

int tls_verify_error_code(struct slice name)
{
    for (size_t i = 0; i < NUM_ITEMS(errors); i++)
        if (slice_equal(name, slice_str(errors[i].name)))
            return errors[i].code;
    return -1;
}
