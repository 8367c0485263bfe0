// SPDX-License-Identifier: Apache-2.0
// Maps and ACLs as they are looked at: show and get. Management guide, section 9.3. A list is told in pieces; between
// two of them it may change, and nothing of it is held but the name of the last entry.
#include <stdlib.h>
#include <string.h>
#include "admin/list.h"
#include "admin/session.h"
#include "base/slice.h"

enum { LIST_PIECE = 16 * 1024 };

// Where a listing stands: behind the entry of this reference and key.
struct list_walk {
    struct expr_list *list;
    uint32_t version;
    uint64_t ref;
    size_t key_len;
    char key[];
};

// One piece of it on its way.
struct list_piece {
    struct text *out;
    size_t until;
    bool is_map;
    struct expr_list_item last; // lent by the list: only until it changes
};

bool admin_list_is_map(const struct admin_call *call)
{
    size_t len = strlen(call->command->name);
    return strcmp(call->command->name + len - 3, "map") == 0;
}

const char *admin_list_what(bool is_map)
{
    return is_map ? "map" : "ACL";
}

// A map that an ACL matches with, too, goes by both words.
static bool is_meant(const struct expr_list *list, bool as_map)
{
    return as_map ? expr_list_is_map(list) : expr_list_serves_acl(list);
}

bool admin_list_read(struct admin_call *call, struct admin_list_args *args)
{
    *args = (struct admin_list_args){ .is_map = admin_list_is_map(call) };
    const char *what = admin_list_what(args->is_map);
    if (call->num_args && call->args[0][0] == '@') {
        uint64_t version;
        if (!slice_to_u64(slice_str(call->args[0] + 1), &version) || version > UINT32_MAX) {
            admin_refuse(call, "'%s' is no version number.\n", call->args[0]);
            return false;
        }
        args->has_version = true;
        args->version = (uint32_t)version;
        args->next = 1;
    }
    if (args->next >= call->num_args) {
        admin_refuse(call, "Missing %s identifier.\n", what);
        return false;
    }
    args->list = expr_list_find(slice_str(call->args[args->next++]));
    if (!args->list || !is_meant(args->list, args->is_map)) {
        admin_refuse(call, "Unknown %s identifier. Please use #<id> or <file>.\n", what);
        return false;
    }
    return true;
}

bool admin_list_is_there(const struct admin_list_args *args)
{
    // Number 0 is that of what was read from the files; to lists it means the version in use.
    return args->version ? expr_list_has_version(args->list, args->version)
                         : !args->has_version || expr_list_version(args->list) == 0;
}

// ---- show

static void put_text(void *arg, const char *text)
{
    text_add(arg, text, strlen(text));
}

static void put_list(struct expr_list *list, void *arg)
{
    struct admin_call *call = arg;
    if (!is_meant(list, admin_list_is_map(call)))
        return;
    text_printf(call->out, "%u (%s) ", expr_list_id(list), expr_list_is_named(list) ? expr_list_name(list) : "");
    expr_list_describe(list, put_text, call->out);
    text_printf(call->out, ". curr_ver=%u next_ver=%u entry_cnt=%u\n", expr_list_version(list),
                expr_list_version_next(list), expr_list_num_all(list));
}

static bool put_entry(void *arg, const struct expr_list_item *item)
{
    struct list_piece *piece = arg;
    text_printf(piece->out, "0x%llx ", (unsigned long long)item->ref);
    text_add(piece->out, item->key.ptr, item->key.len);
    text_add(piece->out, " ", piece->is_map);
    text_add(piece->out, item->value.ptr, item->value.len);
    text_add(piece->out, "\n", 1);
    piece->last = *item;
    return piece->out->len < piece->until;
}

