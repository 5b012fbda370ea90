#include "common/bundle/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"

static void free_lines(struct su_line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(lines[i].text);
    free(lines);
}

void su_manifest_cleanup(struct su_manifest *m)
{
    free_lines(m->features.at, m->features.count);
    free_lines(m->holes.at, m->holes.count);
    free_lines(m->children.at, m->children.count);
    free(m->successors.at);
    free(m->revocations.at);
    su_profile_cleanup(&m->profile);
    free(m->bases.at);
    free(m->frames.at);
    free(m->payloads.at);
    free(m->extents.at);
    free(m->volumes.at);
    free(m->blocks.at);
    *m = (struct su_manifest)SU_MANIFEST_INIT;
}

const char *su_bundle_name(const char *site, uint64_t sequence, char out[SU_BUNDLE_NAME_TEXT])
{
    (void)snprintf(out, SU_BUNDLE_NAME_TEXT, "SU-%.16s-%06u", site, (unsigned)sequence);
    return out;
}

const char *su_urgent_name(const char *site, uint64_t number, char out[SU_BUNDLE_NAME_TEXT])
{
    (void)snprintf(out, SU_BUNDLE_NAME_TEXT, "SU-%.16s-U%05u", site, (unsigned)number);
    return out;
}

const char *su_manifest_name(const struct su_manifest *m, char out[SU_BUNDLE_NAME_TEXT])
{
    return m->urgent ? su_urgent_name(m->site, m->urgent, out) : su_bundle_name(m->site, m->sequence, out);
}

const char *su_manifest_kind(const struct su_manifest *m)
{
    return m->urgent ? "urgent" : m->is_full ? "full" : "delta";
}

size_t su_block_bytes(const struct su_volume *volume, size_t number)
{
    uint64_t left = volume->bytes - (uint64_t)number * SU_BLOCK_BYTES;
    return left < SU_BLOCK_BYTES ? (size_t)left : SU_BLOCK_BYTES;
}

int su_block_is_good(const struct su_manifest *m, const struct su_volume *volume, size_t number,
                     const void *bytes, bool *is_good, struct su_err *err)
{
    uint8_t digest[SU_SHA256_BYTES];
    if (su_sha256(digest, bytes, su_block_bytes(volume, number), err) < 0)
        return -1;
    *is_good = memcmp(digest, m->blocks.at[volume->first_block + number].sha256, sizeof digest) == 0;
    return 0;
}

size_t su_manifest_data_volumes(const struct su_manifest *m)
{
    size_t n = 0;
    while (n < m->volumes.count && !m->volumes.at[n].is_recovery)
        n++;
    return n;
}

const char *su_volume_name(const struct su_manifest *m, uint32_t volume, char out[16])
{
    size_t data = su_manifest_data_volumes(m);
    char stem[8];
    if (m->urgent)
        (void)snprintf(stem, sizeof stem, "U%05u", (unsigned)(m->urgent % 100000));
    else
        (void)snprintf(stem, sizeof stem, "%06u", (unsigned)(m->sequence % 1000000));
    if (volume <= data || data == m->volumes.count)
        (void)snprintf(out, 16, "SU%s.%03u", stem, volume % 1000);
    else
        (void)snprintf(out, 16, "SU%s.R%02u", stem, (unsigned)(volume - data) % 100);
    return out;
}

const char *su_pool_path(const uint8_t sha256[SU_SHA256_BYTES], char out[32])
{
    (void)snprintf(out, 32, SU_POOL_NAME "/%02X/%02X%02X%02X%02X.DAT", sha256[0], sha256[1], sha256[2],
                   sha256[3], sha256[4]);
    return out;
}

const char *su_paper_name(enum su_paper paper)
{
    static const char *const names[SU_PAPERS] = {SU_RECIPE_NAME, "SLIP.TXT", "SLIP.HTM"};
    return names[paper];
}

int su_line_add(struct su_line *slot, const char *text, size_t length, struct su_err *err)
{
    slot->text = strndup(text, length);
    return slot->text ? 0 : su_fail_memory(err);
}

static void add_hash(struct su_buf *out, const char *before, const uint8_t *sha256, const char *after)
{
    su_buf_adds(out, before);
    su_buf_addhex(out, sha256, SU_SHA256_BYTES);
    su_buf_adds(out, after);
}

static void add_extents(const struct su_manifest *m, size_t first, size_t count, struct su_buf *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct su_extent *e = &m->extents.at[first + i];
        su_buf_addf(out, "%c%u:%llu:%llu", i ? ',' : ' ', e->volume, (unsigned long long)e->offset,
                    (unsigned long long)e->length);
    }
    su_buf_adds(out, "\n");
}

static void format_keys(const struct su_manifest *m, struct su_buf *out)
{
    char text[4 * ((SU_SPKI_BYTES + 2) / 3) + 1];
    for (size_t i = 0; i < m->successors.count; i++) {
        const struct su_successor *s = &m->successors.at[i];
        su_base64_format(s->spki, sizeof s->spki, text);
        su_buf_addf(out, "key %s %s %s\n", s->role, s->name, text);
    }
    for (size_t i = 0; i < m->revocations.count; i++) {
        add_hash(out, "revoke ", m->revocations.at[i].key_id, " ");
        su_buf_addf(out, "%llu\n", (unsigned long long)m->revocations.at[i].last_sequence);
    }
}

