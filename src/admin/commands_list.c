// SPDX-License-Identifier: Apache-2.0
// Changes of maps and ACLs: add, del, set, clear, prepare, commit. Management guide, section 9.3. Each goes through the
// journal (table/change.h), and is answered once all processes have it. Where the journal has much to deliver a command
// waits, so that many lines at once neither lose one nor take the room of what others change.
#include <stdlib.h>
#include <string.h>
#include "admin/list.h"
#include "admin/session.h"
#include "board/board.h"
#include "event/loop.h"
#include "table/change.h"

enum {
    LIST_WAIT_US = 2000,
    LIST_PIECE_LINES = 1000, // of a payload, in one go
    LIST_LINE_TOLD = 100,
};

// A payload on its way. It is read twice: nothing of it is published before all of it was found good.
struct list_load {
    struct admin_list_args args;
    bool is_checked;
    size_t at;
    uint32_t line;
    uint64_t number; // of the last entry published
};

static enum admin_verdict wait_for(struct admin_call *call, uint64_t delay_us)
{
    call->wake_us = call->admin->start.loop->now_us + delay_us;
    return ADMIN_WAIT;
}

static bool must_wait(const struct admin_call *call)
{
    return board_journal_is_busy(call->admin->start.board);
}

static int shown_len(struct slice text)
{
    return (int)(text.len < LIST_LINE_TOLD ? text.len : LIST_LINE_TOLD);
}

// Answers what came of a change that is one entry. `nothing`: what to say where there was nothing to change.
static enum admin_verdict answer(struct admin_call *call, enum table_change_result result,
                                 const struct table_change *change, const char *wrong, const char *nothing)
{
    switch (result) {
    case TABLE_CHANGE_DONE:
        return ADMIN_CHANGED;
    case TABLE_CHANGE_NOTHING:
        return admin_refuse(call, "%s\n", nothing);
    case TABLE_CHANGE_WRONG:
        return admin_refuse(call, "'%.*s': %s.\n", shown_len(change->key), change->key.ptr ? change->key.ptr : "",
                            wrong);
    case TABLE_CHANGE_TOO_LONG:
        return admin_refuse(call, "'%.*s': key and value are too long to be changed at run time (%d bytes at most).\n",
                            shown_len(change->key), change->key.ptr ? change->key.ptr : "", TABLE_CHANGE_ROOM);
    default:
        return wait_for(call, LIST_WAIT_US);
    }
}

static enum admin_verdict publish(struct admin_call *call, const struct table_change *change, const char *nothing)
{
    const char *wrong;
    if (must_wait(call))
        return wait_for(call, LIST_WAIT_US);
    enum table_change_result result = table_change_publish(change, &wrong, &call->number);
    return answer(call, result, change, wrong, nothing);
}

static struct slice name_of(const struct admin_list_args *args)
{
    return slice_str(expr_list_name(args->list));
}

// A map that is an ACL's as well is filled and exchanged as a map, for its entries have values.
static bool read_own(struct admin_call *call, struct admin_list_args *args, const char *instead)
{
    if (!admin_list_read(call, args))
        return false;
    if (args->is_map || !expr_list_is_map(args->list))
        return true;
    admin_refuse(call, "This ACL is shared with a map containing samples. You must use the command '%s map'%s.\n",
                 instead, strcmp(instead, "add") == 0 ? " to add values" : "");
    return false;
}

// Reads the list and a version that must exist; false after refusing.
static bool read_version(struct admin_call *call, struct admin_list_args *args)
{
    if (!read_own(call, args, "add"))
        return false;
    if (admin_list_is_there(args))
        return true;
    uint32_t next = expr_list_version_next(args->list);
    if ((int32_t)(args->version - next) > 0)
        admin_refuse(call, "Version number in the future, please use 'prepare %s' before.\n",
                     args->is_map ? "map" : "acl");
    else
        admin_refuse(call, "Version number out of range.\n");
    return false;
}

