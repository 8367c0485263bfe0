// SPDX-License-Identifier: Apache-2.0
// A worker tells how it is (proxy/vitals.h). Runs in workers, now and then.
#pragma once

struct frontends;

// vitals_tell writes the worker's vitals to the board, at most once a second.
void vitals_tell(struct frontends *frontends);
