// SPDX-License-Identifier: Apache-2.0
// What sections mean together: defaults and their copies, names, numbers, and what does not fit.
#include "reader.h"
#include "board/board.h"

static const struct proxy_conf *find(const struct reader *reader, const char *name, uint32_t in)
{
    const struct proxy_conf *proxy = proxy_conf_find(reader->program, name, in);
    assert_non_null(proxy);
    return proxy;
}

#define TIMEOUTS " timeout client 1s\n timeout server 1s\n timeout connect 1s\n"

static void test_built_in(void **state)
{
    struct reader reader;
    (void)state;
    reader_accept(&reader, "backend b\n" TIMEOUTS " server s 127.0.0.1:80\n");
    const struct proxy_conf *proxy = reader.program->proxies;
    const struct global_conf *global = &reader.program->global;
    assert_int_equal(proxy->mode, PROXY_MODE_TCP);
    assert_int_equal(proxy->be.retries, 3);
    assert_int_equal(proxy->be.redispatch_interval, -1);
    assert_int_equal(proxy->be.servers->weight, 1);
    assert_int_equal(proxy->be.servers->pool_max_conn, -1);
    assert_int_equal(proxy->be.servers->pool_purge_us, 5000000);
    assert_int_equal(global->bufsize, 16384);
    assert_int_equal(global->maxrewrite, 1024);
    assert_int_equal(global->max_headers, 101);
    assert_int_equal(global->maxconn, 0);
    reader_fini(&reader);
}

static void test_defaults(void **state)
{
    struct reader reader;
    (void)state;
    reader_accept(&reader,
                  "defaults base\n mode http\n" TIMEOUTS " retries 7\n default-server weight 9\n log stdout local0\n"
                  " errorfile 503 /dev/null\n http-request return status 200 if { path / }\n option httpclose\n"
                  "defaults other from base\n retries 8\n"
                  "defaults\n" TIMEOUTS
                  "backend a from base\n server s 127.0.0.1:80\n default-server weight 3\n server t 127.0.0.1:80\n"
                  " log stderr local1\n http-request return status 201\n"
                  "backend b from other\n no log\n option http-server-close\n server s 127.0.0.1:80\n"
                  "backend c\n server s 127.0.0.1:80\n");
    const struct proxy_conf *a = find(&reader, "a", CONFIG_IN_BACKEND), *b = find(&reader, "b", CONFIG_IN_BACKEND),
                            *c = find(&reader, "c", CONFIG_IN_BACKEND);
    assert_int_equal(a->mode, PROXY_MODE_HTTP);
    assert_int_equal(a->be.retries, 7);
    assert_int_equal(a->be.servers->weight, 9);
    assert_int_equal(a->be.servers->next->weight, 3);
    assert_ptr_equal(a->be.servers->backend, &a->be);
    assert_ptr_equal(a->be.proxy, a);
    // Those of the defaults come first, and stay as they were for others.
    assert_string_equal(a->logs->address, "stdout");
    assert_string_equal(a->logs->next->address, "stderr");
    assert_null(a->logs->next->next);
    assert_non_null(a->rules[PROXY_RULES_HTTP_REQUEST]->cond);
    assert_null(a->rules[PROXY_RULES_HTTP_REQUEST]->next->cond);
    assert_int_equal(b->be.retries, 8);
    assert_int_equal(b->be.servers->weight, 9);
    assert_null(b->logs);
    assert_null(b->rules[PROXY_RULES_HTTP_REQUEST]->next);
    assert_int_equal(b->errorfiles->status, 503);
    assert_null(b->errorfiles->answer);
    assert_int_equal(b->options, PROXY_OPT_SERVER_CLOSE);
    assert_int_equal(a->options, PROXY_OPT_HTTP_CLOSE);
    // Without "from" the newest defaults count, and those started afresh.
    assert_int_equal(c->mode, PROXY_MODE_TCP);
    assert_int_equal(c->be.retries, 3);
    reader_fini(&reader);
}