static void format_head(const struct su_manifest *m, struct su_buf *out)
{
    char name[SU_BUNDLE_NAME_TEXT];
    su_buf_addf(out,
                SU_MANIFEST_FIRST_LINE "\nbundle %s\nhub %s\nsite %s\nsequence %llu\nkind %s\ncreated %s\n",
                su_manifest_name(m, name), m->hub, m->site, (unsigned long long)m->sequence,
                su_manifest_kind(m), m->created);
    su_buf_addf(out, "promise-days %llu\njump-limit %llu\n", (unsigned long long)m->promise_days,
                (unsigned long long)m->jump_limit);
    for (size_t i = 0; i < m->features.count; i++)
        su_buf_addf(out, "requires %s\n", m->features.at[i].text);
    if (m->urgent)
        su_buf_addf(out, "urgent %llu\n", (unsigned long long)m->urgent);
    for (size_t i = 0; i < m->children.count; i++)
        su_buf_addf(out, "also %s\n", m->children.at[i].text);
    format_keys(m, out);
    add_hash(out, "profile ", m->profile_digest, "\n");
    su_profile_format(&m->profile, out);
    su_profile_format_approvals(&m->profile, out);
    if (m->is_full)
        su_buf_adds(out, "fits any\n");
    for (size_t i = 0; i < m->bases.count; i++) {
        su_buf_addf(out, "fits %llu ", (unsigned long long)m->bases.at[i].sequence);
        add_hash(out, "", m->bases.at[i].digest, "\n");
    }
    if (m->follows)
        su_buf_addf(out, "follows %llu %s\n", (unsigned long long)m->follows, m->follows_created);
    add_hash(out, "result ", m->result, "\n");
    su_buf_addf(out, "catalogue %llu %llu\nclosure %llu %llu %llu %llu %zu\n", (unsigned long long)m->updates,
                (unsigned long long)m->revisions, (unsigned long long)m->prerequisites,
                (unsigned long long)m->bundled, (unsigned long long)m->licence_files,
                (unsigned long long)m->payload_files, m->holes.count);
    for (size_t i = 0; i < m->holes.count; i++)
        su_buf_addf(out, "hole %s\n", m->holes.at[i].text);
}

/* The second line is for sha256sum. */
static void add_pooled(const struct su_payload *p, struct su_buf *out)
{
    char path[32];
    su_buf_adds(out, " pool\n");
    add_hash(out, "", p->id.sha256, "  ../");
    su_buf_addf(out, "%s\n", su_pool_path(p->id.sha256, path));
}

static void format_parts(const struct su_manifest *m, struct su_buf *out)
{
    for (int licence = 1; licence >= 0; licence--) {
        su_buf_addf(out, "part %s\n", licence ? "licence" : "content");
        for (size_t i = 0; i < m->payloads.count; i++) {
            const struct su_payload *p = &m->payloads.at[i];
            if (p->is_licence != (licence == 1))
                continue;
            add_hash(out, "file ", p->id.sha256, " ");
            su_buf_addhex(out, p->id.sha1, SU_SHA1_BYTES);
            su_buf_addf(out, " %llu", (unsigned long long)p->id.bytes);
            if (p->is_pooled)
                add_pooled(p, out);
            else
                add_extents(m, p->first_extent, p->extents, out);
        }
    }
    su_buf_addf(out, "part metadata\nrecords %llu %llu\n", (unsigned long long)m->records,
                (unsigned long long)m->removals);
    for (size_t i = 0; i < m->frames.count; i++) {
        su_buf_addf(out, "frame %llu", (unsigned long long)m->frames.at[i].raw_bytes);
        add_extents(m, m->frames.at[i].first_extent, m->frames.at[i].extents, out);
    }
    su_buf_adds(out, "part policy\n"); /* the place of what a later version carries */
    if (m->recovery.percent == 0)
        su_buf_adds(out, "recovery none\n");
    else
        su_buf_addf(out, "recovery %llu %llu %llu %llu\n", (unsigned long long)m->recovery.percent,
                    (unsigned long long)m->recovery.data_cells, (unsigned long long)m->recovery.parity_cells,
                    (unsigned long long)m->recovery.lane_cells);
}

void su_manifest_format(const struct su_manifest *m, struct su_buf *out)
{
    char name[16];
    format_head(m, out);
    format_parts(m, out);
    for (size_t v = 0; v < m->volumes.count; v++) {
        const struct su_volume *volume = &m->volumes.at[v];
        su_volume_name(m, (uint32_t)v + 1, name);
        su_buf_addf(out, "volume %zu %s %llu %s\n", v + 1, name, (unsigned long long)volume->bytes,
                    volume->is_recovery ? "recovery" : "data");
        add_hash(out, "", volume->sha256, "  ");
        su_buf_addf(out, "%s\n", name);
        for (size_t b = 0; b < volume->blocks; b++)
            add_hash(out, "block ", m->blocks.at[volume->first_block + b].sha256, "\n");
    }
    for (int i = 0; i < SU_PAPERS; i++) {
        add_hash(out, "", m->papers[i], "  ");
        su_buf_addf(out, "%s\n", su_paper_name((enum su_paper)i));
    }
    su_buf_adds(out, "end\n");
}

uint64_t su_manifest_volume_bytes(const struct su_manifest *m)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < m->volumes.count; i++)
        sum += m->volumes.at[i].bytes;
    return sum;
}

uint64_t su_manifest_payload_bytes(const struct su_manifest *m)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < m->payloads.count; i++)
        sum += m->payloads.at[i].id.bytes;
    return sum;
}

uint64_t su_manifest_raw_bytes(const struct su_manifest *m)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < m->frames.count; i++)
        sum += m->frames.at[i].raw_bytes;
    return sum;
}
