#include "common/source/upstream/upstream_answer.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/source/upstream/upstream_blob.h"
#include "common/source/upstream/upstream_pending.h"

#define KEPT_BYTES (4 * SU_MIB)

void su_answer_init(struct su_answer *a)
{
    *a = (struct su_answer){.texts = SU_BUF_INIT(SU_MAX_DATA_ANSWER_BYTES),
                            .links = SU_BUF_INIT(SU_MAX_DATA_ANSWER_BYTES),
                            .frame = SU_BUF_INIT(SU_MAX_FRAME_BYTES),
                            .packed = SU_BUF_INIT(SU_MAX_FRAME_BYTES + SU_MIB),
                            .relations = SU_BUF_INIT(SU_MAX_FRAME_BYTES + SU_MIB)};
}

void su_answer_cleanup(struct su_answer *a)
{
    struct su_buf *all[] = {&a->texts, &a->links, &a->frame, &a->packed, &a->relations};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        su_buf_cleanup(all[i]);
    free(a->results.at);
    free(a->items.at);
    free(a->addresses.at);
    free(a->got.at);
}

int su_answer_hand_open(struct su_answer_hand *h, enum su_origin origin, struct su_err *err)
{
    *h = (struct su_answer_hand){.origin = origin,
                                 .update = SU_UPDATE_INIT,
                                 .document = SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES),
                                 .urls = SU_BUF_INIT(SU_MAX_RECORD_URLS_BYTES)};
    return (h->packer = su_packer_new(err)) &&
                   (h->child = su_update_child_start_unwrapping(su_blob_open, err))
               ? 0
               : -1;
}

void su_answer_hand_cleanup(struct su_answer_hand *h)
{
    su_packer_cleanup(&h->packer);
    su_update_cleanup(&h->update);
    su_update_child_cleanup(&h->child);
    su_buf_cleanup(&h->document);
    su_buf_cleanup(&h->urls);
    free(h->files.at);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

void su_answer_clear(struct su_answer *a)
{
    struct su_buf *all[] = {&a->texts, &a->links, &a->frame, &a->packed, &a->relations};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i]->capacity > KEPT_BYTES)
            su_buf_cleanup(all[i]);
        su_buf_clear(all[i]);
    }
    a->items.count = a->addresses.count = a->got.count = a->results.count = 0;
    a->reading = (struct su_identity_reading){.has_id = false};
    a->has_text = a->has_digest = false;
}

int su_answer_begin(struct su_answer *a, const struct su_wanted *wanted, size_t count, struct su_err *err)
{
    su_answer_clear(a);
    a->wanted = wanted;
    a->count = count;
    for (size_t i = 0; i < count; i++)
        if (!SU_PUSH(&a->results, count))
            return su_fail_memory(err);
    return 0;
}

void su_answer_restart(void *context)
{
    struct su_answer *a = context;
    size_t count = a->results.count;
    su_answer_clear(a);
    a->results.count = count;
    memset(a->results.at, 0, count * sizeof *a->results.at);
}

static int on_update(struct su_answer *a, struct su_err *err)
{
    char text[SU_GUID_TEXT];
    const struct su_identity *id = &a->reading.identity;
    size_t at = 0;
    if (!a->reading.has_id || !a->reading.has_revision || !a->has_text)
        return su_fail(err, SU_DATA, "an update in the answer has no identity or no document");
    while (at < a->count && (memcmp(&a->wanted[at].identity.id, &id->id, sizeof id->id) != 0 ||
                             a->wanted[at].identity.revision != id->revision))
        at++;
    if (at == a->count || a->results.at[at].outcome == SU_ANSWER_GIVEN)
        return su_fail(err, SU_DATA, "the answer has update %s revision %u, which was %s",
                       su_guid_format(&id->id, text), id->revision,
                       at == a->count ? "not asked for" : "given already");
    struct su_answer_item *item = SU_PUSH(&a->items, a->count);
    if (!item)
        return su_fail_memory(err);
    *item = a->item;
    item->index = at;
    a->results.at[at].outcome = SU_ANSWER_GIVEN;
    a->reading = (struct su_identity_reading){.has_id = false};
    a->has_text = false;
    return 0;
}

