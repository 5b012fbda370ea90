# flip.sh - a damaged bundle is never imported: bits, lengths, runs of bytes, in every file of it.
# FLIP_ALL=1 takes every byte and every length; FLIP_SEED=N other damage of many bytes.

# A bundle of some 20 KiB in one volume, with licence files, or of 64 KiB volumes with some content.
flip_bundle() { # EXPORT-OPTIONS...
    small_hub
    hub site set ALPHA --content approved --approve KB5100028 > /dev/null
    small_site
    hub export --site ALPHA --out stick "$@" > /dev/null
    seed=${FLIP_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
}
damage() { # RUNS
    [ -z "$FLIP_ALL" ] || set -- 0
    python3 "$CHECK/check_flip.py" "$SUIMPORT" site stick/SU-ALPHA-000001 "$1" "$seed"
}

test_flip_one_volume() {
    flip_bundle
    damage 12000
}

test_flip_small_volumes() {
    flip_bundle --volume-size 64K
    damage 14000
}
