# Two programs on one core. 'make' builds them; 'make demo' and 'make check' set up a fresh
# Debian/Ubuntu machine by themselves.

ifeq ($(origin CC),default)
CC := gcc
endif
BUILD   ?= build
VERSION := 0.1
PARALLEL = -j$(shell nproc)
PREFIX  ?= /usr/local

PACKAGES = gcc make pkg-config libarchive-dev libxml2-dev libssl-dev libsqlite3-dev libzstd-dev libisal-dev libcurl4-openssl-dev libseccomp-dev \
           libcmocka-dev gcab curl libarchive-tools cabextract sqlite3 libxml2-utils openssl python3 jq zstd \
           mandoc valgrind faketime tzdata osslsigncode
TOOLS = $(CC) pkg-config gcab curl bsdtar cabextract sqlite3 xmllint openssl python3 jq zstd mandoc valgrind faketime osslsigncode
LIBRARIES = libarchive libxml-2.0 libcrypto sqlite3 libzstd libisal libcurl libseccomp

WARNINGS = -Wall -Wextra -Wpedantic -Wno-overlength-strings -Wshadow -Wconversion -Wsign-conversion \
           -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla -Wwrite-strings \
           -Wcast-align=strict -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wnull-dereference -Werror
# What an attacker would build on is taken away; reasons and cost stand in docs/testing.md, and tests/cli/binaries.sh looks at
# the programs for it.
HARDENING = -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -fPIE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 \
            -ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr -fno-delete-null-pointer-checks -fno-strict-overflow
OPTIMIZE ?= -O2 -g
CFLAGS  ?=
DEFINES  = -I. -I$(BUILD) -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DSU_VERSION='"$(VERSION)"'
ALL_CFLAGS = -std=gnu11 $(OPTIMIZE) $(WARNINGS) $(HARDENING) $(DEFINES) $(shell pkg-config --cflags $(LIBRARIES)) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code $(LDFLAGS)
LIBS     = $(shell pkg-config --libs $(LIBRARIES))

