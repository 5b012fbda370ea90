# content.sh - adopting a WsusContent tree, and telling what is wrong with the store.

# A hub of month 1 without content, and a private copy of the tree in ./tree.
bare_hub() {
    hub init > /dev/null
    hub key generate --name hub-test > /dev/null
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    cp -R "$SMALL/m1/WsusContent" tree
}
first_file() { find tree -name '*.msp' | sort | head -n 1; }
stored() { echo "hub/content/$(echo "$1" | cut -c1-2)/$1"; } # SHA-256: its path in the store
stored_like() { stored "$(sha256sum "$1" | cut -d' ' -f1)"; }
counts() { json '"\(.adopted) \(.held) \(.missing) \(.wrong) \(.unknown)"'; }
listed() { json '[.files[] | "\(.verdict) \(.name)"] | sort | join(";")'; }

test_content_adopts_by_link() {
    bare_hub
    expect 0 hub content add tree --json
    has_keys . adopted held missing wrong unknown files
    same "$(counts)" '16 0 0 0 0' 'counts'
    same "$(json .linked)" 16 'linked'
    find tree -type f | while read -r file; do
        same "$(stat -c %i "$file")" "$(stat -c %i "$(stored_like "$file")")" "inode of $file"
    done
    same "$(find hub/content -type f | wc -l)" 16 'files in the store'
    same "$(find hub/content -name '.tmp-*' | wc -l)" 0 'temporary files'
    expect 0 hub content add tree --json --all
    same "$(counts)" '0 16 0 0 0' 'the second time'
    same "$(json '.files | length')" 16 'listed with --all'
    expect 0 hub content verify
    expect 0 hub content list --json --all
    same "$(json '[.files[] | select(.is_licence)] | length')" 2 'licence files'
    same "$(json '[.files[] | select(.verdict == "held")] | length')" 16 'held files'
}

# What people read says the same numbers as the JSON.
test_content_text_counts() {
    bare_hub
    expect 0 hub content add tree
    says '16 adopted (2.9 MiB, 16 linked), 0 held, 0 missing (0 bytes, 0 licence), 0 wrong, 0 unknown' out
    expect 0 hub content verify
    says '0 adopted (0 bytes, 0 linked), 16 held, 0 missing (0 bytes, 0 licence), 0 wrong, 0 unknown' out
}

test_content_missing() {
    bare_hub
    file=$(first_file)
    name=$(basename "$file" .msp | tr A-F a-f)
    rm "$file"
    rm "$(grep -rl LIZENZ tree)"
    expect 0 hub content add tree --json
    same "$(counts)" '14 0 2 0 0' 'counts'
    same "$(json .licence_missing)" 1 'missing licence files'
    same "$(json '.bytes_missing > 2624')" true 'missing bytes'
    same "$(json ".files[] | select(.sha1 == \"$name\") | .verdict")" missing 'the missing file'
    same "$(json '.files[] | select(.is_licence) | "\(.verdict) \(.name)"')" 'missing license-1-de.txt' 'the missing licence'
    same "$(json '[.files[].update] | any(. == "")')" false 'names of the updates that need them'
    expect 9 hub content verify
    says missing out
    expect 0 hub content list --json
    same "$(json .missing)" 2 'content list'
}

