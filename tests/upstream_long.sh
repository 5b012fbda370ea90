#!/bin/sh
# upstream_long.sh - a first synchronization from an update server, interrupted again and again, ends as one that was not.
#
#   tests/upstream_long.sh [UPDATES [INTERRUPTIONS [SEED]]]      default 100000 10
#
# A server (tests/upstream.py) holds UPDATES updates. One hub is synchronized undisturbed; another is killed and
# interrupted by turns after a number of answers drawn by chance, the last two times while the catalogue is written, and
# then ends with the same state digest. Each interruption meets it at work: where it was faster, that one is done over.
# Each synchronization then brings month 2 and nothing else. Prints seconds, bytes, calls.
# BUILD names the build, TMPDIR where to work.
set -eu
TOP=$(cd "$(dirname "$0")/.." && pwd)
BUILD=${BUILD:-$TOP/build}
case $BUILD in /*) ;; *) BUILD=$TOP/$BUILD ;; esac
SMALL=$BUILD/samples
export TOP BUILD SMALL
UPDATES=${1:-100000}
INTERRUPTIONS=${2:-10}
SEED=${3:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
UPSTREAM=
SKIP_FILE=/dev/null
. "$TOP/tests/lib.sh"
WORK=$(mktemp -d "${TMPDIR:-/tmp}/su-upstream.XXXXXX")
cd "$WORK"

run() { "$SUEXPORT" --home "$1" --quiet sync --from "$UP" --json > out 2> err; }
now() { date +%s.%N; }
calc() { awk "BEGIN { printf \"%.3f\", $1 }"; }
# A number drawn between two: draw_share FROM TO. Each turn has its own.
draw_share() { calc "$1 + ($2 - ($1)) * $((((SEED + turn) * 1103515245 + 12345) % 2147483648)) / 2147483648"; }
figures() { echo "$1: $(calc "$2") s, $(served GetUpdateData) calls, $(served GetUpdateData updates) documents, $(served GetUpdateData out) bytes, lists $(served GetRevisionIdList out) bytes"; }
# hub NAME: knows the categories and wants everything.
prepared() {
    "$SUEXPORT" --home "$1" init > /dev/null
    run "$1"
    "$SUEXPORT" --home "$1" --quiet products add --all > /dev/null
    "$SUEXPORT" --home "$1" --quiet classifications add --all > /dev/null
}
stop() {
    status=$?
    upstream_stop
    rm -rf "$WORK"
    exit $status
}

for month in 1 2; do "$SMALL/generate" --out "p$month" --updates "$UPDATES" --content-bytes 0 --month $month > /dev/null; done
upstream p1 p2 --all-revisions
trap stop EXIT
trap 'exit 130' INT TERM
echo "$UPDATES updates, $INTERRUPTIONS interruptions, seed $SEED"
prepared steady
: > upstream.log
began=$(now)
run steady || { cat err >&2; exit 1; }
whole=$(calc "$(now) - $began")
want=$(json .state_digest)
listed=$(served GetRevisionIdList ids) calls=$(wc -l < upstream.log)
figures 'undisturbed' "$whole"

prepared shaken
: > upstream.log
began=$(now)
given=
lines() { wc -l < upstream.log; }
# Starts the synchronization of a home and returns after so many more answers of the server, or when it has ended.
started_until() { # HOME ANSWERS
    from=$(lines)
    "$SUEXPORT" --home "$1" --quiet sync --from "$UP" --json > out 2> err &
    child=$!
    while [ $(($(lines) - from)) -lt "$2" ] && kill -0 $child 2> /dev/null; do sleep 0.01; done
}
# A try that does not count leaves no answers in the log.
forget_answers() { head -n "$1" upstream.log > upstream.kept && cat upstream.kept > upstream.log; }
# On a copy: how many answers it still takes, and the seconds from the last of them to the end.
measure() {
    before=$(lines)
    cp -a --reflink=auto shaken trial
    started_until trial 1
    seen=0
    while kill -0 $child 2> /dev/null; do
        [ "$seen" = "$(lines)" ] || { seen=$(lines); last_answer=$(now); }
        sleep 0.01
    done
    wait $child || { cat err >&2; fail 'the trial run'; }
    answers=$((seen - before)) tail=$(calc "$(now) - $last_answer")
    forget_answers "$before"
    rm -rf trial
}
for turn in $(seq "$INTERRUPTIONS"); do
    if [ $((turn % 2)) = 0 ]; then name=INT; else name=KILL; fi
    wait_for=0 answers=$(calc "$calls * $(draw_share 0.1 1.1) / $INTERRUPTIONS" | cut -d . -f 1)
    answers=$((answers + 5)) # a session opens with as many
    if [ $((INTERRUPTIONS - turn)) -lt 2 ] && [ "$INTERRUPTIONS" -gt 2 ]; then # once nothing is asked any more
        measure
        wait_for=$(calc "$tail * $(draw_share 0 0.8)")
    fi
    rm -rf kept
    cp -a --reflink=auto shaken kept
    before=$(lines) tries=0
    while :; do
        started_until shaken $answers
        sleep "$wait_for"
        kill -$name $child 2> /dev/null || true
        status=0
        wait $child || status=$?
        [ $status = 0 ] || break
        # It was done before: from the same state again, and sooner.
        tries=$((tries + 1))
        [ $tries -lt 10 ] || fail "interruption $turn never met it at work"
        rm -rf shaken
        cp -a --reflink=auto kept shaken
        forget_answers "$before"
        if [ $tries -gt 3 ]; then answers=$((answers > 2 ? answers * 2 / 3 : 1)); fi
        wait_for=$(calc "$wait_for / 3")
    done
    given="$given $name:$status"
    case $status in
    8 | 137) ;;
    *) echo "interrupted by $name: exit $status" >&2; cat err >&2; exit 1 ;;
    esac
    same "$(sqlite3 shaken/update-point.db 'PRAGMA integrity_check')" ok 'the database'
done
run shaken || { cat err >&2; fail 'the run after the interruptions'; }
logged shaken 7146
figures "interrupted ($given )" "$(now) - $began"
same "$(json .state_digest)" "$want" 'the digest after the interruptions'
# What had come was not asked for again, but for what was on its way.
[ "$(served GetUpdateData updates)" -le $((listed + 800 * INTERRUPTIONS)) ] || fail 'the same was transferred again and again'

control month=2
for hub in steady shaken; do
    : > upstream.log
    began=$(now)
    run $hub || { cat err >&2; exit 1; }
    figures "month 2 ($hub)" "$(now) - $began"
    same "$(served GetUpdateData updates)" "$(served GetRevisionIdList ids)" 'transferred is what changed'
    [ "$(served GetUpdateData updates)" -gt 0 ] && [ "$(served GetUpdateData updates)" -le $((UPDATES / 10)) ] || fail 'that is not the change'
done
same "$(json .state_digest)" "$("$SUEXPORT" --home steady status --json | jq -r .state_digest)" 'the digest of month 2'
echo 'the same digest each time'
