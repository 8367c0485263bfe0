// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "process/command.h"

static struct process_options options;

static enum command read_line(const char *line)
{
    static char room[512];
    static char *argv[64];
    int argc = 0;
    command_options_fini(&options);
    strcpy(room, line);
    argv[argc++] = (char[]){ "fairlead" };
    for (char *word = strtok(room, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    return command_read(&options, argc, argv);
}

static void accepted(void **state)
{
    (void)state;
    assert_int_equal(read_line("-f a -f b -D -p pid -- c d -x"), COMMAND_RUN);
    assert_int_equal(options.num_files, 5);
    assert_string_equal(options.files[4], "-x");
    assert_true(options.daemon && !options.master_worker);
    assert_string_equal(options.pidfile, "pid");
    assert_int_equal(read_line("-f a -sf 12 13 -Ws -n 100 -N 5 -m 64 -L me -C / -S fd@7 -S b,level,user"), COMMAND_RUN);
    assert_int_equal(options.old_signal, SIGUSR1);
    assert_int_equal(options.num_old_pids, 2);
    assert_int_equal(options.old_pids[1], 13);
    assert_true(options.master_worker && options.systemd);
    assert_true(options.maxconn == 100 && options.proxy_maxconn == 5 && options.memory_mb == 64);
    assert_int_equal(options.num_master_sockets, 2);
    assert_string_equal(options.master_sockets[0], "fd@7");
    assert_string_equal(options.master_sockets[1], "b,level,user");
    assert_int_equal(read_line("-f a -st -q -V"), COMMAND_RUN);
    assert_int_equal(options.old_signal, SIGTERM);
    assert_true(options.verbose && !options.quiet);
    assert_int_equal(read_line("-f a -db -dM -dM0x41,no-merge -dI -dW -dD -dG -dL -dR -dS -dV -dr -x /dev/null"),
                     COMMAND_RUN);
    assert_true(options.foreground && options.zero_warning && options.diagnostics && options.no_splice);
    assert_int_equal(read_line("-c -f a"), COMMAND_CHECK);
    assert_int_equal(read_line("-cc 1"), COMMAND_CONDITION);
    assert_int_equal(read_line("-v"), COMMAND_VERSION);
    assert_int_equal(read_line("-vv"), COMMAND_DETAILS);
}

static void refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",          "-c",         "-D",           "-f",     "-z -f a", "-f a -n",
        "-f a -n x", "-f a -sf 0", "-f a -sf 12x", "-f a b", "-cc",     "-f a -dQ",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_int_equal(read_line(lines[i]), COMMAND_USAGE);
    command_options_fini(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(accepted), cmocka_unit_test(refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
