// SPDX-License-Identifier: Apache-2.0
// Malformed messages: show errors. Management guide, section 9.3; the form is that of HAProxy 2.6.
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "admin/session.h"
#include "http/fault.h"
#include "proxy/conf.h"
#include "proxy/invalid.h"

enum { ERRORS_LINE = 79, ERRORS_HEAD = 9 };

enum { SHOW_REQUESTS = 1, SHOW_RESPONSES = 2 };

// Where an answer stands.
struct errors_walk {
    int64_t id; // of the proxy, -1: all
    uint32_t kinds;
    uint32_t at; // twice the place of the next proxy, 1 more for its answers
    char data[]; // of one message
};

static void put_date(struct text *out, uint64_t wall_us)
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm tm;
    char text[40];
    size_t len = strftime(text, sizeof(text), "%d/%b/%Y:%H:%M:%S", localtime_r(&seconds, &tm));
    text_printf(out, "[%.*s.%03u]", (int)len, text, (unsigned)(wall_us / 1000 % 1000));
}

static size_t char_put(char *out, unsigned char c)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *letter = c == '\t'   ? "t"
                         : c == '\n' ? "n"
                         : c == '\r' ? "r"
                         : c == 0x1b ? "e"
                         : c == '\\' ? "\\"
                                     : NULL;
    if (c >= 0x20 && c < 0x7f && c != '\\') {
        out[0] = (char)c;
        return 1;
    }
    out[0] = '\\';
    out[1] = letter ? *letter : 'x';
    if (letter)
        return 2;
    out[2] = digits[c >> 4];
    out[3] = digits[c & 15];
    return 4;
}

// A line of the message on lines of at most 79 characters, each with the place of its first byte; a '+' marks those
// that go on with the line before.
static void put_bytes(struct text *out, const char *data, uint32_t len)
{
    enum { WIDTH = ERRORS_LINE };
    char line[WIDTH + 8];
    uint32_t at = 0;
    bool goes_on = false;
    while (at < len) {
        size_t used = ERRORS_HEAD;
        uint32_t from = at;
        bool ends = false;
        while (at < len && !ends) {
            char shown[4];
            size_t room = char_put(shown, (unsigned char)data[at]);
            if (used + room > WIDTH)
                break;
            memcpy(line + used, shown, room);
            used += room;
            ends = data[at++] == '\n';
        }
        text_printf(out, "  %05u%c ", from, goes_on ? '+' : ' ');
        text_add(out, line + ERRORS_HEAD, used - ERRORS_HEAD);
        text_add(out, "\n", 1);
        goes_on = !ends;
    }
}

static void put_side(struct text *out, const char *what, const char *name, uint32_t id)
{
    text_printf(out, "%s %s (#%d)", what, *name ? name : "<NONE>", *name ? (int)id : -1);
}

static void put_error(struct text *out, const struct proxy_invalid *what, const char *data)
{
    text_printf(out, " \n");
    put_date(out, what->wall_us);
    text_printf(out, " %s %s (#%u): invalid %s\n  ", what->is_response ? "backend" : "frontend", what->proxy,
                what->proxy_id, what->is_response ? "response" : "request");
    put_side(out, what->is_response ? "frontend" : "backend", what->other, what->other_id);
    put_side(out, ", server", what->server, what->server_id);
    text_printf(out, ", event #%llu, src %s\n", (unsigned long long)what->event, what->src);
    text_printf(out,
                "  buffer starts at %u (including 0 out), %u free,\n"
                "  len %u, wraps at %u, error at position %u\n"
                "  H1 connection flags 0x%08x, H1 stream flags 0x%08x\n"
                "  H1 msg state %s(%u), H1 msg flags 0x%08x\n"
                "  H1 chunk len 0 bytes, H1 body len %llu bytes :\n"
                "  \n",
                what->start, what->room > what->len ? what->room - what->len : 0, what->len, what->room, what->at,
                what->conn_flags, what->stream_flags, http_state_name((uint8_t)what->state), what->state,
                what->msg_flags, (unsigned long long)what->body_len);
    put_bytes(out, data, what->len);
}

// False after answering what is wrong.
static bool read_filter(struct admin_call *call, struct errors_walk *walk)
{
    walk->id = -1;
    walk->kinds = SHOW_REQUESTS | SHOW_RESPONSES;
    if (!call->num_args)
        return true;
    const char *name = call->args[0];
    const struct proxy_conf *proxy = call->admin->start.conf->proxies;
    while (proxy && strcmp(proxy->name, name) != 0)
        proxy = proxy->next;
    if (proxy) {
        walk->id = proxy->id;
    } else if (!slice_to_i64(slice_str(name), &walk->id)) {
        admin_refuse(call, "No such proxy.\n");
        return false;
    }
    if (call->num_args < 2)
        return true;
    walk->kinds = strcmp(call->args[1], "request") == 0    ? SHOW_REQUESTS
                  : strcmp(call->args[1], "response") == 0 ? SHOW_RESPONSES
                                                           : 0;
    if (!walk->kinds)
        admin_refuse_arg(call, 1);
    return walk->kinds != 0;
}

static bool begin(struct admin_call *call)
{
    struct errors_walk *walk = calloc(1, sizeof(*walk) + proxy_invalid_max());
    if (!walk)
        return false;
    call->state = walk;
    if (!read_filter(call, walk))
        return false;
    text_printf(call->out, "Total events captured on ");
    put_date(call->out, call->admin->start.loop->wall_us);
    text_printf(call->out, " : %llu\n", (unsigned long long)proxy_invalid_total());
    return true;
}

// One message a call: each may be as long as a buffer.
static enum admin_verdict run_show_errors(struct admin_call *call)
{
    if (!call->state && !begin(call))
        return ADMIN_DONE;
    struct errors_walk *walk = call->state;
    uint32_t place = 0;
    for (const struct proxy_conf *it = call->admin->start.conf->proxies; it; it = it->next, place += 2) {
        for (uint32_t i = 0; i < 2; i++) {
            struct proxy_invalid what;
            bool wanted = walk->kinds & (i ? SHOW_RESPONSES : SHOW_REQUESTS);
            if (place + i < walk->at || !wanted ||
                !proxy_invalid_get(call->admin->start.board, &what, walk->data, it->name, it->id, i))
                continue;
            if (walk->id != -1 && what.proxy_id != walk->id && (!what.other[0] || what.other_id != walk->id))
                continue;
            put_error(call->out, &what, walk->data);
            walk->at = place + i + 1;
            return ADMIN_MORE;
        }
    }
    return ADMIN_DONE;
}

static const struct admin_command commands[] = {
    { .name = "show errors",
      .level = ADMIN_LEVEL_OPERATOR,
      .where = ADMIN_ON_SERVICE,
      .max_args = 2,
      .args = "[<proxy>|<iid>] [request|response]",
      .help = "show the last malformed request and answer of each proxy",
      .run = run_show_errors },
};
ADMIN_COMMANDS(commands);
