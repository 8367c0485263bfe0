// SPDX-License-Identifier: Apache-2.0
// What the workers carry at the moment, and an end to one of it.
#include <stdlib.h>
#include <string.h>
#include "admin/inquire.h"
#include "admin/server.h"
#include "base/clock.h"
#include "board/board.h"
#include "stream/view.h"

// What is asked for, between the calls of one command.
struct sess {
    struct stream_wanted wanted;
    uint32_t inc; // the only worker that can have it; 0: all are asked
    bool found;
};

static enum admin_verdict sess_help(struct admin_call *call)
{
    text_printf(call->out,
                "show sess [<id> | all | help] [<options>*]: the streams of all workers, or of one (@1)\n"
                "  <id>            this one, at length; its identifier begins its line\n"
                "  all             all, at length\n"
                "Options:\n"
                "  backend <b>     those of this backend\n"
                "  frontend <f>    those of this frontend\n"
                "  older <age>     those that began longer than <age> ago: seconds, or with a unit (ms, s, m, h, d)\n"
                "  server <b>/<s>  those on this server, or waiting for it\n"
                "  show-uri        with the first line of the request\n"
                "  susp            those that should be over: past their timeout, or with both ends closed\n"
                "Connections that wait for a request, or are in a handshake, have no stream.\n");
    return ADMIN_DONE;
}

static bool name_set(char room[STREAM_VIEW_NAME], struct slice name)
{
    if (name.len >= STREAM_VIEW_NAME)
        return false;
    memcpy(room, name.ptr, name.len);
    room[name.len] = '\0';
    return true;
}

// Workers of generations before may carry what is in this one's configuration no more.
static bool may_be_older(const struct admin_call *call)
{
    const struct admin_start *start = &call->admin->start;
    return start->generation > 1 && board_generations_live(start->board, 0, start->generation - 1);
}

static const struct proxy_conf *frontend_named(const struct admin_call *call, const char *name)
{
    for (const struct proxy_conf *proxy = call->admin->start.conf->proxies; proxy; proxy = proxy->next)
        if (proxy->has_frontend && strcmp(proxy->name, name) == 0)
            return proxy;
    return NULL;
}

// NULL, or what is wrong with it.
static const char *frontend_option(struct admin_call *call, struct stream_wanted *wanted, const char *value)
{
    return (frontend_named(call, value) || may_be_older(call)) && name_set(wanted->frontend, slice_str(value))
               ? NULL
               : "No such frontend.";
}

static const char *backend_option(struct admin_call *call, struct stream_wanted *wanted, const char *value)
{
    const struct proxy_conf *proxy = admin_backend_named(call, value);
    const char *name = proxy ? proxy->name : value;
    return (proxy || may_be_older(call)) && name_set(wanted->backend, slice_str(name)) ? NULL : "No such backend.";
}

static const char *server_option(struct admin_call *call, struct stream_wanted *wanted, const char *value)
{
    struct slice name = slice_str(value);
    size_t len = slice_find(name, '/');
    if (len == name.len || len >= STREAM_VIEW_NAME)
        return "Require 'backend/server'.";
    char backend[STREAM_VIEW_NAME];
    name_set(backend, slice_of(name.ptr, len));
    const char *why = backend_option(call, wanted, backend);
    if (why)
        return why;
    const struct proxy_conf *proxy = admin_backend_named(call, backend);
    struct slice server = slice_from(name, len + 1);
    bool is_there = proxy && proxy_server_find(&proxy->be, server);
    return server.len && (is_there || may_be_older(call)) && name_set(wanted->server, server) ? NULL
                                                                                              : "No such server.";
}

static const char *older_option(struct admin_call *call, struct stream_wanted *wanted, const char *value)
{
    static const struct {
        const char *unit;
        uint64_t us;
    } units[] = { { "", 1000000 },
                  { "s", 1000000 },
                  { "us", 1 },
                  { "ms", 1000 },
                  { "m", 60000000 },
                  { "h", UINT64_C(3600000000) },
                  { "d", UINT64_C(86400000000) } };
    size_t len = strspn(value, "0123456789");
    uint64_t number;
    (void)call;
    for (size_t i = 0; i < NUM_ITEMS(units); i++) {
        if (strcmp(units[i].unit, value + len) == 0 && len && len < 10 && slice_to_u64(slice_of(value, len), &number)) {
            wanted->older_us = number * units[i].us;
            return NULL;
        }
    }
    return "An age is a number of seconds, or has a unit (us, ms, s, m, h, d).";
}

static const struct {
    const char *name;
    uint32_t flag;
    const char *(*take)(struct admin_call *call, struct stream_wanted *wanted, const char *value);
    const char *missing;
} options[] = {
    { .name = "backend", .take = backend_option, .missing = "Missing backend name." },
    { .name = "frontend", .take = frontend_option, .missing = "Missing frontend name." },
    { .name = "older", .take = older_option, .missing = "Missing minimum age (in seconds by default)." },
    { .name = "server", .take = server_option, .missing = "Require 'backend/server'." },
    { .name = "show-uri", .flag = STREAM_VIEW_URI },
    { .name = "susp", .flag = STREAM_VIEW_SUSP },
};

