// SPDX-License-Identifier: Apache-2.0
// Directives: .if, .elif, .else, .endif and the messages. Manual section 2.4.
#include <stdlib.h>
#include <string.h>
#include "base/check.h"
#include "config/line.h"

struct config_block {
    struct config_block *outer;
    struct config_place place; // of its .if
    bool outer_active;
    bool taken; // a branch was chosen, or its condition is malformed and none will be
    bool seen_else;
};

typedef void block_fn(struct config *config, struct config_blocks *blocks, const struct config_line *line);

static void block_error(struct config *config, const struct config_line *line, uint32_t index, const char *text)
{
    const struct config_arg *arg = index < line->num_args ? &line->args[index] : NULL;
    config_diag_add(config->diag, CONFIG_ERROR, config_place_of(line, arg), "%s", text);
}

// Gives the place in the file of offset `at` in the condition, whose words were joined by single spaces.
static struct config_place block_condition_place(const struct config_line *line, size_t at)
{
    for (uint32_t i = 1; i < line->num_args; i++) {
        const struct config_arg *arg = &line->args[i];
        if (at < arg->len) {
            struct config_place place = config_place_of(line, arg);
            // Only where nothing was resolved does the word stand in the file as it is.
            if (arg->width == arg->len) {
                place.column += (uint32_t)at;
                place.length = 1;
            }
            return place;
        }
        at -= arg->len;
        at -= at > 0;
    }
    return config_place_of(line, NULL);
}

// Evaluates the condition of .if or .elif. A malformed one leaves out the whole block, for nobody knows which branch
// was meant.
static bool block_condition(struct config *config, bool *malformed, const struct config_line *line)
{
    bool result;
    const char *error;
    size_t at;
    const char *text = config_args_join(config, line->args + 1, line->num_args - 1);
    *malformed = !config_condition_eval(config, &result, &error, &at, text);
    if (*malformed)
        config_diag_add(config->diag, CONFIG_ERROR, block_condition_place(line, at), "'%s': %s", line->args[0].str,
                        error);
    return !*malformed && result;
}

static void block_if(struct config *config, struct config_blocks *blocks, const struct config_line *line)
{
    struct config_block *block = calloc(1, sizeof(*block));
    if (!block)
        check_out_of_memory(sizeof(*block));
    *block = (struct config_block){ .outer = blocks->top, .place = line->place, .outer_active = blocks->active };
    blocks->top = block;
    if (!blocks->active)
        return;
    bool malformed;
    blocks->active = block_condition(config, &malformed, line);
    block->taken = blocks->active || malformed;
}

static void block_elif(struct config *config, struct config_blocks *blocks, const struct config_line *line)
{
    struct config_block *block = blocks->top;
    if (!block || block->seen_else) {
        block_error(config, line, 0, block ? "'.elif' after '.else'" : "'.elif' without '.if'");
        return;
    }
    blocks->active = false;
    if (!block->outer_active || block->taken)
        return;
    bool malformed;
    blocks->active = block_condition(config, &malformed, line);
    block->taken = blocks->active || malformed;
}

static void block_else(struct config *config, struct config_blocks *blocks, const struct config_line *line)
{
    struct config_block *block = blocks->top;
    if (!block || block->seen_else) {
        block_error(config, line, 0, block ? "'.else' after '.else'" : "'.else' without '.if'");
        return;
    }
    if (line->num_args > 1)
        block_error(config, line, 1, "'.else' takes no argument");
    blocks->active = block->outer_active && !block->taken;
    block->taken = true;
    block->seen_else = true;
}

static void block_endif(struct config *config, struct config_blocks *blocks, const struct config_line *line)
{
    struct config_block *block = blocks->top;
    if (!block) {
        block_error(config, line, 0, "'.endif' without '.if'");
        return;
    }
    if (line->num_args > 1)
        block_error(config, line, 1, "'.endif' takes no argument");
    blocks->active = block->outer_active;
    blocks->top = block->outer;
    free(block);
}

static void block_message(struct config *config, const struct config_line *line, enum config_level level)
{
    if (line->num_args > 2) {
        block_error(config, line, 2, "unexpected argument after the message; quote a message that holds spaces");
        return;
    }
    config_diag_add(config->diag, level, line->place, "%s", line->num_args > 1 ? line->args[1].str : "");
}

static void block_diag(struct config *config, struct config_blocks *blocks, const struct config_line *line)
{
    if (blocks->active)
        block_message(config, line, CONFIG_DIAG);
}

static void block_notice(struct config *config, struct config_blocks *blocks, const struct config_line *line)
{
    if (blocks->active)
        block_message(config, line, CONFIG_NOTICE);
}

static void block_warning(struct config *config, struct config_blocks *blocks, const struct config_line *line)
{
    if (blocks->active)
        block_message(config, line, CONFIG_WARNING);
}

static void block_alert(struct config *config, struct config_blocks *blocks, const struct config_line *line)
{
    if (blocks->active)
        block_message(config, line, CONFIG_ERROR);
}

static const struct {
    const char *name;
    block_fn *run;
} block_directives[] = {
    { ".if", block_if },         { ".elif", block_elif },       { ".else", block_else },   { ".endif", block_endif },
    { ".notice", block_notice }, { ".warning", block_warning }, { ".alert", block_alert }, { ".diag", block_diag },
};

static void block_unknown(struct config *config, const struct config_line *line)
{
    const char *known[NUM_ITEMS(block_directives)];
    for (size_t i = 0; i < NUM_ITEMS(known); i++)
        known[i] = block_directives[i].name;
    const char *name = line->args[0].str;
    const char *nearest = config_nearest(name, known, NUM_ITEMS(known));
    config_diag_add(config->diag, CONFIG_ERROR, line->place, "unknown directive '%s'%s%s%s", name,
                    nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

void config_block_line(struct config *config, struct config_blocks *blocks, bool *handled,
                       const struct config_line *line)
{
    const char *name = line->args[0].str;
    *handled = name[0] == '.' || !blocks->active;
    if (name[0] != '.')
        return;
    for (size_t i = 0; i < NUM_ITEMS(block_directives); i++) {
        if (strcmp(block_directives[i].name, name) == 0) {
            block_directives[i].run(config, blocks, line);
            return;
        }
    }
    if (blocks->active)
        block_unknown(config, line);
}

void config_block_end(struct config *config, struct config_blocks *blocks)
{
    // The innermost is on top; messages follow the order of the file.
    struct config_block *outermost = NULL;
    while (blocks->top) {
        struct config_block *block = blocks->top;
        blocks->top = block->outer;
        block->outer = outermost;
        outermost = block;
    }
    while (outermost) {
        struct config_block *block = outermost;
        config_diag_add(config->diag, CONFIG_ERROR, block->place, "'.if' without '.endif'");
        outermost = block->outer;
        free(block);
    }
}
