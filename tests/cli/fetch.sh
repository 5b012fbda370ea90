# fetch.sh - fetching content over HTTP: resumed, judged, tried again; from a server that does what ./srv/faults says.

# A hub of month 1 without content, site ALPHA, and the files in ./srv under the names an update server gives them.
fetch_hub() {
    hub init > /dev/null
    hub key generate --name hub-test > /dev/null
    hub sync --from "${1:-$SMALL/m1/export.cab}" > /dev/null
    hub site add ALPHA > /dev/null
    mkdir srv
    find "$SMALL/m1/WsusContent" -type f -exec cp {} srv \;
    unset http_proxy https_proxy all_proxy
}
# serve [OPTION...]: the server, until the test ends; $port and $url say where.
serve() {
    rm -f ready
    python3 "$CHECK/content_server.py" srv --ready ready --log log "$@" &
    server=$!
    trap 'kill $server' EXIT
    while [ ! -e ready ]; do sleep 0.05; done
    port=$(cat ready)
    url=http://127.0.0.1:$port
}
faults() { printf '%s\n' "$@" > srv/faults; }
fetch() { hub content fetch --from "$url" --tries 2 --retry-wait 0 "$@"; }
counts() { json '"\(.wanted) \(.fetched) \(.failed)"'; }
# cause NAME: of a file that failed.
cause() { json ".files[] | select(.address | contains(\"$1\")) | select(.verdict == \"failed\") | .detail"; }
largest() { find srv -name '*.ms[pu]' -size +1000k -exec basename {} \; | head -n 1; }
nth() { find srv -name '*.[cem][asx]*' ! -size +1000k -exec basename {} \; | sort | sed -n "$1p"; }
parts() { find hub/content -name '*.part' -size +0c; }
part_of() { echo "hub/content/fetch/$(echo "${1%.*}" | tr A-F a-f).part"; }
clean_store() { same "$(find hub/content -name '.tmp-*' -o -name '*.part' | wc -l)" 0 'leftovers in the store'; }

test_fetch_whole() {
    fetch_hub
    serve
    expect 0 fetch --dry-run --json
    has_keys . files from wanted bytes_wanted fetched bytes_fetched bytes_resumed failed bytes_failed licence_failed seconds
    has_keys '.files[0]' verdict name sha1 bytes resumed is_licence address detail update
    same "$(counts)" '16 0 0' 'what a dry run counts'
    same "$(json '[.files[].verdict] | unique | join(" ")')" owed 'what a dry run says'
    [ ! -e log ] && [ ! -e hub/content/fetch ] || fail 'a dry run asked or made something'
    expect 0 fetch --json --list
    same "$(counts)" '16 16 0' 'counts'
    same "$(json .from)" "$url/Content" 'from'
    same "$(json '[.files[] | select(.verdict == "fetched")] | length')" 16 'files listed'
    same "$(json .bytes_fetched)" "$(cat srv/* | wc -c)" 'bytes'
    # The address is the server's: capitals, the last two digits, the extension.
    while read -r _ path range status _; do
        name=$(basename "$path")
        same "$range $status" '- 200' 'the request'
        same "$path" "/Content/$(echo "${name%.*}" | cut -c39-40)/$name" 'the path'
        same "$(sha1sum < "srv/$name" | cut -d' ' -f1 | tr a-f A-F)" "${name%.*}" 'the name'
    done < log
    same "$(wc -l < log)" 16 'requests'
    clean_store
    expect 0 hub content verify
    expect 0 fetch --json
    same "$(counts)" '0 0 0' 'the second time'
    same "$(wc -l < log)" 16 'requests of the second time'
    small_site
    expect 0 hub export --site ALPHA --out stick
    expect 0 site import stick
    expect 0 site content verify
}

