# monitor.sh - the log, alerts and who is told, status for dashboards and monitoring.

hub_at() { _when=$1; shift; faketime -f "$_when" "$SUEXPORT" --home hub --quiet "$@"; }
site_at() { _when=$1; shift; faketime -f "$_when" "$SUIMPORT" --home site --quiet "$@"; }

# The lines about single updates are exactly the changes, by the catalogue before and after.
newest() { sqlite3 -readonly "$1/update-point.db" "SELECT lower(hex(update_id)), max(revision), expired, title, group_concat(hex(doc_sha256)) FROM (SELECT * FROM revision JOIN info USING (rev_id) ORDER BY update_id, revision) GROUP BY update_id" | sort; }
told() { sed -n 's/^<!\[LOG\[7167 Synchronizing update \([0-9a-f-]*\) - \(.*\) (\(new\|revised\|expired\|removed\))\]LOG\].*/\1|\2|\3/p' "$1" | tr -d '\r' | sort; }
changes() { # BEFORE AFTER: what they say changed
    python3 -c '
import sys
def read(name):
    text = open(name, encoding="utf-8").read().replace("\u202e", "\\u{202e}") # shown, not obeyed
    rows = (line.split("|") for line in text.splitlines())
    return {r[0]: (int(r[2]), "|".join(r[3:-1]), r[-1]) for r in rows}
a, b = read(sys.argv[1]), read(sys.argv[2])
guid = lambda h: "-".join((h[:8], h[8:12], h[12:16], h[16:20], h[20:]))
for u in sorted(a.keys() | b.keys()):
    if u not in a: print(guid(u), b[u][1], "new", sep="|")
    elif u not in b: print(guid(u), a[u][1], "removed", sep="|")
    elif b[u][0] and not a[u][0]: print(guid(u), b[u][1], "expired", sep="|")
    elif a[u][2] != b[u][2]: print(guid(u), b[u][1], "revised", sep="|")' "$1" "$2" | sort
}
test_monitor_log_tells_every_change() {
    small_hub
    small_site
    : > nothing
    newest hub > month1
    told hub/log/suexport.log > have
    changes nothing month1 | diff - have
    hub export --site ALPHA --out stick > /dev/null
    rm hub/log/*
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    newest hub > month2
    told hub/log/suexport.log > have
    changes month1 month2 > want
    same "$(cut -d '|' -f 3 want | sort -u | wc -l)" 4 'classes in the sample'
    diff want have
    hub export --site ALPHA --out stick2 > /dev/null
    # The site, for the very same: a first bundle, a delta, and back.
    site import stick > /dev/null
    newest site > site1
    told site/log/suimport.log > have
    changes nothing site1 | diff - have
    rm site/log/*
    site import stick2 > /dev/null
    newest site > site2
    told site/log/suimport.log > have
    changes site1 site2 | diff - have
    rm site/log/*
    site undo > /dev/null
    told site/log/suimport.log > have
    changes site2 site1 | diff - have
    # A plan and a failure change nothing and tell of nothing.
    rm site/log/*
    site plan stick2 > /dev/null
    ! grep -q 7167 site/log/suimport.log 2> /dev/null || fail 'a plan tells of updates'
}

test_monitor_log_speaks_as_wsyncmgr() {
    hub init > /dev/null
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    log=hub/log/suexport.log
    for text in 'Performing sync on local request' 'sync: WSUS synchronizing updates, processed 43 out of 43 items (100%), ETA 00:00:00' \
        'sync: SMS synchronizing updates, processed 43 out of 43 items (100%)' 'Done synchronizing WSUS Server export.cab' \
        'Set content version of update source wsusutil-cab for site HUB to 1' 'Sync time: 0d00h00m0'; do says "$text" $log; done
    same "$(grep -o 'STATMSG: ID=67[0-9]* SEV=. LEV=M SOURCE="suexport"' $log | cut -c 10-22 | tr '\n' ' ' | sed 's/ID=6705 SEV= ID=6704/ID=6704 SEV= ID=6705/')" \
        'ID=6701 SEV=I ID=6704 SEV=I ID=6705 SEV=I ID=6702 SEV=I ' 'status messages'
    grep -qE 'STATMSG: ID=6702 SEV=I LEV=M SOURCE="suexport" COMP="SU_SYNC_MANAGER" SYS=[A-Za-z0-9.-]+ SITE=HUB PID=[0-9]+ TID=[0-9]+ GMTDATE=[MTWFS][a-z]{2} [A-Z][a-z]{2} [0-9]{2} [0-9:]{8}\.[0-9]{3} 20[0-9]{2} ISTR0="synchronization done: ' $log || fail "$(grep STATMSG $log)"
    rm $log
    hub schedule set daily > /dev/null
    expect 1 faketime -f +2d "$SUEXPORT" --home hub --quiet sync --if-due --from 'no"where'
    for text in 'Performing sync on regular schedule' 'Sync failed: no"where: No such file or directory. Source: no"where' \
        'STATMSG: ID=6703 SEV=E' "ISTR0=\"Sync failed: no'where" 'Will retry in 60 minutes' 'Raising sync alert on site HUB'; do says "$text" $log; done
    python3 -c 'open("'$log'", encoding="utf-8").read()' || fail 'not UTF-8'
}

# Lines of many updates over the limit: none lost, none torn, in order, however the files are cut.
test_monitor_log_rotates_between_lines() {
    hub init > /dev/null
    head -c 2612000 /dev/zero | tr '\0' x > hub/log/suexport.log
    echo >> hub/log/suexport.log
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    cat hub/log/suexport.lo_ hub/log/suexport.log | tail -n +2 > all
    same "$(grep -cvE '^<!\[LOG\[[0-9]{4} .*\]LOG\]!><time="[^"]*" date="[^"]*" component="suexport" context="" type="[123]" thread="[0-9]+" file="[a-z ]+">.$' all || true)" 0 'torn lines'
    same "$(grep -c '\[7167 ' all)" "$(hub status --json | jq .updates)" 'a line for each update'
    [ "$(stat -c %s hub/log/suexport.lo_)" -lt 2622500 ] || fail 'rotated late'
    same "$(grep -c 'ID=6701' all) $(grep -c 'ID=6702' all)" '1 1' 'first and last'
}

make_hook() { # BODY
    printf '#!/bin/sh\n%s\n' "$1" > hook
    chmod 755 hook
}

test_monitor_alert_opens_and_is_canceled() {
    hub init > /dev/null
    same "$(hub alert set --json | jq .hook_seconds)" "$(limit SU_HOOK_SECONDS)" 'unless told otherwise'
    make_hook "{ echo \"args \$*\"; env | sed 's/=.*//' | sort | tr '\\n' ' '; echo; cat; } >> $PWD/told"
    mkdir spool
    expect 2 hub alert test
    hub alert set --hook "$PWD/hook" --spool "$PWD/spool" --mail-to ops@example.org > /dev/null
    same "$(hub audit ledger --json | jq -r '.entries[-1].kind')" alert 'the ledger'
    expect 0 hub alert test
    name="it's; touch \$(touch pwned) \`touch pwned\` \"x\""
    echo junk > "$name"
    for _ in 1 2 3; do expect 3 hub sync --from "$name"; done
    same "$(hub alert list --json | jq -c '[.alerts[] | .kind, .failures, .closed, .message]')" '["sync",3,null,7011]' 'one alert of three failures'
    expect 0 hub sync --from "$SMALL/m1/export.cab"
    expect 0 hub sync --from "$SMALL/m1/export.cab"
    same "$(hub alert list --json | jq -c '[.alerts[] | .kind, .failures, (.closed | type)]')" '["sync",3,"string"]' 'canceled'
    logged hub 7164
    expect 0 hub alert list --open
    same "$(wc -c < out)" 0 'none open'
    # Told thrice: the test, when it opened, when it was canceled. No shell has seen the name.
    same "$(grep -c '^args' told)" 3 'told'
    same "$(grep '^args' told | tr '\n' ' ')" 'args test args opened args closed ' 'arguments'
    same "$(sed -n 2p told)" 'LANG PATH PWD SU_DETAIL SU_EVENT SU_KIND SU_MESSAGE SU_NAME SU_PROGRAM SU_ROLE ' 'environment'
    same "$(grep '^{' told | jq -sr '.[] | "\(.event) \(.kind) \(.failures)"' | tr '\n' ' ')" 'test test 0 opened sync 1 closed sync 3 ' 'JSON'
    [ ! -e pwned ] && [ ! -e /pwned ] || fail 'a shell ran the name'
    same "$(ls spool | sed 's/-[0-9]*\.eml//' | tr '\n' ' ')" 'suexport-0-test suexport-1-closed suexport-1-opened ' 'the spool'
    python3 -c '
import email, email.policy, glob
for name in glob.glob("spool/*.eml"):
    m = email.message_from_binary_file(open(name, "rb"), policy=email.policy.default)
    assert not m.defects and m["To"] == "ops@example.org" and m["Date"].datetime and m["Message-ID"], name
    assert m["Subject"] in ("[HUB] alert opened: sync", "[HUB] alert canceled: sync", "[HUB] test of the alerts: test"), m["Subject"]
    if "opened" in name: assert "touch pwned" in m.get_content()'
}

