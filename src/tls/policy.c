// SPDX-License-Identifier: Apache-2.0
#include <openssl/ssl.h>
#include "base/check.h"
#include "conf_inner.h"

static const uint16_t mozilla_groups[] = { SSL_CURVE_X25519, SSL_CURVE_SECP256R1, SSL_CURVE_SECP384R1 };
#define MOZILLA_GROUPS .groups = mozilla_groups, .num_groups = NUM_ITEMS(mozilla_groups), .client_ciphers = true

static const struct tls_policy policies[] = {
    { .name = "mozilla-modern", .min_version = TLS_VERSION_13, .max_version = TLS_VERSION_13, MOZILLA_GROUPS },
    { .name = "mozilla-intermediate",
      .min_version = TLS_VERSION_12,
      .max_version = TLS_VERSION_13,
      .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
                 "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
                 "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305",
      MOZILLA_GROUPS },
};

void tls_conf_policy_apply(struct tls_conf *conf)
{
    const struct tls_policy *policy = conf->policy;
    if (!policy)
        return;
    // One word about versions is as if both were said: `ssl-min-ver TLSv1.3` keeps the policy's highest one.
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
        struct tls_policy *policy = arena_alloc(config->arena, sizeof(*policy));
        struct tls_conf_lost lost = { .num = 0 };
        *policy = policies[i];
        text_init(&lost.names);
        if (policy->ciphers)
            tls_conf_ciphers_text(config, &policy->ciphers, &lost, slice_str(policies[i].ciphers));
        conf->policy = policy;
        return tls_conf_lost_end(config, &lost, line, index, "ciphers of this policy", true);
    }
    return config_error_unknown(config, line, index, "policy", known, NUM_ITEMS(known));
}
