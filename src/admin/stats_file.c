// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "admin/session.h"
#include "admin/stats_file.h"
#include "board/board.h"
#include "proxy/conf.h"
#include "proxy/counters.h"

#define STATS_FILE_FIRST "#fairlead stats-file 1"

enum { LINE_MAX_LEN = 4096 };

// Names of columns: files outlive versions of the program, so that a counter keeps its name.
static const char *const columns[] = {
    [PROXY_COUNT_CONNECTIONS] = "conn_tot",
    [PROXY_COUNT_SESSIONS] = "stot",
    [PROXY_COUNT_REQUESTS] = "req_tot",
    [PROXY_COUNT_BYTES_IN] = "bin",
    [PROXY_COUNT_BYTES_OUT] = "bout",
    [PROXY_COUNT_DENIED_REQ] = "dreq",
    [PROXY_COUNT_DENIED_RESP] = "dresp",
    [PROXY_COUNT_REQ_ERRORS] = "ereq",
    [PROXY_COUNT_CONN_ERRORS] = "econ",
    [PROXY_COUNT_RESP_ERRORS] = "eresp",
    [PROXY_COUNT_RETRIES] = "wretr",
    [PROXY_COUNT_REDISPATCHES] = "wredis",
    [PROXY_COUNT_1XX] = "hrsp_1xx",
    [PROXY_COUNT_2XX] = "hrsp_2xx",
    [PROXY_COUNT_3XX] = "hrsp_3xx",
    [PROXY_COUNT_4XX] = "hrsp_4xx",
    [PROXY_COUNT_5XX] = "hrsp_5xx",
    [PROXY_COUNT_OTHER_STATUS] = "hrsp_other",
    [PROXY_COUNT_CLIENT_ABORTS] = "cli_abrt",
    [PROXY_COUNT_SERVER_ABORTS] = "srv_abrt",
    [PROXY_COUNT_CONNECTS] = "connect",
    [PROXY_COUNT_REUSES] = "reuse",
    [PROXY_COUNT_LB_TOTAL] = "lbtot",
    [PROXY_COUNT_POOL_DEAD] = "pool_dead",
    [PROXY_COUNT_POOL_RETRIES] = "pool_retries",
    [PROXY_COUNT_TUNNELS] = "tunnels",
    [PROXY_COUNT_INTERNAL_ERRORS] = "eint",
    [PROXY_COUNT_LOGS] = "logs",
    [PROXY_COUNT_DENIED_CONN] = "dcon",
    [PROXY_COUNT_DENIED_SESS] = "dses",
    [PROXY_COUNT_NO_SERVER] = "no_server",
    [PROXY_COUNT_RETRY_CONNECT] = "wretr_conn",
    [PROXY_COUNT_RETRY_EMPTY] = "wretr_empty",
    [PROXY_COUNT_RETRY_JUNK] = "wretr_junk",
    [PROXY_COUNT_RETRY_TIMEOUT] = "wretr_timeout",
    [PROXY_COUNT_RETRY_STATUS] = "wretr_status",
    [PROXY_COUNT_RETRY_UNREAD] = "wretr_unread",
    [PROXY_COUNT_SESS_HTTP1] = "h1sess",
    [PROXY_COUNT_SESS_OTHER] = "sess_other",
    [PROXY_COUNT_REQ_HTTP1] = "h1req",
    [PROXY_COUNT_REQ_OTHER] = "req_other",
    [PROXY_COUNT_REQ_BAD] = "ereq_bad",
    [PROXY_COUNT_REQ_LATE] = "ereq_late",
    [PROXY_COUNT_REQ_CUT] = "ereq_cut",
    [PROXY_COUNT_GLITCHES] = "glitches",
    [PROXY_COUNT_INTERCEPTED] = "intercepted",
    [PROXY_COUNT_REWRITES_FAILED] = "wrew",
    [PROXY_COUNT_TLS_FULL] = "ssl_sess",
    [PROXY_COUNT_TLS_RESUMED] = "ssl_reused_sess",
    [PROXY_COUNT_TLS_FAILED] = "ssl_failed",
    [PROXY_COUNT_SPLICED_IN] = "spliced_in",
    [PROXY_COUNT_SPLICED_OUT] = "spliced_out",
};

