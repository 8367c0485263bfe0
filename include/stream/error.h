// SPDX-License-Identifier: Apache-2.0
// What went wrong with a connection, as number, name and message: those of the HAProxy manual's table at fc_err_str.
// Constants only, for the workers' fetches and log lines; errors of TLS come with it.
#pragma once

#include <stdint.h>
#include "transport/conn.h"

enum stream_error {
    STREAM_ERROR_NONE = 0,
    STREAM_ERROR_PROCESS_FDS = 2,
    STREAM_ERROR_SYSTEM_FDS = 3,
    STREAM_ERROR_PROTOCOL = 5,
    STREAM_ERROR_SOCKET = 6,
    STREAM_ERROR_NO_PORT = 9,
    STREAM_ERROR_ADDRESS_IN_USE = 10,
    STREAM_ERROR_PROXY_EMPTY = 11, // of the PROXY header that is waited for
    STREAM_ERROR_PROXY_ABORT = 12,
    STREAM_ERROR_PROXY_TIMEOUT = 13,
    STREAM_ERROR_PROXY_TRUNCATED = 14,
    STREAM_ERROR_PROXY_NO_HEADER = 15,
    STREAM_ERROR_TLS_EMPTY = 24, // of the TLS handshake
    STREAM_ERROR_TLS_ABORT = 25,
    STREAM_ERROR_TLS_TIMEOUT = 26,
    STREAM_ERROR_TLS_MEMORY = 28,
    STREAM_ERROR_TLS_CA = 30,
    STREAM_ERROR_TLS_CERT = 31,
    STREAM_ERROR_TLS_MISMATCH = 32,     // the server's certificate is not for `verifyhost`
    STREAM_ERROR_TLS_MISMATCH_SNI = 33, // nor for the name that was asked for
    STREAM_ERROR_TLS_HANDSHAKE = 34,
    STREAM_ERROR_POLL = 45, // the kernel holds an error that nobody asked for yet
    STREAM_ERROR_REFUSED = 46,
    STREAM_ERROR_RESET = 47,
    STREAM_ERROR_UNREACHABLE = 48,
    STREAM_ERROR_MEMORY = 49,
    STREAM_ERROR_DESCRIPTOR = 50,
    STREAM_ERROR_FAULT = 51,
    STREAM_ERROR_INVALID = 52,
    STREAM_ERROR_NOT_CONNECTED = 53,
    STREAM_ERROR_NO_SOCKET = 54,
    STREAM_ERROR_BUFFERS = 55,
    STREAM_ERROR_PIPE = 56,
};

// stream_error_of_errno gives the error that `error` (an errno, 0 for none) stands for.
enum stream_error stream_error_of_errno(int error);

// stream_error_of_conn gives the error of `conn`.
enum stream_error stream_error_of_conn(const struct transport_conn *conn);

// stream_error_name gives the name of `error`, "" for none.
const char *stream_error_name(enum stream_error error);

// stream_error_message gives its message, "Success" for none.
const char *stream_error_message(enum stream_error error);
