# docs.sh - the documents say what the programs do: manual pages against --help and message.def, limits and tables against
# the source, shell blocks by running them, links and names by looking.

DOCS=$TOP/docs

# NAME of a page: its commands with arguments, one a line, from COMMANDS; and 'command|--option ARGUMENT'.
manual_commands() {
    sed -n '/^\.Sh COMMANDS/,/^\.Sh ENVIRONMENT/s/^\.It Ic //p' "$DOCS/$1.1" | sed 's/ Ar / /' | sort
}
manual_options() {
    awk '/^\.Ss Options of every command/ { command = "" ; on = 1 }
         /^\.Sh ENVIRONMENT/ { on = 0 }
         on && /^\.It Ic / { command = substr($0, 8); sub(/ Ar .*/, "", command) }
         on && /^\.It Fl / { option = substr($0, 8); sub(/ Ar /, " ", option); print command "|-" option }' "$DOCS/$1.1" | sort
}
help_commands() {
    "$BUILD/$1" --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print substr($0, 3, 35) }' | sed 's/ *$//' | sort
}
option_lines() { # COMMAND: option lines of a help text on stdin
    sed -n 's/^  \(--[a-z-]* [^ ]\{1,\}\) .*/\1/p; s/^  \(--[a-z-]*\)  .*/\1/p' | sed "s/^/$1|/"
}
help_options() {
    "$BUILD/$1" --help | sed -n '/^Options of every command/,/^$/p' | option_lines ''
    help_commands "$1" | sed 's/ [A-Z].*//' > names
    while read -r name; do
        # shellcheck disable=SC2086 # several words
        "$BUILD/$1" $name --help | sed -n '/^Options of [a-z ]*:/,/^$/p' | sed '/^Options of every/,$d' | option_lines "$name"
    done < names
}

test_manual_has_every_command_and_option() {
    for program in suexport suimport; do
        manual_commands $program > manual
        help_commands $program > help
        [ "$(wc -l < help)" -gt 10 ] || fail 'the help lists no commands'
        diff manual help || fail "$program: commands of manual (<) and help (>)"
        manual_options $program > manual
        help_options $program | sort > help
        [ "$(wc -l < help)" -gt 15 ] || fail 'the help lists no options'
        diff manual help || fail "$program: options of manual (<) and help (>)"
    done
}

test_manual_has_every_message() {
    sed -n 's/^SU_CODE([A-Z_]*, \([0-9]*\), \([0-9]*\), "\([^"]*\)".*/\2 \1 \3/p' "$TOP/common/base/message.def" | sort > source
    same "$(grep -c '^SU_CODE' "$TOP/common/base/message.def")" "$(wc -l < source | tr -d ' ')" 'messages read'
    same "$(cut -d ' ' -f 1 source | uniq -d)" '' 'ids used twice'
    hub init > /dev/null
    for program in suexport suimport; do
        sed -n '/^\.Sh MESSAGES/,/^\.El/s/^\.It \([0-9]*\) Ta \([0-9]*\) Ta \(.*\)/\1 \2 \3/p' "$DOCS/$program.1" | sort > manual
        diff manual source || fail "$program.1 (<) and message.def (>)"
        # and what the programs say of each
        cut -d ' ' -f 1 source > ids
        while read -r id; do
            same "$("$BUILD/$program" --home hub explain "$id" --json | jq -r '"\(.id) \(.exit_status) \(.text)"')" "$(grep "^$id " source)" "$program explain $id"
        done < ids
    done
}

test_manual_has_every_exit_status() {
    seq 0 11 > want
    cut -d, -f 2 "$TOP/common/base/message.def" | sed -n 's/^ \([0-9]*\)$/\1/p' | sort -un > used
    ! grep -qvxF -f want used || fail "message.def has an exit status beyond 0 to 11"
    for program in suexport suimport; do
        sed -n '/^\.Sh EXIT STATUS/,/^\.El/s/^\.It //p' "$DOCS/$program.1" > have
        diff want have || fail "$program.1: exit status"
        grep -qx 'An unknown code must be treated as a failure.' "$DOCS/$program.1"
        "$BUILD/$program" --help > help
        grep -q 'An unknown code must be treated as a failure' help
        for status in $(cat want); do
            grep -qE "(: |; |^)$status " help || fail "$program --help does not name exit status $status"
        done
    done
}

