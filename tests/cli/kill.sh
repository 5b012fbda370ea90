# kill.sh - kill -9 in the middle of what changes a home: before or after, never in between.
# KILL_POINTS=N takes N moments of each command.

killed() { # HOME OUT PROGRAM ARGUMENT...
    home=$1 out=$2
    shift 2
    python3 "$CHECK/check_kill.py" "$home" "$out" "${KILL_POINTS:-64}" "$@"
}

# Two months of a catalogue of 200 updates, large enough to be met at work.
make_months() {
    for month in 1 2; do
        "$SMALL/generate" --out "m$month" --updates 200 --content-bytes 0 --month $month > /dev/null
        (cd "m$month" && gcab -c -n -z export.cab package.xml metadata.txt && rm package.xml metadata.txt)
    done
}
months_hub() {
    cached months make_months
    hub init > /dev/null
    hub key generate --name hub-test > /dev/null
    hub sync --from m1/export.cab > /dev/null
    hub site add ALPHA --content none > /dev/null
}

test_kill_import_with_content() {
    small_hub
    small_site
    hub export --site ALPHA --out stick --volume-size 1M > /dev/null
    killed site - "$SUIMPORT" import stick
}

test_kill_import_of_delta() {
    months_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    hub sync --from m2/export.cab > /dev/null
    hub export --site ALPHA --out stick2 > /dev/null
    killed site - "$SUIMPORT" import stick2
    site import stick2 > /dev/null
    export KILL_ONCE=1
    killed site - "$SUIMPORT" undo
}

test_kill_sync() {
    months_hub
    killed hub - "$SUEXPORT" sync --from m2/export.cab
}

test_kill_export() {
    small_hub
    killed hub stick "$SUEXPORT" export --site ALPHA --out @ --volume-size 1M
}

test_kill_content_add() {
    hub init > /dev/null
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    killed hub - "$SUEXPORT" content add "$SMALL/m1/WsusContent"
}
