// SPDX-License-Identifier: Apache-2.0
// What the checks of a proxy run, once all of its lines are read: the steps of the file with those that nobody wrote.
#include <string.h>
#include "proxy/words_check.h"

static struct check_step *insert(struct arena *arena, struct check_step **at, enum check_action action)
{
    struct check_step *step = arena_alloc(arena, sizeof(*step));
    *step = (struct check_step){ .next = *at, .action = action };
    *at = step;
    return step;
}

// Lists may be those of a defaults section, which others start from, too.
static struct check_step *copy_steps(struct arena *arena, const struct check_step *list)
{
    struct check_step *first = NULL, **last = &first;
    for (; list; list = list->next) {
        *last = arena_alloc(arena, sizeof(**last));
        **last = *list;
        (*last)->next = NULL;
        last = &(*last)->next;
    }
    return first;
}

static struct check_step **first_action(struct check_step **at, enum check_action other)
{
    while (*at && (*at)->action == other)
        at = &(*at)->next;
    return at;
}

static void add_connect(struct arena *arena, struct check_step **list)
{
    struct check_step **at = first_action(list, CHECK_VAR);
    if (*at && (*at)->action == CHECK_CONNECT)
        return;
    struct check_connect *connect = &insert(arena, list, CHECK_CONNECT)->connect;
    connect->defaults = connect->implicit = true;
}

static void merge_request(struct check_request *request, const struct check_request *line)
{
    if (!request->method)
        request->method = line->method;
    if (!request->uri && !request->uri_format)
        request->uri = line->uri;
    if (!request->version)
        request->version = line->version;
    if (!request->fields)
        request->fields = line->fields;
}

// The first request of the rules completes that of `option httpchk`; where there is none, that one is sent.
static void add_requests(struct arena *arena, struct check_step **list, const struct check_request *line)
{
    bool first = true;
    struct check_step **at;
    for (struct check_step *step = *list; step; step = step->next) {
        if (step->action != CHECK_SEND)
            continue;
        struct check_request *request = arena_alloc(arena, sizeof(*request));
        *request = *step->send.request;
        if (first)
            merge_request(request, line);
        first = false;
        step->send.request = request;
    }
    if (!first)
        return;
    at = first_action(list, CHECK_VAR);
    at = *at && (*at)->action == CHECK_CONNECT ? first_action(&(*at)->next, CHECK_VAR) : at;
    struct check_request *request = arena_alloc(arena, sizeof(*request));
    *request = *line;
    insert(arena, at, CHECK_SEND)->send.request = request;
}

// An answer that nobody says a word about is expected to be 2xx or 3xx.
static void add_status(struct arena *arena, struct check_step **list)
{
    struct check_step **at = list, **last_send = NULL;
    for (; *at; at = &(*at)->next) {
        if ((*at)->action == CHECK_SEND)
            last_send = at;
        else if ((*at)->action == CHECK_EXPECT)
            last_send = NULL;
    }
    if (!last_send)
        return;
    struct check_expect *expect = &insert(arena, &(*last_send)->next, CHECK_EXPECT)->expect;
    expect->match = CHECK_MATCH_STATUS;
    expect->min_recv = -1;
    expect->ranges = arena_alloc(arena, sizeof(*expect->ranges));
    *expect->ranges = (struct check_range){ .low = 200, .high = 399 };
}

static void settle_requests(struct check_step *list, const struct check_conf *conf)
{
    for (; list; list = list->next) {
        if (list->action != CHECK_SEND || !list->send.request)
            continue;
        struct check_request *request = list->send.request;
        request->send_state = conf->send_state;
        request->is_head = request->method && strcmp(request->method, "HEAD") == 0;
    }
}

// Numbers as HAProxy's messages have them, and where to go on reading after more came.
static void number_steps(struct check_conf *conf, struct check_step *list)
{
    uint32_t number = 0;
    const struct check_step *head = NULL;
    for (struct check_step *step = list; step; step = step->next) {
        conf->num_steps++;
        conf->num_connects += step->action == CHECK_CONNECT;
        if (!step->number && number && step->action != CHECK_CONNECT)
            step->number = number + 1;
        number = step->number ? step->number : number;
        if (step->action == CHECK_SEND || step->action == CHECK_CONNECT)
            head = NULL;
        if (step->action != CHECK_EXPECT)
            continue;
        // A negated expectation holds for what comes while later ones wait, too.
        if (!head || !step->expect.negated)
            step->expect.head = head ? head : step;
        else
            step->expect.head = head;
        head = step->expect.negated ? step->expect.head : NULL;
    }
}