test_manual_is_clean() {
    mandoc -T lint -W warning "$DOCS/suexport.1" "$DOCS/suimport.1" 2>&1 | grep -v 'outdated mandoc.db' > lint || true
    [ ! -s lint ] || fail "$(cat lint)"
    for program in suexport suimport; do
        mandoc -T utf8 "$DOCS/$program.1" | sed "s/.$(printf '\b')//g" > text
        [ "$(wc -l < text)" -gt 300 ] || fail "$program.1 renders to little"
        same "$(grep -c 'UNDEFINED\|@[A-Z]*@' text || true)" 0 "$program.1 rendering"
    done
}

# ---- JSON: every key of an answer stands in the manual at that command --------------------------------

answer_keys() { # PROGRAM COMMAND: of the document in out
    manual_keys "$1" "$2" > documented
    jq -r '[paths[-1] | strings] | unique[]' out > have
    sort -u have > sorted
    extra=$(grep -vxF -f documented sorted || true)
    [ -z "$extra" ] || fail "$1 $2: keys that the manual does not name: $extra"
    jq -r 'keys[]' out | sort > top
    [ -s top ] || fail "$1 $2: no answer"
}
manual_keys() {
    awk -v want="$2" '/^\.Sh JSON OUTPUT/ { on = 1 } /^\.Sh MESSAGES/ { on = 0 }
        on && /^\.It Ic / { n = split(substr($0, 8), names, " , "); hit = 0; for (i = 1; i <= n; i++) if (names[i] == want) hit = 1 }
        on && hit && /^\.Va / { gsub(/[ ,;.]+/, "\n", $0); print }' "$DOCS/$1.1" | sed '/^Va$/d; /^$/d'
}
hub_answer() { "$SUEXPORT" --home hub --json "$@" > out 2> err || [ $? = 9 ]; }
site_answer() { "$SUIMPORT" --home site --json "$@" > out 2> err || [ $? = 9 ]; }

