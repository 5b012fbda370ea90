#include "common/source/upstream/upstream_fetch.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/update_child.h"
#include "common/lib/archive.h"
#include "common/lib/pack.h"
#include "common/source/upstream/upstream_blob.h"
#include "common/source/upstream/upstream_list.h"
#include "common/sys/belt.h"
#include "common/sys/clock.h"

#define SLOTS 5
#define MOST_WEIGHT (16 * SU_MIB)
#define BATCH 50 /* what real downstream servers ask for; answers end at 2,000,000 bytes */
#define GROW_AFTER 8
#define COMMIT_UPDATES 500
#define COMMIT_SECONDS 2.0
#define MOST_REFUSED_IN_A_ROW 32
#define LEAST_BELIEVED 8 /* updates lost with none that came: the server is at fault, not they */
#define MOST_NAMED 20    /* of what is missing, in messages */
#define KEPT_BYTES (4 * SU_MIB)

enum outcome { ABSENT, GIVEN, GOT, BROKEN, LATER, REFUSED };
struct result {
    enum outcome outcome;
    char reason[200];
};
struct item {
    size_t index; /* in the batch */
    size_t text_at, text_bytes;
    bool is_compressed;
};
struct address {
    uint8_t sha1[SU_SHA1_BYTES];
    uint32_t bytes;
    size_t at;
};

/* A batch on its way. */
struct job {
    const struct su_wanted *wanted;
    size_t count;
    SU_VEC(struct result) results;
    SU_VEC(struct item) items;
    SU_VEC(struct address) addresses; /* sorted by digest once complete */
    struct su_buf texts, links;       /* what items and addresses point into */
    /* what is being read */
    struct su_identity_reading reading;
    struct item item;
    struct address address;
    bool has_text, has_digest;
    /* worked out */
    struct su_buf frame, packed, relations;
    SU_VEC(int64_t) got;
};

/* What a thread that unpacks works with. */
struct hand {
    struct su_packer *packer;
    struct su_update update;
    struct su_update_child *child;
    struct su_buf document, urls;
    SU_VEC(struct address) files; /* digests of the document */
    enum su_origin origin;        /* of what it works on */
};

struct loss {
    struct su_wanted wanted;
    char reason[200];
};

struct fetch {
    struct su_fetching *fetching;
    const struct su_wanted_list *wanted;
    bool is_alone, is_needed; /* one at a time; ids that were guessed are among them */
    /* the asking thread's */
    struct job *spare; /* a slot that was not submitted */
    struct su_buf rest;
    size_t most, size;
    unsigned good_in_a_row, refused_in_a_row;
    bool has_answered, was_cut; /* in this pass; the last one that stood alone */
    /* the caller's */
    struct su_transaction transaction;
    double began;
    size_t uncommitted;
    unsigned lost_in_a_row;
    struct su_wanted_list again;
    SU_VEC(struct loss) losses;
    const char *word;
    uint64_t done, total;
    struct job jobs[SLOTS];
    struct hand hands[SU_MAX_THREADS];
};

static void clear_job(struct job *j)
{
    struct su_buf *all[] = {&j->texts, &j->links, &j->frame, &j->packed, &j->relations};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i]->capacity > KEPT_BYTES)
            su_buf_cleanup(all[i]);
        su_buf_clear(all[i]);
    }
    j->items.count = j->addresses.count = j->got.count = j->results.count = 0;
    j->reading = (struct su_identity_reading){.has_id = false};
    j->has_text = j->has_digest = false;
}

static int begin_job(struct job *j, const struct su_wanted *wanted, size_t count, struct su_err *err)
{
    clear_job(j);
    j->wanted = wanted;
    j->count = count;
    for (size_t i = 0; i < count; i++)
        if (!SU_PUSH(&j->results, count))
            return su_fail_memory(err);
    return 0;
}

static void restart(void *context)
{
    struct job *j = context;
    size_t count = j->results.count;
    clear_job(j);
    j->results.count = count;
    memset(j->results.at, 0, count * sizeof *j->results.at);
}

