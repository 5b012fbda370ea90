# bench.sh - the benchmark runs, proves what it measured, and refuses what is wrong. Figures of this size mean nothing.
BENCH_MIB=4096 # for programs built with a sanitizer
export BENCH_MIB

test_bench_is_valid() {
    expect 0 python3 "$TOP/tests/bench/bench.py" "$BUILD" --size tiny --rounds 1 --no-peers --work work --json bench.json
    tail -n 1 out | grep -q '^valid: '
    same "$(json '[.valid, .rounds, .noise == [], (.problems | length)] | @csv' bench.json)" 'true,1,true,0' 'the verdict'
    # Every command of the two programs, the limit in both ways, the stages of a sync.
    for step in 'ours/sync, month 1' 'ours/content add, month 2' 'ours/export, full' 'ours/import, delta' 'ours/resend, one volume' \
        'ours/search' 'limit/verify, full' 'limit, durable/import, delta' 'sync/parse alone'; do
        json '.steps[] | "\(.who)/\(.what)"' bench.json | grep -qxF "$step" || fail "no step $step"
    done
    json '.ratios[] | select(.target) | .name' bench.json | grep -q '^import, full : limit' || fail 'no ratio'
    same "$(json '[.steps[] | select((.cpu - .user - .kernel) | fabs > 0.002)] | length' bench.json)" 0 'user and kernel'
    # Members, manifest and signature are the metadata; the papers are weighed apart.
    same "$(json '[.bytes[] | select(.who == "ours") | .what] | sort | join(" ")' bench.json)" \
        'delta full metadata, delta metadata, full papers, delta papers, full' 'what was weighed'
    [ -z "$(ls work)" ] || fail "left behind: $(ls work)"
}

# A program that ends in another state, a limit that left rows out: the run is refused, and says why.
test_bench_refuses_wrong_results() {
    mkdir -p wrong/samples
    ln -s "$SUEXPORT" wrong/
    ln -s "$BUILD/samples/generate" wrong/samples/
    printf '#!/bin/sh\n"%s" "$@" | sed "s/\\"state_digest\\":\\"./\\"state_digest\\":\\"x/"\n' "$SUIMPORT" > wrong/suimport
    printf '#!/bin/sh\n"%s" "$@" | sed "s/\\"rows\\":[1-9]/\\"rows\\":/"\n' "$BUILD/limit" > wrong/limit
    chmod +x wrong/suimport wrong/limit
    expect 1 python3 "$TOP/tests/bench/bench.py" wrong --size tiny --rounds 1 --no-peers --work work --json bench.json
    grep -q '^INVALID: state after the full import' out
    grep -q "^INVALID: limit's full rows" out
    tail -n 1 out | grep -q '^INVALID'
    same "$(json .valid bench.json)" false 'the verdict'
}

test_bench_refuses_too_much_memory() {
    BENCH_MIB=1
    expect 1 python3 "$TOP/tests/bench/scale.py" "$BUILD" --size tiny --work work
    grep -q '^more than 1 MiB: sync, month 1' out
}

test_bench_refuses_a_small_disk() {
    expect 1 python3 "$TOP/tests/bench/bench.py" "$BUILD" --size 100000:1e15 --work work
    grep -q 'needs about .* GB in .* free are' err
}

# More updates than a cabinet can hold come as .xml.gz: here few, so that it is tried.
test_bench_draws_growth() {
    CAB=gz
    export CAB
    expect 0 python3 "$TOP/tests/bench/scale.py" "$BUILD" --size tiny --work work --json scale.json
    expect 0 python3 "$TOP/tests/bench/plot.py" scale.json .
    for name in updates content; do xmllint --noout performance-$name.svg && grep -q polyline performance-$name.svg; done
}
