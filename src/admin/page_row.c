// SPDX-License-Identifier: Apache-2.0
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

static void add_note(struct text *out, const struct page *page, enum admin_stat field, const char *before,
                     const char *behind)
{
    if (!number_of(page, field))
        return;
    text_printf(out, " <small>%s", before);
    add_number(out, number_of(page, field));
    text_printf(out, "%s</small>", behind);
}

static void open_cell(struct text *out, const char *label, const char *kind)
{
    text_printf(out, "<td data-l=\"%s\"%s%s%s>", label, kind ? " class=\"" : "", kind ? kind : "", kind ? "\"" : "");
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
};

static const struct look looks[] = {
    { "UP 1/", "going", "\xe2\x96\xbc" }, // a check has failed: UP 1/3
    { "UP 2/", "going", "\xe2\x96\xbc" },    { "UP ", "going", "\xe2\x96\xbc" },
    { "UP", "up", "\xe2\x97\x8f" },          { "OPEN", "up", "\xe2\x97\x8f" },
    { "DOWN ", "down", "\xe2\x9c\x95" },     { "DOWN", "down", "\xe2\x9c\x95" },
    { "MAINT", "maint", "\xe2\x97\x86" },    { "DRAIN", "drain", "\xe2\x97\x90" },
    { "NOLB", "drain", "\xe2\x97\x90" },     { "FULL", "down", "\xe2\x96\xa0" },
    { "STOP", "maint", "\xe2\x97\x86" },     { "PAUSED", "maint", "\xe2\x97\x86" },
    { "no check", "plain", "\xe2\x97\x8b" },
};

