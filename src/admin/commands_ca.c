// SPDX-License-Identifier: Apache-2.0
// Authorities and revocation lists: shown, and replaced while the service runs, by transactions as certificates are
// (commands_cert.c): one of each kind at a time.
#include <stdlib.h>
#include <string.h>
#include "admin/session.h"
#include "tls/change.h"
#include "tls/show.h"
#include "tls_transaction.h"

// What the two kinds differ in.
struct kind {
    bool is_crl;
    const char *word;     // of commands
    const char *short_of; // "CA"
    const char *payload;  // "CAs"
};
static const struct kind kinds[] = {
    { .is_crl = false, .word = "ca-file", .short_of = "CA", .payload = "CAs" },
    { .is_crl = true, .word = "crl-file", .short_of = "CRL", .payload = "CRLs" },
};

// A transaction: what was read, and the text it came from, which is what is published.
struct transaction {
    struct trust_file *draft; // NULL: none is under way
    struct text text;
};
static struct transaction transactions[2];

static const struct kind *kind_of(const struct admin_call *call)
{
    return &kinds[strstr(call->command->name, "crl-file") != NULL];
}

static struct transaction *transaction_of(const struct admin_call *call)
{
    return &transactions[kind_of(call)->is_crl];
}

static void end(struct transaction *transaction)
{
    tls_change_file_drop(transaction->draft);
    transaction->draft = NULL;
    text_fini(&transaction->text);
    text_init(&transaction->text);
}

// ---- show

static void list_one(struct admin_call *call, const char *before, const struct trust_file *file)
{
    text_printf(call->out, "%s%s", before, tls_change_file_name(file));
    if (!kind_of(call)->is_crl)
        text_printf(call->out, " - %u certificate(s)", tls_show_file_num(file));
    text_printf(call->out, "\n");
}

static enum admin_verdict list_files(struct admin_call *call)
{
    const struct transaction *transaction = transaction_of(call);
    uint32_t num;
    const struct trust_file **files = tls_change_files(&num, kind_of(call)->is_crl);
    if (transaction->draft) {
        text_printf(call->out, "# transaction\n");
        list_one(call, "*", transaction->draft);
    }
    text_printf(call->out, "# filename\n");
    for (uint32_t i = 0; files && i < num; i++)
        list_one(call, tls_change_file_name(files[i])[0] == '*' ? "\\" : "", files[i]);
    free(files);
    return ADMIN_DONE;
}

static const struct trust_file *named(struct admin_call *call, const char *name)
{
    const struct trust_file *draft = transaction_of(call)->draft;
    if (name[0] == '*')
        return draft && strcmp(tls_change_file_name(draft), name + 1) == 0 ? draft : NULL;
    name += name[0] == '\\' && name[1] == '*';
    return tls_change_file(name, kind_of(call)->is_crl);
}

// The file that an argument names, and the index behind a colon, 0 for none; `name` is cut there.
static const struct trust_file *indexed(struct admin_call *call, uint32_t *index, char *name, bool *is_wrong)
{
    const struct trust_file *file = named(call, name);
    char *colon = strrchr(name, ':'), *behind;
    *index = 0;
    *is_wrong = false;
    if (file || !colon)
        return file;
    unsigned long number = strtoul(colon + 1, &behind, 10);
    *is_wrong = behind == colon + 1 || *behind || number == 0 || number > UINT32_MAX;
    *index = (uint32_t)number;
    *colon = '\0';
    return named(call, name);
}

static enum admin_verdict show_file(struct admin_call *call)
{
    uint32_t index;
    bool is_wrong;
    const struct kind *kind = kind_of(call);
    if (!call->num_args)
        return list_files(call);
    char *name = strdup(call->args[0]);
    const struct trust_file *file = name ? indexed(call, &index, name, &is_wrong) : NULL;
    if (file && is_wrong) {
        free(name);
        return admin_refuse(call, "wrong %s index after colons in '%s'!\n", kind->short_of, call->args[0]);
    }
    if (!file) {
        free(name);
        return admin_refuse(call, "Can't display the %s file : Not found!\n", kind->short_of);
    }
    const char *status = tls_show_file_is_empty(file)                      ? "Empty"
                         : name[0] != '*' && tls_change_file_is_used(file) ? "Used"
                                                                           : "Unused";
    if (!index || index <= tls_show_file_num(file)) {
        text_printf(call->out, "Filename: %s\nStatus: %s\n", name + (name[0] == '\\'), status);
        tls_show_file(call->out, file, index);
    }
    free(name);
    return ADMIN_DONE;
}