static void test_defaults_refused(void **state)
{
    (void)state;
    refuses("defaults base\nbackend b from bas\n", "did you mean 'base'?");
    refuses("defaults d\ndefaults d\nbackend b from d\n", "is ambiguous");
    refuses("defaults d from d\n", "defaults section 'd'");
    refuses("backend b from\n", "the name of a defaults section is missing");
    refuses("listen l :80\n", "addresses belong on 'bind' lines");
    refuses("defaults\n acl a always_true\n", "not allowed in an anonymous 'defaults' section");
    refuses("defaults\n http-request return status 200\n", "not allowed in an anonymous 'defaults' section");
    refuses("defaults d\n mode http\n http-request return\nfrontend f from d\n bind :80\nbackend b from d\n",
            "a frontend and a backend section cannot both start from");
    refuses("defaults d\n mode http\n acl a always_true\nbackend b from d\n http-request return if a\n", "'a'");
    refuses("defaults\n server s 127.0.0.1:80\n", "'server' is not allowed in section 'defaults'");
}

static void test_names(void **state)
{
    struct reader reader;
    (void)state;
    reader_accept(&reader,
                  "defaults\n mode http\n" TIMEOUTS "frontend x\n bind :80\n use_backend y if { path /y }\n"
                  " use_backend z unless TRUE\n default_backend x\nbackend y\nbackend x\nlisten z\n bind :81\n");
    const struct proxy_conf *x = find(&reader, "x", CONFIG_IN_FRONTEND);
    assert_ptr_equal(x->fe.default_backend, find(&reader, "x", CONFIG_IN_BACKEND));
    assert_ptr_equal(x->fe.use_backends->backend, find(&reader, "y", CONFIG_IN_BACKEND));
    assert_ptr_equal(x->fe.use_backends->next->backend, find(&reader, "z", CONFIG_IN_FRONTEND));
    assert_int_equal(reader.program->num_proxies, 4);
    assert_int_equal(find(&reader, "z", CONFIG_IN_BACKEND)->index, 3);
    reader_fini(&reader);
    refuses("frontend f\n bind :80\n default_backend ap\nbackend app\n", "test.cfg:3:18: default_backend: there is no "
                                                                         "backend 'ap'; did you mean 'app'?");
    refuses("frontend f\n bind :80\n use_backend g if TRUE\nfrontend g\n bind :81\n", "there is no backend 'g'");
    refuses("frontend f\n bind :80\n mode http\n default_backend b\nbackend b\n", "cannot use the tcp backend 'b'");
    refuses("frontend f\n bind :80\n default_backend b\nbackend b\n mode http\n",
            "an upgrade from tcp is not supported");
    refuses("frontend f\n bind :80\n use_backend %[pth]\n", "did you mean 'path'?");
    refuses("backend b\n server s 127.0.0.1:80\n use-server t if TRUE\n", "backend 'b' has no server 't'");
    refuses("frontend f\nlisten f\n", "the name 'f' is taken by the frontend section at line 1 of test.cfg");
    refuses("backend f\nbackend f\n", "the name 'f' is taken");
    refuses("backend a/b\n", "the character '/' is not permitted");
    refuses("backend b\n server s 127.0.0.1:80\n server s 127.0.0.1:81\n", "the server name 's' is taken at line 2");
    warns("frontend f\n disabled\n bind :80\n default_backend nobody\n timeout server 1s\n", "is ignored");
}

static void test_tcp_conditions(void **state)
{
    struct reader reader;
    (void)state;
    reader_accept(&reader, "frontend f\n timeout client 1s\n bind :80\n use_backend b if { dst_port 80 }\nbackend b\n");
    reader_fini(&reader);
    // The mode may follow.
    reader_accept(&reader, "frontend f\n timeout client 1s\n bind :80\n use_backend b if { path / }\n mode http\n"
                           "backend b\n mode http\n");
    reader_fini(&reader);
    // The first bytes may be a request even so.
    reader_accept(&reader, "frontend f\n timeout client 1s\n bind :80\n use_backend b if { path / }\nbackend b\n");
    reader_fini(&reader);
}

