// SPDX-License-Identifier: Apache-2.0
// One connection to an admin socket and the dialog on it, private to the area: lines come in, are split at semicolons
// and answered in order; answers leave as the peer reads them, and nothing more is read or computed meanwhile. Owned by
// the admin side it belongs to; it ends by itself.
#pragma once

#include "admin/admin.h"
#include "admin/command.h"
#include "base/list.h"
#include "event/loop.h"
#include "proxy/conf.h"
#include "transport/conn.h"

// How a session goes on after a line. Management guide, section 9.3.
enum admin_mode {
    ADMIN_MODE_ONCE,        // answer one line, and what came with it, and close
    ADMIN_MODE_INTERACTIVE, // wait for the next line
    ADMIN_MODE_PROMPT,      // and say so
};

enum admin_severity { ADMIN_SEVERITY_NONE, ADMIN_SEVERITY_NUMBER, ADMIN_SEVERITY_STRING };

enum { ADMIN_PAYLOAD_MAX = 16 << 20, ADMIN_PATTERN_MAX = 7, ADMIN_ORIGIN_LEN = 128 };

struct admin_listener {
    struct event_source source;
    struct list link;
    struct admin *admin;
    const struct stats_socket_conf *conf;
    bool is_master;
    bool is_paused; // out of the loop while as many connections are open as may be
};

struct admin {
    struct admin_start start;
    struct list listeners;
    struct list sessions;
    struct event_timer resume; // tries paused listeners again after the system ran out of something
    bool is_leaving;
    struct transport_tls_ctx *tls; // of all sessions, made with the first that needs it; or NULL
    int spare_fd;                  // given up for a session where there is no other descriptor left; -1
    uint32_t num_sessions; // through stats sockets
    uint32_t num_master_sessions;
    uint64_t last_reload; // number of the newest reload asked for here
    uint64_t last_giving; // likewise of listening sockets
    uint32_t num_reloads; // of the master, and how many of them in a row failed
    uint32_t num_failed;
    struct text latest;       // what the latest of them had to say
    uint64_t started_wall_us; // of the generation
    struct event_timer look;  // looks once a second how many bytes went out
    uint64_t bytes_seen;      // then
    uint64_t bytes_seen_us;
    uint64_t bytes_rate; // a second
};

// Whom commands are sent to, on the master's socket.
struct admin_target {
    uint32_t inc; // of a worker; 0 for the service as a whole
    int32_t pid;
};

// How long prefixes are left alone (`@@`).
enum admin_inside {
    ADMIN_INSIDE_NOT,
    ADMIN_INSIDE_LINE,    // to the end of the line
    ADMIN_INSIDE_SESSION, // until `quit`
};

// How far a connection is.
enum admin_stage {
    ADMIN_STAGE_PROXY, // its PROXY header is read
    ADMIN_STAGE_TLS,   // it is in the TLS handshake
    ADMIN_STAGE_TALK,
};

struct admin_session {
    struct transport_conn conn;
    struct list link;
    struct event_timer timer;
    struct event_task task;
    struct admin *admin;
    const struct stats_socket_conf *socket; // it came through
    char origin[ADMIN_ORIGIN_LEN];          // who is there: "uid 0 pid 123", "192.0.2.1:4711"
    uint64_t timeout_us;                    // `set timeout cli`, 0: as the configuration says
    uint64_t wire_sent;                     // what conn.wire_sent was at the last look
    uint8_t stage;                          // enum admin_stage
    uint8_t level;
    uint8_t mode; // enum admin_mode
    bool is_master;
    bool timed;    // the prompt tells the uptime
    bool is_debug; // mcli-debug-mode
    bool is_expert;
    bool is_experimental;
    uint64_t num_lines;          // that came
    bool ends;                   // it was told to close after the line
    bool quit;                   // over once what waits is sent
    bool is_silent;              // the command has no answer, not even the mark of its end
    bool is_holding;             // the last byte that came is still with the kernel
    bool is_full;                // the peer must read before more can be sent
    bool is_late;                // a command's answer comes later
    bool is_waiting;             // a command goes on once woken
    uint8_t severity;            // enum admin_severity
    struct event_timer wake;     // wakes it at the latest
    uint64_t changed_us;         // when the change was published that all are to apply, 0: none
    uint64_t reload;             // number of the reload it waits for, 0 none
    struct admin_giving *giving; // listening sockets on their way to the peer, or NULL
    struct text in;              // lines not looked at yet
    size_t in_seen;              // bytes of it that hold no line feed
    struct text out;             // answers not sent yet
    char *line;                  // the line being answered
    size_t line_at;              // what of it was not looked at yet
    size_t line_len;
    bool is_first;                       // nothing of the line was looked at yet
    bool has_run;                        // a command stood on it
    bool has_payload;                    // lines that belong to the line's last command follow
    bool is_collecting;                  // they are being read
    char pattern[ADMIN_PATTERN_MAX + 1]; // the line they end with
    struct text payload;
    uint32_t num_words; // of the command whose payload is being read
    uint8_t inside; // enum admin_inside
    struct admin_target target;
    struct admin_target outer; // what `target` is after that
    char *words_text;          // the words of the command being answered
    const char *words[ADMIN_MAX_WORDS + 1];
    struct admin_call call;
    bool is_answering; // `call` is under way
};

