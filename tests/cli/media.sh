# media.sh - volumes on media that fail: resend, read-back, free space, damage named, partial content.

# A library made of C on stdin, to be preloaded; the medium, or the system, then lies.
liar() { # NAME
    command -v gcc > /dev/null || skip 'needs gcc'
    gcc -shared -fPIC -O1 -w -o "$1.so" -x c - -ldl
}

# The two months of the small sample; month 1 exported in volumes of 256 KiB.
volumes_hub() {
    small_hub
    hub export --site ALPHA --out stick --volume-size 256K > /dev/null
}

# Every volume by itself, by number and by name, after the catalogue has moved on.
test_resend_every_volume() {
    volumes_hub
    first=stick/SU-ALPHA-000001
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    hub export --site ALPHA --out stick2 --volume-size 256K > /dev/null
    count=$(find "$first" -name 'SU0*' | wc -l)
    [ "$count" -gt 8 ] || fail "only $count volumes"
    for number in $(seq 1 "$count"); do
        name=$(printf 'SU000001.%03d' "$number")
        expect 0 hub resend --site ALPHA --sequence 1 --volume "$number" --out "by-number-$number" --json
        same "$(json '.volumes | join(" ")')" "$name" 'the volume asked for'
        cmp "by-number-$number/SU-ALPHA-000001/$name" "$first/$name" || fail "$name differs"
        same "$(find "by-number-$number/SU-ALPHA-000001" -name 'SU0*' | wc -l | tr -d ' ')" 1 'volumes made'
        for paper in "$first"/[!S]*; do cmp "$paper" "by-number-$number/SU-ALPHA-000001/${paper##*/}"; done
    done
    expect 0 hub resend --site ALPHA --sequence 1 --volume su000001.002 --volume SU000001.004 --volume 2 --out two
    same "$(cd two/SU-ALPHA-000001 && echo SU0*)" 'SU000001.002 SU000001.004' 'two by name'
    # the whole stick, and the newest one without its number
    expect 0 hub resend --site ALPHA --sequence 1 --out whole
    diff -r whole stick
    expect 0 hub resend --site ALPHA --out whole2
    diff -r whole2 stick2
    same "$(sqlite3 -readonly hub/update-point.db "SELECT detail FROM ledger WHERE kind='resend' ORDER BY entry DESC LIMIT 3" | tr '\n' ';')" \
        'SU-ALPHA-000002;SU-ALPHA-000001;SU-ALPHA-000001 SU000001.002 SU000001.004;' 'the ledger'
    python3 -B "$CHECK/check_ledger.py" hub/update-point.db > /dev/null
}

# A file larger than a volume, and frames that run over into the next one.
test_resend_long_items() {
    "$SMALL/generate" --out big --updates 50 --content-bytes 900000 > /dev/null
    (cd big && gcab -c -n -z export.cab package.xml metadata.txt)
    hub init > /dev/null
    hub key generate --name k > /dev/null
    hub sync --from big/export.cab > /dev/null
    hub content add big/WsusContent > /dev/null
    hub site add ALPHA > /dev/null
    hub export --site ALPHA --out stick --volume-size 64K > /dev/null
    tar -tf "$(find stick -name 'SU000001.002')" | grep -q '\.part-' || fail 'no file is longer than a volume'
    expect 0 hub resend --site ALPHA --out again --read-back
    diff -r stick again
    last=$(find stick -name 'SU0*' | sort | tail -n 1)
    expect 0 hub resend --site ALPHA --out last --volume "${last##*/}"
    cmp "$last" "last/SU-ALPHA-000001/${last##*/}"
}

# Recovery volumes are computed again; the data they need is not left behind.
test_resend_recovery_volumes() {
    small_hub
    hub export --site ALPHA --out stick --volume-size 256K --recovery 20 > /dev/null
    ls stick/SU-ALPHA-000001/SU000001.R02 > /dev/null
    expect 0 hub resend --site ALPHA --volume SU000001.R02 --volume 3 --out two --read-back
    same "$(cd two/SU-ALPHA-000001 && echo SU0*)" 'SU000001.003 SU000001.R02' 'the volumes made'
    for made in two/SU-ALPHA-000001/*; do cmp "$made" "stick/SU-ALPHA-000001/${made##*/}"; done
    expect 0 hub resend --site ALPHA --out whole
    diff -r stick whole
}

