// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "admin/state_file.h"
#include "backend/state.h"
#include "base/clock.h"
#include "check/check.h"
#include "config/word.h"

enum { STATE_FIELDS = 25, STATE_LEAST_FIELDS = 16, STATE_LINE_MAX = 2048 };

// Fields by their place in a line of version 1.
enum {
    STATE_BE_NAME = 1,
    STATE_SRV_NAME = 3,
    STATE_OP = 5,
    STATE_ADMIN = 6,
    STATE_WEIGHT = 7,
    STATE_INITIAL_WEIGHT = 8,
    STATE_AGE = 9,
    STATE_CHECK_STATUS = 10,
    STATE_HEALTH = 12,
    STATE_CHECK_FLAGS = 13,
    STATE_AGENT_FLAGS = 14,
};

// HAProxy's numbers of check results: that of the status, and whether it is a success.
static const struct {
    uint8_t status;
    uint8_t result;
} numbers[CHECK_NUM_STATUSES] = {
    [CHECK_UNKNOWN] = { 1, 0 },   [CHECK_INI] = { 1, 0 },     [CHECK_HANA] = { 4, 2 },    [CHECK_SOCKERR] = { 5, 2 },
    [CHECK_L4OK] = { 6, 3 },      [CHECK_L4TOUT] = { 7, 2 },  [CHECK_L4CON] = { 8, 2 },   [CHECK_L6OK] = { 9, 3 },
    [CHECK_L6TOUT] = { 10, 2 },   [CHECK_L6RSP] = { 11, 2 },  [CHECK_L7TOUT] = { 12, 2 }, [CHECK_L7RSP] = { 13, 2 },
    [CHECK_L7OK] = { 15, 3 },     [CHECK_L7OKC] = { 16, 4 },  [CHECK_L7STS] = { 17, 2 },  [CHECK_PROCERR] = { 18, 2 },
    [CHECK_PROCTOUT] = { 19, 2 }, [CHECK_PROCOK] = { 20, 3 },
};

void admin_state_file_head(struct text *out)
{
    text_printf(out, "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
                     "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state "
                     "srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl "
                     "srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n");
}

static uint32_t age_of(const struct backend_state *state)
{
    uint64_t now_us = clock_wall_us();
    uint64_t changed_us = atomic_load(&state->changed_us);
    return now_us > changed_us ? (uint32_t)((now_us - changed_us) / 1000000) : 0;
}

// Stays "-" where there is no address of an IP family.
static void address_text(char *out, const struct transport_address *addr)
{
    if (addr->family == AF_INET || addr->family == AF_INET6)
        out[transport_address_ip_text(addr, out)] = '\0';
}

static void add_row(struct text *out, const struct proxy_conf *proxy, const struct server_conf *server)
{
    const struct backend_state *state = backend_state_at(server->object);
    uint32_t status = backend_state_status(state);
    uint32_t admin = backend_state_admin(status);
    uint32_t check_status = atomic_load(&state->check_status);
    uint32_t check_flags = atomic_load(&state->check_flags);
    char ip[TRANSPORT_ADDRESS_TEXT_MAX];
    size_t len = 0;
    if (server->addr.family == AF_INET || server->addr.family == AF_INET6)
        len = transport_address_ip_text(&server->addr, ip);
    char check_addr[TRANSPORT_ADDRESS_TEXT_MAX] = "-", agent_addr[TRANSPORT_ADDRESS_TEXT_MAX] = "-";
    struct transport_address check, agent;
    check_target_health(&check, server);
    check_target_agent(&agent, server);
    address_text(check_addr, &check);
    address_text(agent_addr, &agent);
    if (check_status >= CHECK_NUM_STATUSES)
        check_status = CHECK_UNKNOWN;
    // Health is given anew to who leaves maintenance.
    uint32_t health = admin & BACKEND_ADMIN_ANY_MAINT ? 0 : atomic_load(&state->health);
    if (admin & BACKEND_ADMIN_ANY_MAINT & ~(uint32_t)BACKEND_ADMIN_MAINT_INHERITED)
        check_flags |= BACKEND_CHECK_PAUSED;
    text_printf(out, "%u %s %u %s %.*s %u %u %u %u %u %u %u %u %u %u %u %u %s %d - %u %u %s %s %u\n", proxy->id,
                proxy->name, server->id, server->name, len ? (int)len : 1, len ? ip : "-",
                (unsigned)backend_state_op(status), admin, atomic_load(&state->weight), server->weight, age_of(state),
                numbers[check_status].status, numbers[check_status].result, health, check_flags,
                atomic_load(&state->agent_flags), proxy->has_id, server->has_id, server->host ? server->host : "-",
                server->port_mapped ? server->port_offset : server->addr.port, server->tls_target != NULL, check.port,
                check_addr, agent_addr, agent.port);
}

