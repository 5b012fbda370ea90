# clock.sh - how long ago the last bundle was; that nothing else asks what time it is; jumps of numbers.

at_time() { _when=$1; shift; faketime -f "$_when" "$@"; }
site_at() { _when=$1; shift; at_time "$_when" "$SUIMPORT" --home site --quiet "$@"; }
hub_at() { _when=$1; shift; at_time "$_when" "$SUEXPORT" --home hub --quiet "$@"; }
# The four wrong clocks; faketime's own form. The first is the epoch itself.
CLOCKS='1970-01-01_00:00:10 2038-01-20_00:00:00 +3650d -3650d'
clock() { echo "@$1" | sed 's/^@\([+-]\)/\1/; s/_/ /'; }
# What an answer decides: all but times and durations.
decided() { cat out err | sed -E '/"seconds"/d; s/[0-9]+\.[0-9]* s//; s/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z/TIME/g'; }

test_clock_decides_nothing() {
    small_hub
    small_site
    hub site set ALPHA --child NORTH > /dev/null
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    cp -a hub hub.0
    hub export --site ALPHA --out stick > /dev/null
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    cp -a hub hub.1
    hub export --site ALPHA --out stick2 > /dev/null
    cp -a site site.0
    for now in none $CLOCKS; do
        rm -rf site hub made
        cp -a site.0 site
        cp -a hub.1 hub
        at() { if [ "$now" = none ]; then "$@"; else faketime -f "$(clock "$now")" "$@"; fi; }
        log=log.$now
        for step in 'verify stick2' 'verify stick' 'plan stick' 'import stick' 'import stick' 'verify stick2' 'import stick2' 'undo' 'import stick2' 'import stick' 'receipt --json'; do
            status=0
            # shellcheck disable=SC2086 # several words
            at "$SUIMPORT" --home site --quiet --json $step > out 2> err || status=$?
            { echo "$step: $status"; decided; } >> "$log"
        done
        at "$SUEXPORT" --home hub --quiet export --site ALPHA --out made > /dev/null
        (cd made && find . -type f | sort | xargs sha256sum) > "made.$now"
        # The ledger's hash holds the time, and the receipt the ledger's hash.
        grep -v '"receipt"' "$log" > log && mv log "$log"
        diff log.none "$log" || fail "at $now"
        diff made.none "made.$now" || fail "export at $now"
    done
    grep -q '^undo: 0' log.none && grep -q '^import stick: 10' log.none || fail 'the steps were not tried'
}

test_status_tells_age() {
    small_hub
    hub site set ALPHA --promise-days 35 > /dev/null
    small_site
    expect 0 site status --json
    same "$(json '"\(.age_days) \(.overdue_days) \(.highest_sequence)"')" 'null 0 0' 'before any import'
    hub_at '@2026-01-01 12:00:00' export --site ALPHA --out stick > /dev/null
    site_at '@2026-01-01 12:00:00' import stick > /dev/null
    site_at '@2026-02-05 12:00:00' status --json > out
    same "$(json '"\(.age_days) \(.overdue_days) \(.promise_days) \(.ReplicationLinkStatus)"')" '35 0 35 0' 'on the last day'
    site_at '@2026-02-11 13:00:00' status --json > out
    same "$(json '"\(.age_days) \(.overdue_days) \(.ReplicationLinkStatus)"')" '41 6 1' 'six days late'
    site_at '@2026-02-11 13:00:00' status > out
    says 'the hub promised a bundle every 35 days; the last was imported 41 days ago: overdue by 6 days' out
    site_at '@2025-12-31 13:00:00' status --json > out
    same "$(json '"\(.age_days) \(.overdue_days) \(.ReplicationLinkStatus)"')" 'null 0 0' 'the clock is behind'
    site_at '@2025-12-31 13:00:00' status > out
    says 'the clock of this machine is before the last import; age unknown' out
    # The hub, of its own part.
    site receipt > r
    hub receipt add r > /dev/null
    hub_at '@2026-02-11 13:00:00' status --json > out
    same "$(json '.sites[] | "\(.code) \(.last_sent) \(.acknowledged) \(.pending) \(.link) \(.age_days) \(.promise_days) \(.overdue_days) \(.content_owed)"')" \
        'ALPHA 1 1 0 degraded 41 35 6 0' 'overdue at the hub'
    hub_at '@2026-01-20 13:00:00' status --json > out
    same "$(json '.sites[] | "\(.link) \(.age_days)"')" 'healthy 19' 'in time'
    hub_at '@2026-02-11 13:00:00' status > out
    says 'ALPHA was promised a bundle every 35 days; the last was made 41 days ago: overdue by 6 days' out
    hub_at '@2025-12-31 13:00:00' status > out
    says 'clock?' out
}

# A number far above the last one is asked about; the limit that counts is the one signed before.
test_jump_limit() {
    small_hub
    small_site
    same "$(hub site show ALPHA --json | jq .jump_limit)" "$(limit SU_DEFAULT_JUMP_LIMIT)" 'unless told otherwise'
    hub site set ALPHA --jump-limit 3 > /dev/null
    same "$(hub site show ALPHA --json | jq .jump_limit)" 3 'the limit'
    hub export --site ALPHA --out stick > /dev/null
    same "$(grep -c '^jump-limit 3$' stick/*/MANIFEST.TXT)" 1 'signed'
    hub site set ALPHA --jump-limit 0 > /dev/null
    for k in 2 3 4 5; do hub export --site ALPHA --out "stick$k" --full > /dev/null; done
    site import stick > /dev/null
    refused 10 site import stick5
    says '7340'
    says 'has sequence 5, the highest imported here is 1, and SU-ALPHA-000001 allows a jump of at most 3'
    says 'import again with --accept-jump'
    refused 10 site plan stick5
    expect 10 site verify stick5 --json
    same "$(json .verdict)" gap 'verdict'
    refused 10 site import stick5 --accept-profile
    expect 0 site plan stick5 --accept-jump
    expect 0 site plan stick4
    cp -a site site.1
    expect 0 site import stick5 --accept-jump
    same "$(site status --json | jq .highest_sequence)" 5 'pinned'
    rm -rf site && mv site.1 site
    expect 0 site import stick4
    expect 0 site import stick5
    # A new site takes any number.
    rm -rf site
    site init --site ALPHA > /dev/null
    site trust add hub.pub > /dev/null
    expect 0 site import stick5
}

# A number that was used for another manifest is refused, also after an undo.
test_number_used_twice() {
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    cp -a hub old
    hub export --site ALPHA --full --out stick2 > /dev/null
    site import stick > /dev/null
    site import stick2 > /dev/null
    rm -rf hub && mv old hub # restored from a copy: it makes another 2
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub export --site ALPHA --out other2 --allow-incomplete > /dev/null
    site undo > /dev/null
    refused 10 site import other2
    says '7341'
    for stick in stick2 other2; do says "$(sha256sum $stick/*/MANIFEST.TXT | cut -c1-64)"; done
    expect 10 site verify other2 --json
    same "$(json .verdict)" replay 'verdict'
    same "$(site status --json | jq -r '"\(.last_sequence) \(.highest_sequence)"')" '1 2' 'where it stands'
    expect 0 site import stick2
}