static int on_text(struct su_answer *a, const struct su_buf *text, bool is_compressed, struct su_err *err)
{
    if (text->length == 0)
        return 0;
    if (a->has_text)
        return su_fail(err, SU_DATA, "an update in the answer has two documents");
    a->item = (struct su_answer_item){
        .text_at = a->texts.length, .text_bytes = text->length, .is_compressed = is_compressed};
    su_buf_add(&a->texts, text->bytes, text->length);
    a->has_text = true;
    return su_buf_check(&a->texts, "the documents of an answer", err);
}

static int on_address(struct su_answer *a, const char *name, const struct su_buf *text, struct su_err *err)
{
    if (strcmp(name, "FileDigest") == 0) {
        if (!su_base64_parse(a->address.sha1, SU_SHA1_BYTES, text->bytes, text->length))
            return su_fail(err, SU_DATA, "a FileDigest of fileUrls is not a SHA-1");
        a->has_digest = true;
    } else if (strcmp(name, "MUUrl") == 0 && text->length <= SU_MAX_URL_BYTES) {
        a->address.at = a->links.length;
        a->address.bytes = (uint32_t)text->length;
        su_buf_add(&a->links, text->bytes, text->length);
    }
    return su_buf_check(&a->links, "the addresses of an answer", err);
}

int su_answer_part(void *context, const char *name, const char *parent, struct su_buf *text,
                   struct su_err *err)
{
    struct su_answer *a = context;
    if (strcmp(parent, "Id") == 0)
        return su_identity_part(&a->reading, name, text, err);
    if (strcmp(parent, "ServerSyncUpdateData") == 0) {
        bool is_compressed = strcmp(name, "XmlUpdateBlobCompressed") == 0;
        return is_compressed || strcmp(name, "XmlUpdateBlob") == 0 ? on_text(a, text, is_compressed, err) : 0;
    }
    if (strcmp(name, "ServerSyncUpdateData") == 0)
        return on_update(a, err);
    if (strcmp(parent, "ServerSyncUrlData") == 0)
        return on_address(a, name, text, err);
    if (strcmp(name, "ServerSyncUrlData") == 0) {
        struct su_answer_address *slot = a->has_digest && a->address.bytes > 0
                                             ? SU_PUSH(&a->addresses, SU_MAX_PACKAGE_FILES)
                                             : &a->address;
        if (!slot)
            return su_fail_memory(err);
        *slot = a->address;
        a->address = (struct su_answer_address){.at = 0};
        a->has_digest = false;
    }
    return 0;
}

/* ---- working it out ------------------------------------------------------------------------------------ */

static int compare_addresses(const void *a, const void *b)
{
    return memcmp(((const struct su_answer_address *)a)->sha1, ((const struct su_answer_address *)b)->sha1,
                  SU_SHA1_BYTES);
}

