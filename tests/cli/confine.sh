# confine.sh - what is not trusted is read in a child that can do nothing else: planted misdeeds are stopped, nothing of
# them stays, and without the means to stop them nothing is read.

# A library to be preloaded: whoever meets a member named $MAGIC in an archive does $ACT, as a parser with a hole would.
make_misdeed() {
    command -v gcc > /dev/null || skip 'needs gcc'
    gcc -shared -fPIC -O1 -w -o misdeed.so -x c - -ldl << 'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
static struct { void *at; size_t bytes; } shared[64];
static int shared_count;
static void act(const char *what)
{
    char *none[] = {"sh", "-c", "touch stolen", NULL};
    if (!strcmp(what, "open")) close(open("stolen", O_WRONLY | O_CREAT, 0600));
    if (!strcmp(what, "read")) read(open("/etc/passwd", O_RDONLY), none, 1);
    if (!strcmp(what, "socket")) socket(AF_INET, SOCK_STREAM, 0);
    if (!strcmp(what, "fork") && fork() == 0) _exit(0);
    if (!strcmp(what, "exec")) execv("/bin/sh", none);
    if (!strcmp(what, "kill")) kill(getppid(), SIGTERM);
    if (!strcmp(what, "code")) mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!strcmp(what, "crash")) *(volatile int *)8 = 1;
    if (!strcmp(what, "end")) _exit(0);
    if (!strcmp(what, "loop")) for (;;) ;
    if (!strcmp(what, "ring")) for (int fd = 3; fd < 300; fd++) write(fd, "\377\377\377\377 nonsense", 13);
    if (!strcmp(what, "scrawl")) memset(shared[0].at, 255, shared[0].bytes);
    if (!strcmp(what, "lie")) for (;;) memset(shared[shared_count - 1].at, 255, shared[shared_count - 1].bytes);
}
/* What is mapped to be written and shared: first the index of the database, last what the child talks through. */
void *mmap(void *wanted, size_t bytes, int rights, int flags, int fd, off_t offset)
{
    static void *(*real)(void *, size_t, int, int, int, off_t);
    if (!real) real = dlsym(RTLD_NEXT, "mmap");
    void *at = real(wanted, bytes, rights, flags, fd, offset);
    if (at != MAP_FAILED && (flags & MAP_SHARED) && (rights & PROT_WRITE) && shared_count < 64)
        shared[shared_count].at = at, shared[shared_count++].bytes = bytes;
    return at;
}
void *mmap64(void *wanted, size_t bytes, int rights, int flags, int fd, off_t offset)
{
    return mmap(wanted, bytes, rights, flags, fd, offset);
}
int archive_read_next_header(void *archive, void **entry)
{
    static int (*real)(void *, void **);
    static const char *(*name_of)(void *);
    if (!real) real = dlsym(RTLD_NEXT, "archive_read_next_header"), name_of = dlsym(RTLD_NEXT, "archive_entry_pathname");
    int code = real(archive, entry);
    const char *name = code == 0 ? name_of(*entry) : NULL;
    if (name && getenv("ACT") && strstr(name, getenv("MAGIC"))) act(getenv("ACT"));
    return code;
}
END
}
# A program that gives up one thing and then runs another: what the system, or a container, may lack.
make_lacking() {
    command -v gcc > /dev/null || skip 'needs gcc'
    gcc -O1 -w -o lacking -x c - -lseccomp << 'END'
#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
    unsigned gone = SCMP_ACT_ERRNO(ENOSYS);
    if (!strcmp(argv[1], "landlock")) seccomp_rule_add(f, gone, SCMP_SYS(landlock_create_ruleset), 0);
    if (!strcmp(argv[1], "restrict")) seccomp_rule_add(f, gone, SCMP_SYS(landlock_restrict_self), 0);
    if (!strcmp(argv[1], "limits")) seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prlimit64), 1, SCMP_A2(SCMP_CMP_NE, 0));
    if (!strcmp(argv[1], "privileges")) seccomp_rule_add(f, gone, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NO_NEW_PRIVS));
    if (!strcmp(argv[1], "seccomp")) {
        seccomp_rule_add(f, gone, SCMP_SYS(seccomp), 0);
        seccomp_rule_add(f, gone, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP));
    }
    if (seccomp_load(f) < 0) return 99;
    execv(argv[2], argv + 2);
    return 99;
}
END
}
misdeed() { # ACT MAGIC SOURCE [OPTION]
    ACT=$1 MAGIC=$2 LD_PRELOAD="$PWD/misdeed.so" "$SUEXPORT" --home hub --quiet sync --from "$3" ${4:-}
}
hub_rows() { sqlite3 -readonly hub/update-point.db 'SELECT hex(record_sha256) FROM revision ORDER BY 1; SELECT count(*) FROM ledger; SELECT count(*) FROM scan_update'; }
unconfined_here() { [ "${SU_UNCONFINED:-}" = 1 ] && skip 'this build cannot be confined' || :; }

