// SPDX-License-Identifier: Apache-2.0
// A tool to look into expressions. Lines are short and only written where that cannot wait: a reader that is slow loses
// some.
#include <poll.h>
#include <unistd.h>
#include "expr/conv.h"

enum { DEBUG_LINE_MAX = 1024 }; // less than PIPE_BUF: a pipe that takes any byte takes it whole

static const char *prepare_debug(struct config *config, struct expr_arg *args, uint32_t num)
{
    (void)config;
    bool to_stdout = num > 1 && slice_equal(args[1].str, SLICE("stdout"));
    if (!to_stdout && (num < 2 || !slice_equal(args[1].str, SLICE("stderr"))))
        return "its destination is stdout or stderr: there are no rings to write to";
    args[1].num = to_stdout ? STDOUT_FILENO : STDERR_FILENO;
    return NULL;
}

static size_t add(char *line, size_t len, struct slice text)
{
    for (size_t i = 0; i < text.len && len < DEBUG_LINE_MAX - 2; i++) {
        char c = text.ptr[i];
        line[len++] = c >= ' ' && c != 127 ? c : '.';
    }
    return len;
}

static const char *type_of(const struct expr_sample *sample)
{
    static const char *const names[EXPR_NUM_TYPES] = {
        [EXPR_BOOL] = "bool", [EXPR_INT] = "sint", [EXPR_STR] = "str", [EXPR_BIN] = "bin", [EXPR_METHOD] = "meth",
    };
    if (sample->type == EXPR_ADDR)
        return sample->addr.family == 4 ? "ipv4" : "ipv6";
    return names[sample->type];
}

static bool conv_debug(struct expr_subject *subject, struct expr_sample *sample, const struct expr_arg *args)
{
    (void)subject;
    char line[DEBUG_LINE_MAX], text[EXPR_TEXT_LEN];
    struct pollfd out = { .fd = (int)args[1].num, .events = POLLOUT };
    if (poll(&out, 1, 0) <= 0 || !(out.revents & POLLOUT))
        return true;
    size_t len = add(line, 0, SLICE("[debug] "));
    len = add(line, len, args[0].str);
    len = add(line, len, SLICE(": type="));
    len = add(line, len, slice_str(type_of(sample)));
    len = add(line, len, SLICE(" <"));
    len = add(line, len, expr_sample_str(sample, text));
    line[len++] = '>';
    line[len++] = '\n';
    return write(out.fd, line, len) <= (ssize_t)len; // a line that is lost is lost
}

static const struct expr_conv rows[] = {
    { .name = "debug",
      .args = "[<prefix>],{ stdout | stderr }",
      .min_args = 2,
      .max_args = 2,
      .in = EXPR_ANY,
      .out = EXPR_SAME,
      .prepare = prepare_debug,
      .convert = conv_debug,
      .help = "Writes the prefix and the value with its type to standard output or error, at most 1024 bytes and only "
              "where that takes no waiting, and passes the value on. To look into expressions, not for logs.",
      .good = "str(abc),debug(host,stderr)",
      .bad = "str(abc),debug(host,buf0)",
      .bad_says = "its destination is stdout or stderr" },
};
EXPR_CONVERTERS(rows);
