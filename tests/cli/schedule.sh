# schedule.sh - rules and their times, what is due, retries, what wakes the hub up.

hub_at() { _when=$1; shift; faketime -f "$_when" "$SUEXPORT" --home hub "$@"; }
due_at() { hub_at "$1" --json schedule show | jq -c '[.due, .next_due, .overdue_seconds, .is_retry]'; }

test_schedule_times_by_another_calendar() {
    hub init > /dev/null
    same "$([ "$(python3 "$CHECK/check_schedule.py" "$SUEXPORT" hub)" -gt 50000 ] && echo many)" many 'times compared'
}

test_schedule_is_kept_with_its_zone() {
    hub init > /dev/null
    expect 0 hub schedule show
    says 'no schedule is set' out
    expect 2 hub schedule next
    says 7161
    TZ=Asia/Seoul expect 0 hub --json schedule set second tuesday + 1 day at 14:00 --start '2026-11-01 08:00' --retry-after 2h
    TZ=America/New_York hub --json schedule show > shown
    for f in out shown; do
        same "$(json '"\(.rule) \(.time_zone) \(.start) \(.retry_minutes)"' $f)" 'second tuesday + 1 day at 14:00 Asia/Seoul 2026-10-31T23:00:00Z 120' $f
    done
    TZ=America/New_York hub schedule next --count 2 --after 2026-11-02T00:00:00Z > out
    same "$(cat out)" 'Wed 2026-11-11 14:00 +09:00  2026-11-11T05:00:00Z
Wed 2026-12-09 14:00 +09:00  2026-12-09T05:00:00Z' 'times in the zone of the rule'
    TZ=Europe/Berlin hub schedule next daily at 02:30 --count 2 --after '2026-03-28 12:00' --start '2026-03-01' > out
    same "$(cut -c 1-27 out)" 'Sun 2026-03-29 03:30 +02:00
Mon 2026-03-30 02:30 +02:00' 'a rule that is tried, in the zone of the machine'
    # It stands in the ledger; another rule takes its place.
    same "$(hub audit ledger --json | jq -r '.entries[-1] | "\(.kind) \(.detail)"')" 'schedule second tuesday + 1 day at 14:00, Asia/Seoul' 'the ledger'
    hub schedule set none > /dev/null
    same "$(hub schedule show --json | jq -c '[.rule, .due, .next_due]')" '["none",false,null]' 'none'
    expect 0 hub --json sync --if-due
    same "$(json '.due')" false 'none is never due'
}

test_schedule_refuses() {
    hub init > /dev/null
    hub schedule set every 6 hours > /dev/null
    hub schedule show --json | jq 'del(.due, .next_due, .overdue_seconds)' > before
    expect 2 hub schedule set every 24 hours
    says "'every 24 hours' is no rule of a schedule"
    says 'Nothing was written.'
    expect 2 hub schedule set daily at 02:00 --time-zone Mars/Base
    says "'Mars/Base' is no time zone that this machine knows"
    expect 2 hub schedule set daily at 02:00 --time-zone ../../../etc/hostname
    for time in 2026-02-29 '2026-01-01 24:00' '2026-01-01 1:00' 1969-01-01 tomorrow 2026-01-01T00:00; do
        case $time in 2026-01-01T00:00) want=0 ;; *) want=2 ;; esac
        expect $want hub schedule next daily at 02:00 --start "$time"
    done
    for retry in 0m 59s 169h 8d m 1.5h -1h; do expect 2 hub schedule set daily --retry-after "$retry"; done
    hub schedule show --json | jq 'del(.due, .next_due, .overdue_seconds)' | diff before -
    for retry in 1m 168h 7d; do expect 0 hub schedule set daily --retry-after "$retry"; done
    most=$(limit SU_MAX_SCHEDULE_TIMES)
    expect 0 hub schedule next hourly --count "$most"
    same "$(wc -l < out)" "$most" 'times at the limit'
    expect 2 hub schedule next hourly --count $((most + 1))
    expect 2 hub schedule next --start 2026-01-01
    # What stands in the database is input too.
    sqlite3 hub/update-point.db "UPDATE schedule SET rule='every 99 hours'"
    expect 3 hub schedule show
    says 'the stored schedule'
    sqlite3 hub/update-point.db "UPDATE schedule SET rule='hourly', zone='../x'"
    expect 2 hub schedule next
    expect 0 hub schedule set hourly
}