static bool compile(struct config *config, struct proxy_conf *proxy)
{
    struct check_conf *conf = &proxy->be.check;
    struct arena *arena = config->arena;
    const struct check_list *list = conf->protocol == CHECK_PROTOCOL_HTTP       ? &conf->http
                                    : conf->protocol == CHECK_PROTOCOL_TCP      ? &conf->tcp
                                    : conf->protocol == CHECK_PROTOCOL_BUILT_IN ? &conf->built_in
                                                                                : NULL;
    struct check_step *steps = list ? copy_steps(arena, list->first) : NULL;
    if (conf->protocol == CHECK_PROTOCOL_HTTP) {
        add_requests(arena, &steps, &conf->httpchk);
        add_status(arena, &steps);
        settle_requests(steps, conf);
    }
    add_connect(arena, &steps);
    conf->num_steps = conf->num_connects = 0;
    number_steps(conf, steps);
    conf->steps = steps;
    return true;
}

static bool uses_ssl(const struct server_conf *server, const struct check_connect *connect)
{
    const struct check_server_conf *check = &server->check;
    if (connect->ssl)
        return true;
    if (!connect->defaults || check->use_ssl == CHECK_SSL_OFF)
        return false;
    if (check->use_ssl == CHECK_SSL_ON)
        return true;
    return server->tls.enabled && !check->port && check->addr.family == AF_UNSPEC;
}

// What traffic has does for checks, too, unless they offer other protocols.
static struct tls_target *target_of(struct config *config, struct server_conf *server,
                                    const struct check_connect *connect)
{
    struct slice alpn = connect->alpn.ptr ? connect->alpn : connect->defaults ? server->check.alpn : slice_of(NULL, 0);
    if (server->tls_target && (!alpn.ptr || slice_equal(alpn, server->tls.conf.alpn)))
        return server->tls_target;
    return proxy_tls_check_target(config, server, alpn);
}

static bool settle_targets(struct config *config, struct server_conf *server, const struct check_conf *conf)
{
    bool any = false, ok = true;
    struct tls_target **targets = arena_alloc(config->arena, (conf->num_connects + 1) * sizeof(*targets));
    uint32_t at = 0;
    for (const struct check_step *step = conf->steps; step; step = step->next) {
        if (step->action != CHECK_CONNECT)
            continue;
        targets[at] = NULL;
        if (uses_ssl(server, &step->connect)) {
            targets[at] = target_of(config, server, &step->connect);
            ok &= targets[at] != NULL;
            any = true;
        }
        at++;
    }
    server->check.targets = any ? targets : NULL;
    return ok;
}

// There must be a port to go to: the server's, the checks', or that of each step.
static bool check_port(struct config *config, const struct server_conf *server, const struct check_conf *conf)
{
    const struct check_server_conf *check = &server->check;
    if (server->addr.family == AF_UNIX || server->addr.port || check->port || check->addr.family == AF_UNIX ||
        check->addr.port)
        return true;
    for (const struct check_step *step = conf->steps; step; step = step->next) {
        const struct check_connect *connect = &step->connect;
        if (step->action != CHECK_CONNECT || connect->port || connect->port_expr || connect->addr.port ||
            connect->addr.family == AF_UNIX)
            continue;
        config_diag_add(config->diag, CONFIG_ERROR, server->place,
                        "server '%s' has neither a port of its own nor one for its checks", server->name);
        return false;
    }
    return true;
}

// What is spoken must be what the checks are in.
static bool check_proto(struct config *config, const struct server_conf *server, const struct check_conf *conf)
{
    const char *only = conf->protocol == CHECK_PROTOCOL_HTTP ? "h1" : "none";
    if (!server->check.proto || strcmp(server->check.proto, only) == 0)
        return true;
    config_diag_add(config->diag, CONFIG_ERROR, server->place, "server '%s': 'check-proto %s' does not go with '%s'",
                    server->name, server->check.proto, conf->name ? conf->name : "tcp-check");
    return false;
}

bool check_rules_finish_server(struct config *config, struct proxy_conf *proxy, struct server_conf *server)
{
    return !server->check.enabled ||
           (settle_targets(config, server, &proxy->be.check) && check_port(config, server, &proxy->be.check) &&
            check_proto(config, server, &proxy->be.check));
}

bool check_rules_finish(struct config *config, struct proxy_conf *proxy)
{
    bool ok = compile(config, proxy);
    for (struct server_conf *server = proxy->be.servers; server; server = server->next)
        ok &= check_rules_finish_server(config, proxy, server);
    return ok;
}
