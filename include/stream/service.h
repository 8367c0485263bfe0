// SPDX-License-Identifier: Apache-2.0
// Built-in services: what answers a request inside of the process (`http-request use-service NAME`). A service is a row
// of RULE_SERVICES whose vtable is a struct stream_service. Runs in workers.
#pragma once

#include "stream/steps.h"

struct stream_service {
    // start takes the stream whose request head was read and answers it, or hands its connection on.
    enum stream_verdict (*start)(struct stream *stream);
};
