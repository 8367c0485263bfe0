// SPDX-License-Identifier: Apache-2.0
// Fetches of header fields. A field may be a list: each element between commas is a value of its own for hdr, the whole
// field for fhdr (manual section 7.3.6). An ACL tries all values; elsewhere the last one counts.
#include "stream/http_fetch.h"

// How far back from the last an occurrence may be asked for.
enum { OCCURRENCE_MAX_BACK = 10 };

// prepare_name checks "[<name>[,<occ>]]": args[0].num is the name's id, args[1].num the occurrence.
static const char *prepare_name(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config;
    if (num && args[0].str.len)
        args[0].num = http_field_id_of(args[0].str);
    if (num < 2)
        return NULL;
    struct slice digits = args[1].str;
    uint64_t occurrence;
    bool back = digits.len && digits.ptr[0] == '-';
    if (!args[0].str.len)
        return "an occurrence needs the name of a header field";
    if (!slice_to_u64(slice_from(digits, back), &occurrence) || occurrence > INT32_MAX)
        return "the occurrence is no number";
    if (back && occurrence > OCCURRENCE_MAX_BACK)
        return "the occurrence must be -10 or more";
    args[1].num = back ? -(int64_t)occurrence : (int64_t)occurrence;
    return NULL;
}

static const char *prepare_one_name(struct config *config, struct expr_arg *args, uint32_t num)
{
    return num && !args[0].str.len ? "the name of a header field is missing" : prepare_name(config, args, num);
}

static inline int find_field(const struct http_head *head, const struct expr_arg *name, unsigned from)
{
    if (name->num && !from)
        return head->first[name->num] - 1;
    if (name->num)
        return http_head_find(head, (enum http_field_id)name->num, from);
    if (name->str.len)
        return http_head_find_other(head, name->str, from);
    while (from < head->num_fields && http_field_is_dropped(head, from))
        from++;
    return from < head->num_fields ? (int)from : -1;
}

// element_len gives how long the list element at the start of `rest` is: commas in quoted strings do not end it.
static size_t element_len(struct slice rest)
{
    size_t comma = slice_find(rest, ',');
    bool quoted = false;
    if (LIKELY(comma == rest.len))
        return comma;
    if (slice_find(slice_of(rest.ptr, comma), '"') == comma)
        return comma;
    for (size_t i = 0; i < rest.len; i++) {
        if (quoted && rest.ptr[i] == '\\')
            i++;
        else if (rest.ptr[i] == '"')
            quoted = !quoted;
        else if (rest.ptr[i] == ',' && !quoted)
            return i;
    }
    return rest.len;
}

// next_value gives the next value; walk->at[0] is its field's index + 1, walk->at[1] the offset in it that comes next.
static bool next_value(const struct http_head *head, struct slice *out, const struct expr_arg *name, bool whole,
                       struct expr_walk *walk)
{
    unsigned at = (unsigned)walk->at[0];
    size_t pos = (size_t)walk->at[1];
    if (!at)
        at = (unsigned)(find_field(head, name, 0) + 1);
    bool is_alone = name->num && !(head->flags & HTTP_HEAD_REPEATED);
    while (at) {
        struct slice value = http_field_value(head, at - 1);
        if (pos <= value.len) {
            struct slice rest = slice_from(value, pos);
            size_t len = whole ? rest.len : element_len(rest);
            walk->at[0] = at;
            walk->at[1] = pos + len + 1;
            walk->is_last = is_alone && len == rest.len;
            // A whole value has no white space around it.
            *out = len == value.len ? value : slice_trim(slice_of(rest.ptr, len));
            return true;
        }
        at = is_alone ? 0 : (unsigned)(find_field(head, name, at) + 1);
        pos = 0;
    }
    return false;
}

