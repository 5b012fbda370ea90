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
    for case in '20 200K' '1 150K' '20 64K' '100 300K' '50 16M'; do
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

# spoil SEED PERMILLE FILE...: overwrites so many of the 4096-byte sectors with seeded random bytes.
spoil() {
    python3 -B -S -c '
import os, random, sys
rng = random.Random(int(sys.argv[1]))
for path in sys.argv[3:]:
    with open(path, "r+b") as file:
        size = os.fstat(file.fileno()).st_size
        for at in range(0, size, 4096):
            if rng.random() * 1000 < int(sys.argv[2]):
                file.seek(at)
                file.write(rng.randbytes(min(4096, size - at)))' "$@"
}
volumes_of() { (cd "$1" && ls | grep -E '^SU[0-9]{6}\.') ; }
# mended DIR...: repairs into ./whole and demands the original, byte for byte.
mended() {
    rm -rf whole
    expect 0 site repair "$@" --to whole --json
    diff -r original whole || fail "repaired to something else: $*"
}
# hopeless DIR...: refused, with what is missing, and nothing left.
hopeless() {
    rm -rf whole
    expect 3 site repair "$@" --to whole --json
    same "$(json .error.id)" 7331 'the message'
    same "$(json .error.after)" 'Nothing was written.' 'what holds now'
    [ "$(json '.missing | length')" -gt 0 ] || fail 'nothing is listed as missing'
    [ ! -e whole ] || fail 'something was left behind'
}

make_small_code() { # 4 data volumes, 2 recovery volumes
    coded 50 1M
    mv stick original
    rm -f out err
}

# Any 2 of the 6 volumes: gone, cut off, or full of something else.
test_recovery_any_volumes_lost() {
    cached small-code make_small_code
    same "$(volumes_of original/SU-ALPHA-000001 | tr '\n' ' ')" "$name.001 $name.002 $name.003 $name.004 $name.R01 $name.R02 " 'volumes'
    number=0
    for one in $(volumes_of original/SU-ALPHA-000001); do
        for two in $(volumes_of original/SU-ALPHA-000001); do
            expr "$one" \< "$two" > /dev/null || continue
            number=$((number + 1))
            rm -rf stick
            cp -r original stick
            rm "$bundle/$one"
            case $((number % 3)) in
            0) rm "$bundle/$two" ;;
            1) truncate -s 5000 "$bundle/$two" ;;
            2) spoil $number 1000 "$bundle/$two" ;;
            esac
            expect 3 site verify stick --json
            same "$(json '"\(.verdict) \(.repairable.is_repairable) \(.repairable.damaged_volumes) \(.error.id)"')" 'repairable true 2 7330' "$one $two"
            [ "$(json .repairable.spare)" -ge 0 ] || fail 'spare'
            mended stick
        done
    done
    same $number 15 'pairs'
    expect 0 site verify whole --json
    same "$(json .verdict)" good 'the whole copy'
    expect 0 site import whole
}

test_recovery_three_volumes_lost() {
    cached small-code make_small_code
    cp -r original stick
    rm "$bundle/$name.002" "$bundle/$name.003" "$bundle/$name.R02"
    tree_sum stick > before
    expect 3 site verify stick --json
    same "$(json '"\(.verdict) \(.repairable.is_repairable)"')" 'damaged false' 'three of six'
    [ "$(json .repairable.spare)" -lt 0 ] || fail 'spare'
    same "$(json '.repairable | .may_lose - .worst_lost - .spare')" 0 'the numbers'
    same "$(json .repairable.enough_volume)" 2 'a volume that would do'
    json .error.text | grep -q 'not repairable: codeword [0-9]* has lost [0-9]* cells, [0-9]* may be lost; [0-9]* too many' || fail "$(json .error.text)"
    json .error.remedy > remedy
    says "Another copy of $name.002 would do" remedy
    hopeless stick
    same "$(json '[.missing[].file] | unique | join(" ")')" "$name.002 $name.003 $name.R02" 'missing'
    same "$(json '[.missing[] | select(.affects | test("content file|update metadata"))] | length > 0')" true 'what they hold'
    tree_sum stick | cmp -s - before || fail 'the medium changed'
    # That volume alone, in a folder without manifest, is enough.
    mkdir other
    cp original/SU-ALPHA-000001/$name.002 other
    mended stick other
    same "$(json '.copies[] | select(.has_manifest | not) | "\(.path) \(.blocks > 0)"')" 'other true' 'the other copy'
    same "$(json .lost)" 0 'lost'
}

