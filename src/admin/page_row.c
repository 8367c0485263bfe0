// SPDX-License-Identifier: Apache-2.0
#include <time.h>
#include "admin/page_row.h"

const char *page_number(char *room, uint64_t number)
{
    static const char units[] = " kMGTPE";
    double value = (double)number;
    int unit = 0;
    while (value >= 999.5 && unit < 6) {
        value /= 1000;
        unit++;
    }
    if (number < 10000)
        snprintf(room, PAGE_NUMBER_LEN, "%llu", (unsigned long long)number);
    else
        snprintf(room, PAGE_NUMBER_LEN, value < 9.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
    return room;
}

const char *page_bytes(char *room, uint64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double value = (double)bytes;
    int unit = 0;
    while (value >= 999.5 && unit < 6) {
        value /= 1024;
        unit++;
    }
    snprintf(room, PAGE_NUMBER_LEN, unit && value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return room;
}

const char *page_age(char *room, uint64_t seconds)
{
    unsigned long long s = seconds;
    if (s < 60)
        snprintf(room, PAGE_NUMBER_LEN, "%llus", s);
    else if (s < 3600)
        snprintf(room, PAGE_NUMBER_LEN, "%llum %llus", s / 60, s % 60);
    else if (s < 86400)
        snprintf(room, PAGE_NUMBER_LEN, "%lluh %llum", s / 3600, s / 60 % 60);
    else
        snprintf(room, PAGE_NUMBER_LEN, "%llud %lluh", s / 86400, s / 3600 % 24);
    return room;
}

const char *page_time(char *room, uint64_t seconds, const char *format)
{
    time_t when = (time_t)seconds;
    struct tm tm;
    if (!gmtime_r(&when, &tm) || !strftime(room, PAGE_NUMBER_LEN, format, &tm))
        *room = '\0';
    return room;
}

static bool has(const struct page *page, enum admin_stat field)
{
    return page->row.values[field].is_set;
}

static uint64_t number_of(const struct page *page, enum admin_stat field)
{
    return has(page, field) ? page->row.values[field].number : 0;
}

// A number in few digits, with all of them for those who ask.
static void add_number(struct text *out, uint64_t number)
{
    char room[PAGE_NUMBER_LEN];
    if (number < 10000)
        text_printf(out, "%llu", (unsigned long long)number);
    else
        text_printf(out, "<span title=\"%llu\">%s</span>", (unsigned long long)number, page_number(room, number));
}

static void add_field(struct text *out, const struct page *page, enum admin_stat field)
{
    if (has(page, field))
        add_number(out, number_of(page, field));
    else
        text_printf(out, "<i>\xe2\x80\x93</i>");
}

static void add_note(struct text *out, const struct page *page, enum admin_stat field, const char *before)
{
    if (!number_of(page, field))
        return;
    text_printf(out, " <small>%s", before);
    add_number(out, number_of(page, field));
    text_printf(out, "</small>");
}

static void add_most(struct text *out, const struct page *page, enum admin_stat field)
{
    if (!number_of(page, field))
        return;
    text_printf(out, " <small class=\"most\">max ");
    add_number(out, number_of(page, field));
    text_printf(out, "</small>");
}

static void open_cell(struct text *out, const char *kind)
{
    text_printf(out, "<td%s%s%s>", kind ? " class=\"" : "", kind ? kind : "", kind ? "\"" : "");
}

// One whose number should not grow: the script says so where it does.
static void open_counted_cell(struct text *out, uint64_t number)
{
    text_printf(out, "<td data-n=\"%llu\">", (unsigned long long)number);
}

static void close_cell(struct text *out)
{
    text_printf(out, "</td>");
}

// How a state looks: its colour and its sign say the same as its name.
struct look {
    const char *starts; // what the name begins with
    const char *kind;
    const char *sign;
    bool is_news; // what its check found is told in full
};

static const struct look looks[] = {
    { "UP ", "going", "\xe2\x96\xbc", true }, // a check has failed: UP 1/3
    { "UP", "up", "\xe2\x97\x8f", false },        { "OPEN", "up", "\xe2\x97\x8f", false },
    { "DOWN", "down", "\xe2\x9c\x95", true },     { "MAINT", "maint", "\xe2\x97\x86", false },
    { "DRAIN", "drain", "\xe2\x97\x90", true },   { "NOLB", "drain", "\xe2\x97\x90", true },
    { "FULL", "down", "\xe2\x96\xa0", false },    { "STOP", "maint", "\xe2\x97\x86", false },
    { "PAUSED", "maint", "\xe2\x97\x86", false }, { "no check", "plain", "\xe2\x97\x8b", false },
};

static const struct look *look_of(const struct page *page)
{
    static const struct look unknown = { "", "plain", "\xe2\x97\x8b", false };
    const char *status = page->row.values[ADMIN_STAT_STATUS].string;
    // Of a backend "UP (3/4)" is no state on its way.
    if (page->row.kind == 'B' && status && strncmp(status, "UP", 2) == 0)
        return &looks[1];
    if (page->row.kind == 'S' && status && strncmp(status, "DOWN ", 5) == 0 && status[5] >= '1' && status[5] <= '9') {
        static const struct look rising = { "", "rising", "\xe2\x96\xb2", true };
        return &rising;
    }
    for (size_t i = 0; status && i < NUM_ITEMS(looks); i++)
        if (strncmp(status, looks[i].starts, strlen(looks[i].starts)) == 0)
            return &looks[i];
    return &unknown;
}

static void add_name(struct text *out, const struct page *page, bool has_form)
{
    const struct admin_stat_row *row = &page->row;
    const char *name = row->values[ADMIN_STAT_SVNAME].string;
    text_printf(out, "<th scope=\"row\">");
    if (has_form && row->kind == 'S') {
        text_printf(out, "<label><input type=\"checkbox\" name=\"s\" value=\"");
        page_escape(out, name);
        text_printf(out, "\"> ");
    }
    if (row->kind == 'F')
        text_printf(out, "Frontend");
    else if (row->kind == 'B')
        text_printf(out, "Backend");
    else
        page_escape(out, name);
    if (has_form && row->kind == 'S')
        text_printf(out, "</label>");
    if (row->kind == 'S' && page->walk.row_server && page->walk.row_server->backup)
        text_printf(out, " <small class=\"tag\">backup</small>");
    if (page->conf->shows_legends && row->kind == 'S') {
        text_printf(out, "<small class=\"legend\">id %u", row->sid);
        if (row->values[ADMIN_STAT_ADDR].string) {
            text_printf(out, " \xc2\xb7 ");
            page_escape(out, row->values[ADMIN_STAT_ADDR].string);
        }
        if (row->values[ADMIN_STAT_COOKIE].string) {
            text_printf(out, " \xc2\xb7 cookie ");
            page_escape(out, row->values[ADMIN_STAT_COOKIE].string);
        }
        text_printf(out, "</small>");
    }
    text_printf(out, "</th>");
}

void page_row_since(struct text *out, const struct page *page)
{
    uint64_t seconds = number_of(page, ADMIN_STAT_LASTCHG), now = page->ctx.wall_us / 1000000;
    char age[PAGE_NUMBER_LEN], when[PAGE_NUMBER_LEN];
    const char *format = seconds < 12 * 3600 ? "%H:%M:%S UTC" : "%Y-%m-%d %H:%M UTC";
    text_printf(out, "for %s, since %s", page_age(age, seconds), page_time(when, now - seconds, format));
}

// What a check found, by its fields.
struct found {
    enum admin_stat status;
    enum admin_stat code;
    enum admin_stat duration;
    enum admin_stat desc;
    enum admin_stat text;
};

static void add_found(struct text *out, const struct page *page, const struct found *found, bool in_words)
{
    const struct admin_value *values = page->row.values;
    const char *status = values[found->status].string, *text = values[found->text].string;
    if (!status)
        return;
    text_printf(out, "<small class=\"check\"%s", in_words ? ">" : " title=\"");
    if (!in_words) {
        page_escape(out, values[found->desc].string);
        text_printf(out, "\">");
    }
    // The star of one that is under way comes and goes.
    page_escape(out, strncmp(status, "* ", 2) == 0 ? status + 2 : status);
    if (has(page, found->code))
        text_printf(out, "/%llu", (unsigned long long)number_of(page, found->code));
    if (has(page, found->duration))
        text_printf(out, " in %llu ms", (unsigned long long)number_of(page, found->duration));
    if (in_words) {
        text_printf(out, ": ");
        page_escape(out, values[found->desc].string);
        text_printf(out, "%s", text && *text ? ", " : "");
        page_escape(out, text);
    }
    text_printf(out, "</small>");
}

static const struct look *look_of(const struct page *page);

void page_row_why(struct text *out, const struct page *page)
{
    static const struct found check = { ADMIN_STAT_CHECK_STATUS, ADMIN_STAT_CHECK_CODE, ADMIN_STAT_CHECK_DURATION,
                                        ADMIN_STAT_CHECK_DESC, ADMIN_STAT_LAST_CHK };
    static const struct found agent = { ADMIN_STAT_AGENT_STATUS, ADMIN_STAT_AGENT_CODE, ADMIN_STAT_AGENT_DURATION,
                                        ADMIN_STAT_AGENT_DESC, ADMIN_STAT_LAST_AGT };
    const char *status = page->row.values[ADMIN_STAT_STATUS].string;
    bool in_words = look_of(page)->is_news;
    if (!status || strncmp(status, "MAINT", 5) == 0)
        return;
    add_found(out, page, &check, in_words && !strstr(status, "(agent)"));
    if (in_words)
        add_found(out, page, &agent, true);
}

static void add_handshakes(struct text *out, const struct page *page)
{
    uint64_t full = number_of(page, ADMIN_STAT_SSL_SESS), resumed = number_of(page, ADMIN_STAT_SSL_REUSED);
    if (!full && !resumed)
        return;
    text_printf(out,
                "<small class=\"check\" title=\"%llu of %llu TLS handshakes took up an earlier session, %llu failed\">"
                "TLS, %u%% resumed</small>",
                (unsigned long long)resumed, (unsigned long long)(full + resumed),
                (unsigned long long)number_of(page, ADMIN_STAT_SSL_FAILED),
                (unsigned)((double)resumed * 100 / (double)(full + resumed)));
}

static void add_status(struct text *out, const struct page *page, const struct look *look)
{
    char age[PAGE_NUMBER_LEN];
    open_cell(out, "state");
    text_printf(out, "<span class=\"badge %s\"><span aria-hidden=\"true\">%s</span> ", look->kind, look->sign);
    page_escape(out, page->row.values[ADMIN_STAT_STATUS].string);
    text_printf(out, "</span>");
    if (has(page, ADMIN_STAT_LASTCHG) && look->is_news) {
        text_printf(out, " <small>");
        page_row_since(out, page);
        text_printf(out, "</small>");
    } else if (has(page, ADMIN_STAT_LASTCHG)) {
        text_printf(out, " <small>for %s</small>", page_age(age, number_of(page, ADMIN_STAT_LASTCHG)));
    }
    if (page->row.kind == 'B')
        text_printf(out, "<small class=\"check\">%llu active, %llu backup</small>",
                    (unsigned long long)number_of(page, ADMIN_STAT_ACT),
                    (unsigned long long)number_of(page, ADMIN_STAT_BCK));
    if (page->row.kind == 'S')
        page_row_why(out, page);
    add_handshakes(out, page);
    close_cell(out);
}

// Requests of frontends in mode http, else sessions.
static void add_rate(struct text *out, const struct page *page)
{
    bool requests = has(page, ADMIN_STAT_REQ_RATE) && page->walk.row_proxy->mode == PROXY_MODE_HTTP;
    enum admin_stat now = requests ? ADMIN_STAT_REQ_RATE : ADMIN_STAT_RATE;
    enum admin_stat most = requests ? ADMIN_STAT_REQ_RATE_MAX : ADMIN_STAT_RATE_MAX;
    open_cell(out, has(page, now) ? "rate" : "rate none");
    if (has(page, now))
        text_printf(out, "<span class=\"spark\" data-v=\"%llu\"></span>", (unsigned long long)number_of(page, now));
    add_field(out, page, now);
    text_printf(out, has(page, now) ? "/s" : "");
    add_most(out, page, most);
    close_cell(out);
}

static void add_sessions(struct text *out, const struct page *page)
{
    uint64_t now = number_of(page, ADMIN_STAT_SCUR), limit = number_of(page, ADMIN_STAT_SLIM);
    // That of a backend (fullconn) limits its servers, not itself.
    bool is_high = page->row.kind != 'B' && page_is_high(now, limit);
    open_cell(out, !is_high ? NULL : now >= limit ? "full" : "high");
    add_field(out, page, ADMIN_STAT_SCUR);
    add_note(out, page, ADMIN_STAT_SLIM, "of ");
    add_most(out, page, ADMIN_STAT_SMAX);
    if (number_of(page, ADMIN_STAT_TUNNELS_MAX)) {
        text_printf(out,
                    "<small class=\"check\" title=\"tunnels open now (TCP, WebSocket, CONNECT), the most so far\">");
        add_field(out, page, ADMIN_STAT_TUNNELS_CUR);
        text_printf(out, " %s max ", number_of(page, ADMIN_STAT_TUNNELS_CUR) == 1 ? "tunnel" : "tunnels");
        add_field(out, page, ADMIN_STAT_TUNNELS_MAX);
        text_printf(out, "</small>");
    }
    close_cell(out);
}

static void add_queue(struct text *out, const struct page *page)
{
    open_cell(out, !has(page, ADMIN_STAT_QCUR) ? "none" : number_of(page, ADMIN_STAT_QCUR) ? "high" : NULL);
    add_field(out, page, ADMIN_STAT_QCUR);
    add_most(out, page, ADMIN_STAT_QMAX);
    close_cell(out);
}

static void add_totals(struct text *out, const struct page *page)
{
    bool is_http = has(page, ADMIN_STAT_REQ_TOT) && page->walk.row_proxy->mode == PROXY_MODE_HTTP;
    char in[PAGE_NUMBER_LEN], sent[PAGE_NUMBER_LEN];
    uint64_t bytes_in = number_of(page, ADMIN_STAT_BIN), bytes_out = number_of(page, ADMIN_STAT_BOUT);
    open_cell(out, NULL);
    add_field(out, page, is_http ? ADMIN_STAT_REQ_TOT : ADMIN_STAT_STOT);
    close_cell(out);
    open_cell(out, "traffic");
    text_printf(out,
                "<span title=\"%llu bytes in, %llu bytes out\"><span class=\"num\">%s <small>in</small></span> "
                "<span class=\"num\">%s <small>out</small></span></span>",
                (unsigned long long)bytes_in, (unsigned long long)bytes_out, page_bytes(in, bytes_in),
                page_bytes(sent, bytes_out));
    close_cell(out);
}

static void add_answers(struct text *out, const struct page *page)
{
    if (has(page, ADMIN_STAT_HRSP_5XX))
        open_counted_cell(out, number_of(page, ADMIN_STAT_HRSP_5XX));
    else
        open_cell(out, "none");
    add_field(out, page, ADMIN_STAT_HRSP_4XX);
    if (has(page, ADMIN_STAT_HRSP_5XX)) {
        text_printf(out, " / ");
        add_field(out, page, ADMIN_STAT_HRSP_5XX);
    }
    close_cell(out);
}

static void add_errors(struct text *out, const struct page *page)
{
    uint64_t errors =
        number_of(page, ADMIN_STAT_EREQ) + number_of(page, ADMIN_STAT_ECON) + number_of(page, ADMIN_STAT_ERESP);
    open_counted_cell(out, errors);
    text_printf(out, "<span title=\"requests %llu, connections %llu, answers %llu\">",
                (unsigned long long)number_of(page, ADMIN_STAT_EREQ),
                (unsigned long long)number_of(page, ADMIN_STAT_ECON),
                (unsigned long long)number_of(page, ADMIN_STAT_ERESP));
    add_number(out, errors);
    text_printf(out, "</span>");
    close_cell(out);
    open_cell(out, NULL);
    add_number(out, number_of(page, ADMIN_STAT_DREQ) + number_of(page, ADMIN_STAT_DRESP) +
                        number_of(page, ADMIN_STAT_DCON) + number_of(page, ADMIN_STAT_DSES));
    close_cell(out);
    if (has(page, ADMIN_STAT_WRETR))
        open_counted_cell(out, number_of(page, ADMIN_STAT_WRETR));
    else
        open_cell(out, "none");
    if (!has(page, ADMIN_STAT_WRETR))
        text_printf(out, "<i>\xe2\x80\x93</i>");
    else
        text_printf(out, "<span title=\"%llu of them to another server\">%llu</span>",
                    (unsigned long long)number_of(page, ADMIN_STAT_WREDIS),
                    (unsigned long long)number_of(page, ADMIN_STAT_WRETR));
    close_cell(out);
}

// A server that was never asked has no time, rather than a good one.
static void add_times(struct text *out, const struct page *page)
{
    unsigned long long queue = number_of(page, ADMIN_STAT_QTIME), connect = number_of(page, ADMIN_STAT_CTIME),
                       answer = number_of(page, ADMIN_STAT_RTIME), total = number_of(page, ADMIN_STAT_TTIME);
    bool is_http = page->walk.row_proxy->mode == PROXY_MODE_HTTP;
    bool any = has(page, ADMIN_STAT_RTIME) && number_of(page, ADMIN_STAT_STOT);
    open_cell(out, any ? "time" : "none");
    if (any)
        text_printf(out,
                    "<span title=\"averages of 1024: queue %llu ms, connect %llu ms, answer %llu ms, total %llu ms\">"
                    "%llu <small>ms</small></span>",
                    queue, connect, answer, total, is_http ? answer : connect);
    else
        text_printf(out, "<i>\xe2\x80\x93</i>");
    if (any && queue)
        text_printf(out, "<small class=\"check\">queue %llu ms</small>", queue);
    close_cell(out);
}

static void add_weight(struct text *out, const struct page *page)
{
    char age[PAGE_NUMBER_LEN];
    open_cell(out, has(page, ADMIN_STAT_WEIGHT) ? NULL : "none");
    add_field(out, page, ADMIN_STAT_WEIGHT);
    if (number_of(page, ADMIN_STAT_WEIGHT) != number_of(page, ADMIN_STAT_UWEIGHT))
        add_note(out, page, ADMIN_STAT_UWEIGHT, "of ");
    close_cell(out);
    bool was_down = number_of(page, ADMIN_STAT_CHKDOWN) || number_of(page, ADMIN_STAT_DOWNTIME);
    open_cell(out, was_down ? NULL : "none");
    if (was_down)
        text_printf(out, "%s <small class=\"most\">%llu\xc3\x97</small>",
                    page_age(age, number_of(page, ADMIN_STAT_DOWNTIME)),
                    (unsigned long long)number_of(page, ADMIN_STAT_CHKDOWN));
    else
        text_printf(out, "<i>\xe2\x80\x93</i>");
    close_cell(out);
}

// Everything else that is counted, as the CSV names it.
static void add_modules(struct text *out, const struct page *page)
{
    open_cell(out, "more");
    text_printf(out, "<details><summary>more</summary><dl>");
    for (unsigned field = ADMIN_STAT_CONN_RATE; field < ADMIN_STAT_NUM; field++) {
        const struct admin_value *value = &page->row.values[field];
        if (!value->is_set || admin_stat_fields[field].type == ADMIN_STR)
            continue;
        text_printf(out, "<dt title=\"");
        page_escape(out, admin_stat_fields[field].help);
        text_printf(out, "\">%s</dt><dd>", admin_stat_fields[field].name);
        admin_value_add(out, &admin_stat_fields[field], value);
        text_printf(out, "</dd>");
    }
    text_printf(out, "</dl></details>");
    close_cell(out);
}

void page_row_head(struct text *out, const struct page *page, bool has_form)
{
    static const char *const columns[][2] = {
        { "State", "" },
        { "Rate", "a second: requests, or sessions in mode tcp; the most so far behind it" },
        { "Sessions", "open now, the limit, the most so far" },
        { "Queue", "requests that wait, the most so far" },
        { "Total", "requests so far, or sessions in mode tcp" },
        { "Traffic", "bytes so far" },
        { "4xx / 5xx", "answers so far" },
        { "Errors", "of requests, connections and answers" },
        { "Denied", "by rules" },
        { "Retries", "attempts repeated" },
        { "Time", "to the answer, or in mode tcp to connect; average of 1024" },
        { "Weight", "of servers; of a backend, that of those in use" },
        { "Down", "time spent down, how often" },
    };
    text_printf(out, "<thead><tr><th scope=\"col\">%sName</th>", has_form ? "<span class=\"all\"></span>" : "");
    for (size_t i = 0; i < NUM_ITEMS(columns); i++)
        text_printf(out, "<th scope=\"col\"%s%s%s>%s</th>", *columns[i][1] ? " title=\"" : "", columns[i][1],
                    *columns[i][1] ? "\"" : "", columns[i][0]);
    text_printf(out, "%s</tr></thead>\n", page->conf->shows_modules ? "<th scope=\"col\">More</th>" : "");
}

void page_row(struct text *out, const struct page *page, bool has_form)
{
    static const struct {
        char kind;
        const char *name;
    } kinds[] = { { 'F', "frontend" }, { 'B', "backend" }, { 'S', "server" }, { 'L', "listener" } };
    const struct look *look = look_of(page);
    const char *kind = "server";
    for (size_t i = 0; i < NUM_ITEMS(kinds); i++)
        kind = kinds[i].kind == page->row.kind ? kinds[i].name : kind;
    bool is_busy =
        number_of(page, ADMIN_STAT_QCUR) ||
        (page->row.kind != 'B' && page_is_high(number_of(page, ADMIN_STAT_SCUR), number_of(page, ADMIN_STAT_SLIM)));
    text_printf(out, "<tr class=\"%s is-%s%s\" data-k=\"%c", kind, look->kind, is_busy ? " busy" : "", page->row.kind);
    if (page->row.kind == 'S' || page->row.kind == 'L')
        page_escape(out, page->row.values[ADMIN_STAT_SVNAME].string);
    text_printf(out, "\">");
    add_name(out, page, has_form);
    add_status(out, page, look);
    add_rate(out, page);
    add_sessions(out, page);
    add_queue(out, page);
    add_totals(out, page);
    add_answers(out, page);
    add_errors(out, page);
    add_times(out, page);
    add_weight(out, page);
    if (page->conf->shows_modules)
        add_modules(out, page);
    text_printf(out, "</tr>\n");
}
