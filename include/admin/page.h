// SPDX-License-Identifier: Apache-2.0
// The status page (HAProxy manual, "stats enable" and its kin): what a proxy's `stats` lines ask for, made by the
// worker that got the request, from the board alone. GET gives it as a page, CSV, typed text or JSON, in pieces (see
// stream/service.h); POST has servers changed, which the active controller does: workers ask for it on the board
// (struct page_ask), and wait. Private to the area but for the functions of processes.
#pragma once

#include "admin/stat.h"
#include "proxy/stats_conf.h"
#include "stream/service.h"

struct board;

#define PAGE_SECTION "page" // on the board: what workers ask for, and the secret of forms

enum page_form { PAGE_HTML, PAGE_CSV, PAGE_TYPED, PAGE_JSON, PAGE_SCHEMA };

// Where an answer stands between two pieces of it.
enum page_part { PAGE_BEGIN, PAGE_ROWS, PAGE_END, PAGE_OVER };

// What became of a request that was to change servers; told by `;st=` in the redirection.
enum page_result {
    PAGE_NONE, // nothing changed
    PAGE_DONE,
    PAGE_PART, // some of the servers are not known
    PAGE_ERRP, // the action or the backend, or all of the servers, are not known
    PAGE_EXCD, // the request is too long
    PAGE_DENY, // it may not
    PAGE_UNKN, // nobody carried it out in time
    PAGE_NUM_RESULTS,
    PAGE_SILENT = PAGE_NUM_RESULTS, // nothing is told
};

enum { PAGE_SCOPE_MAX = 20, PAGE_TOKEN_LEN = 32, PAGE_NAME_MAX = 64 };

struct page {
    struct stream *stream;
    const struct proxy_conf *proxy;
    const struct stats_conf *conf;
    enum page_form form;
    enum page_part part;
    enum page_result told; // by the URI
    bool only_up;
    bool no_maint;
    bool no_refresh;
    bool is_admin;
    bool any;                       // a row was made
    char scope[PAGE_SCOPE_MAX + 1]; // of the URI, "" for none
    char nonce[PAGE_TOKEN_LEN + 1]; // of style and script
    char user[PAGE_NAME_MAX];       // who asks, "" where nobody said so
    const struct proxy_conf *open;  // the proxy whose table is being written
    struct admin_stat_ctx ctx;
    struct admin_stat_walk walk;
    struct admin_stat_row row;
    struct page_ask *ask; // what the controller was asked for, or NULL
    uint64_t ask_until_us;
    bool some_unknown; // some of the servers that were named are not there
};

// page_prepare makes or adopts what the page needs on `board`. In the keeper, before it forks; false with errno.
bool page_prepare(struct board *board);

// page_controller_begin carries out, from now on, what workers ask for: in the active controller.
void page_controller_begin(struct board *board, const struct program_conf *conf);

// page_controller_woken looks for what was asked for meanwhile; after each wake-up.
void page_controller_woken(void);

// page_controller_end leaves it to another.
void page_controller_end(void);

// The rest is private.

// page_read_uri reads the options of the request's URI.
void page_read_uri(struct page *page);

// page_uri appends the page's URI with its options; `options` (";csv", or "") is put first.
void page_uri(struct text *out, const struct page *page, const char *options);

// page_shows says whether `proxy` is on the page; `arg` is the page.
bool page_shows(const void *arg, const struct proxy_conf *proxy);

// page_may_change says whether the request may change servers, for its `stats admin`.
bool page_may_change(struct page *page);

// page_token writes the token that forms of the page carry now; `past` gives that of an hour before.
void page_token(char out[PAGE_TOKEN_LEN + 1], const struct page *page, bool past);

// page_post works on a request that is to change servers. STREAM_SERVE_WAIT: not known yet.
enum stream_serve page_post(struct page *page, struct stream_serving *serving, enum page_result *result);

// page_result_code gives what `;st=` says.
const char *page_result_code(enum page_result result);

// page_result_text gives what people read.
const char *page_result_text(enum page_result result);

// page_escape appends `string` for HTML, in text and in quoted attributes.
void page_escape(struct text *out, const char *string);

// page_html_begin appends all that stands before the first proxy.
void page_html_begin(struct text *out, struct page *page);

// page_html_row appends page->row, with the head of its proxy's table where it is the first.
void page_html_row(struct text *out, struct page *page);

// page_html_end appends what comes last.
void page_html_end(struct text *out, struct page *page);

extern const char page_style[];
extern const char page_script[];

// What workers ask of the controller, and what became of it.
enum page_ask_state { PAGE_ASK_FREE, PAGE_ASK_FILLING, PAGE_ASK_ASKED, PAGE_ASK_WORKING, PAGE_ASK_ANSWERED };

enum { PAGE_ASK_SERVERS = 4096, PAGE_ASK_SLOTS = 8 };

struct page_ask {
    _Atomic uint32_t state; // enum page_ask_state
    _Atomic uint32_t owner; // board_mark of who asks, 0: nobody
    uint32_t iid;           // of the backend
    uint32_t action;        // see page_action_find
    uint32_t num_servers;
    uint32_t num_changed; // the answer
    char user[PAGE_NAME_MAX];
    char address[PAGE_NAME_MAX];
    uint32_t servers[PAGE_ASK_SERVERS]; // objects
};

// page_action_find gives the number of the action `name`, as HAProxy calls it ("drain"), or -1.
int page_action_find(struct slice name);

// page_actions_each calls `visit` with the name and the words of each action that the page offers.
void page_actions_each(void (*visit)(const char *name, const char *words, void *arg), void *arg);

// page_ask_take gives an ask to fill in; NULL where others take all there are.
struct page_ask *page_ask_take(struct board *board);

// page_ask_send has the controller look at it.
void page_ask_send(struct board *board, struct page_ask *ask);

// page_ask_give gives it back, whatever became of it.
void page_ask_give(struct page_ask *ask);

// page_ask_secret lends the key of tokens, PAGE_SECRET_LEN bytes that all processes and generations share.
const uint8_t *page_ask_secret(void);

enum { PAGE_SECRET_LEN = 32 };