# 5 % of all sectors of all files, at random, at 20 %; the manifest and the papers are hit as well, in
# one copy of two.
test_recovery_scattered_sectors() {
    coded 20 300K
    cp -r stick original
    for seed in 1 2 3; do
        rm -rf stick
        cp -r original stick
        # shellcheck disable=SC2046 # several words
        (cd "$bundle" && spoil $seed 50 $(volumes_of .))
        expect 3 site verify stick --json
        same "$(json '"\(.verdict) \(.repairable.is_repairable) \(.repairable.data_is_damaged)"')" 'repairable true true' "seed $seed"
        lost=$(json .repairable.cells_lost) cells=$(json .repairable.cells)
        [ "$lost" -gt $((cells * 3 / 100)) ] && [ "$lost" -lt $((cells * 7 / 100)) ] || fail "$lost of $cells cells lost"
        expect 3 site import stick
        says 'suimport repair'
        mended stick
        same "$(json .lost)" 0 'lost'
        [ "$(json .repaired)" -gt 5 ] || fail 'few blocks were computed'
    done
    expect 0 site import whole
    # A head, a check record and a tail each.
    rm -rf stick
    cp -r original stick
    for volume in $(volumes_of "$bundle"); do flip "$bundle/$volume" 100; flip "$bundle/$volume" -1; done
    mended stick
}

# Both together, with enough parity: one whole volume and 5 % of what is left.
test_recovery_volume_and_sectors() {
    coded 60 800K
    cp -r stick original
    rm "$bundle/$name.003"
    # shellcheck disable=SC2046 # several words
    (cd "$bundle" && spoil 7 50 $(volumes_of .))
    mended stick
    # The parity alone gives everything when it may.
    rm -rf stick hub site original whole
    coded 100 16M
    cp -r stick original
    same "$(volumes_of "$bundle" | tr '\n' ' ')" "$name.001 $name.R01 " 'volumes'
    rm "$bundle/$name.001"
    mended stick
    rm -rf stick
    cp -r original stick
    rm "$bundle/$name.R01"
    expect 3 site verify stick --json
    same "$(json '"\(.verdict) \(.repairable.data_is_damaged)"')" 'repairable false' 'recovery volumes only'
    says 'import works as it is'
    expect 0 site import stick
    mended stick
}

# A single volume, without --volume-size, loses scattered sectors and a burst.
test_recovery_single_volume() {
    small_hub
    small_site
    expect 0 hub export --site ALPHA --out stick --recovery 10
    says 'about 1 in' out
    silent_about 'of the 2 volumes' out
    python3 "$CHECK/check_recovery.py" "$bundle"
    cp -r stick original
    dd if=/dev/zero of="$bundle/$name.001" bs=4096 seek=100 count=60 conv=notrunc 2> /dev/null
    expect 3 site verify stick
    says 'to spare)' out
    mended stick
    expect 2 hub export --site ALPHA --out again --full --recovery 0
    expect 2 hub export --site ALPHA --out again --full --recovery $(($(limit SU_MAX_RECOVERY_PERCENT) + 1))
    expect 2 hub export --site ALPHA --out again --full --recovery x
    expect 2 hub export --site ALPHA --out again --full --recovery 1 --volume-size 64K
    says '  do: Choose a larger --volume-size or a smaller --recovery.'
    [ ! -e again/SU-ALPHA-000002 ] || fail 'a bundle was made'
}

