// SPDX-License-Identifier: Apache-2.0
// Certificates: shown, and replaced while the service runs. One transaction is under way at a time, in this process; a
// controller that dies takes it along and nothing else.
#include <stdlib.h>
#include <string.h>
#include "admin/session.h"
#include "tls/change.h"
#include "tls/show.h"
#include "tls_transaction.h"

static struct tls_cert *draft; // of the transaction; NULL: none is under way

// ---- show

static void show_ocsp_line(struct text *out, const struct tls_cert *cert)
{
    text_printf(out, "OCSP Response Key: ");
    if (cert && cert->ocsp.len)
        tls_show_ocsp_key(out, cert);
    text_printf(out, "\n");
}

static enum admin_verdict list_certs(struct admin_call *call)
{
    uint32_t num;
    const char **names = tls_change_certs(&num);
    if (draft)
        text_printf(call->out, "# transaction\n*%s\n", draft->name);
    for (uint32_t i = 0; names && i < num; i++) {
        if (!i)
            text_printf(call->out, "# filename\n");
        text_printf(call->out, "%s%s\n", names[i][0] == '*' ? "\\" : "", names[i]);
    }
    free(names);
    return ADMIN_DONE;
}

// The certificate that an argument names, "*" before it for the transaction's; `*status` is what to call it. NULL where
// there is none to show.
static const struct tls_cert *named(const char **status, const char *name)
{
    bool exists;
    if (name[0] == '*') {
        *status = draft && strcmp(draft->name, name + 1) == 0 ? "Unused" : NULL;
        return *status ? draft : NULL;
    }
    name += name[0] == '\\' && name[1] == '*';
    const struct tls_cert *cert = tls_change_cert(name, &exists);
    *status = !exists ? NULL : !cert ? "Empty" : tls_change_cert_uses(name) ? "Used" : "Unused";
    return cert;
}

// "<certificate>.ocsp": its OCSP response.
static bool show_response_of(struct admin_call *call, const char *name)
{
    const char *status;
    struct slice base = slice_str(name);
    if (!slice_ends(base, SLICE(".ocsp")))
        return false;
    char *file = strndup(name, base.len - strlen(".ocsp"));
    const struct tls_cert *cert = file ? named(&status, file) : NULL;
    free(file);
    if (!cert)
        return false;
    if (cert->ocsp.len)
        tls_show_ocsp(call->out, cert->ocsp);
    return true;
}

static enum admin_verdict show_cert(struct admin_call *call)
{
    const char *status;
    if (!call->num_args)
        return list_certs(call);
    const char *name = call->args[0];
    const struct tls_cert *cert = named(&status, name);
    if (!status && show_response_of(call, name))
        return ADMIN_DONE;
    if (!status)
        return admin_refuse(call, "Can't display the certificate: Not found or the certificate is a bundle!\n");
    text_printf(call->out, "Filename: %s\nStatus: %s\n", name + (name[0] == '\\'), status);
    if (cert)
        tls_show_cert(call->out, cert);
    show_ocsp_line(call->out, cert);
    return ADMIN_DONE;
}

static enum admin_verdict dump_cert(struct admin_call *call)
{
    const char *status = NULL;
    const struct tls_cert *cert = call->num_args ? named(&status, call->args[0]) : NULL;
    if (!call->num_args)
        return admin_refuse(call, "'dump ssl cert' expects a certificate name\n");
    if (!status)
        return admin_refuse(call, "Can't dump the certificate: Not found!\n");
    if (cert)
        tls_show_pem(call->out, cert);
    return ADMIN_DONE;
}

// ---- change

// The certificate that a file belongs to: the file itself, or what is left of it without the end that names a part.
static char *base_of(enum tls_part *part, const char *name)
{
    static const struct {
        const char *end;
        enum tls_part part;
    } ends[] = {
        { ".key", TLS_PART_KEY },
        { ".issuer", TLS_PART_ISSUER },
        { ".ocsp", TLS_PART_OCSP },
        { ".sctl", TLS_PART_SCTL },
    };
    bool exists;
    *part = TLS_PART_ALL;
    (void)tls_change_cert(name, &exists);
    for (size_t i = 0; i < NUM_ITEMS(ends) && !exists; i++) {
        struct slice whole = slice_str(name);
        if (!slice_ends(whole, slice_str(ends[i].end)))
            continue;
        char *base = strndup(name, whole.len - strlen(ends[i].end));
        if (base)
            (void)tls_change_cert(base, &exists);
        if (exists) {
            *part = ends[i].part;
            return base;
        }
        free(base);
    }
    return exists ? strdup(name) : NULL;
}

static enum admin_verdict put(struct admin_call *call, const char *base, enum tls_part part)
{
    struct text why;
    const char *name = call->args[0];
    bool is_new = !draft;
    if (draft && strcmp(draft->name, base) != 0)
        return admin_refuse(call, TRANSACTION_OTHER "Can't update %s!\n", draft->name, base, name);
    // The one under way stays as it was where this part is refused.
    struct tls_cert *next = tls_draft_copy(draft, base);
    text_init(&why);
    bool ok = tls_draft_put(next, &why, part, slice_of(call->payload, call->payload_len));
    if (ok) {
        tls_cert_release(draft);
        draft = next;
        admin_say(call, 5, "Transaction %s for certificate %s!\n", is_new ? "created" : "updated", base);
    } else {
        tls_cert_release(next);
        admin_refuse(call, "%.*s\nCan't load the payload\nCan't update %s!\n", (int)why.len, why.ptr, name);
    }
    text_fini(&why);
    return ADMIN_DONE;
}

