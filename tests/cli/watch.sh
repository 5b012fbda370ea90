# watch.sh - work that a file starts: request files at the hub, bundles dropped into a folder at the site.

runs() { sqlite3 -readonly hub/update-point.db 'SELECT count(*) FROM sync_history'; }

test_request_files() {
    hub init > /dev/null
    # Without a schedule; in any case of the letters; removed when it is done.
    echo '--from nowhere' > hub/inbox/self.Syn
    chmod 0 hub/inbox/self.Syn
    expect 0 "$SUEXPORT" --home hub sync --if-due --from "$SMALL/m1/export.cab" --dry-run
    same "$(runs) $(ls hub/inbox)" '0 self.Syn' 'a trial is no run'
    expect 0 "$SUEXPORT" --home hub sync --if-due --from "$SMALL/m1/export.cab"
    says '7160 sync requested by SELF.SYN'
    same "$(runs) $(ls hub/inbox)" '1 ' 'done and removed'
    grep -q 'Performing sync on local request' hub/log/suexport.log || fail 'the log says who asked'
    expect 2 hub sync --if-due
    says 7161
    # FULL.SYN, before the schedule's time.
    hub schedule set every 1 year > /dev/null 2>&1 || hub schedule set daily > /dev/null
    hub sync > /dev/null
    touch hub/inbox/FULL.SYN hub/inbox/Self.SYN
    expect 0 hub --json sync --if-due
    same "$(json '"\(.due) \(.requested_by)"') $(ls hub/inbox)" 'true FULL.SYN ' 'both are one run'
    # A failed run has served it too, and the schedule tries again.
    touch hub/inbox/FULL.SYN
    expect 1 hub sync --if-due --from nowhere.cab
    says 'Will retry in 60 minutes'
    same "$(ls hub/inbox)" '' 'tried once'
}

test_request_files_that_are_none() {
    hub init > /dev/null
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    hub schedule set daily > /dev/null
    ln -s /etc/hostname hub/inbox/FULL.SYN
    mkdir hub/inbox/SELF.SYN
    touch hub/inbox/SELF.SYN.txt hub/inbox/XSELF.SYN hub/inbox/SELF.SY hub/inbox/DOWNSTREAM.SYN
    mkfifo hub/inbox/full.syn
    ls hub/inbox > before
    expect 0 hub --json sync --if-due
    same "$(json '"\(.due) \(.requested_by)"')" 'false null' 'nothing asks'
    ls hub/inbox | diff before -
    # As many names as it may hold, and one more.
    seq -f 'hub/inbox/n%.0f' 1 $(($(limit SU_MAX_INBOX_NAMES) - $(wc -l < before))) | xargs touch
    expect 0 hub sync --if-due
    touch hub/inbox/one-more
    expect 3 hub sync --if-due
    says 'more than 1000 names'
}

# Two bundles, ./one and ./two, for site ALPHA.
two_bundles() {
    small_hub
    small_site
    hub export --site ALPHA --out one > /dev/null
    state1=$(hub_digest)
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    hub export --site ALPHA --out two > /dev/null
    state2=$(hub_digest)
}
refusals() { site audit refused --json | jq '.entries | length'; }
later() { faketime -f +1h "$SUIMPORT" --home site "$@"; } # when all has been quiet for long

