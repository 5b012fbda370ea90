# upstream.sh - the update server as a source (tests/upstream.py plays it), and the test server itself.

# packages [ARGUMENT...]: p1 and p2, the two months, made by the generator.
packages() { for _month in 1 2; do "$SMALL/generate" --out "p$_month" --month "$_month" "${@:---small}" > /dev/null; done; }
reference() { python3 "$CHECK/upstream_client.py" "$UP" "$@"; }
sorted_records() { python3 -B -c 'import sys; sys.path.insert(0, sys.argv[1]); from check_documents import *
sys.stdout.buffer.write(join(sorted(records(open(sys.argv[2], "rb").read()))))' "$CHECK" "$1"; }

# What the server gives is what the package holds, to the byte, in whatever pieces it comes.
test_upstream_serves_the_package() {
    packages
    sorted_records p1/metadata.txt > want
    upstream p1 p2 --all-revisions
    reference out --every > /dev/null
    cmp want out/metadata.txt || fail 'the documents differ'
    upstream p1 p2 --all-revisions --children by-id --max-batch 3 --max-answer 6000
    reference pieces --every > /dev/null
    [ "$(served GetUpdateData cut)" -gt 0 ] || fail 'no answer was cut'
    [ "$(served GetRevisionIdList ids)" -lt 43 ] || fail 'the children were listed'
    cmp want pieces/metadata.txt || fail 'the documents differ in pieces'
}

# The services' own description judges every answer, and what the specification shows passes the server's reader.
test_upstream_speaks_as_described() {
    need_data "$DATA/server-sync/ServerSyncWebService.wsdl"
    packages
    upstream p1 p2 --captured "$DATA/server-sync/000014-GetUpdateData.response.xml"
    reference out --every > /dev/null
    same "$(ls out/*.xml | sed 's/.*-//; s/\.xml//' | sort -u | wc -l)" 11 'operations tried'
    python3 "$CHECK/upstream_schema.py" "$DATA/server-sync" out/*.xml > judged || { cat judged >&2; fail 'an answer is not as described'; }
    python3 -B -c 'import sys; sys.path.insert(0, sys.argv[1]); from check_documents import records
held = {(g, r): d for g, r, d in records(open("out/metadata.txt", "rb").read())}
want = open(sys.argv[2], "rb").read()
assert held["266f6222-c89d-43f2-9f8a-69340271e677", 200] == want.strip(), "not the genuine document"' "$CHECK" \
        "$DATA/server-sync/266f6222-c89d-43f2-9f8a-69340271e677.r200.xml"
    # It can fail: an answer with another value, one with another order.
    for change in 's/<RevisionNumber>/<RevisionNumber>x/' 's,\(<Anchor>[^<]*</Anchor>\)\(<NewRevisions>.*</NewRevisions>\),\2\1,'; do
        sed "$change" out/005-GetRevisionIdList.xml > bad.xml
        ! python3 "$CHECK/upstream_schema.py" "$DATA/server-sync" bad.xml > judged || fail "taken: $change"
    done
    # Requests and answers of the reference pass too.
    python3 "$CHECK/upstream_schema.py" "$DATA/server-sync" "$DATA/server-sync/messages"/*.xml "$DATA/server-sync/000014-GetUpdateData.response.xml" > judged ||
        { cat judged >&2; fail 'a message of the reference is not as described'; }
    python3 -B -c 'import sys; sys.path.insert(0, sys.argv[1]); import upstream_soap
for path in sys.argv[2:]: upstream_soap.read_request(open(path, "rb").read())' "$CHECK" "$DATA/server-sync/messages"/*.request.xml
}

# Content as IIS gives it: by folder and name, in ranges; a wrong folder 404, no extension 403.
test_upstream_content() {
    packages
    upstream p1 p2
    file=$(cd p1/WsusContent && ls -d */* | head -n 1)
    get() { curl -s --noproxy '*' -o got -w '%{http_code}' "$@"; }
    same "$(get "$UP/Content/$file")" 200 'a file'
    cmp got "p1/WsusContent/$file" || fail 'other bytes'
    same "$(get "$UP/content/$(echo "$file" | tr 'A-F' 'a-f')")" 200 'in small letters'
    same "$(get -r 10-19 "$UP/Content/$file")" 206 'a range'
    head -c 20 "p1/WsusContent/$file" | tail -c 10 | cmp - got || fail 'another range'
    same "$(get -r 999999999- "$UP/Content/$file")" 416 'a range beyond the end'
    same "$(get "$UP/Content/00/${file#*/}")" 404 'the wrong folder'
    same "$(get "$UP/Content/${file%.*}")" 403 'no extension'
    same "$(get "$UP/Content/../../../etc/passwd" --path-as-is)" 404 'a path upwards'
    upstream p1 --lazy-content
    same "$(get "$UP/Content/$file")" 404 'before it was asked for'
    python3 -B -c 'import sys, base64; sys.path.insert(0, sys.argv[1]); from upstream_client import Client, Refused
client = Client(sys.argv[2]); client.connect()
def ask(data): client.call("DownloadFiles", "<fileDigestList><base64Binary>%s</base64Binary></fileDigestList>" % base64.b64encode(data).decode())
try: ask(bytes(20)); raise AssertionError("an unknown file was taken")
except Refused as refused: assert refused.args[1:] == ("FileDigestsMissing", "A" * 27 + "="), refused
ask(bytes.fromhex(sys.argv[3]))' "$CHECK" "$UP" "$(basename "${file%.*}")"
    same "$(get "$UP/Content/$file")" 200 'after it was asked for'
}

# The test server says no, counts and misbehaves as it should: a lax one would prove nothing of who passes it.
test_upstream_says_no() {
    packages
    upstream p1 p2
    python3 "$CHECK/check_upstream.py" no "$UP"
}
test_upstream_anchors() {
    packages
    upstream p1 p2 --server-id 11111111-2222-3333-4444-555555555555
    other=$UP
    python3 "$CHECK/upstream.py" p1 p2 --with-parent > port2 & # another server, beside
    until [ -s port2 ]; do sleep 0.05; done
    python3 "$CHECK/check_upstream.py" anchors "http://127.0.0.1:$(cut -d ' ' -f 2 port2)" "$other"
    kill $!
}
test_upstream_misbehaves() {
    packages
    upstream p1 p2
    python3 "$CHECK/check_upstream.py" faults "$UP"
}
test_upstream_speaks_tls_and_ends() {
    packages
    tls_authority
    upstream p1 --tls server.pem server.key
    fetch() { curl -sS --noproxy '*' "$@" "$UP/Content/none" > got 2> err; }
    fetch --cacert authority.pem || fail 'its own authority does not vouch for it'
    ! fetch || fail 'trusted without an authority'
    ! curl -sS --noproxy '*' "http://${UP#https://}/" > got 2> err || fail 'speaks without TLS'
    # It ends with who started it, however that ends.
    sh -c "python3 '$CHECK/upstream.py' p1 --with-parent > port3 & echo \$! > pid3; wait" &
    until [ -s port3 ]; do sleep 0.05; done
    kill -0 "$(cat pid3)"
    kill -9 $!
    tries=0
    while kill -0 "$(cat pid3)" 2> /dev/null; do tries=$((tries + 1)); [ $tries -lt 100 ] || fail 'the server lives on'; sleep 0.05; done
}

# From here on the program is the client.

up_sync() { "$SUEXPORT" --home hub --quiet sync --from "$UP" --retry-wait 0 "$@"; }
# Everything the catalogue knows of is wanted.
choose_all() {
    hub products add --all > /dev/null
    hub classifications add --all > /dev/null
}
count() { json '"\(.new) \(.revised) \(.expired) \(.removed) \(.unchanged) \(.updates) \(.revisions)"'; }
documents() { python3 "$CHECK/check_documents.py" "$1" hub/update-point.db; }
# A server with the two months, and a hub that has its categories and wants everything.
whole_server() {
    packages
    upstream p1 p2 --all-revisions "$@"
    hub init > /dev/null
    up_sync > /dev/null 2>&1
    choose_all
}

test_upstream_first_sync() {
    packages
    upstream p1 p2 --all-revisions
    hub init > /dev/null
    expect 0 "$SUEXPORT" --home hub sync --from "$UP" --json
    same "$(count)" '17 0 0 0 0 17 18' 'without a choice: categories and detectoids'
    same "$(json .kind)" upstream-wsusss 'kind'
    says 'only categories are synchronized'
    logged hub 7143
    same "$(served GetRevisionIdList)" 1 'listings'
    choose_all
    expect 0 up_sync --json
    same "$(count)" '24 0 0 0 17 41 43' 'with everything chosen'
    documents p1
    same "$(json .state_digest)" "$(python3 "$CHECK/check_state.py" hub/update-point.db)" 'state digest'
    same "$(json '"\(.calls) \(.received)"')" "$(awk 'NR > 6 { n++; split($5, p, "="); sum += p[2] } END { print n, sum }' upstream.log)" 'calls and bytes'
    # It is the catalogue that the same package gives as a file, but for the addresses nobody was asked for.
    cp -a hub from-server
    rm -rf hub
    hub init > /dev/null
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    same "$(hub_digest)" "$(json .state_digest)" 'the digest of the package'
}

test_upstream_second_sync() {
    whole_server
    expect 0 up_sync --json
    digest=$(json .state_digest)
    : > upstream.log
    expect 0 up_sync --json
    same "$(count)" '0 0 0 0 41 41 43' 'nothing new'
    same "$(json .state_digest)" "$digest" 'the digest'
    same "$(served GetUpdateData)" 0 'documents asked for'
    control month=2
    : > upstream.log
    expect 0 up_sync --json
    same "$(served GetRevisionIdList ids) $(served GetUpdateData ids) $(served GetUpdateData updates)" '5 5 5' 'transferred: the change'
    same "$(count)" '2 2 1 0 38 43 47' 'the change'
    # What the server no longer lists stays until everything is compared.
    expect 0 up_sync --full --json
    same "$(count)" '0 0 0 1 42 42 46' 'everything compared'
    documents p2
    whole=$(json .state_digest)
    rm -rf hub
    hub init > /dev/null
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    same "$(hub_digest)" "$whole" 'the digest of the package'
}

# Whatever the sizes and orders in which things come, the catalogue is the same.
test_upstream_batches() {
    whole_server --children by-id --max-batch 7 --max-answer 9000
    expect 0 up_sync --json
    [ "$(served GetUpdateData cut)" -gt 0 ] || fail 'no answer was cut'
    [ "$(served GetRevisionIdList ids)" -lt 50 ] || fail 'the children were listed'
    same "$(count)" '24 0 0 0 17 41 43' 'in pieces'
    documents p1
    awk '$2 == "operation=GetUpdateData" { split($6, p, "="); if (p[2] > 7) exit 1 }' upstream.log || fail 'a batch above the limit'
    silent_about 'status=500' upstream.log
}

revisions() { sqlite3 -readonly "$1/update-point.db" 'SELECT hex(update_id), revision, origin, hex(record_sha256) FROM revision ORDER BY 1,2'; }
# What comes in passing is overcome: asked for again, in smaller pieces, with a new cookie, from the beginning. The
# rest ends the run: the catalogue is as it was, it is said what to do, and the same command then does it.
fault_hub() {
    in_memory
    whole_server
    cp -a hub base
    expect 0 up_sync --json
    want=$(json .state_digest)
}
# fault ORDER STATUS [TEXT]
fault() {
    rm -rf hub
    cp -a base hub
    control "faults=none&fault=$(echo "$1" | sed 's/+/%2b/')"
    : > upstream.log
    _got=0
    case $1 in stalled*) _stall=1 ;; *) _stall=60 ;; esac
    timeout 200 "$SUEXPORT" --home hub sync --from "$UP" --retry-wait 0 --stall-time $_stall --json > out 2> err || _got=$?
    [ "$_got" = "$2" ] || { cut -c1-300 err >&2; tail -n 5 upstream.log >&2; fail "$1: exit $_got, expected $2"; }
    grep -q "fault=${1%%@*}" upstream.log || fail "$1 did not happen"
    [ -z "$3" ] || says "$3"
    if [ "$2" != 0 ]; then
        says '  do: '
        says 'The catalogue is as it was.'
        [ "$(revisions hub)" = "$(revisions base)" ] || fail "the catalogue changed with $1"
        control faults=none
        expect 0 up_sync --json
    fi
    same "$(json .state_digest)" "$want" "the digest after $1"
}
test_upstream_overcomes_faults() {
    fault_hub
    for order in InvalidCookie@GetConfigData:1 InvalidCookie@GetUpdateData:1 InvalidAuthorizationCookie@GetCookie:1 cookie-wrong@GetCookie:1 \
        InternalServerError@GetUpdateData:1 ServerChanged@1 ServerChanged@GetCookie:1-2 ServerChanged@GetConfigData:1 ServerChanged@GetRevisionIdList:2 ServerChanged@GetUpdateData:1 ServerBusy@GetUpdateData:1-3 \
        cut@GetUpdateData:1 empty-result@GetUpdateData:1 duplicate@GetUpdateData:1 stranger@GetUpdateData:1 other-document@GetUpdateData:1 \
        blob-none@GetUpdateData:1 blob-both@GetUpdateData:1 blob-damaged@GetUpdateData:1 blob-cut@GetUpdateData:1 bomb@GetUpdateData:1 \
        drop@1 drop@GetUpdateData:1-2 truncated@GetRevisionIdList:2 truncated@GetUpdateData:1 length-long@GetUpdateData:1 length-short@GetRevisionIdList:1 \
        http-503@GetAuthConfig:1 http-500@GetUpdateData:1 slow@GetRevisionIdList:2 stalled@GetUpdateData:1 garbage@GetRevisionIdList:1 not-xml@GetUpdateData:1; do
        fault $order 0
        case $order in ServerChanged@1) logged hub 7144 ;; esac
    done
}
test_upstream_ends_at_faults() {
    fault_hub
    fault InvalidParameters@GetUpdateData:1 1 'GetUpdateData: the server says InvalidParameters: parameters'
    fault InvalidCookie@GetUpdateData:1+ 1 InvalidCookie
    fault cookie-wrong@GetAuthorizationCookie:1+ 1 InvalidAuthorizationCookie
    fault InternalServerError@GetRevisionIdList:1 1 'GetRevisionIdList: the server says InternalServerError'
    fault IncompatibleProtocolVersion@GetCookie:1 1 IncompatibleProtocolVersion
    fault FileDigestsMissing@GetUpdateData:1 1 FileDigestsMissing
    fault TooManyIds@GetRevisionIdList:1 1 TooManyIds
    fault ServerBusy@GetUpdateData:1+ 1 ServerBusy
    logged hub 7141
    fault ServerChanged@GetRevisionIdList:1+ 1 ServerChanged
    fault ServerChanged@GetConfigData:1+ 1 'GetConfigData: the server says ServerChanged'
    same "$(served GetConfigData)" 4 'calls: three, and one that went well'
    fault fault-bare@GetRevisionIdList:1 1 'a fault without a code'
    fault drop@GetUpdateData:1+ 1 'GetUpdateData: '
    fault truncated@GetRevisionIdList:1+ 1 'GetRevisionIdList: '
    fault stalled@GetConfigData:1+ 1 'nothing came for 1 second'
    fault http-401@GetUpdateData:1 1 "suexport: 7413 $UP: GetUpdateData: the server answers with HTTP status 401"
    fault http-404@GetAuthConfig:1 1 'HTTP status 404'
    fault http-503@GetRevisionIdList:1+ 1 'HTTP status 503'
    fault redirect@GetUpdateData:1 1 'HTTP status 302'
    fault garbage@GetConfigData:1+ 3 'GetConfigData: '
    fault not-xml@GetAuthConfig:1+ 3 'GetAuthConfig: '
    fault laughs@GetRevisionIdList:1+ 3 'document type declaration'
    fault deep@GetRevisionIdList:1+ 3 'GetRevisionIdList: '
    fault endless@GetRevisionIdList:1+ 3 'GetRevisionIdList: '
    fault empty-result@GetRevisionIdList:1 3 'GetRevisionIdList: '
    fault other-answer@GetRevisionIdList:1+ 3 'PingResponse'
    fault InternalServerError@GetUpdateData:1+ 1 'the server gives none of 25 updates it lists'
    fault empty-result@GetUpdateData:1+ 1 'the server gives none of 25 updates it lists'
    fault truncated@GetUpdateData:1+ 1 'GetUpdateData: '
    fault length-short@GetUpdateData:1+ 3 'GetUpdateData: '
    fault garbage@GetUpdateData:1+ 3 'GetUpdateData: '
    fault laughs@GetUpdateData:1+ 3 'document type declaration'
    fault endless@GetUpdateData:1+ 3 'GetUpdateData: '
    fault stranger@GetUpdateData:1+ 3 'which was not asked for'
    fault duplicate@GetUpdateData:1+ 3 'which was given already'
    fault anchor-long@GetRevisionIdList:2+ 3 'GetRevisionIdList: '
    fault identity-bad@GetRevisionIdList:2+ 3 'RevisionNumber -'
}

