# SPDX-License-Identifier: Apache-2.0
#
# The programs of the benchmark and of the load tests: origin, relay, client, a strict pair of both, a maker of
# certificates. Included by the top Makefile, and good on its
# own: make -f reg-tests/bench/bench.mk. They are built outside the balancer's rules, with nothing of its sources.

BENCH_DIR := $(dir $(lastword $(MAKEFILE_LIST)))
BENCH_OUT ?= build/bench
BENCH_CFLAGS ?= -O2 -g
BENCH_WARNINGS := -std=gnu17 -Wall -Wextra -Werror
# The client speaks TLS with the library that `make` has built for the balancer.
ifndef BORINGSSL_LIBS
-include $(BENCH_DIR)../../build/boringssl.mk
endif
BENCH_TOOLS := $(addprefix $(BENCH_OUT)/,origin relay client strict certificates connects board_check lock_kill)

.PHONY: bench-tools bench-run
bench-tools: $(BENCH_TOOLS)

$(BENCH_OUT)/origin: $(BENCH_DIR)origin.c $(BENCH_DIR)sha1.c $(BENCH_DIR)net.c
$(BENCH_OUT)/strict: $(BENCH_DIR)strict.c
$(BENCH_OUT)/relay: $(BENCH_DIR)relay.c $(BENCH_DIR)net.c
$(BENCH_OUT)/client: $(BENCH_DIR)client.c $(BENCH_DIR)tls.c $(BENCH_DIR)net.c
$(BENCH_OUT)/certificates: $(BENCH_DIR)certificates.c $(BENCH_DIR)net.c
$(BENCH_OUT)/connects: $(BENCH_DIR)../life/connects.c
# It looks at the board from outside, and so must know how it looks inside.
board_looks := $(BENCH_DIR)../life/board_look.c $(BENCH_DIR)../life/board_look.h \
    $(wildcard $(addprefix $(BENCH_DIR)../../,include/board/*.h include/backend/*.h src/table/stick_inner.h src/backend/state_inner.h))
$(BENCH_OUT)/board_check: $(BENCH_DIR)../life/board_check.c $(BENCH_DIR)../life/board_balance.c $(board_looks)
$(BENCH_OUT)/lock_kill: $(BENCH_DIR)../life/lock_kill.c $(board_looks)
$(BENCH_OUT)/board_check $(BENCH_OUT)/lock_kill: BENCH_CFLAGS += -I$(BENCH_DIR)../../include
$(BENCH_OUT)/client $(BENCH_OUT)/certificates $(BENCH_OUT)/board_check: BENCH_LIBS := -isystem $(BORINGSSL_INCLUDE) $(BORINGSSL_LIBS) -lpthread
$(BENCH_TOOLS): $(BENCH_DIR)net.h $(BENCH_DIR)tls.h $(BENCH_DIR)sha1.h
	@mkdir -p $(@D)
	$(CC) $(BENCH_WARNINGS) $(BENCH_CFLAGS) -o $@ $(filter %.c,$^) $(BENCH_LIBS)

bench-run: bench-tools
	BENCH_OUT=$(BENCH_OUT) $(BENCH_DIR)run $(BENCH_ARGS)

# Lists of 100,000 entries; in the same process, so this one is linked with what it measures.
.PHONY: bench-lists
bench-lists: $(call archives_of,$(call reach,expr))
	@mkdir -p $(BENCH_OUT)
	@$(CC) $(test_flags) $(BENCH_DIR)lists.c $(call whole,$(call reach,expr)) $(LDFLAGS_ALL) -o $(BENCH_OUT)/lists
	@$(BENCH_OUT)/lists