test_watch_once() {
    two_bundles
    expect 2 site watch --once
    expect 2 site watch --once --inbox drop --interval 0
    expect 2 site watch --once --inbox drop --interval $(($(limit SU_MAX_WATCH_SECONDS) + 1))
    expect 1 site watch --once --inbox drop --interval "$(limit SU_MAX_WATCH_SECONDS)"
    mkdir drop
    expect 0 site watch --once --inbox drop
    says 'nothing to do' out
    hub site add BRAVO --content none > /dev/null
    hub export --site BRAVO --out drop > /dev/null
    expect 0 "$SUIMPORT" --home site watch --once --inbox drop
    says 'left: drop/SU-BRAVO-000001 is for site BRAVO'
    cp -R one/* two/* drop
    cp -R one/SU-ALPHA-000001 drop/x.partial
    find drop -exec ls -ld --time-style=full-iso {} + > before
    expect 0 site watch --once --inbox drop --json
    same "$(json '"\(.imported) \(.refused) \(.state_digest)"')" "2 0 $state2" 'both, in order'
    find drop -exec ls -ld --time-style=full-iso {} + | diff before -
    expect 0 site watch --once --inbox drop
    same "$(refusals)" 0 'nothing was refused'
}

# What is refused as damaged while it changes is left without a word in the books; later it is refused.
test_watch_half_copied() {
    two_bundles
    cp -R one drop
    rm "$(find drop -name 'SU*.001')"
    expect 0 "$SUIMPORT" --home site watch --once --inbox drop
    says 'may still be being copied'
    same "$(refusals)" 0 'no refusal'
    expect 3 later watch --once --inbox drop
    same "$(refusals)" 1 'refused when it is quiet'
    cp -R one/* drop
    expect 0 site watch --once --inbox drop
    same "$(site_digest)" "$state1" 'and whole'
    # Half a manifest, and one without its signature.
    for part in MANIFEST.TXT '*.SIG'; do
        rm -rf drop
        cp -R two drop
        file=$(find drop -name "$part" | head -n 1)
        [ -n "$file" ] || fail "no $part"
        case $part in MANIFEST.TXT) truncate -s 200 "$file" ;; *) rm "$file" ;; esac
        expect 0 site watch --once --inbox drop
        same "$(refusals)" 1 "$part"
    done
}

wait_for() { # TEXT FILE
    for _ in $(seq 200); do
        ! grep -qF -- "$1" "$2" || return 0
        sleep 0.1
    done
    cat "$2" >&2
    fail "no '$1' in $2"
}

test_watch_goes_on() {
    two_bundles
    "$SUIMPORT" --home site watch --inbox drop --interval 1 > log 2>&1 &
    watcher=$!
    wait_for 'directory drop' log
    mkdir drop
    cp -R one/SU-ALPHA-000001 drop/x.partial
    mv drop/x.partial drop/SU-ALPHA-000001
    wait_for 'SU-ALPHA-000001 done' log
    # Between two looks the home is free.
    expect 0 site undo
    expect 0 site trust policy --exporter 1
    expect 0 site import one
    # A bundle that a key nobody trusts has signed is tried once.
    cp -R two/SU-ALPHA-000002 x
    hub key generate --name other > /dev/null
    sed -i 's/^created .*/created 2020-01-01T00:00:00Z/' x/MANIFEST.TXT
    touch -d 2020-01-01 x/*
    cp -R x drop/SU-ALPHA-000002.partial
    sleep 2.2
    mv drop/SU-ALPHA-000002.partial drop/SU-ALPHA-000002
    wait_for 'suimport: 7301' log
    sleep 2.5
    same "$(grep -c 'suimport: 7301' log) $(refusals) $(grep -c 'suimport: 7001' log)" '1 1 1' 'refused, and told, once'
    cp two/SU-ALPHA-000002/MANIFEST.TXT drop/SU-ALPHA-000002/MANIFEST.TXT
    wait_for 'SU-ALPHA-000002 done' log
    kill -TERM $watcher
    status=0
    wait $watcher || status=$?
    same $status 0 'a stop is no failure'
    says 'stopped' log
    same "$(site_digest)" "$state2" 'all imported'
    grep -q 'SU-ALPHA-000002 done' site/log/suimport.log || fail 'the log has it'
    # Another owner of the lock is waited for.
    exec 7> site/lock
    flock 7
    touch two/SU-ALPHA-000002
    "$SUIMPORT" --home site --json watch --inbox two --interval 1 > answers 2> log2 7>&- &
    watcher=$!
    wait_for 'another run' log2
    flock -u 7
    wait_for 'already imported' log2
    kill -TERM $watcher
    wait $watcher || fail "status $?"
    same "$(jq -s -c '[.[-1].imported, .[-1].refused]' answers)" '[1,0]' 'after the lock was free'
}
