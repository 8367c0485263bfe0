// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/text.h"
#include "board/layout.h"
#include "os/memory.h"

// Of the descriptors a process may have, one in so many is for waking others, but some are needed whatever the limit.
enum { WAKERS_SHARE = 4, WAKERS_MIN = 16 };

// Names of the board's own sections begin so, and of those that others keep by incarnation number.
#define CORE_PREFIX "board/"

#define DIRECTORY_MAGIC UINT64_C(0x32647261626f6c66)

static struct board_map *find(struct board *board, const char *name)
{
    for (uint32_t i = 0; i < board->num_maps; i++) {
        if (strcmp(board->maps[i].name, name) == 0) {
            return &board->maps[i];
        }
    }
    return NULL;
}

static bool is_core(const struct board_map *map)
{
    return strncmp(map->name, CORE_PREFIX, strlen(CORE_PREFIX)) == 0;
}

static void map_drop(struct board_map *map)
{
    memory_unmap(map->addr, map->len);
    map->addr = NULL;
    if (map->fd >= 0) {
        close(map->fd);
    }
    map->fd = -1;
}

// Only the owner writes the directory, for the descriptors in it are the owner's; a keeper that makes a section hands
// its descriptor to the master, which enters it with board_section_take.
static void directory_write(struct board *board)
{
    if (getpid() != board->owner) {
        return;
    }
    struct board_directory *dir = board->directory;
    for (uint32_t i = 0; i < board->num_maps; i++) {
        memcpy(dir->entries[i].name, board->maps[i].name, BOARD_NAME_MAX);
        dir->entries[i].version = board->maps[i].version;
        dir->entries[i].fd = board->maps[i].fd;
        dir->entries[i].len = board->maps[i].len;
        dir->entries[i].used = board->maps[i].used;
    }
    atomic_store_explicit(&dir->num, board->num_maps, memory_order_release);
}

// Gives the entry for `name`, emptied when there was one; NULL where the table is full or the name too long.
static struct board_map *entry_for(struct board *board, const char *name)
{
    size_t len = strlen(name);
    struct board_map *map = find(board, name);
    if (map) {
        map_drop(map);
        return map;
    }
    if (len == 0 || len >= BOARD_NAME_MAX || board->num_maps == BOARD_MAX_SECTIONS) {
        errno = len == 0 || len >= BOARD_NAME_MAX ? ENAMETOOLONG : ENOSPC;
        return NULL;
    }
    map = &board->maps[board->num_maps++];
    memset(map, 0, sizeof(*map));
    memcpy(map->name, name, len);
    map->fd = -1;
    return map;
}

static void news_add(struct board *board, const char *name, uint32_t had_version, uint32_t version)
{
    if (board->num_news == BOARD_MAX_NEWS) {
        return;
    }
    struct board_news *news = &board->news[board->num_news++];
    *news = (struct board_news){ .had_version = had_version, .version = version };
    snprintf(news->name, sizeof(news->name), "%s", name);
    news->is_damaged = had_version == version;
}

bool board_news_next(struct board *board, struct board_news *news)
{
    if (board->num_news == 0) {
        return false;
    }
    *news = board->news[0];
    memmove(&board->news[0], &board->news[1], --board->num_news * sizeof(board->news[0]));
    return true;
}

static void *section_make(struct board *board, const char *name, uint32_t version, size_t len)
{
    int fd = memory_file_new(name, len);
    if (fd < 0) {
        return NULL;
    }
    void *addr = memory_map(fd, len, true);
    struct board_map *map = addr ? entry_for(board, name) : NULL;
    if (!map) {
        int saved = errno;
        memory_unmap(addr, len);
        close(fd);
        errno = saved;
        return NULL;
    }
    map->version = version;
    map->fd = fd;
    map->len = len;
    map->addr = addr;
    directory_write(board);
    return addr;
}

void *board_section(struct board *board, bool *fresh, const char *name, uint32_t version, size_t len)
{
    struct board_map *map = find(board, name);
    *fresh = !map || map->fd < 0 || map->version != version;
    if (*fresh) {
        uint32_t had_version = map ? map->version : 0;
        bool was_there = map != NULL;
        void *addr = section_make(board, name, version, len);
        if (addr && was_there) {
            news_add(board, name, had_version, version);
        }
        return addr;
    }
    if (map->addr && map->len >= len) {
        return map->addr;
    }
    size_t want = map->len > len ? map->len : len;
    if (!memory_file_grow(map->fd, want)) {
        return NULL;
    }
    void *addr = memory_map(map->fd, want, true);
    if (!addr) {
        return NULL;
    }
    memory_unmap(map->addr, map->len);
    map->addr = addr;
    map->len = want;
    directory_write(board);
    return addr;
}