// pick_one gives the occurrence `wanted`, the last for 0.
static bool pick_one(const struct http_head *head, struct slice *out, const struct expr_arg *name, bool whole,
                     int64_t wanted)
{
    struct slice last[OCCURRENCE_MAX_BACK], value;
    struct expr_walk own = { 0 };
    int64_t num = 0;
    while ((num != wanted || !num) && !own.is_last) {
        if (!next_value(head, &value, name, whole, &own))
            break;
        last[++num % OCCURRENCE_MAX_BACK] = value;
    }
    int64_t from_end = wanted < 0 ? -wanted : 1;
    if ((wanted > 0 && num != wanted) || num < from_end)
        return false;
    *out = last[(num - from_end + 1) % OCCURRENCE_MAX_BACK];
    return true;
}

// pick_value gives the occurrence that was asked for: all in turn for an ACL that names none, else only one.
static inline bool pick_value(const struct http_head *head, struct slice *out, const struct expr_arg *args, bool whole,
                              struct expr_walk *walk)
{
    int64_t wanted = args[1].num;
    // Most fields are known ones, there once at most, and no list: then this is all.
    if (args[0].num && !wanted && !walk->at[0] && !(head->flags & HTTP_HEAD_REPEATED)) {
        unsigned at = head->first[args[0].num];
        if (!at)
            return false;
        *out = http_field_value(head, at - 1);
        if (whole || slice_find(*out, ',') == out->len) {
            walk->at[0] = at;
            walk->at[1] = out->len + 1;
            walk->is_last = true;
            return true;
        }
    }
    if (!wanted && !walk->one)
        return next_value(head, out, args, whole, walk);
    walk->is_last = true;
    return !walk->nth && pick_one(head, out, args, whole, wanted);
}

HTTP_FETCH_SIDE_FN(hdr)
{
    struct slice value;
    (void)subject;
    return pick_value(head, &value, args, false, walk) && put_str(out, value);
}
HTTP_FETCH_SIDES(hdr)

HTTP_FETCH_FN(any_hdr)
{
    const struct http_head *head = http_fetch_either(subject);
    return head && hdr(head, subject, out, args, walk);
}

HTTP_FETCH_SIDE_FN(fhdr)
{
    struct slice value;
    (void)subject;
    return pick_value(head, &value, args, true, walk) && put_str(out, value);
}
HTTP_FETCH_SIDES(fhdr)

static bool count(const struct http_head *head, struct expr_sample *out, const struct expr_arg *args, bool whole)
{
    struct expr_walk own = { 0 };
    struct slice value;
    int64_t num = 0;
    while (next_value(head, &value, args, whole, &own))
        num++;
    return put_int(out, num);
}

HTTP_FETCH_SIDE_FN(hdr_cnt)
{
    (void)subject, (void)walk;
    return count(head, out, args, false);
}
HTTP_FETCH_SIDES(hdr_cnt)

HTTP_FETCH_SIDE_FN(fhdr_cnt)
{
    (void)subject, (void)walk;
    return count(head, out, args, true);
}
HTTP_FETCH_SIDES(fhdr_cnt)

HTTP_FETCH_SIDE_FN(hdr_val)
{
    struct slice value;
    (void)subject;
    return pick_value(head, &value, args, false, walk) && put_val(out, value);
}
HTTP_FETCH_SIDES(hdr_val)

// parse_ip reads an address as such a field has it: IPv4 in four parts, with or without a port, or IPv6.
static bool parse_ip(struct expr_addr *out, struct slice text)
{
    size_t colon = slice_find(text, ':');
    unsigned dots = 0;
    uint64_t port;
    if (slice_find(text, '.') < colon) {
        struct slice digits = slice_from(text, colon + 1);
        if (colon < text.len && (!slice_to_u64(digits, &port) || port > UINT16_MAX))
            return false;
        text.len = colon;
        for (size_t i = 0; i < text.len; i++)
            dots += text.ptr[i] == '.';
        if (dots != 3)
            return false;
    } else if (colon == text.len) {
        return false;
    }
    return expr_addr_parse(out, text);
}

HTTP_FETCH_SIDE_FN(hdr_ip)
{
    struct slice value;
    (void)subject;
    bool single = walk->one || args[1].num;
    while (pick_value(head, &value, args, false, walk)) {
        *out = (struct expr_sample){ .type = EXPR_ADDR };
        if (parse_ip(&out->addr, value))
            return true;
        if (single)
            return false;
    }
    return false;
}
HTTP_FETCH_SIDES(hdr_ip)

