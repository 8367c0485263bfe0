// SPDX-License-Identifier: Apache-2.0
#include <openssl/ssl.h>
#include "base/check.h"
#include "conf_inner.h"

static const uint16_t mozilla_groups[] = { SSL_CURVE_X25519, SSL_CURVE_SECP256R1, SSL_CURVE_SECP384R1 };
#define MOZILLA_GROUPS .groups = mozilla_groups, .num_groups = NUM_ITEMS(mozilla_groups), .client_ciphers = true

// Policies of TLS 1.3 alone name suites all the same: they count where a word beats the versions.
//
// Suites in AWS's order. Those that end in CBC with SHA-256 or SHA-384 are not in this library, and are told of.
#define GCM_128    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
#define SHA2_128   "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:"
#define SHA_128    "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:"
#define GCM_256    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
#define SHA2_256   "ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:"
#define SHA_256    "ECDHE-RSA-AES256-SHA:ECDHE-ECDSA-AES256-SHA:"
#define AWS_RES    GCM_128 GCM_256
#define AWS_FS_RES GCM_128 SHA2_128 GCM_256 SHA2_256
#define AWS_FS     GCM_128 SHA2_128 SHA_128 GCM_256 SHA2_256 SHA_256
#define AWS_EXT1   AWS_FS_RES "AES128-GCM-SHA256:AES128-SHA256:AES256-GCM-SHA384:AES256-SHA256"
#define AWS_EXT2   AWS_FS "AES128-GCM-SHA256:AES128-SHA256:AES128-SHA:AES256-GCM-SHA384:AES256-SHA256:AES256-SHA"

#define AWS(policy, min, max, suites)                                                                                  \
    {                                                                                                                  \
        .name = policy, .min_version = TLS_VERSION_##min, .max_version = TLS_VERSION_##max, .ciphers = suites          \
    }
// The policies of 2025 are those of 2021 with hybrid groups, which this library does not have.
#define AWS_PQ(policy, min, suites)                                                                                    \
    {                                                                                                                  \
        .name = policy, .min_version = TLS_VERSION_##min, .max_version = TLS_VERSION_13, .ciphers = suites,            \
        .lacks = "SecP256r1MLKEM768, SecP384r1MLKEM1024, X25519MLKEM768"                                               \
    }

static const struct tls_policy policies[] = {
    { .name = "mozilla-modern",
      .min_version = TLS_VERSION_13,
      .max_version = TLS_VERSION_13,
      .ciphers = AWS_RES,
      MOZILLA_GROUPS },
    { .name = "mozilla-intermediate",
      .min_version = TLS_VERSION_12,
      .max_version = TLS_VERSION_13,
      .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
                 "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
                 "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305",
      MOZILLA_GROUPS },
    AWS("TLS13-1-3-2021-06", 13, 13, AWS_RES),
    AWS("TLS13-1-2-2021-06", 12, 13, AWS_FS_RES),
    AWS("TLS13-1-2-Res-2021-06", 12, 13, AWS_RES),
    AWS("TLS13-1-2-Ext1-2021-06", 12, 13, AWS_EXT1),
    AWS("TLS13-1-2-Ext2-2021-06", 12, 13, AWS_EXT2),
    AWS("TLS13-1-1-2021-06", 11, 13, AWS_EXT2),
    AWS("TLS13-1-0-2021-06", 10, 13, AWS_EXT2),
    AWS("FS-1-2-Res-2020-10", 12, 12, AWS_RES),
    AWS("FS-1-2-Res-2019-08", 12, 12, AWS_FS_RES),
    AWS("FS-1-2-2019-08", 12, 12, AWS_FS),
    AWS("FS-1-1-2019-08", 11, 12, AWS_FS),
    AWS("FS-2018-06", 10, 12, AWS_FS),
    AWS("TLS-1-2-Ext-2018-06", 12, 12, AWS_EXT2),
    AWS("TLS-1-2-2017-01", 12, 12, AWS_EXT1),
    AWS("TLS-1-1-2017-01", 11, 12, AWS_EXT2),
    AWS("TLS-1-0-2015-04", 10, 12, AWS_EXT2 ":DES-CBC3-SHA"),
    AWS("2016-08", 10, 12, AWS_EXT2),
    AWS("2015-05", 10, 12, AWS_EXT2),
    AWS_PQ("TLS13-1-3-PQ-2025-09", 13, AWS_RES),
    AWS_PQ("TLS13-1-2-PQ-2025-09", 12, AWS_FS_RES),
    AWS_PQ("TLS13-1-2-Res-PQ-2025-09", 12, AWS_RES),
    AWS_PQ("TLS13-1-2-Ext1-PQ-2025-09", 12, AWS_EXT1),
    AWS_PQ("TLS13-1-2-Ext2-PQ-2025-09", 12, AWS_EXT2),
    AWS_PQ("TLS13-1-0-PQ-2025-09", 10, AWS_EXT2),
};

