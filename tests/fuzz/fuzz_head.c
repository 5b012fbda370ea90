/* First lines that sort bundles before anything is believed, and the head that says whose a wrong volume is.
 */
#include "tests/fuzz/fuzz.h"

#include "common/bundle/volume_read.h"
#include "common/trust/bundle.h"

static int ignore(void *context, const void *bytes, size_t length, struct su_err *err)
{
    (void)context, (void)bytes, (void)length, (void)err;
    return 0;
}

static void sort_bundle(const uint8_t *data, size_t size)
{
    char site[17] = "";
    uint64_t sequence = 0;
    (void)put_file(SU_MANIFEST_NAME, data, size);
    const char *path = in_place("");
    if (su_bundle_unverified_claims(path, site, &sequence))
        HOLDS(su_site_code_is_valid(site) && sequence <= 999999 && su_bundle_unverified_is_for(path, site));
    HOLDS(su_bundle_unverified_urgent(path) <= SU_MAX_URGENT_NUMBER);
    (void)su_bundle_unverified_is_for(path, "ALPHA");
}

/* A volume of another size, or of other bytes, than the manifest says; what its head claims goes into the
 * refusal. */
static void read_wrong_volume(bool is_recovery, bool is_other_size, const uint8_t *data, size_t size)
{
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    SU_AUTO(su_fd) su_fd dir = -1;
    struct su_err err = SU_ERR_INIT;
    char name[16];
    memcpy(m.site, "ALPHA", 6);
    memcpy(m.hub, "HUB", 4);
    m.sequence = 7;
    for (int i = 0; i < (is_recovery ? 2 : 1); i++) {
        struct su_volume *v = SU_PUSH(&m.volumes, 2);
        HOLDS(v && SU_PUSH(&m.blocks, 2));
        *v = (struct su_volume){
            .is_recovery = i == 1, .bytes = size + is_other_size, .first_block = (size_t)i, .blocks = 1};
    }
    m.recovery.percent = is_recovery;
    for (uint32_t v = 1; v <= m.volumes.count; v++)
        (void)put_file(su_volume_name(&m, v, name), data, size);
    HOLDS(su_dir_open(&dir, AT_FDCWD, in_place(""), &err) == 0);
    SU_AUTO(su_volume_reader) struct su_volume_reader *reader = su_volume_reader_new(dir, &m, &err);
    struct su_extent *e = SU_PUSH(&m.extents, 1);
    HOLDS(reader && e);
    *e = (struct su_extent){.volume = (uint32_t)m.volumes.count, .length = size};
    if (size == 0)
        return;
    HOLDS(su_volume_read(reader, 0, 1, ignore, NULL, &err) < 0);
    check_refusal(&err);
    HOLDS(!su_volume_proved(reader)[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    unsigned what = take_byte(&in);
    if (what % 4 == 0)
        sort_bundle(in.at, in.left);
    else
        read_wrong_volume(what % 4 == 3, what & 4, in.at, in.left);
    return 0;
}
