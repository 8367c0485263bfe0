// SPDX-License-Identifier: Apache-2.0
// The section `log-profile` (manual section 8.3.5).
#include <string.h>
#include "proxy/log_conf.h"
#include "proxy/words.h"

static void *profile_begin(struct config *config, const struct config_line *line)
{
    struct program_conf *program = proxy_program(config);
    const struct config_arg *name = config_arg_at(line, 0);
    if (!name) {
        config_error(config, line, 0, "'log-profile' needs a name");
        return NULL;
    }
    if (!proxy_name_check(config, line))
        return NULL;
    for (const struct log_profile *it = program->global.log_profiles; it; it = it->next) {
        if (strcmp(it->name, name->str) == 0) {
            config_error(config, line, 0, "the name is taken by the log-profile at line %u of %s", it->place.line,
                         it->place.file);
            return NULL;
        }
    }
    struct log_profile *profile = arena_alloc(config->arena, sizeof(*profile));
    profile->name = name->str;
    profile->place = line->place;
    profile->next = program->global.log_profiles;
    program->global.log_profiles = profile;
    return profile;
}

static const struct config_section profile_section = {
    .name = "log-profile",
    .in = CONFIG_IN_LOG_PROFILE,
    .min_args = 1,
    .max_args = 1,
    .begin = profile_begin,
    .help = "A log-profile gives single log targets their own formats and tag: 'log <address> profile <name> ...'.",
};
CONFIG_SECTION(profile_section);

static bool unknown_step(struct config *config, const struct config_line *line)
{
    static const char *const names[] = { "accept",       "request",        "connect",      "response",
                                         "close",        "error",          "any",          "http-req",
                                         "http-res",     "http-after-res", "tcp-req-conn", "tcp-req-sess",
                                         "tcp-req-cont", "tcp-res-cont",   "tunnel" };
    if (strcmp(config_arg_at(line, 0)->str, "quic-init") == 0)
        return config_error(config, line, 0, "step 'quic-init' is not supported: there is no QUIC");
    return config_error_unknown(config, line, 0, "log step", names, NUM_ITEMS(names));
}

static bool parse_on(struct config *config, void *object, const struct config_word *word,
                     const struct config_line *line)
{
    struct log_profile *profile = object;
    enum proxy_log_step step = proxy_log_step_find(config_arg_at(line, 0)->str);
    (void)word;
    if (step == PROXY_LOG_NUM_MOMENTS)
        return unknown_step(config, line);
    struct proxy_log_on on = { .set = true };
    uint32_t i = 1;
    for (const struct config_arg *arg; (arg = config_arg_at(line, i)); i++) {
        static const char *const known[] = { "drop", "format", "sd" };
        if (strcmp(arg->str, "drop") == 0) {
            on.drop = true;
            continue;
        }
        bool sd = strcmp(arg->str, "sd") == 0;
        if (!sd && strcmp(arg->str, "format") != 0)
            return config_error_unknown(config, line, i, "argument", known, NUM_ITEMS(known));
        if (!config_arg_at(line, ++i))
            return config_error(config, line, i, "a format string is expected after '%s'", arg->str);
        *(sd ? &on.sd : &on.format) =
            proxy_format_new(config, line, i, sd ? EXPR_FORMAT_SD : EXPR_FORMAT_LOG, EXPR_AT_LOG);
    }
    if (i == 1)
        return config_error(config, line, 1, "'drop', 'format' or 'sd' is expected");
    profile->on[step] = on;
    return true;
}

static const struct config_word words[] = {
    { .name = "log-tag",
      .in = CONFIG_IN_LOG_PROFILE,
      .min_args = 1,
      .max_args = 1,
      .parse = config_word_str,
      .into = offsetof(struct log_profile, tag),
      .args = "<string>",
      .help = "The tag of lines for targets with this profile.",
      .good = "log-tag audit",
      .bad = "log-tag",
      .bad_says = "is incomplete" },
    { .name = "on",
      .in = CONFIG_IN_LOG_PROFILE,
      .min_args = 1,
      .flags = CONFIG_ANY_ARGS,
      .parse = parse_on,
      .args = "<step> [drop] [format <format>] [sd <format>]",
      .help = "What lines written at <step> look like: a step of 'log-steps', 'error' for lines of errors, 'any' for "
              "all that have no line of their own, or the place of a do-log action: tcp-req-conn, tcp-req-sess, "
              "tcp-req-cont, tcp-res-cont, http-req, http-res, http-after-res. With 'drop' there is no line.",
      .good = "on connect drop;on any format \"%[int(1)]\" sd \"[a@1]\"",
      .bad = "on conect drop",
      .bad_says = "did you mean 'connect'?" },
};
CONFIG_WORDS(words);
