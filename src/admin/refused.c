// SPDX-License-Identifier: Apache-2.0
// Commands of HAProxy 3.2's management guide that fairlead does not have, and why: they are refused by name.
#include "admin/session.h"
#include "tls/cert.h"

static enum admin_verdict run_refused(struct admin_call *call)
{
    return admin_refuse(call, "'%s' %s.\n", call->command->name, call->command->help);
}

#define REFUSED(words, why)                                                                                            \
    {                                                                                                                  \
        .name = words, .level = ADMIN_LEVEL_USER, .where = ADMIN_ON_ANY, .max_args = ADMIN_MAX_WORDS,                  \
        .is_hidden = true, .help = why, .run = run_refused                                                             \
    }

#define ACME                                                                                                           \
    "is not supported: fairlead is no ACME client; have one give its certificates to 'set ssl cert' and 'commit ssl "  \
    "cert'"
#define OCSP   "is not supported: " TLS_NO_OCSP_UPDATE ", or give it to 'set ssl ocsp-response'"
#define ECH    "needs Encrypted Client Hello, which fairlead does not have"
#define ANON   "needs anonymized answers, which fairlead does not have"
#define INSIDE "looks into HAProxy's own inside; 'show activity' and 'show dev' look into this one's"

static const struct admin_command commands[] = {
    REFUSED("acme renew", ACME),
    REFUSED("acme status", ACME),
    REFUSED("debug counters", INSIDE),
    REFUSED("debug dev", INSIDE),
    REFUSED("httpclient", "needs an HTTP client within the service, which fairlead does not have"),
    REFUSED("set anon", ANON),
    REFUSED("set rate-limit http-compression", "needs compression of answers, which fairlead does not have"),
    REFUSED("show anon", ANON),
    REFUSED("add ssl ech", ECH),
    REFUSED("del ssl ech", ECH),
    REFUSED("set ssl ech", ECH),
    REFUSED("show ssl ech", ECH),
    REFUSED("show ssl ocsp-updates", OCSP),
    REFUSED("show ssl providers",
            "is not supported: the TLS library is BoringSSL, which is one piece and loads no providers"),
    REFUSED("update ssl ocsp-response", OCSP),
    REFUSED("show quic", "needs QUIC, which fairlead does not have"),
};
ADMIN_COMMANDS(commands);