static int on_update(struct job *j, struct su_err *err)
{
    char text[SU_GUID_TEXT];
    const struct su_identity *id = &j->reading.identity;
    size_t at = 0;
    if (!j->reading.has_id || !j->reading.has_revision || !j->has_text)
        return su_fail(err, SU_DATA, "an update in the answer has no identity or no document");
    while (at < j->count && (memcmp(&j->wanted[at].identity.id, &id->id, sizeof id->id) != 0 ||
                             j->wanted[at].identity.revision != id->revision))
        at++;
    if (at == j->count || j->results.at[at].outcome == GIVEN)
        return su_fail(err, SU_DATA, "the answer has update %s revision %u, which was %s",
                       su_guid_format(&id->id, text), id->revision,
                       at == j->count ? "not asked for" : "given already");
    struct item *item = SU_PUSH(&j->items, j->count);
    if (!item)
        return su_fail_memory(err);
    *item = j->item;
    item->index = at;
    j->results.at[at].outcome = GIVEN;
    j->reading = (struct su_identity_reading){.has_id = false};
    j->has_text = false;
    return 0;
}

static int on_text(struct job *j, const struct su_buf *text, bool is_compressed, struct su_err *err)
{
    if (text->length == 0)
        return 0;
    if (j->has_text)
        return su_fail(err, SU_DATA, "an update in the answer has two documents");
    j->item =
        (struct item){.text_at = j->texts.length, .text_bytes = text->length, .is_compressed = is_compressed};
    su_buf_add(&j->texts, text->bytes, text->length);
    j->has_text = true;
    return su_buf_check(&j->texts, "the documents of an answer", err);
}

static int on_address(struct job *j, const char *name, const struct su_buf *text, struct su_err *err)
{
    if (strcmp(name, "FileDigest") == 0) {
        if (!su_base64_parse(j->address.sha1, SU_SHA1_BYTES, text->bytes, text->length))
            return su_fail(err, SU_DATA, "a FileDigest of fileUrls is not a SHA-1");
        j->has_digest = true;
    } else if (strcmp(name, "MUUrl") == 0 && text->length <= SU_MAX_URL_BYTES) {
        j->address.at = j->links.length;
        j->address.bytes = (uint32_t)text->length;
        su_buf_add(&j->links, text->bytes, text->length);
    }
    return su_buf_check(&j->links, "the addresses of an answer", err);
}

static int on_part(void *context, const char *name, const char *parent, struct su_buf *text,
                   struct su_err *err)
{
    struct job *j = context;
    if (strcmp(parent, "Id") == 0)
        return su_identity_part(&j->reading, name, text, err);
    if (strcmp(parent, "ServerSyncUpdateData") == 0) {
        bool is_compressed = strcmp(name, "XmlUpdateBlobCompressed") == 0;
        return is_compressed || strcmp(name, "XmlUpdateBlob") == 0 ? on_text(j, text, is_compressed, err) : 0;
    }
    if (strcmp(name, "ServerSyncUpdateData") == 0)
        return on_update(j, err);
    if (strcmp(parent, "ServerSyncUrlData") == 0)
        return on_address(j, name, text, err);
    if (strcmp(name, "ServerSyncUrlData") == 0) {
        struct address *slot = j->has_digest && j->address.bytes > 0
                                   ? SU_PUSH(&j->addresses, SU_MAX_PACKAGE_FILES)
                                   : &j->address;
        if (!slot)
            return su_fail_memory(err);
        *slot = j->address;
        j->address = (struct address){.at = 0};
        j->has_digest = false;
    }
    return 0;
}

static int ask(struct fetch *f, struct job *j, struct su_err *err)
{
    char text[SU_GUID_TEXT];
    const struct su_call call = {.operation = "GetUpdateData",
                                 .rest = &f->rest,
                                 .form = {.most_text = SU_MAX_DATA_ANSWER_BYTES, .end = on_part},
                                 .context = j,
                                 .restart = restart,
                                 .most_bytes = SU_MAX_DATA_ANSWER_BYTES,
                                 .is_divisible = j->count > 1};
    su_buf_clear(&f->rest);
    su_buf_adds(&f->rest, "<updateIds>");
    for (size_t i = 0; i < j->count; i++)
        su_buf_addf(&f->rest,
                    "<UpdateIdentity><UpdateID>%s</UpdateID><RevisionNumber>%u</RevisionNumber>"
                    "</UpdateIdentity>",
                    su_guid_format(&j->wanted[i].identity.id, text), j->wanted[i].identity.revision);
    su_buf_adds(&f->rest, "</updateIds>");
    if (su_buf_check(&f->rest, "a request", err) < 0)
        return -1;
    return su_session_call(f->fetching->session, &call, err);
}