// ---- change

// Reads the payload into a draft, with `before` in front of it. It has to be good by itself: what is added to something
// must add to it.
static struct trust_file *read_payload(const struct admin_call *call, struct text *why, struct text *before)
{
    const char *name = call->args[0];
    bool is_crl = kind_of(call)->is_crl, adds = before->len != 0;
    struct slice payload = slice_of(call->payload, call->payload_len);
    struct trust_file *alone = adds ? tls_change_file_draft(name, why, is_crl, payload) : NULL;
    tls_change_file_drop(alone);
    text_add(before, payload.ptr, payload.len);
    text_add(before, "\n", 1);
    return adds && !alone ? NULL : tls_change_file_draft(name, why, is_crl, slice_of(before->ptr, before->len));
}

static enum admin_verdict put(struct admin_call *call, struct text *take_text)
{
    struct transaction *transaction = transaction_of(call);
    const struct kind *kind = kind_of(call);
    const char *name = call->args[0];
    struct text why;
    bool is_new = !transaction->draft;
    text_init(&why);
    struct trust_file *draft = read_payload(call, &why, take_text);
    if (draft) {
        end(transaction);
        transaction->draft = draft;
        transaction->text = *take_text;
        admin_say(call, 5, "transaction %s for %s %s!\n", is_new ? "created" : "updated", kind->short_of, name);
    } else {
        text_fini(take_text);
        admin_refuse(call, "Invalid payload\n%.*s\nCan't update %s!\n", (int)why.len, why.ptr, name);
    }
    text_fini(&why);
    return ADMIN_DONE;
}

static enum admin_verdict set_or_add(struct admin_call *call, bool adds)
{
    const struct transaction *transaction = transaction_of(call);
    const struct kind *kind = kind_of(call);
    struct text text;
    if (call->num_args != 1 || !call->payload)
        return admin_refuse(call, "'%s' expects a filename and %s as a payload\n", call->command->name, kind->payload);
    const char *name = call->args[0];
    if (!tls_change_file(name, kind->is_crl))
        return admin_refuse(call,
                            "Can't replace a %s file which is not referenced by the configuration!\n"
                            "Can't update %s!\n",
                            kind->short_of, name);
    if (transaction->draft && strcmp(tls_change_file_name(transaction->draft), name) != 0)
        return admin_refuse(call, TRANSACTION_OTHER "Can't update %s!\n", tls_change_file_name(transaction->draft),
                            name, name);
    text_init(&text);
    if (adds && transaction->draft)
        text_add(&text, transaction->text.ptr, transaction->text.len);
    else if (adds)
        tls_show_file_pem(&text, tls_change_file(name, kind->is_crl));
    return put(call, &text);
}

static enum admin_verdict set_file(struct admin_call *call)
{
    return set_or_add(call, false);
}

static enum admin_verdict add_file(struct admin_call *call)
{
    return set_or_add(call, true);
}

static enum admin_verdict commit_file(struct admin_call *call)
{
    struct transaction *transaction = transaction_of(call);
    const struct kind *kind = kind_of(call);
    if (call->num_args != 1)
        return admin_refuse(call, "'%s' expects a filename\n", call->command->name);
    const char *name = call->args[0];
    if (!transaction->draft)
        return admin_refuse(call, "No ongoing transaction! !\nCan't commit %s!\n", name);
    if (strcmp(tls_change_file_name(transaction->draft), name) != 0)
        return admin_refuse(call, TRANSACTION_OTHER "Can't commit %s!\n", tls_change_file_name(transaction->draft),
                            name, name);
    const struct trust_file *file = tls_change_file(name, kind->is_crl);
    uint32_t num = file ? tls_change_file_uses(file) : 0;
    call->number = tls_change_file_commit(name, kind->is_crl, slice_of(transaction->text.ptr, transaction->text.len));
    if (!call->number)
        return admin_refuse(call, TRANSACTION_FULL "Can't commit %s!\n", name);
    end(transaction);
    return transaction_done(call, name, num);
}