enum { NUM_COLUMNS = NUM_ITEMS(columns) };

_Static_assert((int)NUM_COLUMNS == (int)PROXY_NUM_COUNTERS, "each counter has its column");

enum kind { KIND_FRONTEND, KIND_BACKEND, KIND_SERVER, KIND_LISTENER, NUM_KINDS };

static const char *const kinds[NUM_KINDS] = { "fe", "be", "srv", "li" };

// One thing with a name and counters. A visit that says false ends the walk.
typedef bool visit_fn(void *arg, enum kind kind, const char *guid, uint32_t object);

static bool visit_if(visit_fn *visit, void *arg, enum kind kind, const char *guid, uint32_t object)
{
    return !guid || !object || visit(arg, kind, guid, object);
}

static bool each_of(const struct proxy_conf *proxy, visit_fn *visit, void *arg)
{
    if (proxy->disabled ||
        (proxy->has_frontend && !visit_if(visit, arg, KIND_FRONTEND, proxy->guid, proxy->fe_object)) ||
        (proxy->has_backend && !visit_if(visit, arg, KIND_BACKEND, proxy->guid, proxy->be_object)))
        return proxy->disabled;
    for (const struct server_conf *server = proxy->be.servers; server; server = server->next)
        if (!visit_if(visit, arg, KIND_SERVER, server->guid, server->object))
            return false;
    for (const struct bind_conf *bind = proxy->fe.binds; bind; bind = bind->next)
        if (!visit_if(visit, arg, KIND_LISTENER, bind->guid, bind->object))
            return false;
    return true;
}

// ---- writing ------------------------------------------------------------------------------------------------------

struct writing {
    struct text *out;
    struct board *board;
    enum kind kind;
};

static bool write_row(void *arg, enum kind kind, const char *guid, uint32_t object)
{
    const struct writing *writing = arg;
    if (kind != writing->kind)
        return true;
    text_printf(writing->out, "%s", guid);
    for (uint32_t i = 0; i < NUM_COLUMNS; i++)
        text_printf(writing->out, ",%llu", (unsigned long long)board_counter_sum(writing->board, object, i));
    text_add(writing->out, "\n", 1);
    return true;
}

static void write_header(struct text *out, enum kind kind)
{
    text_printf(out, "#%s guid", kinds[kind]);
    for (uint32_t i = 0; i < NUM_COLUMNS; i++)
        text_printf(out, ",%s", columns[i]);
    text_add(out, "\n", 1);
}

// Where a listing stands: a proxy at a time, a kind after the other.
struct dump {
    enum kind kind;
    const struct proxy_conf *proxy;
};

static enum admin_verdict run_dump(struct admin_call *call)
{
    const struct proxy_conf *first = call->admin->start.conf->proxies;
    struct dump *dump = call->state;
    if (!dump) {
        dump = call->state = calloc(1, sizeof(*dump));
        if (!dump)
            return ADMIN_DONE;
        dump->proxy = first;
        text_printf(call->out, "%s\n", STATS_FILE_FIRST);
        write_header(call->out, dump->kind);
    }
    struct writing writing = { .out = call->out, .board = call->admin->start.board, .kind = dump->kind };
    if (dump->proxy) {
        each_of(dump->proxy, write_row, &writing);
        dump->proxy = dump->proxy->next;
        return ADMIN_MORE;
    }
    if (++dump->kind == NUM_KINDS)
        return ADMIN_DONE;
    dump->proxy = first;
    write_header(call->out, dump->kind);
    return ADMIN_MORE;
}

static const struct admin_command commands[] = {
    { .name = "dump stats-file",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_STATS,
      .help = "write the counters of what has a 'guid', for a 'stats-file' to start from",
      .run = run_dump },
};
ADMIN_COMMANDS(commands);

// ---- reading ------------------------------------------------------------------------------------------------------