static void test_numbers(void **state)
{
    struct reader reader;
    (void)state;
    reader_accept(&reader,
                  "defaults\n" TIMEOUTS
                  "backend a\n server s 127.0.0.1:1\n server t 127.0.0.1:2 id 1\n server u 127.0.0.1:3 id 3\n"
                  " server v 127.0.0.1:4\n server w 127.0.0.1:5\n"
                  "frontend b\n id 1\n bind :8000-8002\n bind :8003 id 2\n backlog 77\n bind :8004 backlog 5\n");
    static const uint32_t ids[] = { 2, 1, 3, 5, 6 };
    const struct server_conf *server = reader.program->proxies->be.servers;
    for (uint32_t i = 0; i < NUM_ITEMS(ids); i++, server = server->next) {
        assert_int_equal(server->id, ids[i]);
        assert_int_equal(server->index, i);
    }
    assert_int_equal(reader.program->proxies->id, 2);
    static const uint32_t binds[] = { 1, 3, 4, 2, 5 };
    assert_int_equal(reader.program->num_binds, NUM_ITEMS(binds));
    for (uint32_t i = 0; i < NUM_ITEMS(binds); i++) {
        assert_int_equal(reader.program->binds[i]->id, binds[i]);
        assert_int_equal(reader.program->binds[i]->index, i);
        assert_int_equal(reader.program->binds[i]->listen.backlog, i < 4 ? 77 : 5);
    }
    reader_fini(&reader);
    refuses("backend a\n id 1\nbackend b\n id 1\n", "the id 1 is taken by backend 'a'");
    refuses("frontend f\n bind :80 id 2\n bind :81 id 2\n", "the id 2 is taken by the bind at line 2");
    refuses("backend b\n server s 127.0.0.1:80 id 2\n server t 127.0.0.1:81 id 2\n", "the id 2 is taken by server 's'");
}

static void test_http_alone(void **state)
{
    struct reader reader;
    (void)state;
    reader_accept(&reader, "listen l\n" TIMEOUTS " bind :80\n http-request return status 200\n option forwardfor\n"
                           " cookie A insert\n option httplog\n log stdout local0\n server s 127.0.0.1:80 cookie a\n");
    const struct proxy_conf *proxy = reader.program->proxies;
    assert_int_equal(reader.diag.num_warnings, 5);
    assert_null(proxy->rules[PROXY_RULES_HTTP_REQUEST]);
    assert_null(proxy->be.cookie.name);
    assert_false(proxy->forwardfor.enabled);
    assert_int_equal(proxy->log_format, PROXY_LOG_TCP);
    reader_fini(&reader);
}

static void test_arguments(void **state)
{
    struct reader reader;
    (void)state;
    reader_accept(
        &reader,
        "defaults\n mode http\n" TIMEOUTS
        "backend a\n option forwardfor except 10.0.0.0/8 header X-Client if-none\n option redispatch -2\n"
        " option forwarded host for_port\n cookie SRV insert indirect domain .a.org domain b.org attr A=b attr C\n"
        " server s 127.0.0.1:80 max-reuse 0 send-proxy-v2 proxy-v2-options crc32c,authority no-send-proxy\n"
        " server t 127.0.0.1:80 max-reuse -1 send-proxy no-send-proxy backup no-backup\n"
        "backend b\n option forwardfor\n option forwarded\n option redispatch 0\n"
        "frontend f\n bind :80\n option forwardfor if-none\n option forwardfor\n");
    const struct proxy_conf *a = find(&reader, "a", CONFIG_IN_BACKEND), *b = find(&reader, "b", CONFIG_IN_BACKEND);
    assert_string_equal(a->forwardfor.header, "X-Client");
    assert_int_equal(a->forwardfor.header_len, 8);
    assert_true(a->forwardfor.if_none);
    assert_int_equal(a->forwardfor.except->prefix_len, 8);
    assert_int_equal(a->be.redispatch_interval, -2);
    assert_true(a->options & PROXY_OPT_REDISPATCH);
    assert_true(a->forwarded.host && !a->forwarded.proto && !a->forwarded.for_ && !a->forwarded.for_port);
    assert_string_equal(a->be.cookie.domain, "; domain=.a.org; domain=b.org");
    assert_string_equal(a->be.cookie.attr, "; A=b; C");
    assert_int_equal(a->be.servers->max_reuse, 1);
    assert_int_equal(a->be.servers->send_proxy, PROXY_SEND_PROXY_V2);
    assert_int_equal(a->be.servers->proxy_v2_options, PROXY_V2_CRC32C | PROXY_V2_AUTHORITY);
    assert_int_equal(a->be.servers->next->max_reuse, 0);
    assert_int_equal(a->be.servers->next->send_proxy, PROXY_SEND_PROXY_NONE);
    assert_false(a->be.servers->next->backup);
    assert_string_equal(b->forwardfor.header, "x-forwarded-for");
    assert_true(b->forwarded.proto && b->forwarded.for_);
    assert_true(b->options & PROXY_OPT_REDISPATCH);
    assert_int_equal(b->be.redispatch_interval, 0);
    assert_false(find(&reader, "f", CONFIG_IN_FRONTEND)->forwardfor.if_none);
    reader_fini(&reader);
}