// ---- add

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct slice trim(struct slice text)
{
    while (text.len && is_blank(text.ptr[0]))
        text = slice_from(text, 1);
    while (text.len && is_blank(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

// The next line of the payload that holds something; false at the end.
static bool load_line(struct list_load *load, struct slice *line, const struct admin_call *call)
{
    while (load->at < call->payload_len) {
        struct slice rest = slice_of(call->payload + load->at, call->payload_len - load->at);
        rest.len = slice_find(rest, '\n');
        load->at += rest.len + 1;
        load->line++;
        *line = trim(rest);
        if (line->len)
            return true;
    }
    return false;
}

// The line as a change: of a map "<key> <value>", of an ACL a pattern.
static struct table_change load_change(const struct list_load *load, struct slice line)
{
    struct table_change change = {
        .op = TABLE_CHANGE_ADD, .version = load->args.version, .list = name_of(&load->args), .key = line
    };
    if (load->args.is_map) {
        change.key.len = slice_find(line, ' ');
        size_t tab = slice_find(line, '\t');
        change.key.len = tab < change.key.len ? tab : change.key.len;
        change.value = trim(slice_from(line, change.key.len));
    }
    return change;
}

static enum admin_verdict load_wrong(struct admin_call *call, const struct list_load *load,
                                     const struct table_change *change, const char *wrong)
{
    return admin_refuse(call, "Line %u of the payload: '%.*s': %s. Nothing was added.\n", load->line,
                        shown_len(change->key), change->key.ptr, wrong);
}

static enum admin_verdict load_check(struct admin_call *call, struct list_load *load)
{
    struct slice line;
    for (int i = 0; i < LIST_PIECE_LINES; i++) {
        if (!load_line(load, &line, call)) {
            load->is_checked = true;
            load->at = load->line = 0;
            break;
        }
        struct table_change change = load_change(load, line);
        if (load->args.is_map && !change.value.len)
            return admin_refuse(call, "Missing value for key '%.*s'. Nothing was added.\n", shown_len(change.key),
                                change.key.ptr);
        const char *wrong = expr_list_check(load->args.list, change.key, change.value);
        if (!wrong && !table_change_fits(&change))
            wrong = "key and value are too long to be changed at run time";
        if (wrong)
            return load_wrong(call, load, &change, wrong);
    }
    return wait_for(call, 0);
}

static enum admin_verdict load_publish(struct admin_call *call, struct list_load *load)
{
    struct slice line;
    for (int i = 0; i < LIST_PIECE_LINES; i++) {
        size_t before = load->at;
        if (i % 64 == 0 && must_wait(call))
            return wait_for(call, LIST_WAIT_US);
        if (!load_line(load, &line, call)) {
            call->number = load->number;
            return load->number ? ADMIN_CHANGED : admin_refuse(call, "The payload holds no entry.\n");
        }
        const char *wrong;
        struct table_change change = load_change(load, line);
        uint64_t number = 0;
        enum table_change_result result = table_change_publish(&change, &wrong, &number);
        if (result == TABLE_CHANGE_FULL) {
            load->at = before;
            return wait_for(call, LIST_WAIT_US);
        }
        // A version can go while it is filled: another one was committed over it.
        if (result != TABLE_CHANGE_DONE)
            return admin_refuse(call, "Line %u of the payload: '%.*s': %s. What stood before it was added.\n",
                                load->line, shown_len(change.key), change.key.ptr,
                                wrong ? wrong : "it cannot be added");
        load->number = number;
    }
    return wait_for(call, 0);
}

static enum admin_verdict load_start(struct admin_call *call, const struct admin_list_args *args)
{
    struct list_load *load = calloc(1, sizeof(*load));
    if (!load)
        return admin_refuse(call, "Out of memory.\n");
    load->args = *args;
    call->state = load;
    return load_check(call, load);
}

static enum admin_verdict run_add(struct admin_call *call)
{
    struct list_load *load = call->state;
    struct admin_list_args args;
    if (load)
        return load->is_checked ? load_publish(call, load) : load_check(call, load);
    bool is_map = admin_list_is_map(call);
    uint32_t first = call->num_args && call->args[0][0] == '@', given = call->num_args - first;
    bool has_payload = call->payload && given == 1;
    if (!has_payload && is_map && given != 3)
        return admin_refuse(call, "'add map' expects three parameters (map identifier, key and value) or one parameter "
                                  "(map identifier) and a payload\n");
    if (!has_payload && !is_map && given != 2)
        return admin_refuse(call, "'add acl' expects two parameters: ACL identifier and pattern.\n");
    if (!read_version(call, &args))
        return ADMIN_DONE;
    if (has_payload)
        return load_start(call, &args);
    const struct table_change change = {
        .op = TABLE_CHANGE_ADD,
        .version = args.version,
        .list = name_of(&args),
        .key = slice_str(call->args[args.next]),
        .value = slice_str(is_map ? call->args[args.next + 1] : ""),
    };
    return publish(call, &change, "Nothing was added.");
}

// ---- del, set

// Makes `change` one of the entry that "#<ref>" names, or of all of a key. False where there is no such entry.
static bool aim(struct table_change *change, const struct admin_list_args *args, const char *word)
{
    struct expr_list_place place;
    char *end;
    change->list = name_of(args);
    change->key = slice_str(word);
    if (strncmp(word, "#0x", 3) != 0)
        return true;
    unsigned long long ref = strtoull(word + 1, &end, 16);
    if (*end || !expr_list_refer(args->list, &place, ref))
        return false;
    change->version = place.version;
    change->nth = place.nth;
    change->key = place.key;
    return true;
}

static enum admin_verdict run_del(struct admin_call *call)
{
    struct admin_list_args args;
    struct table_change change = { .op = TABLE_CHANGE_DEL };
    if (call->num_args < 2)
        return admin_refuse(call, "This command expects two parameters: %s identifier and key.\n",
                            admin_list_what(admin_list_is_map(call)));
    if (!admin_list_read(call, &args))
        return ADMIN_DONE;
    if (args.has_version)
        return admin_refuse_arg(call, 0);
    if (!aim(&change, &args, call->args[1]))
        return admin_refuse(call, "Key not found.\n");
    return publish(call, &change, "Key not found.");
}

static enum admin_verdict run_set(struct admin_call *call)
{
    struct admin_list_args args;
    struct table_change change = { .op = TABLE_CHANGE_SET };
    if (call->num_args < 3)
        return admin_refuse(call, "'set map' expects three parameters: map identifier, key and value.\n");
    if (!admin_list_read(call, &args))
        return ADMIN_DONE;
    if (args.has_version)
        return admin_refuse_arg(call, 0);
    change.value = slice_str(call->args[2]);
    if (!aim(&change, &args, call->args[1]))
        return admin_refuse(call, "key or pattern not found.\n");
    return publish(call, &change, "entry not found.");
}

// ---- clear, prepare, commit

static enum admin_verdict run_clear(struct admin_call *call)
{
    struct admin_list_args args;
    if (!admin_list_read(call, &args))
        return ADMIN_DONE;
    // As there is nothing in it.
    if (!admin_list_is_there(&args))
        return ADMIN_DONE;
    const struct table_change change = { .op = TABLE_CHANGE_CLEAR, .version = args.version, .list = name_of(&args) };
    return publish(call, &change, "");
}

static enum admin_verdict run_prepare(struct admin_call *call)
{
    struct admin_list_args args;
    if (!read_own(call, &args, "prepare"))
        return ADMIN_DONE;
    if (args.has_version)
        return admin_refuse_arg(call, 0);
    const struct table_change change = { .op = TABLE_CHANGE_PREPARE, .list = name_of(&args) };
    enum admin_verdict verdict = publish(call, &change, "");
    if (verdict == ADMIN_CHANGED)
        admin_say(call, 6, "New version created: %u\n", expr_list_version_next(args.list));
    return verdict;
}

static enum admin_verdict run_commit(struct admin_call *call)
{
    struct admin_list_args args;
    if (!call->num_args || call->args[0][0] != '@')
        return admin_refuse(call, "Missing version number.\n");
    if (!read_own(call, &args, "commit"))
        return ADMIN_DONE;
    if (!args.version || !admin_list_is_there(&args) || args.version == expr_list_version(args.list))
        return admin_refuse(call, "Version number out of range.\n");
    const struct table_change change = { .op = TABLE_CHANGE_COMMIT, .version = args.version, .list = name_of(&args) };
    return publish(call, &change, "");
}

#define LIST_COMMAND(words, words_args, most, what, runs)                                                              \
    {                                                                                                                  \
        .name = (words), .level = ADMIN_LEVEL_OPERATOR, .where = ADMIN_ON_SERVICE, .max_args = (most),                 \
        .changes = true, .args = (words_args), .help = (what), .run = (runs)                                           \
    }

static const struct admin_command commands[] = {
    LIST_COMMAND("add acl", "[@<ver>] <acl> { <pattern> | <payload> }", 3, "add entries to an ACL", run_add),
    LIST_COMMAND("add map", "[@<ver>] <map> { <key> <value> | <payload> }", 4, "add entries to a map", run_add),
    LIST_COMMAND("clear acl", "[@<ver>] <acl>", 2, "remove all entries of an ACL", run_clear),
    LIST_COMMAND("clear map", "[@<ver>] <map>", 2, "remove all entries of a map", run_clear),
    LIST_COMMAND("commit acl", "@<ver> <acl>", 2, "put a prepared version of an ACL in the place of the one in use",
                 run_commit),
    LIST_COMMAND("commit map", "@<ver> <map>", 2, "put a prepared version of a map in the place of the one in use",
                 run_commit),
    LIST_COMMAND("del acl", "<acl> { <key> | #<ref> }", 2, "remove entries of an ACL", run_del),
    LIST_COMMAND("del map", "<map> { <key> | #<ref> }", 2, "remove entries of a map", run_del),
    LIST_COMMAND("prepare acl", "<acl>", 1, "begin a new version of an ACL", run_prepare),
    LIST_COMMAND("prepare map", "<map>", 1, "begin a new version of a map", run_prepare),
    LIST_COMMAND("set map", "<map> { <key> | #<ref> } <value>", 3, "change the value of entries of a map", run_set),
};
ADMIN_COMMANDS(commands);
