#!/bin/sh
# make.sh - makes the test vectors of docs/bundle-format.md with the built programs.
#
#   tests/vectors/make.sh BUILD OUT [WORK]
#
# writes OUT/SU-ALPHA-000001 (full), -000002 to -000004 (deltas), -U00001 (urgent), OUT/SU-POOL, the public keys and
# OUT/ALPHA.receipt. Everything is invented and nothing is drawn by chance: the same programs and
# libraries give the same bytes. The keys are the published ones of RFC 8032, section 7.1 (TEST 1 is
# the hub's, TEST 2 the site's, TEST 3 the reviewer's, TEST 1024 the hub's next one, TEST SHA(abc) one that
# is revoked); they protect nothing. WORK, when given, keeps the hub's home.
# When the programs write other bytes on purpose: tests/vectors/make.sh build tests/vectors
set -eu
export LC_ALL=C.UTF-8 TZ=UTC
umask 022
build=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
if [ $# -gt 2 ]; then
    mkdir -p "$3"
    work=$(cd "$3" && pwd)
else
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
fi
cd "$work"
hub() { "$build/suexport" --home hub --quiet --operator vectors "$@" > /dev/null; }

# ---- keys -----------------------------------------------------------------------------------------

unhex() { printf %s "$1" | python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))'; } # HEX: its bytes
private_key() { # HEX: an Ed25519 private key as PEM
    echo '-----BEGIN PRIVATE KEY-----'
    unhex "302e020100300506032b657004220420$1" | base64
    echo '-----END PRIVATE KEY-----'
}
public_key() { # PRIVATE-FILE NAME ROLE: the .pub file
    set -- "$1" "$2" "$3" "$(openssl pkey -in "$1" -pubout -outform DER | sha256sum | cut -c 1-20 | tr a-f A-F |
        sed 's/..../& /g; s/ $//')"
    printf 'SU-KEY 1\nname %s\nrole %s\nfingerprint %s\n' "$2" "$3" "$4"
    openssl pkey -in "$1" -pubout
}

# ---- the updates ----------------------------------------------------------------------------------

PRODUCT=0a000001-0000-4000-8000-000000000001
CLASS=0fa1201d-4330-4fa8-8ae9-b877473b6441
DETECTOID=0a000002-0000-4000-8000-000000000002
FIRST=f0000001-0000-4000-8000-000000000001
SECOND=c0000002-0000-4000-8000-000000000002
THIRD=c0000003-0000-4000-8000-000000000003
FOURTH=c0000004-0000-4000-8000-000000000004
NS=http://schemas.microsoft.com/msus/2002/12

sha1_base64() { openssl dgst -sha1 -binary "$1" | base64; }
sha256_base64() { openssl dgst -sha256 -binary "$1" | base64; }
file_attributes() { # FILE: what File and EulaFile say
    printf 'Digest="%s" DigestAlgorithm="SHA1" FileName="%s" Size="%s" Modified="2026-10-01T00:00:00Z"' \
        "$(sha1_base64 "$1")" "$(basename "$1")" "$(wc -c < "$1")"
}
file_digest() { printf '<upd:AdditionalDigest Algorithm="SHA256">%s</upd:AdditionalDigest>' "$(sha256_base64 "$1")"; }
open_update() { # ID REVISION TYPE CREATED ATTRIBUTES CHILDREN
    printf '<upd:Update xmlns:upd="%s/Update"><upd:UpdateIdentity UpdateID="%s" RevisionNumber="%s" />' "$NS" "$1" "$2"
    printf '<upd:Properties UpdateType="%s" DefaultPropertiesLanguage="en" PublicationState="Published" CreationDate="%s"%s>%s</upd:Properties>' \
        "$3" "$4" "$5" "$6"
}
titles() { # ENGLISH GERMAN LICENCE
    printf '<upd:LocalizedPropertiesCollection><upd:LocalizedProperties><upd:Language>en</upd:Language><upd:Title>%s</upd:Title></upd:LocalizedProperties>' "$1"
    [ -z "$2" ] || printf '<upd:LocalizedProperties><upd:Language>de</upd:Language><upd:Title>%s</upd:Title></upd:LocalizedProperties>' "$2"
    [ -z "$3" ] || printf '<upd:EulaFile %s Language="en">%s</upd:EulaFile>' "$(file_attributes "$3")" "$(file_digest "$3")"
    printf '</upd:LocalizedPropertiesCollection>'
}
category() { # TYPE
    printf '<upd:HandlerSpecificData xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cat="%s/UpdateHandlers/Category" xsi:type="cat:Category"><cat:CategoryInformation CategoryType="%s" /></upd:HandlerSpecificData></upd:Update>' \
        "$NS" "$1"
}
needs() { # RELATIONS...: prerequisites of a software update
    printf '<upd:Relationships>%s<upd:Prerequisites>' "$1"
    printf '<upd:AtLeastOne><upd:UpdateIdentity UpdateID="%s" /><upd:UpdateIdentity UpdateID="%s" /></upd:AtLeastOne>' "$DETECTOID" "$PRODUCT"
    printf '<upd:AtLeastOne IsCategory="true"><upd:UpdateIdentity UpdateID="%s" /></upd:AtLeastOne>' "$PRODUCT"
    printf '<upd:AtLeastOne IsCategory="true"><upd:UpdateIdentity UpdateID="%s" /></upd:AtLeastOne>' "$CLASS"
    printf '</upd:Prerequisites></upd:Relationships>'
}
files() { # FILE...
    printf '<upd:Files>'
    for f; do printf '<upd:File %s>%s</upd:File>' "$(file_attributes "$f")" "$(file_digest "$f")"; done
    printf '</upd:Files></upd:Update>'
}