test_confine_planted() {
    unconfined_here
    make_misdeed
    hub init > /dev/null
    hub sync --from "$SMALL/m1/export.cab" > /dev/null
    hub_rows > before
    for act in open read socket fork exec kill code; do
        for magic in package.xml metadata.txt; do
            expect 3 misdeed $act $magic "$SMALL/m2/export.cab"
            says 'suexport: 7012 the part that reads the '
            says 'it tried what it may not (signal 31)'
            says '  The catalogue is as it was.'
            hub_rows | cmp - before
        done
    done
    [ ! -e stolen ] || fail 'a file was made'
    expect 3 misdeed crash metadata.txt "$SMALL/m2/export.cab"
    says 'was ended by signal 11 (Segmentation fault); what it read may be an attack'
    expect 3 misdeed end metadata.txt "$SMALL/m2/export.cab"
    says 'ended with status 0 and said nothing'
    expect 3 misdeed scrawl metadata.txt "$SMALL/m2/export.cab"
    says 'was ended by signal 11 (Segmentation fault); what it read may be an attack'
    expect 3 misdeed lie metadata.txt "$SMALL/m2/export.cab"
    says 'gave an answer that is none'
    hub_rows | cmp - before
    same "$(sqlite3 hub/update-point.db 'PRAGMA integrity_check')" ok 'the database'
    # It may ring the bell of its parent as often as it likes.
    cp -a hub spare
    expect 0 hub sync --from "$SMALL/m2/export.cab"
    hub_rows > honest
    rm -rf hub && cp -a spare hub
    expect 0 misdeed ring metadata.txt "$SMALL/m2/export.cab"
    hub_rows | cmp - honest
    rm -rf hub && mv spare hub
    # The same hole with nothing around it: the test could have found it.
    expect 0 misdeed open metadata.txt "$SMALL/m2/export.cab" --unconfined
    [ -e stolen ] || fail 'nothing was planted'
    says '7014 warning: what is not trusted was read without confinement'
    expect 0 hub audit ledger --json
    same "$(json '[.entries[] | select(.kind == "sync") | .detail | sub(".*removed; "; "") | sub("[0-9]+"; "N")] | join("; ")')" \
        'confined: no new privileges, Landlock N, seccomp, limits; not confined, as asked for' 'the ledger'
}

