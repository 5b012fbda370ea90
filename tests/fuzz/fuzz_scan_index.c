/* index.xml of an offline scan cabinet. */
#include "tests/fuzz/fuzz.h"

#include "common/source/scan/scan_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SU_AUTO(su_scan_index) struct su_scan_index index = SU_SCAN_INDEX_INIT;
    char *text = copy_of(data, size, false);
    struct su_err err = SU_ERR_INIT;
    if (su_scan_index_parse(&index, text, size, &err) < 0)
        check_refusal(&err);
    else {
        HOLDS(index.cabs.count > 0 && su_scan_index_find(&index, "PACKAGE.CAB"));
        for (size_t i = 0; i < index.cabs.count; i++) {
            const struct su_scan_cab *cab = &index.cabs.at[i];
            HOLDS(su_scan_index_find(&index, cab->name) == cab);
            HOLDS(!cab->has_range || su_scan_index_owner(&index, cab->first) == cab);
        }
        (void)su_scan_index_owner(&index, 0);
        (void)su_scan_index_owner(&index, UINT64_MAX);
    }
    free(text);
    return 0;
}
