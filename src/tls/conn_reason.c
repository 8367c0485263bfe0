// SPDX-License-Identifier: Apache-2.0
// Why a handshake failed, for whoever reads the log at three in the morning.
#include <openssl/err.h>
#include <openssl/ssl.h>
#include "base/check.h"
#include "bind_inner.h"

static const struct {
    int reason;
    const char *text;
} reasons[] = {
    { SSL_R_NO_SHARED_CIPHER, "no shared cipher" },
};

const char *tls_conn_reason(const struct tls_conn *conn)
{
    uint32_t code = conn->facts.error;
    if (conn->failure)
        return conn->failure;
    if (!code)
        return "the peer closed the connection before the handshake was over";
    for (size_t i = 0; i < NUM_ITEMS(reasons); i++)
        if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == reasons[i].reason)
            return reasons[i].text;
    const char *text = ERR_reason_error_string(code);
    return text ? text : "an error of the TLS library";
}
