// SPDX-License-Identifier: Apache-2.0
// What a configuration says of TLS, apart from names of algorithms.
#include <string.h>
#include "base/check.h"
#include "tls/conf.h"
#include "tls/trust.h"
#include "conf_inner.h"

#define TAKE(member) conf->member = conf->member ? conf->member : wider->member

static void merge_lists(struct tls_conf *conf, const struct tls_conf *wider)
{
    if (!conf->groups) {
        conf->groups = wider->groups;
        conf->num_groups = wider->num_groups;
    }
    if (!conf->sigalgs) {
        conf->sigalgs = wider->sigalgs;
        conf->num_sigalgs = wider->num_sigalgs;
    }
    if (!conf->client_sigalgs) {
        conf->client_sigalgs = wider->client_sigalgs;
        conf->num_client_sigalgs = wider->num_client_sigalgs;
    }
    if (!conf->alpn.ptr)
        conf->alpn = wider->alpn;
    if (!tls_errors_any(&conf->ca_ignore))
        conf->ca_ignore = wider->ca_ignore;
    if (!tls_errors_any(&conf->crt_ignore))
        conf->crt_ignore = wider->crt_ignore;
}

void tls_conf_merge(struct tls_conf *conf, const struct tls_conf *wider)
{
    // What a wider place says of versions and ciphers does not reach through the policy of a narrower one.
    tls_conf_policy_apply(conf);
    if (!conf->policy) {
        TAKE(policy);
        TAKE(min_version);
        TAKE(max_version);
        TAKE(ciphers);
        conf->no_versions |= wider->no_versions;
    }
    TAKE(verify);
    TAKE(tickets);
    TAKE(early_data);
    TAKE(client_ciphers);
    TAKE(ca_names);
    TAKE(ca_file);
    TAKE(ca_verify_file);
    TAKE(crl_file);
    merge_lists(conf, wider);
}

static const struct {
    struct slice name;
    uint16_t version;
} versions[] = {
    { SLICE("SSLv3"), TLS_VERSION_SSL3 }, { SLICE("TLSv1.0"), TLS_VERSION_10 }, { SLICE("TLSv1.1"), TLS_VERSION_11 },
    { SLICE("TLSv1.2"), TLS_VERSION_12 }, { SLICE("TLSv1.3"), TLS_VERSION_13 },
};

bool tls_conf_version(struct config *config, uint16_t *version, const struct config_line *line, uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index);
    const char *known[NUM_ITEMS(versions)];
    for (size_t i = 0; i < NUM_ITEMS(versions); i++) {
        known[i] = versions[i].name.ptr;
        if (!slice_equal(versions[i].name, slice_of(arg->str, arg->len)))
            continue;
        *version = versions[i].version;
        return true;
    }
    return config_error_unknown(config, line, index, "version of TLS", known, NUM_ITEMS(known));
}

bool tls_conf_alpn(struct config *config, struct tls_conf *conf, const struct config_line *line, uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index);
    struct slice rest = slice_of(arg->str, arg->len);
    // A length takes the place of each comma, and one stands before the first name.
    char *wire = arena_alloc(config->arena, rest.len + 2);
    size_t len = 0;
    bool h2 = false;
    if (rest.len == 0)
        return config_error(config, line, index, "the names of protocols are missing, such as 'http/1.1'");
    while (rest.len > 0) {
        struct slice name = slice_of(rest.ptr, slice_find(rest, ','));
        rest = slice_from(rest, name.len + 1);
        if (name.len > UINT8_MAX)
            return config_error(config, line, index, "the name of a protocol has at most 255 bytes");
        h2 |= slice_equal(name, SLICE("h2"));
        if (name.len == 0 || slice_equal(name, SLICE("h2")))
            continue;
        wire[len++] = (char)name.len;
        memcpy(wire + len, name.ptr, name.len);
        len += name.len;
    }
    conf->alpn = slice_of(wire, len);
    if (h2)
        config_warning(config, line, index, "h2 is not served yet: it is left out of what is agreed on");
    return true;
}

static bool error_add(struct tls_errors *errors, struct slice name)
{
    uint64_t code;
    if (!slice_to_u64(name, &code)) {
        int known = tls_verify_error_code(name);
        if (known < 0)
            return false;
        code = (uint64_t)known;
    }
    if (code == 0 || code >= TLS_ERRORS_MAX)
        return false;
    errors->bits[code / 64] |= UINT64_C(1) << code % 64;
    return true;
}

bool tls_conf_errors(struct config *config, struct tls_errors *errors, const struct config_line *line, uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index);
    struct slice rest = slice_of(arg->str, arg->len);
    if (slice_equal(rest, SLICE("all"))) {
        memset(errors->bits, 0xff, sizeof(errors->bits));
        return true;
    }
    do {
        struct slice one = slice_of(rest.ptr, slice_find(rest, ','));
        rest = slice_from(rest, one.len + 1);
        if (!error_add(errors, one))
            return config_error(config, line, index,
                                "'%.*s' is no error of a certificate's check: 'all', a number from 1 to %d or a "
                                "constant such as X509_V_ERR_CERT_HAS_EXPIRED is",
                                (int)one.len, one.ptr, TLS_ERRORS_MAX - 1);
    } while (rest.len > 0);
    return true;
}
