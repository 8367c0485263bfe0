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

// Kinds of names (manual section 7.1): "path" or "file@path", "opt@path" which need not exist, "virt@name" which has no
// file.
// expr_list_load finds the list named `name`, or reads it. `is_map`: lines are "key value". NULL, or what is wrong (in
// the arena, with file and line). A list is one of maps or one of ACLs; it may be both.
const char *expr_list_load(struct expr_list **out, struct config *config, struct slice name, bool is_map);

// expr_list_index gives the patterns of `list` to be matched by `match` (made on first demand), case-blind with
// `nocase`. What cannot be a pattern of that method is an error: NULL with `*error` (in the arena, with file and line).
struct expr_patterns *expr_list_index(struct expr_list *list, const char **error, struct config *config,
                                      enum expr_match match, bool nocase);

// expr_lists_each visits all lists in the order of their ids; expr_list_find gives one by "#id" or name.
void expr_lists_each(void (*visit)(struct expr_list *list, void *arg), void *arg);
struct expr_list *expr_list_find(struct slice name);

const char *expr_list_name(const struct expr_list *list);
uint32_t expr_list_id(const struct expr_list *list);
bool expr_list_is_map(const struct expr_list *list);
uint32_t expr_list_num(const struct expr_list *list);

// Changes, applied to this process's copy. All keys are compared as text, whole. add appends an entry (NULL, or what is
// wrong with it as a pattern); set gives all entries of `key` a new value and says whether there was one; del removes
// them likewise; clear removes all. prepare starts a new version and gives its number, the three before act on it where
// `version` is not 0, and commit makes it the one in use.
const char *expr_list_add(struct expr_list *list, uint32_t version, struct slice key, struct slice value);
bool expr_list_set(struct expr_list *list, uint32_t version, struct slice key, struct slice value);
bool expr_list_del(struct expr_list *list, uint32_t version, struct slice key);
void expr_list_clear(struct expr_list *list, uint32_t version);
uint32_t expr_list_prepare(struct expr_list *list);
bool expr_list_commit(struct expr_list *list, uint32_t version);

// expr_list_check says what is wrong with `key` or `value` as an entry of `list`, NULL for nothing.
const char *expr_list_check(const struct expr_list *list, struct slice key, struct slice value);

// expr_list_get says whether `key` is an entry, and gives its value.
bool expr_list_get(const struct expr_list *list, struct slice key, struct slice *value);

// expr_list_each visits the entries in use in the order of the file. False from `visit` ends it.
void expr_list_each(const struct expr_list *list, bool (*visit)(void *arg, struct slice key, struct slice value),
                    void *arg);
