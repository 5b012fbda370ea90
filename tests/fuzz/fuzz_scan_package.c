/* package.xml of an offline scan cabinet, in pieces of any size. */
#include "tests/fuzz/fuzz.h"

#include "common/source/scan/scan_package.h"

struct sum {
    size_t updates, files, locations, relations, superseded, categories;
};
static int more(void *context, struct su_scan_rows **rows, struct su_err *err)
{
    struct sum *sum = context;
    const struct su_scan_rows *r = *rows;
    (void)err;
    sum->updates += r->updates.count;
    sum->files += r->files.count;
    sum->locations += r->locations.count;
    sum->relations += r->relations.count;
    sum->superseded += r->superseded.count;
    sum->categories += r->categories.count;
    su_scan_rows_clear(*rows);
    return 0;
}

static int parse(const char *text, size_t length, size_t piece, struct sum *sum, struct su_err *err)
{
    SU_AUTO(su_scan_rows) struct su_scan_rows rows = SU_SCAN_ROWS_INIT;
    struct su_scan_edition edition = {.created = ""};
    SU_AUTO(su_scan_package) struct su_scan_package *p = su_scan_package_new(&rows, more, sum, err);
    HOLDS(p);
    for (size_t at = 0; at < length; at += piece)
        if (su_scan_package_feed(p, text + at, length - at < piece ? length - at : piece, err) < 0)
            return -1;
    return su_scan_package_finish(p, &edition, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    size_t piece = 1 + take_byte(&in);
    char *text = copy_of(in.at, in.left, false);
    struct sum whole = {0}, cut = {0};
    struct su_err err = SU_ERR_INIT, other = SU_ERR_INIT;
    int result = parse(text, in.left, in.left + 1, &whole, &err),
        again = parse(text, in.left, piece, &cut, &other);
    HOLDS(result == again);
    if (result < 0)
        check_refusal(&err), check_refusal(&other);
    else
        HOLDS(memcmp(&whole, &cut, sizeof whole) == 0);
    free(text);
    return 0;
}