# What it cannot make is refused by name, and nothing is left.
test_resend_refusals() {
    volumes_hub
    expect 2 hub resend --site ALPHA --sequence 7 --out out1
    says 'no bundle 7 was made for ALPHA; the last one is 1'
    expect 2 hub resend --site ALPHA --volume 99 --out out1
    says 'has volumes 1 to'
    expect 2 hub resend --site BRAVO --out out1
    says 'BRAVO'
    expect 2 hub resend --site ALPHA --out stick
    says 'SU-ALPHA-000001 exists already'
    # A stored file that rotted is named, with its update; volumes without it are still made.
    volume=$(for v in stick/*/SU0*; do tar -tf "$v" | grep -q '^content/' && echo "$v" && break; done)
    sha256=$(tar -tf "$volume" | sed -n 's,^content/\([0-9a-f]*\).*,\1,p' | head -n 1)
    stored=hub/content/$(echo "$sha256" | cut -c 1-2)/$sha256
    file=$(sqlite3 -readonly hub/update-point.db "SELECT name FROM v_file f JOIN stored_file s ON hex(s.sha1)=upper(f.sha1) WHERE hex(s.sha256)=upper('$sha256') LIMIT 1")
    cp "$stored" kept
    rm "$stored" # a hard link of the sample
    cp kept "$stored"
    flip "$stored" 100
    expect 3 hub resend --site ALPHA --volume "${volume##*/}" --out out1
    says "$sha256"
    says "$file of "
    says 'has changed since it was adopted'
    says 'content verify'
    says 'No volume was made.'
    rm "$stored"
    expect 3 hub resend --site ALPHA --volume "${volume##*/}" --out out1
    says 'is gone'
    says "$file of "
    [ -z "$(ls -A out1)" ] || fail "left: $(ls -A out1)"
    without=$(for v in stick/*/SU0*; do tar -tf "$v" | grep -q "$sha256" || echo "$v"; done | tail -n 1)
    expect 0 hub resend --site ALPHA --volume "${without##*/}" --out out1
    cp kept "$stored"
    # What the hub kept is proved too.
    flip hub/sent/SU-ALPHA-000001/FRAMES 200
    last=$(find stick -name 'SU0*' | sort | tail -n 1)
    expect 3 hub resend --site ALPHA --volume "${last##*/}" --out out2
    says 'what the hub kept of its metadata is damaged'
    flip hub/sent/SU-ALPHA-000001/MANIFEST.TXT 200
    expect 3 hub resend --site ALPHA --out out2
    says 'is not the one that was signed and sent'
    rm -r hub/sent/SU-ALPHA-000001
    expect 2 hub resend --site ALPHA --out out2
    says 'no longer kept'
}

# Of a site the last twelve are kept, from the acknowledged one on; orphans go.
test_resend_what_is_kept() {
    small_hub
    small_site
    for n in $(seq 1 14); do
        mkdir -p "hub/sent/SU-ALPHA-00099$((n % 10))" "hub/sent/SU-ALPHA-000001-000002"
        hub export --site ALPHA --out "stick" --full > /dev/null
    done
    same "$(cd hub/sent && ls | tr '\n' ' ')" "SU-ALPHA-000001-000002 $(seq -f 'SU-ALPHA-%06g' 3 14 | tr '\n' ' ')" 'kept'
    expect 2 hub resend --site ALPHA --sequence 2 --out old
    says 'no longer kept'
    expect 0 hub resend --site ALPHA --sequence 3 --out old
    site import stick/SU-ALPHA-000013 > /dev/null
    site receipt --out rcpt > /dev/null
    hub receipt add rcpt > /dev/null
    hub export --site ALPHA --out "stick" --full > /dev/null
    same "$(cd hub/sent && echo SU-ALPHA-0000[01][0-9])" 'SU-ALPHA-000013 SU-ALPHA-000014 SU-ALPHA-000015' 'kept after a receipt'
}

# kill -9 at any moment of an export: the next one works, and what it keeps is whole.
test_resend_after_killed_exports() {
    small_hub
    for wait in 0.00 0.005 0.01 0.015 0.02 0.025 0.03 0.04 0.05; do
        "$SUEXPORT" --home hub --quiet export --site ALPHA --out stick --full --volume-size 256K > /dev/null 2>&1 &
        sleep $wait
        kill -9 $! 2> /dev/null || true
        wait $! 2> /dev/null || true
    done
    expect 0 hub export --site ALPHA --out final --full --volume-size 256K --json
    same "$(find hub/sent -name '*.partial')" '' 'unfinished'
    expect 0 hub resend --site ALPHA --out again
    diff -r final again
}

