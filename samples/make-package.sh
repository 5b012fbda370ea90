#!/bin/sh
# Makes an invented export with the cabinet that `wsusutil export` would have written:
#
#   make-package.sh GENERATOR OUTDIR [generator options...]
#
# leaves OUTDIR/export.cab (package.xml, then metadata.txt) and OUTDIR/WsusContent/. CAB=none in
# the environment stores the two members without compression; KEEP=1 keeps them beside the cabinet.
# CAB=gz leaves OUTDIR/export.xml.gz instead, the documents inside package.xml: no cabinet holds
# 2 GiB, which is 200,000 updates.
set -eu

if [ $# -lt 2 ]; then
    echo 'usage: make-package.sh GENERATOR OUTDIR [generator options...]' >&2
    exit 2
fi
generator=$1
outdir=$2
shift 2
if [ "${CAB:-}" = gz ]; then set -- --inside "$@"; fi
"$generator" --out "$outdir" "$@"

cd -- "$outdir"
# A cabinet records local times and attributes of its members; fixed ones make it repeat.
TZ=UTC
export TZ
touch -d '2026-10-14T02:00:00Z' package.xml metadata.txt
chmod 644 package.xml metadata.txt
case ${CAB:-mszip} in
    none) gcab -c -n export.cab package.xml metadata.txt ;;
    gz) gzip -1 -n -c package.xml > export.xml.gz ;;
    *) gcab -c -n -z export.cab package.xml metadata.txt ;;
esac
if [ "${KEEP:-0}" != 1 ]; then
    rm package.xml metadata.txt
fi