# A day of a timer that asks: not due, due, done; failure, retry; missed while the machine was off.
test_schedule_if_due() {
    hub init > /dev/null
    expect 2 hub sync --if-due --from "$SMALL/m1/export.cab"
    says 7161
    hub_at '@2026-11-01 12:00:00' schedule set daily at 02:00 --time-zone UTC > /dev/null
    same "$(due_at '@2026-11-01 12:00:00')" '[false,"2026-11-02T02:00:00Z",0,false]' 'before'
    cp -a hub/log log.before
    hub_at '@2026-11-02 01:59:50' sync --if-due --from "$SMALL/m1/export.cab" > out 2> err
    says '7160 not due, nothing to do; next due: 2026-11-02T02:00:00Z'
    diff -r log.before hub/log || fail 'asking leaves no trace'
    same "$(sqlite3 hub/update-point.db 'SELECT count(*) FROM sync_history')" 0 'nothing was done'
    hub_at '@2026-11-02 02:00:00' sync --if-due --from "$SMALL/m1/export.cab" > /dev/null 2> err
    same "$(due_at '@2026-11-02 02:05:00')" '[false,"2026-11-03T02:00:00Z",0,false]' 'after it'
    # The source is remembered, wherever the next run starts. It fails, and is tried again after an hour.
    mkdir elsewhere
    cp "$SMALL/m2/export.cab" next.cab
    hub_at '@2026-11-02 03:00:00' sync --from next.cab > /dev/null 2>&1
    mv next.cab gone.cab
    status=0
    (cd elsewhere && faketime -f '@2026-11-03 02:00:00' "$SUEXPORT" --home ../hub sync --if-due > ../out 2> ../err) || status=$?
    same $status 1 'the source is gone'
    says '7162 warning: Will retry in 60 minutes'
    says "$PWD/next.cab"
    mv gone.cab next.cab
    same "$(due_at '@2026-11-03 02:59:50' | cut -c -30)" '[false,"2026-11-03T03:00:00Z",' 'waits'
    hub_at '@2026-11-03 02:59:00' --json sync --if-due > out 2> err
    same "$(json '"\(.due) \(has("new"))"')" 'false false' 'not yet'
    (cd elsewhere && faketime -f '@2026-11-03 03:00:10' "$SUEXPORT" --home ../hub --json sync --if-due > ../out 2> ../err)
    same "$(json '"\(.due) \(.source) \(.unchanged > 0)"')" 'true next.cab true' 'tried again'
    # The machine was off for a week: one run, not seven.
    same "$(due_at '@2026-11-10 02:00:00')" '[true,"2026-11-04T02:00:00Z",518400,false]' 'missed'
    hub_at '@2026-11-10 09:00:00' schedule show > out
    says 'overdue      by 6 d 7 h' out
    hub_at '@2026-11-10 09:00:00' sync --if-due > /dev/null 2> err
    says 'due by the schedule since 6 d 7 h'
    same "$(due_at '@2026-11-10 09:01:00')" '[false,"2026-11-11T02:00:00Z",0,false]' 'once'
    # A clock that was in 2038 for one run does not end the schedule.
    hub_at '@2038-01-01 00:00:00' sync > /dev/null 2>&1
    same "$(due_at '@2026-11-11 01:00:00' | cut -c -6)" '[true,' 'nothing can be told'
    hub_at '@2026-11-11 01:00:00' sync --if-due > /dev/null 2> err
    same "$(due_at '@2026-11-11 01:01:00')" '[false,"2026-11-11T02:00:00Z",0,false]' 'and all is well again'
}

# Asking takes no lock; what is due waits for nobody.
test_schedule_and_the_lock() {
    hub init > /dev/null
    hub schedule set daily > /dev/null
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    exec 7> hub/lock
    flock 7
    expect 0 hub sync --if-due
    expect 7 faketime -f +2d "$SUEXPORT" --home hub --quiet sync --if-due
    expect 0 hub schedule show
    expect 7 hub schedule set daily
}

# A name with everything in it that a format could stumble over.
ODD="od d'\"q\"\\b%h&<é>"
job() { hub schedule install "$@"; }
place_program() { # DIR: a program there that prints its arguments, one a line
    mkdir -p "$1"
    printf '#!/bin/sh\nprintf "%%s\\n" "$@"\n' > "$1/suexport"
    chmod 755 "$1/suexport"
}

