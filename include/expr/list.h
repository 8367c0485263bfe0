// SPDX-License-Identifier: Apache-2.0
// Lists: the entries of map and ACL files, and of the values on `acl` lines, each a key and, for maps, a value. A file
// is read once however many lines of the configuration name it; every way of matching it that is asked for keeps an
// index over the same entries. Lists may change at run time (rules, admin socket): each process has its own copy
// (inherited by fork) and applies the same changes in the same order, as the journal gives them. Entries may be
// replaced as a whole: a new version is prepared beside the one in use and committed at once (management guide,
// "prepare acl/map").
#pragma once

#include "config/config.h"
#include "expr/fetch.h"
#include "expr/pattern.h"

struct expr_list;

// expr_list_load finds the list named `name`, or reads it. Kinds of names (manual section 2.7): "path" or "file@path",
// "opt@path" which need not exist, "virt@name" which has no file; "file@" and "opt@" are no part of what it is found
// by. `is_map`: lines are "key value". NULL, or what is wrong (in the arena, with the file). A list is one of maps or
// one of ACLs, as its first user says.
const char *expr_list_load(struct expr_list **out, struct config *config, struct slice name, bool is_map);

// expr_list_index gives the patterns of `list` to be matched by `match` (made on first demand), case-blind with
// `nocase`. What cannot be a pattern of that method is an error: NULL with `*error` (in the arena, with file and line).
struct expr_patterns *expr_list_index(struct expr_list *list, const char **error, struct config *config,
                                      enum expr_match match, bool nocase);

// expr_list_from_line makes the values on a line (`set`, not sealed; `match` and `nocase` as it was filled) a list of
// its own, which has no name but its id, and seals the set: it matches what the list holds. `fetch` and `place` are for
// its description. The id is `*id`, or, for NULL, one that no other has. NULL, or what is wrong with that (in the
// arena).
const char *expr_list_from_line(struct config *config, struct expr_patterns *set, enum expr_match match, bool nocase,
                                struct slice fetch, struct config_place place, const uint32_t *id);

// expr_list_used adds to the description of `list`, which has a name, that what stands at `place` uses it.
void expr_list_used(struct expr_list *list, bool by_map, struct config_place place);

// expr_lists_tidy frees at most `budget` parts of what lists held before they were cleared or exchanged, and says
// whether there is more of it. To be called now and then, with a budget that traffic can wait for.
bool expr_lists_tidy(uint32_t budget);

// expr_lists_each visits all lists of the configuration that was read last, in the order of their ids.
void expr_lists_each(void (*visit)(struct expr_list *list, void *arg), void *arg);

// expr_list_find gives one of them by "#id" or name, or NULL.
struct expr_list *expr_list_find(struct slice name);

// expr_list_name gives its name as expr_list_find takes it: "#id" where it has none.
const char *expr_list_name(const struct expr_list *list);

// expr_list_is_named says whether it has a name that the next generation knows it by as well.
bool expr_list_is_named(const struct expr_list *list);

// expr_list_id gives its number, from 0. It holds from the moment the configuration is read.
uint32_t expr_list_id(const struct expr_list *list);

// expr_list_describe puts, in parts, what `show acl` and `show map` tell of it: "acl 'src' file 'x.cfg' line 7", or
// "pattern loaded from file 'f.lst' used by acl at file 'x.cfg' line 8".
void expr_list_describe(const struct expr_list *list, void (*put)(void *arg, const char *text), void *arg);

// expr_list_version gives the number of the version in use, 0 for what was read from the configuration.
uint32_t expr_list_version(const struct expr_list *list);

// expr_list_has_version says whether `version` is in use or prepared.
bool expr_list_has_version(const struct expr_list *list, uint32_t version);

// expr_list_version_next gives the greatest number that expr_list_prepare gave, 0 for none.
uint32_t expr_list_version_next(const struct expr_list *list);

// expr_list_is_map says whether its entries have values.
bool expr_list_is_map(const struct expr_list *list);

// expr_list_serve_acl notes that an ACL matches with the list, whatever it was read as.
void expr_list_serve_acl(struct expr_list *list);