classification() { open_update $CLASS 1 Category 2009-01-01T00:00:00Z '' ''; titles 'Security Updates' '' ''; category UpdateClassification; }
product() { open_update $PRODUCT 1 Category 2020-02-02T00:00:00Z '' ''; titles 'Fabrikam Widget' '' ''; category Product; }
detectoid() { open_update $DETECTOID 1 Detectoid 2020-02-03T00:00:00Z '' ''; titles 'Widget is there' '' ''; printf '</upd:Update>'; }
first_100() {
    open_update $FIRST 100 Software 2026-10-01T00:00:00Z ' ExplicitlyDeployable="true" MsrcSeverity="Important"' '<upd:KBArticleID>9000001</upd:KBArticleID>'
    titles 'Update for Fabrikam Widget (KB9000001)' 'Aktualisierung für Fabrikam Widget' licence-1-en.txt
    needs ''
    files widget-1.cab empty.dat
}
first_101() {
    open_update $FIRST 101 Software 2026-11-01T00:00:00Z ' ExplicitlyDeployable="true" MsrcSeverity="Important"' '<upd:KBArticleID>9000001</upd:KBArticleID>'
    printf '<!-- a comment over\r\ntwo lines -->'
    titles 'Update for Fabrikam Widget (KB9000001), second edition' 'Aktualisierung für Fabrikam Widget 🛡' licence-1-en.txt
    needs ''
    files widget-1.cab empty.dat
}
second_1() {
    open_update $SECOND 1 Software 2026-11-02T00:00:00Z ' ExplicitlyDeployable="true"' '<upd:KBArticleID>9000002</upd:KBArticleID>'
    titles 'Update for Fabrikam Widget (KB9000002)' '' ''
    needs "<upd:SupersededUpdates><upd:UpdateIdentity UpdateID=\"$FIRST\" /></upd:SupersededUpdates>"
    files widget-2.cab
}
third_1() {
    open_update $THIRD 1 Software 2026-12-02T00:00:00Z ' ExplicitlyDeployable="true"' '<upd:KBArticleID>9000003</upd:KBArticleID>'
    titles 'Update for Fabrikam Widget (KB9000003)' '' ''
    needs "<upd:SupersededUpdates><upd:UpdateIdentity UpdateID=\"$SECOND\" /></upd:SupersededUpdates>"
    files widget-3.cab widget-4.cab
}
fourth_1() {
    open_update $FOURTH 1 Software 2027-01-02T00:00:00Z ' ExplicitlyDeployable="true"' '<upd:KBArticleID>9000004</upd:KBArticleID>'
    titles 'Update for Fabrikam Widget (KB9000004)' '' ''
    needs "<upd:SupersededUpdates><upd:UpdateIdentity UpdateID=\"$THIRD\" /></upd:SupersededUpdates>"
    files widget-5.cab
}

# ---- the packages ---------------------------------------------------------------------------------

