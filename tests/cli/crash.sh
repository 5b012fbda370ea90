# crash.sh - killed at system calls, and the power lost after them: a share of 'make crashes' (tests/crash).

crashes() { python3 "$CHECK/crash/crash.py" "$BUILD" --jobs 1 "$@" > said 2>&1 || { cat said >&2; fail "$*"; }; }
can_trace() { "$BUILD/tests/crash/tracer" --count count --below "$PWD" -- /bin/true || skip 'no process may be traced here'; }

test_crash_killed_at_calls() {
    can_trace
    crashes --kinds kill --points 1 --only 'sync,content add,export,sign,import'
    says ' 0 failed' said
}

test_crash_power_lost() {
    can_trace
    crashes --kinds power --points 2 --states 0 --only 'key generate,content add,export,import of a month,undo'
    says ' 0 failed' said
}

# The model finds what is planted: the same log without a sync.
test_crash_defect_is_found() {
    can_trace
    crashes --states 0 --defect "small files not synced,medium's folder not synced" --only receipt
    says '2 defects found, 0 missed' said
}
