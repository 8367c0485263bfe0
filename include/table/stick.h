// SPDX-License-Identifier: Apache-2.0
// Stick tables: entries found by a key (an address, a number, a text, bytes), each with the data that its table stores.
// One table for all processes of all generations, in a section of the board of its own, in shards, so that workers that
// update different keys do not wait for each other. Bounded memory, taken at boot; an entry that was not used for
// `expire` goes when its place is wanted or somebody comes past, never by a scan. Counters and rates of an entry are
// single words, changed atomically by whoever holds a reference; a lock is held only to find, make and drop entries,
// names its owner, and is taken over from the dead. What a process tracks (its references, and the connections it
// counted in conn_cur) stands on the board under its incarnation and is taken back when it dies.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"
#include "expr/sample.h"

struct board;
struct stick_table;
struct stick_entry; // on the board

enum stick_type { STICK_IP, STICK_IPV6, STICK_INTEGER, STICK_STRING, STICK_BINARY };

// Data types, with HAProxy's names (stick_data_find), in the order in which it lists them.
enum stick_data {
    STICK_SERVER_ID,
    STICK_GPT0,
    STICK_GPC0,
    STICK_GPC0_RATE,
    STICK_CONN_CNT,
    STICK_CONN_RATE,
    STICK_CONN_CUR,
    STICK_SESS_CNT,
    STICK_SESS_RATE,
    STICK_HTTP_REQ_CNT,
    STICK_HTTP_REQ_RATE,
    STICK_HTTP_ERR_CNT,
    STICK_HTTP_ERR_RATE,
    STICK_BYTES_IN_CNT,
    STICK_BYTES_IN_RATE,
    STICK_BYTES_OUT_CNT,
    STICK_BYTES_OUT_RATE,
    STICK_GPC1,
    STICK_GPC1_RATE,
    STICK_SERVER_KEY, // of the server: its name or its address (srvkey); a reference to a text, see stick_server_key
    STICK_HTTP_FAIL_CNT,
    STICK_HTTP_FAIL_RATE,
    STICK_GPT,      // array
    STICK_GPC,      // array
    STICK_GPC_RATE, // array
    STICK_GLITCH_CNT,
    STICK_GLITCH_RATE,
    STICK_NUM_DATA
};

enum { STICK_MAX_KEY = 4096, STICK_MAX_ARRAY = 100 };

// What a `stick-table` line says.
struct stick_table_conf {
    const char *name; // the proxy's
    uint8_t type;     // enum stick_type
    uint32_t key_len; // most bytes of a key (`len`); 4, 16 and 4 for the first three types
    uint32_t size;    // most entries
    bool nopurge;
    bool srvkey_addr;       // srvkey addr
    uint32_t brates_factor; // default 1
    uint64_t expire_us;     // 0: never
    struct {
        bool stored;
        uint16_t num;       // elements of an array, else 1
        uint64_t period_us; // of a rate
    } data[STICK_NUM_DATA];
    struct stick_table *table; // once the keeper has prepared it
};

// stick_data_name gives HAProxy's name of a type ("http_req_rate").
const char *stick_data_name(enum stick_data data);

// stick_data_find gives the type of a name, STICK_NUM_DATA where there is none.
enum stick_data stick_data_find(struct slice name);

// stick_data_is_rate says whether it is counted over a period.
bool stick_data_is_rate(enum stick_data data);

// stick_data_is_array says whether an entry may have several of it.
bool stick_data_is_array(enum stick_data data);

// stick_table_prepare finds the table of `conf` on the board, with what is in it where the shape is the same, or makes
// an empty one, and sets conf->table. In the keeper, before it forks. False with errno.
bool stick_table_prepare(struct stick_table_conf *conf, struct board *board);

// stick_section_name gives the name of the section of the board that the table of `conf` stands in (room of
// BOARD_NAME_MAX), for those who hand sections on.
void stick_section_name(char *name, const struct stick_table_conf *conf);

// stick_enter says that this process has entered the board as `inc` (board_incarnation_enter), first thing after the
// fork.
void stick_enter(struct board *board, uint32_t inc);

// stick_left takes back what processes that are gone held. Called by who has cleaned up after one
// (board_incarnation_dead), and once in a while by anybody (stick_turn does): twice is harmless.
void stick_left(struct board *board);

// stick_turn does what is due in all tables, a bounded share of it: entries that are over go, and what the dead held is
// taken back. In controllers; gives after how many us it wants to be called again, UINT64_MAX: never.
uint64_t stick_turn(struct board *board);

enum { STICK_KEY_ROOM = STICK_MAX_KEY + 8 };

// stick_type_name gives the name of a table's type in HAProxy's listings: "ip", "ipv6", "integer", "string", "binary".
const char *stick_type_name(enum stick_type type);

