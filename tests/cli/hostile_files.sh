# hostile_files.sh - links, pipes, sockets, devices, folders and holes where a file is expected (tests/hostile/at_files.py).
# Directly above each test stand the threats of docs/threats.md that it is about; tests/cli/docs.sh compares.

evil() { python3 -B "$CHECK/hostile/$1.py" "$2" > said 2>&1 || fail "$(cat said)"; cat said; }

# T13 T14 T30
test_files_of_a_bundle() {
    in_memory
    small_hub
    small_site
    hub export --site ALPHA --out stick --volume-size 1M --recovery 20 > /dev/null
    evil at_files bundle
}

# T13
test_files_of_a_pool() {
    in_memory
    small_hub
    small_site
    hub site add BRAVO > /dev/null
    hub export --all-due --out pooled > /dev/null
    rm -rf pooled/SU-BRAVO-000001
    evil at_files pool
}

# T13 T14
test_files_on_the_command_line() {
    in_memory
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    evil at_files given
}

# H1 H2 T13
test_files_of_a_home() {
    in_memory
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    evil at_files home
}

# H2
test_rights_of_a_home() {
    in_memory
    evil at_files rights
}

# T13 T30
test_files_where_output_goes() {
    in_memory
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    evil at_files out
}