/* The one update that stands alone is not to be had. Where no whole answer has come at all, or none since the
 * last that was cut, it is not the update's fault. */
static int give_up(struct fetch *f, struct job *j, struct su_err *err)
{
    char text[SU_GUID_TEXT];
    bool is_cut = err->code == SU_NETWORK || err->code == SU_DATA;
    if (is_cut && (!f->has_answered || f->was_cut))
        return -1;
    f->was_cut = is_cut;
    if (++f->refused_in_a_row > MOST_REFUSED_IN_A_ROW && !f->is_needed)
        return su_prefix(err, "%d updates in a row, the last of them %s revision %u", MOST_REFUSED_IN_A_ROW,
                         su_guid_format(&j->wanted->identity.id, text), j->wanted->identity.revision);
    clear_job(j);
    struct result *result = SU_PUSH(&j->results, 1);
    if (!result)
        return su_fail_memory(err);
    result->outcome = REFUSED;
    su_escape_into(result->reason, sizeof result->reason, err->text);
    return 0;
}

/* What a failure is about: the batch, or an update in it, or neither. */
static bool is_divisible(const struct su_session *s, const struct su_err *err)
{
    bool is_cut = s->was_cut && (err->code == SU_NETWORK || err->code == SU_DATA);
    return is_cut || err->code == SU_LIMIT ||
           (err->code == SU_UPSTREAM_FAULT && s->fault.kind == SU_FAULT_INTERNAL);
}

/* A batch, or halves until they are answered. NOLINTNEXTLINE(misc-no-recursion): a batch is 50 at most */
static int take_batch(struct fetch *f, struct su_belt *belt, const struct su_wanted *wanted, size_t count,
                      struct su_err *err)
{
    struct job *j = f->spare ? f->spare : su_belt_slot(belt, err);
    if (!j || begin_job(j, wanted, count, err) < 0)
        return -1;
    f->spare = j;
    if (ask(f, j, err) == 0) {
        f->refused_in_a_row = 0;
        f->has_answered = true;
        f->was_cut = false;
        if (j->items.count < count && count > 1) /* too much for one answer */
            f->size = j->items.count > 0 ? j->items.count : 1;
        else if (++f->good_in_a_row % GROW_AFTER == 0 && f->size < f->most)
            f->size = 2 * f->size < f->most ? 2 * f->size : f->most;
    } else if (!is_divisible(f->fetching->session, err)) { /* NOLINT(bugprone-branch-clone): in order */
        return -1;
    } else if (count > 1) {
        f->good_in_a_row = 0;
        if (f->fetching->session->fault.kind != SU_FAULT_INTERNAL && f->size > count / 2)
            f->size = count / 2;
        if (take_batch(f, belt, wanted, count / 2, err) < 0)
            return -1;
        return take_batch(f, belt, wanted + count / 2, count - count / 2, err);
    } else if (give_up(f, j, err) < 0) {
        return -1;
    }
    f->spare = NULL;
    su_belt_submit(belt, j->texts.length);
    return 0;
}

static int fill(void *context, struct su_belt *belt, struct su_err *err)
{
    struct fetch *f = context;
    size_t all = f->wanted->list.count, count;
    for (size_t at = 0; at < all; at += count) {
        count = all - at < f->size ? all - at : f->size;
        if (take_batch(f, belt, f->wanted->list.at + at, count, err) < 0)
            return -1;
    }
    return 0;
}

static int compare_addresses(const void *a, const void *b)
{
    return memcmp(((const struct address *)a)->sha1, ((const struct address *)b)->sha1, SU_SHA1_BYTES);
}