# A medium that takes other bytes than it was given: only reading back notices.
test_read_back() {
    small_hub
    liar flip << 'EOF'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* The byte at FLIP_AT of the file whose path holds FLIP_NAME is written wrong. */
static const void *lie(int fd, const void *bytes, size_t n, off_t at)
{
    static _Thread_local char copy[1 << 21];
    char self[64], path[4096] = "";
    const char *name = getenv("FLIP_NAME");
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    readlink(self, path, sizeof path - 1);
    off_t want = atoll(getenv("FLIP_AT"));
    if (!name || !strstr(path, name) || want < at || want >= at + (off_t)n || n > sizeof copy)
        return bytes;
    memcpy(copy, bytes, n);
    copy[want - at] ^= 4;
    return copy;
}
ssize_t write(int fd, const void *bytes, size_t n)
{
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    return real(fd, lie(fd, bytes, n, lseek(fd, 0, SEEK_CUR)), n);
}
ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
    ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
    return real(fd, lie(fd, bytes, n, at), n, at);
}
EOF
    hub_dump > before
    export FLIP_NAME=SU000001.003 FLIP_AT=70000
    lying() { LD_PRELOAD="$PWD/flip.so" "$SUEXPORT" --home hub --quiet "$@"; }
    expect 6 lying export --site ALPHA --out stick --volume-size 256K --read-back
    says '7320'
    says 'volume 3'
    says 'offset 0'
    says 'SU000001.003'
    says "the hub's books are as they were"
    [ -z "$(ls -A stick)" ] || fail "left: $(ls -A stick)"
    hub_dump | cmp -s - before || fail 'the books changed'
    # the same lie goes unseen without the option: the site finds it
    expect 0 lying export --site ALPHA --out stick --volume-size 256K
    small_site
    refused 3 site import stick
    # resend has the option too, and helps
    expect 6 lying resend --site ALPHA --volume 3 --out mended --read-back
    says 'volume 3'
    [ -z "$(ls -A mended)" ] || fail "left: $(ls -A mended)"
    expect 0 hub resend --site ALPHA --volume 3 --out mended --read-back
    cp mended/*/SU000001.003 stick/SU-ALPHA-000001/
    expect 0 site import stick
    # the papers are read back as well
    export FLIP_NAME=SU-ALPHA-000001.partial/.tmp- FLIP_AT=5
    expect 6 lying resend --site ALPHA --volume 3 --out mended2 --read-back
    says 'SIG does not read back from the medium as it was written'
}

# Free space is looked at before the first byte, on both sides, and the numbers are said.
test_space_with_numbers() {
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    liar little << 'EOF'
#include <sys/statvfs.h>
int fstatvfs(int fd, struct statvfs *s) { *s = (struct statvfs){.f_bsize = 4096, .f_frsize = 4096, .f_blocks = 1000, .f_bfree = 13, .f_bavail = 13}; return 0; }
int fstatvfs64(int fd, struct statvfs *s) { return fstatvfs(fd, s); }
int statvfs(const char *path, struct statvfs *s) { return fstatvfs(0, s); }
EOF
    hub_dump > before
    full() { LD_PRELOAD="$PWD/little.so" "$@"; }
    expect 6 full "$SUEXPORT" --home hub --quiet export --site ALPHA --out tiny --full
    says '7009'
    says '53248 are free on the medium'
    grep -qE 'needs about [0-9]{7,} bytes' err || fail 'does not say how much is needed'
    [ -z "$(ls -A tiny)" ] || fail "left: $(ls -A tiny)"
    expect 6 full "$SUEXPORT" --home hub --quiet resend --site ALPHA --out tiny
    says '53248 are free on the medium'
    grep -qE 'needs about [0-9]{7,} bytes' err || fail 'does not say how much is needed'
    [ -z "$(ls -A tiny)" ] || fail "left: $(ls -A tiny)"
    hub_dump | cmp -s - before || fail 'the books changed'
    refused 6 full "$SUIMPORT" --home site --quiet import stick
    says '53248 are free'
    grep -qE 'needs about [0-9]{7,} bytes' err || fail 'does not say how much is needed'
    [ -z "$(find site/content -type f)" ] || fail 'content was staged'
}

# The volume that holds bytes of content and none of the metadata.
content_volume() { # FOLDER
    for _v in "$1"/SU0*; do
        tar -tf "$_v" > members
        if grep -q '^content/' members && ! grep -q '^metadata/' members; then echo "$_v"; return; fi
    done
}
# Files that have bytes in a volume, and of those the ones that lie in no other.
files_in() { tar -tf "$1" | sed -n -E 's,^(content|licence)/([0-9a-f]{64}).*,\2,p' | sort -u; }
files_whole_in() { tar -tf "$1" | grep -x -E '(content|licence)/[0-9a-f]{64}'; }
ledger() { sqlite3 -readonly site/update-point.db "SELECT kind || ' ' || detail FROM ledger WHERE kind IN ('import', 'content') ORDER BY entry" | cut -d ';' -f 1; }

# The metadata lands, the files of a lost volume are owed and listed; a resend of that volume pays.
test_partial_content_and_paying() {
    volumes_hub
    small_site
    folder=stick/SU-ALPHA-000001
    volume=$(content_volume "$folder")
    files_in "$volume" > lost
    count=$(wc -l < lost | tr -d ' ')
    whole=$(files_whole_in "$volume" | wc -l | tr -d ' ')
    [ "$whole" -gt 0 ] && [ "$whole" -lt "$count" ] || fail "$whole of $count files lie wholly in $volume"
    rm "$volume"
    refused 3 site import stick
    refused 3 site plan stick
    site_dump > before
    expect 9 site plan stick --allow-partial-content --json
    same "$(json '.owed | length')" "$count" 'owed by the plan'
    site_dump | cmp -s - before || fail 'a plan changed the site'
    expect 9 site import stick --allow-partial-content --json
    same "$(json .content_owed)" "$count" 'owed'
    same "$(json .state_digest)" "$(hub_digest)" 'the state, though content is owed'
    has_keys '.owed[0]' name sha1 bytes update bundle
    jq -r '.owed[].sha1' out | sort > told
    sqlite3 -readonly hub/update-point.db "SELECT lower(hex(sha256)) || ' ' || lower(hex(sha1)) FROM stored_file" | sort > known
    join lost known | cut -d ' ' -f 2 | sort | cmp - told || fail 'the list of owed files is not that of the volume'
    same "$(json '[.owed[].bundle] | unique | join(" ")')" SU-ALPHA-000001 'the bundle that carries them'
    jq -e '.owed | all(.name != "" and .update != "" and .bytes > 0)' out > /dev/null || fail 'a file without a name'
    expect 9 site content verify
    site receipt --out rcpt > /dev/null
    same "$(sed -n 's/^content-owed //p' rcpt)" "$count" 'content-owed of the receipt'
    # again with the same bad stick: still owed
    expect 9 site import stick
    hub resend --site ALPHA --volume "${volume##*/}" --out debt > /dev/null
    expect 9 site plan debt --json
    same "$(json .files_stored)" "$whole" 'files that would come, by the plan'
    expect 9 site import stick --json
    same "$(json .content_owed) $(json .files_stored)" "$count 0" 'the plan kept nothing'
    # the volume alone is enough for the files that lie wholly in it
    expect 9 site import debt --json
    same "$(json .files_stored) $(json .content_owed) $(json .already_imported)" "$whole $((count - whole)) true" 'paid'
    # a file that continues in another volume needs that one too: copied over, the stick is whole
    cp "debt/SU-ALPHA-000001/${volume##*/}" "$folder"
    expect 0 site import stick --json
    same "$(json '.owed | length') $(json .content_owed)" '0 0' 'paid'
    logged site 7430
    expect 0 site content verify
    same "$(site status --json | jq -r .LastSyncState)" 6702 'the status'
    site receipt --out rcpt2 > /dev/null
    same "$(sed -n 's/^content-owed //p' rcpt2)" 0 'content-owed of the receipt'
    expect 0 site import debt
    expect 0 site import stick
    same "$(ledger | tr '\n' ';')" 'import SU-ALPHA-000001;content SU-ALPHA-000001;content SU-ALPHA-000001;' 'the ledger'
    python3 -B "$CHECK/check_ledger.py" site/update-point.db > /dev/null
}

