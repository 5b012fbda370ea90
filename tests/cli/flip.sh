# flip.sh - a damaged bundle is never imported: bits, lengths, runs of bytes, in every file of it.
# FLIP_ALL=1 takes every byte and every length; FLIP_SEED=N other damage of many bytes.

# A small bundle with licence files and some content.
flip_bundle() { # PROFILE-OPTIONS...
    in_memory
    small_hub
    hub site set ALPHA "$@" > /dev/null
    small_site
    seed=${FLIP_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
}
damage() { # dense|sparse RUNS; sparse where each run is slow
    case $(ldd "$SUIMPORT") in *libasan*) set -- sparse "$2" ;; esac
    [ -z "$FLIP_ALL" ] || set -- all "$2"
    python3 "$CHECK/check_flip.py" "$SUIMPORT" site stick/SU-ALPHA-000001 "$1" "$2" "$seed"
}

test_flip_one_volume() {
    flip_bundle --product 'Fabrikam Desktop 11' --classification 'Critical Updates' --content licence
    hub export --site ALPHA --out stick > /dev/null
    damage dense 600
}

test_flip_small_volumes() {
    flip_bundle --content approved --approve KB5100028
    hub export --site ALPHA --out stick --volume-size 64K > /dev/null
    damage sparse 800
}
