// SPDX-License-Identifier: Apache-2.0
// Lists against a model that is too simple to be wrong: an array of entries, matched one by one.
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include "base/sanitized.h"
#include "expr/list.h"
#include "expr/toy.h"

static uint64_t seed;

static uint32_t draw(uint32_t limit)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % limit;
}

enum { MODEL_MAX = 400 };

struct model {
    struct {
        char key[24];
        char value[8];
    } entries[MODEL_MAX];
    uint32_t num;
};

// One key of the method, from so few that they meet.
static void draw_key(char *key, size_t cap, enum expr_match match)
{
    static const char *const hex[] = { "61", "6162", "6A", "6a", "00", "" };
    static const char *const regexes[] = { "^a", "b$", "a.b", "[ab]{2}", "(a|b)c", "(" };
    uint32_t len;
    switch (match) {
    case EXPR_MATCH_INT:
    case EXPR_MATCH_LEN:
        if (draw(2))
            snprintf(key, cap, "%d", (int)draw(8));
        else
            snprintf(key, cap, "%d:%d", (int)draw(5), (int)(draw(4) + 4));
        return;
    case EXPR_MATCH_IP:
        if (draw(2))
            snprintf(key, cap, "10.%u.%u.%u/%u", draw(3), draw(2) * 128, draw(3) * 64, draw(26) + 7);
        else
            snprintf(key, cap, "2001:%x:%x::%x/%u", draw(3), draw(2) << 12, draw(2), draw(122) + 7);
        return;
    case EXPR_MATCH_BIN:
        snprintf(key, cap, "%s", hex[draw(5)]);
        return;
    case EXPR_MATCH_REG:
        snprintf(key, cap, "%s", regexes[draw(5)]);
        return;
    default:
        len = draw(5) + (match == EXPR_MATCH_DIR || match == EXPR_MATCH_DOM);
        if (draw(2))
            len += 9; // long enough to be compared by words
        for (uint32_t i = 0; i < len; i++)
            key[i] = len < 9 || draw(20) == 0 ? "aAbB"[draw(4)] : "aAaaaaaaaaaaaa"[i];
        key[len] = '\0';
    }
}

static bool draw_sample(struct expr_sample *sample, char text[24], enum expr_match match)
{
    uint32_t len = draw(8);
    if (match == EXPR_MATCH_INT) {
        *sample = (struct expr_sample){ .type = EXPR_INT, .num = draw(10) };
        return true;
    }
    if (match == EXPR_MATCH_IP) {
        if (draw(2))
            snprintf(text, 24, "10.%u.%u.%u", draw(3), draw(256), draw(256));
        else
            snprintf(text, 24, "2001:%x:%x::%x", draw(3), draw(2) << 12, draw(2));
        sample->type = EXPR_ADDR;
        return expr_addr_parse(&sample->addr, slice_str(text));
    }
    bool is_delimited = match == EXPR_MATCH_DIR || match == EXPR_MATCH_DOM, is_long = draw(2);
    len += is_long ? 9 : 0;
    for (uint32_t i = 0; i < len; i++) {
        text[i] = is_long && draw(20) ? "aAaaaaaaaaaaaaaaaa"[i] : "aAbBj"[draw(5)];
        if (is_delimited && draw(is_long ? 10 : 3) == 0)
            text[i] = "/."[match == EXPR_MATCH_DOM];
    }
    *sample = (struct expr_sample){ .type = EXPR_STR, .str = slice_of(text, len) };
    return true;
}

// How good the entry is for the sample: -1 not at all; the greatest wins, the first of equals.
static int rate(const char *key, enum expr_match match, bool nocase, const struct expr_sample *sample)
{
    struct arena arena;
    arena_init(&arena);
    struct expr_patterns *set = expr_patterns_new(&arena, match);
    assert_null(expr_patterns_add(set, slice_str(key), nocase));
    expr_patterns_seal(set);
    int rating = expr_patterns_match(set, sample) ? 0 : -1;
    arena_fini(&arena);
    if (rating < 0)
        return -1;
    if (match == EXPR_MATCH_BEG)
        return (int)strlen(key);
    if (match == EXPR_MATCH_IP)
        return atoi(strchr(key, '/') + 1);
    return 0;
}

