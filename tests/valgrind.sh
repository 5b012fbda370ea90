#!/bin/sh
# valgrind.sh - the demo with every command under valgrind; any error or leak fails.
set -eu
BUILD=$(cd "${1:?usage: valgrind.sh BUILD}" && pwd)
WORK=$(mktemp -d "${TMPDIR:-/tmp}/su-valgrind.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
export SU_UNCONFINED=1 # valgrind makes system calls of its own
for program in suexport suimport; do
    printf '#!/bin/sh\nexec valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect,possible %s/%s "$@"\n' \
        "$BUILD" "$program" > "$WORK/$program"
    chmod +x "$WORK/$program"
done
ln -s "$BUILD/samples" "$WORK/samples"
"$(dirname "$0")/../samples/demo.sh" "$WORK"