int board_section_get0(struct board *board, uint32_t *version, const char *name)
{
    struct board_map *map = find(board, name);
    if (!map) {
        return -1;
    }
    *version = map->version;
    return map->fd;
}

bool board_section_take(struct board *board, const char *name, uint32_t version, uint32_t generation, int take_fd)
{
    size_t len;
    // What this process uses itself it does not let go by another's word, which mostly is but about the same.
    struct board_map *mine = find(board, name);
    if (mine && mine->addr) {
        bool same = memory_file_same(mine->fd, take_fd);
        mine->used = same && generation > mine->used ? generation : mine->used;
        directory_write(board);
        close(take_fd);
        return same;
    }
    struct board_map *map = memory_file_check(take_fd, &len) && len > 0 ? entry_for(board, name) : NULL;
    if (!map) {
        close(take_fd);
        return false;
    }
    memory_file_keep(take_fd, false);
    map->version = version;
    map->fd = take_fd;
    map->len = len;
    map->used = generation;
    directory_write(board);
    return true;
}

// Each process holds the eventfds of all: where the limit of descriptors is low, so many would leave few to serve with.
static uint32_t num_wakers(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur / WAKERS_SHARE >= BOARD_MAX_INCARNATIONS - 1) {
        return BOARD_MAX_INCARNATIONS - 1;
    }
    uint32_t num = (uint32_t)limit.rlim_cur / WAKERS_SHARE;
    return num > WAKERS_MIN ? num : WAKERS_MIN;
}

void board_sections_sweep(struct board *board, uint32_t generation)
{
    uint32_t num = 0;
    for (uint32_t i = 0; i < board->num_maps; i++) {
        // What is mapped here the master uses itself.
        if (!board->maps[i].addr && board->maps[i].used < generation && !is_core(&board->maps[i])) {
            map_drop(&board->maps[i]);
        } else if (num++ != i) {
            board->maps[num - 1] = board->maps[i];
        }
    }
    board->num_maps = num;
    directory_write(board);
}

void board_memory_clear(void *items, size_t item_len, size_t first, size_t end)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = (uintptr_t)items + item_len * first, to = (uintptr_t)items + item_len * end;
    uintptr_t whole_from = (from + page - 1) / page * page, whole_to = to / page * page;
    if (whole_from >= whole_to || madvise((void *)whole_from, whole_to - whole_from, MADV_REMOVE) != 0) {
        memset((void *)from, 0, to - from);
        return;
    }
    memset((void *)from, 0, whole_from - from);
    memset((void *)whole_to, 0, to - whole_to);
}

