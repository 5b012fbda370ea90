# limits.sh - limits of common/base/limits.h that no other test stands at: the largest that is taken, and the next.

test_limits_of_threads() {
    hub init > /dev/null
    most=$(limit SU_MAX_THREADS)
    expect 0 hub --jobs "$most" sync --from "$SMALL/m1/export.cab"
    expect 2 hub --jobs $((most + 1)) status
    says "--jobs $((most + 1)) is not a number up to $most"
}

# A bundle's folder full of strangers: the first is named; one more, and the folder is not listed to its end.
test_limits_of_a_folder() {
    in_memory
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    bundle=stick/SU-ALPHA-000001
    most=$(limit SU_MAX_FOLDER_NAMES)
    seq -f "$bundle/X%.0f" $((most - $(ls $bundle | wc -l))) | xargs touch
    refused 3 site import stick
    says 'X1 lies in the bundle'
    touch $bundle/Y
    refused 3 site import stick
    says "more than $most names"
}

# A certificate with remarks before it, as long as a file of it may be.
test_limits_of_pem() {
    site init --site ALPHA > /dev/null
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout ca.key -out ca.pem -days 30 -subj '/CN=Test CA' \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2> /dev/null
    most=$(limit SU_MAX_PEM_BYTES)
    { head -c $((most - $(stat -c %s ca.pem))) /dev/zero | tr '\0' '\n'; cat ca.pem; } > long.pem
    { echo; cat long.pem; } > longer.pem
    expect 3 site trust add longer.pem --role exporter --name ca
    says "$((most + 1)) bytes, at most $most"
    expect 0 site trust add long.pem --role exporter --name ca
}

# The text of an alert: what is kept of it, and told.
test_limits_of_an_alert() {
    hub init > /dev/null
    printf '#!/bin/sh\ncat > %s/told\n' "$PWD" > hook
    chmod 755 hook
    hub alert set --hook "$PWD/hook" > /dev/null
    most=$(($(limit SU_ALERT_DETAIL) - 1)) # with its end
    for length in "$most" $((most + 1)); do
        sqlite3 hub/update-point.db "INSERT INTO alert (kind, opened, last, failures, message, detail)
            VALUES ('sync', '2026-11-01T00:00:00Z', '2026-11-01T00:00:00Z', 1, 6703, printf('%.*c', $length, 'x'))"
        hub sync --from "$SMALL/m1/export.cab" > /dev/null
        same "$(jq -r .event told)" closed 'what is told'
        same "$(jq -r .detail told | tr -d '\n' | wc -c)" "$most" "of $length bytes"
    done
}

# A receipt with line ends behind it: as long as one may be it is read, and is none; longer ones are not.
test_limits_of_a_receipt() {
    small_hub
    most=$(limit SU_MAX_RECEIPT_BYTES)
    echo 'SU-RECEIPT 1' > receipt
    head -c $((most - 13)) /dev/zero | tr '\0' '\n' >> receipt
    expect 4 hub receipt add receipt
    says 'not in the form'
    echo >> receipt
    expect 3 hub receipt add receipt
    says "$((most + 1)) bytes"
}

# Documents that fill a frame; what does not fit any more begins the next. One alone may be larger.
test_limits_of_a_frame() {
    small_package
    edit pkg/metadata.txt 'join([(g, n, t + b" " * (c + 1) if c else t) for (g, n, t), c in zip(records(d), [4000000, 4000000, 4000000, 9000000] + [0] * 10000)])'
    pack_cab
    hub init > /dev/null
    hub key generate --name hub-test > /dev/null
    hub sync --from pkg/export.cab > /dev/null
    hub site add ALPHA --content none > /dev/null
    small_site
    hub export --site ALPHA --out stick > /dev/null
    sed -n 's/^frame \([0-9]*\) .*/\1/p' stick/*/MANIFEST.TXT > frames
    most=$(limit SU_FRAME_BYTES)
    same "$(awk -v most="$most" '$1 > most { n++ } END { print n + 0 }' frames)" 1 'frames above the limit: that of one document'
    [ "$(awk -v most="$most" '$1 <= most && $1 > m { m = $1 } END { print m }' frames)" -gt 8000000 ] || fail "two documents of 4 MB are not in one frame: $(cat frames)"
    expect 0 site import stick
}