test_manual_has_every_json_key() {
    hub_answer init; answer_keys suexport init
    hub_answer key generate --name k; answer_keys suexport 'key generate'
    hub_answer key list; answer_keys suexport 'key list'
    hub_answer key export --name k; answer_keys suexport 'key export'
    hub_answer key export --name k --out hub.pub
    hub_answer sync --from "$SMALL/m1/export.cab"; answer_keys suexport sync
    hub_answer schedule set daily at 02:00; answer_keys suexport 'schedule set'
    hub_answer schedule next; answer_keys suexport 'schedule next'
    for format in systemd cron windows; do hub_answer schedule install --format $format; answer_keys suexport 'schedule install'; done
    hub_answer sync --if-due --from "$SMALL/m1/export.cab"; answer_keys suexport sync
    hub_answer alert set --spool "$PWD/spool"; answer_keys suexport 'alert set'
    hub_answer alert test; answer_keys suexport 'alert test'
    hub_answer alert check; answer_keys suexport 'alert check'
    hub_answer sync --from nowhere || hub_answer alert list; answer_keys suexport 'alert list'
    hub_answer products; answer_keys suexport products
    hub_answer classifications; answer_keys suexport classifications
    hub_answer source add http://wsus.example.test:8530; answer_keys suexport 'source add'
    hub_answer products add 'Fabrikam Server 2022'; answer_keys suexport 'products add'
    hub_answer source list; answer_keys suexport 'source list'
    hub_answer source show; answer_keys suexport 'source show'
    hub_answer languages; answer_keys suexport languages
    hub_answer source remove http://wsus.example.test:8530; answer_keys suexport 'source remove'
    hub_answer content list; answer_keys suexport 'content list'
    hub_answer catalog import --file "$(find "$SMALL/m1/WsusContent" -name '*.cab' | head -n 1)"; answer_keys suexport 'catalog import'
    hub_answer content add "$SMALL/m1/WsusContent"; answer_keys suexport 'content add'
    hub_answer content verify --all; answer_keys suexport 'content verify'
    hub_answer site add ALPHA; answer_keys suexport 'site add'
    hub_answer pin add KB5100032; answer_keys suexport 'pin add'
    hub_answer pin list; answer_keys suexport 'pin list'
    hub_answer pin remove KB5100032; answer_keys suexport 'pin remove'
    hub_answer lifecycle set --supersedes 3; answer_keys suexport 'lifecycle set'
    hub_answer maintain --dry-run; answer_keys suexport maintain
    hub_answer lifecycle show; answer_keys suexport 'lifecycle show'
    hub_answer plan --site ALPHA; answer_keys suexport plan
    hub_answer export --site ALPHA --out usb; answer_keys suexport export
    hub_answer resend --site ALPHA --out usb2; answer_keys suexport resend
    hub_answer key generate --name r --role reviewer
    hub_answer sign usb --key r --role reviewer; answer_keys suexport sign
    hub_answer site list; jq '.sites[0]' out > one; mv one out; answer_keys suexport 'site add'
    hub_answer site show ALPHA; jq 'del(.bundles)' out > one; jq '.bundles' out > rest; mv one out; answer_keys suexport 'site add'
    hub_answer status; answer_keys suexport status
    "$SUEXPORT" --home hub --json status --check > out || true; answer_keys suexport status
    hub_answer history; answer_keys suexport history
    hub_answer schedule set daily at 02:00; hub_answer report; answer_keys suexport report
    hub_answer search server; answer_keys suexport search
    hub_answer explain 7305; answer_keys suexport explain
    hub_answer search rollup; id=$(json '.found[0].update_id')
    hub_answer show "$id"; jq '.updates[0] | with_entries(select(.key | IN("tags", "files", "products", "classifications", "prerequisites", "bundled", "bundled_by", "supersedes", "superseded_by") | not))' out > one; mv one out
    answer_keys suexport show
    hub_answer explain "$id" --site ALPHA; answer_keys suexport explain
    hub_answer diff --digest --all; answer_keys suexport diff
    cp out other.json; hub_answer diff --digest --with other.json; answer_keys suexport diff
    hub_answer audit verify; answer_keys suexport 'audit verify'
    hub_answer audit ledger; answer_keys suexport 'audit ledger'
    hub_answer audit bundle SU-ALPHA-000001; answer_keys suexport 'audit bundle'
    hub_answer audit file "$id"; answer_keys suexport 'audit file'
    hub_answer audit latency; answer_keys suexport 'audit latency'
    hub_answer audit excluded --site ALPHA; answer_keys suexport 'audit excluded'
    python3 -B "$CHECK/third_party.py" packages v2 2
    hub_answer catalog subscribe v2 --name f --allow-unsigned; answer_keys suexport 'catalog subscribe'
    hub_answer catalog refresh f; answer_keys suexport 'catalog refresh'
    openssl req -x509 -newkey ed25519 -nodes -keyout f.key -out f.pem -subj /CN=f 2> /dev/null
    hub_answer catalog trust f --certificate f.pem; answer_keys suexport 'catalog trust'
    hub_answer catalog list; answer_keys suexport 'catalog list'
    hub_answer catalog publish --all; answer_keys suexport 'catalog publish'
    hub_answer catalog show f; answer_keys suexport 'catalog show'
    hub_answer catalog unpublish --all; answer_keys suexport 'catalog unpublish'
    hub_answer catalog unsubscribe f; answer_keys suexport 'catalog unsubscribe'
    hub_answer rebuild; answer_keys suexport rebuild
    site_answer init --site ALPHA; answer_keys suimport init
    site_answer trust add hub.pub; answer_keys suimport 'trust add'
    site_answer trust list; answer_keys suimport 'trust list'
    site_answer trust policy; answer_keys suimport 'trust policy'
    site_answer inspect usb; answer_keys suimport inspect
    site_answer verify usb; answer_keys suimport verify
    site_answer plan usb; answer_keys suimport plan
    site_answer import usb; answer_keys suimport import
    site_answer watch --inbox usb --once; answer_keys suimport watch
    site_answer receipt; answer_keys suimport receipt
    hub_answer site set ALPHA --key site/keys/site.pub; answer_keys suexport 'site set'
    site_answer receipt --out receipt
    hub_answer receipt add receipt; answer_keys suexport 'receipt add'
    site_answer content verify; answer_keys suimport 'content verify'
    site_answer status; answer_keys suimport status
    "$SUIMPORT" --home site --json status --check > out || true; answer_keys suimport status
    site_answer alert set; answer_keys suimport 'alert set'
    site_answer alert check; answer_keys suimport 'alert check'
    site_answer alert list; answer_keys suimport 'alert list'
    site_answer history; answer_keys suimport history
    site_answer report; answer_keys suimport report
    site_answer search server; answer_keys suimport search
    site_answer explain 7305; answer_keys suimport explain
    hub_answer audit receipts; answer_keys suexport 'audit receipts'
    hub_answer audit bundle SU-ALPHA-000001; answer_keys suexport 'audit bundle'
    hub_answer diff --digest --site ALPHA --sequence 1; answer_keys suexport diff
    site_answer diff --digest 0; answer_keys suimport diff
    site_answer audit verify; answer_keys suimport 'audit verify'
    site_answer audit ledger; answer_keys suimport 'audit ledger'
    site_answer audit bundle 1; answer_keys suimport 'audit bundle'
    site_answer audit file "$id"; answer_keys suimport 'audit file'
    site_answer audit latency; answer_keys suimport 'audit latency'
    site_answer rebuild; answer_keys suimport rebuild
    mv site lost; site_answer init --site ALPHA; site_answer trust add hub.pub; site_answer rebuild --from usb; answer_keys suimport rebuild
    site_answer trust revoke k --up-to 1; answer_keys suimport 'trust revoke'
    hub_answer key rotate --name k --to l; answer_keys suexport 'key rotate'
    hub_answer key revoke --name k; answer_keys suexport 'key revoke'
}

