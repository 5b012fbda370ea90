# slip.sh - the shipping slip: the same facts as the bundle, in two papers, safe to open and to print.

bundle=stick/SU-ALPHA-000001

# The text of SLIP.HTM as a browser would show it, one table row a line; fails on any tag that could act.
slip_rows() {
    python3 -B -S - "$1" << 'END'
import sys
from html.parser import HTMLParser
class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.rows, self.cell, self.open = [], None, []
    def handle_starttag(self, tag, attrs):
        assert tag in "html head meta title style body h1 h2 table thead tr th td".split(), tag
        assert not {k for k, v in attrs} - {"lang", "charset", "scope"}, attrs
        if tag != "meta": self.open.append(tag)
        if tag == "tr": self.rows.append([])
        if tag in ("td", "th"): self.cell = ""
    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag
        if tag in ("td", "th"): self.rows[-1].append(self.cell); self.cell = None
    def handle_data(self, data):
        if self.cell is not None: self.cell += data
        elif "style" not in self.open: assert "<" not in data, data
page = Page()
text = open(sys.argv[1], encoding="utf-8").read()
assert not [c for c in text if ord(c) < 32 and c != "\n" or 127 <= ord(c) < 160], "control characters"
page.feed(text); page.close()
assert page.open == [], page.open
for row in page.rows: print("|".join(row))
END
}

test_slip_facts() {
    small_hub
    hub site set ALPHA --products 'Fabrikam Server' --content all > /dev/null
    printf 'nothing found\n' > scan.log
    expect 0 hub export --site ALPHA --out stick --volume-size 1M --json --operator 'O. Perator' --witness Wit --change CHG-7 --scan-report ./scan.log
    LC_ALL=C.UTF-8 awk 'length($0) > 100' "$bundle/SLIP.TXT" > long
    [ ! -s long ] || fail "lines over 100 columns: $(cat long)"
    xmllint --html --noout "$bundle/SLIP.HTM" 2> err || fail "$(cat err)"
    [ ! -s err ] || fail "$(cat err)"
    slip_rows "$bundle/SLIP.HTM" > rows
    grep -q '<html lang="en">' "$bundle/SLIP.HTM"
    for fact in "Bundle|SU-ALPHA-000001" 'From hub|HUB' 'To site|ALPHA' 'Sequence|1, full' "State digest|$(json .result_digest)" \
        "Catalogue|$(json .updates) updates, $(json .revisions) revisions" "Changes|$(json .new) new, $(json .revised) revised, $(json .expired) expired, $(json .removed) removed" \
        "Files|$(json .files) files, $(grep '^file ' "$bundle/MANIFEST.TXT" | awk '{ sum += $4 } END { print sum }') bytes" 'Operator|O. Perator' 'Witness|Wit' 'Change|CHG-7' \
        'Scan report|scan.log' "Scan SHA-256|$(sha256sum < scan.log | cut -c 1-64)" 'Content|all' \
        "Signed by key|$(hub key list --json | jq -r '.keys[0].fingerprint') (exporter)"; do
        grep -qF -- "$fact" rows || fail "no '$fact' in $(cat rows)"
        label=${fact%%|*}
        grep -E "^$label  " "$bundle/SLIP.TXT" | grep -qF -- "${fact#*|}" || fail "no '$fact' in the text"
    done
    # The volumes are the files.
    (cd "$bundle" && sha256sum SU000001.0* | sed 's/\(.*\)  \(.*\)/\2|\1/') > want
    [ "$(wc -l < want)" -ge 2 ] || fail 'one volume'
    sed -n 's/^\(SU000001\.[0-9]*\)|data|[0-9]*|/\1|/p' rows | diff - want
    awk '/^SU000001/ { print $1 "|" $4 }' "$bundle/SLIP.TXT" | diff - want
    # The updates are those of the catalogue that travel: KB, title, date, as a plain query gives them.
    site init --site ALPHA > /dev/null && hub key export --name hub-test --out k > /dev/null && site trust add k > /dev/null && site import stick > /dev/null
    sqlite3 -readonly site/update-point.db "SELECT substr(created, 1, 10) || '|' || coalesce('KB' || kb, '') || '|' || title FROM v_update
        WHERE type = 'Software' AND is_latest ORDER BY created DESC, update_id" > want
    sed -n '/^Released|/,/^Software updates/p' rows | sed '1d;$d; s/ \[expired\]$//' | awk -F '|' -v OFS='|' '{ print $1, $2, $5 }' | diff - want
    tail -n 1 rows | grep -qx "Software updates|$(wc -l < want)"
}