static const char *prepare_delimiter(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config;
    args[0].num = num && args[0].str.len ? args[0].str.ptr[0] : ',';
    return num && !args[0].str.len ? "the delimiter is empty" : NULL;
}

// Made texts are written where the scratch goes on, and taken once they are whole.
struct made {
    char *text;
    size_t len;
    size_t cap;
    bool full;
};

static struct made make(const struct expr_subject *subject)
{
    struct made made = { 0 };
    made.text = expr_scratch_rest(&subject->process->scratch, &made.cap);
    return made;
}

static void put(struct made *made, struct slice text, bool lower)
{
    made->full |= text.len > made->cap - made->len;
    if (made->full)
        return;
    for (size_t i = 0; i < text.len; i++)
        made->text[made->len + i] = lower ? slice_lower(text.ptr[i]) : text.ptr[i];
    made->len += text.len;
}

static bool take(struct made *made, struct expr_subject *subject)
{
    return !made->full && expr_scratch_take(&subject->process->scratch, made->len);
}

HTTP_FETCH_SIDE_FN(hdr_names)
{
    struct made made = make(subject);
    char delimiter = (char)args[0].num;
    bool first = true;
    (void)walk;
    for (unsigned i = 0; i < head->num_fields; i++) {
        if (http_field_is_dropped(head, i))
            continue;
        put(&made, slice_of(&delimiter, !first), false);
        put(&made, http_field_name_at(head, i), true);
        first = false;
    }
    return take(&made, subject) && put_str(out, slice_of(made.text, made.len));
}
HTTP_FETCH_SIDES(hdr_names)

HTTP_FETCH_SIDE_FN(hdrs)
{
    struct made made = make(subject);
    (void)args, (void)walk;
    for (unsigned i = 0; i < head->num_fields; i++) {
        if (http_field_is_dropped(head, i))
            continue;
        put(&made, http_field_name_at(head, i), true);
        put(&made, SLICE(": "), false);
        put(&made, http_field_value(head, i), false);
        put(&made, SLICE("\r\n"), false);
    }
    put(&made, SLICE("\r\n"), false);
    return take(&made, subject) && put_str(out, slice_of(made.text, made.len));
}
HTTP_FETCH_SIDES(hdrs)

// put_counted writes the length of `text` as a variable integer, four bits in its first byte and seven in each
// further one, then the text.
static void put_counted(struct made *made, struct slice text, bool lower)
{
    char digits[10];
    size_t len = 0, rest = text.len;
    if (rest < 240) {
        digits[len++] = (char)rest;
    } else {
        digits[len++] = (char)(rest | 240);
        for (rest = (rest - 240) >> 4; rest >= 128; rest = (rest - 128) >> 7)
            digits[len++] = (char)(rest | 128);
        digits[len++] = (char)rest;
    }
    put(made, slice_of(digits, len), false);
    put(made, text, lower);
}

HTTP_FETCH_SIDE_FN(hdrs_bin)
{
    struct made made = make(subject);
    (void)args, (void)walk;
    for (unsigned i = 0; i < head->num_fields; i++) {
        if (http_field_is_dropped(head, i))
            continue;
        put_counted(&made, http_field_name_at(head, i), true);
        put_counted(&made, http_field_value(head, i), false);
    }
    put_counted(&made, SLICE(""), false);
    put_counted(&made, SLICE(""), false);
    return take(&made, subject) && put_bin(out, slice_of(made.text, made.len));
}
HTTP_FETCH_SIDES(hdrs_bin)

#define NAME_OCC                                                                                                       \
    .args = "[<name>[,<occ>]]", .max_args = 2, .prepare = prepare_name, .bad_says = "the occurrence must be -10"
#define ONE_NAME_OCC                                                                                                   \
    .args = "<name>[,<occ>]", .min_args = 1, .max_args = 2, .prepare = prepare_one_name, .bad_says = "takes"
