// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/check.h"
#include "board/board.h"
#include "config/config.h"
#include "log/log.h"
#include "os/service.h"
#include "process/command.h"
#include "process/master.h"
#include "process/program.h"
#include "image.h"
#include "master.h"

enum { BOOT_CONDITION_ERROR = 2 };

static int condition_answer(const struct process_options *options)
{
    struct arena arena;
    struct config_diag diag;
    struct config config;
    bool result = false;
    const char *error = NULL;
    const char *text = options->condition;
    arena_init(&arena);
    config_diag_init(&diag, &arena);
    config_init(&config, &arena, &diag, NULL);
    config.numeric_hosts = options->no_getaddrinfo;
    config.no_splice = options->no_splice;
    config.no_server_verify = options->no_server_verify;
    int status = BOOT_CONDITION_ERROR;
    if (config_condition(&config, &result, &error, text))
        status = result ? 0 : 1;
    else
        log_say(LOG_LEVEL_ALERT, "cannot evaluate condition '%s': %s", text, error ? error : "malformed");
    config_fini(&config);
    arena_fini(&arena);
    return status;
}

// `brief`: only what is wrong is said, but that always.
static int configuration_check(const struct process_program *program, const struct process_options *options, bool brief)
{
    bool says = brief || !options->quiet;
    struct process_settings settings = { 0 };
    struct text messages;
    text_init(&messages);
    void *conf = program->load(&settings, &messages, options);
    bool valid = conf != NULL;
    if (says && messages.ptr)
        fputs(messages.ptr, stderr);
    bool serves = settings.num_binds > 0;
    if (says && valid && (!serves || !brief))
        puts(serves ? "Configuration file is valid"
                    : "Configuration file has no error but will not start (no listener) => exit(2).");
    if (says && !valid)
        log_say(LOG_LEVEL_ALERT, "the configuration has errors");
    text_fini(&messages);
    if (conf && program->unload)
        program->unload(conf);
    return !valid ? 1 : serves ? 0 : 2;
}

static int program_run(const struct process_program *program, const struct process_options *options,
                       struct image *image)
{
    int ready_fd = -1;
    int status = 1;
    bool background = options->daemon && !options->foreground && image->order == IMAGE_START;
    bool silent = false;
    for (;;) {
        if (background && (ready_fd = os_daemon_start()) < 0) {
            log_say(LOG_LEVEL_ALERT, "cannot go to the background: %s", strerror(errno));
            return 1;
        }
        if (master_run(&status, program, options, image, ready_fd, silent) == MASTER_EXIT)
            return status;
        background = silent = true;
    }
}

// What a master executes is where it went to already.
static int command_run(const struct process_program *program, const struct process_options *options,
                       struct image *image, enum command command)
{
    if (options->directory && image->order == IMAGE_START && chdir(options->directory) < 0) {
        log_say(LOG_LEVEL_ALERT, "cannot change to directory '%s': %s", options->directory, strerror(errno));
        return 1;
    }
    if (options->memory_mb && !os_limit_memory(options->memory_mb << 20))
        log_say(LOG_LEVEL_WARNING, "cannot limit the memory: %s", strerror(errno));
    if (image->order == IMAGE_CHECK) {
        int status = configuration_check(program, options, true);
        return status ? status : upgrade_check(image);
    }
    if (command == COMMAND_CHECK)
        return configuration_check(program, options, false);
    return program_run(program, options, image);
}

// A program started with one of the standard descriptors closed would give its number to a socket.
static void standard_descriptors_open(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int process_main(const struct process_program *program, int argc, char **argv)
{
    struct process_options options;
    struct image image;
    // Freeing a hundred thousand small blocks in steps is of no use where the allocator keeps them for one great step.
    mallopt(M_MXFAST, 0);
    standard_descriptors_open();
    image_init(&image, argv);
    os_title_init(argc, argv);
    board_program_version(version_text());
    enum command command = command_read(&options, argc, argv);
    int status = 0;
    // The environment that configurations see is made of this one.
    if (options.local_peer && setenv("HAPROXY_LOCALPEER", options.local_peer, 1) != 0)
        check_out_of_memory(strlen(options.local_peer));
    switch (command) {
    case COMMAND_USAGE:
        command_usage(argc > 0 ? argv[0] : "fairlead");
        status = 1;
        break;
    case COMMAND_VERSION:
    case COMMAND_DETAILS:
        version_print(command == COMMAND_DETAILS);
        break;
    case COMMAND_CONDITION:
        status = condition_answer(&options);
        break;
    default:
        status = command_run(program, &options, &image, command);
    }
    command_options_fini(&options);
    image_fini(&image);
    return status;
}
