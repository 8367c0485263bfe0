// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "base/slice.h"
#include "log/log.h"
#include "process/command.h"

// One reading of the arguments.
struct reading {
    struct process_options *options;
    enum command command;
    char **args; // what is left
    int num;
    const char *flag; // the one being read
};

struct flag {
    const char *name;
    bool (*take)(struct reading *reading, const struct flag *flag);
    size_t into; // offset in struct process_options
    enum command command;
};

static void *target(const struct reading *reading, const struct flag *flag)
{
    return (char *)reading->options + flag->into;
}

static void *list_grow(void *list, uint32_t num, size_t item_len)
{
    void *grown = realloc(list, (num + 1) * item_len);
    if (!grown)
        check_out_of_memory((num + 1) * item_len);
    return grown;
}

static void file_add(struct process_options *options, const char *path)
{
    options->files = list_grow(options->files, options->num_files, sizeof(*options->files));
    options->files[options->num_files++] = path;
}

static const char *argument(struct reading *reading)
{
    if (!reading->num) {
        log_say(LOG_LEVEL_ALERT, "option '%s' wants an argument", reading->flag);
        return NULL;
    }
    reading->num--;
    return *reading->args++;
}

static bool number(struct reading *reading, uint64_t *out, uint64_t max)
{
    const char *text = argument(reading);
    if (!text)
        return false;
    if (!slice_to_u64(slice_str(text), out) || *out > max) {
        log_say(LOG_LEVEL_ALERT, "option '%s' wants a number, not '%s'", reading->flag, text);
        return false;
    }
    return true;
}

static bool take_bool(struct reading *reading, const struct flag *flag)
{
    *(bool *)target(reading, flag) = true;
    return true;
}

static bool take_string(struct reading *reading, const struct flag *flag)
{
    const char *text = argument(reading);
    *(const char **)target(reading, flag) = text;
    return text != NULL;
}

static bool take_u32(struct reading *reading, const struct flag *flag)
{
    uint64_t value;
    if (!number(reading, &value, UINT32_MAX))
        return false;
    *(uint32_t *)target(reading, flag) = (uint32_t)value;
    return true;
}

static bool take_u64(struct reading *reading, const struct flag *flag)
{
    return number(reading, target(reading, flag), UINT32_MAX);
}

static bool take_command(struct reading *reading, const struct flag *flag)
{
    reading->command = flag->command;
    return true;
}

static bool take_check(struct reading *reading, const struct flag *flag)
{
    reading->options->check = true;
    return take_command(reading, flag);
}

static bool take_condition(struct reading *reading, const struct flag *flag)
{
    reading->command = COMMAND_CONDITION;
    return take_string(reading, flag);
}

static bool take_file(struct reading *reading, const struct flag *flag)
{
    (void)flag;
    const char *path = argument(reading);
    if (path)
        file_add(reading->options, path);
    return path != NULL;
}

static bool take_master_socket(struct reading *reading, const struct flag *flag)
{
    (void)flag;
    struct process_options *options = reading->options;
    const char *text = argument(reading);
    if (!text)
        return false;
    options->master_sockets =
        list_grow(options->master_sockets, options->num_master_sockets, sizeof(*options->master_sockets));
    options->master_sockets[options->num_master_sockets++] = text;
    return true;
}

static bool take_files(struct reading *reading, const struct flag *flag)
{
    (void)flag;
    for (; reading->num; reading->num--)
        file_add(reading->options, *reading->args++);
    return true;
}

static bool take_verbose(struct reading *reading, const struct flag *flag)
{
    reading->options->quiet = false;
    return take_bool(reading, flag);
}

static bool take_systemd(struct reading *reading, const struct flag *flag)
{
    reading->options->systemd = true;
    return take_bool(reading, flag);
}

static bool take_old_pids(struct reading *reading, const struct flag *flag)
{
    struct process_options *options = reading->options;
    options->old_signal = strcmp(flag->name, "-st") == 0 ? SIGTERM : SIGUSR1;
    for (; reading->num && reading->args[0][0] != '-'; reading->num--, reading->args++) {
        uint64_t pid;
        if (!slice_to_u64(slice_trim(slice_str(reading->args[0])), &pid) || pid < 2 || pid > INT32_MAX) {
            log_say(LOG_LEVEL_ALERT, "option '%s' wants pids, not '%s'", flag->name, reading->args[0]);
            return false;
        }
        options->old_pids = list_grow(options->old_pids, options->num_old_pids, sizeof(*options->old_pids));
        options->old_pids[options->num_old_pids++] = (pid_t)pid;
    }
    return true;
}

static bool take_nothing(struct reading *reading, const struct flag *flag)
{
    (void)reading;
    (void)flag;
    return true;
}

#define OPTION(member) offsetof(struct process_options, member)

