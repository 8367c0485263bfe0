// SPDX-License-Identifier: Apache-2.0
// Captures: which pieces of a request and its answer a frontend keeps for its log lines and rules.
#include "proxy/capture.h"
#include "proxy/words.h"

uint32_t proxy_capture_add(struct arena *arena, struct proxy_conf *proxy, unsigned side, const char *name, uint32_t len)
{
    struct capture_conf *slot = arena_alloc(arena, sizeof(*slot));
    struct capture_conf **last = &proxy->fe.captures[side];
    while (*last)
        last = &(*last)->next;
    slot->name = name;
    slot->name_len = name ? (uint32_t)strlen(name) : 0;
    slot->len = len;
    slot->index = proxy->fe.num_captures[side]++;
    slot->at = proxy->fe.capture_room;
    proxy->fe.capture_room += len;
    *last = slot;
    return slot->index;
}

static bool parse_len(struct config *config, uint64_t *len, const struct config_line *line, uint32_t index)
{
    const struct config_arg *arg = config_arg_at(line, index);
    if (strcmp(arg->str, "len") != 0)
        return config_error(config, line, index, "unexpected '%s', expected 'len'", arg->str);
    return config_parse_u64(config, len, line, index + 1, 1, PROXY_CAPTURE_LEN_MAX);
}

static bool parse_header(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    const struct config_arg *name = config_arg_at(line, 0);
    uint64_t len;
    if (!parse_len(config, &len, line, 1))
        return false;
    if (proxy_word_needs(config, proxy, word, line, PROXY_SIDE_FRONT, NULL))
        proxy_capture_add(config->arena, proxy, (unsigned)word->value, name->str, (uint32_t)len);
    return true;
}

static bool parse_slot(struct config *config, void *object, const struct config_word *word,
                       const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    uint64_t len;
    if (!parse_len(config, &len, line, 0))
        return false;
    if (proxy_word_needs(config, proxy, word, line, PROXY_SIDE_FRONT, NULL))
        proxy_capture_add(config->arena, proxy, (unsigned)word->value, NULL, (uint32_t)len);
    return true;
}

static bool parse_cookie(struct config *config, void *object, const struct config_word *word,
                         const struct config_line *line)
{
    struct proxy_conf *proxy = object;
    const struct config_arg *name = config_arg_at(line, 0);
    uint64_t len;
    if (!parse_len(config, &len, line, 1))
        return false;
    if (proxy->fe.capture_cookie.name)
        return config_error(config, line, 0, "there is a 'capture cookie' in this section already");
    if (!proxy_word_needs(config, proxy, word, line, PROXY_SIDE_FRONT, NULL))
        return true;
    proxy->fe.capture_cookie = (struct capture_conf){
        .name = name->str, .name_len = name->len, .len = (uint32_t)len, .at = proxy->fe.capture_room
    };
    proxy->fe.capture_room += 2 * (uint32_t)len;
    return true;
}

enum { FRONT = CONFIG_IN_FRONTEND | CONFIG_IN_LISTEN | CONFIG_IN_BACKEND };

static const struct config_word words[] = {
    { .name = "capture request header",
      .in = FRONT,
      .min_args = 3,
      .max_args = 3,
      .parse = parse_header,
      .value = 0,
      .args = "<name> len <length>",
      .help = "Keeps the last header field of that name of each request, cut to the length, for the log line and for "
              "capture.req.hdr.",
      .good = "capture request header Host len 15",
      .bad = "capture request header Host 15 20",
      .bad_says = "expected 'len'" },
    { .name = "capture response header",
      .in = FRONT,
      .min_args = 3,
      .max_args = 3,
      .parse = parse_header,
      .value = 1,
      .args = "<name> len <length>",
      .help = "Keeps the last header field of that name of each server's answer, cut to the length, for the log line "
              "and for capture.res.hdr.",
      .good = "capture response header Location len 15",
      .bad = "capture response header Location len x",
      .bad_says = "is no number" },
    { .name = "capture cookie",
      .in = FRONT,
      .min_args = 3,
      .max_args = 3,
      .parse = parse_cookie,
      .args = "<name> len <length>",
      .help = "Keeps the first cookie whose name begins so, of the request and of the answer, as name=value cut to the "
              "length, for the log line. A name that ends with '=' is the whole name.",
      .good = "capture cookie ASPSESSION len 32",
      .bad = "capture cookie a len 0",
      .bad_says = "expected 1 to 65535" },
    { .name = "declare capture request",
      .in = FRONT,
      .min_args = 2,
      .max_args = 2,
      .parse = parse_slot,
      .value = 0,
      .args = "len <length>",
      .help = "Makes a slot that rules fill: 'http-request capture <sample> id <slot>', capture-req. Slots are "
              "numbered from 0 in the order of the file, those of captured header fields included.",
      .good = "declare capture request len 32",
      .bad = "declare capture request 32 10",
      .bad_says = "expected 'len'" },
    { .name = "declare capture response",
      .in = FRONT,
      .min_args = 2,
      .max_args = 2,
      .parse = parse_slot,
      .value = 1,
      .args = "len <length>",
      .help = "Makes a slot that rules of answers fill: 'http-response capture <sample> id <slot>', capture-res.",
      .good = "declare capture response len 32",
      .bad = "declare capture response len -1",
      .bad_says = "is no number" },
};
CONFIG_WORDS(words);
