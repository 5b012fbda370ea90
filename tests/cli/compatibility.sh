# compatibility.sh - what earlier programs wrote: databases of every schema step, keys, receipts, state files, bundles.
# The fixtures and how they were made: tests/fixtures/README.md.

FIXTURES=$TOP/tests/fixtures
STEPS='1 2 3 4 10'
newest() { ls "$TOP"/common/schema/*.sql | wc -l; }

# fixture STEP: the home of hub and site as the programs of that step left them, and what they had under way.
fixture() { zstd -dc "$FIXTURES/step-$1.tar.zst" | tar -xf -; }
version() { sqlite3 -readonly "$1/update-point.db" 'PRAGMA user_version'; }

# What a database holds in the tables and columns that older.tables names, but for how often derived tables were made.
held() { # HOME
    while IFS='|' read -r table columns; do
        echo "== $table"
        sqlite3 -readonly "$1/update-point.db" "SELECT $columns FROM $table" | { grep -v "^'derived'|" || true; } | sort
    done < older.tables
}
# The tables of a home, with their columns; what SQLite keeps of the search index is told by the documents.
tables() { # HOME
    sqlite3 -readonly "$1/update-point.db" "SELECT m.name, group_concat('quote(' || p.name || ')') FROM sqlite_schema m JOIN pragma_table_info(m.name) p
        WHERE m.type = 'table' AND m.name NOT LIKE 'search%' AND m.name NOT LIKE 'scan_search%' AND m.name NOT LIKE 'sqlite_%' GROUP BY 1 ORDER BY 1"
}
# sound HOME STEP PROGRAM: nothing is broken inside, the chain holds, and the documents give the digest recorded.
sound() {
    same "$(sqlite3 -readonly "$1/update-point.db" 'PRAGMA integrity_check; PRAGMA foreign_key_check')" ok "integrity of $1 of step $2"
    [ "$(version "$1")" = 1 ] || python3 "$CHECK/check_ledger.py" "$1/update-point.db" > /dev/null
    cp "$1/update-point.db" alone.db # what an urgent bundle laid over it is no part of the state
    if sqlite3 -readonly alone.db .tables | grep -qw overlay; then
        sqlite3 alone.db 'DELETE FROM document WHERE rev_id IN (SELECT rev_id FROM overlay); DELETE FROM revision WHERE rev_id IN (SELECT rev_id FROM overlay)'
    fi
    same "$(python3 "$CHECK/check_state.py" alone.db)" "$(cat "$1.digest")" "the state of $1 of step $2"
}

# Fixtures are what was written then; who changes one has another test.
test_compatibility_fixtures_unchanged() {
    (cd "$FIXTURES" && sha256sum --strict --quiet -c SHA256SUMS) || fail 'a fixture has changed'
    (cd "$FIXTURES" && ls | grep -vxE 'README.md|SHA256SUMS|make.sh|said.sh') > have
    sed 's/^[0-9a-f]*  //' "$FIXTURES/SHA256SUMS" | sort | diff - have || fail 'a fixture is not listed'
    for step in $STEPS; do
        fixture "$step"
        same "$(cat hub.version) $(cat site.version) $(version hub) $(version site)" "$step $step $step $step" 'schema step'
        grep -qF "| \`step-$step.tar.zst\`" "$FIXTURES/README.md" || fail "README.md does not describe step $step"
        grep -qF "$(cat hub.digest)" "$FIXTURES/README.md" || fail "README.md does not give the digest of the hub of step $step"
        grep -qF "$(cat site.digest)" "$FIXTURES/README.md" || fail "README.md does not give the digest of the site of step $step"
        chmod -R u+w . && rm -rf hub* site* stick pending
    done
    [ "$(du -bc "$FIXTURES" | tail -n 1 | cut -f 1)" -lt 1000000 ] || fail 'the fixtures have grown'
}

# Who only looks is told what to do, and changes nothing; what changes upgrades, once, and keeps all there was.
upgraded() { # STEP
    mkdir "u$1"
    cd "u$1" || exit
    fixture "$1"
    for home in hub site; do
        sha256sum $home/update-point.db > sum
        tables $home > older.tables
        held $home > before
        [ "$(wc -l < before)" -gt 300 ] || fail 'few rows'
        rm -f $home/update-point.db-*
        if [ "$1" != "$(newest)" ]; then
            expect 2 $home status
            says "schema version $1, this one's is $(newest)"
            says 'Bring it up to date once'
            sha256sum --quiet -c sum || fail "looking changed $home of step $1"
        fi
        expect 0 $home rebuild --json
        same "$(version $home)" "$(newest)" 'schema step'
        held $home | diff before - || fail "$home of step $1 lost something"
        same "$($home status --json | jq -r .state_digest)" "$(cat $home.digest)" "what $home of step $1 says of its state"
        expect 0 $home audit verify
        case $1 in 2 | 3) ;; *) sound $home "$1" ;; esac # the time of two programs each, for what 1 and 4 show
    done
    cd ..
}
test_compatibility_upgrade() {
    for step in $STEPS; do upgraded "$step"; done
}

# The hub of an earlier program goes on: the next month, the site's old receipt, a bundle. So does the site: the old
# bundle that was still under way, the new one, back and forth, a receipt; and at the end both hold the same.
went_on() { # STEP
    mkdir "g$1"
    cd "g$1" || exit
    fixture "$1"
    expect 0 hub sync --from "$SMALL/m2/export.cab" --json
    same "$(json .state_digest)" "$MONTH_2" "the second month at a hub of step $1"
    expect 0 hub content add "$SMALL/m2/WsusContent"
    if [ "$1" = 1 ]; then # receipts and bundles had not found their form yet
        expect 4 hub receipt add second.receipt
        says 'not in the form of one'
        refused_as_draft
    else
        expect 0 hub receipt add second.receipt
        expect 0 site import pending --accept-profile
    fi
    [ ! -e second.code ] || expect 0 hub receipt add "$(cat second.code)"
    expect 0 hub export --site ALPHA --out new --json
    want=$(json .result_digest)
    same "$want" "$MONTH_2" "what a hub of step $1 sends"
    expect 0 site verify new
    expect 0 site import new --accept-profile
    same "$(site_digest)" "$want" "a site of step $1 after the import"
    expect 0 site undo
    expect 0 site import new --accept-profile
    same "$(site_digest)" "$want" "a site of step $1 after undo and import"
    site receipt --out new.receipt > /dev/null
    expect 0 hub receipt add new.receipt
    for home in hub site; do
        echo "$want" > $home.digest
        sound $home "$1"
        expect 0 $home audit verify
        expect 0 $home content verify
    done
    cd ..
}
refused_as_draft() {
    sha256sum site/update-point.db > sum
    site_dump > draft.before
    expect 3 site import pending --accept-profile
    says 'not canonical at line 9'
    says 'Nothing was written.'
    site_dump | diff draft.before - || fail 'the site changed'
}
test_compatibility_goes_on() {
    "$SUEXPORT" --home two --quiet init > /dev/null
    "$SUEXPORT" --home two --quiet sync --from "$SMALL/m1/export.cab" > /dev/null
    "$SUEXPORT" --home two --quiet sync --from "$SMALL/m2/export.cab" --json > two.json
    MONTH_2=$(jq -r .state_digest two.json)
    for step in $STEPS; do went_on "$step"; done
}

# Keys, enrolments and bundles that lie in safes: new homes take them.
test_compatibility_old_files() {
    for step in $STEPS; do
        mkdir "f$step"
        cd "f$step" || exit
        fixture "$step"
        # The private key of then signs for a hub of now, and a site of now that pins its public half believes it.
        "$SUEXPORT" --home now --quiet init --name HUB-OLD > /dev/null
        cp hub/keys/hub-old.* now/keys/
        "$SUEXPORT" --home now --quiet key list --json > keys
        same "$(jq -r '[.keys[].fingerprint] | join(" ")' keys)" "$(sed -n 's/^fingerprint //p' hub-old.pub)" "the fingerprint of a key of step $step"
        "$SUEXPORT" --home now --quiet sync --from "$SMALL/m1/export.cab" > /dev/null
        "$SUEXPORT" --home now --quiet site add ALPHA --content none --key "$(ls site/keys/site.enrol site/keys/site.pub 2> /dev/null | head -n 1)" > /dev/null
        "$SUEXPORT" --home now --quiet export --site ALPHA --out stick-now > /dev/null
        "$SUIMPORT" --home fresh --quiet init --site ALPHA > /dev/null
        expect 0 "$SUIMPORT" --home fresh --quiet trust add hub-old.pub --fingerprint "$(sed -n 's/^fingerprint //p' hub-old.pub)"
        expect 0 "$SUIMPORT" --home fresh --quiet import stick-now
        if [ "$step" != 1 ]; then
            # A lost site comes again out of its kept bundles.
            "$SUIMPORT" --home lost --quiet init --site ALPHA > /dev/null
            "$SUIMPORT" --home lost --quiet trust add hub-old.pub > /dev/null
            expect 0 "$SUIMPORT" --home lost --quiet rebuild --from stick --expect "$(cat site.digest)" --json
            # A lost hub gets its books from the state file.
            "$SUEXPORT" --home again --quiet init --name HUB-OLD > /dev/null
            cp hub/keys/hub-*.* again/keys/
            "$SUEXPORT" --home again --quiet sync --from "$SMALL/m1/export.cab" > /dev/null
            "$SUEXPORT" --home again --quiet content add "$SMALL/m1/WsusContent" > /dev/null
            "$SUEXPORT" --home again --quiet site add ALPHA --key site/keys/site.enrol > /dev/null
            expect 0 "$SUEXPORT" --home again --quiet receipt add ALPHA.state --rebuild --json
            "$SUEXPORT" --home again --quiet sync --from "$SMALL/m2/export.cab" > /dev/null
            "$SUEXPORT" --home again --quiet content add "$SMALL/m2/WsusContent" > /dev/null
            "$SUEXPORT" --home again --quiet export --site ALPHA --out after --key hub-old --json > made
            same "$(json .kind made)" delta "what a hub sends that was made again from a state file of step $step"
            expect 0 site import after --accept-profile
            same "$(site_digest)" "$(json .result_digest made)" 'the site after it'
        fi
        cd ..
    done
}

# An upgrade is one transaction: where the files may grow to so many KiB and no further, it fails at the next write
# and leaves what was before.
test_compatibility_upgrade_fails() {
    in_memory
    mkdir whole
    (cd whole && fixture 1 && sqlite3 -readonly hub/update-point.db .dump > ../whole.sql)
    before=0 after=0
    for room in 4 32 64 96 128 160 192 224 256 320 512; do
        rm -rf hub
        cp -a whole/hub whole/hub.digest .
        got=0
        prlimit --fsize=$((room * 1024)) "$SUEXPORT" --home hub --quiet site set ALPHA --promise-days 41 > out 2> err || got=$?
        same "$(sqlite3 -readonly hub/update-point.db 'PRAGMA integrity_check')" ok "the database after $room KiB"
        case "$(version hub) $got" in
        '1 1')
            before=$((before + 1))
            says 'disk I/O error'
            sqlite3 -readonly hub/update-point.db .dump | cmp -s - whole.sql || fail "something is left of the upgrade at $room KiB" ;;
        "$(newest) 0") after=$((after + 1)) ;;
        *) fail "exit $got at $room KiB, schema step $(version hub)" ;;
        esac
        expect 0 hub site set ALPHA --promise-days 42
        same "$(version hub)" "$(newest)" 'after another run'
    done
    sound hub 1
    [ $before -ge 6 ] && [ $after -ge 1 ] || fail "$before before, $after after: not the middle"
}

# Killed before each call that changes a file, and in the middle of each write: before or after, never a step between.
test_compatibility_upgrade_killed() {
    in_memory
    tracer=$BUILD/tests/crash/tracer
    [ -x "$tracer" ] || skip 'needs make tracer'
    mkdir whole
    (cd whole && fixture 4)
    upgrade() { "$tracer" "$@" --count count --below "$PWD/hub" -- "$SUEXPORT" --home hub --quiet site set ALPHA --promise-days 41 > out 2> err; }
    cp -a whole/hub whole/hub.digest .
    upgrade
    same "$(version hub)" "$(newest)" 'undisturbed'
    calls=$(cat count) before=0 after=0
    [ "$calls" -gt 20 ] || fail "only $calls calls"
    for at in $(seq 1 7 "$calls"); do
        for way in before half; do
            rm -rf hub
            cp -a whole/hub .
            got=0
            upgrade --kill "$at" $way || got=$?
            case "$(version hub)" in
            4) before=$((before + 1)) ;;
            "$(newest)") after=$((after + 1)) ;;
            *) fail "killed at call $at of $calls: schema step $(version hub)" ;;
            esac
            same "$(sqlite3 -readonly hub/update-point.db 'PRAGMA integrity_check')" ok "the database, killed at call $at"
        done
    done
    expect 0 hub site set ALPHA --promise-days 42
    sound hub 4
    [ $before -ge 3 ] && [ $after -ge 1 ] || fail "$before before, $after after"
}

# Never back: a database of a later program is refused, whatever is asked, and not a byte of it changes.
test_compatibility_newer_refused() {
    fixture 10
    for home in hub site; do
        if [ "$(version $home)" != "$(newest)" ]; then $home rebuild > /dev/null; fi
        sqlite3 $home/update-point.db "PRAGMA user_version=$(($(newest) + 1)); PRAGMA journal_mode=DELETE" > /dev/null
    done
    sha256sum hub/update-point.db site/update-point.db > sum
    refuse() {
        expect 2 "$@"
        says "has schema version $(($(newest) + 1)), this program knows up to $(newest)"
        says 'a database never goes back'
        says 'Nothing was written.'
        sha256sum --quiet -c sum || fail "changed by $*"
    }
    refuse hub status
    refuse hub rebuild
    refuse hub sync --from "$SMALL/m2/export.cab"
    refuse hub export --site ALPHA --out nowhere
    refuse hub init --name HUB-OLD
    refuse site status
    refuse site rebuild
    refuse site import pending
    refuse site undo
    refuse site receipt
    # While steps 5 to 10 were being written, databases had their number and less in them. They are no version.
    zstd -dc "$FIXTURES/draft-10.db.zst" > hub/update-point.db
    sha256sum hub/update-point.db > sum
    expect 3 hub rebuild
    says 'tables, views or triggers that are not ours'
    sha256sum --quiet -c sum || fail 'a draft was changed'
}

# What programs of earlier steps said to bundles and databases of today is on record; what today's say to the same is
# compared. Those of step 1 are older than the format.
test_compatibility_old_programs() {
    awk -F '\t' '
        /^#/ { next }
        { lines++; bundle = $2; sub(/^[a-z]* /, "", bundle) }
        $2 ~ /step-10/ { if ($3 != 2 || $5 !~ "has schema version 10, this program knows up to " $1 "$") bad = bad "\n" $0; next }
        $1 == 1 { if ($3 != 3 && $3 != 4) bad = bad "\n" $0; next }
        bundle ~ /-U/ { if ($3 != 2 || $5 !~ /requires .urgent-1., which this program does not know/) bad = bad "\n" $0; next }
        $3 != 0 { bad = bad "\n" $0 }
        END { if (lines != 48) bad = bad "\nlines: " lines; if (bad != "") { print "not what the format promises:" bad; exit 1 } }' "$FIXTURES/said.tsv"
    # The vectors they were given are those of today.
    same "$(cd "$TOP/tests/vectors" && sha256sum SU-ALPHA-*/MANIFEST.TXT | sha256sum | cut -d ' ' -f 1)" "$(sed -n 's/^# vectors //p' "$FIXTURES/said.tsv")" 'the vectors'
    # And a feature that is to come is refused by today's program in the same words.
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    edit stick/SU-ALPHA-000001/MANIFEST.TXT "d.replace(b'\nprofile ', b'\nrequires of-tomorrow-7\nprofile ', 1)"
    resign stick/SU-ALPHA-000001
    refused 2 site import stick
    says "the bundle requires 'of-tomorrow-7', which this program does not know"
    expect 2 site verify stick --json
    same "$(json .verdict)" stale-format verdict
}