void admin_state_file_rows(struct text *out, const struct proxy_conf *proxy)
{
    for (const struct server_conf *server = proxy->be.servers; server; server = server->next)
        add_row(out, proxy, server);
}

// ---- reading --------------------------------------------------------------------------------------------------------

// A file being read, and for whom.
struct state_file {
    struct text *messages;
    const struct program_conf *program;
    const struct proxy_conf *only; // of a backend's own file; NULL: of all that say `global`
    const char *path;
    uint32_t line;
};

static bool read_number(uint32_t *out, const char *text, uint32_t most)
{
    uint64_t number;
    if (!slice_to_u64(slice_str(text), &number) || number > most)
        return false;
    *out = (uint32_t)number;
    return true;
}

static void refuse(const struct state_file *file, const char *const *fields, const char *what, uint32_t field)
{
    text_printf(file->messages, "[WARNING]  %s:%u: the state of server '%s/%s' is not used: invalid %s '%s'\n",
                file->path, file->line, fields[STATE_BE_NAME], fields[STATE_SRV_NAME], what, fields[field]);
}

// What a line says of a server.
struct state_line {
    uint32_t op;
    uint32_t admin;
    uint32_t weight;
    uint32_t initial_weight;
    uint32_t age;
    uint32_t check_status;
    uint32_t health;
    uint32_t check_flags;
    uint32_t agent_flags;
};

static bool read_fields(struct state_line *out, const struct state_file *file, const char *const *fields)
{
    const struct {
        uint32_t *to;
        const char *name;
        uint32_t field;
        uint32_t most;
    } numbers_of[] = {
        { &out->op, "srv_op_state", STATE_OP, BACKEND_OP_STOPPING },
        { &out->admin, "srv_admin_state", STATE_ADMIN, 0x7f },
        { &out->weight, "srv_uweight", STATE_WEIGHT, 256 },
        { &out->initial_weight, "srv_iweight", STATE_INITIAL_WEIGHT, 256 },
        { &out->age, "srv_time_since_last_change", STATE_AGE, UINT32_MAX },
        { &out->check_status, "srv_check_status", STATE_CHECK_STATUS, 255 },
        { &out->health, "srv_check_health", STATE_HEALTH, INT32_MAX },
        { &out->check_flags, "srv_check_state", STATE_CHECK_FLAGS, 0x1f },
        { &out->agent_flags, "srv_agent_state", STATE_AGENT_FLAGS, 0x1f },
    };
    for (size_t i = 0; i < NUM_ITEMS(numbers_of); i++) {
        if (!read_number(numbers_of[i].to, fields[numbers_of[i].field], numbers_of[i].most)) {
            refuse(file, fields, numbers_of[i].name, numbers_of[i].field);
            return false;
        }
    }
    return true;
}

static void use(const struct server_conf *server, const struct state_line *line)
{
    struct backend_state *state = backend_state_at(server->object);
    uint32_t kept = BACKEND_ADMIN_MAINT | BACKEND_ADMIN_DRAIN;
    uint32_t admin = line->admin & kept;
    enum backend_op op = (enum backend_op)line->op;
    // `disabled` counts where it came with this configuration, and no longer where it went.
    if (server->disabled)
        admin |= BACKEND_ADMIN_MAINT_CONF | (line->admin & BACKEND_ADMIN_MAINT_CONF ? 0 : BACKEND_ADMIN_MAINT);
    else if (line->admin & BACKEND_ADMIN_MAINT_CONF)
        admin &= ~(uint32_t)BACKEND_ADMIN_MAINT;
    admin |= server->unresolved ? BACKEND_ADMIN_MAINT_RESOLUTION : 0;
    if (admin & BACKEND_ADMIN_ANY_MAINT)
        op = BACKEND_OP_STOPPED;
    else if (line->admin & BACKEND_ADMIN_ANY_MAINT && op == BACKEND_OP_STOPPED)
        op = BACKEND_OP_RUNNING;
    for (uint32_t i = CHECK_NUM_STATUSES; i-- > CHECK_INI;)
        if (numbers[i].status == line->check_status)
            atomic_store(&state->check_status, i);
    // As for HAProxy, who was up or down is so with all its health, whatever it had: one check that fails while all
    // start anew does not take a server away.
    if (line->op == BACKEND_OP_RUNNING || line->op == BACKEND_OP_STOPPING)
        atomic_store(&state->health, (uint32_t)server->check.rise + server->check.fall - 1);
    else
        atomic_store(&state->health, line->op == BACKEND_OP_STOPPED ? 0 : line->health);
    atomic_store(&state->check_flags, line->check_flags & ~(uint32_t)BACKEND_CHECK_INPROGRESS);
    atomic_store(&state->agent_flags, line->agent_flags & ~(uint32_t)BACKEND_CHECK_INPROGRESS);
    if (line->initial_weight == server->weight)
        atomic_store(&state->weight, line->weight);
    atomic_store(&state->changed_us, clock_wall_us() - line->age * UINT64_C(1000000));
    if (op == BACKEND_OP_STARTING)
        atomic_store(&state->starting_us, clock_mono_us() - line->age * UINT64_C(1000000));
    atomic_store(&state->status, (uint32_t)op | admin << 8);
    backend_state_repair(server);
}

