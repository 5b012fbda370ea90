# report.sh - report: page, text and JSON say the same, the page needs nothing and obeys nobody, and the figures are right.

# A hub with a site that acknowledged, one that did not, one that was never served; a failed synchronization.
make_reporting() {
    small_hub
    small_site
    hub site add BRAVO --content none --promise-days 35 > /dev/null
    hub site add CHARLIE > /dev/null
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    site receipt --out receipt > /dev/null
    hub receipt add receipt > /dev/null
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    ! hub sync --from receipt > /dev/null 2>&1 || fail 'a receipt was synchronized'
    hub export --site ALPHA --out stick2 --allow-incomplete > /dev/null
    hub export --site BRAVO --out stick2 > /dev/null
    site import stick2 > /dev/null 2>&1 || [ $? = 9 ]
}
reporting() { cached reporting make_reporting; }

# report of SIDE at a fixed time. The program itself, not a shell function, is what faketime can start.
at_noon() {
    case $1 in hub) _program=$SUEXPORT ;; *) _program=$SUIMPORT ;; esac
    _home=$1
    shift
    faketime -f '2026-12-01 12:00:00' "$_program" --home "$_home" report "$@"
}
# all_three SIDE: page.html, text and page.json, of the same moment, judged.
all_three() {
    at_noon "$1" --html page.html > /dev/null
    at_noon "$1" > text
    at_noon "$1" --json > page.json
    xmllint --noout page.html || fail 'the page is not well-formed'
    python3 "$CHECK/check_report.py" page page.html
    python3 "$CHECK/check_report.py" same page.html text page.json
}

test_report_page_text_and_json_say_the_same() {
    reporting
    for side in hub site; do
        all_three $side
        [ "$(stat -c %a page.html)" = 644 ] || fail 'mode of the page'
        rm page.html
    done
    # A check that sees nothing is none.
    all_three hub
    sed 's/degraded/healthy/' text > other
    ! python3 "$CHECK/check_report.py" same page.html other page.json 2> /dev/null || fail 'another text was taken for the same'
    sed 's/"acknowledged":1/"acknowledged":2/' page.json > other
    ! cmp -s page.json other || fail 'nothing to change'
    ! python3 "$CHECK/check_report.py" same page.html text other 2> /dev/null || fail 'another number was taken for the same'
    for bad in 's|<body>|<body><script>1</script>|' 's|<table>|<table onclick="1">|' 's|<h1>|<h1><img src="x"/>|' 's|\.n{|.n{background:url(x);|' "s|default-src 'none'|default-src *|"; do
        sed "$bad" page.html > bad.html
        ! cmp -s page.html bad.html || fail "nothing to change: $bad"
        ! python3 "$CHECK/check_report.py" page bad.html 2> /dev/null || fail "not noticed: $bad"
    done
}

# Of an update point that holds nothing.
test_report_of_nothing() {
    hub init > /dev/null
    site init --site ALPHA > /dev/null
    for side in hub site; do
        all_three $side
        says 'Every file that is needed here is stored.' text
        says 'healthy' text
    done
}

