# messages.sh - nothing is promised that no test has met: message ids, error codes and options.

# Runs a command with its messages, which the tests elsewhere keep quiet; what it says is kept in `all`.
tell() { _got=0; "$@" > out 2> err || _got=$?; cat out err >> all; }
met() { for _id; do grep -qE "(^|: )$_id " all || { cat all >&2; fail "message $_id was not met"; }; done; }

test_messages_of_hub_and_site() {
    small_hub
    small_site
    HUB="$SUEXPORT --home hub" SITE="$SUIMPORT --home site"
    # shellcheck disable=SC2086 # program and option
    {
        tell $HUB content add "$SMALL/m1/WsusContent"
        tell $HUB export --site ALPHA --out usb --recovery 30
        hub key generate --name second --role reviewer > /dev/null
        tell $HUB sign usb --key second --role reviewer
        tell $SITE trust add hub.pub --fingerprint '0000 0000 0000 0000 0000'
        tell $SITE relay usb --to child
        tell $SITE import usb
        tell $SITE import usb
        tell $SITE receipt --out receipt
        tell $HUB receipt add receipt
        tell $HUB receipt add receipt
        tell $HUB resend --site ALPHA --out again
        tell $HUB resend --site ALPHA --sequence 7 --out none
        printf X | dd of=again/SU-ALPHA-000001/SU000001.001 bs=1 seek=5000 conv=notrunc 2> /dev/null
        tell $SITE repair again --to whole
        tell $SITE undo
        tell $SITE undo
        tell $HUB source show http://nowhere.example.test:8530
        tell $HUB status --unconfined
    }
    met 7101 7201 7203 7205 7206 7321 7322 7332 7334 7403 7602 7604 7612 7145
}

# What message.def has, the programs say somewhere and a test has met: by its number, by its name in an answer, or in C.
test_every_message_is_met() {
    cat "$TOP"/tests/cli/*.sh "$TOP"/tests/*.sh "$TOP"/tests/unit/*.[ch] "$TOP"/tests/*.py > tests
    cat "$TOP"/common/*/*.[ch] "$TOP"/common/*/*/*.[ch] "$TOP"/tools/*/*.[ch] > sources
    grep -oE 'SU_[A-Z_]+' sources | sort -u > said
    sed -n '/^#/d; s/.*/&/; /code\|says\|same/p' tests | grep -oE '\b[A-Z][A-Z_]+\b' | sort -u > named
    { grep -oE '\bSU_[A-Z_]+' tests | sed 's/^SU_//'; cat named; } | sort -u > names
    grep -oE '\b[0-9]{4,5}\b' tests | sort -u > numbers
    sed -n 's/^SU_CODE(\([A-Z_0-9]*\), [0-9]*, \([0-9]*\),.*/\1 \2/p' "$TOP/common/base/message.def" > codes
    [ "$(wc -l < codes)" -gt 100 ] || fail 'message.def is not read'
    while read -r name id; do
        grep -qx "SU_$name" said || fail "$id ($name) is said by nobody"
        grep -qx "$id" numbers || grep -qx "$name" names || echo "$id ($name)"
    done < codes > unmet
    same "$(cat unmet)" '' 'ids that no test meets'
}

# Every option of every command is given in a test, on a line with its command.
test_every_option_is_tried() {
    cat "$TOP"/tests/cli/*.sh "$TOP"/tests/*.sh "$TOP"/tests/*.py "$TOP"/samples/*.sh "$TOP"/README.md "$TOP"/docs/*.md | sed -e ':a' -e '/\\$/N; s/\\\n//; ta' > lines
    for program in suexport suimport; do
        "$BUILD/$program" --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print substr($0, 3, 35) }' | sed 's/ [^a-z].*//; s/ *$//' > commands
        [ "$(wc -l < commands)" -gt 10 ] || fail 'the help lists no commands'
        "$BUILD/$program" --help | sed -n '/^Options of every command/,/^$/s/^  --\([a-z-]*\).*/\1/p' | while read -r option; do
            grep -qE -- "--$option\b" lines || echo "$program --$option"
        done
        while read -r command; do
            grep -E "(^|[^a-z-])$(echo "$command" | sed 's/ /[ ",]+/')([^a-z]|\$)" lines > of-command || true
            # shellcheck disable=SC2086 # a command of several words
            "$BUILD/$program" $command --help | sed -n '/^Options of [a-z ]*:/,/^$/p' | sed '/^Options of every/,$d' | sed -n 's/^  --\([a-z-]*\).*/\1/p' | while read -r option; do
                grep -qE -- "--$option([^a-z-]|\$)" of-command || echo "$program $command --$option"
            done
        done < commands
    done > untried
    same "$(cat untried)" '' 'options that no test tries'
}