# ---- limits, tables, vocabulary of the source ---------------------------------------------------------

# Every limit stands in architecture.md with its value, and none that is gone.
test_limits_are_documented() {
    sed -n 's/^| `\(SU_[A-Z_]*\)` | \([0-9,]* *[KMG]*i*B*\) |.*/\1 \2/p' "$DOCS/architecture.md" | sort > documented
    limits > defined
    [ "$(wc -l < defined)" -gt 25 ] || fail 'limits.h was not read'
    while read -r name value; do
        line=$(grep "^$name " documented) || fail "$name is not in architecture.md"
        set -- $line
        have=$(echo "$2" | tr -d ,)
        case ${3:-} in KiB) have=$((have * 1024)) ;; MiB) have=$((have * 1048576)) ;; GiB) have=$((have * 1073741824)) ;; esac
        same "$have" "$value" "$name in architecture.md"
    done < defined
    cut -d ' ' -f 1 documented | grep -vxF "$(cut -d ' ' -f 1 defined)" && fail 'architecture.md names limits that are gone'
    return 0
}

# Every limit is named by a test that stands at it, or by the table of testing.md that says why none can; not by both.
test_limits_are_tested() {
    limits | cut -d ' ' -f 1 | sort > defined
    python3 - "$TOP" > named <<'END'
import glob, re, sys
top = sys.argv[1]
text = ""
for path in glob.glob(top + "/tests/unit/*.[ch]"):
    text += re.sub(r"/\*.*?\*/|//[^\n]*", " ", open(path, encoding="utf-8").read(), flags=re.S)
for path in set(glob.glob(top + "/tests/cli/*.sh") + glob.glob(top + "/tests/hostile/*.py")) - {top + "/tests/cli/docs.sh"}:
    text += re.sub(r"(^|\s)#.*", " ", open(path, encoding="utf-8").read())
print("\n".join(sorted(set(re.findall(r"\bSU_[A-Z_]+\b", text)))))
END
    sed -n 's/^| `\(SU_[A-Z_]*\)` | [^|][^|]* |$/\1/p' "$DOCS/testing.md" | sort > excused
    same "$(comm -12 named excused | tr '\n' ' ')" '' 'limits with a test, and a reason in testing.md why there is none'
    same "$(sort -u named excused | comm -23 defined - | tr '\n' ' ')" '' 'limits that no test stands at'
    same "$(comm -13 defined excused | tr '\n' ' ')" '' 'limits in testing.md that are gone'
}