# What a server says is not believed further than it can be checked, and never reaches a terminal as it is.
test_upstream_hostile_words() {
    fault_hub
    rm -rf hub
    cp -a base hub
    control 'fault=url-hostile@GetUpdateData:1%2b&fault=languages-hostile@GetConfigData:1%2b'
    expect 11 up_sync
    says 'is skipped: a download address is'
    logged hub 7142
    same "$(sqlite3 -readonly hub/update-point.db "SELECT count(*) FROM v_file WHERE url LIKE '%b/%'")" 0 'addresses taken'
    expect 0 hub languages
    ! grep -q "$(printf '\302\233')" out || fail 'a control character reaches the terminal'
    says '2J xxx' out
    # Skipped updates are asked for again, and nothing of the rest.
    control faults=none
    : > upstream.log
    expect 0 up_sync --json
    same "$(json .state_digest)" "$want" 'the digest after addresses as they should be'
    same "$(served GetRevisionIdList ids) $(served GetUpdateData updates)" '0 15' 'transferred'
}

# A bundle whose part the server does not have is told in numbers, each time; it is whole when the part is there.
test_upstream_bundle_incomplete() {
    fault_hub
    same "$(json '"\(.open_bundled) \(.missing)"')" '0 0' 'with all'
    child=$(sqlite3 -readonly hub/update-point.db 'SELECT lower(hex(target)) FROM bundled ORDER BY 1 LIMIT 1' | sed 's/\(.\{8\}\)\(.\{4\}\)\(.\{4\}\)\(.\{4\}\)/\1-\2-\3-\4-/')
    bundles=$(sqlite3 -readonly hub/update-point.db "SELECT count(DISTINCT rev_id) FROM bundled WHERE lower(hex(target))='$(echo "$child" | tr -d -)'")
    [ "$bundles" -gt 0 ] || fail 'no bundle in the sample'
    rm -rf hub
    cp -a base hub
    port=${UP##*:}
    upstream p1 p2 --all-revisions --children by-id --without "$child" --port "$port"
    expect 11 up_sync --json
    same "$(json '"\(.open_bundled) \(.missing)"')" "$bundles 1" 'without one part'
    says "$bundles bundles lack an update that the server does not have"
    upstream p1 p2 --all-revisions --children by-id --port "$port"
    expect 0 up_sync --json
    same "$(json '"\(.open_bundled) \(.missing) \(.state_digest)"')" "0 0 $want" 'with all of them again'
}

# Updates that a server lists and does not give are named, the rest comes; each time they are asked for again.
test_upstream_skips_what_is_not_given() {
    fault_hub
    rm -rf hub
    cp -a base hub
    control fault=blob-damaged@GetUpdateData:1%2b
    expect 11 up_sync --json
    says 'is skipped: '
    same "$(json '"\(.new) \(.missing)"') $(hub source show --json | jq '.missing | length')" '23 1 1' 'missing'
    expect 11 up_sync
    control faults=none
    expect 0 up_sync --json
    same "$(json .state_digest) $(json .missing) $(hub source show --json | jq '.missing | length')" "$want 0 0" 'in the end'
}

# The account goes to the server that was named, wherever it says that it should go.
test_upstream_service_elsewhere() {
    packages
    upstream p1
    elsewhere=$UP
    for url in "$elsewhere/DssAuthWebService/DssAuthWebService.asmx" //127.0.0.1/DssAuthWebService.asmx ../../x.asmx "$(printf 'x%03000d' 1)"; do
        python3 "$CHECK/upstream.py" p1 --with-parent --auth-url "$url" > port4 &
        until [ -s port4 ]; do sleep 0.05; done
        rm -rf hub
        hub init > /dev/null
        expect 3 hub sync --from "$(cut -d ' ' -f 3 port4)"
        says 'GetAuthConfig: ServiceUrl '
        kill $!
        : > port4
    done
    same "$(served GetAuthorizationCookie)" 0 'accounts that reached the other'
}

# What was fetched before a failure is not fetched again.
test_upstream_goes_on_where_it_was() {
    whole_server --max-batch 5
    control fault=drop@GetUpdateData:3%2b
    : > upstream.log
    expect 1 up_sync
    control faults=none
    first=$(awk '/GetUpdateData/ && !/fault/' upstream.log | sed 's/.*updates=\([0-9]*\).*/\1/' | awk '{ sum += $1 } END { print sum }')
    same "$first" 10 'what came before'
    : > upstream.log
    expect 0 up_sync --json
    same "$(served GetUpdateData updates) $(served GetRevisionIdList)" '15 0' 'what came after'
    documents p1
}

# What is chosen comes, what it bundles, and nothing else.
test_upstream_chosen() {
    packages
    for children in listed by-id; do
        upstream p1 p2 --children $children
        rm -rf hub
        hub init > /dev/null
        up_sync > /dev/null 2>&1
        hub products add 'Fabrikam Desktop 11' 'Fabrikam Server 2022' > /dev/null
        expect 0 up_sync --json
        same "$(served GetUpdateData ids) $(json .updates)" '17 17' 'products alone bring nothing'
        says 'only categories are synchronized'
        hub classifications add 'Critical Updates' 'Drivers' > /dev/null
        expect 0 up_sync --json
        python3 "$CHECK/check_upstream.py" chosen p1 hub/update-point.db 'Fabrikam Desktop 11' 'Fabrikam Server 2022' - 'Critical Updates' 'Drivers' > chosen.$children
        # Chosen no more: what came stays, and goes when everything is compared.
        hub products remove 'Fabrikam Server 2022' > /dev/null
        expect 0 up_sync
        cp hub/update-point.db before.db
        expect 0 up_sync --full
        python3 "$CHECK/check_upstream.py" chosen p1 hub/update-point.db 'Fabrikam Desktop 11' - 'Critical Updates' 'Drivers'
        ! python3 "$CHECK/check_upstream.py" chosen p1 before.db 'Fabrikam Desktop 11' - 'Critical Updates' 'Drivers' 2> err || fail 'the oracle sees no difference'
    done
    cmp chosen.listed chosen.by-id || fail 'listed or not, the children are the same'
}

# A product chosen later brings its own updates and no others; its updates go on changing with the rest.
test_upstream_product_chosen_later() {
    packages
    upstream p1 p2
    hub init > /dev/null
    up_sync > /dev/null 2>&1
    hub products add 'Fabrikam Server 2025' > /dev/null
    hub classifications add 'Security Updates' 'Critical Updates' > /dev/null
    expect 0 up_sync --json
    few=$(json .updates)
    : > upstream.log
    hub products add 'Fabrikam Desktop 11' > /dev/null
    expect 0 up_sync --json
    same "$(grep -c 'list=updates anchor=1 delta=3 full=1' upstream.log)" 1 'asked for in full: the new one'
    same "$(json .new)" "$(served GetUpdateData updates)" 'transferred: the new ones'
    [ "$(json .updates)" -gt "$few" ] && [ "$(json .updates)" -lt 41 ] || fail 'neither few nor all'
    digest=$(json .state_digest)
    control month=2
    : > upstream.log
    expect 0 up_sync --json
    same "$(grep -c 'list=updates anchor=1 delta=4 full=0' upstream.log)" 1 'asked for as a change: both'
    # A hub that wanted both from the beginning has the same.
    control month=1
    rm -rf hub
    hub init > /dev/null
    up_sync > /dev/null 2>&1
    hub products add 'Fabrikam Server 2025' 'Fabrikam Desktop 11' > /dev/null
    hub classifications add 'Security Updates' 'Critical Updates' > /dev/null
    expect 0 up_sync --json
    same "$(json .state_digest)" "$digest" 'digest'
}

# Another server under the same address: its anchors mean something else, and everything is compared.
test_upstream_server_changed() {
    whole_server
    expect 0 up_sync --json
    digest=$(json .state_digest)
    upstream p1 p2 --all-revisions --server-id 11111111-2222-3333-4444-555555555555 --port "${UP##*:}"
    expect 0 "$SUEXPORT" --home hub sync --from "$UP" --json
    says ServerChanged
    same "$(json .state_digest) $(json .new)" "$digest 0" 'digest'
    same "$(served GetRevisionIdList)" 3 'listings'
    # One that says so before it has listed anything.
    for when in GetCookie:1 GetConfigData:1-2; do
        control fault=ServerChanged@$when
        : > upstream.log
        expect 0 "$SUEXPORT" --home hub sync --from "$UP" --json
        says "${when%:*}: the server says ServerChanged"
        same "$(json .state_digest) $(json .new)" "$digest 0" 'digest'
        same "$(grep -c 'list=[a-z]* anchor=0' upstream.log) $(served GetRevisionIdList)" '2 2' 'listings, from the beginning'
    done
    : > upstream.log
    expect 0 up_sync
    same "$(grep -c 'list=[a-z]* anchor=1' upstream.log)" 2 'listings afterwards'
}

test_upstream_cookie_renewed() {
    whole_server --max-batch 4
    control 'cookie-life=2&fault=slow@GetUpdateData:2'
    : > upstream.log
    expect 0 up_sync --json
    documents p1
    [ "$(served GetCookie)" -ge 2 ] || fail 'one cookie'
    silent_about InvalidCookie upstream.log
}

test_upstream_tls() {
    packages
    tls_authority
    tls_authority other
    upstream p1 --tls server.pem server.key
    hub init > /dev/null
    expect 4 up_sync
    says 'certificate'
    says 'The catalogue is as it was.'
    expect 4 up_sync --ca-file authority.pem
    same "$(served GetAuthConfig)" 0 'calls heard'
    expect 0 up_sync --ca-file other.pem --json
    same "$(json .new)" 17 'new'
    expect 0 up_sync # it is remembered
    hub init --name x > /dev/null || true
}

# By way of a proxy, which alone knows the server's name; it is remembered, credentials are not.
test_upstream_proxy() {
    packages
    unset http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY
    upstream p1
    hub init > /dev/null
    far=http://update.invalid:8530
    far_sync() { "$SUEXPORT" --home hub --quiet sync --from $far --retry-wait 0 "$@"; }
    expect 1 far_sync
    same "$(wc -l < upstream.log)" 0 'calls without a proxy'
    expect 0 far_sync --proxy "$UP" --json
    same "$(json .new)" 17 'new'
    same "$(grep -c ' proxy=-$' upstream.log)" "$(wc -l < upstream.log)" 'calls by way of the proxy'
    : > upstream.log
    expect 0 far_sync --json
    same "$(json .unchanged) $(grep -c ' proxy=-$' upstream.log)" "17 $(wc -l < upstream.log)" 'it is remembered'
    choose_all
    expect 0 far_sync
    expect 0 hub content fetch --all
    same "$(grep -c 'operation=Content status=200.* proxy=-$' upstream.log)" 16 'files, by way of the server and its proxy'
    # A server that is not known, with the proxy that is named.
    rm -rf hub/content/* && sqlite3 hub/update-point.db 'DELETE FROM stored_file'
    : > upstream.log
    expect 1 hub content fetch --all --from http://update.invalid:8531 --tries 1
    same "$(wc -l < upstream.log)" 0 'files without a proxy'
    expect 0 hub content fetch --all --from http://update.invalid:8531 --proxy "http://name:seKret@${UP#http://}"
    same "$(grep -c "operation=Content status=200.* proxy=Basic:$(printf name:seKret | base64)\$" upstream.log)" 16 'files, by way of the proxy'
    # Credentials: not in the database; the environment has them.
    for proxy in http://name:seKret@proxy.invalid:3128 name:seKret@proxy.invalid; do
        expect 2 hub source add $far --proxy $proxy
        says 'do: Give them in the environment, without --proxy: http_proxy='
        expect 2 hub source add http://other.invalid:8530 --proxy $proxy
        expect 2 far_sync --proxy $proxy
        says 'The catalogue is as it was.'
        ! grep -q seKret err || fail 'the password is shown'
    done
    for proxy in ftp://proxy.invalid proxy.invalid "$(printf 'http://%03000d' 1)"; do expect 2 hub source add $far --proxy "$proxy"; done
    same "$(hub source list --json | jq '.sources | length')" 1 'servers'
    same "$(sqlite3 -readonly hub/update-point.db 'SELECT proxy FROM source')" "$UP" 'the proxy that is remembered'
    hub source remove $far > /dev/null
    : > upstream.log
    export http_proxy="http://name:seKret@${UP#http://}"
    expect 0 far_sync
    same "$(grep -c " proxy=Basic:$(printf name:seKret | base64)\$" upstream.log)" "$(wc -l < upstream.log)" 'calls by way of the environment'
    ! grep -rq seKret hub || fail 'the password is kept'
}

# A document that a real server packed, in a real answer.
test_upstream_captured() {
    need_data "$DATA/server-sync/000014-GetUpdateData.response.xml"
    whole_server --captured "$DATA/server-sync/000014-GetUpdateData.response.xml"
    expect 0 up_sync --json
    same "$(count)" '25 0 0 0 17 42 44' 'count'
    [ "$(json .open_prerequisites)" -gt 0 ] || fail 'what it needs is not there, and nobody says so'
    expect 0 hub show 266f6222-c89d-43f2-9f8a-69340271e677 --xml
    cmp out "$DATA/server-sync/266f6222-c89d-43f2-9f8a-69340271e677.r200.xml" || fail 'not the genuine document'
}

# As its replica it takes over approvals too.
test_upstream_replica() {
    whole_server
    expect 0 up_sync --json
    same "$(served GetDeployments)" 0 'deployments asked for'
    expect 0 up_sync --replica yes --json
    same "$(served GetDeployments ids)" 5 'deployments'
    expect 0 hub source show --json
    same "$(json '"\(.replica) \(.groups) \(.approvals)"')" 'true 2 5' 'taken over'
}

test_upstream_killed() {
    in_memory
    whole_server --max-batch 5
    cp -a hub before
    python3 "$CHECK/check_kill.py" before - 10 "$SUEXPORT" sync --from "$UP"
}

# Killed and interrupted at work; tests/upstream_long.sh with 100,000 updates is 'make upstream'.
test_upstream_interrupted() {
    BUILD="$BUILD" TMPDIR=$PWD sh "$TOP/tests/upstream_long.sh" 2000 3 > said 2>&1 || { cat said >&2; fail 'see above'; }
    says 'the same digest each time' said
}
