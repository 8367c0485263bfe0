// SPDX-License-Identifier: Apache-2.0
// Versions: `ssl-min-ver`, `ssl-max-ver` and force-* give a range, no-* words take one out. HAProxy lets the former
// beat the latter and so do we.
#include "base/check.h"
#include "conf_inner.h"

// What was said of versions below TLS 1.2 would be of no use with the default, which has AEAD alone.
#define OLD_CIPHERS                                                                                                    \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"                         \
    "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                           \
    "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA"

enum { FIRST = TLS_VERSION_10, LAST = TLS_VERSION_13 };

static const char *version_name(uint16_t version)
{
    static const char *const names[] = { "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3" };
    size_t at = (size_t)version - TLS_VERSION_SSL3;
    return at < NUM_ITEMS(names) ? names[at] : "no version";
}

static bool is_in(const struct tls_conf *conf, uint16_t version)
{
    return version >= conf->min_version && version <= conf->max_version &&
           !(conf->no_versions >> (version - TLS_VERSION_SSL3) & 1);
}

// The library takes a range without holes; HAProxy keeps what is above the last one.
static void close_holes(struct config *config, struct tls_conf *conf, struct config_place place, const char *who)
{
    uint16_t min = 0, max = 0, hole = 0;
    for (uint16_t version = FIRST; version <= LAST; version++) {
        if (!is_in(conf, version)) {
            hole = min ? version : 0;
            continue;
        }
        if (hole)
            config_diag_add(config->diag, CONFIG_WARNING, place,
                            "%s: the versions of TLS have a hole, %s, so that those below it are left out; use "
                            "'ssl-min-ver' and 'ssl-max-ver'",
                            who, version_name(hole));
        min = min && !hole ? min : version;
        max = version;
        hole = 0;
    }
    conf->min_version = min;
    conf->max_version = max;
}

bool tls_conf_settle(struct config *config, struct tls_conf *conf, struct config_place place, const char *who,
                     bool is_bind)
{
    tls_conf_policy_apply(conf);
    if (conf->no_versions && (conf->min_version || conf->max_version)) {
        config_diag_add(config->diag, CONFIG_WARNING, place,
                        "%s: 'no-sslv3' and 'no-tlsv1x' have no effect beside 'ssl-min-ver', 'ssl-max-ver', a "
                        "'force-' word or a policy; use 'ssl-min-ver' and 'ssl-max-ver' alone",
                        who);
        conf->no_versions = 0;
    }
    if (!conf->min_version && conf->max_version && conf->max_version < TLS_VERSION_12) {
        if (is_bind)
            config_diag_add(config->diag, CONFIG_WARNING, place,
                            "%s: 'ssl-max-ver' is below TLSv1.2, which is the lowest version where 'ssl-min-ver' says "
                            "nothing; 'ssl-min-ver %s' is assumed",
                            who, version_name(conf->max_version));
        conf->min_version = conf->max_version;
    }
    conf->min_version = conf->min_version ? conf->min_version : TLS_VERSION_12;
    conf->max_version = conf->max_version ? conf->max_version : TLS_VERSION_13;
    close_holes(config, conf, place, who);
    conf->no_versions = 0;
    if (conf->min_version && conf->min_version < TLS_VERSION_12 && !conf->ciphers)
        conf->ciphers = OLD_CIPHERS;
    if (conf->min_version)
        return true;
    config_diag_add(config->diag, CONFIG_ERROR, place, "%s: no version of TLS is left", who);
    return false;
}