# A debt paid in two instalments, and blocks that are bad instead of absent.
test_partial_content_in_instalments() {
    volumes_hub
    small_site
    cp -r stick good
    folder=stick/SU-ALPHA-000001
    files=$(for v in "$folder"/SU0*; do tar -tf "$v" | grep -q '^metadata/' || echo "${v##*/}"; done)
    first=$(echo "$files" | sed -n 2p) second=$(echo "$files" | sed -n 6p)
    flip "$folder/$first" 3000
    rm "$folder/$second"
    expect 9 site import stick --allow-partial-content --json
    says 'left out: file'
    all=$(json .content_owed)
    same "$all" "$( (files_in "good/SU-ALPHA-000001/$first"; files_in "good/SU-ALPHA-000001/$second") | sort -u | wc -l | tr -d ' ')" 'owed'
    cp "good/SU-ALPHA-000001/$second" "$folder"
    expect 9 site import stick --json
    left=$(json .content_owed)
    [ "$left" -gt 0 ] && [ "$left" -lt "$all" ] || fail "$left of $all owed after the first instalment"
    expect 0 site import good
    expect 0 site content verify
}

# Only content may be left out: bad metadata, what nobody declared and a changed manifest are refused as ever.
test_partial_content_is_content_only() {
    volumes_hub
    small_site
    last=$(find stick -name 'SU0*' | sort | tail -n 1)
    tar -tf "$last" | grep -q '^metadata/'
    cp -r stick bad
    flip "bad/SU-ALPHA-000001/${last##*/}" $(($(stat -c %s "$last") - 5000))
    refused 3 site import bad --allow-partial-content
    rm "bad/SU-ALPHA-000001/${last##*/}"
    refused 3 site import bad --allow-partial-content
    says 'is absent'
    cp "$last" "bad/SU-ALPHA-000001/"
    echo > bad/SU-ALPHA-000001/EXTRA
    refused 3 site import bad --allow-partial-content
    says EXTRA
    rm bad/SU-ALPHA-000001/EXTRA
    flip bad/SU-ALPHA-000001/MANIFEST.TXT 500
    refused 4 site import bad --allow-partial-content
    # a good stick needs no option and is no worse with it
    expect 0 site import stick --allow-partial-content --json
    same "$(json '.owed | length')" 0 owed
}