# Every table, view and column of a fresh database stands in database.md under its own heading, and no other.
test_tables_are_documented() {
    hub init > /dev/null
    sqlite3 -readonly hub/update-point.db "SELECT m.name || ' ' || p.name FROM sqlite_schema m JOIN pragma_table_xinfo(m.name) p
        WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE 'search\_%' ESCAPE '\'
          AND m.name NOT LIKE 'scan\_search\_%' ESCAPE '\' AND (m.name NOT IN ('search', 'scan_search') OR p.name = 'words') ORDER BY 1" | sort > real
    awk '/^## / { table = "" } /^### `/ { table = $2; gsub(/`/, "", table) }
         table && /^\| `/ { split($0, cell, "|"); n = split(cell[2], names, ","); for (i = 1; i <= n; i++) { gsub(/[` ]/, "", names[i]); print table, names[i] } }' "$DOCS/database.md" | sort > documented
    diff documented real || fail 'database.md (<) and the schema (>)'
    same "$(sqlite3 -readonly hub/update-point.db 'PRAGMA user_version')" "$(sed -n 's/.*the last schema step applied; it is \([0-9]*\) now.*/\1/p' "$DOCS/database.md")" 'schema version'
}

# The schema's digest in home.c is that of a fresh home, and of one that was used; a blank more is not ours.
test_schema_has_its_digest() {
    text=$(sed -n 's/^ *"\(.*\)" *\\\{0,1\}$/\1/p' "$TOP/common/point/home.c" | sed -n '/^SELECT coalesce/,/ORDER BY type, name/p' | tr -d '\n')
    digest=$(sed -n 's/.*schema_sha256\[\] = "\([0-9a-f]*\)";/\1/p' "$TOP/common/point/home.c")
    hub init > /dev/null
    for _ in fresh used; do
        same "$digest" "$(sqlite3 -readonly hub/update-point.db "$text" | head -c -1 | sha256sum | cut -d ' ' -f 1)" 'digest in home.c'
        hub sync --from "$SMALL/m1/export.cab" > /dev/null
    done
    sqlite3 hub/update-point.db "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql=sql||' ' WHERE name='v_title'"
    expect 3 hub status
    says 'that are not ours'
}

# ---- shell blocks -------------------------------------------------------------------------------------