# As one mailbox; what cannot be told changes nothing about the work.
test_monitor_alert_ways_that_fail() {
    hub init > /dev/null
    hub alert set --spool "$PWD/box" > /dev/null
    expect 1 hub sync --from nowhere
    expect 0 hub sync --from "$SMALL/m1/export.cab"
    python3 -c '
import mailbox
box = list(mailbox.mbox("box", create=False))
assert [m["Subject"] for m in box] == ["[HUB] alert opened: sync", "[HUB] alert canceled: sync"], [m["Subject"] for m in box]'
    make_hook 'exec sleep 60'
    hub alert set --hook "$PWD/hook" --hook-seconds 1 --spool none > /dev/null
    expect 1 hub alert test
    says 'was ended after 1 seconds'
    make_hook 'exit 7'
    expect 1 hub alert test
    says 'ended with status 7'
    expect 1 hub sync --from nowhere
    says '7165 warning: alert 2 (sync, opened) could not be delivered: the hook'
    expect 0 hub sync --from "$SMALL/m1/export.cab"
    says 'ended with status 7'
    # The hook runs without the lock, so it may look and work here.
    make_hook "exec $SUEXPORT --home $PWD/hub --quiet alert set --silence 9"
    expect 1 hub sync --from nowhere
    silent_about 7165
    same "$(hub alert set --json | jq .silence_days)" 9 'the hook worked'
    # Programs that others could change, and what is no program.
    chmod 775 hook
    expect 2 hub alert set --hook "$PWD/hook"
    says 'may be changed by others'
    expect 0 hub sync --from "$SMALL/m1/export.cab"
    says 'may be changed by others'
    for hook in hook /etc/passwd /nowhere /tmp; do expect 2 hub alert set --hook "$hook"; says 'Nothing was written.'; done
    mkfifo pipe
    hub alert set --hook none --spool "$PWD/pipe" > /dev/null
    expect 1 hub alert test
    most=$(limit SU_ALERT_PATH) # with the end; a path need not be there, only begin at the root
    long=$(printf '/%.0s' $(seq $((most - 1))))
    expect 0 hub alert set --spool "$long" --json
    same "$(json .spool)" "$long" 'a path at the limit'
    expect 2 hub alert set --spool "/$long"
    says "at most $((most - 1)) bytes"
    hub alert set --spool none > /dev/null
    most=$(limit SU_MAX_HOOK_SECONDS) days=$(limit SU_MAX_SILENCE_DAYS)
    for option in '--spool box' '--mail-to a;b@c' '--mail-to -x' '--hook-seconds 0' "--hook-seconds $((most + 1))" "--silence $((days + 1))"; do
        # shellcheck disable=SC2086 # several words
        expect 2 hub alert set $option
    done
    expect 0 hub alert set --hook-seconds "$most" --silence "$days" --json
    same "$(json '"\(.hook_seconds) \(.silence_days)"')" "$most $days" 'at the limits'
    long=$(printf 'a%.0s' $(seq $(($(limit SU_ALERT_ADDRESS) - 1))))
    expect 0 hub alert set --mail-to "$long"
    expect 2 hub alert set --mail-to "a$long"
}

