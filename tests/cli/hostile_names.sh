# hostile_names.sh - evil names (tests/hostile/names.py) at every place where a name from outside meets a disk or a terminal.
# Directly above each test stand the threats of docs/threats.md that it is about; tests/cli/docs.sh compares.

evil() { python3 -B "$CHECK/hostile/$1.py" "$2" > said 2>&1 || fail "$(cat said)"; cat said; }
vector_site() {
    site init --site ALPHA > /dev/null
    site trust add "$TOP/tests/vectors/hub.pub" > /dev/null
}

# T5 T12 T38 T39
test_names_in_a_bundle_folder() {
    in_memory
    vector_site
    evil at_names folder
}

# T5 T12 T19 T38 T39
test_names_in_manifests() {
    in_memory
    small_hub
    small_site
    hub export --site ALPHA --out stick --recovery 20 > /dev/null
    evil at_names manifest
}

# T12 T39
test_names_of_folders_on_a_medium() {
    in_memory
    vector_site
    cp -R "$TOP/tests/vectors/SU-ALPHA-000001" vector
    evil at_names medium
}

# T12 T13
test_names_of_tar_members() {
    in_memory
    many_files_hub 330
    hub content add pkg/WsusContent > /dev/null
    hub site add ALPHA > /dev/null
    small_site
    hub export --site ALPHA --out stick > /dev/null
    evil at_names tar
}

# T12 T39
test_names_of_package_members() {
    in_memory
    small_hub
    small_package
    evil at_names package
}

# T12 T39
test_names_of_scan_members() {
    in_memory
    hub init > /dev/null
    evil at_names scan
}

# T12 T39
test_names_of_vendor_members() {
    in_memory
    hub init > /dev/null
    evil at_names vendor
}

# T12 T39
test_names_in_a_content_tree() {
    in_memory
    small_hub
    evil at_names content
}

# T12 T38 T39
test_names_on_the_command_line() {
    in_memory
    hub init > /dev/null
    vector_site
    evil at_names words
}

# T12 T39
test_names_inside_documents() {
    in_memory
    hub init > /dev/null
    hub key generate --name hub-test > /dev/null
    hub site add ALPHA > /dev/null
    small_package
    python3 "$CHECK/many_files.py" pkg 330 100 0
    small_site
    evil at_names documents
}

# T12 T39
test_names_of_requests() {
    in_memory
    small_hub
    hub schedule set daily > /dev/null
    evil at_names inbox
}

# T12 T39
test_names_of_keys() {
    in_memory
    small_hub
    small_site
    evil at_names keys
}
