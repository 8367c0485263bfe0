// SPDX-License-Identifier: Apache-2.0
// Files, directories, sections, and what is said of lines that name no word.
#include <fcntl.h>
#include <sys/stat.h>
#include "config/reader.h"

static void test_sections(void **state)
{
    (void)state;
    assert_says("global\r\n maxconn 4\r\n\nglobal#again\n maxconn 5 # five\n", "");
    assert_int_equal(sample.number, 5);
    assert_int_equal(sample.ends, 2);
    assert_string_equal(sample.section, "global");
    assert_says("defaults\ndefaults named\nfrontend f from named\n maxconn \"7\"\n", "");
    assert_string_equal(sample.section, "f");
    assert_int_equal(sample.ends, 3);
    assert_first("frontend\n", "t:1:9: 'frontend' is incomplete, expected: frontend <name>");
    assert_first("global x\n", "t:1:8: 'global' takes no argument");
    assert_first("frontend a b c d\n", "t:1:16: unexpected argument 'd', 'frontend' takes at most 3");
    // The lines of a section whose begin fails are passed over.
    assert_says("frontend refused\n nonsense\n maxconn x\nglobal\n maxconn 9\n",
                "[ALERT]    (PID) : config : t:1:10: this name is refused\n"
                "        frontend refused\n"
                "                 ^~~~~~~\n"
                "[ALERT]    (PID) : config : 1 error in the configuration\n");
    assert_int_equal(sample.number, 9);
}

static void test_unknown(void **state)
{
    (void)state;
    assert_says("frontend www\n\tmaxcon 100\n",
                "[ALERT]    (PID) : config : t:2:2: unknown keyword 'maxcon' in section 'frontend'; did you mean "
                "'maxconn'?\n"
                "        \tmaxcon 100\n"
                "        \t^~~~~~\n"
                "[ALERT]    (PID) : config : 1 error in the configuration\n");
    assert_first("global\n something 1\n", "t:2:2: unknown keyword 'something' in section 'global'");
    assert_first("frontend f\n timeout clinet 5\n",
                 "t:2:10: unknown 'timeout' keyword 'clinet'; did you mean 'client'?");
    assert_first("frontend f\n timeout other 5\n",
                 "t:2:10: unknown 'timeout' keyword 'other', expected one of 'client'");
    assert_first("frontend f\n timeout\n", "t:2:9: missing 'timeout' keyword, expected one of 'client'");
    assert_first("frontend f\n \"timeout client\" 5\n",
                 "t:2:2: unknown keyword 'timeout client' in section 'frontend'");
    assert_first("backend b\n timeout client 5\n",
                 "t:2:2: 'timeout client' is not allowed in section 'backend', only in 'defaults', 'frontend'");
    assert_first("frontend f\n server s 127.0.0.1:80\n",
                 "t:2:2: 'server' is not allowed in section 'frontend', only in 'backend'");
    assert_first("frontend f\n daemon\n", "t:2:2: 'daemon' is not allowed in section 'frontend', only in 'global'");
    assert_first("fronted f\n bind :80\n", "t:1:1: unknown section 'fronted'; did you mean 'frontend'?");
    assert_first("foo\n", "t:1:1: unknown section 'foo'");
    assert_first("timeout client 5\n", "t:1:1: 'timeout client' stands outside of any section; a file begins with one");
}

static void test_refused(void **state)
{
    (void)state;
    assert_first("global\n cluster-secret x\n",
                 "t:2:2: 'cluster-secret' is a HAProxy keyword that fairlead does not support yet");
    assert_first("global\n lua-load x.lua\n", "t:2:2: 'lua-load' needs Lua, which fairlead does not have");
    assert_first("backend b\n option checkcache\n",
                 "t:2:2: 'option checkcache' is a HAProxy keyword that fairlead does not support yet");
    assert_first("frontend f\n http-request cache-use c\n",
                 "t:2:2: 'http-request cache-use' is a HAProxy keyword that fairlead does not support yet");
    assert_first("backend b\n server s a:1 shard 1\n",
                 "t:2:15: option 'shard' of 'server' is a HAProxy keyword that fairlead does not support yet");
    assert_first("frontend f\n bind quic4@:1 quic-force-retry\n",
                 "t:2:16: option 'quic-force-retry' of 'bind' needs QUIC, which fairlead does not have");
    assert_says("resolvers r\n nameserver a 1.2.3.4:53\nglobal\n maxconn 2\n",
                "[ALERT]    (PID) : config : t:1:1: section 'resolvers' is a HAProxy keyword that fairlead does not "
                "support yet\n"
                "        resolvers r\n"
                "        ^~~~~~~~~\n"
                "[ALERT]    (PID) : config : 1 error in the configuration\n");
    assert_int_equal(sample.number, 2);
    assert_null(config_refuse_reason("no-such-word", CONFIG_IN_GLOBAL));
    assert_null(config_refuse_reason("lua-load", CONFIG_IN_FRONTEND));
}

