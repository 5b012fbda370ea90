# Part of the Makefile: the fuzzing programs.

# Fuzzing harnesses: one program for each tests/fuzz/fuzz_*.c, here with the main that only replays inputs.
FUZZERS = $(patsubst tests/fuzz/fuzz_%.c,$(BUILD)/tests/fuzz/replay_%,$(wildcard tests/fuzz/fuzz_*.c))
$(BUILD)/tests/fuzz/replay_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/replay.o $(BUILD)/tests/fuzz/here.o $(BUILD)/libsu.a
	$(CC) $(ALL_LDFLAGS) $(CFLAGS) -o $@ $^ $(LIBS)
replays: $(FUZZERS)
# The same with libFuzzer, as `make fuzz` has them.
$(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/mutate.o $(BUILD)/tests/fuzz/here.o $(BUILD)/libsu.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) $(CFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)
fuzzers: $(patsubst tests/fuzz/fuzz_%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

# Every parser under libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer, until each harness has had its processor
# minutes; goes on where it was stopped. HARNESS="a b"  MINUTES=N  FUZZ=DIR for what is found and the working corpus
FUZZ ?= build-fuzz/work
SANITIZED = BUILD=build-fuzz CC=clang OPTIMIZE="-O1 -g" WARNINGS="-Wall -Wextra" HARDENING=-fPIE \
            CFLAGS="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
fuzz-deps: deps
	@printf 'int LLVMFuzzerTestOneInput(const char *d, long n) { (void)d, (void)n; return 0; }' | \
	  clang -fsanitize=fuzzer,address -x c -o /dev/null - 2> /dev/null || { \
	  SUDO=$$(test "$$(id -u)" = 0 || echo sudo); \
	  $$SUDO apt-get update -q && DEBIAN_FRONTEND=noninteractive $$SUDO apt-get install -q -y --no-install-recommends clang libclang-rt-dev; }
.PHONY: fuzz fuzz-deps fuzzers replays
fuzz: fuzz-deps
	@$(MAKE) -s $(PARALLEL) $(SANITIZED) fuzzers
	@tests/fuzz/run.py --build build-fuzz --work $(FUZZ) --minutes $(or $(MINUTES),30) $(HARNESS)