test_monitor_alert_silence() {
    hub init > /dev/null
    hub_at '@2026-11-01 00:00:00' schedule set every 12 months on 1 at 00:00 --time-zone UTC --start 2027-01-01 > /dev/null
    hub_at '@2026-11-01 00:00:00' alert set --silence 7 > /dev/null
    hub_at '@2026-11-01 00:00:00' sync --from "$SMALL/m1/export.cab" > /dev/null
    hub_at '@2026-11-08 00:00:00' sync --if-due > /dev/null
    same "$(hub alert list --json | jq '.alerts | length')" 0 'on the last day'
    hub_at '@2026-11-08 01:00:00' sync --if-due > /dev/null 2> err
    says '7163 warning: Raising silence alert on site HUB'
    hub_at '@2026-11-09 01:00:00' sync --if-due > /dev/null 2> err
    silent_about 7163
    same "$(hub alert list --json | jq -c '[.alerts[] | .kind, .failures, .message]')" '["silence",1,7166]' 'open'
    hub_at '@2026-11-10 00:00:00' sync --from "$SMALL/m1/export.cab" > /dev/null 2>&1
    same "$(hub alert list --open --json | jq '.alerts | length')" 0 'canceled'
    site init --site ALPHA > /dev/null
    site_at '@2026-11-01 00:00:00' alert set --silence 35 > /dev/null
    site_at '@2026-12-05 00:00:00' alert check > out
    says '0 alerts are open' out
    site_at '@2026-12-07 00:00:00' alert check > out 2> /dev/null
    says '1 alerts are open' out
}