// expr_list_serves_acl says whether an ACL matches with it: one that is no map always does.
bool expr_list_serves_acl(const struct expr_list *list);

// expr_list_num gives the number of entries in use.
uint32_t expr_list_num(const struct expr_list *list);

// expr_list_num_all gives that number with those of all versions that are prepared.
uint32_t expr_list_num_all(const struct expr_list *list);

// Changes, applied to this process's copy; to change those of all processes: table/change.h. All keys are compared as
// text, whole. `version` is 0 for the entries in use, or what expr_list_prepare gave.

// expr_list_add appends an entry. NULL, or what is wrong with it (until the next call), and nothing is changed.
const char *expr_list_add(struct expr_list *list, uint32_t version, struct slice key, struct slice value);

// expr_list_set gives all entries of `key` a new value; false where there is none, or the value is not of its kind.
bool expr_list_set(struct expr_list *list, uint32_t version, struct slice key, struct slice value);

// expr_list_set_one does so with the `nth` of them alone, from 1.
bool expr_list_set_one(struct expr_list *list, uint32_t version, uint32_t nth, struct slice key, struct slice value);

// expr_list_del removes all entries of `key` and says whether there was one.
bool expr_list_del(struct expr_list *list, uint32_t version, struct slice key);

// expr_list_del_one does so with the `nth` of them alone, from 1.
bool expr_list_del_one(struct expr_list *list, uint32_t version, uint32_t nth, struct slice key);

// expr_list_clear removes all entries.
void expr_list_clear(struct expr_list *list, uint32_t version);

// expr_list_prepare starts a new, empty version beside the one in use and gives its number. It takes no memory before
// something is added to it.
uint32_t expr_list_prepare(struct expr_list *list);

// expr_list_commit makes the prepared version the one in use, at once; the one before and those prepared earlier go.
// False where there is none of that number.
bool expr_list_commit(struct expr_list *list, uint32_t version);

// expr_list_check says what is wrong with `key` or `value` as an entry of `list`, NULL for nothing.
const char *expr_list_check(const struct expr_list *list, struct slice key, struct slice value);

// expr_list_get says whether `key` is an entry, and gives its value.
bool expr_list_get(const struct expr_list *list, struct slice key, struct slice *value);

// An entry as listings have it. Its reference is never given to another of the same list, and the same in all processes
// of a generation.
struct expr_list_item {
    uint64_t ref; // from 1
    struct slice key;
    struct slice value;
};

// expr_list_walk visits the entries of `version` in their order, from the one behind `after` (of which reference and
// key count; NULL: from the first), until `visit` says false; it says whether the end was reached. However the list was
// changed meanwhile, what was visited is not visited again, and what stays is not left out.
bool expr_list_walk(const struct expr_list *list, uint32_t version, const struct expr_list_item *after,
                    bool (*visit)(void *arg, const struct expr_list_item *item), void *arg);

// Where an entry stands: what changes of that entry alone are told by.
struct expr_list_place {
    uint32_t version; // 0: the one in use
    uint32_t nth;     // of the entries of its key, from 1
    struct slice key; // lent until the list changes
};

// expr_list_refer finds the entry `ref` in any version. False where it is gone.
bool expr_list_refer(const struct expr_list *list, struct expr_list_place *place, uint64_t ref);

// What one way of matching says of a sample.
struct expr_list_answer {
    enum expr_match match;
    bool nocase;
    bool found;
    bool in_tree;        // found in a tree or hash, not one by one
    enum expr_type type; // of the value
    struct slice key;    // of the entry
    struct slice value;
};

// expr_list_ask looks `text` up in what is in use, in every way that something matches with the list, and visits the
// answers.
void expr_list_ask(const struct expr_list *list, struct slice text,
                   void (*visit)(void *arg, const struct expr_list_answer *answer), void *arg);

// expr_list_each visits the entries in use in the order of the file. False from `visit` ends it.
void expr_list_each(const struct expr_list *list, bool (*visit)(void *arg, struct slice key, struct slice value),
                    void *arg);
