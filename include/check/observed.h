// SPDX-License-Identifier: Apache-2.0
// What the controller does about servers of which traffic tells ill (`observe`, backend/observe.h), for the files of
// src/check alone. With checks it acts as if one had failed, as `on-error` says, and checks bring the server back.
// Without them an outlier is taken out of service for a while that grows with each time. Active controller only.
#pragma once

#include "check/engine.h"

// check_observed_begin makes ready for the servers with `observe`, and goes on with those that are out. False where
// memory is exhausted.
bool check_observed_begin(void);

// check_observed_woken does what workers ask for.
void check_observed_woken(void);

// check_observed_end leaves them to another controller.
void check_observed_end(void);

// check_observed_add has what traffic tells of `server`, which was added, be acted on.
void check_observed_add(const struct server_conf *server);

// check_observed_remove forgets a server that was deleted.
void check_observed_remove(const struct server_conf *server);
