# Part of the Makefile: what takes longer than `make check` or more than it installs (docs/testing.md).

# Every call of every command fails, once and from then on; with faults-asan some of them under the address sanitizer.
#   FAULTS="--only import --calls write,sync"  (tests/fault/loop.py --help); RESUME=FILE goes on where a run broke off
GO_ON = $(if $(RESUME),--resume $(RESUME))
faults: deps
	@$(MAKE) -s $(PARALLEL) all samples
	@python3 -B tests/fault/loop.py $(BUILD) $(GO_ON) $(FAULTS)
faults-asan: deps
	@$(MAKE) -s $(PARALLEL) BUILD=build-asan OPTIMIZE="-O1 -g" CFLAGS="-fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all" \
	  HARDENING=-fPIE all samples
	@python3 -B tests/fault/loop.py build-asan --sanitizer $(GO_ON) $(or $(FAULTS),--share 40)

# Killed at every system call that changes a file, and the power lost after it (docs/testing.md). STATES=N SEED=N RESUME=FILE
$(BUILD)/tests/crash/tracer: tests/crash/tracer.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(OPTIMIZE) $(WARNINGS) -D_GNU_SOURCE -o $@ $<
tracer: $(BUILD)/tests/crash/tracer
crashes: deps
	@$(MAKE) -s $(PARALLEL) all samples tracer
	@python3 -B tests/crash/crash.py $(BUILD) --kinds kill $(GO_ON)
	@python3 -B tests/crash/crash.py $(BUILD) --kinds power --every 3 --states $(or $(STATES),3) --seed $(or $(SEED),1) $(GO_ON)
	@python3 -B tests/crash/crash.py $(BUILD) --states 4 --seed $(or $(SEED),1) --defect all

# Every hostile input (tests/hostile); make check takes a share of them.
hostile: deps
	@$(MAKE) -s $(PARALLEL) all samples
	@tests/hostile/run.sh $(abspath $(BUILD))

include tests/fuzz/fuzz.mk

# What the tests run, line by line and branch by branch, and why the rest is not run (tests/coverage).
coverage: deps
	@$(MAKE) -s $(PARALLEL) BUILD=build-coverage OPTIMIZE="-O0 -g" CFLAGS="--coverage -fprofile-update=atomic -DSU_COVERAGE" HARDENING=-fPIE all samples units benches
	@tests/coverage/run.sh build-coverage $(TESTS)

# Would a test notice? Small changes of the modules that verify and import, each built and tried (tests/mutants).
#   N=200 mutants drawn by SEED=1, for at most MINUTES=60; FILES='common/trust/*.c'; KEYS=... tries some again.
#   MUTANTS is the folder where results are kept; it holds `cov`, the build of make coverage.
MUTANTS ?= build-mutants
mutants: deps
	@mkdir -p $(MUTANTS)
	@test -d $(MUTANTS)/cov/ran || { $(MAKE) -s $(PARALLEL) BUILD=$(MUTANTS)/cov OPTIMIZE="-O0 -g" CFLAGS="--coverage -fprofile-update=atomic -DSU_COVERAGE" HARDENING=-fPIE all samples units benches && \
	  tests/coverage/run.sh $(MUTANTS)/cov > $(MUTANTS)/coverage.txt; test -d $(MUTANTS)/cov/ran; }
	@$(MAKE) -s $(PARALLEL) BUILD=$(MUTANTS)/plain OPTIMIZE=-O1 HARDENING=-fPIE all samples units benches
	@$(MAKE) -s BUILD=$(MUTANTS)/plain OPTIMIZE=-O1 HARDENING=-fPIE mutants-run
mutants-run:
	@CC="$(CC)" FLAGS='$(ALL_CFLAGS)' LIBS="$(LIBS)" nice -n 19 python3 -B tests/mutants/mutate.py $(BUILD) $(MUTANTS) $(foreach o,N SEED MINUTES FILES KEYS,$(if $($o),'$o=$($o)'))

# House rules in seconds, for every day.
lint-house: all
	@python3 -B tests/lint/house.py $(BUILD)

# These and the analysers (docs/testing.md), and defects that they must find. What did not change is not analysed again.
#   LINT_FLAGS=--counts  how often what is left out would be met
LINT_PACKAGES = clang clang-tidy cppcheck shellcheck pyflakes3 binutils git
LINT_TOOLS = clang clang-tidy cppcheck shellcheck pyflakes3 nm git
lint-deps: deps
	@missing=; for tool in $(LINT_TOOLS); do command -v $$tool >/dev/null 2>&1 || missing="$$missing $$tool"; done; \
	test -z "$$missing" || { \
	  echo "installing packages: $(LINT_PACKAGES)"; \
	  SUDO=$$(test "$$(id -u)" = 0 || echo sudo); \
	  $$SUDO apt-get update -q && DEBIAN_FRONTEND=noninteractive $$SUDO apt-get install -q -y --no-install-recommends $(LINT_PACKAGES); }
lint: export FLAGS = -std=gnu11 $(DEFINES) $(shell pkg-config --cflags $(LIBRARIES))
lint: lint-deps
	@$(MAKE) -s $(PARALLEL) all
	@status=0; python3 -B tests/lint/house.py $(BUILD) || status=1; python3 -B tests/lint/analyse.py --build $(BUILD) $(LINT_FLAGS) || status=1; python3 -B tests/lint/planted.py --build $(BUILD) || status=1; exit $$status

.PHONY: faults faults-asan tracer crashes hostile coverage mutants mutants-run lint-house lint-deps lint