# Checks: with all copies but one of each record gone they still tell; with none, blocks do; and a record that
# lies gets nowhere.
test_recovery_checks_damaged() {
    coded 100 16M
    cp -r stick original
    python3 -B -S - "$bundle" <<'END'
import os, sys
sys.path.insert(0, os.environ["CHECK"])
from check_recovery import geometry, CELL, RECORD
bundle = sys.argv[1]
lines = open(f"{bundle}/MANIFEST.TXT").read().split("\n")
words = [line.split() for line in lines if line.startswith("volume ")]
percent = int(next(line for line in lines if line.startswith("recovery ")).split()[1])
c, k, m, codewords, r = geometry([int(w[3]) for w in words if w[4] == "data"], percent)
table = -(-codewords * RECORD // CELL) * CELL
for q, word in enumerate(w for w in words if w[4] == "recovery"):
    with open(f"{bundle}/{word[2]}", "r+b") as file:
        file.seek(CELL + (min(m, (q + 1) * c) - q * c) * codewords * CELL)
        file.write(bytes(int(word[3]) - file.tell()))
END
    # no check left: a bad block of the first volume counts whole
    flip "$bundle/$name.001" 5000
    expect 3 site verify stick --json
    same "$(json .verdict)" repairable 'no checks'
    mended stick
    # A record with a right CRC of its own that calls a damaged cell good.
    rm -rf stick
    cp -r original stick
    python3 -B -S - "$bundle" <<'END'
import os, sys, zlib
sys.path.insert(0, os.environ["CHECK"])
from check_recovery import geometry, CELL, RECORD
bundle = sys.argv[1]
lines = open(f"{bundle}/MANIFEST.TXT").read().split("\n")
words = [line.split() for line in lines if line.startswith("volume ")]
percent = int(next(line for line in lines if line.startswith("recovery ")).split()[1])
c, k, m, codewords, r = geometry([int(w[3]) for w in words if w[4] == "data"], percent)
with open(f"{bundle}/{words[0][2]}", "r+b") as file: # cell 0 of the first volume: codeword 0
    file.write(bytes(CELL))
table = -(-codewords * RECORD // CELL) * CELL
for q, word in enumerate(w for w in words if w[4] == "recovery"):
    with open(f"{bundle}/{word[2]}", "r+b") as file:
        start = CELL + (min(m, (q + 1) * c) - q * c) * codewords * CELL
        for copy in range(max(1, -(-6 // r))):
            file.seek(start + copy * table)
            record = bytearray(file.read(RECORD))
            record[0:4] = zlib.crc32(bytes(CELL)).to_bytes(4, "little")
            record[1020:] = zlib.crc32(bytes(record[:1020])).to_bytes(4, "little")
            file.seek(start + copy * table)
            file.write(record)
END
    mended stick
}

# Two copies, damaged in different places, are one good one; without recovery volumes too.
test_repair_merges_copies() {
    umask 022
    small_hub
    small_site
    hub export --site ALPHA --out stick --volume-size 1M > /dev/null
    cp -r stick original
    cp -r stick second
    flip "$bundle/$name.001" 70000
    rm "$bundle/$name.003"
    flip "second/SU-ALPHA-000001/$name.002" 1000
    rm second/SU-ALPHA-000001/VERIFY.txt
    hopeless stick
    same "$(json '[.missing[].file] | unique | join(" ")')" "$name.001 $name.003" 'missing in the first'
    hopeless second
    same "$(json '[.missing[].file] | join(" ")')" "$name.002 VERIFY.txt" 'missing in the second'
    tree_sum stick > before
    mended stick second
    same "$(json '"\(.repaired) \(.lost) \(.copies | length)"')" '0 0 2' 'merged'
    mended second stick
    tree_sum stick | cmp -s - before || fail 'the medium changed'
    same "$(stat -c %a whole whole/SU-ALPHA-000001 | sort -u)" 755 'who may go in'
    expect 0 site import whole
    # The manifest of one copy is enough; nothing is believed of a folder without it.
    rm second/SU-ALPHA-000001/MANIFEST.TXT
    mended second stick
    rm stick/SU-ALPHA-000001/MANIFEST.TXT
    rm -rf whole
    expect 2 site repair stick second --to whole
    flip original/SU-ALPHA-000001/MANIFEST.TXT 200
    expect 4 site repair original second --to whole
    expect 2 site repair original
    [ ! -e whole ] || fail 'something was written'
}

test_repair_one_bundle_at_a_time() {
    small_hub
    small_site
    hub site add BRAVO > /dev/null
    hub export --site ALPHA --out stick > /dev/null
    hub export --site BRAVO --out bravo > /dev/null
    cp -r stick original
    hub export --site ALPHA --full --out stick > /dev/null
    expect 2 site repair stick --to whole
    says 'SU-ALPHA-000001'
    says 'SU-ALPHA-000002'
    mended stick/SU-ALPHA-000001 bravo
    expect 10 site repair bravo --to other
    says 'is for site BRAVO'
    # A name that is taken is never overwritten.
    tree_sum whole > before
    expect 2 site repair original --to whole
    tree_sum whole | cmp -s - before || fail 'a bundle was overwritten'
}

# A parent passes on what it has imported, and nothing else.
test_relay() {
    small_hub
    small_site
    hub site add BRAVO > /dev/null
    hub site set ALPHA --child BRAVO > /dev/null
    expect 0 hub export --site ALPHA --out stick --volume-size 1M --recovery 30
    cp -r stick original
    expect 5 site relay stick --to child
    says 'is not among the imports of site ALPHA'
    says 'Nothing was written.'
    [ ! -e child ] || fail 'something was written'
    expect 0 site import stick
    entries=$(sqlite3 -readonly site/update-point.db 'SELECT count(*) FROM ledger')
    expect 0 site relay stick --to child --json
    same "$(json '.relayed[] | "\(.bundle) \(.children | join(","))"')" 'SU-ALPHA-000001 BRAVO' 'relayed'
    logged site 7333
    same "$(sqlite3 -readonly site/update-point.db "SELECT kind || ' ' || detail FROM ledger WHERE entry > $entries")" 'relay SU-ALPHA-000001' 'the ledger'
    diff -r original child || fail 'the copy is another'
    suimport=$SUIMPORT
    $suimport --home bravo --quiet init --site BRAVO > /dev/null
    $suimport --home bravo --quiet trust add hub.pub > /dev/null
    expect 0 $suimport --home bravo --quiet import child
    # A damaged copy is made whole first; an undone import does not count.
    flip "$bundle/$name.001" 5000
    expect 3 site relay stick --to child2
    says 'suimport repair'
    [ ! -e child2 ] || fail 'something was written'
    site undo > /dev/null
    expect 5 site relay original --to child2
}

# Content in the shared pool of a medium goes along, from the copy that has it whole.
test_repair_and_relay_with_pool() {
    small_hub
    small_site
    expect 0 hub export --all-due --out stick
    cp -r stick original
    cp -r stick second
    # shellcheck disable=SC2046 # several words
    set -- $(cd stick && find SU-POOL -name '*.DAT' -size +8k | sort)
    [ $# -gt 1 ] || fail 'a small pool'
    flip "stick/$1" 5000
    rm "second/$2"
    hopeless stick
    same "$(json '[.missing[].file] | join(" ")')" "$1" 'missing'
    mended stick second
    expect 0 site import original
    expect 0 site relay original --to child
    diff -r original child || fail 'the copy is another'
    # a pool that is there already is shared; another file of that name is not overwritten
    rm -r child/SU-ALPHA-000001
    expect 0 site relay original --to child
    diff -r original child || fail 'the copy is another'
    rm -r child/SU-ALPHA-000001
    echo other > "child/$1"
    expect 2 site relay original --to child
    same "$(ls child)" SU-POOL 'nothing else'
    expect 3 site relay stick --to child2
    [ ! -e child2 ] || fail 'something was written'
}
