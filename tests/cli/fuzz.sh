# fuzz.sh - every parser over the kept inputs of its fuzzing harness: the search itself is `make fuzz`.

FUZZ=$TOP/tests/fuzz
need_replays() { [ -x "$BUILD/tests/fuzz/replay_manifest" ] || skip 'needs make replays'; } # a build to measure with has none

# An input that was a finding once bears a name that tells; the others are what libFuzzer kept of what reaches most.
test_fuzz_corpus() {
    need_replays
    count=0
    for source in "$FUZZ"/fuzz_*.c; do
        harness=$(basename "$source" .c)
        harness=${harness#fuzz_}
        [ -d "$FUZZ/corpus/$harness" ] || fail "$harness has no corpus"
        TMPDIR=$(pwd) "$BUILD/tests/fuzz/replay_$harness" "$FUZZ/corpus/$harness" > out 2>&1 || fail "$harness: $(tail -n 5 out)"
        count=$((count + $(sed -n 's/ inputs$//p' out)))
    done
    [ "$count" -gt 300 ] || fail "only $count inputs"
    for folder in "$FUZZ"/corpus/*; do
        [ -e "$FUZZ/fuzz_$(basename "$folder").c" ] || fail "$folder belongs to no harness"
    done
}

# A property that does not hold ends the replay, as a crash does.
test_fuzz_replay_fails() {
    need_replays
    printf 'x' > none
    same "$("$BUILD/tests/fuzz/replay_manifest" none)" '1 inputs' 'a good one'
    ! "$BUILD/tests/fuzz/replay_manifest" absent > out 2>&1 || fail 'an absent input was passed over'
    says 'does not hold' out
}

# The corpus stays small, and nothing genuine or private is in it.
test_fuzz_corpus_is_small() {
    bytes=$(find "$FUZZ/corpus" -type f -printf '%s\n' | awk '{ s += $1 } END { print s }')
    [ "$bytes" -lt 1500000 ] || fail "the corpus has $bytes bytes"
    ! grep -rlaE 'Microsoft Corporation|BEGIN RSA' "$FUZZ/corpus" || fail 'genuine data'
}