static void test_tuning(void **state)
{
    (void)state;
    assert_says("global\n noepoll\n", "[WARNING]  (PID) : config : t:2:2: 'noepoll' tunes a part of HAProxy that "
                                      "fairlead does not have: the line has no effect\n"
                                      "         noepoll\n"
                                      "         ^~~~~~~\n");
    assert_says("global\n zero-warning\n noepoll\n",
                "[WARNING]  (PID) : config : t:3:2: 'noepoll' tunes a part of HAProxy that fairlead does not have: the "
                "line has no effect\n"
                "         noepoll\n"
                "         ^~~~~~~\n"
                "[ALERT]    (PID) : config : 1 warning in the configuration, and none is allowed (zero-warning)\n");
}

static void test_arguments(void **state)
{
    (void)state;
    assert_says("frontend f\n\ttimeout\tclient 1 2\n",
                "[ALERT]    (PID) : config : t:2:19: unexpected argument '2', 'timeout client' takes at most 1\n"
                "        \ttimeout\tclient 1 2\n"
                "        \t       \t         ^\n"
                "[ALERT]    (PID) : config : 1 error in the configuration\n");
    assert_first("frontend f\n timeout client\n",
                 "t:2:16: 'timeout client' is incomplete, expected: timeout client <time>");
    assert_first("backend b\n option dontlognull x\n", "t:2:21: 'option dontlognull' takes no argument");
    assert_first("backend b\n no option dontlognull x\n", "t:2:24: 'option dontlognull' takes no argument");
    assert_first("backend b\n no mode http\n", "t:2:2: 'mode' cannot be preceded by 'no'");
    assert_first("backend b\n default mode http\n", "t:2:2: 'mode' cannot be preceded by 'default'");
    assert_first("backend b\n no\n", "t:2:2: unknown keyword 'no' in section 'backend'");
    assert_first("backend b\n no optoin dontlognull\n",
                 "t:2:5: unknown keyword 'optoin' in section 'backend'; did you mean 'option'?");
}

static void test_options(void **state)
{
    (void)state;
    assert_says("backend b\n server s a:1 weight 30 backup\n", "");
    assert_int_equal(sample.weight, 30);
    assert_true(sample.backup);
    assert_says("backend b\n server s a:1 wieght 1 backup weight 999 zzz \"\"\n server t a:1 weight\n",
                "[ALERT]    (PID) : config : t:2:15: unknown option 'wieght' of 'server'; did you mean 'weight'?\n"
                "         server s a:1 wieght 1 backup weight 999 zzz \"\"\n"
                "                      ^~~~~~\n"
                "[ALERT]    (PID) : config : t:2:38: 999 is out of range, expected 0 to 256\n"
                "         server s a:1 wieght 1 backup weight 999 zzz \"\"\n"
                "                                             ^~~\n"
                "[ALERT]    (PID) : config : t:2:42: unknown option 'zzz' of 'server'\n"
                "         server s a:1 wieght 1 backup weight 999 zzz \"\"\n"
                "                                                 ^~~\n"
                "[ALERT]    (PID) : config : t:3:21: 'weight' is incomplete, expected: weight <number>\n"
                "         server t a:1 weight\n"
                "                            ^\n"
                "[ALERT]    (PID) : config : 4 errors in the configuration\n");
    assert_first("backend b\n server s a:1 \"\" backup\n",
                 "t:2:15: empty option of 'server'; a variable that may be empty is written \"${NAME[*]}\"");
    assert_first("backend b\n default-server shard\n", "t:2:17: option 'shard' of 'default-server' is a HAProxy "
                                                       "keyword that fairlead does not support yet");
}

static void test_environment(void **state)
{
    (void)state;
    assert_says("global\n setenv N 3\n maxconn \"$N\"\n presetenv N 4\n presetenv M 5\n wide \"$N$M\"\n", "");
    assert_int_equal(sample.number, 3);
    assert_int_equal(sample.wide, 35);
    assert_says("global\n setenv N 3\n setenv K 1\n resetenv K N\n maxconn \"${HOME-1}$N\"\n unsetenv N\n"
                " wide \"${N-7}$K\"\n",
                "");
    assert_int_equal(sample.number, 13);
    assert_int_equal(sample.wide, 71);
    assert_first("global\n setenv A=B c\n", "t:2:9: 'A=B' cannot be the name of a variable");
    assert_first("global\n setenv A\n", "t:2:10: 'setenv' is incomplete, expected: setenv <name> <value>");

    // Exported only where nothing is wrong.
    struct reader reader;
    unsetenv("FAIRLEAD_TEST");
    for (int wrong = 1; wrong >= 0; wrong--) {
        reader_init(&reader);
        reader.config.env->is_private = false;
        reader_says(&reader,
                    wrong ? "global\n setenv FAIRLEAD_TEST 1\n maxconn x\n" : "global\n setenv FAIRLEAD_TEST 1\n");
        assert_int_equal(getenv("FAIRLEAD_TEST") != NULL, !wrong);
        reader_fini(&reader);
    }
}