# Options that are given nowhere else: each does something.
test_options_that_nothing_else_tries() {
    small_hub
    small_site
    server=http://wsus.example.test:8530
    expect 0 hub schedule set daily at 02:00
    expect 0 hub schedule install --format systemd --part timer --program /opt/su/suexport --place /srv/hub
    grep -q 'OnCalendar' out || fail 'no timer'
    ! grep -q '^ExecStart' out || fail 'the service too'
    expect 0 hub schedule install --format systemd --part service --program /opt/su/suexport --place /srv/hub
    grep -q '^ExecStart=.*/opt/su/suexport.*/srv/hub' out || fail 'not that program, or not that home'
    expect 0 hub source add $server --account DMZ-01 --account-id 0b9b0d2e-4f25-4d0e-9d59-6c3a1f6f0001
    expect 0 hub source show $server --json
    grep -qi '0b9b0d2e-4f25-4d0e-9d59-6c3a1f6f0001' out || fail 'not under that id'
    grep -q 'DMZ-01' out || fail 'not under that name'
    expect 0 hub products add 'Fabrikam Server 2022' --source $server
    expect 0 hub products remove 'Fabrikam Server 2022' --source $server
    expect 0 hub classifications add 'Security Updates' --source $server
    expect 0 hub classifications remove 'Security Updates' --source $server
    expect 2 hub languages add de --source $server
    says "offers no language 'de'"
    expect 0 hub languages --source $server
    expect 2 hub languages remove de --source $server
    expect 2 hub languages --source http://other.example.test:8530
    expect 0 hub products --match 'Server 2022'
    grep -q 'Fabrikam Server 2022' out || fail 'not found'
    ! grep -q 'Fabrikam Suite' out || fail 'more than that'
    expect 0 hub content fetch --dry-run --site ALPHA --stall-time 5 --from microsoft
    expect 0 hub site add BRAVO --classifications 'Security Updates' --content approved --approve KB5100032 --express yes --jump-limit 3 --promise-days 9
    expect 0 hub site show BRAVO --json
    same "$(json '[.jump_limit, .promise_days] | map(tostring) | join(" ")')" '3 9' 'limits of a site'
    expect 0 hub site set BRAVO --child ALPHA
    expect 0 hub site set BRAVO --no-child ALPHA --unapprove KB5100032
    expect 0 hub plan --site ALPHA --urgent --only-catalog
    expect 0 hub export --site ALPHA --out usb
    expect 0 site plan usb --accept-profile --allow-incomplete
    same "$(find site/content -type f | wc -l)" 0 'files that a plan stored'
    for _ in 1 2; do ! hub sync --from nowhere > /dev/null 2>&1 || fail 'came from nowhere'; done
    expect 0 hub alert list --limit 1
    expect 0 site alert list --limit 1
    expect 0 "$SUEXPORT" --version --verbose
    expect 0 "$SUIMPORT" --version --verbose
    expect 0 hub site add CHARLIE --approve KB5100032 --unapprove KB5100032 --child ALPHA --no-child ALPHA
    expect 0 hub catalog unpublish --all --name nobody
    # neither is asked where the address is none
    expect 2 hub catalog import --update-ids 0b9b0d2e-4f25-4d0e-9d59-6c3a1f6f0001 --from ftp://nowhere.example.test --ca-file none.pem --proxy http://127.0.0.1:1
    expect 0 hub content fetch --all --tries 1 --from https://127.0.0.1:1 --ca-file none.pem
}

# Each exit status that the manuals promise is the one that some test demands of each program, where it can have it.
test_every_status_is_met() {
    cut -d, -f 2 "$TOP/common/base/message.def" | sed -n 's/^ \([0-9]*\)$/\1/p' | sort -un > statuses
    same "$(tr '\n' ' ' < statuses)" '0 1 2 3 4 5 6 7 8 9 10 11 ' 'the statuses'
    while read -r status; do
        for program in 'hub|SUEXPORT' 'site|SUIMPORT'; do
            case $status-$program in
            5-hub*) continue ;; # the order of bundles is a matter of sites
            8-*) pattern="^ *same \"?\\\$[a-z]+\"? 8 " ;; # of programs that were started in the background
            *) pattern="(expect|refused[a-z_]*) $status [^#]*($program)|^ *refused[a-z_]* $status " ;;
            esac
            grep -qE "$pattern" "$TOP"/tests/cli/*.sh || echo "$status of $program"
        done
    done < statuses > unmet
    same "$(cat unmet)" '' 'statuses that no test demands'
}
