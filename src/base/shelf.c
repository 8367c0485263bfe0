// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <sys/mman.h>
#include "base/shelf.h"

// Each costs a system call, and its pages cost an exception each when it is used again.
enum { SHELF_PAGE = 4096, SHELF_WARM = 16, SHELF_BATCH = 128 };

void shelf_init(struct shelf *shelf, size_t item_len, uint32_t max)
{
    *shelf = (struct shelf){ .items = calloc(max, sizeof(void *)), .item_len = item_len, .max = max };
    if (!shelf->items)
        check_out_of_memory(max * sizeof(void *));
}

void shelf_fini(struct shelf *shelf)
{
    while (shelf->num)
        free(shelf->items[--shelf->num]);
    free(shelf->items);
    *shelf = (struct shelf){ 0 };
}

void *shelf_new(const struct shelf *shelf)
{
    void *item;
    if (shelf->item_len < SHELF_PAGE)
        return malloc(shelf->item_len);
    return posix_memalign(&item, SHELF_PAGE, shelf->item_len) ? NULL : item;
}

void shelf_rest(struct shelf *shelf)
{
    size_t len = shelf->item_len / SHELF_PAGE * SHELF_PAGE;
    uint32_t end = shelf->least > SHELF_WARM ? shelf->least - SHELF_WARM : 0;
    if (end > shelf->bare + SHELF_BATCH)
        end = shelf->bare + SHELF_BATCH;
    // The kernel may know pages of another length only, and refuse: then they stay.
    for (; len && shelf->bare < end; shelf->bare++)
        (void)madvise(shelf->items[shelf->bare], len, MADV_DONTNEED);
    shelf->least = shelf->num;
}
