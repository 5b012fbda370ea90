# fault.sh - a share of 'make faults': calls that fail, at points where something was found, and at the gate.

test_fault_share() {
    python3 "$CHECK/fault/loop.py" "$BUILD" --short > faults || { cat faults >&2; fail 'a fault was met badly'; }
    grep -q ' passed, 0 failed$' faults || { cat faults >&2; fail 'no result'; }
}
