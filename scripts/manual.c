// SPDX-License-Identifier: Apache-2.0
// Writes doc/configuration.md to standard output: the words of the configuration as the program itself declares them,
// with their help and examples. Linked with the whole program, so that every table is there. Its arguments are the
// chapters in doc/configuration/, listed first. `make manual` runs it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "admin/command.h"
#include "base/check.h"
#include "base/text.h"
#include "config/feature.h"
#include "config/line.h"
#include "expr/conv.h"
#include "expr/fetch.h"
#include "expr/format.h"
#include "expr/names.h"
#include "proxy/conf.h"
#include "rule/rule.h"

// The groups in which words are described. A word that may stand in several is described in the first.
static const struct group {
    uint32_t in;
    const char *title;
    const char *intro;
} groups[] = {
    { CONFIG_IN_GLOBAL, "Words of the global section",
      "Settings of the whole program: processes, limits, identity, logs, the admin socket." },
    { CONFIG_IN_PROXY, "Words of proxies",
      "Words of `defaults`, `frontend`, `backend` and `listen`. The table says which of them takes a word." },
    { CONFIG_IN_BIND, "Options of bind", "They follow the address on a `bind` line." },
    { CONFIG_IN_SERVER | CONFIG_IN_DEFAULT_SERVER, "Options of server and default-server",
      "They follow the address on a `server` line, or stand on a `default-server` line to apply to all servers below "
      "it." },
    { CONFIG_IN_SOCKET, "Options of stats socket", "They follow the address on a `stats socket` line." },
    { CONFIG_IN_LOG, "Options of log", "They follow the address on a `log` line." },
    { CONFIG_IN_CRT_LIST, "Options of a crt-list's line",
      "They stand in brackets behind the name of the certificate." },
    { CONFIG_IN_SSL_BIND, "Options of ssl-default-bind-options", "They stand on that line of the global section." },
    { CONFIG_IN_SSL_SERVER, "Options of ssl-default-server-options", "They stand on that line of the global section." },
    { CONFIG_IN_COOKIE, "Options of cookie", "They follow the name on a `cookie` line." },
    { CONFIG_IN_ERRORS, "Words of http-errors", "They stand in `http-errors` sections." },
    { CONFIG_IN_USERLIST, "Words of userlist", "They stand in `userlist` sections." },
    { CONFIG_IN_CRT_STORE, "Words of crt-store", "They stand in `crt-store` sections." },
    { CONFIG_IN_RING, "Words of ring", "They stand in `ring` sections." },
    { CONFIG_IN_TRACES, "Words of traces", "They stand in `traces` sections." },
    { CONFIG_IN_LOG_PROFILE, "Words of log-profile", "They stand in `log-profile` sections." },
};

static const struct {
    uint32_t in;
    const char *name;
} places[] = {
    { CONFIG_IN_GLOBAL, "global" },
    { CONFIG_IN_DEFAULTS, "defaults" },
    { CONFIG_IN_FRONTEND, "frontend" },
    { CONFIG_IN_BACKEND, "backend" },
    { CONFIG_IN_LISTEN, "listen" },
    { CONFIG_IN_BIND, "bind" },
    { CONFIG_IN_SERVER, "server" },
    { CONFIG_IN_DEFAULT_SERVER, "default-server" },
    { CONFIG_IN_SOCKET, "stats socket" },
    { CONFIG_IN_LOG, "log" },
    { CONFIG_IN_COOKIE, "cookie" },
    { CONFIG_IN_ERRORS, "http-errors" },
    { CONFIG_IN_USERLIST, "userlist" },
    { CONFIG_IN_RING, "ring" },
    { CONFIG_IN_TRACES, "traces" },
    { CONFIG_IN_LOG_PROFILE, "log-profile" },
    { CONFIG_IN_CRT_LIST, "crt-list" },
    { CONFIG_IN_CRT_STORE, "crt-store" },
    { CONFIG_IN_SSL_BIND, "ssl-default-bind-options" },
    { CONFIG_IN_SSL_SERVER, "ssl-default-server-options" },
};

// Text that Markdown must not read as markup, but for what stands between backquotes; a bar would end a table's cell.
static void plain(const char *text)
{
    bool code = false;
    for (; *text; text++) {
        code ^= *text == '`';
        printf(*text == '|' || (!code && strchr("<*_", *text)) ? "\\%c" : "%c", *text);
    }
}

// The same between backquotes, where only a bar matters, and only in a table.
static void code_cell(const char *text)
{
    for (; *text; text++)
        printf(*text == '|' ? "\\|" : "%c", *text);
}