test_schedule_install_systemd() {
    command -v systemd-analyze > /dev/null || skip 'needs systemd-analyze'
    hub init > /dev/null
    expect 2 hub schedule install --format systemd
    hub schedule set daily > /dev/null
    odd='od d%h&<é>' # systemd refuses programs with quotes, backslashes or variables in their names, and so do we
    for path in "/a'b" '/a"b' '/a' '/a$b'; do expect 2 job --format systemd --program "$path"; done
    place_program "$PWD/$odd"
    job --format systemd > both
    for part in service timer; do
        job --format systemd --part $part --program "$PWD/$odd/suexport" --place "/srv/\$HOME $ODD" > suexport-sync.$part
        grep -q "^# suexport-sync.$part$" both || fail "no heading of the $part"
    done
    XDG_RUNTIME_DIR=$PWD systemd-analyze --man=no verify "$PWD/suexport-sync.timer" "$PWD/suexport-sync.service" > verify 2>&1 || fail "$(cat verify)"
    same "$(grep -c 'suexport-sync' verify || true)" 0 "$(cat verify)"
    # It reads the line as we mean it: a program that is not there is complained of by its whole name.
    sed "s/suexport\" --home/suexpert\" --home/" suexport-sync.service > other.service
    systemd-analyze --man=no verify "$PWD/other.service" > verify 2>&1 || true
    says "$PWD/$odd/suexpert" verify
    systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' suexport-sync.timer)" > calendar
    says '*-*-* *:00/5:00' calendar
    # The arguments, by the rules of systemd.syntax(7).
    same "$(sed -n 's/^ExecStart=//p' suexport-sync.service | python3 -c '
import re, sys
line = sys.stdin.read().rstrip("\n")
words = re.findall(r"\"(?:[^\"\\]|\\.)*\"|\S+", line)
print("\n".join(re.sub(r"\\(.)", r"\1", w[1:-1] if w[0] == "\"" else w).replace("%%", "%").replace("$$", "$") for w in words[1:]))')" \
        "--home
/srv/\$HOME $ODD
--quiet
sync
--if-due" 'arguments'
}

test_schedule_install_cron() {
    hub init > /dev/null
    hub schedule set daily > /dev/null
    odd="$ODD"'\%\'"'"
    place_program "$PWD/$odd"
    job --format cron --program "$PWD/$odd/suexport" --place "/srv/\$HOME $odd" > line
    same "$(wc -l < line)" 1 'lines'
    # As cron reads it: five fields, then the command up to the first bare %, "\%" being a percent sign.
    python3 -c '
import re, sys
line = open("line", encoding="utf-8", newline="").read().rstrip("\n")
fields = line.split(" ", 5)
assert fields[:5] == ["*/5", "*", "*", "*", "*"], fields
command, escaped = "", False
for ch in fields[5]:
    if escaped:
        command = command[:-1] + ch if ch == "%" else command + ch
        escaped = False
    elif ch == "%":
        sys.exit("a bare %")
    else:
        command += ch
        escaped = ch == "\\"
open("command", "w").write(command + "\n")'
    sh command > out
    same "$(cat out)" "--home
/srv/\$HOME $odd
--quiet
sync
--if-due" 'arguments'
}

test_schedule_install_windows() {
    hub init > /dev/null
    hub schedule set daily > /dev/null
    job --format windows > own.xml
    job --format windows --program 'C:\Program Files\su & co\suexport.exe' --place 'D:\h u <b>\' > task.xml
    for f in own task; do xmllint --noout --schema "$CHECK/task.xsd" $f.xml 2> err || fail "$(cat err)"; done
    # The schema can refuse.
    sed 's/<Enabled>true<\/Enabled>//; s/<Repetition>/<Repetition><Interval>PT30S<\/Interval>/' task.xml > bad.xml
    ! xmllint --noout --schema "$CHECK/task.xsd" bad.xml 2> /dev/null || fail 'a bad task passes the schema'
    python3 -c '
import xml.etree.ElementTree as E
n = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
e = E.parse("task.xml").getroot().find("t:Actions/t:Exec", n)
assert e.find("t:Command", n).text == "\"C:\\Program Files\\su & co\\suexport.exe\"", e.find("t:Command", n).text
# As CommandLineToArgvW has it: backslashes count double only before a quotation mark.
words, word, quoted, slashes = [], "", False, 0
for ch in e.find("t:Arguments", n).text + " ":
    if ch == "\\":
        slashes += 1
        continue
    word += "\\" * (slashes // 2 if ch == "\"" else slashes)
    if ch == "\"" and slashes % 2 == 0:
        quoted = not quoted
    elif ch == " " and not quoted:
        words.append(word)
        word = ""
    else:
        word += ch
    slashes = 0
assert words == ["--home", "D:\\h u <b>\\", "--quiet", "sync", "--if-due"], words'
    expect 2 job --format windows --place 'D:\%TEMP%'
    says "holds a '%', which the Task Scheduler cannot take"
    expect 2 job --format anacron
    expect 2 job --format cron --part timer
    expect 2 job --format cron --place "$(printf 'a\nb')"
    expect 0 job --format systemd --json
    has_keys . format service timer
}