/* A digest listed twice: the first one counts, whatever the sort does. */
static int compare_places(const void *a, const void *b)
{
    const struct address *x = a, *y = b;
    int order = compare_addresses(a, b);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

static void sort_addresses(struct job *j)
{
    size_t kept = 0;
    if (j->addresses.count < 2)
        return;
    qsort(j->addresses.at, j->addresses.count, sizeof *j->addresses.at, compare_places);
    for (size_t i = 1; i < j->addresses.count; i++)
        if (compare_addresses(&j->addresses.at[kept], &j->addresses.at[i]) != 0)
            j->addresses.at[++kept] = j->addresses.at[i];
    j->addresses.count = kept + 1;
}

/* Addresses of the files that the document names, in the canonical form. */
static int set_urls(struct hand *h, const struct job *j, struct su_err *err)
{
    su_buf_clear(&h->urls);
    h->files.count = 0;
    for (size_t i = 0; j->addresses.count > 0 && i < h->update.files.count; i++) {
        struct address *file = SU_PUSH(&h->files, SU_MAX_PACKAGE_FILES);
        if (!file)
            return su_fail_memory(err);
        memcpy(file->sha1, h->update.files.at[i].sha1, SU_SHA1_BYTES);
    }
    if (h->files.count > 1)
        qsort(h->files.at, h->files.count, sizeof *h->files.at, compare_addresses);
    for (size_t i = 0; i < h->files.count; i++) {
        const struct address *file = &h->files.at[i];
        if (i > 0 && compare_addresses(file, file - 1) == 0)
            continue;
        const struct address *found =
            bsearch(file, j->addresses.at, j->addresses.count, sizeof *found, compare_addresses);
        if (found && su_urls_add(&h->urls, file->sha1, j->links.bytes + found->at, found->bytes, err) < 0)
            return -1;
    }
    return 0;
}

static int parse_item(struct hand *h, const struct job *j, const struct item *item, const char **document,
                      size_t *bytes, struct su_err *err)
{
    const char *text = j->texts.bytes + item->text_at;
    const struct su_identity *id = &j->wanted[item->index].identity;
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
    return set_urls(h, j, err);
}

static int work_item(struct hand *h, struct job *j, const struct item *item, struct su_err *err)
{
    struct result *result = &j->results.at[item->index];
    struct su_record record = {.id = j->wanted[item->index].identity.id,
                               .revision = j->wanted[item->index].identity.revision,
                               .origin = h->origin};
    struct su_err why = SU_ERR_INIT;
    if (parse_item(h, j, item, &record.document, &record.document_bytes, &why) < 0) {
        *err = why;
        result->outcome = BROKEN;
        su_escape_into(result->reason, sizeof result->reason, why.text);
        return why.code == SU_DATA || why.code == SU_LIMIT ? 0 : -1;
    }
    if (j->frame.length > 0 && j->frame.length + record.document_bytes > SU_MAX_ANSWER_DOCUMENT_BYTES) {
        result->outcome = LATER;
        return 0;
    }
    record.urls = h->urls.bytes;
    record.urls_bytes = h->urls.length;
    su_record_write_head(&record, &j->frame);
    su_buf_add(&j->frame, record.document, record.document_bytes);
    su_buf_add(&j->frame, "\n", 1);
    su_pending_relation_head(&j->relations, &j->wanted[item->index].identity,
                             h->update.packed_relations_bytes);
    su_buf_add(&j->relations, h->update.packed_relations, h->update.packed_relations_bytes);
    int64_t *got = SU_PUSH(&j->got, j->count);
    if (!got)
        return su_fail_memory(err);
    *got = j->wanted[item->index].pending_id;
    result->outcome = GOT;
    return 0;
}

static int work(void *context, unsigned worker, void *argument, struct su_err *err)
{
    struct fetch *f = context;
    struct job *j = argument;
    struct hand *h = &f->hands[worker];
    sort_addresses(j);
    for (size_t i = 0; i < j->items.count; i++)
        if (work_item(h, j, &j->items.at[i], err) < 0)
            return -1;
    if (h->document.capacity > KEPT_BYTES)
        su_buf_cleanup(&h->document);
    if (j->got.count == 0)
        return 0;
    if (su_buf_check(&j->frame, "the documents of an answer", err) < 0 ||
        su_buf_check(&j->relations, "the relations of an answer", err) < 0)
        return -1;
    return su_pack_frame(h->packer, j->frame.bytes, j->frame.length, &j->packed, err);
}

static int lose(struct fetch *f, const struct su_wanted *wanted, const char *reason, struct su_err *err)
{
    struct loss *loss = SU_PUSH(&f->losses, SU_MAX_UPSTREAM_MISSING);
    if (!loss)
        return su_fail_full(err, "the server does not give more than %u updates that it lists",
                            SU_MAX_UPSTREAM_MISSING);
    loss->wanted = *wanted;
    memcpy(loss->reason, reason, sizeof loss->reason);
    return 0;
}

/* What did not come is asked for again in smaller batches, at last alone; then it is lost. */
static int take_result(struct fetch *f, const struct su_wanted *wanted, const struct result *result,
                       struct su_err *err)
{
    static const char absent[sizeof result->reason] = "the server leaves it out of its answer";
    if (result->outcome == GOT) {
        f->lost_in_a_row = 0;
        return 0;
    }
    if (result->outcome == REFUSED || f->is_alone) {
        const char *reason = result->outcome == ABSENT ? absent : result->reason;
        if (++f->lost_in_a_row > MOST_REFUSED_IN_A_ROW && !f->is_needed)
            return su_fail(err, SU_DATA,
                           "GetUpdateData: %d updates in a row cannot be had, the last because: %s",
                           MOST_REFUSED_IN_A_ROW, reason);
        return lose(f, wanted, reason, err);
    }
    struct su_wanted *again = SU_PUSH(&f->again.list, SU_MAX_PACKAGE_REVISIONS);
    if (!again)
        return su_fail_memory(err);
    *again = *wanted;
    return 0;
}

static int take(struct fetch *f, struct job *j, struct su_err *err)
{
    const struct su_fetched fetched = {.packed = &j->packed,
                                       .relations = &j->relations,
                                       .raw_bytes = j->frame.length,
                                       .pending_ids = j->got.at,
                                       .count = j->got.count};
    if (j->got.count > 0 && !f->transaction.db) {
        f->began = su_time_monotonic();
        f->uncommitted = 0;
        if (su_begin(&f->transaction, f->fetching->pending->db, err) < 0)
            return -1;
    }
    if (j->got.count > 0 && su_pending_store(f->fetching->pending, &fetched, err) < 0)
        return -1;
    for (size_t i = 0; i < j->results.count; i++)
        if (take_result(f, &j->wanted[i], &j->results.at[i], err) < 0)
            return -1;
    f->uncommitted += j->got.count;
    f->fetching->fetched += j->got.count;
    f->done += j->got.count;
    su_progress(f->fetching->events, SU_SYNC_UPSTREAM, f->word, f->done, f->total, "items");
    if (f->transaction.db &&
        (f->uncommitted >= COMMIT_UPDATES || su_time_monotonic() - f->began >= COMMIT_SECONDS))
        return su_commit(&f->transaction, err);
    return 0;
}

static int run_belt(struct fetch *f, struct su_err *err)
{
    const struct su_belt_plan plan = {.jobs = f->jobs,
                                      .slots = SLOTS,
                                      .job_bytes = sizeof *f->jobs,
                                      .most_weight = MOST_WEIGHT,
                                      .context = f,
                                      .fill = fill,
                                      .work = work};
    void *job;
    int more = -1;
    f->spare = NULL; /* the asking thread's, from here on */
    f->refused_in_a_row = f->good_in_a_row = 0;
    f->has_answered = f->was_cut = false;
    SU_AUTO(su_belt) struct su_belt *belt = su_belt_new(&plan, err);
    while (belt && (more = su_belt_take(belt, &job, err)) > 0) {
        if (take(f, job, err) < 0)
            return -1;
        su_belt_release(belt);
    }
    return more;
}

/* One pass over what is wanted; what came stays whatever happens. */
static int pass(struct fetch *f, const struct su_wanted_list *wanted, struct su_err *err)
{
    struct su_err second = SU_ERR_INIT;
    f->wanted = wanted;
    int result = run_belt(f, err);
    if (f->transaction.db && su_commit(&f->transaction, result < 0 ? &second : err) < 0)
        return -1;
    return result;
}

static int note_losses(struct fetch *f, struct su_err *err)
{
    char text[SU_GUID_TEXT];
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    if (f->losses.count == 0)
        return 0;
    if (su_begin(&t, f->fetching->pending->db, err) < 0)
        return -1;
    for (size_t i = 0; i < f->losses.count; i++) {
        const struct loss *loss = &f->losses.at[i];
        if (su_pending_missing(f->fetching->pending, loss->wanted.pending_id, loss->reason, err) < 0)
            return -1;
        if (i < MOST_NAMED)
            su_message(f->fetching->events, SU_UPSTREAM_MISSING, SU_WARNING,
                       "update %s revision %u is skipped: %s",
                       su_guid_format(&loss->wanted.identity.id, text), loss->wanted.identity.revision,
                       loss->reason);
    }
    if (f->losses.count > MOST_NAMED)
        su_message(f->fetching->events, SU_UPSTREAM_MISSING, SU_WARNING, "%zu more updates are skipped",
                   f->losses.count - MOST_NAMED);
    f->fetching->missing += f->losses.count;
    return su_commit(&t, err);
}

static int open_fetch(struct fetch *f, struct su_err *err)
{
    f->rest = (struct su_buf)SU_BUF_INIT(SU_MIB);
    for (size_t i = 0; i < SLOTS; i++) {
        struct job *j = &f->jobs[i];
        j->texts = j->links = (struct su_buf)SU_BUF_INIT(SU_MAX_DATA_ANSWER_BYTES);
        j->frame = (struct su_buf)SU_BUF_INIT(SU_MAX_FRAME_BYTES);
        j->packed = j->relations = (struct su_buf)SU_BUF_INIT(SU_MAX_FRAME_BYTES + SU_MIB);
    }
    su_unarchive_prepare();
    for (unsigned i = 0; i < su_threads(); i++) {
        struct hand *h = &f->hands[i];
        h->origin = f->fetching->origin;
        h->update = (struct su_update)SU_UPDATE_INIT;
        h->document = (struct su_buf)SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES);
        h->urls = (struct su_buf)SU_BUF_INIT(SU_MAX_RECORD_URLS_BYTES);
        if (!(h->packer = su_packer_new(err)) ||
            !(h->child = su_update_child_start_unwrapping(su_blob_open, err)))
            return -1;
    }
    return 0;
}