# A later bundle: refused while content of the one before is owed, with both ways out; with the option the debt
# stays, and the earlier bundle still pays it.
test_partial_content_then_a_later_bundle() {
    volumes_hub
    small_site
    volume=$(content_volume stick/SU-ALPHA-000001)
    rm "$volume"
    expect 9 site import stick --allow-partial-content --json
    owed=$(json .content_owed)
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    hub export --site ALPHA --out stick2 --since 1 > /dev/null # the operator's word that 1 has arrived
    hub resend --site ALPHA --sequence 1 --out debt > /dev/null
    cp -r site kept
    refused 11 site import stick2
    says 'it is owed since SU-ALPHA-000001, which carries it'
    says 'suexport resend --site ALPHA --sequence 1 --out DIR'
    says '--allow-partial-content'
    expect 9 site import stick2 --allow-partial-content --json
    [ "$(json .content_owed)" -gt 0 ] && [ "$(json .content_owed)" -le "$owed" ] || fail "owed: $(json .content_owed)"
    same "$(json '[.owed[].bundle] | unique | join(" ")')" SU-ALPHA-000001 'the bundle that carries them'
    # the earlier bundle pays, though the site has gone past it
    cp -r site later
    expect 0 site import debt --json
    same "$(json .sequence) $(json .content_owed)" '1 0' 'paid by the earlier bundle'
    expect 0 site content verify
    refused 10 site import debt
    # so does a later one that carries the files
    rm -r site
    mv later site
    hub export --site ALPHA --out stick3 --full > /dev/null
    expect 0 site import stick3 --json
    same "$(json .content_owed)" 0 'paid by a later bundle'
    expect 0 site content verify
    # and paid first, the later one asks for nothing
    rm -r site
    mv kept site
    expect 0 site import debt
    expect 0 site import stick2
    expect 0 site content verify
    refused 10 site import debt
}

