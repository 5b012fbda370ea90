#!/bin/sh
# run.sh BUILD - all hostile inputs, not the share that make check takes; one line for each kind and their sum.
TOP=$(cd "$(dirname "$0")/../.." && pwd)
counts=$(mktemp) || exit 1
trap 'rm -f "$counts"' EXIT
status=0
cd "$TOP/tests/cli" && HOSTILE_SHARE=1 HOSTILE_COUNT=$counts BUILD=$1 "$TOP/tests/run" hostile_*.sh > "$counts.log" 2>&1 || status=1
grep -v '^ok ' "$counts.log"
rm -f "$counts.log"
sort -t "$(printf '\t')" -k 5 "$counts" | awk -F '\t' '{ printf "%6d %s, at most %s s and %d MiB\n", $1, $5, $3, $4; n += $1; bad += $2; if ($4 > m) m = $4; if ($3 > s) s = $3 }
    END { printf "%6d hostile inputs, %d wrong; at most %.2f s of the processor and %d MiB\n", n, bad, s, m; exit bad > 0 }' || status=1
exit $status
