#include "common/catalogue/prepare.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/update_child.h"
#include "common/lib/pack.h"

/* Enough documents to learn from; the few before them stay packed without a dictionary. */
#define TRAINING_BYTES (4 * SU_MIB)
#define TRAINING_SAMPLE_BYTES (32 * SU_KIB)
#define TRAINING_SAMPLES_MAX 4096

/* Working memory that one document made larger than this is given back. */
#define WORTH_KEEPING_BYTES (256 * SU_KIB)

struct su_preparer {
    struct su_packer *packer;
    const struct su_dictionary *loaded; /* what the packer has; NULL: none */
    struct su_buf packed;
    struct su_update_child *child;
};

void su_learner_init(struct su_learner *l)
{
    *l = (struct su_learner){.dictionary.bytes = SU_BUF_INIT(SU_PACK_DICTIONARY_BYTES),
                             .samples = SU_BUF_INIT(TRAINING_BYTES + TRAINING_SAMPLE_BYTES)};
}

int su_learn(struct su_learner *l, const char *document, size_t length, struct su_err *err)
{
    if (l->has_dictionary)
        return 0;
    if (length > TRAINING_SAMPLE_BYTES)
        length = TRAINING_SAMPLE_BYTES;
    size_t *slot = SU_PUSH(&l->sample_bytes, TRAINING_SAMPLES_MAX);
    if (slot) {
        *slot = length;
        su_buf_add(&l->samples, document, length);
        if (su_buf_check(&l->samples, "training samples", err) < 0)
            return -1;
    }
    if (slot && l->samples.length < TRAINING_BYTES)
        return 0;
    if (su_pack_train(l->samples.bytes, l->sample_bytes.at, l->sample_bytes.count, &l->dictionary.bytes,
                      err) < 0)
        return -1;
    su_buf_cleanup(&l->samples);
    l->sample_bytes.count = 0;
    l->has_dictionary = l->dictionary.bytes.length > 0; /* else nothing to learn; the next documents may do */
    return 0;
}

void su_learner_cleanup(struct su_learner *l)
{
    su_buf_cleanup(&l->dictionary.bytes);
    su_buf_cleanup(&l->samples);
    free(l->sample_bytes.at);
    su_learner_init(l);
}