# Against the database, by other ways of counting.
test_report_figures() {
    reporting
    all_three hub
    ask() { sqlite3 -readonly hub/update-point.db "$1"; }
    same "$(json .update_point.identity.state_digest page.json)" "$(hub_digest)" 'state digest'
    same "$(json '[.status.points[] | "\(.SiteCode) \(.ReplicationLinkStatus) \(.LastSyncState)"] | join("; ")' page.json)" \
        'HUB 2 6703; ALPHA 1 6702; BRAVO 1 null; CHARLIE 0 null' 'status'
    same "$(json '[.bundles.sites[] | "\(.site) \(.last_sequence) \(.acknowledged) \(.outstanding) \(.overdue_days)"] | join("; ")' page.json)" \
        'ALPHA 2 1 1 0; BRAVO 1 0 1 0; CHARLIE 0 0 0 0' 'bundles'
    same "$(json '[.history.runs[] | "\(.state) \(.new) \(.revised) \(.expired) \(.removed)"] | join("; ")' page.json)" '6703 0 0 0 0; 6702 2 2 1 1; 6702 41 0 0 0' 'history'
    same "$(json '.history.failures | length' page.json)" 1 'failures'
    same "$(json '[.catalogue.types[] | "\(.type) \(.updates) \(.expired) \(.revisions)"] | join("; ")' page.json)" \
        "$(ask "SELECT group_concat(line, '; ') FROM (SELECT v.type||' '||count(DISTINCT v.update_id)||' '||sum(is_expired AND is_latest)||' '||count(*) AS line FROM v_update v JOIN info USING (rev_id) GROUP BY info.type ORDER BY info.type)")" 'types'
    by() { # TYPE: title and number of software and drivers whose newest revision asks for it
        ask "SELECT c.title||' '||count(DISTINCT u.update_id) FROM v_update c JOIN prerequisite p ON lower(hex(p.target))=replace(c.update_id,'-','')
             JOIN v_update u ON u.rev_id=p.rev_id WHERE c.category_type='$1' AND c.is_latest AND u.is_latest AND u.type IN ('Software','Driver') GROUP BY c.update_id ORDER BY 1"
    }
    same "$(json '.catalogue.classifications[] | "\(.title) \(.updates)"' page.json | sort)" "$(by UpdateClassification)" 'classifications'
    same "$(json '.catalogue.products[] | "\(.title) \(.updates)"' page.json | sort)" "$(by Product)" 'products'
    hub content list --json > list.json
    same "$(json '"\(.measures.sizes.files_missing) \(.measures.sizes.missing_bytes)"' page.json)" "$(json '"\(.missing) \(.bytes_missing)"' list.json)" 'missing files'
    same "$(json '.missing.files[0].name' page.json)" "$(json '[.files[] | select(.verdict=="missing")][0].name' list.json)" 'the missing file'
    same "$(json '"\(.measures.sizes.documents) \(.measures.sizes.document_bytes) \(.measures.sizes.files_named) \(.measures.sizes.stored_bytes)"' page.json)" \
        "$(ask 'SELECT (SELECT count(*)||" "||sum(raw_bytes) FROM document)||" "||(SELECT count(DISTINCT sha1) FROM file)||" "||(SELECT sum(bytes) FROM stored_file)')" 'sizes'
    same "$(json '.ledger.chain.head' page.json)" "$(hub audit verify --json | jq -r .head)" 'ledger'
    same "$(json '[.security.security_updates[].kb] | join(" ")' page.json)" 'KB5100042 KB5100020 KB5100018 KB5100023' 'security updates'
    same "$(json '.security.security_updates[0] | "\(.released) \(.severity) \(.superseded)"' page.json)" '2026-11-10 Critical no' 'the newest'
    # The site.
    all_three site
    same "$(json .update_point.identity.state_digest page.json)" "$(site_digest)" 'state digest of the site'
    same "$(json '[.bundles.imports[] | "\(.sequence) \(.kind) \(.is_undone)"] | join("; ")' page.json)" '2 delta no; 1 full no' 'imports'
    same "$(json '"\(.status.points[0].ReplicationLinkStatus) \(.status.points[0].LastSyncState) \(.owed.holes | length)"' page.json)" '1 6707 1' 'what is owed'
    site audit latency --since 2026-09-02 --json > latency.json
    same "$(json '"\(.measures.ages.recent_updates) \(.measures.ages.median_days) \(.measures.ages.worst_days)"' page.json)" "$(json '"\(.count) \(.median_days) \(.worst_days)"' latency.json)" 'latency'
    # A ledger that is not whole shows as that.
    sqlite3 site/update-point.db "UPDATE ledger SET operator='Mallory' WHERE entry=1"
    all_three site
    says 'entry 1 is wrong' text
}