# All blocks of a document that begin with "# tested", in order, as one script in an empty directory.
run_blocks() {
    awk '/^```sh$/ { on = 1; first = 1; block = ""; next }
         /^```$/ { if (on && tested) printf "%s", block; on = 0; tested = 0; next }
         on { if (first) tested = ($0 == "# tested"); first = 0; block = block $0 "\n" }' "$1" > script
    mkdir empty
    (cd empty && PATH=$BUILD:$PATH SAMPLES=$SMALL SOURCE=$TOP && export PATH SAMPLES SOURCE && sh -eu ../script) > out 2>&1 || fail "$1: $(tail -n 20 out)"
    grep -c '^# tested' script || true
}

test_blocks_of_readme() { [ "$(run_blocks "$TOP/README.md")" -ge 4 ] || fail 'README.md has few tested blocks'; }
test_blocks_of_database() { [ "$(run_blocks "$DOCS/database.md")" -ge 8 ] || fail 'database.md has few tested blocks'; }
test_blocks_of_bundle_format() { [ "$(run_blocks "$DOCS/bundle-format.md")" -ge 1 ] || fail 'bundle-format.md has no tested block'; }
test_blocks_of_other_documents() {
    for document in "$DOCS"/*.md; do
        case $document in */database.md | */bundle-format.md) continue ;; esac
        rm -rf empty
        run_blocks "$document" > /dev/null
    done
}

# What stands in bundle-format.md about the vectors is what they are.
test_bundle_format_example() {
    for line in $(sed -n '/^### 2.4/,/^## 3/s/^\(result\|profile\) \([0-9a-f]*\)….*/\2/p' "$DOCS/bundle-format.md"); do
        grep -q "^[a-z]* $line" "$TOP/tests/vectors/SU-ALPHA-000001/MANIFEST.TXT" || fail "the example has $line, the vector has not"
    done
    sed -n '/^SU-VOLUME 1$/,/^volume /p' "$DOCS/bundle-format.md" > volume-head
    tar -xOf "$TOP/tests/vectors/SU-ALPHA-000001/SU000001.001" SU-HEAD | diff - volume-head
    record=$(sed -n 's/^    \(R 0fa1201d.*\)/\1/p' "$DOCS/bundle-format.md")
    same "$(tar -xOf "$TOP/tests/vectors/SU-ALPHA-000001/SU000001.001" metadata/000001.zst | zstd -dcq 2> /dev/null | head -n 1)" "$record" 'first record'
    "$SUIMPORT" --home site init --site ALPHA > /dev/null
    grep -q "$(site_digest)" "$DOCS/bundle-format.md" || fail 'the digest of the empty catalogue differs'
    sed -n '/^### 3.1/,/^## 4/p' "$DOCS/bundle-format.md" | sed -n '/^SU-KEY/,/^-----END/p' | diff - "$TOP/tests/vectors/hub.pub"
}

# ---- links and names ----------------------------------------------------------------------------------

anchors() { # of a markdown file, as GitHub makes them, and explicit ones
    sed -n 's/^##* //p' "$1" | tr 'A-Z' 'a-z' | sed 's/[^a-z0-9 _-]//g; s/ /-/g'
    sed -n 's/.*<a id="\([^"]*\)".*/\1/p' "$1"
}
test_links_resolve() {
    for document in "$TOP/README.md" "$DOCS"/*.md "$TOP/tests/vectors/README.md"; do
        grep -oE '\]\([^)#:]*(#[^)]*)?\)' "$document" | sed 's/^](//; s/)$//' > links || true
        while read -r link; do
            file=${link%%#*}
            target=$document
            [ -z "$file" ] || target=$(dirname "$document")/$file
            [ -e "$target" ] || fail "$document: $link leads nowhere"
            case $link in
            *#*) anchors "$target" | grep -qxF "${link#*#}" || fail "$document: $link has no such heading" ;;
            esac
        done < links
    done
}

# Every path in backquotes that looks like a file of the source is one.
test_named_files_exist() {
    for document in "$TOP/README.md" "$DOCS"/*.md; do
        grep -oE '`(common|tools|tests|docs|samples)/[A-Za-z0-9_./*-]+`' "$document" | tr -d '`' | sort -u > names || true
        while read -r name; do
            # shellcheck disable=SC2086 # several words
            ls -d "$TOP"/$name > /dev/null 2>&1 || fail "$document names $name, which is not there"
        done < names
    done
}

# The source tour names every module of the core and below.
test_tour_names_every_module() {
    sed -n '/^## Source/,$p' "$TOP/README.md" > tour
    for file in "$TOP"/common/*/*.[ch] "$TOP"/common/*/*/*.[ch] "$TOP"/common/*/*.def; do
        name=$(basename "$file" | sed 's/\.[ch]$//')
        grep -qE "\`$name(\.h)?\`" tour || fail "the source tour of README.md does not name $name"
    done
    for folder in "$TOP"/tools/* "$TOP"/tests/unit "$TOP"/tests/cli "$TOP"/tests/vectors "$TOP"/samples "$TOP"/common/* "$TOP"/common/source/*/; do
        folder=${folder%/}
        grep -q "\`${folder#"$TOP"/}\`" tour || fail "the source tour of README.md does not name $folder"
    done
}

# threats.md: all of them, in order; code files and tests that exist, at least one of each.
threat_rows() { grep -E '^\| [TSPH][0-9]+ ' "$DOCS/threats.md"; }
test_threats_name_code_and_tests() {
    threat_rows > rows
    sed -n 's/^| \([TSPH][0-9]*\) .*/\1/p' rows > have
    { seq -f 'T%g' 1 40; seq -f 'S%g' 1 "$(grep -c '^S' have)"; seq -f 'P%g' 1 "$(grep -c '^P' have)"; seq -f 'H%g' 1 "$(grep -c '^H' have)"; } | diff - have || fail 'threats.md lists other threats, or in another order'
    same "$(grep -cE '^\| [^-]' "$DOCS/threats.md")" "$(($(wc -l < rows) + $(grep -cE '^\| (threat|bytes) \| what' "$DOCS/threats.md")))" 'rows, and those with a number'
    grep -q 'next issue' "$DOCS/threats.md" && fail 'threats.md puts something off'
    while IFS='|' read -r _ number _ code tests _; do
        echo "$code" | grep -oE '`[a-z0-9_./-]+\.(c|h|def|sql)`' | tr -d '`' > named || true
        [ -s named ] || fail "$number names no code"
        while read -r file; do
            [ -n "$(find "$TOP/common" "$TOP/tools" -name "$file")" ] || fail "$number: $file is not there"
        done < named
        echo "$tests" | grep -oE '`[A-Za-z0-9_./-]+:[a-z0-9_]+`' | tr -d '`' > named || true
        while IFS=: read -r file name; do
            found=$(ls "$TOP/tests/cli/$file" "$TOP/tests/unit/$file" 2> /dev/null | head -n 1)
            [ -n "$found" ] || fail "$number: tests/*/$file is not there"
            grep -qE "(^|[^A-Za-z0-9_])$name\(" "$found" || fail "$number: $file has no $name"
        done < named
        [ -s named ] || fail "$number names no test"
    done < rows
}

# Every test of tests/cli/hostile*.sh has its threats in the line above it; they and the map name each other. What is called
# hostile, evil or a bomb anywhere else stands in the map too.
test_threats_of_hostile_tests() {
    for file in "$TOP"/tests/cli/hostile*.sh; do
        awk -v file="${file##*/}" '/^test_[a-z0-9_]*\(\)/ { name = $1; sub(/\(.*/, "", name)
                 if (before !~ /^# [TSPH][0-9]+( [TSPH][0-9]+)*$/) { print "none " file ":" name } else { n = split(substr(before, 3), t, " "); for (i = 1; i <= n; i++) print t[i], file ":" name } }
             { before = $0 }' "$file"
    done | sort > borne
    [ "$(wc -l < borne)" -gt 30 ] || fail 'the hostile tests were not read'
    ! grep '^none ' borne || fail 'a hostile test has no line of its threats directly above it'
    threat_rows | while IFS='|' read -r _ number _ _ tests _; do
        echo "$tests" | grep -oE '`hostile[a-z_]*\.sh:[a-z0-9_]+`' | tr -d '`' | sed "s/^/$(echo "$number" | grep -oE '^ [TSPH][0-9]+' | tr -d ' ') /"
    done | sort > mapped
    diff borne mapped || fail 'threats that hostile tests bear (<) and the map (>)'
    for file in "$TOP"/tests/cli/*.sh "$TOP"/tests/unit/*.c; do
        [ "${file##*/}" != docs.sh ] || continue
        sed -n 's/^\(static void \)\{0,1\}\(test_[a-z0-9_]*\(hostile\|evil\|bomb\)[a-z0-9_]*\)(.*/\2/p' "$file" | while read -r name; do
            threat_rows | grep -qF "\`${file##*/}:$name\`" || echo "${file##*/}:$name"
        done
    done > strangers
    [ ! -s strangers ] || fail "tests of something hostile that no threat names: $(cat strangers)"
}

# functions.md: every function of the list once, in order; a status of three kinds; commands, options and tests that exist.
test_functions_name_commands_and_tests() {
    sed -n 's/^| \(F[0-9]*\) | .*/\1/p' "$DOCS/functions.md" > have
    seq -f 'F%02g' 1 47 | diff - have || fail 'functions.md lists other functions than F01 to F47'
    for program in suexport suimport; do
        manual_commands $program | sed "s/ [^a-z].*//; s/^/$program /"
    done > commands
    grep '^| F[0-9]' "$DOCS/functions.md" > rows
    while IFS='|' read -r _ number _ what status rest; do
        [ "$rest" = '' ] && [ -n "$what" ] || fail "$number: not four cells"
        case $status in
        ' works ('*) grep -qE '`su(ex|im)port ' <<EOF || fail "$number works by no command" ;;
$status
EOF
        ' works in part ('* | ' not applicable ('* | ' missing ('*) ;;
        *) fail "$number: a status of its own:$status" ;;
        esac
        case $status in *') ') ;; *) fail "$number: the bracket does not close" ;; esac
        echo "$status" | grep -oE '`[a-z_0-9]+\.(sh|c):[A-Za-z0-9_]+`' | tr -d '`' > named || true
        case $status in ' works '*) [ -s named ] || fail "$number works, and no test shows it" ;; esac
        while IFS=: read -r file name; do
            found=$(ls "$TOP/tests/cli/$file" "$TOP/tests/unit/$file" 2> /dev/null | head -n 1)
            [ -n "$found" ] || fail "$number: tests/*/$file is not there"
            grep -qE "(^|[^A-Za-z0-9_])$name\(" "$found" || fail "$number: $file has no $name"
        done < named
        echo "$what $status" | grep -oE '`su(ex|im)port [^`]*`' | tr -d '`' > used || true
        while read -r program line; do
            command=$(while read -r p c; do case "$p $line " in "$program $c "*) echo "$c" ;; esac; done < commands | awk '{ print length, $0 }' | sort -rn | sed -n '1s/^[0-9]* //p')
            [ -n "$command" ] || fail "$number: no command '$program $line'"
            # shellcheck disable=SC2086 # several words
            "$BUILD/$program" $command --help > help
            for option in $(echo "$line" | grep -oE -- '--[a-z-]+' || true); do
                grep -qE -- "^  $option( |\$)" help || fail "$number: '$program $command' has no $option"
            done
        done < used
    done < rows
}

# The words of people's scripts: no path of a build machine, no leftover marks.
test_documents_are_finished() {
    same "$(grep -nE '/tmp/[a-z]+/|TODO|FIXME|@@' "$TOP/README.md" "$DOCS"/*.md "$DOCS"/*.1 "$TOP/tests/vectors/README.md" || true)" '' 'leftovers'
    for document in "$TOP/README.md" "$DOCS"/*.md; do
        [ -z "$(tail -c 1 "$document")" ] || fail "$document does not end with a line end"
        same "$(grep -nP '[ \t]+$' "$document" | head -n 3)" '' "$document: blanks at a line's end"
    done
}