bool su_known_has(const struct su_known *known, const uint8_t document_sha256[SU_SHA256_BYTES])
{
    uint64_t wanted;
    size_t low = 0, high = known->prefixes.count;
    memcpy(&wanted, document_sha256, sizeof wanted);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (known->prefixes.at[middle] == wanted)
            return true;
        if (known->prefixes.at[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

void su_known_cleanup(struct su_known *known)
{
    free(known->prefixes.at);
    *known = (struct su_known){0};
}

struct su_batch *su_batch_new(struct su_err *err)
{
    struct su_batch *b = calloc(1, sizeof *b);
    if (!b) {
        (void)su_fail_memory(err);
        return NULL;
    }
    b->arena = (struct su_arena)SU_ARENA_INIT(2 * (SU_BATCH_BYTES + SU_MAX_FRAME_BYTES));
    for (size_t i = 0; i < SU_BATCH_RECORDS; i++)
        b->items[i].update = (struct su_update)SU_UPDATE_INIT;
    return b;
}

void su_batch_cleanup(struct su_batch **b)
{
    if (!*b)
        return;
    for (size_t i = 0; i < SU_BATCH_RECORDS; i++)
        su_update_cleanup(&(*b)->items[i].update);
    su_arena_cleanup(&(*b)->arena);
    free(*b);
    *b = NULL;
}

void su_batch_clear(struct su_batch *b, struct su_learner *learner)
{
    for (size_t i = 0; i < b->count; i++) {
        struct su_prepared *item = &b->items[i];
        if (item->record.document_bytes > WORTH_KEEPING_BYTES)
            su_update_cleanup(&item->update);
        *item = (struct su_prepared){.update = item->update};
    }
    if (b->bytes > SU_BATCH_BYTES)
        su_arena_cleanup(&b->arena);
    su_arena_reset(&b->arena);
    b->count = b->bytes = 0;
    b->dictionary = learner && learner->has_dictionary ? &learner->dictionary : NULL;
}

bool su_batch_is_full(const struct su_batch *b)
{
    return b->count == SU_BATCH_RECORDS || b->bytes >= SU_BATCH_BYTES;
}

struct su_prepared *su_batch_add(struct su_batch *b, const struct su_record *record, struct su_err *err)
{
    struct su_prepared *item = &b->items[b->count];
    char *document =
        su_arena_text(&b->arena, record->document_bytes ? record->document : "", record->document_bytes);
    char *urls = su_arena_text(&b->arena, record->urls_bytes ? record->urls : "", record->urls_bytes);
    if (!document || !urls) {
        (void)su_fail_memory(err);
        return NULL;
    }
    item->record = *record;
    item->record.document = document;
    item->record.urls = urls;
    b->bytes += record->document_bytes + record->urls_bytes;
    b->count++;
    return item;
}

static bool is_same_identity(const struct su_record *a, const struct su_record *b)
{
    return a->revision == b->revision && memcmp(a->id.bytes, b->id.bytes, sizeof a->id.bytes) == 0;
}

/* Every pair is compared: 256 records are 33,000 comparisons, a thousandth of the work on them. */
size_t su_batch_distinct(const struct su_batch *b, size_t first)
{
    for (size_t i = first + 1; i < b->count; i++)
        for (size_t j = first; j < i; j++)
            if (is_same_identity(&b->items[i].record, &b->items[j].record))
                return i - first;
    return b->count - first;
}

struct su_preparer *su_preparer_new(struct su_err *err)
{
    struct su_preparer *p = calloc(1, sizeof *p);
    if (!p) {
        (void)su_fail_memory(err);
        return NULL;
    }
    p->packed = (struct su_buf)SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES + SU_MIB);
    if (!(p->packer = su_packer_new(err)) || !(p->child = su_update_child_start(err)))
        su_preparer_cleanup(&p);
    return p;
}

void su_preparer_cleanup(struct su_preparer **p)
{
    if (!*p)
        return;
    su_packer_cleanup(&(*p)->packer);
    su_update_child_cleanup(&(*p)->child);
    su_buf_cleanup(&(*p)->packed);
    free(*p);
    *p = NULL;
}

/* A document must be about the revision it is filed under. */
static int check_identity(const struct su_record *record, const struct su_update *update, struct su_err *err)
{
    char a[SU_GUID_TEXT], b[SU_GUID_TEXT];
    if (memcmp(record->id.bytes, update->id.bytes, sizeof update->id.bytes) != 0 ||
        (update->has_revision && record->revision != update->revision))
        return su_fail(err, SU_DATA, "the document says it is %s revision %u, its record says %s revision %u",
                       su_guid_format(&update->id, a), update->revision, su_guid_format(&record->id, b),
                       record->revision);
    return 0;
}

static int pack(struct su_preparer *p, struct su_batch *b, struct su_prepared *item, struct su_err *err)
{
    const struct su_record *r = &item->record;
    if (p->loaded != b->dictionary) {
        const struct su_buf *bytes = b->dictionary ? &b->dictionary->bytes : NULL;
        p->loaded = NULL;
        if (su_packer_set_dictionary(p->packer, bytes ? bytes->bytes : "", bytes ? bytes->length : 0, err) <
            0)
            return -1;
        p->loaded = b->dictionary;
    }
    if (su_pack_document(p->packer, r->document, r->document_bytes, &p->packed, err) < 0)
        return -1;
    item->packed = su_arena_text(&b->arena, p->packed.bytes, p->packed.length);
    item->packed_bytes = p->packed.length;
    item->dictionary = b->dictionary;
    if (p->packed.capacity > SU_BATCH_BYTES)
        su_buf_cleanup(&p->packed);
    return item->packed ? 0 : su_fail_memory(err);
}

int su_batch_seal(struct su_batch *b, struct su_err *err)
{
    for (size_t i = 0; i < b->count; i++) {
        struct su_prepared *item = &b->items[i];
        if (item->is_sealed || item->record.is_removal)
            continue;
        if (su_record_seal_document(&item->record, err) < 0)
            return -1;
        item->is_sealed = true;
    }
    return 0;
}

void su_prepare_ahead(struct su_preparer *p, struct su_batch *b, const struct su_known *known)
{
    struct su_update_wish wishes[SU_BATCH_RECORDS];
    struct su_prepared *asked[SU_BATCH_RECORDS];
    size_t count = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct su_prepared *item = &b->items[i];
        const struct su_record *r = &item->record;
        if (item->is_read || r->is_removal || r->document_bytes > SU_MAX_DOCUMENT_BYTES ||
            (known && su_known_has(known, r->document_sha256)))
            continue;
        asked[count] = item;
        wishes[count++] = (struct su_update_wish){
            .document = r->document, .length = r->document_bytes, .update = &item->update};
    }
    if (count > 0)
        su_update_child_ahead(p->child, wishes, count);
    for (size_t i = 0; i < count; i++)
        asked[i]->is_read = wishes[i].is_done;
}

int su_prepare_read(struct su_preparer *p, struct su_prepared *item, struct su_err *err)
{
    const struct su_record *r = &item->record;
    if (!item->is_read &&
        su_update_child_parse(p->child, &item->update, r->document, r->document_bytes, err) < 0)
        return -1;
    item->is_read = true;
    return 0;
}

int su_prepare(struct su_preparer *p, struct su_batch *b, struct su_prepared *item, struct su_err *err)
{
    const struct su_record *r = &item->record;
    if (su_prepare_read(p, item, err) < 0 || check_identity(r, &item->update, err) < 0 ||
        pack(p, b, item, err) < 0)
        return su_prepared_prefix(item, err);
    item->is_ready = true;
    return 0;
}

int su_prepared_prefix(const struct su_prepared *item, struct su_err *err)
{
    char id[SU_GUID_TEXT];
    su_guid_format(&item->record.id, id);
    if (item->number > 0)
        return su_prefix(err, "record %llu (%s revision %u)", (unsigned long long)item->number, id,
                         item->record.revision);
    return su_prefix(err, "%s revision %u", id, item->record.revision);
}