static enum admin_verdict set_cert(struct admin_call *call)
{
    enum tls_part part;
    if (call->num_args != 1 || !call->payload)
        return admin_refuse(call, "'set ssl cert' expects a filename and a certificate as a payload\n");
    char *base = base_of(&part, call->args[0]);
    if (!base)
        return admin_refuse(call,
                            "Can't replace a certificate which is not referenced by the configuration!\n"
                            "Can't update %s!\n",
                            call->args[0]);
    enum admin_verdict verdict = put(call, base, part);
    free(base);
    return verdict;
}

static enum admin_verdict commit_cert(struct admin_call *call)
{
    struct text why;
    if (call->num_args != 1)
        return admin_refuse(call, "'commit ssl cert' expects a filename\n");
    const char *name = call->args[0];
    if (!draft)
        return admin_refuse(call, "No ongoing transaction! !\nCan't commit %s!\n", name);
    if (strcmp(draft->name, name) != 0)
        return admin_refuse(call, TRANSACTION_OTHER "Can't commit %s!\n", draft->name, name, name);
    text_init(&why);
    if (!tls_draft_check(draft, &why)) {
        admin_refuse(call, "%.*s\nCan't commit %s!\n", (int)why.len, why.ptr, name);
        text_fini(&why);
        return ADMIN_DONE;
    }
    text_fini(&why);
    uint32_t num = tls_change_cert_uses(name);
    call->number = tls_draft_commit(draft);
    if (!call->number)
        return admin_refuse(call, TRANSACTION_FULL "Can't commit %s!\n", name);
    tls_cert_release(draft);
    draft = NULL;
    return transaction_done(call, name, num);
}

static enum admin_verdict abort_cert(struct admin_call *call)
{
    if (call->num_args != 1)
        return admin_refuse(call, "'abort ssl cert' expects a filename\n");
    if (!draft)
        return admin_refuse(call, "No ongoing transaction!\n");
    if (strcmp(draft->name, call->args[0]) != 0)
        return admin_refuse(call, TRANSACTION_ABORT_OTHER, draft->name, call->args[0]);
    tls_cert_release(draft);
    draft = NULL;
    return admin_say(call, 5, "Transaction aborted for certificate '%s'!\n", call->args[0]);
}

static enum admin_verdict new_cert(struct admin_call *call)
{
    bool exists;
    if (call->num_args != 1)
        return admin_refuse(call, "'new ssl cert' expects a filename\n");
    (void)tls_change_cert(call->args[0], &exists);
    if (exists)
        return admin_refuse(call, "Certificate '%s' already exists!\n", call->args[0]);
    if (!(call->number = tls_change_cert_new(call->args[0])))
        return admin_refuse(call, TRANSACTION_FULL);
    admin_say(call, 5, "New empty certificate store '%s'!\n", call->args[0]);
    return ADMIN_CHANGED;
}

static enum admin_verdict del_cert(struct admin_call *call)
{
    bool exists;
    if (call->num_args != 1)
        return admin_refuse(call, "'del ssl cert' expects a certificate name\n");
    const char *name = call->args[0];
    (void)tls_change_cert(name, &exists);
    if (!exists)
        return admin_refuse(call, "Can't remove the certificate: certificate '%s' doesn't exist!\n", name);
    if (tls_change_cert_uses(name) || tls_change_cert_is_listed(name))
        return admin_refuse(call, "Can't remove the certificate: certificate '%s' in use, can't be deleted!\n", name);
    if (draft && strcmp(draft->name, name) == 0)
        return admin_refuse(call, "Can't remove the certificate: certificate '%s' has an ongoing transaction!\n", name);
    if (!(call->number = tls_change_cert_del(name)))
        return admin_refuse(call, TRANSACTION_FULL);
    admin_say(call, 5, "Certificate '%s' deleted!\n", name);
    return ADMIN_CHANGED;
}

static const struct admin_command commands[] = {
    { .name = "show ssl cert",
      .level = ADMIN_LEVEL_OPERATOR,
      .where = ADMIN_ON_SERVICE,
      .max_args = 1,
      .args = "[<certfile>]",
      .help = "display the SSL certificates used in memory, or the details of a file",
      .run = show_cert },
    { .name = "dump ssl cert",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_SERVICE,
      .max_args = 1,
      .args = "<certfile>",
      .help = "dump the SSL certificate and its key in PEM format",
      .run = dump_cert },
    { .name = "new ssl cert",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_SERVICE,
      .max_args = 1,
      .changes = true,
      .args = "<certfile>",
      .help = "create a new certificate file to be used in a crt-list or a directory",
      .run = new_cert },
    { .name = "set ssl cert",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_SERVICE,
      .max_args = 8,
      .is_secret = true,
      .args = "<certfile> <payload>",
      .help = "replace a certificate file, once it is committed",
      .run = set_cert },
    { .name = "commit ssl cert",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_SERVICE,
      .max_args = 1,
      .changes = true,
      .args = "<certfile>",
      .help = "commit a certificate file",
      .run = commit_cert },
    { .name = "abort ssl cert",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_SERVICE,
      .max_args = 1,
      .args = "<certfile>",
      .help = "abort a transaction for a certificate file",
      .run = abort_cert },
    { .name = "del ssl cert",
      .level = ADMIN_LEVEL_ADMIN,
      .where = ADMIN_ON_SERVICE,
      .max_args = 1,
      .changes = true,
      .args = "<certfile>",
      .help = "delete an unused certificate file",
      .run = del_cert },
};
ADMIN_COMMANDS(commands);
