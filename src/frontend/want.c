// SPDX-License-Identifier: Apache-2.0
// Connections that wait, or end, for want of something look like any other network trouble from outside: it is said,
// though not for each of them.
#include <errno.h>
#include <string.h>
#include "frontend/session.h"
#include "log/log.h"

enum { WANT_TELL_US = 10000000 };

static bool told_lately(struct frontends *frontends, uint64_t *told_us)
{
    uint64_t now_us = frontends->loop->now_us;
    if (*told_us && now_us < *told_us + WANT_TELL_US)
        return true;
    *told_us = now_us;
    return false;
}

void frontend_want_tell(struct frontends *frontends, const struct bind_conf *bind, int error)
{
    const char *name = bind->proxy->name;
    unsigned long long maxsock = frontends->program->global.maxsock;
    if (told_lately(frontends, &frontends->want_told_us))
        return;
    if (error == EMFILE)
        log_say(LOG_LEVEL_ALERT,
                "Proxy %s reached process FD limit (maxsock=%llu). Please check 'ulimit-n' and restart.", name,
                maxsock);
    else if (error == ENFILE)
        log_say(LOG_LEVEL_ALERT, "Proxy %s reached system FD limit (maxsock=%llu). Please check system tunables.", name,
                maxsock);
    else if (error == ENOMEM || error == ENOBUFS)
        log_say(LOG_LEVEL_ALERT,
                "Proxy %s reached system memory limit (maxsock=%llu). Please check -m and system tunables.", name,
                maxsock);
    else
        log_say(LOG_LEVEL_ALERT, "Proxy %s cannot accept: %s", name, strerror(error));
}

static __attribute__((noinline, cold)) void tell_refused(struct frontends *frontends, uint64_t num)
{
    if (told_lately(frontends, &frontends->refused_told_us))
        return;
    frontends->refused_told = num;
    log_say(
        LOG_LEVEL_ALERT,
        "out of memory (-m, or the system's): so far %llu buffers could not be had, and the connections that wanted "
        "them were closed",
        (unsigned long long)num);
}

void frontends_turn(struct frontends *frontends)
{
    uint64_t num = frontends->bufs.num_refused;
    stream_profile_turn(&frontends->streams);
    if (UNLIKELY(num != frontends->refused_told))
        tell_refused(frontends, num);
}