static void test_show(void **state)
{
    (void)state;
    // Control characters, broken UTF-8 and bytes a terminal may obey are escaped, and the caret stays in place.
    assert_says("global\n a\x1b[2J\x9b\xc3\xa9\xc2\x9b b\n",
                "[ALERT]    (PID) : config : t:2:2: unknown keyword 'a\\x1b[2J\\x9b\xc3\xa9\\xc2\\x9b' in section "
                "'global'\n"
                "         a\\x1b[2J\\x9b\xc3\xa9\\xc2\\x9b b\n"
                "         ^~~~~~~~~~~~~~~~~~~~~\n"
                "[ALERT]    (PID) : config : 1 error in the configuration\n");
    // A long line is cut around the caret.
    char text[1000] = "global\n maxconn ", expected[2000];
    char xs[301], ys[61];
    memset(xs, ' ', 300);
    xs[300] = '\0';
    memset(ys, 'y', 60);
    ys[60] = '\0';
    strcat(text, xs);
    for (int i = 0; i < 5; i++)
        strcat(text, ys);
    strcat(text, "\n");
    snprintf(expected, sizeof(expected),
             "[ALERT]    (PID) : config : t:2:310: '%s%s%s%s%s' is no number\n"
             "        ...%.60s%s...\n"
             "           %.60s^%.59s\n"
             "[ALERT]    (PID) : config : 1 error in the configuration\n",
             ys, ys, ys, ys, ys, xs, ys, xs, "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~");
    assert_says(text, expected);
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void test_files(void **state)
{
    (void)state;
    char dir[] = "/tmp/fairlead-config-XXXXXX";
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(mkdir("conf", 0700), 0);
    assert_int_equal(mkdir("conf/d.cfg", 0700), 0);
    write_file("conf/b.cfg", "global\n maxconn 2\n");
    write_file("conf/B.cfg", "global\n maxconn 1\n .notice \"$.FILE\"\n");
    write_file("conf/.hidden.cfg", "nonsense\n");
    write_file("conf/other.txt", "nonsense\n");

    struct reader reader;
    reader_init(&reader);
    assert_true(config_read_file(&reader.config, "conf"));
    assert_int_equal(sample.number, 2);
    assert_int_equal(sample.ends, 2);
    assert_string_equal(reader.diag.first->text, "conf/B.cfg");
    reader_fini(&reader);

    write_file("cut.cfg", "global\n maxconn 1");
    write_file("bom.cfg", "\xef\xbb\xbfglobal\n maxconn 8\n");
    reader_init(&reader);
    assert_false(config_read_file(&reader.config, "absent.cfg"));
    assert_false(config_read_file(&reader.config, "cut.cfg"));
    assert_false(config_read_file(&reader.config, "bom.cfg"));
    assert_int_equal(sample.number, 8);
    // A file begins outside of any section.
    write_file("rest.cfg", " maxconn 3\n");
    assert_false(config_read_file(&reader.config, "rest.cfg"));
    assert_false(config_read_end(&reader.config));
    assert_string_equal(
        reader_output(&reader),
        "[ALERT]    (PID) : config : absent.cfg: cannot be opened: No such file or directory\n"
        "[ALERT]    (PID) : config : cut.cfg:2:11: missing line feed after the last line; the file may "
        "have been truncated\n"
        "         maxconn 1\n"
        "                  ^\n"
        "[ALERT]    (PID) : config : bom.cfg: the file begins with a byte order mark; please save it as "
        "plain UTF-8\n"
        "[ALERT]    (PID) : config : rest.cfg:1:2: 'maxconn' stands outside of any section; a file "
        "begins with one\n"
        "         maxconn 3\n"
        "         ^~~~~~~\n"
        "[ALERT]    (PID) : config : 4 errors in the configuration\n");
    reader_fini(&reader);
    static const char *const files[] = { "conf/b.cfg", "conf/B.cfg", "conf/.hidden.cfg", "conf/other.txt",
                                         "cut.cfg",    "bom.cfg",    "rest.cfg" };
    for (size_t i = 0; i < NUM_ITEMS(files); i++)
        unlink(files[i]);
    rmdir("conf/d.cfg");
    rmdir("conf");
    assert_int_equal(chdir("/"), 0);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sections), cmocka_unit_test(test_unknown),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_tuning),   cmocka_unit_test(test_arguments),   cmocka_unit_test(test_options),
        cmocka_unit_test(test_show),     cmocka_unit_test(test_environment), cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests_name("config read", tests, NULL, NULL);
}