# What is due, what is late, what went wrong.
test_report_schedule_and_alerts() {
    reporting
    all_three hub
    says 'No schedule is set.' text
    faketime -f '2026-11-01 12:00:00' "$SUEXPORT" --home hub schedule set --time-zone Asia/Seoul second tuesday at 14:00 > /dev/null
    sqlite3 hub/update-point.db "DELETE FROM alert; INSERT INTO alert (kind, opened, last, failures, message, detail, closed) VALUES
        ('sync', '2026-10-01T00:00:00Z', '2026-10-01T02:00:00Z', 2, 6703, 'the first one', '2026-10-02T00:00:00Z'),
        ('silence', '2026-11-01T00:00:00Z', '2026-11-03T00:00:00Z', 3, 7160, 'nothing <came>', '')"
    all_three hub
    same "$(json '[.alerts.newest[] | "\(.kind) \(.state) \(.failures) \(.message) \(.detail) \(.closed)"] | join("; ")' page.json)" \
        'silence open 3 7160 nothing <came> null; sync closed 2 6703 the first one 2026-10-02T00:00:00Z' 'alerts, the open one first'
    hub_schedule() { faketime -f '2026-12-01 12:00:00' "$SUEXPORT" --home hub schedule show --json | jq -r "$1"; }
    for key in rule time_zone next_due; do same "$(json ".status.schedule.$key" page.json)" "$(hub_schedule ".$key")" "$key"; done
    same "$(json .status.schedule.rule page.json)" 'second tuesday at 14:00' 'the rule'
    same "$(json .status.points[0].LastSyncErrorCode page.json)" "$(sqlite3 -readonly hub/update-point.db 'SELECT max(error_id,1) FROM sync_history ORDER BY sync_id DESC LIMIT 1')" 'error code'
}

# Titles, products, names of sources and people come from elsewhere.
test_report_hostile_text() {
    reporting
    cat > hostile.py << 'EOF'
import sqlite3
db = sqlite3.connect("hub/update-point.db")
texts = ["<script>alert(1)</script>", "</td></table><img src=x onerror=alert(1)>", "\"'&quot;&amp;&#x3c;", "a\x1b[31mred\x07\x00b", "abc\u202edcba\u2066x", "]]></style><!-- --><?php ?>",
         "x" * 200000, "\ufffe\uffff\ufdd0", "\n\n\t  \r\n", "https://evil.example/ style=\"background:url(https://evil.example)\"", "\u0301" * 300, "{{7*7}} ${7*7}", ""]
rows = [r[0] for r in db.execute("SELECT rev_id FROM info ORDER BY rev_id")]
for i, rev in enumerate(rows):
    db.execute("UPDATE info SET title=?, severity=? WHERE rev_id=?", (texts[i % len(texts)], texts[(i + 3) % len(texts)], rev))
db.execute("UPDATE info SET created=? WHERE type=2 AND rev_id%5=0", ("9999<b>",))
db.execute("UPDATE sync_history SET source=?, error=?, finished=? WHERE sync_id=3", (texts[1], texts[0] + texts[3], "<svg onload=alert(1)>"))
db.execute("UPDATE file SET name=?", (texts[4],))
db.execute("UPDATE tag SET value=? WHERE kind='kb' AND rev_id%3=0", (texts[1],))
db.commit()
EOF
    python3 hostile.py
    # Bytes that are no UTF-8 are in nobody's text column but a forger's.
    sqlite3 hub/update-point.db "UPDATE sync_history SET kind=CAST(x'ff3c6273fe80' AS TEXT) WHERE sync_id=2"
    all_three hub
    says '&lt;script&gt;alert(1)&lt;/script&gt;' page.html
    says '\u{202e}' text
    [ "$(stat -c %s page.html)" -lt 200000 ] || fail 'a long title was not cut'
    same "$(grep -c '[[:cntrl:]]' text || true)" 0 'control characters in the text'
}

