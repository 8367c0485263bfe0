// SPDX-License-Identifier: Apache-2.0
// Declarations of admin commands: rows of tables beside their code, gathered by the linker as configuration words are.
// A command writes its answer into a text, piece by piece: the session sends what there is and calls again once that
// has left, so that a large answer takes no more memory than its largest piece. Commands run in the controller and
// never wait.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/text.h"

struct admin;
struct admin_session;

enum admin_level { ADMIN_LEVEL_USER = 1, ADMIN_LEVEL_OPERATOR, ADMIN_LEVEL_ADMIN };

// Where a command may be given.
enum {
    ADMIN_ON_STATS = 1 << 0,  // stats sockets
    ADMIN_ON_MASTER = 1 << 1, // the master's socket
    ADMIN_ON_WORKER =
        1 << 2, // the master's socket, for one worker (@1); others hear that it is no matter of a worker's
    ADMIN_ON_SERVICE = ADMIN_ON_STATS | ADMIN_ON_WORKER,
    ADMIN_ON_ANY = ADMIN_ON_SERVICE | ADMIN_ON_MASTER,
};

enum admin_verdict {
    ADMIN_DONE,    // the answer is complete
    ADMIN_MORE,    // call again once this piece has left
    ADMIN_LATER,   // admin_session_answer_end is called when the rest is known
    ADMIN_WAIT,    // call again once this process is woken, or at call->wake_us at the latest
    ADMIN_CHANGED, // the answer is complete once all live processes have applied the change call->number; one that has
                   // not within a second is named
};

enum { ADMIN_MAX_WORDS = 64 };

// Which worker was asked (admin/inquire.h), with which inquiry, and when it was heard last.
struct admin_asked {
    uint32_t inc;
    int32_t pid; // it is named by that also once its record is another's
    uint32_t inquiry;
    uint64_t heard_us;
    uint64_t full_us; // since when there is no place for another inquiry, 0: there is
    bool is_in_line; // what it said last was no whole line
    bool is_leaving; // it stops softly: it ends once it carries nothing any more
};

// One command being answered.
struct admin_call {
    struct admin *admin;
    struct admin_session *session;
    const struct admin_command *command;
    const char *const *args; // what follows the command's name; NULL after the last
    uint32_t num_args;
    uint32_t inc;     // the worker it was sent to: its part of the whole is asked for; 0 for the whole
    struct text *out; // where the answer goes
    uint32_t turn;    // 0 for the first call of an answer, then one more each
    const char
        *payload; // the lines that followed `<<`, each with its line feed, and a NUL; or NULL where there were none
    size_t payload_len;
    uint64_t number;  // of the change it made (board/change.h), for ADMIN_CHANGED
    uint64_t since_us; // when that was published, where it was not just now; 0: just now
    uint64_t wake_us; // monotonic, for ADMIN_WAIT; 0: when woken
    struct admin_asked asked;
    bool is_refused;  // nothing was changed: see admin_refuse
    void *state;      // the command's own between calls; freed with free() at the end, after the command's `end`
};

struct admin_command {
    const char *name; // "show stat"
    uint8_t level;    // enum admin_level: the least that may give it
    uint8_t where;    // ADMIN_ON_*
    uint8_t max_args;
    bool is_hidden;   // from the help
    bool is_expert;   // only in expert-mode
    bool is_experimental; // only in experimental-mode
    bool changes;         // it changes what the service does: what it did is logged, with level and origin
    bool is_secret;       // but without its arguments
    const char *args; // how its arguments look in the help, or NULL
    const char *help;
    enum admin_verdict (*run)(struct admin_call *call);
    void (*end)(struct admin_call *call); // gives back what call->state, which is there, holds of others; or NULL
};

struct admin_command_table {
    const struct admin_command *commands;
    size_t num;
};

// ADMIN_COMMANDS registers the array `table` of struct admin_command. One per file.
#define ADMIN_COMMANDS(table)                                                                                          \
    static const struct admin_command_table admin_commands_here = { (table), sizeof(table) / sizeof((table)[0]) };     \
    static const struct admin_command_table *const admin_commands_ptr                                                  \
        __attribute__((used, section("admin_commands"))) = &admin_commands_here

// admin_commands_boot gathers the tables; it does nothing when called again. Two commands of one name are a bug of
// ours: must().
void admin_commands_boot(void);

// admin_commands_all gives all commands, sorted by name, and their number.
const struct admin_command *const *admin_commands_all(size_t *num);

// admin_command_find gives the command with the longest name that the `num` words at `words` begin with, and the number
// of words its name has; NULL where there is none that may stand in `where` (ADMIN_ON_*).
const struct admin_command *admin_command_find(uint32_t *name_words, const char *const *words, uint32_t num,
                                               uint32_t where);

// admin_command_list appends the commands that may be given in `where` at `level`, one line each, and those of the
// session itself: all, or with `num` words those whose name begins with them (of the last one, a part is enough), or,
// where there are none, comes near to them.
void admin_command_list(struct text *out, const char *const *words, uint32_t num, uint32_t where, uint8_t level);

// admin_command_unknown appends the answer to words that are no command: those that come near, or all.
void admin_command_unknown(struct text *out, const char *const *words, uint32_t num, uint32_t where, uint8_t level);

// admin_call_end ends the answer to `call`, wherever it stands: its state is freed.
void admin_call_end(struct admin_call *call);

// admin_refuse answers that the command cannot be obeyed, and why; the line ends with a line feed. Severity 3 (error)
// where the session shows severities (set severity-output).
enum admin_verdict admin_refuse(struct admin_call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

// admin_say answers with a message of `severity`, as syslog counts them: 6 informs, 5 notices, 4 warns. What commands
// list they add to call->out themselves: it carries none.
enum admin_verdict admin_say(struct admin_call *call, int severity, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// admin_refuse_arg answers that argument `index` means nothing to this command, with the command's usage.
enum admin_verdict admin_refuse_arg(struct admin_call *call, uint32_t index);
