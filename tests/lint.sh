#!/bin/sh
# lint.sh - the house rules that a script can check; each finding is one line, any finding fails.
#   tests/lint.sh BUILD
TOP=$(cd "$(dirname "$0")/.." && pwd)
cd "$TOP" || exit 1
BUILD=${1:-build}
found=0
finding() { echo "lint: $*"; found=$((found + 1)); }

# Arrows point down. A file includes its own layer or lower ones.
layers='common/base common/sys common/lib common/point common/catalogue common/source common/source/package common/source/upstream common/source/scan common/source/vendor common/source/payload common/bundle common/trust common/hub common/site common/receipt tools/cli tools/suexport tools/suimport'
rank() { # FILE: the number of its layer, the innermost folder that is one
    number=0
    mine=0
    for layer in $layers; do
        number=$((number + 1))
        case $1 in "$layer"/*) mine=$number ;; esac
    done
    echo $mine
}
for folder in common/*/ common/source/*/ tools/*/; do
    [ "$folder" = common/schema/ ] || [ "$(rank "$folder")" != 0 ] || finding "$folder is no layer"
done
for file in common/*/*.[ch] common/*/*/*.[ch] tools/*/*.[ch]; do
    mine=$(rank "$file")
    for included in $(sed -n 's/^#include "\(\(common\|tools\)\/[^"]*\)".*/\1/p' "$file"); do
        theirs=$(rank "$included")
        [ "$theirs" -le "$mine" ] || finding "$file includes $included, a layer above it"
        [ -e "$included" ] || finding "$file includes $included, which is not there"
    done
done
for file in tools/suexport/*.c; do grep -q 'tools/suimport/' "$file" && finding "$file reaches into suimport"; done
for file in tools/suimport/*.c; do grep -q 'tools/suexport/' "$file" && finding "$file reaches into suexport"; done
for file in common/site/*.[ch]; do grep -q 'common/hub/' "$file" && finding "$file, of the site, reaches into the hub"; done

# A third-party header appears in its adapter only.
only() { # HEADER-PATTERN FILE-PATTERN
    grep -lE "^#include <$1" common/*/*.[ch] common/*/*/*.[ch] tools/*/*.[ch] | grep -vE "^($2)\$" | while read -r f; do echo "$f includes <$1>, which belongs to $2"; done
}
for line in "$(only 'archive' 'common/lib/archive\.c')" "$(only 'libxml' 'common/lib/xml\.c')" "$(only 'sqlite3' 'common/lib/(db|feed)\.c')" \
            "$(only 'openssl' 'common/lib/(digest|mac|sign|cms|authenticode)\.c')" "$(only 'z(std|dict)' 'common/lib/pack\.c')" \
            "$(only 'isa-l' 'common/lib/shards\.c')" "$(only 'curl' 'common/lib/http(_url)?\.c')" "$(only '(seccomp|linux/landlock)' 'common/lib/confine_self\.c')"; do
    [ -z "$line" ] || finding "$line"
done

# Banned: unbounded, locale-bound, or without an error. printf belongs to the command line only.
grep -nE '\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atof|strtol|strtoul|sscanf|system|popen|tmpnam|mktemp|gmtime|localtime|access|alloca)\(' \
    common/*/*.[ch] common/*/*/*.[ch] tools/*/*.[ch] | while read -r line; do echo "$line"; done > "$BUILD/lint.tmp"
grep -nE '\bprintf\(|\bputs\(|\bfprintf\(stderr' common/*/*.c common/*/*/*.c >> "$BUILD/lint.tmp"
while read -r line; do finding "banned: $line"; done < "$BUILD/lint.tmp"
rm -f "$BUILD/lint.tmp"

# SQL is never pasted together from text at run time.
grep -nE 'snprintf\([^;]*"(SELECT|INSERT|UPDATE|DELETE) ' common/*/*.c common/*/*/*.c tools/*/*.c && finding "SQL made by printf"

# Every header opens with its role, every module stays in bounds.
for file in common/*/*.h common/*/*/*.h tools/*/*.h; do head -n 2 "$file" | grep -q "$(basename "$file") - " || finding "$file does not open with its role"; done
for file in common/*/*.c common/*/*/*.c tools/*/*.c tests/bench/*.c; do
    lines=$(wc -l < "$file")
    [ "$lines" -le 650 ] || finding "$file has $lines lines"
done
awk 'FNR==1{start=0} /^[a-z].*[^;]$/ && !/^(struct|enum|static const|typedef)/ {name=$0} /^\{/ {start=FNR} /^\}/ {if (start && FNR-start>75) print FILENAME": "name" has "FNR-start" lines"; start=0}' common/*/*.c common/*/*/*.c tools/*/*.c tests/bench/*.c > "$BUILD/lint.tmp"
while read -r line; do finding "$line"; done < "$BUILD/lint.tmp"
rm -f "$BUILD/lint.tmp"

# Each header compiles alone.
FLAGS="-std=gnu11 -fsyntax-only -Wall -Wextra -I. -I$BUILD -D_GNU_SOURCE $(pkg-config --cflags libxml-2.0)"
for file in common/*/*.h common/*/*/*.h tools/*/*.h; do
    # shellcheck disable=SC2086
    ${CC:-gcc} $FLAGS -x c "$file" 2> "$BUILD/lint.tmp" || finding "$file does not compile alone: $(head -n 3 "$BUILD/lint.tmp" | tr '\n' ' ')"
done
rm -f "$BUILD/lint.tmp"

# Analysers, where they are installed.
# (cppcheck 2.10 cannot read __VA_OPT__, so it is not asked.)
if command -v shellcheck > /dev/null; then
    shellcheck -s sh -e SC1090,SC1091,SC2154,SC2034,SC3043,SC2013,SC2015 samples/*.sh tests/lint.sh tests/run || finding "shellcheck"
fi
if command -v clang > /dev/null; then
    for file in common/*/*.c common/*/*/*.c tools/*/*.c; do
        # shellcheck disable=SC2086
        clang --analyze -Xanalyzer -analyzer-output=text -Xanalyzer -analyzer-disable-checker=deadcode.DeadStores $FLAGS -Wno-unused-command-line-argument \
            -DSU_VERSION='"lint"' -o /dev/null "$file" > "$BUILD/lint.tmp" 2>&1
        [ ! -s "$BUILD/lint.tmp" ] || finding "clang analyzer: $(head -n 3 "$BUILD/lint.tmp" | tr '\n' ' ')"
    done
    rm -f "$BUILD/lint.tmp"
fi
echo "lint: $found findings"
[ $found = 0 ]
