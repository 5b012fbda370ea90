# binaries.sh - the programs as they were built: hardened, and bound to nothing of the build machine (Makefile, HARDENING).

# hardened FILE: what a binary lacks, one a line. A program that is not position independent, or has lazy binding, or an
# executable stack, tells so in its headers; protection of the stack and of copies shows in the symbols it asks for.
hardened() {
    readelf -W -h -l -d -n "$1" > elf
    nm -D --undefined-only "$1" | sed 's/.* //; s/@.*//' > wanted
    grep -q 'Type: *DYN' elf || echo 'not position independent'
    grep -q 'INTERP' elf || echo 'no program'
    grep -q 'FLAGS_1.*PIE' elf || echo 'no PIE'
    grep -q 'GNU_RELRO' elf || echo 'no RELRO'
    grep -qE '\(FLAGS(_1)?\).*(NOW|BIND_NOW)' elf || echo 'no BIND_NOW'
    grep -E 'GNU_STACK' elf | grep -q 'RW ' || echo 'no mark for a stack that does not execute'
    ! grep -E 'GNU_STACK' elf | grep -q 'RWE' || echo 'executable stack'
    ! grep -E ' LOAD ' elf | grep -q 'RWE' || echo 'a segment that is written and executed'
    ! grep -qE 'RPATH|RUNPATH' elf || echo 'RPATH or RUNPATH'
    ! grep -q 'TEXTREL' elf || echo 'text relocations'
    # code, constants and the rest apart: four segments, of which one executes
    [ "$(grep -cE ' LOAD .* R E ' elf)" = 1 ] || echo 'not one segment that executes'
    [ "$(grep -cE ' LOAD ' elf)" -ge 4 ] || echo 'code and constants in one segment'
    # Debian 12's start files carry no CET note, so the linker drops that of our objects; the landing pads are there all the same
    [ "$(uname -m)" != x86_64 ] || [ "$(LC_ALL=C grep -aoP '\xf3\x0f\x1e\xfa' "$1" | wc -l)" -ge "${2:-500}" ] || echo 'no landing pads (CET)'
    grep -qx '__stack_chk_fail' wanted || echo 'no stack protector'
    [ "$(grep -c '_chk$' wanted)" -ge 5 ] || echo 'no fortified calls'
    for plain in sprintf vsprintf strcpy strcat gets; do
        ! grep -qx "$plain" wanted || echo "calls $plain"
    done
}
# A build for sanitizers or coverage has other flags.
need_hardened_build() {
    ! nm "$SUEXPORT" | grep -qE '__(asan|tsan|ubsan)_|__gcov_|__sanitizer_cov' || skip 'a build for a sanitizer'
}

test_programs_are_hardened() {
    need_hardened_build
    for program in "$SUEXPORT" "$SUIMPORT"; do
        same "$(hardened "$program")" '' "$program"
    done
}

# The check can fail: a program without any of it is told of all of it.
test_bare_program_is_found_out() {
    need_hardened_build
    echo 'int main(int argc, char **argv) { char s[9]; __builtin_strcpy(s, argv[argc - 1]); return s[0]; }' > bare.c
    gcc -w -fno-stack-protector -fcf-protection=none -no-pie -z lazy -z norelro -z execstack -Wl,-rpath,/nowhere -o bare bare.c 2> /dev/null
    hardened ./bare > lacks
    for word in 'not position independent' 'no PIE' 'no RELRO' 'no BIND_NOW' 'executable stack' 'RPATH' 'no stack protector' 'no fortified' 'calls strcpy'; do
        grep -q "$word" lacks || fail "not found out: $word"
    done
    [ "$(uname -m)" != x86_64 ] || grep -q 'no landing pads' lacks || fail 'not found out: CET'
}

# No path of the machine it was built on is read at run time; the libraries are those that the documents name.
test_programs_need_known_libraries_only() {
    need_hardened_build
    for program in "$SUEXPORT" "$SUIMPORT"; do
        readelf -W -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\.so.*/\1/p' | grep -vxE 'lib(archive|xml2|crypto|sqlite3|zstd|isal|curl|seccomp|c|m)' > strange || true
        [ ! -s strange ] || fail "$program needs $(cat strange)"
    done
}
