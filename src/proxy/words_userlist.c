// SPDX-License-Identifier: Apache-2.0
// The section `userlist`.
#include <crypt.h>
#include <stdlib.h>
#include "proxy/userlist.h"
#include "proxy/words.h"

// "group NAME users a,b"
struct userlist_group {
    const struct userlist_group *next;
    const char *name;
    struct slice users; // separated by commas
    struct config_line line;
};

// A group that a condition names.
struct userlist_want {
    struct userlist_want *next;
    struct config_line line;
    uint32_t index;
};

void userlist_want_group(struct config *config, struct userlist *list, const struct config_line *line, uint32_t index)
{
    struct userlist_want *want = arena_alloc(config->arena, sizeof(*want));
    struct userlist_want **last = &list->wants;
    while (*last)
        last = &(*last)->next;
    *want = (struct userlist_want){ NULL, *line, index };
    *last = want;
}

struct userlist *userlist_named(struct config *config, struct slice name)
{
    struct userlist **last = &proxy_program(config)->userlists;
    for (; *last; last = &(*last)->next)
        if (slice_equal(slice_str((*last)->name), name))
            return *last;
    *last = arena_alloc(config->arena, sizeof(**last));
    (*last)->name = arena_copy(config->arena, name.ptr, name.len);
    if (config->object && config->in & CONFIG_IN_PROXY)
        (*last)->place = ((const struct proxy_conf *)config->object)->place;
    return *last;
}

static void *begin(struct config *config, const struct config_line *line)
{
    if (!proxy_name_check(config, line))
        return NULL;
    const struct config_arg *name = config_arg_at(line, 0);
    struct userlist *list = userlist_named(config, slice_of(name->str, name->len));
    if (list->defined) {
        config_warning(config, line, 0, "there is a userlist '%s' at line %u of %s already: this one is ignored",
                       name->str, list->place.line, list->place.file);
        list = arena_alloc(config->arena, sizeof(*list));
        list->name = name->str;
    }
    list->defined = true;
    list->place = line->place;
    return list;
}

static struct userlist_user *find(const struct userlist *list, struct slice name)
{
    struct userlist_user *user = list->users;
    while (user && !slice_equal(user->name, name))
        user = user->next;
    return user;
}

static const struct userlist_group *find_group(const struct userlist *list, struct slice name)
{
    const struct userlist_group *group = list->group_lines;
    while (group && !slice_equal(slice_str(group->name), name))
        group = group->next;
    return group;
}

static bool wants_are_met(struct config *config, const struct userlist *list)
{
    bool ok = true;
    for (const struct userlist_want *want = list->wants; want; want = want->next) {
        const struct config_arg *arg = config_arg_at(&want->line, want->index);
        if (!find_group(list, slice_of(arg->str, arg->len)))
            ok = config_error(config, &want->line, want->index, "there is no group '%s' in userlist '%s'", arg->str,
                              list->name);
    }
    return ok;
}

bool userlists_finish(struct config *config)
{
    bool ok = true;
    for (const struct userlist *it = proxy_program(config)->userlists; it; it = it->next) {
        if (it->defined) {
            ok &= wants_are_met(config, it);
            continue;
        }
        config_diag_add(config->diag, CONFIG_ERROR, it->place, "there is no userlist '%s', which this section names",
                        it->name);
        ok = false;
    }
    return ok;
}

static bool parse_group(struct config *config, void *object, const struct config_word *word,
                        const struct config_line *line)
{
    struct userlist *list = object;
    const struct config_arg *name = config_arg_at(line, 0), *how = config_arg_at(line, 1);
    const struct config_arg *users = config_arg_at(line, 2);
    (void)word;
    if (how && strcmp(how->str, "users") != 0)
        return config_error(config, line, 1, "unexpected '%s', expected 'users'", how->str);
    if (how && !users)
        return config_error(config, line, 2, "the names of the users are missing");
    if (find_group(list, slice_of(name->str, name->len)))
        return config_warning(config, line, 0, "there is a group '%s' already: this one is ignored", name->str);
    struct userlist_group *group = arena_alloc(config->arena, sizeof(*group));
    group->name = name->str;
    group->users = users ? slice_of(users->str, users->len) : SLICE("");
    group->line = *line;
    group->next = list->group_lines;
    list->group_lines = group;
    return true;
}

// What the library does not know is found at boot, not when a user waits.
static bool hash_is_known(const char *hash)
{
    // Any two letters are a salt of DES: what is no hash at all is told by its length.
    if (hash[0] != '$' && hash[0] != '_' && strlen(hash) != 13)
        return false;
#ifdef CRYPT_CHECKSALT_AVAILABLE
    int known = crypt_checksalt(hash);
    return known != CRYPT_SALT_INVALID && known != CRYPT_SALT_METHOD_DISABLED;
#else
    const char *made = crypt("", hash);
    return made && made[0] != '*';
#endif
}

