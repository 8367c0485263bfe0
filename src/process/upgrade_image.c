// SPDX-License-Identifier: Apache-2.0
// The new image's side of an upgrade: the check before it, and the beginning after it.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/check.h"
#include "board/board.h"
#include "log/log.h"
#include "os/memory.h"
#include "process/command.h"
#include "upgrade_answer.h"
#include "upgrade_state.h"

static const void *state_map(size_t *len, const struct image *image)
{
    if (!memory_file_check(image->state_fd, len) || !*len) {
        errno = EINVAL;
        return NULL;
    }
    return memory_map(image->state_fd, *len, false);
}

static void lists_init(struct master *master)
{
    list_init(&master->generations);
    list_init(&master->listeners);
    list_init(&master->reloads);
    text_init(&master->latest);
}

// One line for each section becomes one line with commas.
static void afresh_copy(char *to, size_t cap, const struct text *afresh)
{
    snprintf(to, cap, "%s", afresh->ptr ? afresh->ptr : "");
    size_t len = strlen(to);
    if (len && to[len - 1] == '\n')
        to[len - 1] = '\0';
    struct text spaced;
    text_init(&spaced);
    for (const char *at = to; *at; at++)
        text_printf(&spaced, *at == '\n' ? ", " : "%c", *at);
    snprintf(to, cap, "%s", spaced.ptr ? spaced.ptr : "");
    text_fini(&spaced);
}

static bool answer_write(int fd, const struct text *afresh)
{
    struct upgrade_answer answer = { .magic = UPGRADE_ANSWER_MAGIC };
    snprintf(answer.version, sizeof(answer.version), "%s", version_text());
    afresh_copy(answer.afresh, sizeof(answer.afresh), afresh);
    return pwrite(fd, &answer, sizeof(answer), 0) == (ssize_t)sizeof(answer);
}

int upgrade_check(const struct image *image)
{
    struct master master = { 0 };
    struct upgrade_state state;
    struct text afresh;
    char error[UPGRADE_ERROR_LEN];
    size_t len;
    const void *data = state_map(&len, image);
    if (!data) {
        fprintf(stderr, "the state of the program that runs cannot be mapped: %s\n", strerror(errno));
        return 1;
    }
    lists_init(&master);
    text_init(&afresh);
    bool good = upgrade_state_load(&master, &state, error, data, len);
    if (!good)
        fprintf(stderr, "the state of the program that runs cannot be read: %s\n", error);
    if (good && !board_inspect(&afresh, state.board_fd))
        text_printf(&afresh, "all of the board\n");
    if (good && !answer_write(image->other_fd, &afresh)) {
        fprintf(stderr, "the answer cannot be written: %s\n", strerror(errno));
        good = false;
    }
    upgrade_state_drop(&master);
    upgrade_state_fini(&state);
    text_fini(&afresh);
    return good ? 0 : 1;
}

// Processes of before live on another board: on ours their numbers belong to others.
static void generations_estrange(struct master *master)
{
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        generation->foreign = true;
        generation->keeper_inc = 0;
        for (uint32_t i = 0; i < generation->num_seats; i++)
            generation->seats[i].inc = 0;
    }
}

// Of a board that cannot be read at all nobody else closes them.
static void board_close(const struct upgrade_state *state)
{
    for (uint32_t i = 0; i < state->num_board_fds; i++)
        if (state->board_fds[i] > STDERR_FILENO)
            close(state->board_fds[i]);
}

// Of the core it was told as a whole.
static void news_tell(struct board *board)
{
    struct board_news news;
    while (board_news_next(board, &news))
        if (strncmp(news.name, "board/", strlen("board/")) != 0)
            log_say(LOG_LEVEL_WARNING,
                    "Upgrading: section '%s' of the board starts afresh: what was kept is of version %#x, not %#x",
                    news.name, news.had_version, news.version);
}

