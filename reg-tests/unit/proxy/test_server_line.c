// SPDX-License-Identifier: Apache-2.0
// Servers at run time: lines that are read long after the file, lists they enter and leave, and where they are moved.
#include "reader.h"
#include "proxy/persist_conf.h"
#include "proxy/server_line.h"
#include "proxy/server_place.h"

#define BACKEND                                                                                                        \
    "backend b\n mode http\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n cookie C insert dynamic\n"   \
    " dynamic-cookie-key k\n default-server weight 9\n"

static struct server_conf *add(const struct reader *reader, struct text *wrong, const char *name, const char *addr,
                               const char *option, const char *value)
{
    const char *const words[] = { name, addr, option, value };
    struct proxy_server_line line = { .args = words, .num_args = 2 + (option != NULL) + (value != NULL) };
    text_init(wrong);
    return proxy_server_line_read(reader->program, reader->program->proxies, &line, wrong);
}

static void refuses_line(const struct reader *reader, const char *says, const char *name, const char *addr,
                         const char *option, const char *value)
{
    struct text wrong;
    assert_null(add(reader, &wrong, name, addr, option, value));
    assert_non_null(wrong.ptr);
    if (!strstr(wrong.ptr, says))
        fail_msg("'%s' is not in: %s", says, wrong.ptr);
    assert_int_equal(wrong.ptr[wrong.len - 1], '\n');
    text_fini(&wrong);
}

static void test_lines(void **state)
{
    struct reader reader;
    struct text wrong;
    (void)state;
    reader_accept(&reader, BACKEND " server s1 127.0.0.1:81 check\n server s2 127.0.0.1:82\n");
    struct backend_conf *backend = &reader.program->proxies->be;
    struct server_conf *server = add(&reader, &wrong, "n", "127.0.0.1:80", "maxconn", "7");
    assert_non_null(server);
    assert_int_equal(server->maxconn, 7);
    assert_int_equal(server->weight, 1); // nothing comes from default-server
    assert_int_equal(server->id, 3);
    assert_false(server->has_id);
    assert_int_equal(backend->num_servers, 2); // it is in no list yet
    proxy_server_free(server);
    server = add(&reader, &wrong, "n", "name.invalid:80", NULL, NULL);
    assert_true(server && server->unresolved);
    proxy_server_free(server);
    server = add(&reader, &wrong, "n", "127.0.0.1:80", "track", "s1");
    assert_true(server && server->tracked == backend->servers && !backend->servers->trackers);
    proxy_server_free(server);
    refuses_line(&reader, "Already exists", "s1", "127.0.0.1:80", NULL, NULL);
    refuses_line(&reader, "'server' expects", "", "127.0.0.1:80", NULL, NULL);
    refuses_line(&reader, "character '/'", "a/b", "127.0.0.1:80", NULL, NULL);
    refuses_line(&reader, "custom id 2 already used at test.cfg:", "n", "127.0.0.1:80", "id", "2");
    refuses_line(&reader, "'init-addr' option is not accepted", "n", "127.0.0.1:80", "init-addr", "none");
    refuses_line(&reader, "'resolvers' option is not accepted", "n", "127.0.0.1:80", "resolvers", "r");
    refuses_line(&reader, "'redir' option is not accepted", "n", "127.0.0.1:80", "redir", "/x");
    refuses_line(&reader, "unknown option 'wait'", "n", "127.0.0.1:80", "wait", NULL);
    refuses_line(&reader, "weight", "n", "127.0.0.1:80", "weight", "300");
    refuses_line(&reader, "weight", "n", "127.0.0.1:80", "weight", NULL);
    refuses_line(&reader, "there is no server 's9'", "n", "127.0.0.1:80", "track", "s9");
    refuses_line(&reader, "which has neither", "n", "127.0.0.1:80", "track", "s2");
    refuses_line(&reader, "range", "n", "127.0.0.1:80-90", NULL, NULL);
    refuses_line(&reader, "agent-port", "n", "127.0.0.1:80", "agent-check", NULL);
    refuses_line(&reader, "ca-file", "n", "127.0.0.1:80", "ssl", NULL);
    reader_fini(&reader);
}