static void read_line(struct state_file *file, char *text)
{
    const char *fields[STATE_FIELDS] = { NULL };
    uint32_t num = 0;
    char *rest = NULL;
    struct state_line line;
    for (char *field = strtok_r(text, " \t\r\n", &rest); field && num < STATE_FIELDS;
         field = strtok_r(NULL, " \t\r\n", &rest))
        fields[num++] = field;
    if (!num || fields[0][0] == '#')
        return;
    if (num < STATE_LEAST_FIELDS) {
        text_printf(file->messages, "[WARNING]  %s:%u: a line of %u fields is no server's state\n", file->path,
                    file->line, num);
        return;
    }
    const struct proxy_conf *proxy = file->only;
    if (!proxy)
        proxy = proxy_conf_find(file->program, fields[STATE_BE_NAME], CONFIG_IN_BACKEND);
    if (!proxy || strcmp(proxy->name, fields[STATE_BE_NAME]) != 0 ||
        (!file->only && proxy->be.state_from != PROXY_STATES_GLOBAL))
        return;
    const struct server_conf *server = proxy_server_find(&proxy->be, slice_str(fields[STATE_SRV_NAME]));
    if (server && atomic_load(&backend_state_at(server->object)->is_fresh) && read_fields(&line, file, fields))
        use(server, &line);
}

static void read_file(struct state_file *file)
{
    char line[STATE_LINE_MAX];
    FILE *in = fopen(file->path, "re");
    if (!in) {
        text_printf(file->messages, "[WARNING]  %s%s%scannot read the states of servers in %s: %s\n",
                    file->only ? "backend " : "", file->only ? file->only->name : "", file->only ? ": " : "",
                    file->path, strerror(errno));
        return;
    }
    bool known = false;
    while (fgets(line, sizeof(line), in)) {
        file->line++;
        if (known)
            read_line(file, line);
        else if (line[0] == '#' || line[0] == '\n')
            continue;
        else if (strcmp(line, "1\n") == 0 || strcmp(line, "1") == 0)
            known = true;
        else
            break;
    }
    if (!known)
        text_printf(file->messages, "[WARNING]  %s: no file of servers' states of version 1\n", file->path);
    fclose(in);
}

static void read_named(struct text *messages, const struct program_conf *program, const struct proxy_conf *only,
                       const char *name)
{
    char path[4096];
    const char *base = program->global.state_base;
    struct state_file file = { .messages = messages, .program = program, .only = only, .path = name };
    if (*name != '/' && base) {
        snprintf(path, sizeof(path), "%s/%s", base, name);
        file.path = path;
    }
    read_file(&file);
}

void admin_state_files_load(struct text *messages, const struct program_conf *program)
{
    bool any_global = false;
    for (const struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next) {
        if (!proxy->has_backend || proxy->disabled || !proxy->be.num_servers)
            continue;
        any_global |= proxy->be.state_from == PROXY_STATES_GLOBAL;
        if (proxy->be.state_from == PROXY_STATES_LOCAL)
            read_named(messages, program, proxy, proxy->be.state_file ? proxy->be.state_file : proxy->name);
    }
    if (any_global && program->global.state_file)
        read_named(messages, program, NULL, program->global.state_file);
}
