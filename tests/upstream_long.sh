#!/bin/sh
# upstream_long.sh - a first synchronization from an update server, interrupted again and again, ends as one that was not.
#
#   tests/upstream_long.sh [UPDATES [INTERRUPTIONS [SEED]]]      default 100000 10
#
# A server (tests/upstream.py) holds UPDATES updates. One hub is synchronized undisturbed; another is killed and
# interrupted by turns at moments drawn at chance, the last two times while the catalogue is written, and then ends
# with the same state digest. Each synchronization then brings month 2 and nothing else. Prints seconds, bytes, calls.
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
is_less() { awk "BEGIN { exit !($1 < $2) }"; }
# A delay between two parts of the whole time: draw FROM TO
draw() {
    SEED=$(((SEED * 1103515245 + 12345) % 2147483648))
    calc "$whole * ($1 + ($2 - ($1)) * $SEED / 2147483648)"
}
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
listed=$(served GetRevisionIdList ids)
figures 'undisturbed' "$whole"

prepared shaken
: > upstream.log
began=$(now)
met=0 given=
for turn in $(seq "$INTERRUPTIONS"); do
    last=$((INTERRUPTIONS - turn))
    "$SUEXPORT" --home shaken --quiet sync --from "$UP" --json > out 2> err &
    child=$!
    if [ $last -lt 2 ] && [ "$INTERRUPTIONS" -gt 2 ]; then # once nothing is asked any more
        calls=-1
        while [ "$calls" != "$(wc -l < upstream.log)" ] && kill -0 $child 2> /dev/null; do
            calls=$(wc -l < upstream.log)
            sleep "$(calc "0.1 + $whole / 100")"
        done
        sleep "$(draw 0 0.1)"
    else
        sleep "$(draw 0.1/"$INTERRUPTIONS" 1.1/"$INTERRUPTIONS")"
    fi
    if [ $((turn % 2)) = 0 ]; then name=INT; else name=KILL; fi
    kill -$name $child 2> /dev/null || true
    status=0
    wait $child || status=$?
    given="$given $name:$status"
    case $status in
    0) ;; # it was done before
    8 | 137) met=$((met + 1)) ;;
    *) echo "interrupted by $name: exit $status" >&2; cat err >&2; exit 1 ;;
    esac
    same "$(sqlite3 shaken/update-point.db 'PRAGMA integrity_check')" ok 'the database'
done
run shaken || { cat err >&2; fail 'the run after the interruptions'; }
figures "interrupted ($given )" "$(now) - $began"
same "$(json .state_digest)" "$want" 'the digest after the interruptions'
[ "$met" -ge $(((INTERRUPTIONS + 1) / 2)) ] || fail "only $met interruptions met it at work"
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
