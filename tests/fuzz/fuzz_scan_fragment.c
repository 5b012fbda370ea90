/* A fragment of scan metadata (byte 0: core, extended, localized) and the names fragments have. */
#include "tests/fuzz/fuzz.h"

#include "common/source/scan/scan_fragment.h"

static void check_name(const char *name)
{
    enum su_scan_kind kind;
    char language[SU_SCAN_LANGUAGE_BYTES];
    uint64_t revision;
    if (su_scan_fragment_name(name, &kind, language, &revision))
        HOLDS(kind <= SU_SCAN_LOCALIZED && memchr(language, 0, sizeof language) &&
              (language[0] != 0) == (kind == SU_SCAN_LOCALIZED));
}

static void check_rows(const struct su_scan_rows *rows)
{
    for (size_t i = 0; i < rows->titles.count; i++)
        HOLDS(rows->titles.at[i].title && rows->titles.at[i].description &&
              rows->titles.at[i].description_id >= 0);
    for (size_t i = 0; i < rows->tags.count; i++)
        HOLDS(rows->tags.at[i].kind &&
              su_utf8_is_valid(rows->tags.at[i].value, strlen(rows->tags.at[i].value)));
    for (size_t i = 0; i < rows->files.count; i++)
        HOLDS(rows->files.at[i].name && rows->files.at[i].language && rows->files.at[i].revision_id == 7);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SU_AUTO(su_scan_rows) struct su_scan_rows rows = SU_SCAN_ROWS_INIT;
    struct input in = {data, size};
    unsigned what = take_byte(&in) % 4;
    struct su_err err = SU_ERR_INIT;
    char *text = copy_of(in.at, in.left, what == 3);
    if (what == 3)
        check_name(text);
    else if (su_scan_fragment_parse(&rows, (enum su_scan_kind)what, what == SU_SCAN_LOCALIZED ? "en" : "", 7,
                                    text, in.left, &err) < 0)
        check_refusal(&err);
    else
        check_rows(&rows);
    free(text);
    return 0;
}