/* A digest listed twice: the first one counts, whatever the sort does. */
static int compare_places(const void *a, const void *b)
{
    const struct su_answer_address *x = a, *y = b;
    int order = compare_addresses(a, b);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

static void sort_addresses(struct su_answer *a)
{
    size_t kept = 0;
    if (a->addresses.count < 2)
        return;
    qsort(a->addresses.at, a->addresses.count, sizeof *a->addresses.at, compare_places);
    for (size_t i = 1; i < a->addresses.count; i++)
        if (compare_addresses(&a->addresses.at[kept], &a->addresses.at[i]) != 0)
            a->addresses.at[++kept] = a->addresses.at[i];
    a->addresses.count = kept + 1;
}

/* Addresses of the files that the document names, in the canonical form. */
static int set_urls(struct su_answer_hand *h, const struct su_answer *a, struct su_err *err)
{
    su_buf_clear(&h->urls);
    h->files.count = 0;
    for (size_t i = 0; a->addresses.count > 0 && i < h->update.files.count; i++) {
        struct su_answer_address *file = SU_PUSH(&h->files, SU_MAX_PACKAGE_FILES);
        if (!file)
            return su_fail_memory(err);
        memcpy(file->sha1, h->update.files.at[i].sha1, SU_SHA1_BYTES);
    }
    if (h->files.count > 1)
        qsort(h->files.at, h->files.count, sizeof *h->files.at, compare_addresses);
    for (size_t i = 0; i < h->files.count; i++) {
        const struct su_answer_address *file = &h->files.at[i];
        if (i > 0 && compare_addresses(file, file - 1) == 0)
            continue;
        const struct su_answer_address *found =
            bsearch(file, a->addresses.at, a->addresses.count, sizeof *found, compare_addresses);
        if (found && su_urls_add(&h->urls, file->sha1, a->links.bytes + found->at, found->bytes, err) < 0)
            return -1;
    }
    return 0;
}

static int parse_item(struct su_answer_hand *h, const struct su_answer *a, const struct su_answer_item *item,
                      const char **document, size_t *bytes, struct su_err *err)
{
    const char *text = a->texts.bytes + item->text_at;
    const struct su_identity *id = &a->wanted[item->index].identity;
    char have[SU_GUID_TEXT];
    *document = text;
    *bytes = item->text_bytes;
    if (item->is_compressed) {
        if (su_update_child_unwrap(h->child, text, item->text_bytes, &h->document, &h->update, err) < 0)
            return -1;
        *document = h->document.bytes;
        *bytes = h->document.length;
    } else if (su_update_child_parse(h->child, &h->update, text, item->text_bytes, err) < 0) {
        return -1;
    }
    if (memcmp(&h->update.id, &id->id, sizeof id->id) != 0 || h->update.revision != id->revision)
        return su_fail(err, SU_DATA, "the document is about %s revision %u",
                       su_guid_format(&h->update.id, have), h->update.revision);
    return set_urls(h, a, err);
}

static int work_item(struct su_answer_hand *h, struct su_answer *a, const struct su_answer_item *item,
                     struct su_err *err)
{
    struct su_answer_result *result = &a->results.at[item->index];
    struct su_record record = {.id = a->wanted[item->index].identity.id,
                               .revision = a->wanted[item->index].identity.revision,
                               .origin = h->origin};
    struct su_err why = SU_ERR_INIT;
    if (parse_item(h, a, item, &record.document, &record.document_bytes, &why) < 0) {
        *err = why;
        result->outcome = SU_ANSWER_BROKEN;
        su_escape_into(result->reason, sizeof result->reason, why.text);
        return why.code == SU_DATA || why.code == SU_LIMIT ? 0 : -1;
    }
    if (a->frame.length > 0 && a->frame.length + record.document_bytes > SU_MAX_ANSWER_DOCUMENT_BYTES) {
        result->outcome = SU_ANSWER_LATER;
        return 0;
    }
    record.urls = h->urls.bytes;
    record.urls_bytes = h->urls.length;
    su_record_write_head(&record, &a->frame);
    su_buf_add(&a->frame, record.document, record.document_bytes);
    su_buf_add(&a->frame, "\n", 1);
    su_pending_relation_head(&a->relations, &a->wanted[item->index].identity,
                             h->update.packed_relations_bytes);
    su_buf_add(&a->relations, h->update.packed_relations, h->update.packed_relations_bytes);
    int64_t *got = SU_PUSH(&a->got, a->count);
    if (!got)
        return su_fail_memory(err);
    *got = a->wanted[item->index].pending_id;
    result->outcome = SU_ANSWER_GOT;
    return 0;
}

int su_answer_work(struct su_answer *a, struct su_answer_hand *h, struct su_err *err)
{
    sort_addresses(a);
    for (size_t i = 0; i < a->items.count; i++)
        if (work_item(h, a, &a->items.at[i], err) < 0)
            return -1;
    if (h->document.capacity > KEPT_BYTES)
        su_buf_cleanup(&h->document);
    if (a->got.count == 0)
        return 0;
    if (su_buf_check(&a->frame, "the documents of an answer", err) < 0 ||
        su_buf_check(&a->relations, "the relations of an answer", err) < 0)
        return -1;
    return su_pack_frame(h->packer, a->frame.bytes, a->frame.length, &a->packed, err);
}