test_monitor_alert_at_a_site() {
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    cp -R stick bad
    printf X | dd of="$(ls bad/*/*.001)" bs=1 seek=5000 conv=notrunc 2> /dev/null
    mkdir spool
    site alert set --spool "$PWD/spool" > /dev/null
    expect 3 site import bad
    same "$(site alert list --json | jq -c '[.alerts[] | .kind, .closed, .message]')" '["import",null,7304]' 'opened'
    says 'STATMSG: ID=6703 SEV=E' site/log/suimport.log
    expect 3 site plan bad
    same "$(site alert list --json | jq '.alerts[0].failures')" 1 'a plan is no failure'
    expect 0 site import stick
    same "$(site alert list --json | jq -c '[.alerts[] | .kind, (.closed | type)]')" '["import","string"]' 'canceled'
    same "$(ls spool | wc -l)" 2 'told'
    says 'Import succeeded. Setting import alert to canceled state on site ALPHA' site/log/suimport.log
}

COLUMNS='SiteCode WSUSServerName WSUSSourceServer SyncCatalogVersion LastSyncState LastSyncStateTime LastSuccessfulSyncTime LastSyncErrorCode ReplicationLinkStatus LastReplicationLinkCheckTime'
line() { cut -d '|' -f 1 out; }

test_monitor_status_columns() {
    small_hub
    small_site
    expect 0 hub status --json
    # shellcheck disable=SC2086 # several words
    { has_keys . $COLUMNS; has_keys '.sites[0]' $COLUMNS; }
    same "$(json '.sites[0] | "\(.SiteCode) \(.SyncCatalogVersion) \(.LastSyncState) \(.LastSyncStateTime) \(.ReplicationLinkStatus)"')" 'ALPHA 0 0 null 0' 'nothing sent'
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    site receipt > receipt
    hub receipt add receipt > /dev/null
    expect 0 hub status --json
    same "$(json '.sites[0] | "\(.WSUSSourceServer) \(.SyncCatalogVersion) \(.LastSyncErrorCode) \(.ReplicationLinkStatus) \(.LastSyncStateTime == .LastReplicationLinkCheckTime)"')" 'HUB 1 0 0 true' 'acknowledged'
    # shellcheck disable=SC2086 # several words
    { expect 0 site status --json; has_keys . $COLUMNS; }
    # A receipt that is not the site's is an error of its link until the next good one.
    edit receipt 'd.replace(b"sequence 1", b"sequence 2")'
    expect 4 hub receipt add receipt
    expect 0 hub status --json
    same "$(json '.sites[0] | "\(.link) \(.ReplicationLinkStatus) \(.LastSyncErrorCode)"')" 'error 2 7603' 'refused'
    expect 1 hub sync --from nowhere
    expect 0 hub status --json
    same "$(json '"\(.LastSyncState) \(.LastSyncErrorCode) \(.ReplicationLinkStatus)"')" '6703 7001 2' 'failed'
}