COMMON   = $(wildcard common/*/*.c common/*/*/*.c)
CLI      = $(wildcard tools/cli/*.c)
OBJECTS  = $(patsubst %.c,$(BUILD)/%.o,$(COMMON))
CLI_OBJECTS = $(patsubst %.c,$(BUILD)/%.o,$(CLI))
PROGRAMS = $(BUILD)/suexport $(BUILD)/suimport

all: $(PROGRAMS)

# What a fresh machine lacks; silent where everything is there.
deps:
	@missing=; for tool in $(TOOLS); do command -v $$tool >/dev/null 2>&1 || missing="$$missing $$tool"; done; \
	pkg-config --exists $(LIBRARIES) cmocka 2>/dev/null && test -z "$$missing" || { \
	  echo "installing packages: $(PACKAGES)"; \
	  SUDO=$$(test "$$(id -u)" = 0 || echo sudo); \
	  $$SUDO apt-get update -q && DEBIAN_FRONTEND=noninteractive $$SUDO apt-get install -q -y --no-install-recommends $(PACKAGES); }

# The numbered schema steps as C strings, in order.
$(BUILD)/schema.h: $(wildcard common/schema/*.sql)
	@mkdir -p $(@D)
	@{ echo '/* made by the Makefile from common/schema */'; echo 'static const char *const su_schema_steps[] = {'; \
	   for f in $^; do sed 's/\\/\\\\/g; s/"/\\"/g; s/^/"/; s/$$/\\n"/' $$f; echo ','; done; echo '};'; } > $@

$(BUILD)/%.o: %.c $(BUILD)/schema.h
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/libsu.a: $(OBJECTS)
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/suexport: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tools/suexport/*.c)) $(CLI_OBJECTS) $(BUILD)/libsu.a
	$(CC) $(ALL_LDFLAGS) $(CFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/suimport: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tools/suimport/*.c)) $(CLI_OBJECTS) $(BUILD)/libsu.a
	$(CC) $(ALL_LDFLAGS) $(CFLAGS) -o $@ $^ $(LIBS)

# Unit tests: one program for each tests/unit/test_*.c.
UNITS = $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/libsu.a
	$(CC) $(ALL_LDFLAGS) $(CFLAGS) -o $@ $^ $(LIBS) -lcmocka

include tests/proofs.mk

# The small sample update point of two months, made by the project's own generator.
$(BUILD)/samples/generate: samples/generate.c $(BUILD)/schema.h
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< -lcrypto
$(BUILD)/samples/m1/export.cab $(BUILD)/samples/m2/export.cab: $(BUILD)/samples/%/export.cab: $(BUILD)/samples/generate samples/make-package.sh
	@rm -rf $(@D)
	samples/make-package.sh $(BUILD)/samples/generate $(@D) --small --month $(subst m,,$*) > /dev/null
samples: $(BUILD)/samples/m1/export.cab $(BUILD)/samples/m2/export.cab

demo: deps
	@$(MAKE) -s $(PARALLEL) all samples
	@samples/demo.sh $(BUILD)

check: deps
	@$(MAKE) -s $(PARALLEL) all samples units benches replays tracer
	@BUILD=$(BUILD) tests/run

units: $(UNITS)

# The same tests under the sanitizers, in a build of their own.
asan: deps
	@$(MAKE) -s $(PARALLEL) BUILD=build-asan OPTIMIZE="-O1 -g" CFLAGS="-fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all" \
	  HARDENING=-fPIE all samples units benches replays tracer
	@BUILD=build-asan ASAN_OPTIONS=verify_asan_link_order=0 tests/run # some tests load a library before it

# Threads: the unit tests and the commands that use them, under the thread sanitizer.
tsan: deps
	@$(MAKE) -s $(PARALLEL) BUILD=build-tsan OPTIMIZE="-O1 -g" CFLAGS="-fsanitize=thread" HARDENING=-fPIE all samples units
	@BUILD=build-tsan TSAN_OPTIONS=halt_on_error=1 tests/run unit sync.sh upstream.sh scan.sh third_party.sh fetch.sh import.sh export.sh content.sh recovery.sh monitor.sh

# In a build that leaves variables as they are, so that valgrind sees which nobody set.
valgrind: deps
	@$(MAKE) -s $(PARALLEL) BUILD=build-valgrind CFLAGS=-ftrivial-auto-var-init=uninitialized all samples
	@tests/valgrind.sh build-valgrind

# The programs beside their limit and beside what people use instead (docs/performance.md).
#   SIZE=tiny|small|standard|large|UPDATES:BYTES  ROUNDS=N  WORK=DIR on a fast disk  PEERS=no  JSON=FILE
SIZE   ?= standard
ROUNDS ?= 2
BENCH = python3 tests/bench/$(1) $(BUILD) $(if $(WORK),--work $(WORK))
$(BUILD)/limit: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/bench/*.c))
	$(CC) $(ALL_LDFLAGS) $(CFLAGS) -o $@ $^ $(LIBS)
benches: $(BUILD)/limit $(BUILD)/samples/generate
bench: deps
	@$(MAKE) -s all benches
	@$(call BENCH,bench.py) --size $(SIZE) --rounds $(ROUNDS) --json $(or $(JSON),$(BUILD)/bench.json) $(if $(filter no,$(PEERS)),--no-peers)
# How cost grows with updates and with content; draws docs/performance-*.svg.
bench-scale: deps
	@$(MAKE) -s all benches
	@$(call BENCH,scale.py) --size $(SIZE) --json $(or $(JSON),$(BUILD)/bench-scale.json)
	@python3 tests/bench/plot.py $(or $(JSON),$(BUILD)/bench-scale.json) docs

# Twelve bundles for three sites, lost, mixed up and damaged on the way as the seed has it; another seed, another story.
RUNS ?= 200
SEED ?= 1
simulate: deps
	@$(MAKE) -s all
	@tests/simulate.py $(BUILD) --runs $(RUNS) --seed $(SEED)

# A first synchronization from an update server, interrupted again and again: the same catalogue. UPDATES=N KILLS=N
upstream: deps
	@$(MAKE) -s $(PARALLEL) all samples
	@BUILD=$(BUILD) tests/upstream_long.sh $(or $(UPDATES),100000) $(or $(KILLS),10)

format:
	clang-format -i $(COMMON) tools/*/*.c tests/bench/*.c

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 docs/suexport.1 docs/suimport.1 $(DESTDIR)$(PREFIX)/share/man/man1

clean:
	rm -rf $(BUILD) build-asan build-tsan build-valgrind build-coverage build-fuzz $(MUTANTS)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: all deps format tsan valgrind bench bench-scale benches simulate upstream demo check units asan samples install clean
