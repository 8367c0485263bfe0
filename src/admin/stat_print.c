// SPDX-License-Identifier: Apache-2.0
#include "admin/stat.h"

#define STAT_FIELD(id, name, tags, type, help) { name, tags, ADMIN_##type, help },

const struct admin_field admin_stat_fields[ADMIN_STAT_NUM] = { ADMIN_STAT_FIELDS(STAT_FIELD) };

void admin_stat_header(struct text *out)
{
    text_printf(out, "# ");
    for (unsigned i = 0; i < ADMIN_STAT_NUM; i++)
        text_printf(out, "%s,", admin_stat_fields[i].name);
    text_printf(out, "\n");
}

static void print_csv(struct text *out, const struct admin_stat_row *row)
{
    for (unsigned i = 0; i < ADMIN_STAT_NUM; i++) {
        admin_value_add_csv(out, &admin_stat_fields[i], &row->values[i]);
        text_add(out, ",", 1);
    }
    text_add(out, "\n", 1);
}

static void print_typed(struct text *out, const struct admin_stat_row *row, unsigned field, bool desc)
{
    text_printf(out, "%c.%u.%u.%u.%s.%u", row->kind, row->iid, row->sid, field, admin_stat_fields[field].name,
                row->process);
    admin_value_add_typed(out, &admin_stat_fields[field], &row->values[field], desc);
}

static const char *kind_name(char kind)
{
    return kind == 'F' ? "Frontend" : kind == 'B' ? "Backend" : kind == 'S' ? "Server" : "Listener";
}

static void print_json(struct text *out, const struct admin_stat_row *row, unsigned field, bool desc)
{
    text_printf(out, "%s{\"objType\":\"%s\",\"proxyId\":%u,\"id\":%u,", field ? "," : "", kind_name(row->kind),
                row->iid, row->sid);
    admin_value_add_json(out, &admin_stat_fields[field], &row->values[field], field, row->process, desc);
    text_printf(out, "}");
}

void admin_stat_print(struct text *out, const struct admin_stat_row *row, enum admin_form form, bool desc)
{
    if (form == ADMIN_FORM_PLAIN) {
        print_csv(out, row);
        return;
    }
    if (form == ADMIN_FORM_JSON)
        text_add(out, "[", 1);
    // The column "-" is a mark of the CSV alone.
    for (unsigned i = 0; i < ADMIN_STAT_NUM; i++) {
        if (!row->values[i].is_set || i == ADMIN_STAT_OWN)
            continue;
        if (form == ADMIN_FORM_TYPED)
            print_typed(out, row, i, desc);
        else
            print_json(out, row, i, desc);
    }
    if (form == ADMIN_FORM_JSON)
        text_add(out, "]", 1);
}