static void example(const char *lines)
{
    printf("\n```\n");
    for (const char *c = lines; *c; c++) {
        if (*c == ';')
            for (putchar('\n'); c[1] == ' '; c++)
                continue;
        else
            putchar(*c);
    }
    printf("\n```\n");
}

static void refusal(const char *bad, const char *says)
{
    printf("\nRefused: `%s`, with the message: `%s`\n", bad, says);
}

static void places_list(uint32_t in)
{
    const char *between = "";
    for (size_t i = 0; i < NUM_ITEMS(places); i++) {
        if (in & places[i].in) {
            printf("%s%s", between, places[i].name);
            between = ", ";
        }
    }
}

static bool is_tuning(const struct config_word *word)
{
    return word->parse == config_word_tuning;
}

static const struct group *group_of(const struct config_word *word)
{
    for (size_t i = 0; i < NUM_ITEMS(groups); i++)
        if (word->in & groups[i].in)
            return &groups[i];
    must(false);
    return NULL;
}

static void word_describe(const struct config_word *word)
{
    printf("\n### %s\n\n`%s%s%s`\n\n", word->name, word->name, word->args && *word->args ? " " : "",
           word->args ? word->args : "");
    printf("In: ");
    places_list(word->in);
    printf(word->flags & CONFIG_MAY_NEGATE ? ". `no` may precede it.\n" : ".\n");
    printf("\n");
    if (word->help)
        plain(word->help);
    printf("\n");
    if (word->good)
        example(word->good);
    if (word->bad && word->bad_says)
        refusal(word->bad, word->bad_says);
}

static void proxy_table(const struct config_word *const *words, size_t num)
{
    printf("\n| word | defaults | frontend | backend | listen |\n| --- | :-: | :-: | :-: | :-: |\n");
    for (size_t i = 0; i < num; i++) {
        if (!(words[i]->in & CONFIG_IN_PROXY) || is_tuning(words[i]))
            continue;
        printf("| %s ", words[i]->name);
        for (uint32_t in = CONFIG_IN_DEFAULTS; in <= CONFIG_IN_LISTEN; in <<= 1)
            printf(words[i]->in & in ? "| x " : "| ");
        printf("|\n");
    }
}

static void others_list(const struct group *group, const struct config_word *const *words, size_t num)
{
    const char *between = "\nDescribed above: ";
    for (size_t i = 0; i < num; i++) {
        if (words[i]->in & group->in && group_of(words[i]) != group && !is_tuning(words[i])) {
            printf("%s`%s`", between, words[i]->name);
            between = ", ";
        }
    }
    if (*between == ',')
        printf(".\n");
}

static void group_write(const struct group *group, const struct config_word *const *words, size_t num)
{
    bool any = false;
    for (size_t i = 0; i < num; i++)
        any |= (words[i]->in & group->in) && !is_tuning(words[i]);
    if (!any)
        return;
    printf("\n## %s\n\n%s\n", group->title, group->intro);
    if (group->in == CONFIG_IN_PROXY)
        proxy_table(words, num);
    others_list(group, words, num);
    for (size_t i = 0; i < num; i++)
        if (group_of(words[i]) == group && !is_tuning(words[i]))
            word_describe(words[i]);
}

static void tuning_write(const struct config_word *const *words, size_t num)
{
    printf(
        "\n## Tuning words without effect\n\nThese words tune parts of HAProxy that fairlead does not have. They are "
        "accepted with one warning each, so that a\nfile can be shared. With `-dW` or `zero-warning` they are "
        "refused.\n\n| word | in | why |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < num; i++) {
        if (!is_tuning(words[i]))
            continue;
        printf("| %s | ", words[i]->name);
        places_list(words[i]->in);
        printf(" | ");
        plain(words[i]->help);
        printf(" |\n");
    }
}

static void sections_write(void)
{
    const struct config_section *section;
    printf(
        "\n## Sections\n\nA section begins with its name at the start of a line and ends where the next one begins.\n");
    for (uint32_t in = 1; in; in <<= 1) {
        for (size_t i = 0; (section = config_section_at(i)); i++) {
            if (section->in != in)
                continue;
            printf("\n### %s (section)\n\n", section->name);
            plain(section->help ? section->help : "");
            printf("\n");
        }
    }
}

static void action_write(const struct rule_action *action, void *arg)
{
    (void)arg;
    for (uint32_t bit = RULE_TCP_CONNECTION; bit <= RULE_HTTP_AFTER_RESPONSE; bit <<= 1) {
        if (!(action->in & bit))
            continue;
        const char *args = action->args ? action->args : "";
        printf("\n### %s %s\n\n`%s %s%s%s [{ if | unless } <condition>]`\n", rule_set_name(bit), action->name,
               rule_set_name(bit), action->name, *args && *args != '(' && !(action->flags & RULE_NUMBER) ? " " : "",
               args);
    }
    printf("\n");
    plain(action->help);
    printf("\n");
    if (action->good)
        example(action->good);
    if (action->bad && action->bad_says)
        refusal(action->bad, action->bad_says);
}