// The entries behind `walk` (NULL: from the first) as far as one piece goes.
static enum admin_verdict show_entries(struct admin_call *call, const struct admin_list_args *args,
                                       struct list_walk *walk)
{
    struct list_piece piece = { .out = call->out,
                                .until = call->out->len + LIST_PIECE,
                                .is_map = expr_list_is_map(args->list) };
    const struct expr_list_item after = { .ref = walk ? walk->ref : 0,
                                          .key = walk ? slice_of(walk->key, walk->key_len) : slice_of("", 0) };
    if (expr_list_walk(args->list, args->version, walk ? &after : NULL, put_entry, &piece))
        return ADMIN_DONE;
    struct list_walk *next = malloc(sizeof(*next) + piece.last.key.len);
    if (!next)
        return admin_refuse(call, "Out of memory.\n");
    *next = (struct list_walk){ .list = args->list, .version = args->version, .ref = piece.last.ref };
    next->key_len = piece.last.key.len;
    memcpy(next->key, piece.last.key.ptr, piece.last.key.len);
    free(walk);
    call->state = next;
    return ADMIN_MORE;
}

static enum admin_verdict run_show(struct admin_call *call)
{
    struct admin_list_args args;
    struct list_walk *walk = call->state;
    if (walk) {
        args = (struct admin_list_args){ .list = walk->list, .has_version = true, .version = walk->version };
        args.is_map = admin_list_is_map(call);
        // The version in use when the listing began may have been replaced: nothing is left of it.
        return admin_list_is_there(&args) ? show_entries(call, &args, walk) : ADMIN_DONE;
    }
    if (!call->num_args) {
        text_printf(call->out, "# id (file) description\n");
        expr_lists_each(put_list, call);
        return ADMIN_DONE;
    }
    if (!admin_list_read(call, &args))
        return ADMIN_DONE;
    if (!admin_list_is_there(&args))
        return ADMIN_DONE;
    if (!args.has_version)
        args.version = expr_list_version(args.list);
    return show_entries(call, &args, NULL);
}

// ---- get

static const char *type_name(const struct expr_list_answer *answer)
{
    struct expr_addr addr;
    if (answer->type == EXPR_INT)
        return "sint";
    if (answer->type == EXPR_ADDR && expr_addr_parse(&addr, answer->value))
        return addr.family == 4 ? "ipv4" : "ipv6";
    return "str";
}

static void put_quoted(struct text *out, const char *name, struct slice text)
{
    text_printf(out, ", %s=\"", name);
    text_add(out, text.ptr, text.len);
    text_add(out, "\"", 1);
}

static void put_answer(void *arg, const struct expr_list_answer *answer)
{
    struct admin_call *call = arg;
    bool is_map = admin_list_is_map(call);
    text_printf(call->out, "type=%s, case=%s, %s=%s", expr_match_name(answer->match),
                answer->nocase ? "insensitive" : "sensitive", is_map ? "found" : "match", answer->found ? "yes" : "no");
    if (answer->found) {
        text_printf(call->out, ", idx=%s", answer->in_tree ? "tree" : "list");
        put_quoted(call->out, is_map ? "key" : "pattern", answer->key);
    }
    if (answer->found && is_map) {
        put_quoted(call->out, "value", answer->value);
        put_quoted(call->out, "type", slice_str(type_name(answer)));
    }
    text_add(call->out, "\n", 1);
}

static enum admin_verdict run_get(struct admin_call *call)
{
    struct admin_list_args args;
    if (call->num_args < 2)
        return admin_refuse(call, "Missing %s identifier and/or key.\n", admin_list_what(admin_list_is_map(call)));
    if (!admin_list_read(call, &args))
        return ADMIN_DONE;
    if (args.has_version)
        return admin_refuse_arg(call, 0);
    expr_list_ask(args.list, slice_str(call->args[1]), put_answer, call);
    return ADMIN_DONE;
}

static const struct admin_command commands[] = {
    { .name = "get acl",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_SERVICE,
      .max_args = 2,
      .args = "<acl> <value>",
      .help = "tell which entries of an ACL a value matches",
      .run = run_get },
    { .name = "get map",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_SERVICE,
      .max_args = 2,
      .args = "<map> <key>",
      .help = "tell which entries of a map a key finds",
      .run = run_get },
    { .name = "show acl",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_SERVICE,
      .max_args = 2,
      .args = "[[@<ver>] <acl>]",
      .help = "list ACLs, or the entries of one",
      .run = run_show },
    { .name = "show map",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_SERVICE,
      .max_args = 2,
      .args = "[[@<ver>] <map>]",
      .help = "list maps, or the entries of one",
      .run = run_show },
};
ADMIN_COMMANDS(commands);