static const struct flag flags[] = {
    { "--", take_files, 0, 0 },
    { "-f", take_file, 0, 0 },
    { "-c", take_check, 0, COMMAND_CHECK },
    { "-cc", take_condition, OPTION(condition), 0 },
    { "-C", take_string, OPTION(directory), 0 },
    { "-D", take_bool, OPTION(daemon), 0 },
    { "-W", take_bool, OPTION(master_worker), 0 },
    { "-Ws", take_systemd, OPTION(master_worker), 0 },
    { "-d", take_bool, OPTION(foreground), 0 },
    { "-db", take_bool, OPTION(foreground), 0 },
    { "-q", take_bool, OPTION(quiet), 0 },
    { "-V", take_verbose, OPTION(verbose), 0 },
    { "-v", take_command, 0, COMMAND_VERSION },
    { "-vv", take_command, 0, COMMAND_DETAILS },
    { "-h", take_command, 0, COMMAND_USAGE },
    { "-p", take_string, OPTION(pidfile), 0 },
    { "-L", take_string, OPTION(local_peer), 0 },
    { "-S", take_master_socket, 0, 0 },
    { "-n", take_u32, OPTION(maxconn), 0 },
    { "-N", take_u32, OPTION(proxy_maxconn), 0 },
    { "-m", take_u64, OPTION(memory_mb), 0 },
    { "-sf", take_old_pids, 0, 0 },
    { "-st", take_old_pids, 0, 0 },
    { "-x", take_string, OPTION(old_socket), 0 },
    { "-dD", take_bool, OPTION(diagnostics), 0 },
    { "-dW", take_bool, OPTION(zero_warning), 0 },
    { "-dr", take_bool, OPTION(ignore_unresolved), 0 },
    { "-dG", take_bool, OPTION(no_getaddrinfo), 0 },
    { "-dI", take_bool, OPTION(may_fork), 0 },
    { "-dS", take_bool, OPTION(no_splice), 0 },
    { "-dV", take_bool, OPTION(no_server_verify), 0 },
    // Switches of machinery that is not here.
    { "-4", take_nothing, 0, 0 },
    { "-dF", take_nothing, 0, 0 },
    { "-dL", take_nothing, 0, 0 },
    { "-dR", take_nothing, 0, 0 },
    { "-dZ", take_nothing, 0, 0 },
    { "-dc", take_nothing, 0, 0 },
    { "-de", take_nothing, 0, 0 },
    { "-dk", take_nothing, 0, 0 },
    { "-dp", take_nothing, 0, 0 },
    { "-dv", take_nothing, 0, 0 },
};

static const struct flag *flag_find(const char *text)
{
    static const struct flag memory_debugging = { "-dM", take_nothing, 0, 0 };
    for (size_t i = 0; i < NUM_ITEMS(flags); i++)
        if (strcmp(flags[i].name, text) == 0)
            return &flags[i];
    return strncmp(text, "-dM", 3) == 0 ? &memory_debugging : NULL;
}

enum command command_read(struct process_options *options, int argc, char **argv)
{
    *options = (struct process_options){ 0 };
    struct reading reading = { .options = options, .command = COMMAND_RUN, .args = argv + 1, .num = argc - 1 };
    while (reading.num > 0) {
        reading.num--;
        reading.flag = *reading.args++;
        const struct flag *flag = flag_find(reading.flag);
        if (!flag)
            log_say(LOG_LEVEL_ALERT, "unknown option '%s'", reading.flag);
        if (!flag || !flag->take(&reading, flag))
            return COMMAND_USAGE;
    }
    // Without a file there is nothing to run: like HAProxy, say what the flags are.
    if ((reading.command == COMMAND_RUN || reading.command == COMMAND_CHECK) && !options->num_files)
        return COMMAND_USAGE;
    return reading.command;
}

void command_options_fini(struct process_options *options)
{
    free(options->files);
    free(options->master_sockets);
    free(options->old_pids);
    *options = (struct process_options){ 0 };
}

void command_usage(const char *name)
{
    fprintf(stderr,
            "Usage : %s [-f <cfgfile|cfgdir>]* [-vdVDWq] [-n <maxconn>] [-N <maxpconn>]\n"
            "        [-p <pidfile>] [-m <max megs>] [-C <dir>] [-- <cfgfile>*]\n"
            "        -f reads a configuration file, or all *.cfg of a directory; -- takes files alone after it\n"
            "        -c checks the configuration and exits\n"
            "        -cc evaluates a condition of .if and exits with 0 (true), 1 (false) or 2 (error)\n"
            "        -v shows the version; -vv shows how it was built\n"
            "        -D goes to the background; -d and -db stay in the foreground\n"
            "        -W is accepted: there is always a master; -Ws also tells systemd when it is ready\n"
            "        -q prints no messages; -V undoes that\n"
            "        -C changes to a directory before reading files\n"
            "        -p writes the master's pid to a file\n"
            "        -n limits the connections of the whole program, -N those of one frontend\n"
            "        -m limits the memory of each process (in MB)\n"
            "        -L sets the local peer's name\n"
            "        -S <bind>[,<bind options>...] opens an admin socket of the master\n"
            "        -sf/-st [pid]* finish/terminate old processes once this one is ready\n"
            "        -x takes the listening sockets over from the program behind an admin socket that has expose-fd "
            "listeners\n"
            "        -dD warns about suspicious statements; -dW refuses warnings\n"
            "        -dr ignores servers' names that do not resolve; -dG looks no name up\n"
            "        -dI permits external checks to start programs, as insecure-fork-wanted does\n"
            "        -dS does not splice; -dV verifies no server's certificate by default\n"
            "        -4 -dF -dL -dM* -dR -dZ -dc -de -dk -dp -dv are accepted and change nothing here\n",
            name);
}