static bool parse_user_word(struct config *config, struct userlist_user *user, struct slice *groups,
                            const struct config_line *line, uint32_t index)
{
    static const char *const known[] = { "password", "insecure-password", "groups" };
    const char *word = config_arg_at(line, index)->str;
    const struct config_arg *value = config_arg_at(line, index + 1);
    bool insecure = strcmp(word, "insecure-password") == 0;
    if (!insecure && strcmp(word, "password") != 0 && strcmp(word, "groups") != 0)
        return config_error_unknown(config, line, index, "argument of 'user'", known, NUM_ITEMS(known));
    if (!value)
        return config_error(config, line, index + 1, "'%s' needs a value", word);
    if (strcmp(word, "groups") == 0) {
        *groups = slice_of(value->str, value->len);
        return true;
    }
    if (!insecure && !hash_is_known(value->str))
        return config_error(config, line, index + 1, "crypt(3) of this system does not know this kind of hash");
    user->password = value->str;
    user->insecure = insecure;
    return true;
}

static void join_group(struct arena *arena, struct userlist_user *user, const char *name)
{
    for (uint32_t i = 0; i < user->num_groups; i++)
        if (strcmp(user->groups[i], name) == 0)
            return;
    const char **groups = arena_alloc(arena, (user->num_groups + 2) * sizeof(*groups));
    if (user->num_groups)
        memcpy(groups, user->groups, user->num_groups * sizeof(*groups));
    groups[user->num_groups++] = name;
    user->groups = groups;
}

static struct slice next_name(struct slice *rest)
{
    struct slice name = slice_of(rest->ptr, slice_find(*rest, ','));
    *rest = slice_from(*rest, name.len + 1);
    return name;
}

static bool parse_user(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    struct userlist *list = object;
    const struct config_arg *name = config_arg_at(line, 0);
    struct slice groups = { 0 };
    (void)word;
    if (find(list, slice_of(name->str, name->len)))
        return config_warning(config, line, 0, "there is a user '%s' already: this one is ignored", name->str);
    struct userlist_user *user = arena_alloc(config->arena, sizeof(*user));
    user->name = slice_of(name->str, name->len);
    for (uint32_t i = 1; config_arg_at(line, i); i += 2)
        if (!parse_user_word(config, user, &groups, line, i))
            return false;
    while (groups.len) {
        struct slice group = next_name(&groups);
        join_group(config->arena, user, arena_copy(config->arena, group.ptr, group.len));
    }
    user->next = list->users;
    list->users = user;
    list->num_users++;
    return true;
}

static int compare(const void *a, const void *b)
{
    struct slice left = (*(struct userlist_user *const *)a)->name, right = (*(struct userlist_user *const *)b)->name;
    int order = memcmp(left.ptr, right.ptr, left.len < right.len ? left.len : right.len);
    return order ? order : (left.len > right.len) - (left.len < right.len);
}

static bool end(struct config *config, void *object)
{
    struct userlist *list = object;
    bool ok = true;
    uint32_t num = 0;
    list->sorted = arena_alloc(config->arena, (list->num_users + 1) * sizeof(struct userlist_user *));
    for (struct userlist_user *user = list->users; user; user = user->next) {
        list->sorted[num++] = user;
        for (uint32_t i = 0; i < user->num_groups; i++) {
            if (find_group(list, slice_str(user->groups[i])))
                continue;
            config_diag_add(config->diag, CONFIG_ERROR, list->place,
                            "userlist '%s': there is no group '%s', which user '%.*s' is to be in", list->name,
                            user->groups[i], (int)user->name.len, user->name.ptr);
            ok = false;
        }
    }
    qsort(list->sorted, num, sizeof(struct userlist_user *), compare);
    for (const struct userlist_group *group = list->group_lines; group; group = group->next) {
        for (struct slice rest = group->users; rest.len;) {
            struct slice name = next_name(&rest);
            struct userlist_user *user = find(list, name);
            if (user)
                join_group(config->arena, user, group->name);
            else
                ok = config_error(config, &group->line, 2, "there is no user '%.*s' in this userlist", (int)name.len,
                                  name.ptr);
        }
    }
    return ok;
}

static const struct config_section section_userlist = {
    .name = "userlist",
    .in = CONFIG_IN_USERLIST,
    .min_args = 1,
    .max_args = 1,
    .begin = begin,
    .end = end,
    .help =
        "Users who may log in, and their groups: `userlist NAME`. Hashed passwords are checked with crypt(3), which "
        "is slow by design; each worker remembers the results of its last thousand checks (not the passwords), and "
        "spends at most a quarter of its time on hashes: beyond that, logins it does not remember are refused.",
};
CONFIG_SECTION(section_userlist);

static const struct config_word words[] = {
    { .name = "group",
      .in = CONFIG_IN_USERLIST,
      .min_args = 1,
      .max_args = 3,
      .parse = parse_group,
      .args = "<name> [users <user>,<user>,...]",
      .help = "Makes a group, and may put users into it.",
      .good = "group admins",
      .bad = "group admins member scott",
      .bad_says = "expected 'users'" },
    { .name = "user",
      .in = CONFIG_IN_USERLIST,
      .min_args = 1,
      .max_args = 7,
      .parse = parse_user,
      .args = "<name> [password <hash> | insecure-password <password>] [groups <group>,<group>,...]",
      .help = "Makes a user, with a password as crypt(3) hashes it or as it is, and may put the user into groups. "
              "Without a password the user cannot log in.",
      .good = "user scott insecure-password elgato",
      .bad = "user scott passwd elgato",
      .bad_says = "did you mean 'password'?" },
};
CONFIG_WORDS(words);
