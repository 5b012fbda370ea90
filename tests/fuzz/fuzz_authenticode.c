/*
 * A signature inside a cabinet or a program. Bytes 0 and 1 say which byte is changed once the file has been
 * accepted: then the signature must not be good any more.
 */
#include "tests/fuzz/fuzz.h"

#include "common/lib/authenticode.h"

static int read_it(const uint8_t *bytes, size_t length, struct su_code_signature *out, struct su_err *err)
{
    int fd = memory_file(bytes, length);
    int result = su_authenticode_read(fd, length, out, err);
    (void)close(fd);
    return result;
}

/* Of a program its checksum is not covered, and what says where the signature lies may vary with it. */
static bool is_covered(const uint8_t *bytes, size_t length, size_t at, size_t signature_bytes)
{
    if (at >= length - signature_bytes)
        return false;
    if (bytes[0] == 'M' && bytes[1] == 'S')
        return true;
    size_t start = (size_t)bytes[60] | (size_t)bytes[61] << 8;
    return !(at >= start + 24 + 64 && at < start + 24 + 68);
}

static size_t number_at(const uint8_t *at)
{
    return (size_t)at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
}

static size_t signature_bytes(const uint8_t *bytes)
{
    if (bytes[0] == 'M' && bytes[1] == 'S')
        return number_at(bytes + 48);
    const uint8_t *pe = bytes + number_at(bytes + 60);
    return number_at(pe + (pe[24] == 0x0b && pe[25] == 1 ? 24 + 92 : 24 + 108) + 4 + 4 * 8 + 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    size_t at = take_u16(&in);
    struct su_code_signature signature, other;
    struct su_err err = SU_ERR_INIT;
    if (read_it(in.at, in.left, &signature, &err) < 0) {
        check_refusal(&err);
        return 0;
    }
    if (!signature.is_signed)
        return 0;
    HOLDS(memchr(signature.common_name, 0, sizeof signature.common_name) && in.left > 60);
    at %= in.left;
    uint8_t *changed = (uint8_t *)copy_of(in.at, in.left, false);
    changed[at] ^= 0x10;
    if (is_covered(in.at, in.left, at, signature_bytes(in.at)))
        HOLDS(read_it(changed, in.left, &other, &err) < 0 || !other.is_signed);
    free(changed);
    return 0;
}
