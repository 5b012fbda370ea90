# lifecycle.sh - superseded updates expire by rule, expired ones go after a grace, and a profile's change is foretold.

# Updates that a rule of so many months expires as of a date, by another hand: from the documents alone.
superseded_by_python() { # MONTHS FEATURE-MONTHS DATE (months -1: never)
    python3 -B - "$CHECK" "$@" <<'EOF'
import datetime, sys, xml.etree.ElementTree as ET
sys.path.insert(0, sys.argv[1])
from check_documents import held
U = "{http://schemas.microsoft.com/msus/2002/12/Update}"
months, feature, as_of = int(sys.argv[2]), int(sys.argv[3]), datetime.date.fromisoformat(sys.argv[4])
newest = {}
for (guid, revision), row in held("hub/update-point.db").items():
    if guid not in newest or newest[guid][0] < revision:
        newest[guid] = revision, ET.fromstring(row["document"])
def expired(d): return d.find(U + "Properties").get("PublicationState") == "Expired"
found = set()
for guid, (_, d) in newest.items():
    if expired(d):
        continue
    day = datetime.date.fromisoformat(d.find(U + "Properties").get("CreationDate")[:10])
    for target in d.findall(f".//{U}SupersededUpdates/{U}UpdateIdentity"):
        other = newest.get(target.get("UpdateID").lower())
        if not other or expired(other[1]) or other[1].find(U + "Properties").get("UpdateType", "Software") not in ("Software", "Driver"):
            continue
        ids = {x.get("UpdateID").lower() for x in other[1].findall(f".//{U}Prerequisites//{U}UpdateIdentity")}
        n = feature if "3689bdc8-b205-4af4-8d4a-a63924c5e9d5" in ids else months
        if n < 0:
            continue
        year, month = divmod(day.month - 1 + n, 12)
        due = datetime.date(day.year + year, month + 1, 1) + datetime.timedelta(days=day.day - 1) # past the month's end: into the next
        if due <= as_of:
            found.add(target.get("UpdateID").lower())
for x in sorted(found): print(x)
EOF
}
marked() { sqlite3 -readonly hub/update-point.db "SELECT v.update_id FROM lifecycle l JOIN revision r USING (update_id) JOIN v_update v USING (rev_id) WHERE l.reason='superseded' AND v.is_latest ORDER BY 1"; }
hub_books() { sqlite3 -readonly hub/update-point.db .dump; }
kb() { sqlite3 -readonly hub/update-point.db "SELECT update_id FROM v_update WHERE kb='$1' AND is_latest LIMIT 1"; }