# From the update server of the tests, and what --json tells on the way.
test_fetch_from_an_update_server() {
    small_package
    fetch_hub
    unset http_proxy https_proxy all_proxy
    upstream pkg
    expect 0 "$SUEXPORT" --home hub content fetch --from "$UP" --json --limit-rate 3M
    same "$(counts)" '16 16 0' 'counts'
    same "$(served Content)" 16 'calls'
    jq -es 'map(select(.event == "progress" and .phase == "content" and .unit == "bytes")) | length > 2 and
        (map(select(.finished)) | length) == 1 and all(.total >= .done) and .[-1].done == 3040883' err > /dev/null || { cat err >&2; fail 'progress'; }
    expect 0 hub content verify
    # One that holds only what it was asked to get says 404.
    mv hub/content hub/gone && mkdir hub/content
    sqlite3 hub/update-point.db 'DELETE FROM stored_file'
    upstream pkg --lazy-content
    expect 9 hub content fetch --from "$UP" --json
    same "$(counts)" '16 0 16' 'counts of a server without content'
    says 'the server does not hold the file' out
    # And one that ignores ranges: a part begins anew.
    upstream pkg --no-ranges
    mkdir -p hub/content/fetch
    head -c 1000 "srv/$(nth 1)" > "$(part_of "$(nth 1)")"
    expect 0 hub content fetch --from "$UP" --json
    logged hub 7415
    same "$(json '"\(.bytes_resumed) \(.bytes_fetched)"')" '1000 3040883' 'bytes'
    expect 0 hub content verify
}

