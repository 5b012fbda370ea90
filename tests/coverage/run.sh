#!/bin/sh
# run.sh - runs the tests in a build with gcov, each with counters of its own, adds them up and prints what was run.
#   tests/coverage/run.sh BUILD [FILE.sh[:test_name]|unit]...
# BUILD/ran holds the counters of each test: mutants.py asks there which tests run a line.
set -eu
TOP=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=$(cd "$1" && pwd)
shift
RAN=$BUILD/ran
SU_UNCONFINED=1 # a confined child could not write its counters
export BUILD RAN SU_UNCONFINED
rm -rf "$RAN"
mkdir "$RAN"
# Those that mutants ask for come first.
if [ $# = 0 ]; then
    first='trust.sh vectors.sh import.sh media.sh receipts.sh recovery.sh rebuild.sh urgent.sh hostile.sh recipe.sh content.sh watch.sh compatibility.sh audit.sh refusals.sh limits.sh slip.sh unit'
    last='flip.sh kill.sh simulate.sh'
    # shellcheck disable=SC2086 # a list
    set -- $first
    for file in "$TOP"/tests/cli/*.sh; do
        case " $first $last " in *" ${file##*/} "*) ;; *) set -- "$@" "${file##*/}" ;; esac
    done
    # shellcheck disable=SC2086 # a list
    set -- "$@" $last
fi
JOBS=${JOBS:-2} "$TOP/tests/run" "$@" || echo 'some tests failed, which measuring can cause; what they ran counts'
python3 "$TOP/tests/coverage/coverage.py" "$BUILD"