static const char *model_find(const struct model *model, enum expr_match match, bool nocase,
                              const struct expr_sample *sample)
{
    int best = -1;
    const char *value = NULL;
    for (uint32_t i = 0; i < model->num; i++) {
        int rating = rate(model->entries[i].key, match, nocase, sample);
        if (rating > best) {
            best = rating;
            value = model->entries[i].value;
        }
    }
    return value;
}

static void model_add(struct model *model, const char *key, const char *value)
{
    snprintf(model->entries[model->num].key, sizeof(model->entries[0].key), "%s", key);
    snprintf(model->entries[model->num++].value, sizeof(model->entries[0].value), "%s", value);
}

static bool model_del(struct model *model, const char *key)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < model->num; i++)
        if (strcmp(model->entries[i].key, key) != 0)
            model->entries[left++] = model->entries[i];
    bool found = left < model->num;
    model->num = left;
    return found;
}

static bool model_set(struct model *model, const char *key, const char *value)
{
    bool found = false;
    for (uint32_t i = 0; i < model->num; i++)
        if (strcmp(model->entries[i].key, key) == 0) {
            snprintf(model->entries[i].value, sizeof(model->entries[0].value), "%s", value);
            found = true;
        }
    return found;
}

static void change_one(struct expr_list *list, struct model *model, enum expr_match match)
{
    char key[24], value[8];
    draw_key(key, sizeof(key), match);
    snprintf(value, sizeof(value), "v%u", draw(1000));
    uint32_t what = draw(10);
    if (what < 5 && model->num < MODEL_MAX && (match != EXPR_MATCH_BIN || key[0])) {
        assert_null(expr_list_add(list, 0, slice_str(key), slice_str(value)));
        model_add(model, key, value);
    } else if (what < 8) {
        assert_int_equal(expr_list_del(list, 0, slice_str(key)), model_del(model, key));
    } else if (what == 8) {
        assert_int_equal(expr_list_set(list, 0, slice_str(key), slice_str(value)), model_set(model, key, value));
    } else if (draw(50) == 0) {
        expr_list_clear(list, 0);
        model->num = 0;
    }
    assert_int_equal(expr_list_num(list), model->num);
}

static void look_up(const struct expr_patterns *patterns, const struct model *model, enum expr_match match, bool nocase)
{
    char text[24];
    struct expr_sample sample;
    struct slice value;
    struct expr_groups groups;
    if (!draw_sample(&sample, text, match))
        return;
    const char *expected = model_find(model, match, nocase, &sample);
    bool found = expr_patterns_find(patterns, &sample, &value, &groups);
    if (found != (expected != NULL) || (found && !slice_equal(value, slice_str(expected))))
        fail_msg("-m %s%s '%.*s': found '%.*s', expected '%s'", expr_match_name(match), nocase ? " -i" : "",
                 sample.type == EXPR_STR ? (int)sample.str.len : 0, sample.type == EXPR_STR ? sample.str.ptr : "",
                 found ? (int)value.len : 1, found ? value.ptr : "-", expected ? expected : "-");
}

static void random_changes(void **state)
{
    (void)state;
    static struct model model;
    for (int i = EXPR_MATCH_INT; i < EXPR_MATCH_VERSION; i++) {
        enum expr_match match = (enum expr_match)i;
        struct toy_config toy;
        struct expr_list *list;
        const char *error = NULL;
        toy_init(&toy);
        seed = (uint64_t)i;
        model.num = 0;
        assert_null(expr_list_load(&list, &toy.config, SLICE("virt@x"), true));
        struct expr_patterns *exact = expr_list_index(list, &error, &toy.config, match, false);
        struct expr_patterns *blind = expr_list_index(list, &error, &toy.config, match, true);
        assert_non_null(exact);
        assert_non_null(blind);
        for (int n = 0; n < (BASE_SANITIZED ? 400 : 1500); n++) {
            change_one(list, &model, match);
            look_up(exact, &model, match, false);
            if (match >= EXPR_MATCH_STR)
                look_up(blind, &model, match, true);
        }
        toy_fini(&toy);
    }
}

struct walk {
    char text[256];
};

static bool print_entry(void *arg, struct slice key, struct slice value)
{
    struct walk *walk = arg;
    size_t len = strlen(walk->text);
    snprintf(walk->text + len, sizeof(walk->text) - len, "%.*s=%.*s;", (int)key.len, key.ptr, (int)value.len,
             value.ptr);
    return strlen(walk->text) < 200;
}