test_lifecycle_supersedence() {
    small_hub 2
    small_site
    hub export --site ALPHA --out m1 > /dev/null
    site import m1 > /dev/null
    before=$(hub_digest)
    # Without rules nothing is superseded away, and the same bundle is made.
    expect 0 hub maintain --json
    same "$(json '"\(.superseded) \(.deleted) \(.as_of)"')" '0 0 2026-11-11' 'without rules'
    same "$(hub_digest)" "$before" 'the state'
    expect 0 hub lifecycle set --supersedes 1 --json
    same "$(json '"\(.supersedes) \(.feature_updates) \(.grace_days)"')" '1 null 7' 'the rules'
    hub lifecycle set --grace 3650 > /dev/null
    # As of a date, never of the clock; the same as by another hand.
    for as_of in 2022-03-03 2022-03-04 2026-11-11 2026-12-09 2026-12-10; do
        expect 0 hub maintain --as-of $as_of --dry-run
        hub_books > books
        expect 0 hub maintain --as-of $as_of --json
        superseded_by_python 1 -1 $as_of > want
        marked | diff - want || fail "as of $as_of"
        same "$(json .superseded)" "$(grep -c . want || true)" "as of $as_of"
    done
    same "$(grep -c . want)" 3 'superseded at the end'
    hub_books > books
    expect 0 hub maintain --as-of 2026-11-11 --dry-run --json
    same "$(json '"\(.no_longer_superseded) \(.dry_run)"')" '1 true' 'a dry run'
    hub_books | cmp -s - books || fail 'a dry run wrote'
    hub maintain --as-of 2026-11-11 > /dev/null
    # It is a mark: the documents are as they were, and the update is held here. The sites lose it, but for what is needed.
    same "$(hub_digest)" "$before" 'the state of the hub'
    gone=$(kb 5100020) stays=$(kb 5100023)
    expect 0 hub plan --site ALPHA
    says 'would remove' out
    says "$gone 2026-09 Cumulative Security Update" out
    silent_about "$stays" out
    expect 0 hub plan --site ALPHA --json
    removed=$(json .removed)
    same "$(json '[.removes[].update_id] | index("'"$gone"'") != null') $(json '.removes | length')" "true $removed" 'the plan'
    expect 0 hub audit excluded --site ALPHA --json
    same "$(json '.excluded[] | select(.update_id == "'"$gone"'") | .reason')" 'superseded, and expired by rule' 'why'
    expect 0 hub export --site ALPHA --out m2 --json
    same "$(json .removed)" "$removed" 'the export does what the plan said'
    want=$(json .result_digest)
    expect 0 site import m2
    same "$(site_digest)" "$want" 'the state of the site'
    expect 2 site show "$gone"
    expect 0 site show "$stays"
    same "$(python3 "$CHECK/check_closure.py" --open site/update-point.db)" '' 'open clauses'
    # Its hidden parts went with it, and nothing that anything else needs.
    same "$(sqlite3 -readonly site/update-point.db "SELECT count(*) FROM v_update WHERE title='HIDDEN: Server 2025, 2026-09'")" 0 'its part'
    # Pinned, or approved for the site, it travels all the same; and back without the rule.
    hub pin add "$gone" > /dev/null
    expect 0 hub explain "$gone" --site ALPHA
    hub pin remove "$gone" > /dev/null
    expect 2 hub explain "$gone" --site ALPHA
    hub site set ALPHA --approve "$gone" > /dev/null
    expect 0 hub explain "$gone" --site ALPHA
    hub site set ALPHA --unapprove "$gone" > /dev/null
    hub lifecycle set --supersedes never > /dev/null
    expect 0 hub maintain --json
    same "$(json '"\(.superseded) \(.no_longer_superseded)"')" '0 2' 'without the rule'
    expect 0 hub explain "$gone" --site ALPHA
    expect 0 hub audit verify
}

# Feature updates, the classification Upgrades, have a rule of their own.
test_lifecycle_feature_updates() {
    small_hub 2
    one=$(kb 5100020)
    sqlite3 hub/update-point.db "INSERT INTO prerequisite SELECT rev_id, 99, x'3689BDC8B2054AF48D4AA63924C5E9D5', 1 FROM revision WHERE hex(update_id)=upper('$(echo "$one" | tr -d -)')"
    expect 0 hub lifecycle set --supersedes now --feature-updates never
    hub maintain > /dev/null
    marked | grep -q "$one" && fail 'marked by the other rule'
    same "$(marked | grep -c .)" 2 'the others'
    expect 0 hub lifecycle set --supersedes never --feature-updates 57 # from 2022-02-04
    hub maintain --as-of 2026-11-03 > /dev/null
    same "$(marked)" '' 'a day before'
    hub maintain --as-of 2026-11-04 > /dev/null
    same "$(marked)" "$one" 'by its own rule'
    expect 2 hub lifecycle set --supersedes 121
    expect 0 hub lifecycle set --supersedes 120
    expect 2 hub lifecycle set --supersedes soon
    expect 2 hub lifecycle set --grace 3651
    expect 0 hub lifecycle set --grace 3650
    expect 2 hub maintain --as-of 2026-13-01
    expect 2 hub maintain --as-of yesterday
}