# A hub that was synchronized from a server fetches there by itself; what the server lacks it is asked to get, once,
# a hundred at a time, and is asked for again.
test_fetch_asks_the_server_to_get_it() {
    small_package
    hub init > /dev/null
    unset http_proxy https_proxy all_proxy
    upstream pkg --lazy-content
    expect 0 hub sync --from "$UP"
    hub products --json | jq -r '.[][].update_id' | xargs "$SUEXPORT" --home hub --quiet products add > /dev/null
    hub classifications --json | jq -r '.[][].update_id' | xargs "$SUEXPORT" --home hub --quiet classifications add > /dev/null
    expect 0 hub sync --from "$UP"
    expect 0 hub content fetch --all --tries 2 --retry-wait 0 --json
    same "$(counts)" '16 16 0' 'counts'
    same "$(served DownloadFiles)/$(served DownloadFiles ids)" 1/16 'files that the server was asked to get'
    same "$(served Content)" 32 'requests for files'
    same "$(json .from)" "$UP/Content" 'from'
    expect 0 hub content verify
    # Digests that the server does not know are left out, and the others come.
    rm -rf hub/content/*
    sqlite3 hub/update-point.db "DELETE FROM stored_file; UPDATE file SET sha1=randomblob(20) WHERE licence=1"
    upstream_stop
    port=$(echo "$UP" | sed 's/.*://')
    upstream pkg --lazy-content --port "$port"
    expect 9 hub content fetch --all --tries 2 --retry-wait 0 --json
    same "$(json .error.code)" CONTENT_MISSING 'the whole'
    same "$(counts)" '16 14 2' 'counts when two are not known'
    same "$(served DownloadFiles)/$(served DownloadFiles ids)" 2/30 'calls'
    # When it cannot be asked that is said, and nothing else suffers.
    rm -rf hub/content/*
    sqlite3 hub/update-point.db "DELETE FROM stored_file"
    upstream pkg --lazy-content --port "$port" --fault InternalServerError@DownloadFiles:1+ --own-urls
    expect 9 hub content fetch --from upstream --all --tries 1 --retry-wait 0
    says 'the server does not hold the file' out
    # Whatever else goes wrong on the way.
    upstream pkg --port "$port" --fault drop@Content:3 --fault truncated@Content:4 --fault http-503@Content:5 \
        --fault length-long@Content:6 --fault other-bytes@Content:7 # the first two are those that are not known
    expect 9 hub content fetch --from "$UP" --all --tries 3 --retry-wait 0 --connections 1 --json
    same "$(counts)" '16 12 4' 'counts' # two are not known, one had another byte, one another length
    expect 9 hub content fetch --from "$UP" --all --tries 3 --retry-wait 0 --json
    same "$(counts)" '4 2 2' 'what is left'
}

# Which files: those of the sites, of one site, or all; never everything by itself.
test_fetch_for_whom() {
    fetch_hub
    serve
    hub site set ALPHA --content licence > /dev/null
    hub site add BRAVO --content none > /dev/null
    expect 0 fetch --site BRAVO --json
    same "$(counts)" '0 0 0' 'for BRAVO'
    expect 0 fetch --json
    same "$(counts)" '2 2 0' 'licence terms for ALPHA'
    expect 0 fetch --all --json --dry-run
    same "$(counts)" '14 0 0' 'all of the rest'
    rm -rf hub/content/*
    sqlite3 hub/update-point.db 'DELETE FROM stored_file'
    expect 0 fetch --update KB5100025 --json --list
    same "$(json '[.files[].name] | sort | join(" ")')" 'fabrikam-kb5100024-arm64-3f7a0.msp license-1-de.txt license-1-en.txt' 'files of one update, its licence terms and what it bundles'
    expect 2 fetch --update KB1
    expect 2 fetch --update KB5100025 --all
    expect 2 fetch --site NOBODY
    expect 2 fetch --site ALPHA --all
    mv hub old
    hub init > /dev/null
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    expect 2 fetch
    says '--all fetches whatever the catalogue names'
    expect 2 hub content fetch --all --from upstream
    says 'never synchronized from a server'
    expect 0 fetch --all --connections "$(limit SU_MAX_FETCH_CONNECTIONS)" --json
    same "$(counts)" '16 16 0' 'all'
    expect 2 fetch --all --connections $(($(limit SU_MAX_FETCH_CONNECTIONS) + 1))
    expect 2 fetch --all --connections 0
    expect 2 fetch --all --limit-rate 0
    expect 2 fetch --all --limit-rate fast
    expect 2 fetch --all --from ftp://127.0.0.1/
    says "'ftp' is neither http nor https"
}

# Killed in the middle, it goes on where it was: the server is asked for the rest and nothing else.
test_fetch_resumes_after_kill() {
    fetch_hub
    serve
    faults '* slow'
    "$SUEXPORT" --home hub content fetch --from "$url" > out 2> err &
    killed=$!
    while [ "$(parts | wc -l)" -lt 4 ]; do sleep 0.05; done
    sleep 0.3
    kill -9 $killed
    wait $killed || true
    faults ''
    stored=$(sqlite3 hub/update-point.db 'SELECT count(*) FROM stored_file')
    sleep 0.3 # the server notices
    mv log log.killed
    parts | while read -r part; do
        digest=$(basename "$part" .part | tr a-f A-F)
        echo "$digest $(stat -c %s "$part")"
    done > kept
    [ -s kept ] || fail 'nothing was kept'
    expect 0 fetch --json
    same "$(json .bytes_resumed)" "$(awk '{ n += $2 } END { print n }' kept)" 'bytes that had come before'
    same "$(json '.bytes_wanted - .bytes_fetched')" "$(json .bytes_resumed)" 'bytes that did not come again'
    while read -r digest bytes; do
        if [ "$bytes" = "$(cat srv/"$digest".* | wc -c)" ]; then
            silent_about "$digest" log
        else
            grep -q "/$digest\.[a-z]* bytes=$bytes- 206 " log || fail "$digest was not asked for from $bytes on: $(cat log)"
        fi
    done < kept
    same "$(grep -c ' - 200 ' log)" $((16 - stored - $(wc -l < kept))) 'files asked for from the start'
    clean_store
    expect 0 hub content verify
}

# Killed at whatever moment, also while files join the store: running again finishes the job, and nothing is wrong.
test_fetch_killed_often() {
    fetch_hub
    serve
    for moment in 0.01 0.03 0.05 0.07 0.09 0.12 0.15 0.2; do
        timeout -s KILL $moment "$SUEXPORT" --home hub --quiet content fetch --from "$url" > out 2> err || true
        sqlite3 hub/update-point.db 'SELECT hex(sha256) FROM stored_file' | tr A-F a-f | while read -r digest; do
            same "$(sha256sum < "hub/content/$(echo "$digest" | cut -c1-2)/$digest" | cut -d' ' -f1)" "$digest" "a file entered after $moment s"
        done
    done
    expect 0 fetch
    clean_store
    expect 0 hub content verify
}

test_fetch_interrupted() {
    fetch_hub
    serve
    faults '* slow'
    "$SUEXPORT" --home hub content fetch --from "$url" > out 2> err &
    pid=$!
    while [ "$(parts | wc -l)" -lt 4 ]; do sleep 0.05; done
    kill -INT $pid
    got=0
    wait $pid || got=$?
    same "$got" 8 'exit status'
    says 'What has come is kept'
    [ "$(parts | wc -l)" -ge 4 ] || fail 'nothing was kept'
    faults ''
    expect 0 fetch --json
    same "$(json '.bytes_resumed > 0')" true 'resumed'
    expect 0 hub content verify
}

# A file that is not what the metadata says never gets in, and does not stop the others.
test_fetch_wrong_bytes() {
    fetch_hub
    serve
    faults "$(nth 1) wrong" "$(nth 2) long" "$(nth 3) short" "$(nth 4) endless" "$(nth 5) 404" "$(nth 6) 403" "$(nth 7) headers"
    expect 9 fetch --json
    same "$(json '"\(.wanted) \(.fetched) \(.failed)"')" '16 9 7' 'counts'
    same "$(cause "$(nth 1)" | cut -c1-20)" 'what came has SHA-1 ' 'wrong bytes'
    size=$(wc -c < "srv/$(nth 2)")
    same "$(cause "$(nth 2)")" "the server has a file of $((size + 8)) bytes, expected $size" 'too long'
    size=$(wc -c < "srv/$(nth 3)")
    same "$(cause "$(nth 3)")" "the server has a file of $((size - 1)) bytes, expected $size" 'too short'
    size=$(wc -c < "srv/$(nth 4)")
    same "$(cause "$(nth 4)")" "more than the $size bytes expected came" 'without an end'
    same "$(cause "$(nth 5)")" 'the server answered 404: the server does not hold the file' 'absent'
    same "$(cause "$(nth 6)")" 'the server answered 403' 'refused'
    cause "$(nth 7)" | grep -q 'headers of the answer are longer' || fail 'says nothing of the headers'
    same "$(json '[.files[] | select(.verdict == "failed") | .update] | any(. == "")')" false 'updates named'
    says '"text":"7 of 16 files were not fetched' out
    clean_store
    same "$(find hub/content -type f | wc -l)" 9 'files in the store'
    same "$(sqlite3 hub/update-point.db 'SELECT count(*) FROM stored_file')" 9 'files entered'
    expect 9 hub content verify
    faults ''
    expect 0 fetch --json
    same "$(counts)" '7 7 0' 'mended'
    expect 0 hub content verify
}

# What may pass is tried again: busy, broken off, silent, from the start.
test_fetch_tries_again() {
    fetch_hub
    serve
    faults "$(nth 1) 503 1" "$(largest) cut 1" "$(nth 3) stall 1" "$(nth 4) 429 1" "$(nth 5) 500"
    expect 9 fetch --stall-time 3 --tries 3 --json
    same "$(counts)" '16 15 1' 'counts'
    same "$(cause "$(nth 5)")" 'the server answered 500' 'what does not pass'
    logged hub 7416
    same "$(grep -c "$(nth 5)" log)" 3 'tries'
    grep -q "$(largest) bytes=[0-9]*- 206" log || fail 'what was cut was not resumed'
    clean_store
    # A server that cannot resume begins anew.
    faults "$(nth 5) whole"
    head -c 1000 "srv/$(nth 5)" > "$(part_of "$(nth 5)")"
    expect 0 fetch --json
    grep -q "$(nth 5) bytes=1000- 200" log || fail 'was not asked to resume'
    expect 0 hub content verify
}

# A part with bytes that are not the file's: once from the start, then the file fails.
test_fetch_bad_parts() {
    fetch_hub
    serve
    mkdir hub/content/fetch
    head -c 1000 /dev/zero > "$(part_of "$(nth 1)")"
    { cat "srv/$(nth 2)"; echo more; } > "$(part_of "$(nth 2)")"
    tr '\0-\377' '\1-\377\0' < "srv/$(nth 3)" > "$(part_of "$(nth 3)")"
    cp "srv/$(nth 4)" "$(part_of "$(nth 4)")"
    head -c 10 "srv/$(nth 5)" > "$(part_of "$(nth 5)")"
    ln "$(part_of "$(nth 5)")" linked
    echo x > hub/content/fetch/0123456789012345678901234567890123456789.part
    echo x > hub/content/fetch/other
    faults "$(nth 6) wrong"
    head -c 1000 /dev/zero > "$(part_of "$(nth 6)")"
    expect 9 fetch --json
    same "$(counts)" '16 15 1' 'counts'
    same "$(grep -c "$(nth 1) bytes=1000- 206\|$(nth 1) - 200" log)" 2 'first the rest, then the whole'
    silent_about "$(nth 4)" log
    grep -q "$(nth 2) - 200" log && grep -q "$(nth 3) - 200" log && grep -q "$(nth 5) - 200" log || fail "not from the start: $(cat log)"
    same "$(grep -c "$(nth 6)" log)" 2 'tries of the file that stays wrong'
    same "$(wc -c < linked)" 10 'bytes of a file that something else holds'
    clean_store
    same "$(ls hub/content/fetch)" '' 'what lies with the parts'
}

test_fetch_redirected() {
    fetch_hub
    serve
    cp "srv/$(nth 1)" srv/moved
    faults "$(nth 1) to:/elsewhere/moved?token=secret" "$(nth 2) to:file:///etc/passwd" "$(nth 3) to:/x/$(nth 3)" "$(nth 4) to:gopher://127.0.0.1/x"
    expect 9 fetch --json
    same "$(counts)" '16 13 3' 'counts'
    cause "$(nth 2)" | grep -q "redirected: .*'file' is neither http nor https" || fail "file: $(cause "$(nth 2)")"
    cause "$(nth 3)" | grep -q 'redirected more than 5 times' || fail 'a circle'
    silent_about secret out
}

test_fetch_keeps_to_the_rate() {
    fetch_hub
    serve
    expect 0 fetch --limit-rate 1M --json
    same "$(json '.seconds > 2 and .seconds < 60')" true 'seconds for 2.9 MiB'
    expect 0 hub content verify
}

# Nobody listens: that is no matter of single files.
test_fetch_no_answer() {
    fetch_hub
    url=http://127.0.0.1:1
    expect 1 fetch --json
    same "$(json .error.code)" NETWORK 'code'
    same "$(counts)" '16 0 16' 'counts'
    says '"detail":"http://127.0.0.1:1/Content/' out
    expect 1 fetch --tries 1 --connections 1 --json
    same "$(json '[.files[] | select(.detail | startswith("not tried"))] | length')" 4 'files that were spared'
    url=http://user:secret@127.0.0.1:1/Content
    expect 1 fetch --json
    silent_about secret out
    silent_about secret err
}

test_fetch_disk_full() {
    fetch_hub
    serve
    (ulimit -f 2000; expect 6 hub content fetch --from "$url" --json) # blocks of 512 bytes, below the largest file
    says 'What has come is kept' out
    [ -s "$(part_of "$(largest)")" ] || fail 'nothing was kept'
    expect 0 fetch --json
    grep -q "$(largest) bytes=[0-9]*- 206" log || fail 'was not resumed'
    expect 0 hub content verify
}

# Sizes come from the metadata, and are believed only as far as there is room.
test_fetch_demands_space() {
    fetch_hub
    serve
    sqlite3 hub/update-point.db "UPDATE file SET bytes=9000000000000000 WHERE licence=0"
    expect 6 fetch
    says 'fetching needs about'
    [ ! -e log ] || fail 'asked although there is no room'
}

# authority NAME: NAME.pem, which has signed server.pem for localhost.
authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -days 2 -keyout "$1.key" -out "$1.pem" 2> /dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout server.key -out server.csr 2> /dev/null
    printf 'subjectAltName=DNS:localhost\n' > server.ext
    openssl x509 -req -in server.csr -CA "$1.pem" -CAkey "$1.key" -CAcreateserial -days 2 -extfile server.ext -out server.pem 2> /dev/null
}

test_fetch_certificate() {
    fetch_hub
    authority other
    authority ours
    serve --certificate server.pem --key server.key
    url=https://localhost:$port/Content
    expect 4 fetch --json
    same "$(json .error.code)" CERTIFICATE 'unknown authority'
    expect 4 fetch --ca-file other.pem
    [ ! -e log ] || fail 'something was asked for'
    url=https://127.0.0.1:$port/Content
    expect 4 fetch --ca-file ours.pem # another name
    url=https://localhost:$port/Content
    expect 2 fetch --ca-file absent.pem
    expect 0 fetch --ca-file ours.pem
    expect 0 hub content verify
    # Below https no redirect leads to http.
    kill "$server"
    mv hub/content hub/gone && mkdir hub/content
    sqlite3 hub/update-point.db 'DELETE FROM stored_file'
    serve
    plain=$url
    other=$server
    faults "$(nth 1) to:$plain/x/$(nth 2)"
    serve --certificate server.pem --key server.key
    trap 'kill $server $other' EXIT
    url=https://localhost:$port/Content
    expect 9 fetch --ca-file ours.pem --json
    same "$(counts)" '16 15 1' 'counts'
    cause "$(nth 1)" | grep -q 'redirected from https to what is not' || fail 'was redirected'
    kill "$server"
    serve --certificate server.pem --key server.key --old-tls
    trap 'kill $server $other' EXIT
    url=https://localhost:$port/Content
    expect 1 fetch --ca-file ours.pem --json
    same "$(json .error.code)" TLS 'a server that speaks TLS 1.1 only'
}

# At the addresses of the catalogue, whatever those are.
test_fetch_catalogue_addresses() {
    small_package
    mkdir srv
    serve
    # the first file at an address that nobody may ask, the second with credentials and a token
    python3 - "$url" << 'END'
import re, sys
path, base, count = "pkg/package.xml", sys.argv[1], 0
def local(match):
    global count
    count += 1
    sha1 = re.search(r"_([0-9a-f]{40})(\.\w+)", match[0])
    name = sha1[1].upper() + sha1[2]
    if count == 1:
        return 'MUUrl="file:///etc/passwd"'
    if count == 2:
        return f'MUUrl="{base.replace("//", "//user:secret@")}/d/{name}?P1=secret"'
    return f'MUUrl="{base}/d/{name}"'
text = re.sub(r'MUUrl="[^"]*"', local, open(path).read())
open(path, "w").write(text)
END
    pack_cab
    rmdir srv
    fetch_hub pkg/export.cab
    cp -R hub fresh
    expect 9 hub content fetch --from microsoft --json --list
    same "$(counts)" '16 15 1' 'counts'
    says "'file' is neither http nor https" out
    silent_about secret out
    same "$(grep -c '^GET /d/' log)" 15 'requests'
    same "$(grep -c 'P1=secret' log)" 1 'the token is sent'
    # An address with a limited time that is over.
    mv hub good
    mv fresh hub
    faults "$(nth 6) 403"
    expect 9 hub content fetch --from microsoft --json
    same "$(counts)" '16 14 2' 'counts'
    cause "$(nth 6)" | grep -q 'answered 403.*a new synchronization brings another' || fail 'says nothing of 403'
    # One silent server does not keep the others waiting.
    rm -rf hub log
    cp -R good hub
    rm -rf hub/content/*
    sqlite3 hub/update-point.db "DELETE FROM stored_file; UPDATE file SET url='http://127.0.0.1:1/' || hex(sha1)
        WHERE sha1 IN (SELECT sha1 FROM file WHERE url<>'' GROUP BY sha1 ORDER BY max(licence) DESC, sha1 LIMIT 14)"
    faults ''
    expect 9 hub content fetch --from microsoft --tries 1 --json
    same "$(counts)" '16 2 14' 'counts'
    rm -rf hub
    mv good hub
    # The server that the catalogue came from is asked first, and its gaps are filled from the catalogue's addresses.
    mv hub/content hub/gone && mkdir hub/content
    sqlite3 hub/update-point.db "DELETE FROM stored_file"
    hub source add "$url" > /dev/null
    rm log
    faults "$(nth 3) 404 1" # at /Content, and not at the second address
    expect 0 hub content fetch --tries 1 --json --list
    same "$(counts)" '16 16 0' 'counts'
    same "$(grep -c '^GET /Content/' log)" 16 'requests to the server'
    same "$(sed -n 's/^GET \/d\/\([^ ]*\) .*/\1/p' log)" "$(nth 3)" 'requests beside it'
    expect 0 hub content verify
}

