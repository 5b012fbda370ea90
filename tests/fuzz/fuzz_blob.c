/*
 * The document in an answer of GetUpdateData: base64 of a cabinet of UTF-16.
 *
 *   byte 0   0: the rest is the base64 as it is; 1: the rest is the cabinet; else the rest is the UTF-16 in
 * it
 */
#include "tests/fuzz/cabinet.h"

#include "common/source/upstream/upstream_blob.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    unsigned how = take_byte(&in);
    SU_AUTO(su_buf)
    struct su_buf cab = SU_BUF_INIT(SU_MIB),
                  cabinet = SU_BUF_INIT(SU_MIB), document = SU_BUF_INIT(SU_MIB);
    struct su_err err = SU_ERR_INIT;
    char *base64;
    if (how == 0) {
        base64 = copy_of(in.at, in.left, true);
    } else {
        struct cabinet_member member = {"blob", (const char *)in.at, in.left};
        if (how == 1)
            su_buf_add(&cab, in.at, in.left);
        else
            cabinet_make(&cab, &member, 1, 0);
        base64 = calloc(cab.length / 3 * 4 + 8, 1);
        HOLDS(base64);
        su_base64_format((const uint8_t *)cab.bytes, cab.length, base64);
    }
    if (su_blob_open(base64, strlen(base64), &cabinet, &document, &err) < 0)
        check_refusal(&err);
    else {
        HOLDS(su_utf8_is_valid(document.bytes ? document.bytes : "", document.length));
        HOLDS(how <= 1 || document.length <= in.left / 2 * 3);
    }
    free(base64);
    return 0;
}