# The login name and the clock have no part; what was said on the command line has.
test_slip_reproducible() {
    small_hub
    cp -a hub hub2
    hub export --site ALPHA --out a > /dev/null
    LOGNAME=other USER=other faketime '2031-01-01' "$SUEXPORT" --home hub2 --quiet export --site ALPHA --out b > /dev/null
    diff -r a b
    silent_about "$(id -un)" a/SU-ALPHA-000001/SLIP.TXT
    rm -rf hub && cp -a hub2 hub # the second bundle of both
    expect 2 hub export --site ALPHA --full --out c --scan-report absent
    says '--scan-report'
    says 'Name a report'
}

# Titles and names come from outside.
test_slip_hostile_titles() {
    small_package
    edit pkg/metadata.txt 'join([(g, n, t.replace(b"<upd:Title>", b"<upd:Title>&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;&lt;/td&gt;\xc2\x9b2J\xe2\x80\xae&quot;x&quot;\n&lt;!-- ")) for g, n, t in records(d)])'
    pack_cab
    hub init > /dev/null
    hub key generate --name hub-test > /dev/null
    hub sync --from pkg/export.cab > /dev/null
    hub site add ALPHA --content none --product "$(hub products --json | jq -r '[.products[] | select(.type == "Product")][0].update_id')" > /dev/null
    expect 0 hub export --site ALPHA --out stick --witness '<img src=x onerror=alert(1)>' --change "$(printf 'a\033[2Jb')"
    xmllint --html --noout "$bundle/SLIP.HTM" 2> err || fail "$(cat err)"
    [ ! -s err ] || fail "$(cat err)"
    slip_rows "$bundle/SLIP.HTM" > rows
    says '<script>alert(1)</script>&amp;</td>\x9b2J\u{202e}"x" <!-- ' rows
    says 'Witness|<img src=x onerror=alert(1)>' rows
    says 'Change|a\x1b[2Jb' rows
    ! LC_ALL=C grep -n "[$(printf '\001-\011\013-\037\177')]" "$bundle/SLIP.TXT" || fail 'control characters'
    says '\x9b2J\u{202e}' "$bundle/SLIP.TXT"
}

# Damaged papers are damaged bundles.
test_slip_is_signed() {
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    for name in SLIP.TXT SLIP.HTM; do
        rm -rf copy
        cp -R "$bundle" copy
        flip "copy/$name" 200
        refused 3 site import copy
        says "$name"
        rm "copy/$name"
        refused 3 site import copy
        says "$name"
    done
    expect 0 site import stick
}

# A slip names at most 5,000 updates and says how many more there are.
test_slip_is_bounded() {
    "$SMALL/generate" --out pkg --updates 9000 --content-bytes 0 > /dev/null
    pack_cab
    hub init > /dev/null
    hub key generate --name hub-test > /dev/null
    hub sync --from pkg/export.cab > /dev/null
    hub site add ALPHA --content none > /dev/null
    hub export --site ALPHA --out stick > /dev/null
    count=$(sqlite3 -readonly hub/update-point.db "SELECT count(DISTINCT update_id) FROM v_update WHERE type = 'Software' AND is_latest")
    [ "$count" -gt 5000 ] || fail "only $count updates"
    slip_rows "$bundle/SLIP.HTM" > rows
    same "$(sed -n '/^Released|/,$p' rows | wc -l)" 5003 'rows of the list'
    tail -n 2 rows > out
    says "Not listed|and $((count - 5000)) more" out
    says "Software updates|$count" out
    says "and $((count - 5000)) more" "$bundle/SLIP.TXT"
}

# The other bounds: 200 items of a kind, a scan report of 64 MiB.
test_slip_bounds_of_lists() {
    small_hub
    for count in 200 201; do
        rm -rf stick
        hub site add "S$count" --content all --languages "$(seq -f 'x%03g' -s , 1 $count)" > /dev/null
        hub site set "S$count" --promise-days 0 > /dev/null
        hub export --site "S$count" --out stick --allow-incomplete > /dev/null 2>&1
        slip_rows "stick/SU-S$count-000001/SLIP.HTM" > rows
        same "$(grep -c '^Language|x' rows)" 200 "languages of $count"
        same "$(grep -c '^Language|and 1 more' rows || true)" $((count - 200)) "more of $count"
    done
    truncate -s 64M report
    expect 0 hub site set S200 --promise-days 3 --scan-report report
    most=$(limit SU_MAX_SCAN_REPORT_BYTES)
    truncate -s "$most" report
    expect 0 hub site set S200 --promise-days 4 --scan-report report
    truncate -s $((most + 1)) report
    expect 2 hub site set S200 --promise-days 4 --scan-report report
    says "at most $most"
}
