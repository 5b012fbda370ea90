/* A third-party document taken apart into packages, in pieces of any size; each must stand alone. */
#include "tests/fuzz/fuzz.h"

#include "common/catalogue/update.h"
#include "common/source/vendor/vendor_split.h"

struct seen {
    uint64_t packages, bytes;
};
static int take(void *context, const struct su_vendor_package *package, struct su_err *err)
{
    struct seen *seen = context;
    SU_AUTO(su_update) struct su_update update = SU_UPDATE_INIT;
    struct su_err why = SU_ERR_INIT;
    char *alone = copy_of(package->document, package->bytes, false);
    (void)err;
    if (su_update_parse(&update, alone, package->bytes, &why) == 0)
        HOLDS(memcmp(update.id.bytes, package->id.bytes, sizeof update.id.bytes) == 0);
    else
        check_refusal(&why);
    HOLDS(strlen(package->created) < sizeof package->created);
    seen->packages++;
    seen->bytes += package->bytes;
    free(alone);
    return 0;
}

static int split(const char *text, size_t length, size_t piece, struct seen *seen, struct su_err *err)
{
    SU_AUTO(su_vendor_split) struct su_vendor_split *s = su_vendor_split_new(take, seen, err);
    HOLDS(s);
    for (size_t at = 0; at < length; at += piece)
        if (su_vendor_split_feed(s, text + at, length - at < piece ? length - at : piece, err) < 0)
            return -1;
    return su_vendor_split_finish(s, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    size_t piece = 1 + take_byte(&in);
    char *text = copy_of(in.at, in.left, false);
    struct seen whole = {0}, cut = {0};
    struct su_err err = SU_ERR_INIT, other = SU_ERR_INIT;
    int result = split(text, in.left, in.left + 1, &whole, &err),
        again = split(text, in.left, piece, &cut, &other);
    HOLDS(result == again);
    if (result < 0)
        check_refusal(&err), check_refusal(&other);
    else
        HOLDS(whole.packages == cut.packages && whole.bytes == cut.bytes);
    free(text);
    return 0;
}
