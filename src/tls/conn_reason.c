// SPDX-License-Identifier: Apache-2.0
// Why a handshake failed, for whoever reads the log at three in the morning.
#include <stdio.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include "base/check.h"
#include "bind_inner.h"

struct reason {
    int number;
    const char *text; // PEER stands for "client" or "server"
};

// What the library found.
static const struct reason found[] = {
    { SSL_R_NO_SHARED_CIPHER, "no shared cipher: the PEER offers none that is allowed for this certificate" },
    { SSL_R_NO_SHARED_GROUP, "no shared curve: the PEER offers none that is allowed" },
    { SSL_R_NO_COMMON_SIGNATURE_ALGORITHMS,
      "no shared signature algorithm: the PEER offers none that is allowed for this certificate" },
    { SSL_R_NO_APPLICATION_PROTOCOL, "no shared ALPN protocol" },
    { SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "a certificate is required and the PEER sent none" },
    { SSL_R_HTTP_REQUEST, "the PEER sent plain HTTP to a port that speaks TLS" },
    { SSL_R_HTTPS_PROXY_REQUEST, "the PEER sent a plain CONNECT, as to a proxy, to a port that speaks TLS" },
    { SSL_R_WRONG_VERSION_NUMBER, "the PEER does not speak TLS: its first bytes are no record" },
    { SSL_R_BAD_HANDSHAKE_RECORD, "the PEER sent something else instead of a handshake" },
    { SSL_R_UNEXPECTED_RECORD, "the PEER sent a record that does not belong there" },
    { SSL_R_UNEXPECTED_MESSAGE, "the PEER sent a message that does not belong there" },
    { SSL_R_INVALID_OUTER_RECORD_TYPE, "the PEER sent a malformed record" },
    { SSL_R_BAD_SIGNATURE, "the PEER does not hold the key of its certificate: its signature is wrong" },
    { SSL_R_DIGEST_CHECK_FAILED, "the PEER's Finished is wrong: something changed the handshake on its way" },
    { SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC,
      "bad record: what the PEER sent cannot be decrypted; something changed it on its way, or a key differs" },
    { SSL_R_INAPPROPRIATE_FALLBACK, "the PEER says that it fell back to an older version, which is not needed here" },
    { SSL_R_TLS13_DOWNGRADE, "something between us and the PEER took away the newer version" },
    { SSL_R_RESUMED_EMS_SESSION_WITHOUT_EMS_EXTENSION,
      "the PEER resumes a session without the extended master secret that it was made with" },
    { SSL_R_DECODE_ERROR, "the PEER sent a malformed message" },
    { SSL_R_CLIENTHELLO_PARSE_FAILED, "the PEER sent a malformed ClientHello" },
    { SSL_R_PARSE_TLSEXT, "an extension of the ClientHello is malformed" },
    { SSL_R_ERROR_PARSING_EXTENSION, "an extension the PEER sent is malformed" },
    { SSL_R_DUPLICATE_EXTENSION, "the PEER sent an extension twice" },
    { SSL_R_MISSING_EXTENSION, "the PEER left out an extension that it must send" },
    { SSL_R_INVALID_COMPRESSION_LIST, "the PEER asks for compression, or does not offer to do without" },
    { SSL_R_EXCESSIVE_MESSAGE_SIZE, "the PEER sent a message that is too long (a chain of certificates?)" },
    { SSL_R_CANNOT_PARSE_LEAF_CERT, "the PEER's certificate is malformed" },
    { SSL_R_KEY_USAGE_BIT_INCORRECT, "the PEER's certificate may not be used like this (key usage)" },
    { SSL_R_ECC_CERT_NOT_FOR_SIGNING, "the PEER's certificate may not make signatures (key usage)" },
    { SSL_R_WRONG_SIGNATURE_TYPE, "the PEER signs with an algorithm that is not allowed" },
    { SSL_R_WRONG_CURVE, "the PEER uses a curve that is not allowed" },
    { SSL_R_TOO_MUCH_SKIPPED_EARLY_DATA, "the PEER sent too much early data, which was refused" },
    { SSL_R_TOO_MUCH_READ_EARLY_DATA, "the PEER sent too much early data" },
    { SSL_R_PRIVATE_KEY_OPERATION_FAILED, "signing with our key failed" },
};

