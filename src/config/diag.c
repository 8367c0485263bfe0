// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <unistd.h>
#include "base/check.h"
#include "config/diag.h"

void config_diag_init(struct config_diag *diag, struct arena *arena)
{
    *diag = (struct config_diag){ .arena = arena };
    diag->last = &diag->first;
}

void config_diag_add(struct config_diag *diag, enum config_level level, struct config_place place, const char *format,
                     ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    must(len >= 0);
    char *text = arena_alloc(diag->arena, (size_t)len + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);

    struct config_message *message = arena_alloc(diag->arena, sizeof(*message));
    *message = (struct config_message){ .level = level, .place = place, .text = text };
    *diag->last = message;
    diag->last = &message->next;
    if (level == CONFIG_ERROR)
        diag->num_errors++;
    if (level == CONFIG_WARNING)
        diag->num_warnings++;
}

bool config_diag_failed(const struct config_diag *diag)
{
    return diag->num_errors > 0 || (diag->zero_warning && diag->num_warnings > 0);
}
