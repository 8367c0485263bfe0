// SPDX-License-Identifier: Apache-2.0
// Ticket keys, OCSP responses and server names; and what of HAProxy's commands about TLS there is not here.
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "admin/session.h"
#include "config/word.h"
#include "proxy/conf.h"
#include "tls/change.h"
#include "tls/show.h"
#include "tls_transaction.h"

// ---- ticket keys

static enum admin_verdict show_keys(struct admin_call *call)
{
    uint32_t num = tls_change_ticket_files(), id = 0;
    const char *name = call->num_args ? call->args[0] : NULL;
    if (!name) {
        text_printf(call->out, "# id (file)\n");
        for (uint32_t i = 0; i < num; i++)
            text_printf(call->out, "%u (%s)\n", i, tls_change_ticket_file(i));
        return ADMIN_DONE;
    }
    // Who has the keys reads what others send.
    if (call->session->level < ADMIN_LEVEL_ADMIN)
        return admin_refuse(call, "Permission denied\n");
    if (strcmp(name, "*") != 0 && !tls_change_ticket_find(&id, name))
        return admin_refuse(call, "'show tls-keys' unable to locate referenced filename\n");
    if (num)
        text_printf(call->out, "# id secret\n");
    for (uint32_t i = 0; i < num; i++)
        if (strcmp(name, "*") == 0 || i == id)
            tls_change_ticket_show(call->out, i);
    return ADMIN_DONE;
}

static enum admin_verdict set_key(struct admin_call *call)
{
    struct text why;
    uint32_t id;
    if (call->num_args != 2)
        return admin_refuse(call, "'set ssl tls-key' expects a filename and the new TLS key in base64 encoding.\n");
    if (!tls_change_ticket_find(&id, call->args[0]))
        return admin_refuse(call, "'set ssl tls-key' unable to locate referenced filename\n");
    text_init(&why);
    call->number = tls_change_ticket_set(&why, id, call->args[1]);
    if (call->number)
        admin_say(call, 6, "TLS ticket key updated!\n");
    else if (why.len)
        admin_refuse(call, "'set ssl tls-key' %.*s\n", (int)why.len, why.ptr);
    else
        admin_refuse(call, TRANSACTION_FULL);
    text_fini(&why);
    return call->number ? ADMIN_CHANGED : ADMIN_DONE;
}

// ---- OCSP responses

static enum admin_verdict set_response(struct admin_call *call)
{
    struct text why;
    struct slice text =
        call->payload ? slice_of(call->payload, call->payload_len) : slice_str(call->num_args ? call->args[0] : "");
    if (!text.len || (call->payload && call->num_args))
        return admin_refuse(call, "'set ssl ocsp-response' expects response in base64 encoding.\n");
    text_init(&why);
    call->number = tls_change_ocsp(&why, text);
    if (call->number)
        admin_say(call, 6, "OCSP Response updated!\n");
    else if (why.len)
        admin_refuse(call, "%.*s\n", (int)why.len, why.ptr);
    else
        admin_refuse(call, TRANSACTION_FULL);
    text_fini(&why);
    return call->number ? ADMIN_CHANGED : ADMIN_DONE;
}

static void list_response(struct text *out, const struct tls_cert *cert)
{
    text_printf(out, "  Certificate ID key : ");
    tls_show_ocsp_key(out, cert);
    text_printf(out, "\n  Certificate path : %s\n    Certificate ID:\n", cert->name);
    tls_show_ocsp_id(out, cert);
}

static bool is_called(const struct tls_cert *cert, const char *wanted)
{
    struct text key;
    text_init(&key);
    tls_show_ocsp_key(&key, cert);
    bool same = slice_equal_nocase(slice_of(key.ptr, key.len), slice_str(wanted));
    text_fini(&key);
    return same || strcmp(cert->name, wanted) == 0;
}

// Lists all responses, or shows the one that `wanted` names; gives how many there were.
static uint32_t responses(struct text *out, const char *wanted, bool in_base64)
{
    uint32_t num, found = 0;
    const char **names = tls_change_certs(&num);
    for (uint32_t i = 0; names && i < num && !(wanted && found); i++) {
        bool exists;
        const struct tls_cert *cert = tls_change_cert(names[i], &exists);
        if (!cert || !cert->ocsp.len || (wanted && !is_called(cert, wanted)))
            continue;
        if (!wanted && !found)
            text_printf(out, "# Certificate IDs\n");
        found++;
        if (!wanted)
            list_response(out, cert);
        else if (in_base64)
            tls_show_ocsp_base64(out, cert->ocsp);
        else
            tls_show_ocsp(out, cert->ocsp);
    }
    free(names);
    return found;
}

