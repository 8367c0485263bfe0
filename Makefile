# SPDX-License-Identifier: Apache-2.0
#
# fairlead's build. `make help` lists the targets. Objects go to build/<variant>/<area>/, one archive per area to
# build/<variant>/lib<area>.a. The areas and who may use whom stand in src/LAYERS.

# --- what to build, and with what ---------------------------------------------------------------------------------

VARIANT ?= release
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
PREFIX ?= /usr/local
SECONDS ?= 60
JOBS ?= $(shell nproc)

VERSION := $(shell cat VERSION)
B := build/$(VARIANT)

# As many jobs as there are processors (JOBS=n): the outermost make says so, those it starts share its job server.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(JOBS)
endif
MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
.PHONY: FORCE

all: fairlead

# Goals that compile nothing need no compiler and no libraries.
quiet_goals := help clean distclean hooks deps certs doccheck install-files
ifneq ($(filter-out $(quiet_goals),$(or $(MAKECMDGOALS),all)),)
ifdef BORINGSSL
BORINGSSL_KIND := the tree at $(BORINGSSL)
BORINGSSL_INCLUDE := $(firstword $(wildcard $(addprefix $(BORINGSSL),/include /src/include)))
BORINGSSL_LIBS := $(foreach l,ssl crypto,$(firstword $(wildcard $(foreach d,/lib /lib64 /build/$l /build /$l /,\
    $(BORINGSSL)$d/lib$l.a))))
ifneq ($(words $(BORINGSSL_INCLUDE) $(BORINGSSL_LIBS)),3)
$(error BORINGSSL=$(BORINGSSL): no include/ with libssl.a and libcrypto.a in lib/, build/ or build/ssl/ and build/crypto/)
endif
# A tree may be built as C++ with its run-time; an install of ours is not.
BORINGSSL_LIBS += $(shell nm -uC $(firstword $(BORINGSSL_LIBS)) 2>/dev/null | grep -q ' std::' && echo -lstdc++)
build/boringssl.mk: ; @mkdir -p build && touch $@
else
-include build/boringssl.mk
build/boringssl.mk: scripts/boringssl scripts/deps
	@scripts/deps build
	@scripts/boringssl $@
ifeq ($(wildcard $(BORINGSSL_INCLUDE)/openssl/base.h),)
build/boringssl.mk: FORCE
endif
endif
endif

# --- flags --------------------------------------------------------------------------------------------------------

MACHINE := $(shell $(CC) -dumpmachine 2>/dev/null)
is_clang := $(findstring clang,$(notdir $(CC)))

warnings := -Wall -Wextra -Werror -Wshadow -Wundef -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
    -Wwrite-strings -Wvla -Wformat=2 -Wno-format-nonliteral
hardening := -fstack-protector-strong -fstack-clash-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
ifneq ($(filter x86_64-%,$(MACHINE)),)
machine_flags := -march=x86-64-v2 -fcf-protection
else ifneq ($(filter aarch64-%,$(MACHINE)),)
machine_flags := -mbranch-protection=standard
endif

sanitize_asan := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
sanitize_fuzz := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

optimise_asan := -O1 $(sanitize_asan)
optimise_fuzz := -O1 $(sanitize_fuzz)
optimise_cover := -O0 --coverage
optimise_dev := -O1
optimise := $(or $(optimise_$(VARIANT)),-O3 $(hardening))

CPPFLAGS += -Iinclude -D_GNU_SOURCE
CFLAGS_ALL := -std=gnu17 -g $(optimise) $(machine_flags) -fPIE -fno-common $(warnings) $(CFLAGS)
# The release binary is optimised as a whole; tests link the same objects as they are.
lto := $(if $(filter release,$(VARIANT)),$(if $(findstring clang,$(CC))$(filter-out x86_64-%,$(MACHINE)),,-flto=auto -ffat-lto-objects))
LDFLAGS_ALL := -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack $(filter -fsanitize=% --coverage,$(optimise)) $(LDFLAGS)

# Only these areas see BoringSSL's headers, so that no other grows to need them.
BORINGSSL_AREAS := expr http tls transport proxy stream admin process

# --- areas --------------------------------------------------------------------------------------------------------

