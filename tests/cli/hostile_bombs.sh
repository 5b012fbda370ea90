# hostile_bombs.sh - bombs, lies about sizes, duplicates, entities and depth, brought to the programs (tests/hostile/at_bombs.py).
# Directly above each test stand the threats of docs/threats.md that it is about; tests/cli/docs.sh compares.

evil() { python3 -B "$CHECK/hostile/$1.py" "$2" > said 2>&1 || fail "$(cat said)"; cat said; }

# T14 T15
test_bombs_in_packages() {
    in_memory
    small_hub
    small_package 2
    evil at_bombs packages
}

# T14
test_bombs_in_signed_bundles() {
    in_memory
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    evil at_bombs frames
}
