# recovery.sh - recovery volumes: their bytes by a second implementation, every loss they promise to mend, and
# what is said when too much is lost.

bundle=stick/SU-ALPHA-000001
name=SU000001

# coded PERCENT VOLUME-SIZE...: a bundle with recovery volumes on ./stick and a site that trusts it.
coded() {
    small_hub
    small_site
    hub site set ALPHA --languages de > /dev/null
    expect 0 hub export --site ALPHA --out stick --recovery "$1" --volume-size "$2" --json
}

test_recovery_by_the_document() {
    for case in '20 200K' '1 150K' '20 64K' '100 300K' '7 1M' '33 100K' '50 16M'; do
        rm -rf hub site stick
        coded ${case% *} ${case#* }
        same "$(json .recovery_percent)" "${case% *}" 'percent'
        same "$(json .recovery_volumes)" "$(find stick -name '*.R*' | wc -l)" 'recovery volumes'
        python3 "$CHECK/check_recovery.py" "$bundle" || fail "$case"
        limit=$(numfmt --from=iec "${case#* }")
        find "$bundle" -name 'SU0*' -size +"${limit}c" > large
        same "$(cat large)" '' "volumes larger than ${case#* }"
        (cd "$bundle" && grep -E '^[0-9a-f]{64}  ' MANIFEST.TXT | sha256sum --strict --quiet -c -)
        expect 0 site verify stick --json
        same "$(json .verdict)" good "$case"
    done
}
