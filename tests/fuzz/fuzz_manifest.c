/* The signed manifest: what is accepted is the one canonical form, and every place in it lies where it may.
 */
#include "tests/fuzz/fuzz.h"

#include "common/bundle/manifest.h"

/* The digest of the profile would stop every input that changes the profile: it is put right once. */
static bool repair(const struct su_manifest *m, char *text, size_t length)
{
    struct su_err ignored = SU_ERR_INIT;
    uint8_t digest[SU_SHA256_BYTES];
    char hex[SU_SHA256_TEXT];
    char *at = memmem(text, length, "\nprofile ", 9);
    if (!at || (size_t)(text + length - at) < 9 + 64 || su_profile_digest(&m->profile, digest, &ignored) < 0)
        return false;
    su_hex_format(digest, sizeof digest, hex);
    if (memcmp(at + 9, hex, 64) == 0)
        return false;
    memcpy(at + 9, hex, 64);
    return true;
}

static void check_extents(const struct su_manifest *m, size_t first, size_t count)
{
    HOLDS(first <= m->extents.count && count <= m->extents.count - first);
    for (size_t i = first; i < first + count; i++) {
        const struct su_extent *e = &m->extents.at[i];
        HOLDS(e->volume >= 1 && e->volume <= su_manifest_data_volumes(m));
        uint64_t bytes = m->volumes.at[e->volume - 1].bytes;
        HOLDS(e->offset <= bytes && e->length <= bytes - e->offset);
    }
}

static void check_accepted(const struct su_manifest *m, const char *text, size_t length)
{
    SU_AUTO(su_buf) struct su_buf again = SU_BUF_INIT(SU_MAX_MANIFEST_BYTES);
    struct su_err err = SU_ERR_INIT;
    char name[SU_BUNDLE_NAME_TEXT], volume[16];
    size_t blocks = 0;
    uint64_t bytes = 0;
    su_manifest_format(m, &again);
    HOLDS(su_buf_check(&again, "again", &err) == 0 && again.length == length &&
          memcmp(again.bytes, text, length) == 0);
    HOLDS(su_site_code_is_valid(m->site) && su_name_is_valid(m->hub) &&
          strlen(su_manifest_name(m, name)) > 0);
    for (size_t i = 0; i < m->payloads.count; i++)
        if (!m->payloads.at[i].is_pooled)
            check_extents(m, m->payloads.at[i].first_extent, m->payloads.at[i].extents);
    for (size_t i = 0; i < m->frames.count; i++)
        check_extents(m, m->frames.at[i].first_extent, m->frames.at[i].extents);
    for (uint32_t v = 1; v <= m->volumes.count; v++) {
        const struct su_volume *x = &m->volumes.at[v - 1];
        HOLDS(x->first_block == blocks && strlen(su_volume_name(m, v, volume)) == 12);
        for (size_t b = 0; b < x->blocks; b++)
            HOLDS(su_block_bytes(x, b) > 0 && su_block_bytes(x, b) <= SU_BLOCK_BYTES);
        blocks += x->blocks;
        bytes += x->bytes;
    }
    HOLDS(blocks == m->blocks.count && su_manifest_volume_bytes(m) == bytes &&
          strlen(su_manifest_kind(m)) > 0);
    (void)su_manifest_payload_bytes(m);
    (void)su_manifest_raw_bytes(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = copy_of(data, size, false);
    for (int turn = 0; turn < 2; turn++) {
        SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
        struct su_err err = SU_ERR_INIT;
        if (su_manifest_parse(&m, text, size, &err) == 0) {
            check_accepted(&m, text, size);
            break;
        }
        check_refusal(&err);
        if (!repair(&m, text, size))
            break;
    }
    free(text);
    return 0;
}
