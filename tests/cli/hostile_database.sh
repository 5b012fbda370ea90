# hostile_database.sh - SQLite files of somebody hostile as the database of a home (tests/hostile/at_database.py).
# Directly above each test stand the threats of docs/threats.md that it is about; tests/cli/docs.sh compares.

evil() { python3 -B "$CHECK/hostile/$1.py" "$2" > said 2>&1 || fail "$(cat said)"; cat said; }
held_site() { # a site that holds one bundle, the next beside it; both homes at rest
    in_memory
    cached held-site make_held_site
}
make_held_site() {
    small_hub
    small_site
    hub export --site ALPHA --out stick > /dev/null
    site import stick > /dev/null
    hub sync --from "$SMALL/m2/export.cab" > /dev/null
    hub content add "$SMALL/m2/WsusContent" > /dev/null
    hub export --site ALPHA --out stick2 > /dev/null
    sqlite3 site/update-point.db 'PRAGMA wal_checkpoint(TRUNCATE)' > /dev/null
    rm -f site/update-point.db-wal site/update-point.db-shm
}

# H1 T16
test_database_schemas() { held_site; evil at_database schema; }

# H1 T16 T39
test_database_rows() { held_site; evil at_database rows; }

# H1 T16
test_database_pages() { held_site; evil at_database pages; }

# H1 T16
test_database_with_logs_beside() { held_site; evil at_database beside; }

# H1 T16
test_database_paths() { held_site; evil at_database paths; }