static bool is_out(const struct tls_conf *conf, uint16_t version)
{
    return conf->no_versions >> (version - TLS_VERSION_SSL3) & 1;
}

// A `no-tlsv1x` word takes a version out of the policy's range; what is below it goes as well where it is in the
// middle.
static void take_versions(struct tls_conf *conf, const struct tls_policy *policy)
{
    uint16_t max = policy->max_version;
    while (max >= policy->min_version && is_out(conf, max))
        max--;
    // With all of them out the range is empty.
    uint16_t min = max < policy->min_version ? policy->min_version : max;
    while (min > policy->min_version && !is_out(conf, min - 1))
        min--;
    conf->min_version = min;
    conf->max_version = max;
    conf->no_versions = 0;
}

void tls_conf_policy_apply(struct tls_conf *conf)
{
    const struct tls_policy *policy = conf->policy;
    if (!policy)
        return;
    if (!conf->min_version && !conf->max_version)
        take_versions(conf, policy);
    conf->min_version = conf->min_version ? conf->min_version : policy->min_version;
    conf->max_version = conf->max_version ? conf->max_version : policy->max_version;
    if (!conf->ciphers)
        conf->ciphers = policy->ciphers;
    if (!conf->client_ciphers && policy->client_ciphers)
        conf->client_ciphers = TLS_YES;
    if (!conf->groups) {
        conf->groups = policy->groups;
        conf->num_groups = policy->num_groups;
    }
}

// The suites that the library has of the policy, one warning for those it has not.
static bool use_policy(struct config *config, struct tls_conf *conf, const struct config_line *line, uint32_t index,
                       const struct tls_policy *row)
{
    struct tls_policy *policy = arena_alloc(config->arena, sizeof(*policy));
    struct tls_conf_lost lost = { .num = 0 };
    *policy = *row;
    text_init(&lost.names);
    tls_conf_ciphers_text(config, &policy->ciphers, &lost, slice_str(row->ciphers));
    if (row->lacks)
        config_warning(config, line, index, "groups of this policy that BoringSSL does not have are left out: %s",
                       row->lacks);
    conf->policy = policy;
    return tls_conf_lost_end(config, &lost, line, index, "ciphers of this policy", true);
}

bool tls_conf_policy(struct config *config, struct tls_conf *conf, const struct config_line *line, uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index);
    struct slice name = slice_of(arg->str, arg->len);
    const char *known[NUM_ITEMS(policies)];
    if (slice_begins(name, SLICE("ELBSecurityPolicy-")))
        name = slice_from(name, sizeof("ELBSecurityPolicy-") - 1);
    for (size_t i = 0; i < NUM_ITEMS(policies); i++) {
        known[i] = policies[i].name;
        if (!slice_equal(name, slice_str(policies[i].name)))
            continue;
        return use_policy(config, conf, line, index, &policies[i]);
    }
    for (size_t at = 0; at < name.len; at++)
        if (slice_begins(slice_from(name, at), SLICE("-FIPS-")))
            return config_error(config, line, index,
                                "policies of FIPS leave TLS_CHACHA20_POLY1305_SHA256 out of TLS 1.3, whose suites "
                                "BoringSSL fixes; and this build of it is not validated");
    const char *nearest = config_nearest(name.ptr, known, NUM_ITEMS(known));
    return config_error(config, line, index, "unknown policy '%s'%s%s%s", arg->str, nearest ? "; did you mean '" : "",
                        nearest ? nearest : "", nearest ? "'?" : "");
}