static void test_log_global(void **state)
{
    struct reader reader;
    (void)state;
    reader_accept(&reader, "global\n log stdout local0\n log stderr local0\ndefaults\n log global\n" TIMEOUTS
                           "backend a\n log fd@2 local1\nbackend b\n no log\nbackend c\n");
    const struct proxy_conf *a = find(&reader, "a", CONFIG_IN_BACKEND);
    assert_string_equal(a->logs->address, "fd@2");
    assert_string_equal(a->logs->next->address, "stdout");
    assert_string_equal(a->logs->next->next->address, "stderr");
    assert_null(a->logs->next->next->next);
    assert_null(find(&reader, "b", CONFIG_IN_BACKEND)->logs);
    assert_ptr_not_equal(find(&reader, "c", CONFIG_IN_BACKEND)->logs, reader.program->global.logs);
    reader_fini(&reader);
}

static void test_warnings(void **state)
{
    (void)state;
    warns("frontend f\n timeout client 1s\n", "frontend 'f' has no 'bind' line");
    warns("backend b\n balance uri\n", "'balance uri' in backend 'b' is ignored: it needs mode http");
    warns("backend b\n mode http\n balance rdp-cookie(a)\n", "'balance rdp-cookie' in backend 'b' is ignored");
    warns("backend b\n timeout server 1s\n server s 127.0.0.1:80\n", "lacks timeouts: 'connect';");
    warns("backend b\n bind :80\n", "'bind' is ignored because backend 'b' has no frontend side");
    warns("frontend f\n timeout client 1s\n bind :80\n fullconn 3\n", "did you mean 'maxconn'?");
    refuses("frontend f\n balance roundrobin\n", "'balance roundrobin' is not allowed in section 'frontend'");
    refuses("backend b\n bind 127.0.0.1\n", "the port is missing");
}

static void test_publish(void **state)
{
    struct reader reader;
    struct board *board = board_new();
    (void)state;
    assert_non_null(board);
    assert_true(log_board_prepare(board));
    reader_accept(&reader, "global\n log stdout local0\nlisten l\n" TIMEOUTS " bind 127.0.0.1:80-81\n log global\n"
                           " server s 127.0.0.1:80\nbackend b\n");
    assert_true(proxy_conf_publish(reader.program, board));
    const struct proxy_conf *l = reader.program->proxies;
    assert_int_equal(reader.program->object, board_object_find(board, "g/global"));
    assert_int_equal(l->fe_object, board_object_find(board, "t/l"));
    assert_int_equal(l->be_object, board_object_find(board, "b/l"));
    assert_int_equal(l->be.servers->object, board_object_find(board, "s/l/s"));
    assert_int_equal(l->fe.binds->next->object, board_object_find(board, "l/l/2"));
    assert_int_equal(l->next->fe_object, 0);
    assert_non_null(l->logs->table);
    assert_non_null(reader.program->global.logs->table);
    reader_fini(&reader);
    board_free(board);
}

static void test_load(void **state)
{
    char path[] = "/tmp/fairlead-test-XXXXXX";
    static const char text[] = "backend b\n server s 127.0.0.1:80\n";
    struct arena arena;
    struct config_diag diag;
    struct program_conf *program;
    const char *files[] = { path };
    const struct proxy_load load = { .files = files, .num_files = 1 };
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    close(fd);
    for (int round = 0; round < 2; round++) {
        arena_init(&arena);
        config_diag_init(&diag, &arena);
        diag.zero_warning = round == 1;
        assert_int_equal(proxy_conf_load(&program, &diag, &arena, &load), round == 0);
        assert_int_equal(program != NULL, round == 0);
        assert_int_equal(diag.num_warnings, 1);
        arena_fini(&arena);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_built_in),         cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_defaults_refused), cmocka_unit_test(test_names),
        cmocka_unit_test(test_tcp_conditions),   cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_http_alone),       cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_log_global),       cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_publish),          cmocka_unit_test(test_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
