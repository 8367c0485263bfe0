// SPDX-License-Identifier: Apache-2.0
// Names that stay with frontends, backends, servers and listeners whatever else of them changes: what a stats file
// knows them by.
#include <stdlib.h>
#include <string.h>
#include "proxy/words.h"

enum { GUID_LEN_MAX = 127, GUID_PREFIX_MAX = GUID_LEN_MAX - 8 };

static bool is_guid_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c && strchr(".:-_", c));
}

// `word->value` is the most characters.
static bool parse_guid(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    const struct config_arg *arg = config_arg_at(line, 0);
    if (!arg->len || arg->len > word->value)
        return config_error(config, line, 0, "a unique name has 1 to %u characters", (unsigned)word->value);
    for (size_t i = 0; i < arg->len; i++)
        if (!is_guid_char(arg->str[i]))
            return config_error(config, line, 0, "a unique name is of letters, digits, '.', ':', '-' and '_' alone");
    memcpy((char *)object + word->into, &arg->str, sizeof(arg->str));
    return true;
}

struct guid {
    const char *text;
    struct config_place place;
};

static int by_text(const void *a, const void *b)
{
    const struct guid *one = a, *two = b;
    int order = strcmp(one->text, two->text);
    return order ? order : (one->place.line > two->place.line) - (one->place.line < two->place.line);
}

// A listener's is made of the prefix of its line and its position there.
static const char *bind_guid(struct config *config, struct bind_conf *bind, const struct bind_conf *before)
{
    bool same_line = before && before->place.line == bind->place.line && before->guid_prefix == bind->guid_prefix;
    bind->guid_index = same_line ? before->guid_index + 1 : 0;
    return bind->guid_prefix ? arena_printf(config->arena, "%s-%u", bind->guid_prefix, bind->guid_index) : NULL;
}

static size_t collect(struct config *config, struct proxy_conf *proxy, struct guid *out)
{
    size_t num = 0;
    if (proxy->guid)
        out[num++] = (struct guid){ proxy->guid, proxy->place };
    for (const struct server_conf *server = proxy->be.servers; server; server = server->next)
        if (server->guid)
            out[num++] = (struct guid){ server->guid, server->place };
    const struct bind_conf *before = NULL;
    for (struct bind_conf *bind = proxy->fe.binds; bind; before = bind, bind = bind->next) {
        bind->guid = bind_guid(config, bind, before);
        if (bind->guid)
            out[num++] = (struct guid){ bind->guid, bind->place };
    }
    return num;
}

bool proxy_guids_finish(struct config *config, struct program_conf *program)
{
    size_t max = 0, num = 0;
    for (const struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next) {
        max += 1 + proxy->be.num_servers;
        for (const struct bind_conf *bind = proxy->fe.binds; bind; bind = bind->next)
            max++;
    }
    struct guid *guids = calloc(max + 1, sizeof(*guids));
    if (!guids)
        check_out_of_memory((max + 1) * sizeof(*guids));
    for (struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next)
        num += collect(config, proxy, guids + num);
    qsort(guids, num, sizeof(*guids), by_text);
    bool ok = true;
    for (size_t i = 1; i < num; i++) {
        if (strcmp(guids[i - 1].text, guids[i].text) != 0)
            continue;
        config_diag_add(config->diag, CONFIG_ERROR, guids[i].place, "the unique name '%s' is taken at line %u of %s",
                        guids[i].text, guids[i - 1].place.line, guids[i - 1].place.file);
        ok = false;
    }
    free(guids);
    return ok;
}

static const struct config_word words[] = {
    { .name = "guid",
      .in = CONFIG_IN_FRONTEND | CONFIG_IN_BACKEND | CONFIG_IN_LISTEN,
      .min_args = 1,
      .max_args = 1,
      .parse = parse_guid,
      .into = offsetof(struct proxy_conf, guid),
      .value = GUID_LEN_MAX,
      .args = "<name>",
      .help = "A name of this proxy that no other proxy, server or listener has, by which a stats file knows its "
              "counters ('dump stats-file', 'stats-file'): letters, digits, '.', ':', '-' and '_'.",
      .good = "guid shop.front",
      .bad = "guid a/b",
      .bad_says = "alone" },
    { .name = "guid",
      .in = CONFIG_IN_SERVER,
      .min_args = 1,
      .parse = parse_guid,
      .into = offsetof(struct server_conf, guid),
      .value = GUID_LEN_MAX,
      .args = "<name>",
      .help = "The same for a server.",
      .good = "guid shop.web1",
      .bad = "guid ''",
      .bad_says = "1 to 127" },
    { .name = "guid-prefix",
      .in = CONFIG_IN_BIND,
      .min_args = 1,
      .parse = parse_guid,
      .into = offsetof(struct bind_conf, guid_prefix),
      .value = GUID_PREFIX_MAX,
      .args = "<name>",
      .help = "The same for the listeners of the line: the name, '-' and the listener's position on the line, from 0. "
              "Listeners have counters with 'option socket-stats'.",
      .good = "guid-prefix shop.in",
      .bad = "guid-prefix a,b",
      .bad_says = "alone" },
    { .name = "stats-file",
      .in = CONFIG_IN_GLOBAL,
      .min_args = 1,
      .max_args = 1,
      .parse = proxy_word_path,
      .into = offsetof(struct global_conf, stats_file),
      .args = "<file>",
      .help =
          "A file that 'dump stats-file' was written to: what the counters of proxies, servers and listeners with a "
          "'guid' start from when the program starts. Reloads and upgrades keep all counters without it.",
      .good = "stats-file /var/lib/fairlead/stats",
      .bad = "stats-file ''",
      .bad_says = "the name is empty" },
};
CONFIG_WORDS(words);
