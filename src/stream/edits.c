// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include "stream/log.h"
#include "stream/act.h"
#include "stream/steps.h"
#include "tls/conn.h"

// Names are ours or were checked when the configuration was read.
static bool add_text(struct stream *stream, struct slice name, const char *text, size_t len)
{
    const char *kept = http_edits_text(&stream->edits, text, len);
    return kept && http_edits_add_known(&stream->edits, name, slice_of(kept, len));
}

static bool is_excepted(const struct forwardfor_conf *conf, const struct transport_address *src)
{
    for (const struct transport_network *net = conf->enabled ? conf->except : NULL; net; net = net->next)
        if (transport_network_has(net, src))
            return true;
    return false;
}

// Frontend and backend may both ask for it: the backend's name counts, an exception of either, and `if-none` only where
// both want it (manual section 4.2).
static bool edit_forwardfor(struct stream *stream)
{
    const struct forwardfor_conf *front = &stream->session->conf->forwardfor;
    const struct forwardfor_conf *back = &stream->backend->conf->forwardfor;
    const struct transport_address *src = stream_src(stream);
    char text[TRANSPORT_ADDRESS_TEXT_MAX];
    if ((!front->enabled && !back->enabled) || (src->family != AF_INET && src->family != AF_INET6))
        return true;
    if (is_excepted(front, src) || is_excepted(back, src))
        return true;
    const struct forwardfor_conf *named = back->enabled ? back : front;
    struct slice name = slice_of(named->header, named->header_len);
    bool if_none = (front->if_none || !front->enabled) && (back->if_none || !back->enabled);
    if (if_none && http_head_find_name(&stream->request, name, 0) >= 0)
        return true;
    return add_text(stream, name, text, transport_address_ip_text(src, text));
}

// One node of RFC 7239: IPv6 and anything with a port goes in quotes, IPv6 in brackets (section 6).
static int forwarded_node(char *out, size_t cap, const char *name, const struct transport_address *addr, bool port)
{
    char ip[TRANSPORT_ADDRESS_TEXT_MAX];
    transport_address_ip_text(addr, ip);
    if (addr->family != AF_INET && addr->family != AF_INET6)
        return snprintf(out, cap, "%s=unknown;", name);
    bool v6 = addr->family == AF_INET6;
    if (!v6 && !port)
        return snprintf(out, cap, "%s=%s;", name, ip);
    if (!port)
        return snprintf(out, cap, "%s=\"[%s]\";", name, ip);
    return snprintf(out, cap, v6 ? "%s=\"[%s]:%u\";" : "%s=\"%s:%u\";", name, ip, addr->port);
}

static bool edit_forwarded(struct stream *stream)
{
    const struct forwarded_conf *own = &stream->session->conf->forwarded;
    const struct forwarded_conf *conf = own->enabled ? own : &stream->backend->conf->forwarded;
    char text[768];
    int len = 0;
    int host = http_head_find(&stream->request, HTTP_FIELD_HOST, 0);
    if (!conf->enabled)
        return true;
    if (conf->proto)
        len += snprintf(text + len, sizeof(text) - (size_t)len, "proto=http;");
    if (conf->host && host >= 0) {
        struct slice value = http_field_value(&stream->request, (unsigned)host);
        if (value.len <= 255)
            len += snprintf(text + len, sizeof(text) - (size_t)len, "host=\"%.*s\";", (int)value.len, value.ptr);
    }
    if (conf->by || conf->by_port)
        len += forwarded_node(text + len, sizeof(text) - (size_t)len, "by", stream_dst(stream), conf->by_port);
    if (conf->for_ || conf->for_port)
        len += forwarded_node(text + len, sizeof(text) - (size_t)len, "for", stream_src(stream), conf->for_port);
    return len < 2 || add_text(stream, SLICE("forwarded"), text, (size_t)len - 1);
}

// HTTP/1.0 knows requests without Host, the HTTP/1.1 we speak to servers does not (RFC 9112 section 3.2): it is the
// target's authority or, without one, where the client connected to.
static bool edit_host(struct stream *stream)
{
    const struct http_head *request = &stream->request;
    char ip[TRANSPORT_ADDRESS_TEXT_MAX];
    char text[TRANSPORT_ADDRESS_TEXT_MAX + 16];
    const char *named = stream->backend->conf->be.name_header;
    if (UNLIKELY(named) && slice_equal(slice_str(named), SLICE("host")))
        return true;
    // Another protocol than HTTP/1.x travels as it came.
    if (LIKELY(http_head_find(request, HTTP_FIELD_HOST, 0) >= 0) || request->version_len)
        return true;
    if (request->authority_len) {
        struct slice authority = http_head_authority(request);
        return add_text(stream, SLICE("host"), authority.ptr, authority.len);
    }
    const struct transport_address *dst = stream_dst(stream);
    if (dst->family != AF_INET && dst->family != AF_INET6)
        return http_edits_add(&stream->edits, SLICE("host"), SLICE("localhost"));
    transport_address_ip_text(dst, ip);
    int len = snprintf(text, sizeof(text), dst->family == AF_INET6 ? "[%s]" : "%s", ip);
    if (dst->port != 80)
        len += snprintf(text + len, sizeof(text) - (size_t)len, ":%u", dst->port);
    return add_text(stream, SLICE("host"), text, (size_t)len);
}

// The frontend's unique id: made for logs, too, where no field is asked for.
static bool edit_unique_id(struct stream *stream)
{
    const struct proxy_conf *front = stream->session->conf;
    uint32_t when = stream->subject.when;
    if (!front->unique_id)
        return true;
    stream->subject.when = EXPR_AT_REQUEST_HEAD;
    struct slice id = stream_unique_id(stream);
    stream->subject.when = when;
    return !front->unique_id_header || !id.len || add_text(stream, slice_str(front->unique_id_header), id.ptr, id.len);
}

// RFC 8470 section 5.1: a server must know that the request may be a replay, to refuse it (425) if it matters.
static bool edit_early_data(struct stream *stream)
{
    static const struct slice name = { .ptr = "early-data", .len = 10 };
    const struct tls_conn *tls = stream->session->tls;
    if (!tls || !tls->facts.early_pending || http_head_find_name(&stream->request, name, 0) >= 0)
        return true;
    return http_edits_add_known(&stream->edits, name, SLICE("1"));
}

static bool edit_server_name(struct stream *stream)
{
    const char *name = stream->backend->conf->be.name_header;
    if (LIKELY(!name))
        return true;
    for (int i = -1; (i = http_head_find_name(&stream->request, slice_str(name), (unsigned)(i + 1))) >= 0;)
        if (!http_edits_drop(&stream->edits, (unsigned)i))
            return false;
    return http_edits_add_known(&stream->edits, slice_str(name), slice_str(stream->server->conf->name));
}

bool stream_edit_request(struct stream *stream)
{
    return http_edits_drop_hop_by_hop(&stream->edits, &stream->request, stream->upgrade) && edit_host(stream) &&
           edit_forwardfor(stream) && edit_forwarded(stream) && edit_unique_id(stream) && edit_early_data(stream) &&
           edit_server_name(stream);
}

bool stream_edit_response(struct stream *stream)
{
    return http_edits_drop_hop_by_hop(&stream->edits, &stream->response, stream->status == 101);
}