numbers() { # COUNT START: bytes that do not compress well, the same everywhere
    awk -v n="$1" -v x="$2" 'BEGIN { for (i = 0; i < n; i++) { x = (x * 48271) % 2147483647; printf "%02x", int(x / 8192) % 256 } }' > numbers.hex
    unhex "$(cat numbers.hex)"
}
map_file() { printf '<File Digest="%s" MUUrl="http://download.fabrikam.example/%s/%s" />' "$(sha1_base64 "$2")" "$1" "$2"; }
record() { # FUNCTION ID REVISION: one record of metadata.txt and its entry in package.xml
    "$1" > document.xml
    # The length counts UTF-16 units: one for a character, two beyond the basic plane.
    units=$(python3 -c 'print(len(open("document.xml", encoding="utf-8", newline="").read().encode("utf-16-le")) // 2)')
    { printf '%s,%08x,%08x,' "$2" "$3" "$units"; cat document.xml; printf '\r\n'; } >> metadata.txt
    printf '<Update UpdateId="%s" RevisionNumber="%s"><Files /><Categories /><Classifications /></Update>' "$2" "$3" >> updates.xml
}
package() { # CREATED MAP: writes export.cab of updates.xml and metadata.txt
    { printf '<?xml version="1.0" encoding="utf-8"?><ExportPackage ServerID="5e000000-0000-4000-8000-000000000000" CreationTime="%s" FormatVersion="1.0" ProtocolVersion="1.20"><Languages /><Files>%s</Files><Updates>' "$1" "$2"
      cat updates.xml
      printf '</Updates></ExportPackage>'; } > package.xml
    rm -f export.cab
    gcab -c -n export.cab package.xml metadata.txt
    rm -f updates.xml metadata.txt
}
into_store() { # FILE...: lays files out as WsusContent
    rm -rf WsusContent
    for f; do
        name=$(sha1sum "$f" | cut -c 1-40 | tr a-f A-F)
        mkdir -p "WsusContent/$(printf %s "$name" | tail -c 2)"
        cp "$f" "WsusContent/$(printf %s "$name" | tail -c 2)/$name.${f##*.}"
    done
    hub content add WsusContent
}

