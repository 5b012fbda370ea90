#!/bin/sh
# Makes an invented export with the cabinet that `wsusutil export` would have written:
#
#   make-package.sh GENERATOR OUTDIR [generator options...]
#
# leaves OUTDIR/export.cab (package.xml, then metadata.txt) and OUTDIR/WsusContent/. CAB=none in
# the environment stores the two members without compression; KEEP=1 keeps them beside the cabinet.
set -eu

if [ $# -lt 2 ]; then
    echo 'usage: make-package.sh GENERATOR OUTDIR [generator options...]' >&2
    exit 2
fi
generator=$1
outdir=$2
shift 2
"$generator" --out "$outdir" "$@"

cd -- "$outdir"
# A cabinet records local times and attributes of its members; fixed ones make it repeat.
TZ=UTC
export TZ
touch -d '2026-10-14T02:00:00Z' package.xml metadata.txt
chmod 644 package.xml metadata.txt
if [ "${CAB:-mszip}" = none ]; then
    gcab -c -n export.cab package.xml metadata.txt
else
    gcab -c -n -z export.cab package.xml metadata.txt
fi
if [ "${KEEP:-0}" != 1 ]; then
    rm package.xml metadata.txt
fi
