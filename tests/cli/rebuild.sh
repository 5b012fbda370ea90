# rebuild.sh - a lost site made again from the bundles that were kept; undo of a named import.

# A hub and a site that has imported four bundles: full, delta, delta with another profile, delta. They are
# kept on two media, on which the hub's other bundles lie too.
make_lost_site() {
    small_hub
    small_site
    hub site add BRAVO > /dev/null
    hub export --site ALPHA --out one > /dev/null
    hub export --site BRAVO --out one > /dev/null
    site import one > /dev/null
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    hub export --site ALPHA --out two > /dev/null
    site import two > /dev/null
    hub site set ALPHA --products 'Fabrikam Server' > /dev/null
    hub export --site ALPHA --out one > /dev/null
    site import one --accept-profile > /dev/null
    hub site set ALPHA --products 'Fabrikam Server; Fabrikam Desktop 11' > /dev/null
    hub export --site ALPHA --out two > /dev/null
    site import two --accept-profile > /dev/null
    site receipt --out receipt > /dev/null
    site_dump > lost.dump
    find site/content -type f -printf '%f\n' | sort > lost.store
    site_digest > lost.digest
    mv site lost
    site init --site ALPHA > /dev/null
    site trust add hub.pub > /dev/null
}

test_rebuild_lost_site() {
    cached lost-site make_lost_site
    expect 0 site rebuild --from one --from two --expect "$(cat lost.digest)" --json
    same "$(json '"\(.state_digest) \(.imported) \(.sequence) \([.steps[].sequence] | tostring)"')" "$(cat lost.digest) 4 4 [1,2,3,4]" 'the answer'
    site_dump | diff lost.dump - > /dev/null || fail 'another site'
    find site/content -type f -printf '%f\n' | sort | diff lost.store -
    expect 0 site content verify
    expect 0 site audit verify
    # In use now: another rebuild is refused.
    refused 10 site rebuild --from one --from two
    says 7622
    # The receipt of the lost site says the same state, the derived tables can be made again as before.
    rm -rf site && site init --site ALPHA > /dev/null && site trust add hub.pub > /dev/null
    expect 0 site rebuild --from one two --expect receipt
    says 'imported' out
    expect 0 site rebuild
    same "$(site_digest)" "$(cat lost.digest)" 'after the derived tables'
}

test_rebuild_refusals() {
    cached lost-site make_lost_site
    # A gap in the middle: the full bundle is there, its first delta is not.
    mkdir gap
    cp -R one/SU-ALPHA-000001 gap
    expect 3 site rebuild --from gap --expect "$(cat lost.digest)"
    says 'expected was'
    says ' 7204 '
    rm -rf site && site init --site ALPHA > /dev/null && site trust add hub.pub > /dev/null
    rm -rf gap/SU-ALPHA-000001
    cp -R two/SU-ALPHA-000002 gap
    expect 5 site rebuild --from gap --json
    same "$(json '"\(.imported) \(.steps[0].result) \(.error.id)"')" '0 passed over 7305' 'nothing fits'
    says 'Nothing was written'
    same "$(site status --json | jq .last_sequence)" 0 'the site'
    # A damaged one is passed over, and said, when nothing after it does its work.
    cp -R one/SU-ALPHA-000001 gap
    flip gap/SU-ALPHA-000002/SU000002.001 3000
    expect 3 site rebuild --from gap --json
    same "$(json '"\(.imported) \(.sequence) \(.error.id)"')" '1 1 7304' 'a damaged delta'
    says 'as far as SU-ALPHA-000001'
    rm -rf site && site init --site ALPHA > /dev/null && site trust add hub.pub > /dev/null
    hub export --site ALPHA --full --out gap > /dev/null
    expect 0 site rebuild --from gap
    same "$(site_digest)" "$(cat lost.digest)" 'a full bundle after a damaged one'
    # Without the key nothing is taken, and other sites' bundles are none.
    rm -rf site && site init --site ALPHA > /dev/null
    expect 4 site rebuild --from one
    rm -rf site && site init --site CHARLIE > /dev/null
    expect 10 site rebuild --from one
    expect 2 site rebuild --from nowhere
    expect 2 site rebuild one
    expect 2 site rebuild --expect "$(cat lost.digest)"
}

# A bundle cut out of the middle of a chain of receipts: deltas without a bridge say which is missing.
test_rebuild_gap_is_named() {
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    for month in 2 1 2; do
        site receipt --out receipt > /dev/null
        hub receipt add receipt > /dev/null
        hub sync --from "$SMALL/m$month/export.cab" > /dev/null
        [ "$month" = 1 ] || hub content add "$SMALL/m$month/WsusContent" > /dev/null
        hub export --site ALPHA --out stick > /dev/null
        site import stick > /dev/null
        rm -f receipt
    done
    mv site lost
    site init --site ALPHA > /dev/null && site trust add hub.pub > /dev/null
    mv stick/SU-ALPHA-000002 kept
    expect 5 site rebuild --from stick
    says 'as far as SU-ALPHA-000001'
    says '7305'
    same "$(site status --json | jq .last_sequence)" 1 'how far it came'
    # The missing one is brought, and the rebuild goes on where it stood; after that the home is in use.
    mv kept stick/SU-ALPHA-000002
    expect 0 site rebuild --from stick --json
    same "$(json '"\(.imported) \(.sequence) \([.steps[].result] | unique | tostring)"')" '3 4 ["held","imported"]' 'the rest'
    refused 10 site rebuild --from stick
    same "$(site_digest)" "$(sqlite3 -readonly lost/update-point.db 'SELECT state_digest FROM v_sync_history ORDER BY sync_id DESC LIMIT 1')" 'all of the chain'
}

test_undo_of_a_named_import() {
    cached lost-site make_lost_site
    rm -rf site && mv lost site
    refused 10 site undo 3
    says 'bundle 3 cannot be undone: SU-ALPHA-000004 was imported after it'
    says 'suimport undo 4'
    refused 10 site undo 9
    expect 0 site undo 4
    says 'return a new receipt' out
    refused 10 site undo 4
    expect 0 site undo 3
    expect 0 site undo
    same "$(site status --json | jq .last_sequence)" 1 'after three'
    expect 2 site undo SU-ALPHA-000001
    expect 2 site undo 0
}