struct reading {
    struct text *messages;
    const struct program_conf *program;
    struct board *board;
    const char *path;
    uint32_t line;
    enum kind kind; // NUM_KINDS: rows mean nothing
    uint32_t num;
    int32_t counters[NUM_COLUMNS]; // of each column after the name; -1: unknown here
    const char *guid;
    uint32_t object;
};

static void warn(const struct reading *reading, const char *what)
{
    text_printf(reading->messages, "[WARNING]  %s:%u: %s\n", reading->path, reading->line, what);
}

static void read_header(struct reading *reading, char *text)
{
    char *rest = NULL;
    const char *name = strtok_r(text, " ", &rest);
    reading->kind = NUM_KINDS;
    for (uint32_t i = 0; name && i < NUM_KINDS; i++)
        if (strcmp(name, kinds[i]) == 0)
            reading->kind = (enum kind)i;
    char *field = strtok_r(NULL, ",", &rest);
    if (reading->kind == NUM_KINDS || !field || strcmp(field, "guid") != 0) {
        reading->kind = NUM_KINDS;
        return;
    }
    reading->num = 0;
    while ((field = strtok_r(NULL, ",", &rest)) && reading->num < NUM_COLUMNS) {
        int32_t *counter = &reading->counters[reading->num++];
        *counter = -1;
        for (int32_t i = 0; i < (int32_t)NUM_COLUMNS; i++)
            if (strcmp(columns[i], field) == 0)
                *counter = i;
    }
}

static bool find(void *arg, enum kind kind, const char *guid, uint32_t object)
{
    struct reading *reading = arg;
    if (kind != reading->kind || strcmp(guid, reading->guid) != 0)
        return true;
    reading->object = object;
    return false;
}

static bool counts_already(const struct reading *reading)
{
    for (uint32_t i = 0; i < NUM_COLUMNS; i++)
        if (board_counter_sum(reading->board, reading->object, i))
            return true;
    return false;
}

static void read_row(struct reading *reading, char *text)
{
    uint64_t values[NUM_COLUMNS];
    char *rest = NULL;
    uint32_t num = 0;
    reading->guid = strtok_r(text, ",", &rest);
    reading->object = 0;
    for (const struct proxy_conf *proxy = reading->program->proxies; proxy && reading->guid; proxy = proxy->next)
        if (!each_of(proxy, find, reading))
            break;
    if (!reading->object || counts_already(reading))
        return;
    for (char *field; num < reading->num && (field = strtok_r(NULL, ",", &rest)); num++) {
        if (!slice_to_u64(slice_str(field), &values[num])) {
            warn(reading, "no number stands where one should: the line is passed over");
            return;
        }
    }
    // This process's own counters: they are folded into the sum when it ends, as all are.
    uint64_t *own = board_counters(reading->board, board_incarnation_self(reading->board), reading->object);
    for (uint32_t i = 0; i < num; i++)
        if (reading->counters[i] >= 0)
            board_counter_count(&own[reading->counters[i]], values[i]);
}

static void read_line(struct reading *reading, char *text)
{
    text[strcspn(text, "\r\n")] = '\0';
    if (text[0] == '#')
        read_header(reading, text + 1);
    else if (text[0] && reading->kind < NUM_KINDS)
        read_row(reading, text);
}

void admin_stats_file_load(struct text *messages, const struct program_conf *program, struct board *board)
{
    char line[LINE_MAX_LEN];
    struct reading reading = {
        .messages = messages, .program = program, .board = board, .path = program->global.stats_file, .kind = NUM_KINDS
    };
    if (!reading.path || board_incarnation_at(board, board_incarnation_self(board))->generation > 1)
        return;
    FILE *in = fopen(reading.path, "re");
    if (!in) {
        text_printf(messages, "[WARNING]  cannot read the stats file %s: %s\n", reading.path, strerror(errno));
        return;
    }
    bool known = fgets(line, sizeof(line), in) && strncmp(line, STATS_FILE_FIRST, strlen(STATS_FILE_FIRST)) == 0;
    for (reading.line = 2; known && fgets(line, sizeof(line), in); reading.line++)
        read_line(&reading, line);
    if (!known)
        text_printf(messages, "[WARNING]  %s: no stats file of version 1: counters start at zero\n", reading.path);
    fclose(in);
}