// All processes must know all eventfds, those of processes forked later included: so they are made up front. They stand
// in the directory too, so that a new image that starts the rest afresh still has them.
static bool wakers_make(struct board *board)
{
    int32_t *known = board->directory->wake_fds;
    uint32_t num = num_wakers();
    for (uint32_t inc = 0; inc < BOARD_MAX_INCARNATIONS; inc++) {
        board->incarnations->records[inc].wake_fd = -1;
    }
    for (uint32_t inc = 1; inc < BOARD_MAX_INCARNATIONS; inc++) {
        if (known[inc] <= 0 && inc > num) {
            continue;
        }
        if (known[inc] <= 0 && (known[inc] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0) {
            return false;
        }
        board->incarnations->records[inc].wake_fd = known[inc];
    }
    atomic_store_explicit(&board->incarnations->limit, 1, memory_order_relaxed);
    return true;
}

// They refer to each other: all of them are taken as they are, or none.
static const struct core_section {
    const char *name;
    size_t at; // of its address in struct board
    size_t len;
} core[] = {
    { "board/incarnations", offsetof(struct board, incarnations), sizeof(struct board_incarnations) },
    { "board/objects", offsetof(struct board, objects), sizeof(struct board_objects) },
    { "board/base", offsetof(struct board, base), sizeof(struct board_base) },
    { "board/counters", offsetof(struct board, counters), sizeof(struct board_counters) },
    { "board/lanes", offsetof(struct board, lanes), sizeof(struct board_lanes) },
    { "board/queues", offsetof(struct board, queues), sizeof(struct board_queues) },
    { "board/journal", offsetof(struct board, journal), sizeof(struct board_journal) },
    { "board/rings", offsetof(struct board, rings), sizeof(struct board_rings) },
    { "board/payloads", offsetof(struct board, payloads), sizeof(struct board_payloads) },
    { "board/inquiries", offsetof(struct board, inquiries), sizeof(struct board_inquiries) },
};

static bool core_open(struct board *board)
{
    bool fresh;
    for (size_t i = 0; i < NUM_ITEMS(core); i++) {
        void *addr = board_section(board, &fresh, core[i].name, BOARD_LAYOUT_VERSION, core[i].len);
        memcpy((char *)board + core[i].at, &addr, sizeof(addr));
        if (!addr || (i == 0 && fresh && !wakers_make(board))) {
            return false;
        }
        find(board, core[i].name)->used = UINT32_MAX;
    }
    // Private keys may pass through it.
    (void)madvise(board->payloads->data, BOARD_PAYLOADS_LEN, MADV_DONTDUMP);
    return true;
}

static bool core_fits(const struct core_section *section, uint32_t version, size_t len)
{
    return version == BOARD_LAYOUT_VERSION && len == section->len;
}

// True where all of it was there to be taken; else what is there is left, and made afresh.
static bool core_read(struct board *board)
{
    bool fits = true;
    for (size_t i = 0; i < NUM_ITEMS(core); i++) {
        const struct board_map *map = find(board, core[i].name);
        fits = fits && map && core_fits(&core[i], map->version, map->len);
    }
    for (uint32_t i = 0; !fits && i < board->num_maps; i++) {
        if (is_core(&board->maps[i])) {
            map_drop(&board->maps[i]);
        }
    }
    return fits;
}

static void wakers_note(struct board *board)
{
    for (uint32_t inc = 0; inc < BOARD_MAX_INCARNATIONS; inc++) {
        board->wake_fds[inc] = board->incarnations->records[inc].wake_fd;
    }
}

static struct board *fail(struct board *board)
{
    int saved = errno;
    board_free(board);
    errno = saved;
    return NULL;
}

static struct board *board_alloc(void)
{
    struct board *board = calloc(1, sizeof(*board));
    if (board) {
        board->owner = getpid();
        board->directory_fd = -1;
    }
    return board;
}

struct board *board_new(void)
{
    struct board *board = board_alloc();
    if (!board) {
        return NULL;
    }
    board->directory_fd = memory_file_new("board/directory", sizeof(*board->directory));
    if (board->directory_fd < 0) {
        return fail(board);
    }
    board->directory = memory_map(board->directory_fd, sizeof(*board->directory), true);
    if (!board->directory) {
        return fail(board);
    }
    board->directory->magic = DIRECTORY_MAGIC;
    if (!core_open(board)) {
        return fail(board);
    }
    wakers_note(board);
    return board;
}

// Enters the sections of the directory that hold what they promise; the others are made afresh when they are asked for.
static void directory_read(struct board *board)
{
    struct board_directory *dir = board->directory;
    uint32_t num = atomic_load_explicit(&dir->num, memory_order_acquire);
    for (uint32_t i = 0; i < num && i < BOARD_MAX_SECTIONS; i++) {
        struct board_map *map = &board->maps[board->num_maps];
        memset(map, 0, sizeof(*map));
        memcpy(map->name, dir->entries[i].name, BOARD_NAME_MAX);
        map->name[BOARD_NAME_MAX - 1] = '\0';
        map->version = dir->entries[i].version;
        map->fd = dir->entries[i].fd;
        map->used = dir->entries[i].used;
        if (memory_file_check(map->fd, &map->len) && map->len > 0 && map->len >= dir->entries[i].len &&
            !find(board, map->name)) {
            memory_file_keep(map->fd, false);
            board->num_maps++;
        }
    }
}

struct board *board_adopt(bool *fresh, int take_directory_fd)
{
    size_t len;
    struct board *board = board_alloc();
    *fresh = false;
    if (!board) {
        close(take_directory_fd);
        return NULL;
    }
    board->directory_fd = take_directory_fd;
    if (!memory_file_check(take_directory_fd, &len) || len != sizeof(*board->directory)) {
        errno = EINVAL;
        return fail(board);
    }
    memory_file_keep(take_directory_fd, false);
    board->directory = memory_map(take_directory_fd, len, true);
    if (!board->directory) {
        return fail(board);
    }
    if (board->directory->magic != DIRECTORY_MAGIC) {
        memory_unmap(board->directory, len);
        board->directory = NULL;
        errno = EINVAL;
        return fail(board);
    }
    directory_read(board);
    *fresh = !core_read(board);
    if (!core_open(board)) {
        return fail(board);
    }
    wakers_note(board);
    for (uint32_t inc = 1; inc < BOARD_MAX_INCARNATIONS; inc++) {
        int fd = board->incarnations->records[inc].wake_fd;
        if (fd >= 0 && !memory_file_keep(fd, false)) {
            return fail(board);
        }
        board->lives[inc] = atomic_load(&board->incarnations->records[inc].life);
    }
    directory_write(board);
    return board;
}

bool board_inspect(struct text *afresh, int directory_fd)
{
    size_t len;
    if (!memory_file_check(directory_fd, &len) || len != sizeof(struct board_directory)) {
        return false;
    }
    const struct board_directory *dir = memory_map(directory_fd, len, false);
    bool is_board = dir && dir->magic == DIRECTORY_MAGIC;
    for (size_t i = 0; is_board && i < NUM_ITEMS(core); i++) {
        uint32_t at = 0;
        uint32_t num = atomic_load_explicit(&dir->num, memory_order_acquire);
        while (at < num && at < BOARD_MAX_SECTIONS &&
               strncmp(dir->entries[at].name, core[i].name, BOARD_NAME_MAX) != 0) {
            at++;
        }
        if (at >= num || at >= BOARD_MAX_SECTIONS) {
            text_printf(afresh, "%s (missing)\n", core[i].name);
        } else if (!core_fits(&core[i], dir->entries[at].version, dir->entries[at].len)) {
            text_printf(afresh, "%s (version %u of %llu bytes, this program's is %u of %llu)\n", core[i].name,
                        dir->entries[at].version, (unsigned long long)dir->entries[at].len,
                        (unsigned)BOARD_LAYOUT_VERSION, (unsigned long long)core[i].len);
        }
    }
    memory_unmap((void *)(uintptr_t)dir, len);
    return is_board;
}

int board_keep(struct board *board, bool keep)
{
    for (uint32_t i = 0; i < board->num_maps; i++) {
        if (board->maps[i].fd >= 0 && !memory_file_keep(board->maps[i].fd, keep)) {
            return -1;
        }
    }
    for (uint32_t inc = 1; inc < BOARD_MAX_INCARNATIONS; inc++) {
        int fd = board->incarnations->records[inc].wake_fd;
        if (fd >= 0 && !memory_file_keep(fd, keep)) {
            return -1;
        }
    }
    return memory_file_keep(board->directory_fd, keep) ? board->directory_fd : -1;
}

uint32_t board_descriptors(struct board *board, int *fds)
{
    uint32_t num = 0;
    for (uint32_t i = 0; i < board->num_maps; i++) {
        if (board->maps[i].fd >= 0) {
            fds[num++] = board->maps[i].fd;
        }
    }
    for (uint32_t inc = 1; inc < BOARD_MAX_INCARNATIONS; inc++) {
        if (board->incarnations->records[inc].wake_fd >= 0) {
            fds[num++] = board->incarnations->records[inc].wake_fd;
        }
    }
    return num;
}

void board_free(struct board *board)
{
    if (!board) {
        return;
    }
    for (uint32_t inc = 1; board->directory && inc < BOARD_MAX_INCARNATIONS; inc++) {
        if (board->directory->wake_fds[inc] > 0) {
            close(board->directory->wake_fds[inc]);
        }
    }
    for (uint32_t i = 0; i < board->num_maps; i++) {
        map_drop(&board->maps[i]);
    }
    memory_unmap(board->directory, sizeof(*board->directory));
    if (board->directory_fd >= 0) {
        close(board->directory_fd);
    }
    free(board);
}
