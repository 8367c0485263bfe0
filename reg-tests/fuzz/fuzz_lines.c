// SPDX-License-Identifier: Apache-2.0
// What keepers, controllers and workers that are no longer themselves say to the master: it stays alive, and all of it
// can be ended and freed. Each step of an input is four bytes, who does what and how; then changes (where, what) to a
// message that would be good as it is. The kernel hears nothing of what keepers ask for: no address is bound, no file
// made, no process signalled or forked.
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/check.h"
#include "base/text.h"
#include "log/log.h"
#include "os/memory.h"
#include "os/pass.h"
#include "process/last_words.h"
#include "process/upgrade_state.h"

enum {
    STEPS = 64,
    GENERATIONS = 3,
    PLACES = 4, // the controller and three workers
    NO_SUCH_PID = 0x3ffffff0,
    ROOM = 8192,
};

// How a message differs from one that keeps to the rules.
enum { ODD_FD = 1, ODD_SHORT = 2, ODD_LONG = 4, QUICK = 8, CHANGES_SHIFT = 4 };

// One generation as its processes see it: their ends of the lines.
struct other {
    struct generation *generation;
    uint32_t number;
    int line;
    int seats[PLACES];
    uint32_t incs[PLACES];
};

struct input {
    const uint8_t *at;
    const uint8_t *end;
};

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct master master;
static struct image image;
static struct other others[GENERATIONS];
static bool inside; // what follows is for the input alone, not for libFuzzer

int kill(pid_t pid, int sig)
{
    must(!inside || pid > 1);
    (void)sig;
    return 0;
}

pid_t fork(void)
{
    errno = EAGAIN;
    return -1;
}

int bind(int fd, const struct sockaddr *address, socklen_t len)
{
    (void)fd;
    (void)address;
    (void)len;
    return 0;
}

int listen(int fd, int backlog)
{
    (void)fd;
    (void)backlog;
    return 0;
}

int rename(const char *from, const char *to)
{
    (void)from;
    (void)to;
    return 0;
}

int chmod(const char *path, mode_t mode)
{
    (void)path;
    (void)mode;
    return 0;
}

int chown(const char *path, uid_t uid, gid_t gid)
{
    (void)path;
    (void)uid;
    (void)gid;
    return 0;
}

int unlink(const char *path)
{
    return inside ? 0 : unlinkat(AT_FDCWD, path, 0);
}

// The master tells of all that it finds; that is not for whoever looks at the fuzzer.
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static char *more[64];
    static char quiet[] = "-close_fd_mask=2";
    int num = *argc < 62 ? *argc : 62;
    memcpy(more, *argv, (size_t)num * sizeof(*more));
    more[num] = quiet;
    *argc = num + 1;
    *argv = more;
    board_program_version("1.2.3");
    return 0;
}

static void master_begin(void)
{
    static const struct process_options options = { .pidfile = "" };
    memset(&master, 0, sizeof(master));
    master = (struct master){ .options = &options, .image = &image, .ready_fd = -1 };
    list_init(&master.generations);
    list_init(&master.listeners);
    list_init(&master.reloads);
    text_init(&master.latest);
    must(event_loop_init(&master.loop));
    master.loop.owner = &master;
    master.loop.max_sleep_us = 1;
    handover_init(&master);
    master.board = board_new();
    must(master.board && log_board_prepare(master.board) && last_words_prepare(master.board));
    master.inc = board_incarnation_take(master.board, BOARD_ROLE_MASTER, 0, 0);
    must(board_incarnation_enter(master.board, master.inc));
}

// As generation_start does it, but that nothing is forked.
static void generation_begin(struct other *other)
{
    struct generation *generation = calloc(1, sizeof(*generation));
    int ends[2];
    must(generation && os_pass_pair(ends));
    text_init(&generation->said);
    generation->master = &master;
    generation->number = other->number = ++master.num_generations;
    generation->started_us = master.loop.now_us;
    generation->keeper = NO_SUCH_PID;
    generation->keeper_inc = board_incarnation_take(master.board, BOARD_ROLE_KEEPER, 0, generation->number);
    generation_line_init(generation, ends[0]);
    generation->line_open = true;
    must(messages_attach(&generation->line, &master.loop));
    list_append(&master.generations, &generation->link);
    other->generation = generation;
    other->line = ends[1];
    for (uint32_t i = 0; i < PLACES; i++)
        other->seats[i] = -1;
}