// stick_type_of gives the type of samples that keys of tables of `type` are made from.
enum expr_type stick_type_of(enum stick_type type);

// stick_key makes the key of `sample` for tables of `conf`'s type in `room`: addresses and numbers in their fixed form,
// strings cut at key_len, bytes cut or filled with zeroes. False where the sample cannot be of that type.
bool stick_key(struct slice *key, char room[STICK_KEY_ROOM], const struct stick_table_conf *conf,
               const struct expr_sample *sample);

enum { STICK_MAX_PINS = 15 };

// stick_find1 gives a reference to the entry of `key`, or NULL. It starts no time to live (stick_touch does).
// References are returned with stick_put within this turn, and no more than STICK_MAX_PINS of a table are taken at
// once: what exceeds them gets NULL. One that is kept longer (track-sc) is taken with stick_hold1 and returned with
// stick_unhold. Neither lasts longer than the process.
struct stick_entry *stick_find1(struct stick_table *table, struct slice key);

// stick_make1 is stick_find1, but makes the entry where it is not there; NULL where the table is full and nothing may
// be purged.
struct stick_entry *stick_make1(struct stick_table *table, struct slice key);

// stick_put returns a reference; the entry may be gone then.
void stick_put(struct stick_table *table, struct stick_entry *entry);

// stick_hold1 keeps `entry` (a reference, which becomes the holder's) until stick_unhold; 0 where there are too many
// holds, and the reference is still the caller's. The number names the hold. `counts_connection`: conn_cur goes up now,
// and down with the hold, however it ends.
uint32_t stick_hold1(struct stick_table *table, struct stick_entry *entry, bool counts_connection);

// stick_unhold ends a hold, and starts the entry's time to live anew.
void stick_unhold(uint32_t hold);

// stick_touch starts the entry's time to live anew.
void stick_touch(struct stick_table *table, struct stick_entry *entry);

// stick_read gives a value: `index` is the element of an array, else 0. Those not stored read as 0, rates as events in
// the last period.
uint64_t stick_read(const struct stick_table *table, const struct stick_entry *entry, enum stick_data data,
                    uint32_t index);

// stick_add adds to one and gives the sum; on a rate it counts events. Those not stored take no change. Counters wrap
// at their width (32 bits; bytes 64).
uint64_t stick_add(struct stick_table *table, struct stick_entry *entry, enum stick_data data, uint32_t index,
                   uint64_t add);

// stick_set sets one.
void stick_set(struct stick_table *table, struct stick_entry *entry, enum stick_data data, uint32_t index,
               uint64_t value);

// stick_server_key gives the text of STICK_SERVER_KEY ("" none), valid while the table lives.
struct slice stick_server_key(const struct stick_table *table, const struct stick_entry *entry);

// stick_set_server_key enters one.
void stick_set_server_key(struct stick_table *table, struct stick_entry *entry, struct slice text);

// stick_num_entries gives how many entries are in use.
uint32_t stick_num_entries(const struct stick_table *table);

// stick_num_holders gives how many references there are to one.
uint32_t stick_num_holders(const struct stick_entry *entry);

// stick_expires_us gives how long the entry lives from now on, in us.
uint64_t stick_expires_us(const struct stick_table *table, const struct stick_entry *entry);

// stick_idle_us gives how long it was not used, in us.
uint64_t stick_idle_us(const struct stick_table *table, const struct stick_entry *entry);

// stick_conf_of gives what the table was made from.
const struct stick_table_conf *stick_conf_of(const struct stick_table *table);

// stick_entry_key gives the key of `entry` as stick_key made it; it holds as long as the reference.
struct slice stick_entry_key(const struct stick_table *table, const struct stick_entry *entry);

// stick_entry_sample gives it as a value of the table's type, strings and bytes where they stand: likewise.
void stick_entry_sample(struct expr_sample *out, const struct stick_table *table, const struct stick_entry *entry);

// ---- for those who look at all of a table

// stick_walk1 gives a reference to the first entry in use from place `*place` on (0 at first), and sets `*place` behind
// it; NULL where `*steps` places were looked at without one, of which *steps is what remains, or at the end, where
// *steps is not 0. What comes and goes meanwhile may be seen or not. It takes no lock.
struct stick_entry *stick_walk1(struct stick_table *table, uint32_t *place, uint32_t *steps);

// stick_place_of gives a number that names `entry` in its table; 0 names nobody.
uint64_t stick_place_of(const struct stick_table *table, const struct stick_entry *entry);

// stick_at_place1 gives a reference to the entry of that number, or NULL.
struct stick_entry *stick_at_place1(struct stick_table *table, uint64_t place);

// stick_remove takes `entry`, a reference that is given up in any case, out of the table; false where somebody else has
// it.
bool stick_remove(struct stick_table *table, struct stick_entry *entry);