# verify names volume, offset, file and update of every bad block, though the site knows none of them yet,
# and says what of the rest is usable and four ways out.
test_verify_names_what_is_hit() {
    volumes_hub
    small_site
    folder=stick/SU-ALPHA-000001
    cp -r stick good
    volume=$(content_volume "$folder")
    files_in "$volume" > lost
    count=$(wc -l < lost | tr -d ' ')
    total=$(for v in "$folder"/SU0*; do files_in "$v"; done | sort -u | wc -l | tr -d ' ')
    number=$(echo "${volume##*.}" | sed 's/^0*//')
    flip "$volume" 2000
    expect 3 site verify stick --json
    says "volume $number of "
    says "affects $count files: "
    says "metadata part: good; $((total - count)) of $total files good"
    says "suexport resend --site ALPHA --sequence 1 --volume $number --out DIR"
    says 'suimport repair stick/SU-ALPHA-000001 COPY --to DIR'
    says 'or take the rest now: suimport import --allow-partial-content'
    same "$(json '"\(.metadata) \(.files_good) \(.files_bad)"')" "good $((total - count)) $count" 'what is usable'
    same "$(json '.bad | length') $(json '.bad[0].volume') $(json '.bad[0].offset')" "1 $number 0" 'the place'
    # by the hub's catalogue: the file is one of those in the volume, with an update and KB that name it
    sqlite3 -readonly hub/update-point.db "SELECT lower(hex(s.sha256)) || ' ' || f.name || '|' || i.title || '|' || coalesce((SELECT min(value) FROM tag t WHERE t.rev_id = f.rev_id AND t.kind = 'kb'), 'null')
        FROM stored_file s JOIN file f ON f.sha1 = s.sha1 JOIN info i USING (rev_id)" | sort > known
    join lost known | cut -d ' ' -f 2- > candidates
    json '.bad[0] | "\(.file)|\(.update)|\(.kb)"' > told
    grep -qxF -f told candidates || fail "$(cat told) is none of $(cat candidates)"
    json '.bad[0].affects' | grep -q 'KB[0-9]' || fail 'no KB is named'
    # the metadata
    rm -r stick
    cp -r good stick
    last=$(find "$folder" -name 'SU0*' | sort | tail -n 1)
    flip "$last" $(($(stat -c %s "$last") - 5000))
    expect 3 site verify stick --json
    says 'metadata part: damaged'
    silent_about '--allow-partial-content'
    same "$(json .metadata)" damaged metadata
    json '.bad[0].affects' | grep -q 'update metadata' || fail "affects: $(json '.bad[0].affects')"
    # every volume but the metadata's: places are bounded, all files are counted
    rm -r stick
    cp -r good stick
    for v in "$folder"/SU0*; do tar -tf "$v" | grep -q '^metadata/' || rm "$v"; done
    expect 3 site verify stick --json
    says ' more volumes'
    says "suexport resend --site ALPHA --sequence 1 --out DIR"
    [ "$(json .files_bad)" -gt "$count" ]
    same "$(($(json .files_bad) + $(json .files_good)))" "$total" 'files counted'
    # a good one says so
    expect 0 site verify good --json
    same "$(json '"\(.metadata) \(.files_good) \(.files_bad)"')" "good $total 0" 'a good bundle'
}

# Findings come in the order of the medium, whichever thread was done first; nothing is found twice or missed.
test_verify_same_with_any_threads() {
    small_hub
    small_site
    hub export --site ALPHA --out stick --volume-size 64K > /dev/null
    volumes=$(find stick/SU-ALPHA-000001 -name 'SU000001.[0-9]*' | sort)
    [ "$(echo "$volumes" | wc -l)" -gt 20 ] || fail 'too few volumes'
    n=0
    for volume in $volumes; do
        n=$((n + 1))
        case $((n % 4)) in
        0) printf X | dd of="$volume" bs=1 seek=$((n * 100)) conv=notrunc 2> /dev/null ;;
        1) [ $n -gt 8 ] || rm "$volume" ;;
        2) [ $n -gt 12 ] || truncate -s 2048 "$volume" ;;
        esac
    done
    for jobs in 1 2 8; do
        expect 3 site --jobs $jobs verify stick --json
        mv out out-$jobs
        [ $jobs = 1 ] || diff out-1 out-$jobs || fail "$jobs threads find something else"
    done
    same "$(jq -c '[.bad[].volume] | . == sort and . == unique' out-1)" true 'each bad volume once, in order'
    same "$(jq '.bad | length' out-1)" "$((n / 4 + 2 + 3))" 'as many as were damaged'
    # The same of files of a pool.
    hub export --site ALPHA --full --out shared --pool > /dev/null
    find shared/SU-POOL -type f | sort | head -n 3 | while read -r file; do truncate -s 3 "$file"; done
    for jobs in 1 2 8; do
        expect 3 site --jobs $jobs verify shared --json
        mv out out-$jobs
        [ $jobs = 1 ] || diff out-1 out-$jobs || fail "$jobs threads find something else in the pool"
    done
    same "$(jq '.bad | length' out-1)" 3 'as many files as were damaged'
    says ', and 2 more files of the pool'
}