# rows_agree PROGRAM: every cell of every row says in the text what it says in JSON.
rows_agree() {
    expect 0 "$1" status --json
    cp out status.json
    expect 0 "$1" status
    python3 - $COLUMNS <<'END' || fail "$(cat out)"
import json, sys
names = sys.argv[1:]
whole = json.load(open("status.json"))
want = [whole] + whole.get("sites", [])
lines = [line.split(None, 1) for line in open("out", encoding="utf-8")]
cells = [(name, value.strip()) for name, value in (line for line in lines if len(line) == 2) if name in names]
assert [name for name, _ in cells] == names * len(want), cells
for at, (name, text) in enumerate(cells):
    value = want[at // len(names)][name]
    word = text.split()[0] if isinstance(value, int) else text
    assert word == ("-" if value in (None, "") else str(value)), (name, text, value)
END
}
test_monitor_status_text() {
    hub init > /dev/null
    rows_agree hub
    rm -rf hub
    small_hub
    small_site
    hub site add BRAVO --languages de > /dev/null
    rows_agree site
    hub export --site ALPHA --out stick > /dev/null
    rows_agree hub
    same "$(grep -c '^  SiteCode ' out) $(grep -c '^  ReplicationLinkStatus  *1 degraded$' out)" '3 1' 'rows'
    site import stick > /dev/null
    rows_agree site
    says '  LastSyncState                6702 synchronization done' out
    site receipt > receipt
    hub receipt add receipt > /dev/null
    edit receipt 'd.replace(b"sequence 1", b"sequence 2")'
    expect 4 hub receipt add receipt
    expect 1 hub sync --from 'no  where'
    rows_agree hub
    says '  LastSyncErrorCode            7001 ' out
    says '  LastSyncErrorCode            7603 ' out
    says '  ReplicationLinkStatus        2 error' out
}

test_monitor_check() {
    expect 3 hub status --check
    same "$(line | cut -c -13)" 'SU UNKNOWN - ' 'no home'
    hub init > /dev/null
    expect 1 hub status --check
    same "$(line)" 'SU WARNING - nothing has succeeded yet' 'never'
    rm -rf hub
    small_hub
    small_site
    expect 0 hub status --check
    same "$(line)" 'SU OK - synchronized, and every site is in order' 'fine'
    grep -qE '^SU OK - [^|]*\|age=[0-9]+s;604800;2592000;0 alerts=0;0;;0$' out || fail "$(cat out)"
    expect 1 faketime -f +8d "$SUEXPORT" --home hub status --check
    same "$(line)" 'SU WARNING - the last success was 8 d 0 h ago' 'old'
    expect 2 faketime -f +31d "$SUEXPORT" --home hub status --check
    expect 0 faketime -f +31d "$SUEXPORT" --home hub status --check --warning-age 40d --critical-age 50d
    expect 3 hub status --check --warning-age soon
    hub schedule set every 6 hours > /dev/null
    expect 1 faketime -f +1d "$SUEXPORT" --home hub status --check
    says 'synchronization is overdue by ' out
    expect 0 faketime -f +1d "$SUEXPORT" --home hub status
    expect 1 hub sync --from 'a|b'
    expect 2 hub status --check --json
    same "$(json '"\(.check) \(.check_text)"')" 'CRITICAL the last synchronization failed; 1 alerts are open' 'failed'
    # The site: nothing yet, fine, late, a bundle of somebody else.
    expect 1 site status --check
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    expect 0 site status --check
    same "$(line)" 'SU OK - imported, and nothing is owed' 'fine'
    expect 1 faketime -f +36d "$SUIMPORT" --home site status --check
    expect 2 faketime -f +71d "$SUIMPORT" --home site status --check
    hub export --site ALPHA --full --out stick2 > /dev/null
    rm stick2/*/*.SIG
    expect 4 site import stick2
    expect 2 site status --check
    says 'a bundle was refused since the last import: 7301' out
    expect 0 site status --json
    same "$(json .ReplicationLinkStatus)" 2 'error'
}