static const char *print(struct walk *walk, const struct expr_list *list)
{
    walk->text[0] = '\0';
    expr_list_each(list, print_entry, walk);
    return walk->text;
}

static bool find(const struct expr_patterns *patterns, const char *text, const char *expected)
{
    struct expr_sample sample = { .type = EXPR_STR, .str = slice_str(text) };
    struct slice value;
    bool found = expr_patterns_find(patterns, &sample, &value, NULL);
    return expected ? found && slice_equal(value, slice_str(expected)) : !found;
}

static void versions(void **state)
{
    (void)state;
    struct toy_config toy;
    struct expr_list *list;
    const char *error;
    struct walk walk;
    toy_init(&toy);
    assert_null(expr_list_load(&list, &toy.config, SLICE("virt@v"), true));
    struct expr_patterns *patterns = expr_list_index(list, &error, &toy.config, EXPR_MATCH_BEG, false);
    assert_null(expr_list_add(list, 0, SLICE("a"), SLICE("1")));
    assert_null(expr_list_add(list, 0, SLICE("b"), SLICE("2")));
    uint32_t old = expr_list_prepare(list), version = expr_list_prepare(list), later = expr_list_prepare(list);
    assert_true(old && version > old && later > version);
    assert_null(expr_list_add(list, version, SLICE("a"), SLICE("3")));
    assert_null(expr_list_add(list, version, SLICE("c"), SLICE("x")));
    assert_true(expr_list_set(list, version, SLICE("c"), SLICE("4")));
    assert_false(expr_list_del(list, version, SLICE("b")));
    assert_string_equal(print(&walk, list), "a=1;b=2;");
    assert_true(find(patterns, "abc", "1") && find(patterns, "cc", NULL));
    assert_non_null(expr_list_add(list, 77, SLICE("a"), SLICE("3")));
    assert_true(expr_list_commit(list, version));
    assert_string_equal(print(&walk, list), "a=3;c=4;");
    assert_true(find(patterns, "abc", "3") && find(patterns, "cc", "4") && find(patterns, "b", NULL));
    assert_false(expr_list_commit(list, old)); // given up
    assert_false(expr_list_commit(list, version));
    assert_null(expr_list_add(list, later, SLICE("z"), SLICE("9")));
    expr_list_clear(list, later);
    assert_true(expr_list_commit(list, later));
    assert_int_equal(expr_list_num(list), 0);
    // What is prepared and never filled costs nothing, and may be committed.
    for (int i = 0; i < 1000; i++)
        assert_int_not_equal(expr_list_prepare(list), 0);
    assert_null(expr_list_add(list, later + 7, SLICE("z"), SLICE("9")));
    assert_null(expr_list_add(list, later + 3, SLICE("y"), SLICE("8")));
    assert_int_equal(expr_list_num_all(list), 2);
    assert_false(expr_list_has_version(list, later + 1001));
    assert_true(expr_list_commit(list, later + 5));
    assert_int_equal(expr_list_num(list), 0);
    assert_false(expr_list_has_version(list, later + 3));
    assert_true(expr_list_commit(list, later + 7));
    assert_string_equal(print(&walk, list), "z=9;");
    toy_fini(&toy);
}

struct listing {
    char text[400];
    uint64_t ref;
    char key[16];
    unsigned left;
};

static bool list_one(void *arg, const struct expr_list_item *item)
{
    struct listing *listing = arg;
    size_t len = strlen(listing->text);
    (void)snprintf(listing->text + len, sizeof(listing->text) - len, "%.*s=%.*s;", (int)item->key.len, item->key.ptr,
                   (int)item->value.len, item->value.ptr);
    listing->ref = item->ref;
    (void)snprintf(listing->key, sizeof(listing->key), "%.*s", (int)item->key.len, item->key.ptr);
    return --listing->left > 0;
}

// Goes on behind what was listed last.
static bool list_more(struct listing *listing, const struct expr_list *list, uint32_t version, unsigned num)
{
    const struct expr_list_item after = { .ref = listing->ref, .key = slice_str(listing->key) };
    listing->left = num;
    return expr_list_walk(list, version, listing->ref ? &after : NULL, list_one, listing);
}