# Of the other sources.
test_confine_planted_elsewhere() {
    unconfined_here
    make_misdeed
    hub init > /dev/null
    python3 "$CHECK/scan_cab.py" big.cab
    python3 -B "$CHECK/third_party.py" packages folder 3
    mkdir inner && cp folder/*.sdp inner && (cd inner && gcab -c -n ../vendor.cab ./*.sdp)
    hub_rows > before
    for act in open socket crash; do
        expect 3 misdeed $act c/ big.cab
        says 'the part that reads the scan cabinet was '
        expect 3 misdeed $act .sdp vendor.cab --allow-unsigned
        says '7012 the part that reads the '
        hub_rows | cmp - before
    done
    # A file brought by hand.
    expect 0 hub sync --from "$SMALL/m1/export.cab"
    python3 "$CHECK/msu.py" some.msu "$(find "$SMALL/m1/WsusContent" -name '*.cab' | sort | head -n 1)"
    hub_rows > before
    for act in open socket crash; do
        for magic in pkgProperties Windows10; do
            ACT=$act MAGIC=$magic LD_PRELOAD=$PWD/misdeed.so expect 3 hub catalog import --file some.msu
            says '7012 the part that reads a file brought by hand was '
            says 'Nothing was written.'
            hub_rows | cmp - before
        done
    done
    same "$(find hub/content -type f | wc -l | tr -d ' ')" 0 'stored files'
    expect 0 hub catalog import --file some.msu
    [ ! -e stolen ] || fail 'a file was made'
}

children_of() { cat "/proc/$1/task/$1/children" 2> /dev/null; }
test_confine_ends_with_its_parent() {
    unconfined_here
    make_misdeed
    [ -e "/proc/$$/task/$$/children" ] || skip 'needs /proc/PID/task/PID/children'
    hub init > /dev/null
    for signal in INT KILL; do
        ACT=loop MAGIC=metadata.txt LD_PRELOAD=$PWD/misdeed.so "$SUEXPORT" --home hub sync --from "$SMALL/m1/export.cab" > out 2> err &
        parent=$!
        child=
        for _ in $(seq 200); do
            child=$(children_of $parent)
            [ -z "$child" ] || break
            sleep 0.05
        done
        [ -n "$child" ] || fail 'it has no child'
        kill -$signal $parent
        status=0
        wait $parent || status=$?
        [ $signal = KILL ] || same $status 8 'the exit status'
        for pid in $child; do
            for _ in $(seq 100); do
                [ -e "/proc/$pid" ] && ! grep -q '^State:.*Z' "/proc/$pid/status" 2> /dev/null || break
                sleep 0.05
            done
            [ ! -e "/proc/$pid" ] || grep -q '^State:.*Z' "/proc/$pid/status" || fail "child $pid outlived its parent"
        done
    done
    expect 0 hub sync --from "$SMALL/m1/export.cab"
}

test_confine_fails_closed() {
    unconfined_here
    make_lacking
    hub init > /dev/null
    hub_rows > before
    for part in landlock:Landlock restrict:Landlock seccomp:seccomp limits:'resource limits' privileges:'no new privileges'; do
        expect 2 ./lacking "${part%%:*}" "$SUEXPORT" --home hub sync --from "$SMALL/m1/export.cab"
        says "suexport: 7013 what is not trusted cannot be confined here: ${part#*:}: "
        says '  do: Run it under a kernel with Landlock'
        says '  The catalogue is as it was.'
        hub_rows | cmp - before
        expect 0 ./lacking "${part%%:*}" "$SUEXPORT" --version --verbose --json
        same "$(json .confinement.complete)" false "${part%%:*}"
    done
    expect 0 ./lacking landlock "$SUIMPORT" --version --verbose
    says 'Landlock           no' out
    expect 0 ./lacking landlock "$SUEXPORT" --home hub --unconfined sync --from "$SMALL/m1/export.cab"
    says '7014 warning'
    SU_UNCONFINED=1 expect 0 ./lacking seccomp "$SUEXPORT" --home hub sync --from "$SMALL/m2/export.cab"
    says '7014 warning'
    same "$(hub audit ledger --json | jq '[.entries[].detail | select(test("not confined, as asked for"))] | length')" 2 'the ledger'
    expect 2 ./lacking seccomp "$SUEXPORT" --home hub rebuild # of documents that were let in
    says 'suexport: 7013 '
    says '  Nothing was written.'
}

test_confine_version() {
    for program in suexport suimport; do
        expect 0 "$BUILD/$program" --version
        same "$(wc -l < out | tr -d ' ')" 1 'lines of the version'
        expect 0 "$BUILD/$program" --version --verbose --json
        same "$(json '"\(.program) \(.confinement | keys_unsorted | join(" "))"')" \
            "$program complete no_new_privileges landlock landlock_abi seccomp limits" 'the keys'
        unconfined_here
        same "$(json '.confinement | [.complete, .no_new_privileges, .landlock, .seccomp, .limits] | all')" true 'this machine'
        expect 0 "$BUILD/$program" --version --verbose
        same "$(sed 's/ABI [0-9]*/ABI N/; s/  */ /g' out | sed 1d | tr '\n' '|')" \
            'confinement of what is not trusted: yes| no new privileges yes| Landlock yes, ABI N| seccomp yes| limits yes|' "$program"
    done
}

# No zone and no locale of the machine matters to the child, which could not look them up.
test_confine_any_environment() {
    small_package
    expect 0 env -u TZ -u LC_ALL -u LANG "$SUEXPORT" --home hub init
    expect 0 env -u TZ -u LC_ALL -u LANG "$SUEXPORT" --home hub sync --from "$SMALL/m1/export.cab"
    expect 0 env TZ=America/New_York LC_ALL=de_DE.UTF-8 "$SUEXPORT" --home hub sync --from "$SMALL/m2/export.cab"
    (cd pkg && touch Grüße.txt && rm -f export.cab && gcab -c -n export.cab Grüße.txt package.xml metadata.txt)
    expect 0 env -u TZ LC_ALL=C "$SUEXPORT" --home hub sync --from pkg/export.cab
}