static void close_fetch(struct fetch *f)
{
    su_buf_cleanup(&f->rest);
    for (size_t i = 0; i < SLOTS; i++) {
        struct job *j = &f->jobs[i];
        struct su_buf *all[] = {&j->texts, &j->links, &j->frame, &j->packed, &j->relations};
        for (size_t b = 0; b < sizeof all / sizeof *all; b++)
            su_buf_cleanup(all[b]);
        free(j->results.at);
        free(j->items.at);
        free(j->addresses.at);
        free(j->got.at);
    }
    for (unsigned i = 0; i < su_threads(); i++) {
        struct hand *h = &f->hands[i];
        su_packer_cleanup(&h->packer);
        su_update_cleanup(&h->update);
        su_update_child_cleanup(&h->child);
        su_buf_cleanup(&h->document);
        su_buf_cleanup(&h->urls);
        free(h->files.at);
    }
    su_wanted_list_cleanup(&f->again);
    free(f->losses.at);
    su_transaction_cleanup(&f->transaction);
}

static int run(struct fetch *f, enum su_phase phase, struct su_err *err)
{
    SU_AUTO(su_wanted_list) struct su_wanted_list wanted = {0};
    const struct su_pending *p = f->fetching->pending;
    uint32_t most = f->fetching->session->config.most_updates;
    if (su_pending_wanted(p, phase, &wanted, err) < 0 ||
        su_pending_count(p, phase, SU_PENDING_FETCHED, &f->done, err) < 0)
        return -1;
    if (wanted.list.count == 0)
        return 0;
    f->total = f->done + wanted.list.count;
    f->most = f->size = most < BATCH ? most : BATCH;
    f->is_alone = f->most == 1;
    f->is_needed = phase == SU_PHASE_NEEDED;
    su_progress(f->fetching->events, SU_SYNC_UPSTREAM, f->word, f->done, f->total, "items");
    for (;;) {
        if (pass(f, &wanted, err) < 0)
            return -1;
        if (f->again.list.count == 0)
            break;
        struct su_wanted_list smaller = f->again;
        f->again = wanted;
        f->again.list.count = 0;
        wanted = smaller;
        f->most = f->size = (f->most + 1) / 2;
        f->is_alone = f->most == 1;
    }
    if (f->done == 0 && f->losses.count >= LEAST_BELIEVED && !f->is_needed)
        return su_fail(err, SU_UPSTREAM_FAULT,
                       "GetUpdateData: the server gives none of %zu updates it lists: %s", f->losses.count,
                       f->losses.at[f->losses.count - 1].reason);
    return note_losses(f, err);
}

int su_upstream_fetch(struct su_fetching *fetching, enum su_phase phase, const char *word, struct su_err *err)
{
    struct fetch *f = calloc(1, sizeof *f);
    if (!f)
        return su_fail_memory(err);
    f->fetching = fetching;
    f->word = word;
    int result = open_fetch(f, err) < 0 ? -1 : run(f, phase, err);
    close_fetch(f);
    free(f);
    return result;
}
