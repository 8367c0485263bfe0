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

ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(JOBS)
endif
MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
.PHONY: FORCE

all: fairlead

# Goals that compile nothing need no compiler and no libraries.
quiet_goals := help clean distclean hooks deps doccheck install-files
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
    -Wwrite-strings -Wvla -Wimplicit-fallthrough -Wformat=2 -Wpointer-arith -Wcast-qual
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
optimise := $(or $(optimise_$(VARIANT)),-O2 $(hardening))

CPPFLAGS += -Iinclude -D_GNU_SOURCE -MMD -MP
CFLAGS_ALL := -std=gnu17 -g $(optimise) $(machine_flags) -fPIE -fno-common $(warnings) $(CFLAGS)
LDFLAGS_ALL := -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack $(filter -fsanitize=% --coverage,$(optimise)) $(LDFLAGS)

# Only these areas see BoringSSL's headers, so that no other grows to need them.
BORINGSSL_AREAS := http transport process

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
flags_now := $(CC) $(shell $(CC) --version 2>/dev/null | head -n 1) $(CPPFLAGS) $(CFLAGS_ALL) $(BORINGSSL_INCLUDE)
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
	@$(CC) $(CPPFLAGS) $(CPPFLAGS_AREA) $(CFLAGS_ALL) -c $< -o $@

# The version and how this was built reach one file alone, so that a new version rebuilds one file.
$B/process/version.o: VERSION
$B/process/version.o: CPPFLAGS_AREA += -DFAIRLEAD_VERSION='"$(VERSION)"' \
    -DFAIRLEAD_BUILD_CC='"$(shell $(CC) --version 2>/dev/null | head -n 1)"' \
    -DFAIRLEAD_BUILD_CFLAGS='"$(strip $(optimise) $(machine_flags) $(CFLAGS))"' \
    -DFAIRLEAD_BUILD_TARGET='"$(MACHINE)"' -DFAIRLEAD_BUILD_BORINGSSL='"$(BORINGSSL_KIND)"'

$B/fairlead: $(main_object) $(call archives_of,$(AREAS))
	$(call say,LD,$@)
	@$(CC) $(CFLAGS_ALL) $(main_object) $(call whole,$(AREAS)) $(LDFLAGS_ALL) -o $@

-include $(wildcard $B/*/*.d $B/unit/*/*.d $B/tests/*/*.d)

.PHONY: all fairlead objects binary
binary: $(if $(main_object),$B/fairlead,objects)
objects: $(main_object) $(call archives_of,$(AREAS))

# ./fairlead is the release build's binary.
fairlead: binary
	@$(if $(filter release,$(VARIANT)),$(if $(main_object),ln -sfn build/release/fairlead fairlead,true),true)