static enum admin_verdict abort_file(struct admin_call *call)
{
    struct transaction *transaction = transaction_of(call);
    if (call->num_args != 1)
        return admin_refuse(call, "'%s' expects a filename\n", call->command->name);
    if (!transaction->draft)
        return admin_refuse(call, "No ongoing transaction!\n");
    if (strcmp(tls_change_file_name(transaction->draft), call->args[0]) != 0)
        return admin_refuse(call, TRANSACTION_ABORT_OTHER, tls_change_file_name(transaction->draft), call->args[0]);
    end(transaction);
    return admin_say(call, 5, "Transaction aborted for certificate '%s'!\n", call->args[0]);
}

static enum admin_verdict new_file(struct admin_call *call)
{
    const struct kind *kind = kind_of(call);
    if (call->num_args != 1)
        return admin_refuse(call, "'%s' expects a filename\n", call->command->name);
    if (tls_change_file(call->args[0], kind->is_crl))
        return admin_refuse(call, "%s file '%s' already exists!\n", kind->short_of, call->args[0]);
    if (!(call->number = tls_change_file_new(call->args[0], kind->is_crl)))
        return admin_refuse(call, TRANSACTION_FULL);
    admin_say(call, 5, "New %s file created '%s'!\n", kind->short_of, call->args[0]);
    return ADMIN_CHANGED;
}

static enum admin_verdict del_file(struct admin_call *call)
{
    const struct kind *kind = kind_of(call);
    if (call->num_args != 1)
        return admin_refuse(call, "'%s' expects a %s file name\n", call->command->name, kind->short_of);
    const char *name = call->args[0];
    const struct trust_file *file = tls_change_file(name, kind->is_crl);
    const struct trust_file *draft = transaction_of(call)->draft;
    const char *wrong = !file                                                     ? "doesn't exist!"
                        : tls_change_file_is_used(file)                           ? "in use, can't be deleted!"
                        : draft && strcmp(tls_change_file_name(draft), name) == 0 ? "has an ongoing transaction!"
                                                                                  : NULL;
    if (wrong)
        return admin_refuse(call, "Can't remove the %s file: %s file '%s' %s\n", kind->short_of, kind->short_of, name,
                            wrong);
    if (!(call->number = tls_change_file_del(name, kind->is_crl)))
        return admin_refuse(call, TRANSACTION_FULL);
    admin_say(call, 5, "%s file '%s' deleted!\n", kind->short_of, name);
    return ADMIN_CHANGED;
}

#define SHOW_ROW(word, arg, text)                                                                                      \
    {                                                                                                                  \
        .name = "show ssl " word, .level = ADMIN_LEVEL_OPERATOR, .where = ADMIN_ON_SERVICE, .max_args = 1,             \
        .args = "[<" arg ">[:<index>]]", .help = text, .run = show_file                                                \
    }
#define ROW(verb, word, arg, is_change, max, text, function)                                                           \
    {                                                                                                                  \
        .name = verb " ssl " word, .level = ADMIN_LEVEL_ADMIN, .where = ADMIN_ON_SERVICE, .max_args = max,             \
        .changes = is_change, .args = arg, .help = text, .run = function                                               \
    }

static const struct admin_command commands[] = {
    SHOW_ROW("ca-file", "cafile", "display the SSL CA files used in memory, or the details of one"),
    SHOW_ROW("crl-file", "crlfile", "display the SSL CRL files used in memory, or the details of one"),
    ROW("new", "ca-file", "<cafile>", true, 1, "create a new CA file to be used in a crt-list", new_file),
    ROW("new", "crl-file", "<crlfile>", true, 1, "create a new CRL file to be used in a crt-list", new_file),
    ROW("set", "ca-file", "<cafile> <payload>", false, 8, "replace a CA file, once it is committed", set_file),
    ROW("set", "crl-file", "<crlfile> <payload>", false, 8, "replace a CRL file, once it is committed", set_file),
    ROW("add", "ca-file", "<cafile> <payload>", false, 8, "add a certificate into the CA file", add_file),
    ROW("commit", "ca-file", "<cafile>", true, 1, "commit a CA file", commit_file),
    ROW("commit", "crl-file", "<crlfile>", true, 1, "commit a CRL file", commit_file),
    ROW("abort", "ca-file", "<cafile>", false, 1, "abort a transaction for a CA file", abort_file),
    ROW("abort", "crl-file", "<crlfile>", false, 1, "abort a transaction for a CRL file", abort_file),
    ROW("del", "ca-file", "<cafile>", true, 1, "delete an unused CA file", del_file),
    ROW("del", "crl-file", "<crlfile>", true, 1, "delete an unused CRL file", del_file),
};
ADMIN_COMMANDS(commands);
