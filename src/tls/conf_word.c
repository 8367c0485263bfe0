// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "tls/conf_word.h"

static void *at(void *object, const struct config_word *word)
{
    return (char *)object + word->into;
}

bool tls_word_ciphers(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    return tls_conf_ciphers(config, at(object, word), line, 0);
}

bool tls_word_suites(struct config *config, void *object, const struct config_word *word,
                     const struct config_line *line)
{
    (void)object;
    (void)word;
    return tls_conf_suites(config, line, 0);
}

bool tls_word_groups(struct config *config, void *object, const struct config_word *word,
                     const struct config_line *line)
{
    return tls_conf_groups(config, at(object, word), line, 0);
}

bool tls_word_alpn(struct config *config, void *object, const struct config_word *word, const struct config_line *line)
{
    return tls_conf_alpn(config, at(object, word), line, 0);
}

bool tls_word_no_alpn(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    struct tls_conf *conf = at(object, word);
    (void)config;
    (void)line;
    conf->alpn = SLICE("");
    return true;
}

bool tls_word_policy(struct config *config, void *object, const struct config_word *word,
                     const struct config_line *line)
{
    return tls_conf_policy(config, at(object, word), line, 0);
}

bool tls_word_sigalgs(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    struct tls_conf *conf = at(object, word);
    return tls_conf_sigalgs(config, &conf->sigalgs, &conf->num_sigalgs, line, 0);
}

bool tls_word_client_sigalgs(struct config *config, void *object, const struct config_word *word,
                             const struct config_line *line)
{
    struct tls_conf *conf = at(object, word);
    return tls_conf_sigalgs(config, &conf->client_sigalgs, &conf->num_client_sigalgs, line, 0);
}

bool tls_word_force(struct config *config, void *object, const struct config_word *word, const struct config_line *line)
{
    struct tls_conf *conf = at(object, word);
    (void)config;
    (void)line;
    conf->min_version = conf->max_version = (uint16_t)word->value;
    return true;
}

bool tls_word_without(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    struct tls_conf *conf = at(object, word);
    (void)config;
    (void)line;
    conf->no_versions |= (uint8_t)(1 << (word->value - TLS_VERSION_SSL3));
    return true;
}

bool tls_word_verify(struct config *config, void *object, const struct config_word *word,
                     const struct config_line *line)
{
    static const char *const ways[] = { "none", "required", "optional" };
    static const uint8_t meanings[] = { TLS_VERIFY_NONE, TLS_VERIFY_REQUIRED, TLS_VERIFY_OPTIONAL };
    struct tls_conf *conf = at(object, word);
    const char *text = config_arg_at(line, 0)->str;
    size_t num = word->value ? 3 : 2;
    for (size_t i = 0; i < num; i++) {
        if (strcmp(text, ways[i]) != 0)
            continue;
        conf->verify = meanings[i];
        return true;
    }
    return config_error_unknown(config, line, 0, "way to verify", ways, num);
}

bool tls_word_version(struct config *config, void *object, const struct config_word *word,
                      const struct config_line *line)
{
    return tls_conf_version(config, at(object, word), line, 0);
}

bool tls_word_errors(struct config *config, void *object, const struct config_word *word,
                     const struct config_line *line)
{
    return tls_conf_errors(config, at(object, word), line, 0);
}

bool tls_word_switch(struct config *config, void *object, const struct config_word *word,
                     const struct config_line *line)
{
    (void)config;
    (void)line;
    *(uint8_t *)at(object, word) = (uint8_t)word->value;
    return true;
}
