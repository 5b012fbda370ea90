# kill.sh - kill -9 in the middle of what changes a home: before or after, never in between.
# KILL_POINTS=N takes N moments of each command. One sweep has its home on the disk, the others in memory.

killed() { # POINTS HOME OUT PROGRAM ARGUMENT...
    points=$1 home=$2 out=$3
    shift 3
    python3 "$CHECK/check_kill.py" "$home" "$out" "${KILL_POINTS:-$points}" "$@"
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
    killed 60 site - "$SUIMPORT" import stick
}

# More files than become durable at once.
test_kill_import_of_many_files() {
    in_memory
    many_files_hub 1100
    cp -R hub bare
    hub content add pkg/WsusContent > /dev/null
    hub site add ALPHA > /dev/null
    small_site
    hub export --site ALPHA --out stick > /dev/null
    killed 14 site - "$SUIMPORT" import stick
    killed 8 bare - "$SUEXPORT" content add pkg/WsusContent
}

test_kill_import_of_delta() {
    in_memory
    months_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    hub sync --from m2/export.cab > /dev/null
    hub export --site ALPHA --out stick2 > /dev/null
    killed 60 site - "$SUIMPORT" import stick2
    site import stick2 > /dev/null
    export KILL_ONCE=1
    killed 24 site - "$SUIMPORT" undo
}

test_kill_sync() {
    in_memory
    months_hub
    killed 60 hub - "$SUEXPORT" sync --from m2/export.cab
}

test_kill_export() {
    in_memory
    small_hub
    killed 60 hub stick "$SUEXPORT" export --site ALPHA --out @ --volume-size 1M
}

test_kill_content_add() {
    in_memory
    hub init > /dev/null
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    killed 24 hub - "$SUEXPORT" content add "$SMALL/m1/WsusContent"
}

# started COMMAND...: runs it, stops it at work, and leaves its process id in $pid.
started() { # HOME COMMAND...
    home=$1
    shift
    "$@" > run.out 2> run.err &
    pid=$!
    until grep -q "process $pid," "$home/lock"; do kill -0 $pid 2> /dev/null || fail 'it was gone before it was seen'; done
    sleep 0.05
    kill -STOP $pid
}

# A polite signal ends the run at the next good place, with a status of its own.
test_kill_politely() {
    genuine_hub 2015
    small_site
    hub export --site ALPHA --out stick > /dev/null
    before=$(hub_digest)
    for signal in INT TERM HUP; do
        started hub "$SUEXPORT" --home hub --quiet sync --from "$EXPORT_2024"
        kill -$signal $pid
        kill -CONT $pid
        got=0
        wait $pid || got=$?
        same "$got" 8 "status after SIG$signal"
        grep -q '  do: ' run.err || fail "no remedy after SIG$signal"
        same "$(hub_digest)" "$before" "hub after SIG$signal"
        started site "$SUIMPORT" --home site --quiet import stick
        kill -$signal $pid
        kill -CONT $pid
        got=0
        wait $pid || got=$?
        same "$got" 8 "status after SIG$signal"
        same "$(site status --json | jq .updates)" 0 "site after SIG$signal"
    done
    expect 0 site import stick
    same "$(site_digest)" "$before" 'digest'
}

# Writing fails at any size of the database and of the files, as on a full disk.
test_kill_file_size_limit() {
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    site_dump > before
    limit=8 refusals=0
    while :; do # in blocks of 512 bytes
        cp -a site kept
        got=0
        (trap '' XFSZ; ulimit -f $limit; exec "$SUIMPORT" --home site --quiet import stick) > out 2> err || got=$?
        [ $got != 0 ] || break
        case $got in 1 | 6) ;; *) fail "exit $got with $limit blocks: $(cat err)" ;; esac
        refusals=$((refusals + 1))
        site_dump | cmp -s - before || fail "the site changed with $limit blocks"
        same "$(sqlite3 site/update-point.db 'PRAGMA integrity_check')" ok "database with $limit blocks"
        expect 0 site import stick
        same "$(site_digest)" "$(hub_digest)" "digest after $limit blocks"
        rm -rf site
        mv kept site
        limit=$((limit * 3 / 2))
    done
    [ $refusals -gt 5 ] || fail "only $refusals refusals"
    same "$(site_digest)" "$(hub_digest)" 'digest'
}