AREAS := $(sort $(foreach f,$(wildcard src/*/*.c),$(word 2,$(subst /, ,$f))))

# What an area may use (src/LAYERS), and with all that these use in turn: what a program that holds it links.
layers_line = $(shell awk '$$1 == "$1" { $$1 = $$2 = ""; print }' src/LAYERS)
area_names := $(shell awk '!/^\#/ && NF { print $$1 }' src/LAYERS)
$(foreach a,$(area_names),$(eval may_use_$a := $(filter $(area_names),$(call layers_line,$a))))
$(foreach a,$(area_names),$(eval libs_of_$a := $(filter-out - $(area_names),$(call layers_line,$a))))
reach1 = $(sort $1 $(foreach a,$1,$(may_use_$a)))
reach = $(filter $(AREAS),$(call reach1,$(call reach1,$(call reach1,$1))))
link_libs = $(if $(filter ssl crypto,$1),$(BORINGSSL_LIBS)) $(patsubst %,-l%,$(filter-out ssl crypto,$1))

sources_of = $(filter-out src/process/main.c,$(wildcard src/$1/*.c))
objects_of = $(patsubst src/%.c,$B/%.o,$(call sources_of,$1))
archives_of = $(foreach a,$1,$B/lib$a.a)
# Words of the configuration stand in tables of a linker section that no symbol names: archives go in whole.
whole = -Wl,--whole-archive $(call archives_of,$1) -Wl,--no-whole-archive \
    $(call link_libs,$(sort $(foreach a,$1,$(libs_of_$a)))) -lpthread

main_object := $(if $(wildcard src/process/main.c),$B/process/main.o)

# Objects depend on the flags they were made with: another compiler or another flag rebuilds, the same ones do not.
flags_now := $(CC) $(lto) $(shell $(CC) --version 2>/dev/null | head -n 1) $(CPPFLAGS) $(CFLAGS_ALL) $(BORINGSSL_INCLUDE)
$B/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(flags_now))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(flags_now))' >$@

say = @printf '  %-8s%s\n' '$1' '$2'

define area_rules
$B/lib$1.a: $(call objects_of,$1)
	$$(call say,AR,$$@)
	@rm -f $$@ && $$(AR) rcs $$@ $$^
$(if $(filter $1,$(BORINGSSL_AREAS)),$(call objects_of,$1) $(main_object): CPPFLAGS_AREA := -isystem $(BORINGSSL_INCLUDE))
endef
AR := $(if $(filter aarch64-%,$(CC)),aarch64-linux-gnu-ar,ar)
$(foreach a,$(AREAS),$(eval $(call area_rules,$a)))

$B/%.o: src/%.c $B/flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(CPPFLAGS_AREA) $(CFLAGS_ALL) $(lto) -MMD -MP -c $< -o $@

# The version and how this was built reach one file alone, so that a new version rebuilds one file.
$B/process/version.o: VERSION
$B/process/version.o: CPPFLAGS_AREA += -DFAIRLEAD_VERSION='"$(VERSION)"' \
    -DFAIRLEAD_DATE='"$(shell git log -1 --format=%cd --date=format:%Y/%m/%d -- VERSION 2>/dev/null || date -r VERSION +%Y/%m/%d)"' \
    -DFAIRLEAD_BUILD_CC='"$(shell $(CC) --version 2>/dev/null | head -n 1)"' \
    -DFAIRLEAD_BUILD_CFLAGS='"$(strip $(optimise) $(machine_flags) $(CFLAGS))"' \
    -DFAIRLEAD_BUILD_TARGET='"$(MACHINE)"' -DFAIRLEAD_BUILD_BORINGSSL='"$(BORINGSSL_KIND)"'

$B/fairlead: $(main_object) $(call archives_of,$(AREAS))
	$(call say,LD,$@)
	@$(CC) $(CFLAGS_ALL) $(lto) $(main_object) $(call whole,$(AREAS)) $(LDFLAGS_ALL) -o $@

.PHONY: all fairlead objects binary
binary: $(if $(main_object),$B/fairlead,objects)
objects: $(main_object) $(call archives_of,$(AREAS))

# ./fairlead is the release build's binary.
fairlead: binary
	@$(if $(and $(filter release,$(VARIANT)),$(main_object)),ln -sfn build/release/fairlead fairlead,true)

# Programs as of other versions, for scenarios of upgrades: one reads the core of the board in another way, one only
# what balancing keeps there, one talks with its processes in another way.
other_objects_board := $(patsubst src/%.c,$B/other/%.o,$(call sources_of,board))
other_objects_wire := $B/other/process/upgrade_save.o $B/other/process/upgrade_state.o
other_objects_balance := $B/other/table/stick.o $B/other/backend/state.o
$B/other/%.o: src/%.c $B/flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) -DBOARD_LAYOUT=9999 -DWIRE_PROTOCOL=9999 -DSTICK_LAYOUT=9999 -DBACKEND_STATES_LAYOUT=9999 \
	    $(CFLAGS_ALL) -MMD -MP -c $< -o $@

define other_rule
$B/fairlead-other-$1: $(main_object) $(call archives_of,$(AREAS)) $(other_objects_$1)
	$$(call say,LD,$$@)
	@$$(CC) $$(CFLAGS_ALL) $$(if $$(lto),-fno-lto) $(main_object) $(other_objects_$1) \
	    $(patsubst $B/other/%,$B/%,$(filter-out $(other_objects_$1),$(patsubst $B/%,$B/other/%,$(foreach area,$2,$(call objects_of,$(area)))))) \
	    $(call whole,$(filter-out $2,$(AREAS))) $(call link_libs,$(foreach area,$2,$(libs_of_$(area)))) $$(LDFLAGS_ALL) -o $$@
endef
$(eval $(call other_rule,board,board))
$(eval $(call other_rule,balance,table backend))
$(eval $(call other_rule,wire,process))
OTHERS := $B/fairlead-other-board $B/fairlead-other-balance $B/fairlead-other-wire

# --- programs for tests -------------------------------------------------------------------------------------------

# A unit test is one program of cmocka, linked with its area and what that may use: an upward call does not link.
# Other .c files beside it are helpers of all its neighbours.
UNIT_SOURCES := $(wildcard reg-tests/unit/*/test_*.c)
UNIT_TESTS := $(patsubst reg-tests/unit/%.c,$B/unit/%,$(UNIT_SOURCES))
unit_area = $(word 3,$(subst /, ,$1))
unit_helpers = $(filter-out $(UNIT_SOURCES),$(wildcard reg-tests/unit/$1/*.c))
test_flags = $(if $(lto),-fno-lto) $(CPPFLAGS) -Isrc -Ireg-tests/unit -isystem $(BORINGSSL_INCLUDE) $(CFLAGS_ALL)

define unit_rule
$(patsubst reg-tests/unit/%.c,$B/unit/%,$1): $1 $(call unit_helpers,$(call unit_area,$1)) \
    $(call archives_of,$(call reach,$(call unit_area,$1))) $B/flags
	$$(call say,TEST,$$@)
	@mkdir -p $$(@D)
	@$$(CC) $$(test_flags) -MMD -MP -MF $$@.d -MT $$@ $1 $(call unit_helpers,$(call unit_area,$1)) \
	    $(call whole,$(call reach,$(call unit_area,$1))) $$(LDFLAGS_ALL) -lcmocka -o $$@
endef
$(foreach t,$(UNIT_SOURCES),$(eval $(call unit_rule,$t)))

# A fuzzer is linked with all areas, or with those named here and what they may use: one that brings its own words must
# not meet those of others.
FUZZ_AREAS_client_hello := tls
FUZZ_AREAS_config := config
FUZZ_AREAS_converters := expr
FUZZ_AREAS_escape := expr
FUZZ_AREAS_expr := expr
FUZZ_AREAS_format := expr
FUZZ_AREAS_pem := tls
FUZZ_AREAS_ticket := tls
FUZZERS := $(patsubst reg-tests/fuzz/%.c,build/fuzz/%,$(wildcard reg-tests/fuzz/fuzz_*.c))
fuzz_areas = $(if $(FUZZ_AREAS_$1),$(call reach,$(FUZZ_AREAS_$1)),$(AREAS))
build/fuzz/fuzz_%: reg-tests/fuzz/fuzz_%.c $(call archives_of,$(AREAS)) $B/flags
	$(call say,FUZZ,$@)
	@$(CC) $(test_flags) -MMD -MP -MF $@.d -MT $@ $< $(call whole,$(call fuzz_areas,$*)) $(LDFLAGS_ALL) \
	    -fsanitize=fuzzer -o $@

-include $(wildcard $B/*.d $B/*/*.d $B/other/*/*.d $B/unit/*/*.d build/fuzz/*.d)

.PHONY: unit-programs fuzz-programs
unit-programs: $(UNIT_TESTS)
fuzz-programs: $(FUZZERS)

# --- tests --------------------------------------------------------------------------------------------------------

COUNTS := build/counts
SUITES := layers doccheck manual-check compilers unit vtc examples load life fuzz-corpora asan
# make unit|vtc|load|life MATCH=regexp runs only what it finds.
run_tests = reg-tests/run $1 --jobs $(JOBS) --binary $B/fairlead $(if $(MATCH),--match '$(MATCH)') \
    --counts $(COUNTS)/$(VARIANT)-$1
test_seconds := $(if $(filter asan cover,$(VARIANT)),120,60)
tools := $(if $(wildcard reg-tests/bench/bench.mk),bench-tools)

.PHONY: check certs layers doccheck manual manual-check compilers aarch64 unit vtc compat examples load life fuzz-corpora \
    fuzz asan bench cover lint
check:
	@scripts/deps test || echo "check: suites that need what is missing are skipped or fail"
	@reg-tests/check $(COUNTS) $(SUITES)

# What the tests find in $FL_CERTS; reg-tests/run makes them too where they are missing.
certs:
	@reg-tests/certs build/certs

layers: objects
	@scripts/layers --build $B --libs $(or $(filter %.a,$(BORINGSSL_LIBS)),\
	    $(wildcard $(BORINGSSL_LIB_DIR)/lib*.so)) --counts $(COUNTS)/layers

doccheck:
	@scripts/doccheck --counts $(COUNTS)/doccheck

# The reference of all words, from the words themselves. What is committed must be what they say.
CHAPTERS := $(sort $(wildcard doc/configuration/*.md))
$B/manual: scripts/manual.c $(call archives_of,$(AREAS)) $B/flags
	$(call say,LD,$@)
	@$(CC) $(if $(lto),-fno-lto) $(CPPFLAGS) $(CFLAGS_ALL) -MMD -MP -MF $@.d -MT $@ $< $(call whole,$(AREAS)) $(LDFLAGS_ALL) -o $@

manual: $B/manual
	@$B/manual $(CHAPTERS) >$B/configuration.md
	@cp $B/configuration.md doc/configuration.md

manual-check: $B/manual
	@reg-tests/run manual-check command --jobs 1 --timeout 60 --counts $(COUNTS)/manual-check \
	    'configuration.md=$B/manual $(CHAPTERS) | diff -u doc/configuration.md - || { echo "run: make manual"; exit 1; }'

compilers:
	@reg-tests/run compilers command --jobs 1 --timeout 600 --counts $(COUNTS)/compilers \
	    'clang=command -v clang >/dev/null || { echo "skipped: no clang"; exit 77; }; make CC=clang VARIANT=clang binary' \
	    'aarch64=scripts/aarch64 make'

aarch64:
	@scripts/aarch64 make || [ $$? = 77 ]

unit: unit-programs
	@$(call run_tests,unit) program --timeout $(test_seconds) $(UNIT_TESTS)

# Scenarios mostly wait: two at once for each processor.
vtc: fairlead $(OTHERS)
	@$(call run_tests,vtc) --jobs $$(($(JOBS) * 2)) vtc --timeout $(test_seconds) $(sort $(wildcard reg-tests/vtc/*/*.vtc))

# Not of `check`, for HAProxy is no part of the tests: do the scenarios hold for Debian's HAProxy, as they claim, and are
# the answers to commands the same?
compat: fairlead
	@reg-tests/vtc-compat $(if $(MATCH),$(shell ls reg-tests/vtc/*/*.vtc | grep -E -- '$(MATCH)'))
	@$(if $(MATCH),,reg-tests/commands-compat $B/fairlead)

# The configurations in examples/, and those that stand in the documentation.
examples: fairlead
	@scripts/doc-examples build/doc-examples
	@$(call run_tests,examples) config $(sort $(wildcard examples/*.cfg)) build/doc-examples/*.cfg

# load: one thing at a time; life: reloads, upgrades, deaths and want under load of every kind. One after the other.
life load: fairlead $(tools)
	@BENCH_OUT=$(CURDIR)/build/bench $(call run_tests,$@) program --jobs 1 --timeout 240 --show \
	    $(sort $(filter-out %/lib.py %/life.py,$(wildcard reg-tests/$@/*.py reg-tests/$@/*.sh)))

fuzz-corpora:
	@+$(MAKE) CC=clang VARIANT=fuzz fuzz-programs
	@$(call run_tests,fuzz-corpora) fuzz --seconds 3 $(FUZZERS)

fuzz:
	@+$(MAKE) CC=clang VARIANT=fuzz $(if $(T),build/fuzz/fuzz_$(T),fuzz-programs)
	@reg-tests/run fuzz fuzz --jobs $(JOBS) --seconds $(SECONDS) --show $(if $(T),build/fuzz/fuzz_$(T),$(FUZZERS))

# The unit tests and scenarios again, under AddressSanitizer and UndefinedBehaviorSanitizer.
asan:
	@+status=0; for suite in unit vtc; do $(MAKE) VARIANT=asan $$suite || status=1; done; exit $$status

cover:
	@+for suite in unit vtc; do $(MAKE) VARIANT=cover $$suite || true; done
	@scripts/cover build/cover

bench: fairlead $(tools)
	@scripts/deps bench
	@+$(MAKE) bench-run

lint:
	@scripts/deps lint
	@CPPFLAGS='$(CPPFLAGS) -isystem $(BORINGSSL_INCLUDE)' scripts/lint

-include $(wildcard reg-tests/bench/bench.mk)

# --- running, installing, the rest --------------------------------------------------------------------------------

.PHONY: run install install-files deps hooks clean help
run: fairlead
	@scripts/deps run || echo "run: without the openssl command there is no certificate, and so no TLS"
	@scripts/run-quickstart

SBINDIR := $(PREFIX)/sbin
DOCDIR := $(PREFIX)/share/doc/fairlead
install: all
	@$(MAKE) install-files

install-files:
	install -D -m 755 build/release/fairlead '$(DESTDIR)$(SBINDIR)/fairlead'
	install -d '$(DESTDIR)$(DOCDIR)' '$(DESTDIR)$(PREFIX)/lib/systemd/system'
	install -m 644 LICENSE $(wildcard README.md CONTRIBUTING.md doc/*.md) '$(DESTDIR)$(DOCDIR)'
	set -e; find examples -type f | while read -r f; do install -D -m 644 "$$f" "$(DESTDIR)$(DOCDIR)/$$f"; done
	set -e; for f in $(wildcard doc/*.[158]); do \
	    install -D -m 644 $$f "$(DESTDIR)$(PREFIX)/share/man/man$${f##*.}/$${f##*/}"; done
	sed 's,/usr/local/,$(PREFIX)/,' examples/systemd/fairlead.service \
	    >'$(DESTDIR)$(PREFIX)/lib/systemd/system/fairlead.service'

deps:
	@scripts/deps build test lint

# The hooks are read from the tree, so they follow what is checked out.
hooks:
	@git config core.hooksPath reg-tests/hooks
	@echo "git runs reg-tests/hooks from now on"

clean:
	rm -rf build fairlead

help:
	@echo 'make                   build ./fairlead (installs what is missing first, see scripts/deps)'
	@echo 'make run               build and run examples/quickstart.cfg, and say what to try'
	@echo 'make check             all tests; the last line is: N passed, N failed, N skipped'
	@echo 'make unit | vtc | load | life tests of one kind; MATCH=regexp picks some; VARIANT=asan|cover|release'
	@echo 'make layers | doccheck the floors of src/LAYERS; comments of public functions'
	@echo 'make manual            write doc/configuration.md from the words themselves'
	@echo 'make certs             the certificates of the tests, in build/certs'
	@echo 'make compat            the scenarios that claim to hold for HAProxy 2.6 too, against it'
	@echo 'make examples          does every example pass -c, those in the documentation too'
	@echo 'make compilers         builds with clang, and for aarch64 (make aarch64: that alone)'
	@echo 'make asan              unit tests and scenarios under ASan and UBSan'
	@echo 'make fuzz [T=name]     search with one fuzzer, or each, for SECONDS=60; make fuzz-corpora: briefly'
	@echo 'make lint              clang-format on what changed, cppcheck, clang-tidy'
	@echo 'make cover             line coverage of unit tests and scenarios'
	@echo 'make bench             beside haproxy and nginx, on one core'
	@echo 'make install           DESTDIR=, PREFIX=/usr/local'
	@echo 'make deps | hooks | clean'
	@echo
	@echo 'Settings: CC=clang, VARIANT=name (objects in build/name), CFLAGS, LDFLAGS, BORINGSSL=dir, JOBS=n'