static void service_write(const struct rule_service *service, void *arg)
{
    (void)arg;
    printf("| %s | ", service->name);
    plain(service->help);
    printf(" |\n");
}

static const char *const moments[] = { "boot",          "connection",   "session",        "request bytes",
                                       "request head",  "request body", "response bytes", "response head",
                                       "response body", "log",          "check" };

// Runs of moments, "request head to log".
static void moments_list(uint32_t when)
{
    const char *between = "";
    if (when == EXPR_ALWAYS)
        printf("always");
    for (size_t i = 0; when != EXPR_ALWAYS && i < NUM_ITEMS(moments); i++) {
        size_t last = i;
        if (!(when & 1u << i))
            continue;
        while (last + 1 < NUM_ITEMS(moments) - 1 && i > 0 && when & 1u << (last + 1))
            last++;
        printf("%s%s", between, moments[i]);
        if (last > i)
            printf(last == i + 1 ? ", %s" : " to %s", moments[last]);
        between = ", ";
        i = last;
    }
}

static void call_cell(const char *name, const char *args)
{
    printf("| `%s", name);
    if (args && *args) {
        printf("(");
        code_cell(args);
        printf(")");
    }
    printf("` | ");
}

static void example_cell(const char *text)
{
    printf(text ? " | `" : " | ");
    code_cell(text ? text : "");
    printf(text ? "`" : "");
}

static void fetch_write(const struct expr_fetch *row, void *arg)
{
    (void)arg;
    const struct expr_fetch *real = expr_fetch_real(row);
    call_cell(row->name, real->args);
    printf("%s | ", expr_type_name(real->out));
    moments_list(real->when);
    printf(" | ");
    plain(row->help ? row->help : "");
    example_cell(row->good);
    printf(" |\n");
}

static void conv_write(const struct expr_conv *row, void *arg)
{
    (void)arg;
    const struct expr_conv *real = row->of ? expr_conv_find(slice_str(row->of)) : row;
    call_cell(row->name, real->args);
    printf("%s | %s | ", expr_type_name(real->in), real->out == EXPR_SAME ? "the same" : expr_type_name(real->out));
    plain(row->help ? row->help : "");
    example_cell(row->good);
    example_cell(row->gives && strcmp(row->gives, "-") != 0 && *row->gives ? row->gives : NULL);
    printf("%s |\n", row->gives && strcmp(row->gives, "-") == 0 ? "none" : "");
}

static void alias_write(const struct expr_alias *row, void *arg)
{
    (void)arg;
    printf("| `%%%s` | %s | ", row->name, expr_type_name(row->out));
    moments_list(row->when);
    printf(" | ");
    plain(row->help ? row->help : "");
    printf(" |\n");
}

static void converters_write(void)
{
    printf(
        "\n## Converters\n\nThey stand behind a fetch or another converter, with a comma before them: "
        "`hdr(host),lower,field(1,.)`. What one gives\nis cast to the type that the next takes, where there is such a "
        "cast.\n\n| converter | takes | gives | meaning | example | its value |\n"
        "| --- | --- | --- | --- | --- | --- |\n");
    expr_convs_each(conv_write, NULL);
}

struct refused {
    const char *name;
    const char *reason;
    uint32_t in;
    bool listed;
};

// Words with the same reason in the same place share a line.
static void refused_list(struct refused *list, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        if (list[i].listed)
            continue;
        printf("- In ");
        if (list[i].in)
            places_list(list[i].in);
        else
            printf("place of a section");
        printf(", *%s*:", list[i].reason);
        const char *between = " ";
        for (size_t j = i; j < num; j++) {
            if (list[j].in != list[i].in || strcmp(list[j].reason, list[i].reason) != 0)
                continue;
            printf("%s`%s`", between, list[j].name);
            between = ", ";
            list[j].listed = true;
        }
        printf("\n");
    }
}

static void names_refused(const char *what, const char *(*name_at)(size_t i))
{
    const char *between = " ", *name;
    printf("- Of %s, *is not supported*:", what);
    for (size_t i = 0; (name = name_at(i)); i++, between = ", ")
        printf("%s`%s`", between, name);
    printf("\n");
}