static const struct look *look_of(const struct page *page)
{
    static const struct look unknown = { "", "plain", "\xe2\x97\x8b" };
    const char *status = page->row.values[ADMIN_STAT_STATUS].string;
    // Of a backend "UP (3/4)" is no state on its way.
    if (page->row.kind == 'B' && status && strncmp(status, "UP", 2) == 0)
        return &looks[3];
    if (page->row.kind == 'S' && status && strncmp(status, "DOWN ", 5) == 0 && status[5] >= '1' && status[5] <= '9') {
        static const struct look rising = { "", "rising", "\xe2\x96\xb2" };
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

static void add_check(struct text *out, const struct page *page)
{
    const struct admin_value *values = page->row.values;
    if (!values[ADMIN_STAT_CHECK_STATUS].string)
        return;
    text_printf(out, "<small class=\"check\" title=\"");
    page_escape(out, values[ADMIN_STAT_CHECK_DESC].string);
    if (values[ADMIN_STAT_LAST_CHK].string && *values[ADMIN_STAT_LAST_CHK].string) {
        text_printf(out, ": ");
        page_escape(out, values[ADMIN_STAT_LAST_CHK].string);
    }
    text_printf(out, "\">");
    page_escape(out, values[ADMIN_STAT_CHECK_STATUS].string);
    if (has(page, ADMIN_STAT_CHECK_CODE))
        text_printf(out, "/%llu", (unsigned long long)number_of(page, ADMIN_STAT_CHECK_CODE));
    if (has(page, ADMIN_STAT_CHECK_DURATION))
        text_printf(out, " in %llu ms", (unsigned long long)number_of(page, ADMIN_STAT_CHECK_DURATION));
    text_printf(out, "</small>");
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
    open_cell(out, "State", "state");
    text_printf(out, "<span class=\"badge %s\"><span aria-hidden=\"true\">%s</span> ", look->kind, look->sign);
    page_escape(out, page->row.values[ADMIN_STAT_STATUS].string);
    text_printf(out, "</span>");
    if (has(page, ADMIN_STAT_LASTCHG))
        text_printf(out, " <small>for %s</small>", page_age(age, number_of(page, ADMIN_STAT_LASTCHG)));
    if (page->row.kind == 'B')
        text_printf(out, "<small class=\"check\">%llu active, %llu backup</small>",
                    (unsigned long long)number_of(page, ADMIN_STAT_ACT),
                    (unsigned long long)number_of(page, ADMIN_STAT_BCK));
    add_check(out, page);
    add_handshakes(out, page);
    close_cell(out);
}

// Requests of frontends in mode http, else sessions.
static void add_rate(struct text *out, const struct page *page)
{
    bool requests = has(page, ADMIN_STAT_REQ_RATE) && page->walk.row_proxy->mode == PROXY_MODE_HTTP;
    enum admin_stat now = requests ? ADMIN_STAT_REQ_RATE : ADMIN_STAT_RATE;
    enum admin_stat most = requests ? ADMIN_STAT_REQ_RATE_MAX : ADMIN_STAT_RATE_MAX;
    open_cell(out, "Rate", has(page, now) ? "rate" : "rate none");
    if (has(page, now))
        text_printf(out, "<span class=\"spark\" data-k=\"%u.%c.%u\" data-v=\"%llu\"></span>", page->row.iid,
                    page->row.kind, page->row.sid, (unsigned long long)number_of(page, now));
    add_field(out, page, now);
    text_printf(out, has(page, now) ? "/s" : "");
    add_note(out, page, most, "\xe2\x89\xa4 ", "");
    close_cell(out);
}

static void add_sessions(struct text *out, const struct page *page)
{
    uint64_t now = number_of(page, ADMIN_STAT_SCUR), limit = number_of(page, ADMIN_STAT_SLIM);
    open_cell(out, "Sessions", limit && now * 10 >= limit * 8 ? "high" : NULL);
    add_field(out, page, ADMIN_STAT_SCUR);
    add_note(out, page, ADMIN_STAT_SMAX, "\xe2\x89\xa4 ", "");
    add_note(out, page, ADMIN_STAT_SLIM, "of ", "");
    if (number_of(page, ADMIN_STAT_TUNNELS_MAX)) {
        text_printf(out,
                    "<small class=\"check\" title=\"tunnels open now (TCP, WebSocket, CONNECT), the most so far\">");
        add_field(out, page, ADMIN_STAT_TUNNELS_CUR);
        text_printf(out, " %s \xe2\x89\xa4 ", number_of(page, ADMIN_STAT_TUNNELS_CUR) == 1 ? "tunnel" : "tunnels");
        add_field(out, page, ADMIN_STAT_TUNNELS_MAX);
        text_printf(out, "</small>");
    }
    close_cell(out);
}

static void add_queue(struct text *out, const struct page *page)
{
    open_cell(out, "Queue", !has(page, ADMIN_STAT_QCUR) ? "none" : number_of(page, ADMIN_STAT_QCUR) ? "high" : NULL);
    add_field(out, page, ADMIN_STAT_QCUR);
    add_note(out, page, ADMIN_STAT_QMAX, "\xe2\x89\xa4 ", "");
    close_cell(out);
}

static void add_totals(struct text *out, const struct page *page)
{
    bool is_http = has(page, ADMIN_STAT_REQ_TOT) && page->walk.row_proxy->mode == PROXY_MODE_HTTP;
    char in[PAGE_NUMBER_LEN], sent[PAGE_NUMBER_LEN];
    uint64_t bytes_in = number_of(page, ADMIN_STAT_BIN), bytes_out = number_of(page, ADMIN_STAT_BOUT);
    open_cell(out, "Total", NULL);
    add_field(out, page, is_http ? ADMIN_STAT_REQ_TOT : ADMIN_STAT_STOT);
    close_cell(out);
    open_cell(out, "Traffic", "traffic");
    text_printf(out,
                "<span title=\"%llu bytes in, %llu bytes out\"><span class=\"num\">%s <small>in</small></span> "
                "<span class=\"num\">%s <small>out</small></span></span>",
                (unsigned long long)bytes_in, (unsigned long long)bytes_out, page_bytes(in, bytes_in),
                page_bytes(sent, bytes_out));
    close_cell(out);
}

static void add_answers(struct text *out, const struct page *page)
{
    open_cell(out, "4xx / 5xx", has(page, ADMIN_STAT_HRSP_4XX) ? NULL : "none");
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
    open_cell(out, "Errors", NULL);
    text_printf(out, "<span title=\"requests %llu, connections %llu, answers %llu\">",
                (unsigned long long)number_of(page, ADMIN_STAT_EREQ),
                (unsigned long long)number_of(page, ADMIN_STAT_ECON),
                (unsigned long long)number_of(page, ADMIN_STAT_ERESP));
    add_number(out, errors);
    text_printf(out, "</span>");
    close_cell(out);
    open_cell(out, "Denied", NULL);
    add_number(out, number_of(page, ADMIN_STAT_DREQ) + number_of(page, ADMIN_STAT_DRESP) +
                        number_of(page, ADMIN_STAT_DCON) + number_of(page, ADMIN_STAT_DSES));
    close_cell(out);
    open_cell(out, "Retries", has(page, ADMIN_STAT_WRETR) ? NULL : "none");
    if (!has(page, ADMIN_STAT_WRETR))
        text_printf(out, "<i>\xe2\x80\x93</i>");
    else
        text_printf(out, "<span title=\"%llu of them to another server\">%llu</span>",
                    (unsigned long long)number_of(page, ADMIN_STAT_WREDIS),
                    (unsigned long long)number_of(page, ADMIN_STAT_WRETR));
    close_cell(out);
}

static void add_times(struct text *out, const struct page *page)
{
    open_cell(out, "Time", has(page, ADMIN_STAT_RTIME) ? NULL : "none");
    if (has(page, ADMIN_STAT_RTIME))
        text_printf(out,
                    "<span title=\"averages of 1024: queue %llu ms, connect %llu ms, answer %llu ms, total %llu ms\">"
                    "%llu <small>ms</small></span>",
                    (unsigned long long)number_of(page, ADMIN_STAT_QTIME),
                    (unsigned long long)number_of(page, ADMIN_STAT_CTIME),
                    (unsigned long long)number_of(page, ADMIN_STAT_RTIME),
                    (unsigned long long)number_of(page, ADMIN_STAT_TTIME),
                    (unsigned long long)number_of(page, ADMIN_STAT_RTIME));
    else
        text_printf(out, "<i>\xe2\x80\x93</i>");
    close_cell(out);
}

static void add_weight(struct text *out, const struct page *page)
{
    char age[PAGE_NUMBER_LEN];
    open_cell(out, "Weight", has(page, ADMIN_STAT_WEIGHT) ? NULL : "none");
    add_field(out, page, ADMIN_STAT_WEIGHT);
    if (number_of(page, ADMIN_STAT_WEIGHT) != number_of(page, ADMIN_STAT_UWEIGHT))
        add_note(out, page, ADMIN_STAT_UWEIGHT, "of ", "");
    close_cell(out);
    bool was_down = number_of(page, ADMIN_STAT_CHKDOWN) || number_of(page, ADMIN_STAT_DOWNTIME);
    open_cell(out, "Down", was_down ? NULL : "none");
    if (was_down)
        text_printf(out, "%s <small>%llu\xc3\x97</small>", page_age(age, number_of(page, ADMIN_STAT_DOWNTIME)),
                    (unsigned long long)number_of(page, ADMIN_STAT_CHKDOWN));
    else
        text_printf(out, "<i>\xe2\x80\x93</i>");
    close_cell(out);
}

// Everything else that is counted, as the CSV names it.
static void add_modules(struct text *out, const struct page *page)
{
    open_cell(out, "More", "more");
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

void page_row_head(struct text *out, const struct page *page)
{
    static const char *const columns[][2] = {
        { "State", "" },
        { "Rate", "a second: requests, or sessions in mode tcp; the most so far behind it" },
        { "Sessions", "open now, the most so far, the limit" },
        { "Queue", "requests that wait, the most so far" },
        { "Total", "requests so far, or sessions in mode tcp" },
        { "Traffic", "bytes so far" },
        { "4xx / 5xx", "answers so far" },
        { "Errors", "of requests, connections and answers" },
        { "Denied", "by rules" },
        { "Retries", "attempts repeated" },
        { "Time", "to the answer, average of 1024" },
        { "Weight", "of servers; of a backend, that of those in use" },
        { "Down", "time spent down, how often" },
    };
    text_printf(out, "<thead><tr><th scope=\"col\">Name</th>");
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
    text_printf(out, "<tr class=\"%s is-%s\">", kind, look->kind);
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