static enum admin_verdict show_response(struct admin_call *call)
{
    bool has_format = call->num_args == 2;
    bool in_base64 = has_format && strcmp(call->args[0], "base64") == 0;
    if (has_format && !in_base64 && strcmp(call->args[0], "text") != 0)
        return admin_refuse_arg(call, 0);
    const char *wanted = call->args[has_format];
    if (!responses(call->out, wanted, in_base64) && wanted)
        return admin_refuse(call, "Certificate ID does not match any certificate.\n");
    return ADMIN_DONE;
}

// ---- server names

struct sni_filter {
    const char *frontend;
    bool only_over;
    uint64_t offset_s;
};

static bool read_offset(uint64_t *seconds, const char *text)
{
    char *end;
    static const struct {
        char unit;
        uint32_t seconds;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { '\0', 1 } };
    *seconds = strtoul(text, &end, 10);
    for (size_t i = 0; i < NUM_ITEMS(units) && end != text; i++)
        if (*end == units[i].unit && (!*end || !end[1]) && *seconds < UINT32_MAX) {
            *seconds *= units[i].seconds;
            return true;
        }
    return false;
}

// The index of the argument that is wrong, num_args where none is.
static uint32_t read_filter(struct sni_filter *filter, const struct admin_call *call)
{
    *filter = (struct sni_filter){ 0 };
    for (uint32_t i = 0; i < call->num_args; i++) {
        bool has_value = i + 1 < call->num_args;
        if (strcmp(call->args[i], "-A") == 0)
            filter->only_over = true;
        else if (strcmp(call->args[i], "-f") == 0 && has_value)
            filter->frontend = call->args[++i];
        else if (strcmp(call->args[i], "-t") != 0 || !has_value || !read_offset(&filter->offset_s, call->args[++i]))
            return i;
    }
    return call->num_args;
}

static void show_bind(struct text *out, const struct bind_conf *bind, int64_t over_at)
{
    char where[1024];
    snprintf(where, sizeof(where), "%s/%s:%u", bind->proxy->name, bind->place.file, bind->place.line);
    tls_show_sni(out, bind->tls_bind, where, over_at);
}

static enum admin_verdict show_sni(struct admin_call *call)
{
    struct sni_filter filter;
    const struct program_conf *program = call->admin->start.conf;
    uint32_t wrong = read_filter(&filter, call), at = 0;
    if (wrong < call->num_args)
        return admin_refuse_arg(call, wrong);
    if (filter.frontend && !proxy_conf_find(program, filter.frontend, CONFIG_IN_FRONTEND))
        return admin_refuse(call, "No such frontend.\n");
    int64_t over_at = filter.only_over ? time(NULL) + (int64_t)filter.offset_s : 0;
    if (call->turn == 0)
        text_printf(call->out, "# Frontend/Bind\tSNI\tNegative Filter\tType\tFilename\tNotAfter\tNotBefore\n");
    // One frontend a turn.
    for (const struct proxy_conf *proxy = program->proxies; proxy; proxy = proxy->next) {
        if (filter.frontend && strcmp(proxy->name, filter.frontend) != 0)
            continue;
        if (at++ != call->turn)
            continue;
        const struct tls_bind *last = NULL;
        for (const struct bind_conf *bind = proxy->fe.binds; bind; last = bind->tls_bind, bind = bind->next)
            if (bind->tls_bind && bind->tls_bind != last)
                show_bind(call->out, bind, over_at);
        return ADMIN_MORE;
    }
    return ADMIN_DONE;
}

static const struct admin_command commands[] = {
    { .name = "show tls-keys",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_SERVICE,
      .max_args = 1,
      .args = "[id|*]",
      .help = "show tls keys references or dump tls ticket keys when id specified",
      .run = show_keys },
    { .name = "set ssl tls-key",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_SERVICE,
      .max_args = 2,
      .changes = true,
      .is_secret = true,
      .args = "[id|file] <key>",
      .help = "set the next TLS key for the <id> or <file> listener to <key>",
      .run = set_key },
    { .name = "set ssl ocsp-response",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_SERVICE,
      .max_args = 1,
      .changes = true,
      .is_secret = true,
      .args = "<resp|payload>",
      .help = "update a certificate's OCSP Response from a base64-encode DER",
      .run = set_response },
    { .name = "show ssl ocsp-response",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_SERVICE,
      .max_args = 2,
      .args = "[[text|base64] <id|path>]",
      .help = "display the IDs of the OCSP responses used in memory, or the details of a single OCSP response",
      .run = show_response },
    { .name = "show ssl sni",
      .level = ADMIN_LEVEL_USER,
      .where = ADMIN_ON_SERVICE,
      .max_args = 5,
      .args = "[-f <frontend>] [-A] [-t <offset>]",
      .help = "display the list of SNI and their corresponding filename",
      .run = show_sni },
};
ADMIN_COMMANDS(commands);
