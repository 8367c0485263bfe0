// SPDX-License-Identifier: Apache-2.0
// Board sections that a generation's keeper made. They become those of the next generations once this one serves: one
// that fails must not cost the others what theirs hold.
#include <stdlib.h>
#include <unistd.h>
#include "board/board.h"
#include "log/log.h"
#include "master.h"

struct section {
    struct list link;
    struct wire_section wire;
    int fd;
};

enum { SECTIONS_MAX = 64 }; // of one generation

void sections_add(struct generation *generation, const struct wire_section *wire, int take_fd)
{
    struct section *section = generation->num_sections < SECTIONS_MAX ? calloc(1, sizeof(*section)) : NULL;
    if (!section) {
        log_say(LOG_LEVEL_WARNING, "the board cannot keep section '%.*s' for the next generation",
                (int)sizeof(wire->name) - 1, wire->name);
        close(take_fd);
        return;
    }
    section->wire = *wire;
    section->wire.name[sizeof(section->wire.name) - 1] = '\0';
    section->fd = take_fd;
    list_append(&generation->sections, &section->link);
    generation->num_sections++;
}

static void section_free(struct section *section)
{
    list_remove(&section->link);
    if (section->fd >= 0)
        close(section->fd);
    free(section);
}

static void section_enter(struct board *board, struct section *section)
{
    const struct wire_section *wire = &section->wire;
    uint32_t version = 0;
    if (board_section_get0(board, &version, wire->name) >= 0 && version != wire->version)
        log_say(LOG_LEVEL_WARNING, "section '%s' of the board has another form now (%#x, it was %#x) and starts afresh",
                wire->name, wire->version, version);
    if (!board_section_take(board, wire->name, wire->version, section->fd))
        log_say(LOG_LEVEL_WARNING, "the board cannot keep section '%s' for the next generation", wire->name);
    section->fd = -1;
}

void sections_enter(struct generation *generation)
{
    LIST_EACH(section, &generation->sections, struct section, link)
    {
        section_enter(generation->master->board, section);
        section_free(section);
    }
    generation->num_sections = 0;
}

void sections_drop(struct generation *generation)
{
    LIST_EACH(section, &generation->sections, struct section, link)
    section_free(section);
    generation->num_sections = 0;
}
