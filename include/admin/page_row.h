// SPDX-License-Identifier: Apache-2.0
// Parts of the status page for people, and how numbers look there; private to the page.
#pragma once

#include "admin/page.h"

enum { PAGE_NUMBER_LEN = 32 };

// page_number writes `number` in few digits ("1.2k", "34M") to `room` (PAGE_NUMBER_LEN bytes) and gives it.
const char *page_number(char *room, uint64_t number);

// page_bytes likewise writes an amount of bytes: "1.5 GiB".
const char *page_bytes(char *room, uint64_t bytes);

// page_age likewise writes a time: "3d 4h".
const char *page_age(char *room, uint64_t seconds);

// page_time likewise writes the time of day `seconds`, in UTC, as strftime has it for `format`.
const char *page_time(char *room, uint64_t seconds, const char *format);

// page_is_high says whether `now` is near its `limit`; 0 is none.
bool page_is_high(uint64_t now, uint64_t limit);

// page_self gives the record of the process that makes the page.
const struct board_incarnation *page_self(const struct page *page);

// page_section_id appends the id of the section of `proxy`.
void page_section_id(struct text *out, const struct proxy_conf *proxy);

// How things stand, in short.
enum page_mood { PAGE_WELL, PAGE_UNEASY, PAGE_BAD };

// What of all that is shown is not well.
struct page_health {
    enum page_mood mood;
    bool is_full;             // the service
    uint32_t num_connections; // of it
    uint32_t num_servers;
    uint32_t num_up;      // neither down nor in maintenance
    uint32_t num_maint;   // in maintenance
    uint32_t num_drain;   // up, and draining
    uint32_t num_down;    // the rest of them
    uint32_t num_dead;    // backends with servers none of which takes newcomers
    uint32_t num_full;    // frontends at their limit
    uint32_t num_high;    // and near it
    uint32_t num_stopped; // or paused
    uint32_t num_queues;  // backends with a queue
    uint64_t num_waiting; // requests in these
};

// page_health_look fills `health` from the board.
void page_health_look(struct page_health *health, const struct page *page);

// page_health_head appends the title and the icon of the browser's tab, which say how things stand; `name` is whose.
void page_health_head(struct text *out, const struct page_health *health, const char *name);

// page_health_list appends the list of what is not well, the worst first, some lines at most; page->row is used up.
void page_health_list(struct text *out, struct page *page, const struct page_health *health);

// page_summary appends that and the sums of the service.
void page_summary(struct text *out, struct page *page, const struct page_health *health);

// page_row_head appends the head of a table, with a place for a box that chooses all servers where `has_form`.
void page_row_head(struct text *out, const struct page *page, bool has_form);

// page_row_since appends since when page->row, of a server, is in its state.
void page_row_since(struct text *out, const struct page *page);

// page_row_why appends what checks found last of page->row, and in their own words where it is not up.
void page_row_why(struct text *out, const struct page *page);

// page_row appends the row page->row, with a box to choose the server by where `has_form`.
void page_row(struct text *out, const struct page *page, bool has_form);