test_maintain_removes() {
    small_hub 2
    small_site
    hub export --site ALPHA --out m1 > /dev/null
    site import m1 > /dev/null
    hub lifecycle set --supersedes now > /dev/null
    expect 0 hub maintain --as-of 2026-11-11 --json
    same "$(json '"\(.expired) \(.superseded) \(.due) \(.deleted)"')" '2 3 0 0' 'seen first'
    expect 0 hub maintain --as-of 2026-11-17 --json
    same "$(json '"\(.due) \(.deleted)"')" '0 0' 'six days later'
    # Seven days later, but for what is pinned, approved for a site, or needed by something that stays.
    hub pin add "$(kb 5100018)" > /dev/null
    hub site set ALPHA --approve "$(kb 5100038)" > /dev/null
    needed=$(kb 5100034) stays=$(kb 5100042)
    cp -R hub twin
    python3 -c 'import sqlite3, sys
db, (target, row) = sqlite3.connect("twin/update-point.db"), (bytes.fromhex(x.replace("-", "")) for x in sys.argv[1:])
for rev_id, relations in db.execute("SELECT rev_id, relations FROM info JOIN revision USING (rev_id) WHERE update_id=?", (row,)).fetchall():
    db.execute("UPDATE info SET relations=? WHERE rev_id=?", (b"p" + target + relations, rev_id))
db.commit()' "$needed" "$stays"
    expect 0 "$SUEXPORT" --home twin --quiet maintain --as-of 2026-11-18 --dry-run --json
    same "$(json '"\(.due) \(.kept_pinned) \(.kept_approved) \(.kept_needed)"')" '5 1 1 1' 'kept, and why'
    same "$(json '[.leaving[].update_id] | index("'"$needed"'")')" null 'what is needed stays'
    expect 0 hub maintain --as-of 2026-11-18 --dry-run --json
    jq -S .leaving out > foretold
    expect 0 "$SUEXPORT" --home hub maintain --as-of 2026-11-18
    logged hub 7171
    says 'Cleanup processed 25 total updates and declined 5' out
    says "Deleted $(jq length foretold) expired updates total" out
    for id in $(jq -r '.[].update_id' foretold); do expect 2 hub show "$id"; done
    expect 0 hub show KB5100018
    expect 0 hub show KB5100038
    same "$(python3 "$CHECK/check_closure.py" --open hub/update-point.db)" '' 'open clauses'
    same "$(sqlite3 -readonly hub/update-point.db "SELECT kind, removed FROM sync_history ORDER BY sync_id DESC LIMIT 1")" "maintain|$(jq length foretold)" 'the history'
    same "$(hub status --json | jq -r .WSUSSourceServer)" export.cab 'where the catalogue is from'
    # To the sites it is a removal like any other.
    expect 0 hub export --site ALPHA --out m2 --json
    [ "$(json .removed)" -ge "$(jq length foretold)" ] || fail 'they do not leave the site'
    want=$(json .result_digest)
    expect 0 site import m2
    same "$(site_digest)" "$want" 'the site'
    # The next synchronizations do not bring them back, until one is let; what newly names them does.
    state=$(hub_digest)
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    same "$(hub_digest)" "$state" 'after a synchronization'
    one=$(jq -r '[.[] | select(.reason == "superseded")][0].update_id' foretold)
    expect 0 hub lifecycle show --json
    same "$(json '.excluded | length')" "$(jq length foretold)" 'what is kept from coming back'
    refuse_restore 2 hub lifecycle restore 00000000-0000-0000-0000-00000000ffff
    refuse_restore 2 hub lifecycle restore KB5100018
    expect 0 hub lifecycle restore "$one"
    expect 0 "$SUEXPORT" --home hub sync --from "$SMALL/m2/export.cab" --json
    says 7170
    expect 0 hub show "$one"
    hub sync --from "$SMALL/m2/export.cab" > /dev/null # its parts
    same "$(python3 "$CHECK/check_closure.py" --open hub/update-point.db)" '' 'open clauses'
    expect 0 hub audit verify
    # A newer revision than the one removed comes all the same.
    sqlite3 hub/update-point.db 'UPDATE excluded_update SET revision=0'
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    same "$(sqlite3 -readonly hub/update-point.db 'SELECT count(*) FROM v_update WHERE is_expired AND is_latest')" 2 'newer ones'
}
refuse_restore() {
    hub_books > books
    expect "$@"
    says 'Nothing was written.'
    hub_books | cmp -s - books || fail "the books changed: $*"
}