static uint32_t slot_of(uint32_t place)
{
    return place ? place - 1 : WIRE_CONTROLLER_SLOT;
}

static void end_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

// What the master says is taken off its lines; ends of lines are kept.
static void listen_to(struct other *other, int from)
{
    char data[ROOM];
    uint64_t type;
    size_t len;
    size_t num_fds;
    int fds[OS_PASS_MAX_FDS];
    while (from >= 0 && os_pass_receive(from, data, &len, fds, &num_fds, sizeof(data)) == IO_OK) {
        struct wire_seat seat = { .slot = UINT32_MAX };
        must(len >= sizeof(type));
        memcpy(&type, data, sizeof(type));
        if (type == WIRE_SEATED && len == sizeof(type) + sizeof(seat))
            memcpy(&seat, data + sizeof(type), sizeof(seat));
        uint32_t place = seat.slot == WIRE_CONTROLLER_SLOT ? 0 : seat.slot + 1;
        for (size_t i = 0; i < num_fds; i++) {
            if (type != WIRE_SEATED || seat.slot == UINT32_MAX || place >= PLACES) {
                close(fds[i]);
                continue;
            }
            end_close(&other->seats[place]);
            other->seats[place] = fds[i];
        }
    }
}

static void settle(void)
{
    event_loop_turn(&master.loop);
    for (uint32_t i = 0; i < GENERATIONS; i++) {
        struct other *other = &others[i];
        listen_to(other, other->generation ? other->line : -1);
        for (uint32_t place = 0; other->generation && place < PLACES; place++)
            listen_to(other, other->seats[place]);
    }
}

static size_t plan_make(void *out, uint8_t how)
{
    struct wire_plan plan = { .num_workers = 1 + how % (PLACES - 1),
                              .num_binds = how / 4 % 4,
                              .num_sockets = how / 16 % 3,
                              .exposes = 1,
                              .max_reloads = how / 64 };
    memcpy(out, &plan, sizeof(plan));
    return sizeof(plan);
}

static size_t open_make(void *out, uint8_t how)
{
    struct wire_open open = { .index = how % 4, .is_socket = how / 4 % 2, .listen = { .kind = how / 8 % 4, .fd = 0 } };
    struct sockaddr_in *in = (struct sockaddr_in *)&open.listen.address;
    struct sockaddr_un *un = (struct sockaddr_un *)&open.listen.address;
    if (open.listen.kind == OS_LISTEN_TCP) {
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)(1024 + how / 32));
        open.listen.address_len = sizeof(*in);
    } else {
        un->sun_family = AF_UNIX;
        snprintf(un->sun_path + (open.listen.kind == OS_LISTEN_ABNS), 32, "/nowhere/%u", how / 32);
        open.listen.address_len =
            open.listen.kind == OS_LISTEN_ABNS ? offsetof(struct sockaddr_un, sun_path) + 11 : sizeof(*un);
    }
    memcpy(out, &open, sizeof(open));
    return sizeof(open);
}

static size_t seat_make(struct other *other, void *out, uint32_t type, uint8_t how)
{
    uint32_t place = how % PLACES;
    struct wire_seat seat = { .slot = slot_of(place), .pid = getpid() };
    if (type == WIRE_SEAT)
        other->incs[place] = board_incarnation_take(master.board, place ? BOARD_ROLE_WORKER : BOARD_ROLE_CONTROLLER,
                                                    seat.slot, other->number);
    seat.inc = other->incs[place];
    memcpy(out, &seat, sizeof(seat));
    return sizeof(seat);
}

static size_t section_make(void *out, uint8_t how)
{
    struct wire_section section = { .version = how % 2 };
    snprintf(section.name, sizeof(section.name), "section %u", how / 2 % 4);
    memcpy(out, &section, sizeof(section));
    return sizeof(section);
}

// A good message of `type` in `out`, by its length.
static size_t message_make(struct other *other, void *out, uint32_t type, uint8_t how)
{
    struct wire_reload reload = { .id = how / 2, .hard = how % 2 };
    memset(out, 0, ROOM);
    switch (type) {
    case WIRE_PLAN:
        return plan_make(out, how);
    case WIRE_OPEN:
        return open_make(out, how);
    case WIRE_SECTION:
        return section_make(out, how);
    case WIRE_SEAT:
    case WIRE_FORKED:
    case WIRE_DEAD:
        return seat_make(other, out, type, how);
    case WIRE_SAID:
        memset(out, 'a' + how % 26, how);
        return how;
    case WIRE_RELOAD:
        memcpy(out, &reload, sizeof(reload));
        return sizeof(reload);
    case WIRE_SOCKETS:
        return sizeof(struct wire_sockets);
    default:
        return 0;
    }
}

