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
