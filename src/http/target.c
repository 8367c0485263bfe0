// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include "http/head_parts.h"
#include "http/scan.h"

enum http_method http_method_of(const char *ptr, size_t len)
{
    static const uint8_t by_len[8][2] = {
        [3] = { HTTP_METHOD_GET, HTTP_METHOD_PUT },         [4] = { HTTP_METHOD_POST, HTTP_METHOD_HEAD },
        [5] = { HTTP_METHOD_PATCH, HTTP_METHOD_TRACE },     [6] = { HTTP_METHOD_DELETE },
        [7] = { HTTP_METHOD_OPTIONS, HTTP_METHOD_CONNECT },
    };
    if (len >= sizeof(by_len) / sizeof(by_len[0]))
        return HTTP_METHOD_OTHER;
    for (unsigned i = 0; i < 2 && by_len[len][i]; i++)
        if (memcmp(ptr, http_method_name(by_len[len][i]), len) == 0)
            return by_len[len][i];
    return HTTP_METHOD_OTHER;
}

// split_port cuts the port off `*host`; `port->ptr` is NULL where there is no colon. False where what stands between
// an address's brackets is no IPv6 address, or something else than a port follows the host.
static bool split_port(struct slice *host, struct slice *port)
{
    const char *p = host->ptr, *end = p + host->len;
    *port = (struct slice){ 0 };
    if (host->len && *p == '[') {
        char text[INET6_ADDRSTRLEN];
        struct in6_addr address;
        size_t len = slice_find(*host, ']');
        if (len == host->len || len - 1 >= sizeof(text))
            return false;
        memcpy(text, p + 1, len - 1);
        text[len - 1] = '\0';
        if (memchr(text, '\0', len - 1) || inet_pton(AF_INET6, text, &address) != 1)
            return false;
        p += len + 1;
    } else {
        while ((p = http_scan_class(p, end, HTTP_CLASS_HOST)) < end && *p != ':') {
            if (*p != '%' || end - p < 3 || !http_scan_is(p + 1, 2, HTTP_CLASS_HEX))
                return false;
            p += 3;
        }
    }
    host->len = (size_t)(p - host->ptr);
    if (p == end)
        return true;
    if (*p != ':')
        return false;
    *port = slice_of(p + 1, (size_t)(end - p - 1));
    uint64_t number = 0;
    return port->len == 0 || (slice_to_u64(*port, &number) && number <= UINT16_MAX && port->len <= 5);
}

bool http_host_is_valid(struct slice host)
{
    struct slice port;
    bool lone_port = host.len && host.ptr[0] == ':';
    return !lone_port && split_port(&host, &port);
}

static bool parse_authority_form(struct http_head *head)
{
    head->authority = head->target;
    head->authority_len = head->target_len;
    struct slice host = http_head_authority(head), port;
    uint64_t number = 0;
    if (head->lax)
        return true;
    return split_port(&host, &port) && host.len && slice_to_u64(port, &number) && number > 0;
}

static bool parse_absolute_form(struct http_head *head)
{
    const char *target = head->base + head->target, *end = target + head->target_len;
    const char *p = target;
    if (slice_lower(*p) < 'a' || slice_lower(*p) > 'z')
        return false;
    while (p < end && *p != ':') {
        char c = slice_lower(*p);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'))
            return false;
        p++;
    }
    if (end - p < 3 || memcmp(p, "://", 3) != 0)
        return false;
    p += 3;
    const char *authority = p;
    while (p < end && *p != '/' && *p != '?' && *p != '#')
        p++;
    head->flags |= HTTP_HEAD_ABSOLUTE;
    head->authority = (uint32_t)(authority - head->base);
    head->authority_len = (uint32_t)(p - authority);
    head->path = (uint32_t)(p - head->base);
    head->path_len = (uint32_t)(end - p);
    return head->authority_len && http_host_is_valid(http_head_authority(head));
}

bool http_target_parse(struct http_head *head)
{
    if (head->method == HTTP_METHOD_CONNECT)
        return parse_authority_form(head);
    if (head->target_len == 1 && head->base[head->target] == '*')
        return head->method == HTTP_METHOD_OPTIONS;
    return parse_absolute_form(head);
}

// implied_port gives the port that the scheme of `head`'s target implies, or the empty slice.
static struct slice implied_port(const struct http_head *head)
{
    struct slice target = http_head_target(head);
    struct slice scheme = slice_of(target.ptr, slice_find(target, ':'));
    if (slice_equal_nocase(scheme, SLICE("http")) || slice_equal_nocase(scheme, SLICE("ws")))
        return SLICE("80");
    if (slice_equal_nocase(scheme, SLICE("https")) || slice_equal_nocase(scheme, SLICE("wss")))
        return SLICE("443");
    return SLICE("");
}

bool http_target_agrees(const struct http_head *head, struct slice host)
{
    struct slice mine = http_head_authority(head), my_port, host_port;
    if (!split_port(&mine, &my_port) || !split_port(&host, &host_port) || !slice_equal_nocase(mine, host))
        return false;
    // A CONNECT target always has its port, and clients differ in repeating it.
    if (head->method == HTTP_METHOD_CONNECT)
        return !host_port.len || slice_equal(my_port, host_port);
    struct slice implied = implied_port(head);
    return slice_equal(my_port.len ? my_port : implied, host_port.len ? host_port : implied);
}