// Takes the option at `*at`; NULL, or what is wrong with it.
static const char *option_take(struct admin_call *call, struct stream_wanted *wanted, uint32_t *at)
{
    for (size_t i = 0; i < NUM_ITEMS(options); i++) {
        if (strcmp(options[i].name, call->args[*at]) != 0)
            continue;
        *at += 1;
        wanted->flags |= options[i].flag;
        if (!options[i].take)
            return NULL;
        return *at < call->num_args ? options[i].take(call, wanted, call->args[(*at)++]) : options[i].missing;
    }
    return "";
}

static bool looks_like_id(const char *word)
{
    return *word >= '0' && *word <= '9';
}

// The worker that can have the stream `id`, of those that the command may ask; 0: none.
static uint32_t owner_of(const struct admin_call *call, uint64_t id)
{
    uint32_t inc = stream_view_inc(call->admin->start.board, id);
    return call->inc && call->inc != inc ? 0 : inc;
}

// Reads the arguments; false after answering what is wrong.
static bool list_start(struct admin_call *call, struct sess *sess)
{
    struct stream_wanted *wanted = &sess->wanted;
    uint32_t at = 0;
    wanted->version = STREAM_VIEW_VERSION;
    // Workers are asked one after the other: all tell of the same moment, or of one that is over by then.
    wanted->before_us = clock_mono_us();
    if (call->num_args && strcmp(call->args[0], "all") == 0) {
        wanted->flags |= STREAM_VIEW_DETAIL;
        at++;
    } else if (call->num_args && looks_like_id(call->args[0])) {
        wanted->flags |= STREAM_VIEW_DETAIL;
        sess->inc = stream_view_id_read(&wanted->id, call->args[0]) ? owner_of(call, wanted->id) : 0;
        if (!sess->inc) {
            admin_refuse(call, "Session not found.\n");
            return false;
        }
        at++;
    }
    while (at < call->num_args) {
        uint32_t index = at;
        const char *why = option_take(call, wanted, &at);
        if (why && *why)
            admin_refuse(call, "%s\n", why);
        else if (why)
            admin_refuse(call, "Unsupported option '%.200s', see 'show sess help'.\n", call->args[index]);
        if (why)
            return false;
    }
    return true;
}

static enum admin_verdict run_show(struct admin_call *call)
{
    struct sess *sess = call->state;
    if (!sess) {
        if (call->num_args && strcmp(call->args[0], "help") == 0)
            return sess_help(call);
        sess = call->state = calloc(1, sizeof(*sess));
        if (!sess)
            return admin_refuse(call, "Out of memory.\n");
        if (!list_start(call, sess))
            return ADMIN_DONE;
    }
    size_t len = call->out->len;
    enum admin_verdict verdict =
        sess->inc
            ? admin_inquire_one(call, sess->inc, BOARD_INQUIRY_SESSIONS, &sess->wanted, sizeof(sess->wanted), call->out)
            : admin_inquire(call, BOARD_INQUIRY_SESSIONS, &sess->wanted, sizeof(sess->wanted), call->out);
    sess->found |= call->out->len > len;
    if (verdict == ADMIN_DONE && sess->inc && !sess->found)
        return admin_refuse(call, "Session not found.\n");
    return verdict;
}

static enum admin_verdict run_shutdown(struct admin_call *call)
{
    struct sess *sess = call->state;
    if (!sess) {
        uint64_t id;
        if (!call->num_args || !looks_like_id(call->args[0]) || !stream_view_id_read(&id, call->args[0]))
            return admin_refuse(call, "Session pointer expected (use 'show sess').\n");
        sess = call->state = calloc(1, sizeof(*sess));
        if (!sess)
            return admin_refuse(call, "Out of memory.\n");
        sess->wanted = (struct stream_wanted){ .version = STREAM_VIEW_VERSION, .id = id };
        sess->inc = owner_of(call, id);
    }
    struct text answer;
    text_init(&answer);
    size_t len = call->out->len;
    enum admin_verdict verdict = sess->inc ? admin_inquire_one(call, sess->inc, BOARD_INQUIRY_SHUTDOWN, &sess->wanted,
                                                               sizeof(sess->wanted), &answer)
                                           : ADMIN_DONE;
    sess->found |= answer.len > 0 || call->out->len > len;
    text_fini(&answer);
    if (verdict == ADMIN_DONE && !sess->found)
        return admin_refuse(call, "No such session (use 'show sess').\n");
    return verdict;
}

static const struct admin_command commands[] = {
    { .name = "show sess",
      .level = ADMIN_LEVEL_OPERATOR,
      .where = ADMIN_ON_SERVICE,
      .max_args = ADMIN_MAX_WORDS,
      .args = "[<id> | all | help] [<options>*]",
      .help = "list the streams that are open, or tell all about one",
      .run = run_show },
    { .name = "shutdown session",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_SERVICE,
      .max_args = 1,
      .changes = true,
      .args = "<id>",
      .help = "end one stream (see 'show sess')",
      .run = run_shutdown },
};
ADMIN_COMMANDS(commands);