rm -rf hub aside usb updates.xml metadata.txt
mkdir -p hub
hub init --name FABRIKAM-HUB
private_key 9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60 > hub/keys/rfc8032-1.key
public_key hub/keys/rfc8032-1.key rfc8032-1 exporter > hub/keys/rfc8032-1.pub
private_key 833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42 > hub/keys/lost.key
public_key hub/keys/lost.key lost reviewer > hub/keys/lost.pub
chmod 600 hub/keys/*.key
private_key 4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb > site.key
public_key site.key site receiver > site.pub
private_key c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7 > reviewer.key
public_key reviewer.key reviewer reviewer > reviewer.pub

numbers 2000 9000001 > widget-1.cab
numbers 1500 9000002 > widget-2.cab
: > empty.dat
printf 'Licence terms of Fabrikam Widget\r\n\r\n1. This text is invented.\r\n' > licence-1-en.txt

record classification $CLASS 1
record product $PRODUCT 1
record detectoid $DETECTOID 1
record first_100 $FIRST 100
package 2026-10-14T02:00:00Z "$(map_file 10 widget-1.cab)$(map_file 10 licence-1-en.txt)"
hub sync --from export.cab
into_store widget-1.cab empty.dat licence-1-en.txt
hub site add ALPHA --languages en,de --promise-days 35 --key site.pub
hub export --site ALPHA --out usb

# A month later: the detectoid is gone, the first update has a second revision and its file a new
# address, a second update supersedes it.
record classification $CLASS 1
record product $PRODUCT 1
record first_100 $FIRST 100
record first_101 $FIRST 101
record second_1 $SECOND 1
package 2026-11-11T02:00:00Z "$(map_file 11 widget-1.cab)$(map_file 11 widget-2.cab)$(map_file 10 licence-1-en.txt)"
hub sync --from export.cab
into_store widget-1.cab widget-2.cab empty.dat licence-1-en.txt
# At a hub that goes its own way from here: the new update alone, beside the sequence.
cp -r hub aside
"$build/suexport" --home aside --quiet pin add KB9000002 > /dev/null
"$build/suexport" --home aside --quiet --operator vectors export --site ALPHA --out usb --only-catalog --urgent --since 1 > /dev/null
rm -rf aside
hub export --site ALPHA --out usb

# Another month: a large file and a small one; the hub's key has a successor, a reviewer's key is taken back, the
# bundle may go on to BRAVO, and a reviewer signs it. The successor, too, is a published key.
hub key rotate --name rfc8032-1 --to rfc8032-1024
private_key f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5 > hub/keys/rfc8032-1024.key
public_key hub/keys/rfc8032-1024.key rfc8032-1024 exporter > hub/keys/rfc8032-1024.pub
sqlite3 hub/update-point.db "UPDATE key_successor SET spki=x'$(openssl pkey -in hub/keys/rfc8032-1024.key -pubout -outform DER | od -An -v -tx1 | tr -d ' \n')'"
hub key revoke --name lost --up-to 2
hub site set ALPHA --child BRAVO
numbers 70000 9000003 > widget-3.cab
numbers 900 9000004 > widget-4.cab
record classification $CLASS 1
record product $PRODUCT 1
record first_101 $FIRST 101
record second_1 $SECOND 1
record third_1 $THIRD 1
package 2026-12-09T02:00:00Z "$(map_file 11 widget-1.cab)$(map_file 11 widget-2.cab)$(map_file 12 widget-3.cab)$(map_file 12 widget-4.cab)$(map_file 10 licence-1-en.txt)"
hub sync --from export.cab
into_store widget-1.cab widget-2.cab widget-3.cab widget-4.cab empty.dat licence-1-en.txt
hub export --site ALPHA --out usb --since 2 --volume-size 64K --recovery 50
hub sign usb/SU-ALPHA-000003 --key reviewer.key --role reviewer

# The hub's first key is taken back: the successor, which the last bundle introduced, signs alone. The new file lies in
# the shared pool.
hub key revoke --name rfc8032-1
numbers 1200 9000005 > widget-5.cab
record classification $CLASS 1
record product $PRODUCT 1
record first_101 $FIRST 101
record third_1 $THIRD 1
record fourth_1 $FOURTH 1
package 2027-01-13T02:00:00Z "$(map_file 11 widget-1.cab)$(map_file 12 widget-3.cab)$(map_file 12 widget-4.cab)$(map_file 13 widget-5.cab)$(map_file 10 licence-1-en.txt)"
hub sync --from export.cab
into_store widget-1.cab widget-3.cab widget-4.cab widget-5.cab empty.dat licence-1-en.txt
hub export --site ALPHA --out usb --since 3 --pool

# ---- a receipt as the site would return it --------------------------------------------------------

{ printf 'SU-RECEIPT 1\nsite ALPHA\nsequence 2\nmanifest %s\nstate %s\ncontent-owed 0\nentry 2\nledger %064d\n' \
    "$(sha256sum usb/SU-ALPHA-000002/MANIFEST.TXT | cut -c 1-64)" \
    "$(sed -n 's/^result //p' usb/SU-ALPHA-000002/MANIFEST.TXT)" 0; } > receipt
openssl pkeyutl -sign -inkey site.key -rawin -in receipt -out receipt.sig
printf 'signature %s\n' "$(base64 -w 0 receipt.sig)" >> receipt

# ---- what is kept ---------------------------------------------------------------------------------

rm -rf "$out"/SU-ALPHA-?0000? "$out/SU-POOL"
cp -r usb/* "$out"
cp hub/keys/rfc8032-1.pub "$out/hub.pub"
cp hub/keys/rfc8032-1024.pub "$out/next.pub"
cp reviewer.pub site.pub "$out"
cp receipt "$out/ALPHA.receipt"

# The table of files in OUT/README.md, when there is one, is brought up to date.
[ ! -e "$out/README.md" ] || python3 - "$out" << 'END'
import glob, hashlib, os, sys
os.chdir(sys.argv[1])
def row(name):
    data = open(name, "rb").read()
    return f"| `{name}` | {len(data):,} | `{hashlib.sha256(data).hexdigest()}` |\n"
head = "| file | bytes | SHA-256 |\n|---|---|---|\n"
before, rest = open("README.md", encoding="utf-8").read().split(head)
table = "".join(map(row, sorted([*filter(os.path.isfile, glob.glob("SU-*/**", recursive=True))] + glob.glob("*.pub") + glob.glob("*.receipt"))))
open("README.md", "w", encoding="utf-8").write(before + head + table + "\n" + rest.split("\n\n", 1)[1])
END
