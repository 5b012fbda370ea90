# urgent.sh - single updates that travel outside the profiles, and outside the sequence.

# A hub whose site ALPHA takes one product; $pinned is an update of another one.
narrow_hub() {
    small_hub
    hub site set ALPHA --products 'Fabrikam Server 2022' > /dev/null
    hub audit excluded --site ALPHA --json > excluded
    pinned=$(jq -r '[.excluded[] | select(.reason == "product not chosen" and .kb != "")][0].update_id' excluded)
    [ "$pinned" != null ] || fail 'nothing is excluded'
}

test_pin_selects() {
    narrow_hub
    small_site
    hub export --site ALPHA --out plain > /dev/null
    without=$(sed -n 's/^catalogue \([0-9]*\) .*/\1/p' plain/*/MANIFEST.TXT)
    refused_by_hub 2 hub explain "$pinned" --site ALPHA
    expect 0 hub pin add "$pinned" --note 'asked for by telephone' --json
    same "$(json '"\(.updates | join(" ")) \(.changed) \(.unchanged)"')" "$pinned 1 0" 'pinned'
    expect 0 hub pin add "$pinned" --json
    same "$(json '"\(.changed) \(.unchanged)"')" '0 1' 'pinned again'
    expect 0 hub pin list --json
    same "$(json '"\(.count) \(.pins[0].update_id) \(.pins[0].reason) \(.pins[0].note) \(.pins[0].is_held)"')" \
        "1 $pinned operator asked for by telephone true" 'the list'
    expect 0 hub explain "$pinned" --site ALPHA
    says "selected: pinned $pinned" out
    # It travels with what it needs, and the site, which knows nothing of pins, proves the closure and the files.
    expect 0 hub export --site ALPHA --out stick --json
    [ "$(json .updates)" -gt "$without" ] || fail 'no more updates than without the pin'
    want=$(json .result_digest)
    expect 0 site import plain
    expect 2 site show "$pinned"
    expect 0 site import stick
    same "$(site_digest)" "$want" 'the state'
    expect 0 site show "$pinned" --json
    same "$(python3 "$CHECK/check_closure.py" --open site/update-point.db)" '' 'open clauses at the site'
    expect 0 site content verify
    # Taken back, it leaves again; the state is the one without it.
    hub pin remove "$pinned" > /dev/null
    expect 0 hub export --site ALPHA --out after --json
    same "$(json .updates)" "$without" 'updates after the removal'
    same "$(json .result_digest)" "$(sed -n 's/^result //p' plain/*/MANIFEST.TXT)" 'the state without the pin'
    expect 0 site import after
    expect 0 hub audit ledger
    same "$(sqlite3 -readonly hub/update-point.db "SELECT group_concat(detail, ';') FROM ledger WHERE kind='pin'")" "added $pinned;removed $pinned" 'the ledger'
}
refused_by_hub() {
    sqlite3 -readonly hub/update-point.db .dump > hub.before
    expect "$@"
    grep -q '^  do: ..*' err || fail "no remedy: $*"
    sqlite3 -readonly hub/update-point.db .dump | cmp -s - hub.before || fail "the books changed: $*"
}

# Bytes do not depend on a pin that selects nothing more, and a pin is noticed by what is settled.
test_pin_is_noticed() {
    narrow_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    site receipt --out receipt > /dev/null
    hub receipt add receipt > /dev/null
    expect 0 hub plan --site ALPHA --json
    same "$(json .kind)" none 'settled'
    hub pin add "$pinned" > /dev/null
    expect 0 hub plan --site ALPHA --json
    same "$(json .kind)" delta 'with the pin'
    [ "$(json .records)" -gt 0 ] || fail 'nothing to send'
    hub pin remove "$pinned" > /dev/null
    expect 0 hub plan --site ALPHA --json
    same "$(json .kind)" none 'without it again'
    # One that the profile selects anyway changes no byte.
    selected=$(sqlite3 -readonly site/update-point.db "SELECT update_id FROM v_update WHERE type='Software' AND kb IS NOT NULL ORDER BY 1 LIMIT 1")
    cp -R hub twin
    hub pin add "$selected" > /dev/null
    hub export --site ALPHA --full --out one > /dev/null
    "$SUEXPORT" --home twin --quiet export --site ALPHA --full --out two > /dev/null
    diff -r one two || fail 'other bytes'
    hub explain "$selected" --site ALPHA > out
    silent_about pinned out
}

test_pin_refusals() {
    narrow_hub
    refused_by_hub 2 hub pin add KB99999999
    says 'Nothing was written.'
    refused_by_hub 2 hub pin add "$pinned" no-such-word
    refused_by_hub 2 hub pin remove 00000000-0000-0000-0000-00000000ffff
    # A pin whose update has gone can be taken back, by its id.
    sqlite3 hub/update-point.db "INSERT INTO pin VALUES (x'0000000000000000000000000000ffff', 'third-party', '2026-01-01T00:00:00Z', '')"
    expect 0 hub pin list
    says '(not held)' out
    hub plan --site ALPHA > /dev/null
    expect 0 hub pin remove 00000000-0000-0000-0000-00000000ffff
    expect 0 hub pin list
    says '0 pinned' out
}
