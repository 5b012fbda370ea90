# simulate.sh - a few runs of the simulation of twelve bundles for three sites; 'make simulate' does 200.

test_simulation() {
    in_memory
    "$CHECK/simulate.py" "$BUILD" --runs 4 --seed 1 --work . > said || fail "$(cat said)"
    says '4 runs from seed 1, 0 failed' said
    # What the runs are about did happen in them.
    for what in damage 'import damaged' 'import gap' 'import replay' 'import wrong-site' lost 'receipt refused' remedy undo; do
        grep -qE "(^|, )[1-9][0-9]* $what" said || fail "no $what in $(cat said)"
    done
}