static void refused_write(void)
{
    const struct config_refusal *row;
    size_t len = 0;
    while (config_refusal_at(len))
        len++;
    struct refused *list = calloc(len, sizeof(*list));
    if (!list)
        check_out_of_memory(len * sizeof(*list));
    for (size_t i = 0; (row = config_refusal_at(i)); i++)
        list[i] = (struct refused){ .name = row->name,
                                    .in = row->in,
                                    .reason = row->reason ? row->reason : "is not supported yet" };
    printf("\n## Words that are refused\n\nHAProxy 3.2 has these words and fairlead has not. A file that uses one is "
           "refused with the reason given here; none\nis accepted and ignored.\n\n");
    refused_list(list, len);
    free(list);
    names_refused("fetches and ACL words", expr_fetch_refused_at);
    names_refused("converters", expr_converter_refused_at);
}

// A chapter's title is its first line, "# Title".
static bool chapter_list(const char *path)
{
    char line[256];
    FILE *file = fopen(path, "r");
    if (!file || !fgets(line, sizeof(line), file) || strncmp(line, "# ", 2) != 0) {
        fprintf(stderr, "manual: %s is no chapter: its first line must be its title\n", path);
        if (file)
            fclose(file);
        return false;
    }
    fclose(file);
    line[strcspn(line, "\n")] = '\0';
    const char *base = strrchr(path, '/');
    printf("- [%s](configuration/%s)\n", line + 2, base ? base + 1 : path);
    return true;
}

static void commands_write(void)
{
    static const char *const levels[] = { "", "user", "operator", "admin" };
    size_t num;
    const struct admin_command *const *commands = admin_commands_all(&num);
    printf("\n## Commands of the admin socket\n\nFor sockets of `stats socket` and the master's (`-S`). A command "
           "wants at least the level it names. `@N`: on the master's socket it can also be said to one worker; without "
           "it, "
           "commands of\n`stats` tell of the service as a whole there.\n\n| "
           "command | level | where | what it does |\n| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < num; i++) {
        const char *args = commands[i]->args;
        printf("| `%s%s", commands[i]->name, args && *args ? " " : "");
        code_cell(args ? args : "");
        bool on_stats = commands[i]->where & ADMIN_ON_STATS;
        printf("` | %s | %s%s | ", levels[commands[i]->level],
               !on_stats                              ? "master"
               : commands[i]->where & ADMIN_ON_MASTER ? "both"
                                                      : "stats",
               on_stats && (commands[i]->where & ADMIN_ON_WORKER) ? ", `@N`" : "");
        plain(commands[i]->help);
        printf(" |\n");
    }
}

static void features_write(void)
{
    struct text text;
    text_init(&text);
    config_feature_list(&text);
    printf("\n## Features\n\nWhat `feature(NAME)` in `.if` and `-cc` knows; `+` is true, `-` is false. `fairlead -vv` "
           "shows the same list. The\nlanguage level that `version_atleast()` compares with is " CONFIG_LANGUAGE_LEVEL
           ".\n\n```\n%s\n```\n",
           text.ptr ? text.ptr : "");
    text_fini(&text);
}

int main(int argc, char **argv)
{
    size_t num;
    proxy_conf_boot();
    admin_commands_boot();
    const struct config_word *const *words = config_words_all(&num);
    printf("# Configuration reference\n\n<!-- Written by `make manual` from the words' own declarations. Change those, "
           "not this file. -->\n\nEvery word that fairlead takes, with an example that it accepts and one that it "
           "refuses; the tests run both.\nThe language is HAProxy's, as its 3.2 manual describes it. The chapters "
           "explain how things work together.\n");
    if (argc > 1)
        printf("\n");
    for (int i = 1; i < argc; i++)
        if (!chapter_list(argv[i]))
            return 1;
    sections_write();
    for (size_t i = 0; i < NUM_ITEMS(groups); i++)
        group_write(&groups[i], words, num);
    printf("\n## Rules\n\nRules run in the order of the file. The first that answers ends the list.\n");
    rule_actions_each(action_write, NULL);
    printf("\n## Built-in services\n\nFor `http-request use-service`.\n\n| service | what it does |\n| --- | --- |\n");
    rule_services_each(service_write, NULL);
    printf(
        "\n## Fetches and ACL words\n\nFacts that rules may ask for, and the moments at which they are known. The last "
        "column is an example of an ACL.\n\n"
        "| word | type | known at | meaning | example |\n| --- | --- | --- | --- | --- |\n");
    expr_fetches_each(fetch_write, NULL);
    converters_write();
    printf("\n## Aliases of format strings\n\nShort names in log formats and other format strings.\n\n"
           "| alias | type | known at | meaning |\n| --- | --- | --- | --- |\n");
    expr_aliases_each(alias_write, NULL);
    tuning_write(words, num);
    refused_write();
    commands_write();
    features_write();
    return fflush(stdout) ? 1 : 0;
}