// A listing in pieces is right whatever happens between them, and references name one entry for ever.
static void walks_and_references(void **state)
{
    (void)state;
    struct toy_config toy;
    struct expr_list *list;
    struct expr_list_place place;
    struct listing listing = { .text = "" };
    toy_init(&toy);
    assert_null(expr_list_load(&list, &toy.config, SLICE("virt@v"), true));
    assert_null(expr_list_add(list, 0, SLICE("a"), SLICE("1")));
    assert_null(expr_list_add(list, 0, SLICE("b"), SLICE("2")));
    assert_null(expr_list_add(list, 0, SLICE("a"), SLICE("3")));
    assert_null(expr_list_add(list, 0, SLICE("c"), SLICE("4")));
    assert_false(list_more(&listing, list, 0, 3));
    uint64_t third = listing.ref;
    assert_true(expr_list_refer(list, &place, third));
    assert_true(slice_equal(place.key, SLICE("a")) && place.nth == 2 && place.version == 0);
    assert_true(expr_list_set_one(list, 0, 2, place.key, SLICE("33")));
    assert_false(expr_list_set_one(list, 0, 3, place.key, SLICE("33")));
    assert_true(expr_list_del_one(list, 0, 2, SLICE("a")) && !expr_list_del_one(list, 0, 2, SLICE("a")));
    assert_false(expr_list_refer(list, &place, third));
    assert_null(expr_list_add(list, 0, SLICE("a"), SLICE("5")));
    assert_true(list_more(&listing, list, 0, 10));
    assert_string_equal(listing.text, "a=1;b=2;a=3;c=4;a=5;");
    expr_list_clear(list, 0);
    assert_null(expr_list_add(list, 0, SLICE("a"), SLICE("6")));
    assert_true(list_more(&listing, list, 0, 10));
    assert_string_equal(listing.text, "a=1;b=2;a=3;c=4;a=5;a=6;");
    uint32_t version = expr_list_prepare(list);
    assert_true(list_more(&listing, list, version, 10) && list_more(&listing, list, 99, 10));
    assert_null(expr_list_add(list, version, SLICE("p"), SLICE("7")));
    assert_true(expr_list_refer(list, &place, listing.ref + 1) && place.version == version && place.nth == 1);
    assert_false(expr_list_refer(list, &place, 0) || expr_list_refer(list, &place, UINT64_MAX));
    toy_fini(&toy);
}

static char *make_file(const char *text)
{
    static char path[] = "/tmp/test_list.XXXXXX";
    memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return path;
}