test_content_wrong_bytes() {
    bare_hub
    file=$(first_file)
    flip "$file" 100
    other=$(find tree -name '*.exe' | sort | head -n 1)
    printf more >> "$other"
    expect 3 hub content add tree --json
    same "$(counts)" '14 0 2 2 0' 'counts'
    same "$(json '[.files[] | select(.verdict == "wrong") | .name] | sort | join(" ")')" \
        "$(printf '%s\n' "${file#tree/}" "${other#tree/}" | sort | paste -sd' ')" 'the wrong files by name'
    json ".files[] | select(.name == \"${other#tree/}\") | .detail" | grep -q 'bytes, the metadata says' || fail 'the sizes are not named'
    says '  do: '
    same "$(find hub/content -type f | wc -l)" 14 'files in the store'
    # With the right bytes the rest is adopted.
    rm -rf tree
    cp -R "$SMALL/m1/WsusContent" tree
    expect 0 hub content add tree --json
    same "$(counts)" '2 14 0 0 0' 'after mending'
}

test_content_unknown_and_lower_case() {
    bare_hub
    file=$(first_file)
    mv "$file" "$(dirname "$file")/$(basename "$file" | tr A-F a-f)"
    echo hello > tree/README.TXT
    echo hello > tree/0123456789ABCDEF0123456789ABCDEF01234567.cab
    mkdir -p tree/deep/er
    licence=$(grep -rl LIZENZ tree)
    mv "$licence" tree/deep/er/terms-in-german.txt
    expect 0 hub content add tree --json
    same "$(counts)" '16 0 0 0 2' 'counts'
    same "$(listed)" 'unknown 0123456789ABCDEF0123456789ABCDEF01234567.cab;unknown README.TXT' 'the unknown ones'
}

test_content_other_file_system() {
    [ -d /dev/shm ] && [ -w /dev/shm ] || skip 'needs /dev/shm'
    [ "$(stat -c %d /dev/shm)" != "$(stat -c %d .)" ] || skip 'needs /dev/shm on another device'
    bare_hub
    far=$(mktemp -d /dev/shm/su-tests.XXXXXX)
    trap 'rm -rf "$far"' EXIT
    cp -R tree "$far"
    expect 0 hub content add "$far/tree" --json
    same "$(counts) $(json .linked)" '16 0 0 0 0 0' 'counts and links'
    (cd hub/content && find . -type f | while read -r file; do echo "$(basename "$file")  $file"; done | sha256sum --quiet -c) || fail 'a copy is not its name'
    expect 0 hub content verify
    same "$(find hub/content -name '.tmp-*' | wc -l)" 0 'temporary files'
}

test_content_follows_no_links() {
    bare_hub
    mkdir outside
    file=$(first_file)
    mv "$file" outside
    ln -s "$PWD/outside/$(basename "$file")" "$file"
    dir=$(dirname "$(grep -rl LIZENZ tree)")
    mv "$dir" outside/more
    ln -s ../outside/more "$dir"
    mkfifo tree/pipe
    expect 3 timeout 20 "$SUEXPORT" --home hub --quiet content add tree --json
    same "$(json '"\(.missing) \(.wrong)"')" "$((1 + $(find outside/more -type f | wc -l))) 3" 'missing and wrong'
    [ ! -e "$(stored_like "outside/$(basename "$file")")" ] || fail 'a symbolic link was followed'
    says pipe out
}

# replace FILE TEXT: other bytes under the same name, in a new inode (a link keeps the old one).
replace() { rm "$1"; printf '%s' "$2" > "$1"; }

test_content_verify_changed() {
    bare_hub
    hub content add tree > /dev/null
    file=$(first_file)
    at=$(stored_like "$file")
    cp "$at" copy
    rm "$at"
    cp copy "$at"
    flip "$at" 5
    before=$(tree_sum hub/content)
    expect 3 hub content verify --json
    same "$(json '"\(.wrong) \(.missing)"')" '1 0' 'counts'
    json '.files[] | select(.verdict == "wrong") | .name' | grep -q '\.msp$' || fail 'the file is not named'
    same "$(tree_sum hub/content)" "$before" 'verify changed the store'
    # An export reads the same file and must notice by itself.
    hub site add ALPHA > /dev/null
    expect 3 hub export --site ALPHA --out stick
    [ ! -e stick/SU-ALPHA-000001 ] || fail 'a bundle with wrong content'
}

# The remedy that the message names works: fetch the file again and add it.
test_content_add_heals() {
    bare_hub
    hub content add tree > /dev/null
    at=$(stored_like "$(first_file)")
    replace "$at" 'not what it was'
    expect 3 hub content verify
    expect 0 hub content add "$SMALL/m1/WsusContent"
    expect 0 hub content verify
}

test_content_verify_missing() {
    bare_hub
    hub content add tree > /dev/null
    rm "$(stored_like "$(first_file)")"
    expect 9 hub content verify --json
    same "$(json '[.files[] | select(.verdict == "missing")] | length')" 1 'the missing file'
    expect 0 hub content add tree --json
    expect 0 hub content verify
}

test_content_site_store() {
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    expect 0 site content verify --json
    same "$(json .held)" 16 'held at the site'
    (cd site/content && find . -type f | while read -r file; do echo "$(basename "$file")  $file"; done | sha256sum --quiet -c) || fail 'a stored file is not its name'
    at=$(find site/content -type f | sort | head -n 1)
    chmod u+w "$at"
    replace "$at" 'not what it was'
    expect 3 site content verify
    says '  do: '
}

# Two digests stand in the metadata; a file that fits one only is not taken.
test_content_both_digests() {
    small_package
    edit pkg/metadata.txt '(lambda b: d.replace(b, bytes([b[0] ^ 1]) + b[1:], 1))(re.search(rb"Algorithm=\"SHA256\">([^<]{44})<", d)[1])'
    pack_cab
    hub init > /dev/null
    hub sync --from pkg/export.cab > /dev/null
    expect 3 hub content add pkg/WsusContent --json
    same "$(counts)" '15 0 1 1 0' 'counts'
    json '.files[] | select(.verdict == "wrong") | .detail' | grep -q 'SHA-256' || fail 'the digest is not named'
}

test_content_no_directory() {
    bare_hub
    expect 1 hub content add nowhere
    says nowhere
    expect 2 hub content add
}

# The very inode that the store holds is not read again; its bytes are for verify and for the export to prove.
test_content_link_is_not_read_again() {
    bare_hub
    hub content add tree > /dev/null
    expect 0 hub content add tree --json
    same "$(counts)" '0 16 0 0 0' 'counts'
    # Another inode is read, and found when it is not what its name says.
    file=$(first_file)
    cp "$file" copy
    flip copy 50
    rm "$file"
    mv copy "$file"
    expect 3 hub content add tree --json
    same "$(counts)" '0 15 0 1 0' 'counts with a changed copy'
    rm "$file"
    # A change of the inode is a change of the store.
    flip "$(find tree -name '*.exe' | sort | head -n 1)" 50
    expect 0 hub content add tree --json
    same "$(counts)" '0 15 0 0 0' 'counts with a changed store'
    expect 3 hub content verify --json
    same "$(json .wrong)" 1 'wrong in the store'
    hub site add ALPHA > /dev/null
    expect 3 hub export --site ALPHA --out stick
    [ ! -e stick/SU-ALPHA-000001 ] || fail 'a bundle with wrong content'
}

# Files that come together get their names together: more of them than one batch has, some of them twice.
test_content_many_small_files() {
    many_files_hub 2500 100
    expect 0 hub content add pkg/WsusContent --json
    same "$(counts)" '2502 100 0 0 0' 'counts'
    (cd hub/content && find . -type f | while read -r file; do echo "$(basename "$file")  $file"; done | sha256sum --quiet -c) || fail 'a stored file is not its name'
    same "$(find hub/content -type f | wc -l)" 2502 'files in the store'
    expect 0 hub content verify --json
    same "$(counts)" '0 2502 0 0 0' 'verified'
}