// Alerts: what the peer said before it gave up (RFC 8446 section 6.2).
static const struct reason alerts[] = {
    { SSL_AD_CLOSE_NOTIFY, "close_notify: the PEER gave up" },
    { SSL_AD_UNEXPECTED_MESSAGE, "unexpected_message: the PEER does not understand our answer" },
    { SSL_AD_BAD_RECORD_MAC, "bad_record_mac: the PEER cannot decrypt what it got from us" },
    { SSL_AD_HANDSHAKE_FAILURE, "handshake_failure: the PEER accepts nothing that we can do" },
    { SSL_AD_BAD_CERTIFICATE, "bad_certificate: the PEER does not accept our certificate" },
    { SSL_AD_UNSUPPORTED_CERTIFICATE, "unsupported_certificate: the PEER cannot use our certificate" },
    { SSL_AD_CERTIFICATE_REVOKED, "certificate_revoked: to the PEER our certificate is revoked" },
    { SSL_AD_CERTIFICATE_EXPIRED, "certificate_expired: to the PEER our certificate has expired" },
    { SSL_AD_CERTIFICATE_UNKNOWN, "certificate_unknown: the PEER does not accept our certificate" },
    { SSL_AD_ILLEGAL_PARAMETER, "illegal_parameter: the PEER does not accept our answer" },
    { SSL_AD_UNKNOWN_CA, "unknown_ca: the PEER does not trust our certificate" },
    { SSL_AD_ACCESS_DENIED, "access_denied: the PEER refuses our certificate" },
    { SSL_AD_DECODE_ERROR, "decode_error: the PEER cannot read our answer" },
    { SSL_AD_DECRYPT_ERROR, "decrypt_error: the PEER finds our signature wrong" },
    { SSL_AD_PROTOCOL_VERSION, "protocol_version: the PEER does not speak our version" },
    { SSL_AD_INSUFFICIENT_SECURITY, "insufficient_security: the PEER wants stronger ciphers" },
    { SSL_AD_INTERNAL_ERROR, "internal_error: the PEER failed by itself" },
    { SSL_AD_USER_CANCELLED, "user_canceled: the PEER gave up" },
    { SSL_AD_MISSING_EXTENSION, "missing_extension: the PEER wants an extension that we do not send" },
    { SSL_AD_UNSUPPORTED_EXTENSION, "unsupported_extension: the PEER does not know an extension of ours" },
    { SSL_AD_UNRECOGNIZED_NAME, "unrecognized_name: the PEER serves nothing by the name that we asked for" },
    { SSL_AD_BAD_CERTIFICATE_STATUS_RESPONSE,
      "bad_certificate_status_response: the PEER does not accept our OCSP response" },
    { SSL_AD_UNKNOWN_PSK_IDENTITY, "unknown_psk_identity: the PEER does not know our session" },
    { SSL_AD_CERTIFICATE_REQUIRED, "certificate_required: the PEER wants a certificate from us" },
    { SSL_AD_NO_APPLICATION_PROTOCOL, "no_application_protocol: the PEER speaks none of our ALPN protocols" },
};

static char buffer[256];

static const char *peer_of(const struct tls_conn *conn)
{
    return conn->target ? "server" : "client";
}

static const char *write_out(const char *before, const char *text, const char *peer)
{
    static const char placeholder[] = "PEER";
    const char *at = strstr(text, placeholder);
    if (!at)
        snprintf(buffer, sizeof(buffer), "%s%s", before, text);
    else
        snprintf(buffer, sizeof(buffer), "%s%.*s%s%s", before, (int)(at - text), text, peer, at + strlen(placeholder));
    return buffer;
}

static const struct reason *find(const struct reason *table, size_t num, int number)
{
    for (size_t i = 0; i < num; i++)
        if (table[i].number == number)
            return &table[i];
    return NULL;
}

static const char *alert_reason(const struct tls_conn *conn, int alert)
{
    const struct reason *reason = find(alerts, NUM_ITEMS(alerts), alert);
    if (reason)
        return write_out("alert ", reason->text, peer_of(conn));
    snprintf(buffer, sizeof(buffer), "alert %d (%s) from the %s", alert, SSL_alert_desc_string_long(alert),
             peer_of(conn));
    return buffer;
}

static const char *version_reason(const struct tls_conn *conn)
{
    const struct tls_conf *conf = conn->entry ? &conn->entry->conf : conn->bind ? &conn->bind->base : NULL;
    const char *offered = tls_version_name(conn->facts.offered);
    const char *lowest = conf ? tls_version_name(conf->min_version) : NULL;
    if (offered && lowest && conn->facts.offered < conf->min_version)
        snprintf(buffer, sizeof(buffer), "no shared version: the client offers %s at most, and %s is the least allowed",
                 offered, lowest);
    else
        snprintf(buffer, sizeof(buffer), "no shared version: the %s does not speak one that is allowed", peer_of(conn));
    return buffer;
}

static const char *certificate_reason(const struct tls_conn *conn)
{
    const struct tls_facts *facts = &conn->facts;
    snprintf(buffer, sizeof(buffer), "the %s's certificate is refused: %s (%s, depth %u)", peer_of(conn),
             tls_verify_error_text(facts->verify), tls_verify_error_name(facts->verify), facts->verify_depth);
    return buffer;
}

const char *tls_conn_reason(const struct tls_conn *conn)
{
    uint32_t code = conn->facts.error;
    int number = ERR_GET_REASON(code);
    if (conn->failure)
        return conn->failure;
    if (!code)
        return write_out("", "the PEER closed the connection before the handshake was over", peer_of(conn));
    if (ERR_GET_LIB(code) == ERR_LIB_SSL) {
        const struct reason *reason = find(found, NUM_ITEMS(found), number);
        if (number >= SSL_AD_REASON_OFFSET)
            return alert_reason(conn, number - SSL_AD_REASON_OFFSET);
        if (number == SSL_R_UNSUPPORTED_PROTOCOL)
            return version_reason(conn);
        if (number == SSL_R_CERTIFICATE_VERIFY_FAILED && conn->facts.verify)
            return certificate_reason(conn);
        if (reason)
            return write_out("", reason->text, peer_of(conn));
    }
    const char *text = ERR_reason_error_string(code);
    return text ? text : "an error of the TLS library";
}
