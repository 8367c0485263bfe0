// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <openssl/x509.h>
#include "base/check.h"
#include "base/slice.h"
#include "stream/error.h"
#include "transport/tls.h"

static const struct {
    enum stream_error error;
    int number; // errno, 0: none stands for it
    const char *name;
    const char *message;
} errors[] = {
    { STREAM_ERROR_NONE, 0, "", "Success" },
    { STREAM_ERROR_PROCESS_FDS, EMFILE, "PROC_FDLIM", "Too many sockets on the process" },
    { STREAM_ERROR_SYSTEM_FDS, ENFILE, "SYS_FDLIM", "Too many sockets on the system" },
    { STREAM_ERROR_PROTOCOL, EAFNOSUPPORT, "NOPROTO", "Protocol or address family not supported" },
    { STREAM_ERROR_SOCKET, 0, "SOCK_ERR", "General socket error" },
    { STREAM_ERROR_NO_PORT, EADDRNOTAVAIL, "FREE_PORTS", "Out of local source ports on the system" },
    { STREAM_ERROR_ADDRESS_IN_USE, EADDRINUSE, "ADDR_INUSE", "Local source address already in use" },
    { STREAM_ERROR_PROXY_EMPTY, 0, "PRX_EMPTY", "Connection closed while waiting for PROXY protocol header" },
    { STREAM_ERROR_PROXY_ABORT, 0, "PRX_ABORT", "Connection error while waiting for PROXY protocol header" },
    { STREAM_ERROR_PROXY_TIMEOUT, 0, "PRX_TIMEOUT", "Timeout while waiting for PROXY protocol header" },
    { STREAM_ERROR_PROXY_TRUNCATED, 0, "PRX_TRUNCATED", "Truncated PROXY protocol header received" },
    { STREAM_ERROR_PROXY_NO_HEADER, 0, "PRX_NOT_HDR",
      "Received something which does not look like a PROXY protocol header" },
    { STREAM_ERROR_TLS_EMPTY, 0, "SSL_EMPTY", "Connection closed during SSL handshake" },
    { STREAM_ERROR_TLS_ABORT, 0, "SSL_ABORT", "Connection error during SSL handshake" },
    { STREAM_ERROR_TLS_TIMEOUT, 0, "SSL_TIMEOUT", "Timeout during SSL handshake" },
    { STREAM_ERROR_TLS_MEMORY, 0, "SSL_NO_MEM", "Out of memory when initializing an SSL connection" },
    { STREAM_ERROR_TLS_CA, 0, "SSL_CA_FAIL", "SSL client CA chain cannot be verified" },
    { STREAM_ERROR_TLS_CERT, 0, "SSL_CRT_FAIL", "SSL client certificate not trusted" },
    { STREAM_ERROR_TLS_MISMATCH, 0, "SSL_MISMATCH",
      "Server presented an SSL certificate different from the configured one" },
    { STREAM_ERROR_TLS_MISMATCH_SNI, 0, "SSL_MISMATCH_SNI",
      "Server presented an SSL certificate different from the expected one" },
    { STREAM_ERROR_TLS_HANDSHAKE, 0, "SSL_HANDSHAKE", "SSL handshake failure" },
    { STREAM_ERROR_POLL, 0, "POLLERR", "Poller reported POLLERR" },
    { STREAM_ERROR_REFUSED, ECONNREFUSED, "EREFUSED", "ECONNREFUSED returned by OS" },
    { STREAM_ERROR_RESET, ECONNRESET, "ERESET", "ECONNRESET returned by OS" },
    { STREAM_ERROR_UNREACHABLE, ENETUNREACH, "EUNREACH", "ENETUNREACH returned by OS" },
    { STREAM_ERROR_MEMORY, ENOMEM, "ENOMEM", "ENOMEM returned by OS" },
    { STREAM_ERROR_DESCRIPTOR, EBADF, "EBADF", "EBADF returned by OS" },
    { STREAM_ERROR_FAULT, EFAULT, "EFAULT", "EFAULT returned by OS" },
    { STREAM_ERROR_INVALID, EINVAL, "EINVAL", "EINVAL returned by OS" },
    { STREAM_ERROR_NOT_CONNECTED, ENOTCONN, "ENCONN", "ENCONN returned by OS" },
    { STREAM_ERROR_NO_SOCKET, ENOTSOCK, "ENSOCK", "ENSOCK returned by OS" },
    { STREAM_ERROR_BUFFERS, ENOBUFS, "ENOBUFS", "ENOBUFS returned by OS" },
    { STREAM_ERROR_PIPE, EPIPE, "EPIPE", "EPIPE returned by OS" },
};

enum stream_error stream_error_of_errno(int error)
{
    if (error == EHOSTUNREACH)
        error = ENETUNREACH;
    for (size_t i = 0; error && i < NUM_ITEMS(errors); i++)
        if (errors[i].number == error)
            return errors[i].error;
    return error ? STREAM_ERROR_SOCKET : STREAM_ERROR_NONE;
}

// Of a handshake with a server; one with a client is over before anybody asks.
static enum stream_error handshake_error(const struct transport_conn *conn, const struct tls_conn *tls)
{
    if (tls->facts.crt_error == X509_V_ERR_HOSTNAME_MISMATCH || tls->facts.crt_error == X509_V_ERR_IP_ADDRESS_MISMATCH)
        return tls->name ? STREAM_ERROR_TLS_MISMATCH_SNI : STREAM_ERROR_TLS_MISMATCH;
    if (conn->read_closed)
        return STREAM_ERROR_TLS_EMPTY;
    return tls->facts.error || tls->failure ? STREAM_ERROR_TLS_HANDSHAKE : STREAM_ERROR_TLS_ABORT;
}

enum stream_error stream_error_of_conn(const struct transport_conn *conn)
{
    const struct tls_conn *tls = transport_tls_of(conn);
    if (UNLIKELY(tls && tls->target && !tls->facts.done) && (conn->failed || conn->read_closed))
        return handshake_error(conn, tls);
    if (conn->error || conn->failed || conn->send_failed)
        return stream_error_of_errno(conn->error);
    return conn->has_error ? STREAM_ERROR_POLL : STREAM_ERROR_NONE;
}

static size_t find(enum stream_error error)
{
    for (size_t i = 0; i < NUM_ITEMS(errors); i++)
        if (errors[i].error == error)
            return i;
    return 0;
}

const char *stream_error_name(enum stream_error error)
{
    return errors[find(error)].name;
}

const char *stream_error_message(enum stream_error error)
{
    return errors[find(error)].message;
}