test_report_limits() {
    reporting
    title() { python3 -c "print('ü' * $1)"; }
    most=$(limit SU_MAX_REPORT_TEXT)
    sqlite3 hub/update-point.db "UPDATE info SET title='$(title "$most")' WHERE category_type='Product'"
    all_three hub
    same "$(json '.catalogue.products[0].title' page.json)" "$(title "$most")" 'a title at the limit'
    sqlite3 hub/update-point.db "UPDATE info SET title='$(title $((most + 1)))' WHERE category_type='Product'"
    all_three hub
    same "$(json '.catalogue.products[0].title' page.json)" "$(title $((most - 1)))…" 'a title past the limit'
    # Genuine titles come with line ends and blanks around and inside.
    sqlite3 hub/update-point.db "UPDATE info SET title=char(10)||'   Windows  '||char(9)||char(10)||'11   ' WHERE category_type='Product'"
    all_three hub
    same "$(json '.catalogue.products[0].title' page.json)" 'Windows 11' 'a title with blanks'
    more() { sqlite3 hub/update-point.db "INSERT INTO site (code, content_mode, express, promise_days, public_key, acknowledged) WITH RECURSIVE n (i) AS (SELECT $1 UNION ALL SELECT i+1 FROM n WHERE i<$2) SELECT printf('S-%05d', i), 0, 0, 0, '', 0 FROM n"; }
    most=$(limit SU_MAX_REPORT_SITES)
    more 1 $((most - 3))
    all_three hub
    same "$(json '.bundles.sites | length' page.json)" "$most" 'as many sites as are listed'
    silent_about "The first $most" text
    more $((most - 2)) $((most - 2))
    all_three hub
    same "$(json '.bundles.sites | length' page.json)" "$most" 'one site more'
    says "The first $most of $((most + 1)) sites." text
}

# The same state at the same time gives the same bytes.
test_report_repeats() {
    reporting
    at_noon hub --html first.html > /dev/null
    (LC_ALL=C LANG=C TZ=Asia/Seoul && export LC_ALL LANG TZ && faketime -f '2026-12-01 21:00:00' "$SUEXPORT" --home hub --jobs 1 report --html page.html > /dev/null)
    cmp page.html first.html
}

test_report_replaces_reports_only() {
    reporting
    expect 0 hub report --html page.html
    says 'report written to page.html' out
    expect 0 hub report --html page.html
    echo 'my notes' > notes
    cp notes kept
    expect 2 hub report --html notes
    cmp notes kept
    says 'is no report'
    grep -q '^  Nothing was written\.$' err || fail 'does not say what holds now'
    cp hub/update-point.db kept
    expect 2 hub report --html hub/update-point.db
    cmp hub/update-point.db kept
    : > empty
    expect 2 hub report --html empty
    ln -s notes link
    expect 2 hub report --html link
    same "$(cat notes)" 'my notes' 'what a link led to'
    got=0
    hub report --html nowhere/page.html > out 2> err || got=$?
    [ $got != 0 ] || fail 'a report in no folder'
    mkdir folder
    got=0
    hub report --html folder > out 2> err || got=$?
    [ $got != 0 ] || fail 'a report in place of a folder'
    same "$(find . -maxdepth 2 -name '.tmp-*')" '' 'what is left behind'
    expect 0 hub report --html page.html --json
    same "$(json .html)" page.html 'where it was written'
    expect 2 hub report now
}

# Reading is all it does, also while somebody else changes the update point.
test_report_only_reads() {
    reporting
    hub_dump > before
    tree_sum hub > tree
    chmod -R a-w hub
    expect 0 hub report
    chmod -R u+w hub
    hub_dump | cmp -s - before || fail 'the books changed'
    exec 7> hub/lock
    flock 7
    expect 0 hub report --html page.html
}

test_report_in_a_browser() {
    browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || skip 'needs chromium'
    reporting
    python3 -c "
import sqlite3
db = sqlite3.connect('hub/update-point.db')
db.execute('UPDATE info SET title=? WHERE type=2 AND rev_id%2', ('W' * 200,))
db.execute('UPDATE sync_history SET source=?, kind=? WHERE sync_id=2', ('https://' + 'w' * 150, 'k' * 150))
db.commit()"
    expect 0 hub report --html page.html
    look() { HOME=$PWD timeout 60 "$browser" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars --user-data-dir="$PWD/profile" \
        --enable-logging=stderr --v=0 "$@" "file://$PWD/page.html" > browser.log 2>&1; }
    look --screenshot="$PWD/page.png" --window-size=1280,2600 --force-device-scale-factor=0.5 || skip "chromium does not start: $(tail -n 1 browser.log)"
    same "$(grep 'CONSOLE' browser.log || true)" '' 'what the browser complains about'
    python3 "$CHECK/check_report.py" picture page.png 640
    look --no-pdf-header-footer --print-to-pdf="$PWD/page.pdf"
    python3 "$CHECK/check_report.py" paper page.pdf
}