// Enough of them that names are looked up in the index, too.
static void test_lists(void **state)
{
    enum { NUM = 40 };
    struct reader reader;
    struct text wrong;
    struct server_conf *servers[NUM];
    char name[8];
    (void)state;
    reader_accept(&reader, BACKEND " server s1 127.0.0.1:81 check\n");
    struct backend_conf *backend = &reader.program->proxies->be;
    for (uint32_t i = 0; i < NUM; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        servers[i] = add(&reader, &wrong, name, "127.0.0.1:80", i % 2 ? "track" : NULL, i % 2 ? "s1" : NULL);
        assert_non_null(servers[i]);
        proxy_server_enter(reader.program, servers[i]);
        assert_int_equal(servers[i]->index, i + 1);
        assert_int_equal(servers[i]->id, i + 2);
    }
    // Every third goes; who stands at one of them still finds the rest.
    for (uint32_t i = 0; i < NUM; i += 3) {
        const struct server_conf *next = servers[i]->next;
        proxy_server_leave(servers[i]);
        assert_ptr_equal(servers[i]->next, next);
    }
    uint32_t index = 0, num_trackers = 0;
    for (const struct server_conf *it = backend->servers; it; it = it->next)
        assert_int_equal(it->index, index++);
    assert_int_equal(index, backend->num_servers);
    for (const struct server_conf *it = backend->servers->trackers; it; it = it->next_tracker)
        num_trackers++;
    uint32_t left = 0;
    for (uint32_t i = 0; i < NUM; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        assert_ptr_equal(proxy_server_find(backend, slice_str(name)), i % 3 ? servers[i] : NULL);
        left += i % 3 && i % 2;
    }
    assert_int_equal(num_trackers, left);
    // The lowest number that is free is given again.
    struct server_conf *again = add(&reader, &wrong, "again", "127.0.0.1:80", NULL, NULL);
    assert_int_equal(again->id, 2);
    proxy_server_enter(reader.program, again);
    assert_ptr_equal(backend->last_server, again);
    proxy_server_leave(again);
    proxy_server_free(again);
    for (uint32_t i = 0; i < NUM; i++) {
        if (i % 3)
            proxy_server_leave(servers[i]);
        proxy_server_free(servers[i]);
    }
    assert_ptr_equal(backend->last_server, backend->servers);
    assert_int_equal(backend->num_servers, 1);
    reader_fini(&reader);
}

static void test_places(void **state)
{
    struct reader reader;
    struct proxy_place place, again;
    char cookie[PROXY_COOKIE_DYNAMIC_LEN + 1];
    (void)state;
    reader_accept(&reader, BACKEND " server s1 127.0.0.1:81 check agent-check agent-port 9\n");
    struct server_conf *server = reader.program->proxies->be.servers;
    struct arena *arena = reader.program->arena;
    uint64_t file = proxy_place_file(server);
    memcpy(cookie, server->cookie, sizeof(cookie));
    proxy_place_get(&place, server);
    assert_int_equal(place.flags, 0);
    assert_false(proxy_place_set(server, &place, arena));
    const struct proxy_place as_file = place;
    place.flags = PROXY_PLACE_MOVED | PROXY_PLACE_SENDS;
    place.server = (struct proxy_place_reach){ .family = AF_INET6, .port = 82, .ip = { [15] = 1 } };
    place.health = (struct proxy_place_reach){ .port = 83 };
    place.agent = (struct proxy_place_reach){ .family = AF_INET, .ip = { 192, 0, 2, 1 } };
    snprintf(place.agent_send, sizeof(place.agent_send), "hello");
    assert_true(proxy_place_set(server, &place, arena));
    assert_false(proxy_place_set(server, &place, arena));
    assert_int_equal(server->addr.family, AF_INET6);
    assert_int_equal(server->addr.port, 82);
    assert_int_equal(server->health_reach.port, 83);
    assert_string_equal(server->agent_send, "hello");
    proxy_place_get(&again, server);
    assert_memory_equal(&again, &place, sizeof(place));
    // What the file says is what it said.
    assert_true(proxy_place_file(server) == file);
    proxy_cookies_renew(server->backend);
    assert_string_not_equal(server->cookie, cookie);
    place.flags = PROXY_PLACE_MOVED | PROXY_PLACE_MAPPED;
    place.port_offset = -5;
    assert_true(proxy_place_set(server, &place, arena));
    assert_true(server->port_mapped && server->port_offset == -5 && !server->agent_send);
    // And back.
    assert_true(proxy_place_set(server, &as_file, arena));
    assert_int_equal(server->addr.port, 81);
    assert_false(server->port_mapped);
    assert_int_equal(server->moves, 3);
    proxy_cookies_renew(server->backend);
    assert_string_equal(server->cookie, cookie);
    reader_fini(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