# The time is up at once: one goes, the others wait for the next run.
test_maintain_budget() {
    small_hub 2
    hub lifecycle set --supersedes now --grace 0 > /dev/null
    expect 0 hub maintain --budget 0 --json
    same "$(json '"\(.deleted) \(.left > 0)"')" '1 true' 'the first'
    left=$(json .left)
    same "$(sqlite3 -readonly hub/update-point.db 'SELECT count(*) FROM excluded_update')" 1 'removed ones'
    expect 0 hub maintain --json
    same "$(json '"\(.deleted) \(.left)"')" "$left 0" 'the rest'
    same "$(python3 "$CHECK/check_closure.py" --open hub/update-point.db)" '' 'open clauses'
}

test_maintain_kill() {
    in_memory
    small_hub 2
    hub lifecycle set --supersedes now --grace 0 > /dev/null
    KILL_ONCE=1 python3 "$CHECK/check_kill.py" hub - "${KILL_POINTS:-16}" "$SUEXPORT" maintain
}

# F21: documents travel whole, with all their languages; files of a language that was not chosen before are what a site
# lacks after it is, and the next delta brings them.
test_language_refresh() {
    small_hub
    small_site
    licence=$(sqlite3 -readonly hub/update-point.db "SELECT lower(hex(sha256)) FROM file WHERE licence AND language='de' LIMIT 1")
    [ -n "$licence" ] || fail 'no German licence terms in the sample'
    hub site set ALPHA --languages en > /dev/null
    hub export --site ALPHA --out m1 > /dev/null
    site import m1 > /dev/null
    same "$(grep -c "^file $licence" m1/*/MANIFEST.TXT || true)" 0 'German licence terms in the first bundle'
    german=$(sqlite3 -readonly site/update-point.db "SELECT count(*) FROM title WHERE language='de'")
    same "$german" "$(sqlite3 -readonly hub/update-point.db "SELECT count(*) FROM title WHERE language='de'")" 'German titles at the site'
    site receipt --out receipt > /dev/null
    hub receipt add receipt > /dev/null
    expect 0 hub plan --site ALPHA --json
    same "$(json .kind)" none 'nothing to send'
    expect 0 hub site set ALPHA --languages en,de --json
    same "$(json '"\(.next.new) \(.next.removed) \(.next.files)"')" '0 0 1' 'foretold'
    expect 0 hub export --site ALPHA --out m2 --json
    same "$(json '"\(.kind) \(.records) \(.files)"')" 'delta 0 1' 'the next delta'
    same "$(grep -c "^file $licence" m2/*/MANIFEST.TXT)" 1 'the German licence terms'
    expect 0 site import m2 --accept-profile
    expect 0 site content verify
    same "$(site status --json | jq .content_owed)" 0 'owed'
}

# F17: what a changed profile will do at the site is said before it is done.
test_profile_change_is_foretold() {
    small_hub
    small_site
    expect 0 hub site set ALPHA --languages en --json
    same "$(json .next)" null 'a site without bundles'
    hub export --site ALPHA --out m1 > /dev/null
    site import m1 > /dev/null
    books=$(sqlite3 -readonly hub/update-point.db 'SELECT count(*) FROM export')
    expect 0 hub site set ALPHA --promise-days 10 --json
    same "$(json .next)" null 'nothing of the profile'
    expect 0 hub site set ALPHA --products 'Fabrikam Server 2022'
    says 'and would remove' out
    expect 0 hub plan --site ALPHA --json
    removed=$(json .removed)
    [ "$removed" -gt 0 ] || fail 'nothing would go'
    json '.removes[].update_id' | sort > foretold
    same "$(sqlite3 -readonly hub/update-point.db 'SELECT count(*) FROM export')" "$books" 'nothing is made by that'
    sqlite3 -readonly site/update-point.db "SELECT update_id FROM v_update WHERE is_latest ORDER BY 1" > before
    hub export --site ALPHA --out m2 > /dev/null
    site import m2 --accept-profile > /dev/null
    sqlite3 -readonly site/update-point.db "SELECT update_id FROM v_update WHERE is_latest ORDER BY 1" > after
    comm -23 before after | diff - foretold || fail 'other updates left than was said'
}