static void names_and_files(void **state)
{
    (void)state;
    struct toy_config toy;
    struct expr_list *list, *same;
    const char *error = NULL;
    struct walk walk;
    char name[64];
    toy_init(&toy);
    char *path = make_file("# comment\n\n  a  one two \t\n #b\t2\r\nc\na dup");
    assert_null(expr_list_load(&list, &toy.config, slice_str(path), true));
    assert_string_equal(print(&walk, list), "a=one two;#b=2;c=;a=dup;");
    snprintf(name, sizeof(name), "file@%s", path);
    assert_null(expr_list_load(&same, &toy.config, slice_str(name), true));
    assert_ptr_equal(list, same);
    snprintf(name, sizeof(name), "opt@%s", path);
    assert_null(expr_list_load(&same, &toy.config, slice_str(name), true));
    assert_ptr_equal(list, same);
    assert_ptr_equal(expr_list_find(slice_str(name)), list);
    assert_ptr_equal(expr_list_find(SLICE("#0")), list);
    assert_non_null(strstr(expr_list_load(&same, &toy.config, slice_str(path), false), "used as a map"));
    // What is no number is told with its line.
    assert_null(expr_list_index(list, &error, &toy.config, EXPR_MATCH_INT, false));
    snprintf(name, sizeof(name), "%s:3: 'a': this is no integer", path);
    assert_string_equal(error, name);
    unlink(path);
    assert_non_null(expr_list_load(&same, &toy.config, SLICE("/nonexistent/x"), true));
    assert_null(expr_list_load(&same, &toy.config, SLICE("opt@/nonexistent/y"), true));
    assert_int_equal(expr_list_num(same), 0);
    assert_null(expr_list_load(&same, &toy.config, SLICE("virt@y"), false));
    assert_string_equal(expr_list_name(same), "virt@y");
    assert_false(expr_list_is_map(same));
    assert_non_null(expr_list_load(&same, &toy.config, SLICE("file@"), false));
    toy_fini(&toy);
    assert_null(expr_list_find(SLICE("virt@y")));
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

// What takes a second where it ought to take a tenth would be noticed; the rest is for the benchmark.
static void load_large(void **state)
{
    (void)state;
    static const enum expr_match kinds[] = { EXPR_MATCH_STR, EXPR_MATCH_BEG, EXPR_MATCH_END,
                                             EXPR_MATCH_IP,  EXPR_MATCH_SUB, EXPR_MATCH_INT };
    for (size_t k = 0; k < NUM_ITEMS(kinds); k++) {
        size_t cap = 100000 * 48, len = 0;
        char *text = malloc(cap);
        for (uint32_t i = 0; i < 100000; i++) {
            uint32_t n = i * 2654435761u;
            if (kinds[k] == EXPR_MATCH_IP)
                len += (size_t)snprintf(text + len, cap - len, "%u.%u.%u.0/24 n%u\n", n >> 24, n >> 16 & 255,
                                        n >> 8 & 255, i);
            else if (kinds[k] == EXPR_MATCH_INT)
                len += (size_t)snprintf(text + len, cap - len, "%u n%u\n", n, i);
            else
                len += (size_t)snprintf(text + len, cap - len, "host%u.example%u.com n%u\n", n, i % 100, i);
        }
        char *path = make_file(text);
        struct toy_config toy;
        struct expr_list *list;
        const char *error = NULL;
        toy_init(&toy);
        uint64_t start = now_ns();
        assert_null(expr_list_load(&list, &toy.config, slice_str(path), true));
        assert_non_null(expr_list_index(list, &error, &toy.config, kinds[k], false));
        uint64_t took_ms = (now_ns() - start) / 1000000;
        assert_int_equal(expr_list_num(list), 100000);
        assert_true(took_ms < 10000);
        unlink(path);
        free(text);
        toy_fini(&toy);
    }
}

static void wrong_changes(void **state)
{
    (void)state;
    struct toy_config toy;
    struct expr_list *list;
    const char *error = NULL;
    toy_init(&toy);
    assert_null(expr_list_load(&list, &toy.config, SLICE("virt@w"), false));
    struct expr_patterns *str = expr_list_index(list, &error, &toy.config, EXPR_MATCH_STR, false);
    struct expr_patterns *reg = expr_list_index(list, &error, &toy.config, EXPR_MATCH_REG, false);
    assert_non_null(expr_list_add(list, 0, SLICE("a("), SLICE("")));
    assert_non_null(expr_list_check(list, SLICE("a("), SLICE("")));
    assert_null(expr_list_check(list, SLICE("a+"), SLICE("")));
    assert_true(find(str, "a(", NULL)); // nowhere, or everywhere
    assert_null(expr_list_add(list, 0, SLICE("a+"), SLICE("")));
    assert_true(find(str, "a+", "") && find(reg, "xaa", ""));
    assert_true(expr_list_del(list, 0, SLICE("a+")));
    assert_true(find(str, "a+", NULL) && find(reg, "xaa", NULL));
    // An ACL may match what its own values and its files say.
    struct expr_patterns *own = expr_patterns_new(&toy.arena, EXPR_MATCH_STR);
    assert_null(expr_patterns_add(own, SLICE("mine"), false));
    expr_patterns_join(own, str);
    expr_patterns_seal(own);
    assert_null(expr_list_add(list, 0, SLICE("theirs"), SLICE("")));
    assert_true(find(own, "mine", "") && find(own, "theirs", "") && find(own, "others", NULL));
    toy_fini(&toy);
}

struct told {
    uint32_t num;
    struct {
        uint32_t id;
        char name[32];
        char text[256];
    } lists[16];
};

static void tell_put(void *arg, const char *text)
{
    char *out = arg;
    strncat(out, text, 255 - strlen(out));
}

static void tell(struct expr_list *list, void *arg)
{
    struct told *told = arg;
    told->lists[told->num].id = expr_list_id(list);
    snprintf(told->lists[told->num].name, 32, "%s", expr_list_name(list));
    expr_list_describe(list, tell_put, told->lists[told->num++].text);
}

// The values on lines are lists as well: with an id that counts up, or the one that -u says.
static void lines(void **state)
{
    (void)state;
    // What has a forced id stands among the others in the order of all ids.
    static const struct {
        const char *name;
        const char *text;
    } want[] = {
        { "#0", "acl 'path' file 'toy' line 1" },
        { "#1", "acl 'src' file 'toy' line 1" },
        { "virt@l", "pattern list 'virt@l' used by acl at file 'toy' line 1, by acl at file 'toy' line 1" },
        { "#3", "acl 'path_beg' file 'toy' line 1" },
        { "#4", "acl 'path' file 'toy' line 1" },
        { "#5", "acl 'status' file 'toy' line 1" },
        { "#6", "acl 'path' file 'toy' line 1" },
        { "#7", "acl 'path' file 'toy' line 1" },
    };
    struct toy_config toy;
    struct toy it = { .path = "/x", .src = "10.0.0.1", .status = 7 };
    toy_init(&toy);
    toy_acl(&toy, "acl a path /a /b");
    toy_acl(&toy, "acl b src 10.0.0.0/8");
    toy_acl(&toy, "acl c path -i -u 4 /c");
    toy_acl(&toy, "acl c path -u 6 -f virt@l");
    toy_acl(&toy, "acl d path_beg -f virt@l");
    toy_acl(&toy, "acl e status gt 5 lt 9 eq 100:200");
    const struct expr_cond *anonymous = toy_cond(&toy, "x if { path -m found }");
    struct told told = { 0 };
    expr_lists_each(tell, &told);
    assert_int_equal(told.num, NUM_ITEMS(want));
    for (uint32_t i = 0; i < told.num; i++) {
        assert_int_equal(told.lists[i].id, i);
        assert_string_equal(told.lists[i].name, want[i].name);
        assert_string_equal(told.lists[i].text, want[i].text);
    }
    assert_null(expr_list_find(SLICE("#9")));
    assert_null(expr_list_find(SLICE("#")));

    struct expr_subject *subject = toy_subject(&it);
    const struct expr_cond *cond = toy_cond(&toy, "x if a or c");
    struct expr_list *list = expr_list_find(SLICE("#0"));
    assert_true(expr_cond_true(anonymous, subject) && !expr_cond_true(cond, subject));
    assert_null(expr_list_add(list, 0, SLICE("/x"), SLICE("")));
    assert_true(expr_cond_true(cond, subject));
    assert_true(expr_list_del(list, 0, SLICE("/x")) && expr_list_del(list, 0, SLICE("/a")));
    it.path = "/b";
    assert_true(expr_cond_true(cond, subject));
    assert_true(expr_list_del(list, 0, SLICE("/b")));
    assert_true(!expr_cond_true(cond, subject) && expr_list_num(list) == 0);
    assert_null(expr_list_add(list, 0, SLICE("/b"), SLICE("")));
    assert_true(expr_cond_true(cond, subject));
    uint32_t number = expr_list_prepare(list);
    assert_null(expr_list_add(list, number, SLICE("/new"), SLICE("")));
    assert_int_equal(expr_list_version(list), 0);
    assert_int_equal(expr_list_version_next(list), 1);
    assert_true(expr_list_commit(list, number) && expr_list_version(list) == 1);
    assert_false(expr_cond_true(cond, subject));
    it.path = "/new";
    assert_true(expr_cond_true(cond, subject));
    expr_list_clear(list, 0);
    assert_false(expr_cond_true(cond, subject));
    // A list of a line that has files besides, empty so far; and -i holds for what is added.
    assert_null(expr_list_add(expr_list_find(SLICE("#6")), 0, SLICE("/new"), SLICE("")));
    assert_true(expr_cond_true(cond, subject));
    assert_null(expr_list_add(expr_list_find(SLICE("#4")), 0, SLICE("/caseless"), SLICE("")));
    it.path = "/CaseLess";
    assert_true(expr_cond_true(cond, subject));
    // Orders are ranges.
    list = expr_list_find(SLICE("#5"));
    assert_true(expr_list_del(list, 0, SLICE("6:")) && expr_list_del(list, 0, SLICE(":8")));
    assert_true(expr_list_del(list, 0, SLICE("100:200")) && !expr_list_del(list, 0, SLICE("6:")));
    assert_non_null(expr_list_add(list, 0, SLICE("gt"), SLICE("")));
    while (expr_lists_tidy(1))
        ;
    toy_fini(&toy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_changes),  cmocka_unit_test(versions),   cmocka_unit_test(walks_and_references),
        cmocka_unit_test(names_and_files), cmocka_unit_test(load_large), cmocka_unit_test(wrong_changes),
        cmocka_unit_test(lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