# What other vendors publish comes from their addresses, once it travels.
test_fetch_third_party() {
    small_hub
    unset http_proxy https_proxy all_proxy
    mkdir srv
    serve
    python3 -B "$CHECK/third_party.py" packages v2 3
    for number in 1 2; do printf 'content of package %d' $number > srv/package$number.cab; done
    sed -i "s|http://fabrikam.example/|$url/pub/|" v2/*.sdp
    python3 -B "$CHECK/third_party.py" manifest v2
    hub catalog subscribe --allow-unsigned v2 --name fabrikam > /dev/null
    expect 0 hub content fetch --json
    same "$(counts)" '0 0 0' 'before anything is published'
    expect 0 hub content fetch --update fb1 --json
    same "$(counts)" '1 1 0' 'to look at it before it is published'
    rm -rf hub/content/fetch
    sqlite3 hub/update-point.db "DELETE FROM stored_file WHERE sha1 IN (SELECT sha1 FROM file WHERE name='package1.cab')"
    rm log
    hub catalog publish fb1 fb2 > /dev/null
    expect 0 hub content fetch --json
    same "$(counts)" '2 2 0' 'what was published'
    same "$(cut -d' ' -f2 log | sort | tr '\n' ' ')" '/pub/package1.cab /pub/package2.cab ' 'requests'
    hub catalog publish fb3 > /dev/null
    expect 9 hub content fetch --json
    same "$(json '.files[0].detail')" 'the server answered 404: it is gone' 'what the vendor no longer has'
    small_site
    hub catalog unpublish fb3 > /dev/null
    hub export --site ALPHA --out stick > /dev/null
    expect 0 site import stick
    expect 0 site content verify
}
