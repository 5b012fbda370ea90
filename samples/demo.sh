#!/bin/sh
# demo.sh - the main job on the shipped samples: hub, bundle, verify, import, receipt, the next
# month's difference, undo, and a tampered copy that is refused. Run by 'make demo'.
set -eu
BUILD=${1:?usage: demo.sh BUILD}
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
WORK=$(mktemp -d "${TMPDIR:-/tmp}/su-demo.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"
PATH=$BUILD:$PATH
SAMPLES=$BUILD/samples

step() { printf '\n== %s\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }

step 'The connected side: a hub, its signing key, the first synchronization, the content'
run suexport --home hub init --name HUB-DMZ
run suexport --home hub key generate --name hub-2026
run suexport --home hub sync --from "$SAMPLES/m1/export.cab"
run suexport --home hub content add "$SAMPLES/m1/WsusContent"

step 'A disconnected site, known to the hub; the site pins the hub by its fingerprint'
run suexport --home hub site add ALPHA --content all
run suimport --home site init --site ALPHA
run suexport --home hub key export --name hub-2026 --out hub-2026.pub
FINGERPRINT=$(sed -n 's/^fingerprint //p' hub-2026.pub)
run suimport --home site trust add hub-2026.pub --fingerprint "$FINGERPRINT"
run suexport --home hub site set ALPHA --key site/keys/site.pub

step 'The first bundle, onto a stick in volumes of 1 MiB'
run suexport --home hub plan --site ALPHA
run suexport --home hub export --site ALPHA --out stick --volume-size 1M

step 'On the island: verify, plan, import, receipt'
run suimport --home site verify stick
run suimport --home site plan stick
run suimport --home site import stick
run suimport --home site receipt --out stick/ALPHA.rcpt
run suexport --home hub receipt add stick/ALPHA.rcpt

step 'Next month only the difference travels'
run suexport --home hub sync --from "$SAMPLES/m2/export.cab"
run suexport --home hub content add "$SAMPLES/m2/WsusContent"
run suexport --home hub export --site ALPHA --out stick2
run suimport --home site import stick2
run suimport --home site search security

step 'Both sides print the same state digest'
HUB_STATE=$(suexport --home hub status --json | sed 's/.*"state_digest":"\([0-9a-f]*\)".*/\1/')
SITE_STATE=$(suimport --home site status --json | sed 's/.*"state_digest":"\([0-9a-f]*\)".*/\1/')
echo "hub  $HUB_STATE"
echo "site $SITE_STATE"
[ "$HUB_STATE" = "$SITE_STATE" ] || { echo "demo failed: the digests differ" >&2; exit 1; }
run suimport --home site status
run suexport --home hub status

step 'Back one month and forward again'
run suimport --home site undo
run suimport --home site import stick2

step 'A tampered copy of the first stick is refused, and the site is as it was'
run suimport --home other init --site ALPHA
run suimport --home other trust add hub-2026.pub
cp -R stick tampered
printf 'X' | dd of=tampered/SU-ALPHA-000001/SU000001.002 bs=1 seek=70000 conv=notrunc 2>/dev/null
STATUS=0
run suimport --home other import tampered || STATUS=$?
echo "exit status $STATUS"
[ "$STATUS" = 3 ] || { echo "demo failed: a tampered bundle must be refused with status 3" >&2; exit 1; }

step 'Done: everything above was as it should be'