// admin_session_new starts a session on `take_fd`, which came through `socket`; the descriptor is closed where that
// fails.
bool admin_session_new(struct admin *admin, int take_fd, const struct stats_socket_conf *socket, bool is_master);

// admin_session_forget wipes and frees a text of the session's, and makes it NULL.
void admin_session_forget(char **text);

// admin_session_free closes the connection and frees `session`.
void admin_session_free(struct admin_session *session);

// admin_session_leave ends the session in order, now that its process leaves; `session` may be gone then.
void admin_session_leave(struct admin_session *session);

// admin_session_answer_end ends the answer of a command that returned ADMIN_LATER and goes on; `session` may be gone
// then.
void admin_session_answer_end(struct admin_session *session);

// admin_session_wake has a session whose command waits go on in the next turn.
void admin_session_wake(struct admin_session *session);

// admin_session_send sends what waits, as far as the peer takes it at once; false where the connection is gone.
bool admin_session_send(struct admin_session *session);

// admin_session_unhold takes the byte that was left with the kernel, before anything else is read from the connection.
void admin_session_unhold(struct admin_session *session);

// admin_session_touch starts the time anew after which a silent session ends.
void admin_session_touch(struct admin_session *session);

// admin_stage_run goes on with the PROXY header and the TLS handshake: IO_OK once the dialog may begin, IO_AGAIN before
// that; else the connection is of no use.
enum io admin_stage_run(struct admin_session *session);

// admin_stage_origin finds out who is at the other end.
void admin_stage_origin(struct admin_session *session);

// admin_dialog_answer computes answers until enough waits to be sent or there is nothing left to answer.
void admin_dialog_answer(struct admin_session *session);

// admin_dialog_has_more says whether that has something to go on with before anything more was read.
bool admin_dialog_has_more(struct admin_session *session);

// admin_dialog_is_over says whether the session, in which nothing more has come, ends: it was asked and has answered,
// and its mode is to wait for nothing, or its process leaves.
bool admin_dialog_is_over(const struct admin_session *session);

// admin_dialog_end ends the answer of the command under way.
void admin_dialog_end(struct admin_session *session);

// admin_severity_add appends how the session shows the severity of the message that follows: "[3]: ", or nothing.
void admin_severity_add(struct text *out, const struct admin_session *session, int severity);

// admin_change_note logs the command under way, if it is one that changes something and was not refused.
void admin_change_note(const struct admin_session *session);

// admin_giving_free drops what was to be given.
void admin_giving_free(struct admin_giving *giving);

// admin_session_left lets paused listeners accept again once a session has gone.
void admin_session_left(struct admin *admin, bool is_master);

// admin_accept accepts on `fd` like accept4. Where there is no descriptor left, in this process or the system, it gives
// up the spare one: one session at a time is always to be had.
int admin_accept(struct admin *admin, int fd);

// admin_spare_make keeps a descriptor for need again, where it can be had.
void admin_spare_make(struct admin *admin);

// admin_spare_free gives it up.
void admin_spare_free(struct admin *admin);

// admin_max_connections gives the most client connections there can be: global maxconn, or, without it, what the
// descriptors of all workers suffice for.
uint32_t admin_max_connections(const struct admin *admin);

// admin_bytes_look notes how many bytes went to clients, and how many a second since it was called last.
void admin_bytes_look(struct admin *admin);

// admin_reload_lost answers a session whose reload nobody will tell about any more, if it waits for one.
void admin_reload_lost(struct admin_session *session);

// admin_session_where gives the commands that the help lists for that target (a worker, or 0): a mask of ADMIN_ON_*.
uint32_t admin_session_where(const struct admin_session *session, uint32_t inc);

// admin_target_read finds the process that `name` means: a number that of a worker slot of this generation, "!" and a
// number that process, "", "0" and "master" the service as a whole. False where there is none.
bool admin_target_read(struct admin_target *target, const struct admin *admin, const char *name);

// admin_target_lives says whether the process is still there.
bool admin_target_lives(const struct admin *admin, const struct admin_target *target);

// admin_line_next cuts the next command off `line` (from `*at` to `len`): a copy of its words in `*take_text` (to be
// freed), pointed to by `words` (room ADMIN_MAX_WORDS + 1, NULL after the last). Commands end with a semicolon, words
// with spaces, tabs or NULs; a backslash takes the next byte as it is. `*num` may be 0. False where the command has too
// many words, or memory is out.
bool admin_line_next(char **take_text, const char **words, uint32_t *num, size_t *at, const char *line, size_t len);

// admin_line_payload says whether `line` ends with the mark of a payload, `<<` and at most ADMIN_PATTERN_MAX bytes as a
// word of their own: `*len` is then what stands before it, and `pattern` (room ADMIN_PATTERN_MAX + 1) the line that the
// payload ends with.
bool admin_line_payload(size_t *len, char *pattern, struct slice line);
