#include "common/site/affected.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"

#define MOST_TOLD 3 /* files named in one text; the answer lists every place */

void su_affected_cleanup(struct su_affected *a)
{
    for (size_t i = 0; i < a->files.count; i++)
        su_named_file_cleanup(&a->files.at[i]);
    free(a->files.at);
    free(a->hits.at);
    *a = (struct su_affected)SU_AFFECTED_INIT;
}

static bool is_hit(const struct su_manifest *m, const bool *proved, const struct su_extent *e)
{
    size_t first = m->volumes.at[e->volume - 1].first_block;
    for (uint64_t b = e->offset / SU_BLOCK_BYTES; e->length > 0 && b * SU_BLOCK_BYTES < e->offset + e->length;
         b++)
        if (!proved[first + (size_t)b])
            return true;
    return false;
}

static bool are_hit(const struct su_manifest *m, const bool *proved, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_hit(m, proved, &m->extents.at[first + i]))
            return true;
    return false;
}

static int by_sha1(const void *a, const void *b)
{
    const struct su_named_file *x = a, *y = b;
    return memcmp(x->sha1, y->sha1, SU_SHA1_BYTES);
}

static int by_place(const void *a, const void *b)
{
    const struct su_extent *x = &((const struct su_hit *)a)->extent, *y = &((const struct su_hit *)b)->extent;
    if (x->volume != y->volume)
        return x->volume < y->volume ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static int list_files(struct su_affected *a, const struct su_manifest *m, const bool *proved,
                      const bool *lost, struct su_err *err)
{
    for (size_t i = 0; i < m->payloads.count; i++) {
        const struct su_payload *p = &m->payloads.at[i];
        if (!(lost && lost[i]) && !are_hit(m, proved, p->first_extent, p->extents))
            continue;
        struct su_named_file *file = SU_PUSH(&a->files, SU_MAX_PAYLOADS);
        if (!file)
            return su_fail_memory(err);
        memcpy(file->sha1, p->id.sha1, SU_SHA1_BYTES);
        file->bytes = p->id.bytes;
        file->is_licence = p->is_licence;
    }
    a->files_good = m->payloads.count - a->files.count;
    if (a->files.count > 0)
        qsort(a->files.at, a->files.count, sizeof *a->files.at, by_sha1);
    return 0;
}

static int list_hits(struct su_affected *a, const struct su_manifest *m, const bool *proved,
                     struct su_err *err)
{
    for (size_t i = 0; i < m->payloads.count; i++) {
        const struct su_payload *p = &m->payloads.at[i];
        struct su_named_file key = {.bytes = 0}, *file = NULL;
        memcpy(key.sha1, p->id.sha1, SU_SHA1_BYTES);
        if (are_hit(m, proved, p->first_extent, p->extents))
            file = bsearch(&key, a->files.at, a->files.count, sizeof key, by_sha1);
        for (size_t k = 0; file && k < p->extents; k++) {
            const struct su_extent *e = &m->extents.at[p->first_extent + k];
            if (!is_hit(m, proved, e))
                continue;
            struct su_hit *hit = SU_PUSH(&a->hits, SU_MAX_PAYLOADS * 2);
            if (!hit)
                return su_fail_memory(err);
            *hit = (struct su_hit){*e, (size_t)(file - a->files.at)};
        }
    }
    if (a->hits.count > 0)
        qsort(a->hits.at, a->hits.count, sizeof *a->hits.at, by_place);
    return 0;
}

int su_affected_find(struct su_affected *a, const struct su_manifest *m, const bool *proved, const bool *lost,
                     struct su_volume_reader *reader, struct su_db *db, struct su_err *err)
{
    struct su_err ignored = SU_ERR_INIT;
    a->metadata_is_good = true;
    for (size_t i = 0; i < m->frames.count; i++)
        a->metadata_is_good &= !are_hit(m, proved, m->frames.at[i].first_extent, m->frames.at[i].extents);
    if (list_files(a, m, proved, lost, err) < 0 || list_hits(a, m, proved, err) < 0)
        return -1;
    /* A name is a help, not a condition: records that do not parse are for the import to refuse. */
    if (a->files.count > 0 && a->metadata_is_good &&
        su_name_from_bundle(reader, m, a->files.at, a->files.count, &ignored) < 0 &&
        ignored.code == SU_INTERRUPTED) {
        *err = ignored;
        return -1;
    }
    for (size_t i = 0; i < a->files.count; i++)
        if (!a->files.at[i].file && su_name_from_database(db, &a->files.at[i], err) < 0)
            return -1;
    return 0;
}

static bool touches(const struct su_extent *e, const struct su_bad_block *b)
{
    return e->volume == b->volume && e->offset < b->offset + b->length && b->offset < e->offset + e->length;
}

/* The first hit that ends behind the beginning of the bad block; extents do not overlap. */
static size_t first_hit(const struct su_affected *a, const struct su_bad_block *b)
{
    size_t low = 0, high = a->hits.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct su_extent *e = &a->hits.at[middle].extent;
        if (e->volume < b->volume || (e->volume == b->volume && e->offset + e->length <= b->offset))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void say_file(const struct su_named_file *file, struct su_buf *out)
{
    if (file->file)
        su_buf_addf(out, "%s file ", file->is_licence ? "licence" : "content");
    su_name_text(file, out);
}

const struct su_named_file *su_affected_payload(const struct su_affected *a, const struct su_payload *p,
                                                struct su_buf *out)
{
    struct su_named_file key = {.bytes = 0};
    memcpy(key.sha1, p->id.sha1, SU_SHA1_BYTES);
    const struct su_named_file *file = bsearch(&key, a->files.at, a->files.count, sizeof key, by_sha1);
    if (file)
        say_file(file, out);
    return file;
}

const struct su_named_file *su_affected_by(const struct su_affected *a, const struct su_manifest *m,
                                           const struct su_bad_block *b, struct su_buf *out)
{
    const struct su_named_file *first = NULL;
    size_t told = 0, more = 0;
    if (m->volumes.at[b->volume - 1].is_recovery)
        su_buf_adds(out, "recovery only");
    for (size_t i = 0; i < m->frames.count && out->length == 0; i++)
        for (size_t k = 0; k < m->frames.at[i].extents && out->length == 0; k++)
            if (touches(&m->extents.at[m->frames.at[i].first_extent + k], b))
                su_buf_adds(out, "update metadata");
    for (size_t i = first_hit(a, b); i < a->hits.count && touches(&a->hits.at[i].extent, b); i++) {
        const struct su_named_file *file = &a->files.at[a->hits.at[i].file];
        if (!first)
            first = file;
        if (told == MOST_TOLD) {
            more++;
            continue;
        }
        told++;
        su_buf_adds(out, out->length ? "; " : "");
        say_file(file, out);
    }
    if (more > 0)
        su_buf_addf(out, "; and %zu more", more);
    return first;
}

void su_affected_say(const struct su_affected *a, struct su_buf *out)
{
    if (a->files.count == 0 && a->metadata_is_good)
        su_buf_adds(out, "affects no file");
    else if (a->files.count == 0)
        su_buf_adds(out, "affects the update metadata");
    else
        su_buf_addf(out, "affects %zu file%s: ", a->files.count, a->files.count == 1 ? "" : "s");
    for (size_t i = 0; i < a->files.count && i < MOST_TOLD; i++) {
        su_buf_adds(out, i ? ", " : "");
        su_name_text(&a->files.at[i], out);
    }
    if (a->files.count > MOST_TOLD)
        su_buf_addf(out, " and %zu more", a->files.count - MOST_TOLD);
    su_buf_addf(out, "; metadata part: %s; %llu of %llu files good", a->metadata_is_good ? "good" : "damaged",
                (unsigned long long)a->files_good, (unsigned long long)(a->files_good + a->files.count));
}
