// SPDX-License-Identifier: Apache-2.0
// How long requests took, for statistics.
#include "proxy/histogram.h"
#include "stream/steps.h"
#include "transport/tls.h"

// A time that is only now and then not zero: histogram, average and maximum.
static void count_time(uint64_t *counters, _Atomic uint64_t *gauges, enum proxy_time which, uint64_t us)
{
    proxy_histogram_count(counters, (enum proxy_histogram)which, us);
    proxy_average_add(&gauges[PROXY_GAUGE_AVERAGES + which], us);
    proxy_gauge_raise(&gauges[PROXY_GAUGE_LONGEST + which], us);
}

static inline void raise_longest(_Atomic uint64_t *gauges, uint64_t response_us, uint64_t total_us)
{
    _Atomic uint64_t *longest = &gauges[PROXY_GAUGE_LONGEST];
    if (LIKELY(atomic_load_explicit(&longest[PROXY_TIME_RESPONSE], memory_order_relaxed) >= response_us &&
               atomic_load_explicit(&longest[PROXY_TIME_TOTAL], memory_order_relaxed) >= total_us))
        return;
    proxy_gauge_raise(&longest[PROXY_TIME_TOTAL], total_us);
    proxy_gauge_raise(&longest[PROXY_TIME_RESPONSE], response_us);
}

static inline void add_averages(_Atomic uint64_t *gauges, uint64_t response_us, uint64_t total_us)
{
    _Atomic uint64_t *averages = &gauges[PROXY_GAUGE_AVERAGES];
    proxy_average_add(&averages[PROXY_TIME_RESPONSE], response_us);
    proxy_average_add(&averages[PROXY_TIME_TOTAL], total_us);
    if (UNLIKELY((atomic_load_explicit(&averages[PROXY_TIME_QUEUE], memory_order_relaxed) |
                  atomic_load_explicit(&averages[PROXY_TIME_CONNECT], memory_order_relaxed)) != 0)) {
        proxy_average_add_none(&averages[PROXY_TIME_QUEUE]);
        proxy_average_add_none(&averages[PROXY_TIME_CONNECT]);
    }
}

// A slot and a connection were there at once, and the answer came whole: one histogram says all.
static inline void count_whole(uint64_t *counters, _Atomic uint64_t *gauges, uint32_t bucket, uint64_t us)
{
    proxy_histogram_add(&counters[PROXY_HIST_WHOLE], bucket, us);
    add_averages(gauges, us, us);
    raise_longest(gauges, us, us);
}

// The answer's end came later.
static void count_at_once(uint64_t *counters, _Atomic uint64_t *gauges, uint64_t response_us, uint64_t total_us)
{
    board_counter_count(&counters[PROXY_HIST_AT_ONCE], 1);
    proxy_histogram_count(counters, PROXY_HIST_RESPONSE, response_us);
    proxy_histogram_count(counters, PROXY_HIST_TOTAL, total_us);
    add_averages(gauges, response_us, total_us);
    raise_longest(gauges, response_us, total_us);
}

static void count_each(uint64_t *counters, _Atomic uint64_t *gauges, const struct stream *stream, uint64_t total_us)
{
    const struct stream_times *times = &stream->times;
    if (times->queued_us)
        count_time(counters, gauges, PROXY_TIME_QUEUE, times->queued_us - times->head_us);
    // The time of an attempt before the last one says nothing of this one.
    if (times->connected_us >= times->queued_us && times->connected_us)
        count_time(counters, gauges, PROXY_TIME_CONNECT, times->connected_us - times->queued_us);
    if (times->answer_us && times->connected_us)
        count_time(counters, gauges, PROXY_TIME_RESPONSE, times->answer_us - times->connected_us);
    // What never reached a server took no time there, and what is carried unread has no end but that of its tunnel.
    if (times->connected_us && (stream->head_valid || stream->step == STREAM_FINISHED))
        count_time(counters, gauges, PROXY_TIME_TOTAL, total_us);
}

void stream_times_count(const struct stream *stream)
{
    const struct stream_times *times = &stream->times;
    uint64_t total_us = stream->ctx->loop->now_us - times->first_us;
    struct backend *backend = stream->backend;
    struct server *server = stream->server;
    if (!backend)
        return;
    if (LIKELY(times->connected_us == times->head_us && times->answer_us)) {
        uint64_t response_us = times->answer_us - times->connected_us;
        if (LIKELY(total_us == response_us)) {
            uint32_t bucket = proxy_histogram_bucket(total_us);
            count_whole(backend->counters, backend->gauges, bucket, total_us);
            count_whole(server->counters, server->gauges, bucket, total_us);
        } else {
            count_at_once(backend->counters, backend->gauges, response_us, total_us);
            count_at_once(server->counters, server->gauges, response_us, total_us);
        }
        return;
    }
    count_each(backend->counters, backend->gauges, stream, total_us);
    if (server)
        count_each(server->counters, server->gauges, stream, total_us);
}

void stream_times_count_tunnel(const struct stream_tunnel *tunnel)
{
    uint64_t now_us = tunnel->ctx->loop->now_us;
    uint64_t *sets[2] = { tunnel->backend->counters, tunnel->server->counters };
    _Atomic uint64_t *gauges[2] = { tunnel->backend->gauges, tunnel->server->gauges };
    for (int i = 0; i < 2; i++) {
        backend_count(sets[i], (enum proxy_counter)PROXY_HIST_TUNNELS, 1);
        backend_count(sets[i], (enum proxy_counter)PROXY_HIST_TUNNELS_US, now_us - tunnel->since_us);
        // As HAProxy has it, the total time of tcp mode is that of the session; the histogram is about requests alone.
        if (tunnel->upgraded)
            continue;
        uint64_t total_us = now_us - tunnel->session->accept_us;
        proxy_average_add(&gauges[i][PROXY_GAUGE_AVERAGES + PROXY_TIME_TOTAL], total_us);
        proxy_gauge_raise(&gauges[i][PROXY_GAUGE_LONGEST + PROXY_TIME_TOTAL], total_us);
    }
}

void stream_times_count_handshake(const struct stream *stream)
{
    const struct transport_conn *conn = &stream->back->h1.conn;
    const struct tls_conn *tls = transport_tls_of(conn);
    uint64_t *sets[2] = { stream->backend->counters, stream->server->counters };
    if (!tls)
        return;
    for (int i = 0; i < 2; i++) {
        proxy_histogram_count(sets[i], PROXY_HIST_TLS, transport_tls_age_us(conn));
        backend_count(sets[i], tls->facts.resumed ? PROXY_COUNT_TLS_RESUMED : PROXY_COUNT_TLS_FULL, 1);
    }
}