static bool board_take_over(struct master *master, const struct upgrade_state *state)
{
    bool fresh = false;
    master->board = board_adopt(&fresh, state->board_fd);
    if (!master->board) {
        log_say(LOG_LEVEL_WARNING, "Upgrading: the board of fairlead %s cannot be read: all of it starts afresh",
                state->version);
        board_close(state);
        master->board = board_new();
        fresh = true;
    }
    if (!master->board)
        return false;
    if (fresh) {
        generations_estrange(master);
        master->inc = board_incarnation_take(master->board, BOARD_ROLE_MASTER, 0, 0);
    }
    if (!log_board_prepare(master->board) || !board_incarnation_enter(master->board, master->inc))
        return false;
    log_say_enter(master->board, master->inc);
    if (fresh)
        log_say(LOG_LEVEL_WARNING,
                "Upgrading: the board's core (counters, limits, queues, journal, log rings) starts afresh; processes "
                "of before finish on theirs");
    news_tell(master->board);
    return true;
}

static bool line_attach(struct master *master, struct messages *line, const char *whose)
{
    if (messages_attach(line, &master->loop))
        return true;
    log_say(LOG_LEVEL_ALERT, "Upgrading: a line to %s is lost: %s", whose, strerror(errno));
    return false;
}

static bool lines_open(struct master *master)
{
    bool good = true;
    LIST_EACH(generation, &master->generations, struct generation, link)
    {
        if (generation->line_open) {
            generation_line_init(generation, generation->line.source.fd);
            good = line_attach(master, &generation->line, "a keeper") && good;
        }
        for (uint32_t i = 0; i < generation->num_seats; i++) {
            struct seat *seat = &generation->seats[i];
            if (!seat->open)
                continue;
            seat_line_init(seat, seat->line.source.fd);
            good = line_attach(master, &seat->line, "a process") && good;
        }
    }
    return good;
}

// In their order, and before anything new.
static void unsent_send(const struct upgrade_state *state)
{
    LIST_EACH(unsent, &state->unsent, struct upgrade_unsent, link)
    {
        messages_send(unsent->line, unsent->type, unsent->data, unsent->len, unsent->fds, unsent->num_fds);
        for (size_t i = 0; i < unsent->num_fds; i++)
            close(unsent->fds[i]);
    }
}

static bool take_over(struct master *master, struct upgrade_state *state)
{
    if (state->path.len) {
        free(master->image->path);
        master->image->path = state->path.ptr;
        text_init(&state->path);
    }
    if (!board_take_over(master, state) || !lines_open(master))
        return false;
    unsent_send(state);
    upgrade_state_descriptors_keep(master, false);
    if (master->image->order == IMAGE_GO_ON)
        log_say(LOG_LEVEL_NOTICE, "Upgraded: this is fairlead %s, in the place of %s", version_text(), state->version);
    else
        log_say(LOG_LEVEL_ALERT,
                "cannot upgrade to the program at '%s': it could not go on; this is fairlead %s, as before",
                master->image->path, version_text());
    return true;
}

// Nothing was touched yet: the image before can have it all back.
static void go_back(const struct image *image, const char *error)
{
    log_say(LOG_LEVEL_ALERT, "Upgrading: this program cannot go on in the place of the other: %s", error);
    if (image->order == IMAGE_GO_ON && image->other_fd >= 0)
        image_execute(image, IMAGE_BACK, image->state_fd, -1);
    log_say(LOG_LEVEL_ALERT, "Upgrading: there is no way back");
}

static void descriptor_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

bool upgrade_continue(struct master *master)
{
    struct image *image = master->image;
    struct upgrade_state state = { 0 };
    char error[UPGRADE_ERROR_LEN];
    size_t len;
    const void *data = state_map(&len, image);
    list_init(&state.unsent);
    bool good = data && upgrade_state_load(master, &state, error, data, len);
    if (!data)
        snprintf(error, sizeof(error), "the state cannot be mapped: %s", strerror(errno));
    if (!good)
        go_back(image, error);
    good = good && take_over(master, &state);
    upgrade_state_fini(&state);
    memory_unmap((void *)(uintptr_t)data, data ? len : 0);
    descriptor_close(&image->state_fd);
    descriptor_close(&image->other_fd);
    return good;
}

void upgrade_resume(struct master *master)
{
    if (master->image->order == IMAGE_GO_ON)
        generation_start(master);
    else
        reload_ended(master, NULL, false, "the other program could not go on in this one's place\n");
}