static void message_send(struct other *other, int to, uint8_t type, uint8_t how, uint8_t odd, struct input *input)
{
    char data[ROOM + sizeof(uint64_t)];
    uint64_t head = type;
    memcpy(data, &head, sizeof(head));
    size_t len = sizeof(head) + message_make(other, data + sizeof(head), type, how);
    for (uint32_t i = odd >> CHANGES_SHIFT; i > 0 && input->end - input->at >= 3; i--, input->at += 3)
        data[(input->at[0] | input->at[1] << 8) % len] = (char)input->at[2];
    len = odd & ODD_LONG ? len + how : odd & ODD_SHORT ? how % len + 1 : len;
    // Memory of the board, as a section has it.
    int memory = (type == WIRE_SECTION) != ((odd & ODD_FD) != 0) ? memory_file_new("lines", 4096) : -1;
    (void)os_pass_send(to, data, len, &memory, memory >= 0);
    end_close(&memory);
}

// The end of a keeper that was waited for: its end of the line is gone by then.
static void keeper_end(struct other *other)
{
    end_close(&other->line);
    if (other->generation->keeper)
        generation_keeper_ended(other->generation, SIGKILL);
}

static void collect(void)
{
    LIST_EACH(generation, &master.generations, struct generation, link)
    {
        struct other *other = NULL;
        for (uint32_t i = 0; i < GENERATIONS; i++)
            other = others[i].generation == generation ? &others[i] : other;
        if (!generation_collect(generation) || !other)
            continue;
        other->generation = NULL;
        end_close(&other->line);
        for (uint32_t i = 0; i < PLACES; i++)
            end_close(&other->seats[i]);
    }
}

// What the master does by itself, or hears from elsewhere.
static void event(struct other *other, uint8_t what)
{
    struct generation *generation = other->generation;
    switch (what % 8) {
    case 0:
        guard_run(&master);
        watchdog_run(&master);
        break;
    case 1:
        master.loop.now_us += 2000000;
        listeners_tick(&master);
        leaving_tick(&master);
        break;
    case 2:
        seats_retry(&master);
        break;
    case 3:
        keeper_end(other);
        break;
    case 4:
        generation_leave(generation, what & 8);
        break;
    case 5:
        end_close(&other->seats[what / 8 % PLACES]);
        break;
    case 6:
        reload_start(&master, what & 8);
        break;
    default:
        collect();
    }
}

static void step(struct input *input)
{
    const uint8_t *head = input->at;
    struct other *other = &others[head[0] % GENERATIONS];
    uint32_t who = head[0] / GENERATIONS % (PLACES + 2);
    input->at += 4;
    if (!other->generation) {
        // As it is in the product: one starts at a time.
        if (!reload_runs(&master))
            generation_begin(other);
        return;
    }
    if (who > PLACES)
        event(other, head[1]);
    else if (who == PLACES)
        message_send(other, other->line, head[1] % (WIRE_NUM_TYPES + 1), head[2], head[3], input);
    else
        message_send(other, other->seats[who], head[1] % (WIRE_NUM_TYPES + 1), head[2], head[3], input);
    if (!(head[3] & QUICK))
        settle();
}

static void end(void)
{
    master.stopping = master.stopping_now = true;
    handover_end(&master);
    LIST_EACH(generation, &master.generations, struct generation, link)
    {
        generation_leave(generation, true);
        for (uint32_t i = 0; i < generation->num_seats; i++)
            generation->seats[i].pid = 0;
    }
    for (uint32_t i = 0; i < GENERATIONS; i++)
        if (others[i].generation)
            keeper_end(&others[i]);
    // Last words of keepers may have named processes still.
    LIST_EACH(generation, &master.generations, struct generation, link)
    {
        for (uint32_t i = 0; i < generation->num_seats; i++)
            generation->seats[i].pid = 0;
    }
    collect();
    must(list_is_empty(&master.generations));
    listeners_close_all(&master);
    reload_fini(&master);
    event_loop_fini(&master.loop);
    board_free(master.board);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct input input = { .at = data, .end = data + len };
    inside = true;
    master_begin();
    for (uint32_t i = 0; i < STEPS && input.end - input.at >= 4; i++)
        step(&input);
    settle();
    end();
    inside = false;
    return 0;
}
