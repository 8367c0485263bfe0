// SPDX-License-Identifier: Apache-2.0
// Warnings and errors about one proxy as a whole. As HAProxy does, words that its mode leaves without effect are named
// and taken out.
#include "proxy/stats_conf.h"
#include "proxy/words.h"
#include "rule/rule.h"

#define warn(config, proxy, ...) config_diag_add((config)->diag, CONFIG_WARNING, (proxy)->place, __VA_ARGS__)

static void check_timeouts(struct config *config, const struct proxy_conf *proxy)
{
    const struct proxy_timeouts *timeouts = &proxy->timeouts;
    bool has_servers = proxy->be.num_servers > 0;
    const char *client = proxy->has_frontend && !timeouts->client ? " 'client'" : "";
    const char *connect = has_servers && !timeouts->connect ? " 'connect'" : "";
    const char *server = has_servers && !timeouts->server ? " 'server'" : "";
    if (*client || *connect || *server)
        warn(config, proxy,
             "%s '%s' lacks timeouts:%s%s%s; without them a peer that is gone holds its connection for ever",
             proxy_kind(proxy), proxy->name, client, connect, server);
}

static void ignore_http(struct config *config, const struct proxy_conf *proxy, const char *what)
{
    warn(config, proxy, "%s in %s '%s' %s ignored: %s mode http", what, proxy_kind(proxy), proxy->name,
         what[0] == '\'' ? "is" : "are", what[0] == '\'' ? "it needs" : "they need");
}

static bool balances_by_head(const struct balance_conf *balance)
{
    return balance->algorithm == PROXY_BALANCE_URI || balance->algorithm == PROXY_BALANCE_URL_PARAM ||
           balance->algorithm == PROXY_BALANCE_HDR;
}

static void check_balance(struct config *config, const struct proxy_conf *proxy)
{
    const struct balance_conf *balance = &proxy->be.balance;
    bool is_http = proxy->mode == PROXY_MODE_HTTP;
    if (!proxy->has_backend || (is_http ? balance->algorithm != PROXY_BALANCE_RDP_COOKIE : !balances_by_head(balance)))
        return;
    warn(config, proxy, "'balance %s' in %s '%s' is ignored: it needs mode %s; requests go round robin",
         proxy_balance_name(balance->algorithm), proxy_kind(proxy), proxy->name, is_http ? "tcp" : "http");
}

static void check_tcp(struct config *config, struct proxy_conf *proxy)
{
    for (int i = PROXY_RULES_HTTP_REQUEST; i < PROXY_NUM_RULE_SETS; i++) {
        const char *name = i == PROXY_RULES_REDIRECT ? "redirect" : rule_set_name(1U << i);
        if (proxy->rules[i])
            ignore_http(config, proxy, arena_printf(config->arena, "%s rules", name));
        proxy->rules[i] = NULL;
    }
    if (proxy->forwardfor.enabled)
        ignore_http(config, proxy, "'option forwardfor'");
    if (proxy->forwarded.enabled)
        ignore_http(config, proxy, "'option forwarded'");
    if (proxy->be.cookie.name && proxy->has_backend)
        ignore_http(config, proxy, "'cookie'");
    if (proxy->has_frontend && (proxy->log_format == PROXY_LOG_HTTP || proxy->log_format == PROXY_LOG_CLF ||
                                proxy->log_format == PROXY_LOG_HTTPS)) {
        bool clf = proxy->log_format == PROXY_LOG_CLF;
        warn(config, proxy, "'option %s' in %s '%s' needs mode http; 'option tcplog%s' is used instead",
             proxy->log_format == PROXY_LOG_HTTPS ? "httpslog" : "httplog", proxy_kind(proxy), proxy->name,
             clf ? " clf" : "");
        proxy->log_format = clf ? PROXY_LOG_TCP_CLF : PROXY_LOG_TCP;
    }
    for (const struct server_conf *it = proxy->be.servers; it; it = it->next) {
        if (it->cookie)
            config_diag_add(config->diag, CONFIG_WARNING, it->place,
                            "the cookie of server '%s' is ignored: it needs mode http", it->name);
    }
    proxy->forwardfor.enabled = false;
    proxy->forwarded.enabled = false;
    proxy->be.cookie.name = NULL;
}

// Rules that come from defaults are for those whose checks are of that kind.
static void check_checks(struct config *config, const struct proxy_conf *proxy)
{
    const struct check_conf *conf = &proxy->be.check;
    bool is_http = conf->protocol == CHECK_PROTOCOL_HTTP, is_tcp = conf->protocol == CHECK_PROTOCOL_TCP;
    if (!proxy->has_backend)
        return;
    if (conf->http.num && conf->http.owner == proxy && !is_http)
        warn(config, proxy, "%s '%s' has 'http-check' rules without 'option httpchk', so they are ignored",
             proxy_kind(proxy), proxy->name);
    if (conf->tcp.num && conf->tcp.owner == proxy && !is_tcp)
        warn(config, proxy, "%s '%s' has 'tcp-check' rules without 'option tcp-check', so they are ignored",
             proxy_kind(proxy), proxy->name);
    if ((conf->disable_on_404 || conf->send_state) && !is_http)
        warn(config, proxy, "'http-check %s' in %s '%s' is ignored: it needs 'option httpchk'",
             conf->send_state ? "send-state" : "disable-on-404", proxy_kind(proxy), proxy->name);
}

bool proxy_conf_check(struct config *config, struct proxy_conf *proxy)
{
    if (proxy->has_frontend && !proxy->fe.binds)
        warn(config, proxy, "%s '%s' has no 'bind' line and gets no traffic", proxy_kind(proxy), proxy->name);
    if (!proxy_log_backend_check(config, proxy))
        return false;
    if (!stats_conf_check(config, proxy))
        return false;
    if (proxy->mode == PROXY_MODE_LOG)
        return true;
    check_timeouts(config, proxy);
    check_balance(config, proxy);
    check_checks(config, proxy);
    if (proxy->mode == PROXY_MODE_TCP)
        check_tcp(config, proxy);
    // It belongs to backends; a frontend may have it from its defaults.
    if (!proxy->has_backend)
        proxy->forwarded.enabled = false;
    return true;
}