#define NAME      .args = "[<name>]", .max_args = 1, .prepare = prepare_name, .bad_says = "takes"
#define DELIMITER .args = "[<delim>]", .max_args = 1, .prepare = prepare_delimiter, .bad_says = "is empty"
#define REQUEST   .when = HTTP_FETCH_REQUEST
#define RESPONSE  .when = HTTP_FETCH_ANSWER

static const struct expr_fetch fetches[] = {
    { .name = "hdr",
      NAME_OCC,
      .flags = EXPR_MANY,
      .out = EXPR_STR,
      .when = HTTP_FETCH_EITHER,
      .fetch = any_hdr,
      .help = "res.hdr where an answer is looked at, else req.hdr.",
      .good = "hdr(host) -i example.com",
      .bad = "hdr(host,-11)" },
    { .name = "req.hdr",
      NAME_OCC,
      .flags = EXPR_MANY,
      .out = EXPR_STR,
      REQUEST,
      .fetch = req_hdr,
      .help = "The values of the header field, each element between commas on its own; of all fields without a name. "
              "An ACL tries all of them, elsewhere it is the last. <occ> picks one, from 1 for the first or back from "
              "-1 for the last.",
      .good = "req.hdr(host) -i example.com",
      .bad = "req.hdr(host,-11)" },
    { .name = "res.hdr",
      NAME_OCC,
      .flags = EXPR_MANY,
      .out = EXPR_STR,
      RESPONSE,
      .fetch = res_hdr,
      .help = "The values of the answer's header field, as req.hdr.",
      .good = "res.hdr(cache-control) no-store",
      .bad = "res.hdr(age,-11)" },
    { .name = "req.fhdr",
      ONE_NAME_OCC,
      .flags = EXPR_MANY,
      .out = EXPR_STR,
      REQUEST,
      .fetch = req_fhdr,
      .help = "The header field's whole values, commas included; <occ> as for req.hdr.",
      .good = "req.fhdr(user-agent) -m sub curl",
      .bad = "req.fhdr" },
    { .name = "res.fhdr",
      NAME_OCC,
      .flags = EXPR_MANY,
      .out = EXPR_STR,
      RESPONSE,
      .fetch = res_fhdr,
      .help = "The whole values of the answer's header field, as req.fhdr.",
      .good = "res.fhdr(date) -m found",
      .bad = "res.fhdr(age,-11)" },
    { .name = "req.hdr_cnt",
      NAME,
      .out = EXPR_INT,
      REQUEST,
      .fetch = req_hdr_cnt,
      .help = "How many values the header field, or without a name all of them, have.",
      .good = "req.hdr_cnt(host) gt 1",
      .bad = "req.hdr_cnt(a,1)" },
    { .name = "res.hdr_cnt",
      NAME,
      .out = EXPR_INT,
      RESPONSE,
      .fetch = res_hdr_cnt,
      .help = "How many values the answer's header field, or without a name all of them, have.",
      .good = "res.hdr_cnt(set-cookie) gt 1",
      .bad = "res.hdr_cnt(a,1)" },
    { .name = "req.fhdr_cnt",
      NAME,
      .out = EXPR_INT,
      REQUEST,
      .fetch = req_fhdr_cnt,
      .help = "How many header fields of that name there are, or of any without a name.",
      .good = "req.fhdr_cnt(cookie) gt 1",
      .bad = "req.fhdr_cnt(a,1)" },
    { .name = "res.fhdr_cnt",
      NAME,
      .out = EXPR_INT,
      RESPONSE,
      .fetch = res_fhdr_cnt,
      .help = "How many header fields of that name the answer has, or of any without a name.",
      .good = "res.fhdr_cnt(set-cookie) gt 1",
      .bad = "res.fhdr_cnt(a,1)" },
    { .name = "req.hdr_ip",
      NAME_OCC,
      .flags = EXPR_MANY,
      .out = EXPR_ADDR,
      REQUEST,
      .fetch = req_hdr_ip,
      .help = "The values of the header field that are addresses: IPv4, with or without a port, or IPv6 without "
              "brackets. Arguments as for req.hdr.",
      .good = "req.hdr_ip(x-forwarded-for) 10.0.0.0/8",
      .bad = "req.hdr_ip(x,-11)" },
    { .name = "res.hdr_ip",
      NAME_OCC,
      .flags = EXPR_MANY,
      .out = EXPR_ADDR,
      RESPONSE,
      .fetch = res_hdr_ip,
      .help = "The values of the answer's header field that are addresses, as req.hdr_ip.",
      .good = "res.hdr_ip(server) 10.0.0.1",
      .bad = "res.hdr_ip(x,-11)" },
    { .name = "req.hdr_val",
      NAME_OCC,
      .flags = EXPR_MANY,
      .out = EXPR_INT,
      REQUEST,
      .fetch = req_hdr_val,
      .help = "The numbers that the values of the header field begin with, 0 for none. Arguments as for req.hdr.",
      .good = "req.hdr_val(content-length) gt 1000",
      .bad = "req.hdr_val(x,-11)" },
    { .name = "res.hdr_val",
      NAME_OCC,
      .flags = EXPR_MANY,
      .out = EXPR_INT,
      RESPONSE,
      .fetch = res_hdr_val,
      .help = "The numbers that the values of the answer's header field begin with, as req.hdr_val.",
      .good = "res.hdr_val(content-length) gt 1000",
      .bad = "res.hdr_val(x,-11)" },
    { .name = "req.hdr_names",
      DELIMITER,
      .out = EXPR_STR,
      REQUEST,
      .fetch = req_hdr_names,
      .help = "The names of all header fields in lower case, a comma or the delimiter between them.",
      .good = "req.hdr_names -m sub cookie",
      .bad = "req.hdr_names(\"\")" },
    { .name = "res.hdr_names",
      DELIMITER,
      .out = EXPR_STR,
      RESPONSE,
      .fetch = res_hdr_names,
      .help = "The names of all header fields of the answer, as req.hdr_names.",
      .good = "res.hdr_names -m sub cookie",
      .bad = "res.hdr_names(\"\")" },
    { .name = "req.hdrs",
      .out = EXPR_STR,
      REQUEST,
      .fetch = req_hdrs,
      .help = "All header fields, their names in lower case, with the empty line behind them.",
      .good = "req.hdrs -m found" },
    { .name = "res.hdrs",
      .out = EXPR_STR,
      RESPONSE,
      .fetch = res_hdrs,
      .help = "All header fields of the answer, as req.hdrs.",
      .good = "res.hdrs -m found" },
    { .name = "req.hdrs_bin",
      .out = EXPR_BIN,
      REQUEST,
      .fetch = req_hdrs_bin,
      .help = "All header fields in binary: names and values, each with its length before it as a variable integer, "
              "then two empty ones.",
      .good = "req.hdrs_bin -m found" },
    { .name = "res.hdrs_bin",
      .out = EXPR_BIN,
      RESPONSE,
      .fetch = res_hdrs_bin,
      .help = "All header fields of the answer, as req.hdrs_bin.",
      .good = "res.hdrs_bin -m found" },
    { .name = "hdr_cnt", .of = "req.hdr_cnt", .help = "Another name for req.hdr_cnt." },
    { .name = "hdr_ip", .of = "req.hdr_ip", .help = "Another name for req.hdr_ip." },
    { .name = "hdr_val", .of = "req.hdr_val", .help = "Another name for req.hdr_val." },
    { .name = "shdr", .of = "res.hdr", .help = "Another name for res.hdr." },
    { .name = "shdr_cnt", .of = "res.hdr_cnt", .help = "Another name for res.hdr_cnt." },
    { .name = "shdr_ip", .of = "res.hdr_ip", .help = "Another name for res.hdr_ip." },
    { .name = "shdr_val", .of = "res.hdr_val", .help = "Another name for res.hdr_val." },
    HTTP_FETCH_FORMS("req.hdr", "hdr"),
    HTTP_FETCH_FORMS("req.hdr", "req.hdr"),
    HTTP_FETCH_FORMS("res.hdr", "res.hdr"),
    HTTP_FETCH_FORMS("res.hdr", "shdr"),
};
EXPR_FETCHES(fetches);
