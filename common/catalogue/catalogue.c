#include "common/catalogue/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/derive.h"
#include "common/lib/pack.h"
#include "common/point/home.h"
#include "common/sys/interrupt.h"

/* Enough documents to learn from; the few before them stay packed without a dictionary. */
#define TRAINING_BYTES (4 * SU_MIB)
#define TRAINING_SAMPLE_BYTES (32 * SU_KIB)
#define TRAINING_SAMPLES_MAX 4096

struct su_catalogue {
    struct su_db *db;
    struct su_packer *writer, *reader;
    int64_t write_dictionary, read_dictionary; /* 0: none loaded */
    int64_t arrival;                           /* sync_id the run will have in the history */
    struct su_buf packed, samples;
    SU_VEC(size_t) sample_bytes;
};

static int load_dictionary(struct su_catalogue *c, struct su_packer *packer, int64_t id, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    if (su_query(c->db, &rows, err, "SELECT bytes FROM dictionary WHERE dictionary_id=?1", SU_I(id)) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more < 0 ? -1 : su_fail(err, SU_DATA, "database: dictionary %lld is missing", (long long)id);
    size_t length;
    const void *bytes = su_rows_blob(&rows, 0, &length);
    return su_packer_set_dictionary(packer, bytes, length, err);
}

struct su_catalogue *su_catalogue_new(struct su_db *db, struct su_err *err)
{
    struct su_catalogue *c = calloc(1, sizeof *c);
    if (!c) {
        (void)su_fail_memory(err);
        return NULL;
    }
    c->db = db;
    c->packed = (struct su_buf)SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES + SU_MIB);
    c->samples = (struct su_buf)SU_BUF_INIT(TRAINING_BYTES + TRAINING_SAMPLE_BYTES);
    if (su_query_int(db, &c->arrival, NULL, err, "SELECT coalesce(max(sync_id),0)+1 FROM sync_history") < 0 ||
        !(c->writer = su_packer_new(err)) || !(c->reader = su_packer_new(err)) ||
        su_setting_int(db, "dictionary", &c->write_dictionary, err) < 0 ||
        (c->write_dictionary > 0 && load_dictionary(c, c->writer, c->write_dictionary, err) < 0))
        su_catalogue_cleanup(&c);
    return c;
}

void su_catalogue_cleanup(struct su_catalogue **c)
{
    if (!*c)
        return;
    su_packer_cleanup(&(*c)->writer);
    su_packer_cleanup(&(*c)->reader);
    su_buf_cleanup(&(*c)->packed);
    su_buf_cleanup(&(*c)->samples);
    free((*c)->sample_bytes.at);
    free(*c);
    *c = NULL;
}

/* The first documents of a new database train the dictionary for all later ones. */
static int learn(struct su_catalogue *c, const struct su_record *record, struct su_err *err)
{
    size_t length =
        record->document_bytes < TRAINING_SAMPLE_BYTES ? record->document_bytes : TRAINING_SAMPLE_BYTES;
    size_t *slot = SU_PUSH(&c->sample_bytes, TRAINING_SAMPLES_MAX);
    if (slot) {
        *slot = length;
        su_buf_add(&c->samples, record->document, length);
        if (su_buf_check(&c->samples, "training samples", err) < 0)
            return -1;
    }
    if (slot && c->samples.length < TRAINING_BYTES)
        return 0;
    SU_AUTO(su_buf) struct su_buf dictionary = SU_BUF_INIT(SU_PACK_DICTIONARY_BYTES);
    if (su_pack_train(c->samples.bytes, c->sample_bytes.at, c->sample_bytes.count, &dictionary, err) < 0)
        return -1;
    su_buf_cleanup(&c->samples);
    c->sample_bytes.count = 0;
    if (dictionary.length == 0) /* nothing to learn; try again with the next documents */
        return 0;
    if (su_run(c->db, err, "INSERT INTO dictionary (bytes) VALUES (?1)",
               SU_B(dictionary.bytes, dictionary.length)) < 0)
        return -1;
    c->write_dictionary = su_db_last_rowid(c->db);
    if (su_setting_put_int(c->db, "dictionary", c->write_dictionary, err) < 0)
        return -1;
    return su_packer_set_dictionary(c->writer, dictionary.bytes, dictionary.length, err);
}

int su_catalogue_find(struct su_db *db, const struct su_guid *id, uint32_t revision, struct su_held *out,
                      struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    *out = (struct su_held){0};
    if (su_query(db, &rows, err,
                 "SELECT rev_id, doc_sha256, record_sha256, arrived FROM revision WHERE update_id=?1 AND "
                 "revision=?2",
                 SU_B(id->bytes, sizeof id->bytes), SU_I(revision)) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more;
    out->is_held = true;
    out->rev_id = su_rows_int(&rows, 0);
    out->arrived = su_rows_int(&rows, 3);
    if (su_rows_fixed(&rows, 1, out->document_sha256, SU_SHA256_BYTES, err) < 0 ||
        su_rows_fixed(&rows, 2, out->record_sha256, SU_SHA256_BYTES, err) < 0)
        return -1;
    return 0;
}

/* A document must be about the revision it is filed under. */
static int check_identity(const struct su_record *record, const struct su_update *update, struct su_err *err)
{
    char a[SU_GUID_TEXT], b[SU_GUID_TEXT];
    if (memcmp(record->id.bytes, update->id.bytes, sizeof update->id.bytes) != 0 ||
        record->revision != update->revision)
        return su_fail(err, SU_DATA, "the document says it is %s revision %u, its record says %s revision %u",
                       su_guid_format(&update->id, a), update->revision, su_guid_format(&record->id, b),
                       record->revision);
    return 0;
}

int su_catalogue_put(struct su_catalogue *c, const struct su_record *r, const struct su_update *update,
                     const struct su_held *held, int64_t *rev_id, struct su_err *err)
{
    if (check_identity(r, update, err) < 0 ||
        (held->is_held && su_catalogue_remove(c, held->rev_id, err) < 0))
        return -1;
    if (su_pack_document(c->writer, r->document, r->document_bytes, &c->packed, err) < 0)
        return -1;
    struct su_arg dictionary = c->write_dictionary > 0 ? SU_I(c->write_dictionary) : SU_NULL;
    if (su_run(
            c->db, err,
            "INSERT INTO revision (update_id, revision, origin, record_sha256, doc_sha256, arrived) VALUES "
            "(?1,?2,?3,?4,?5,?6)",
            SU_B(r->id.bytes, sizeof r->id.bytes), SU_I(r->revision), SU_I(r->origin),
            SU_B(r->record_sha256, SU_SHA256_BYTES), SU_B(r->document_sha256, SU_SHA256_BYTES),
            SU_I(held->is_held || held->arrived ? held->arrived : c->arrival)) < 0)
        return -1;
    *rev_id = su_db_last_rowid(c->db);
    if (su_run(
            c->db, err,
            "INSERT INTO document (rev_id, dictionary_id, raw_bytes, packed, urls) VALUES (?1,?2,?3,?4,?5)",
            SU_I(*rev_id), dictionary, SU_I(r->document_bytes), SU_B(c->packed.bytes, c->packed.length),
            ((struct su_arg){
                .kind = SU_ARG_TEXT, .bytes = r->urls_bytes ? r->urls : "", .length = r->urls_bytes})) < 0)
        return -1;
    if (c->write_dictionary == 0 && learn(c, r, err) < 0)
        return -1;
    return su_derive(c->db, *rev_id, update, r->urls, r->urls_bytes, err);
}

int su_catalogue_remove(struct su_catalogue *c, int64_t rev_id, struct su_err *err)
{
    if (su_derive_remove(c->db, rev_id, err) < 0 ||
        su_run(c->db, err, "DELETE FROM document WHERE rev_id=?1", SU_I(rev_id)) < 0 ||
        su_run(c->db, err, "DELETE FROM revision WHERE rev_id=?1", SU_I(rev_id)) < 0)
        return -1;
    return 0;
}

int su_catalogue_unpack(struct su_catalogue *c, int64_t dictionary_id, const void *packed,
                        size_t packed_bytes, size_t raw_bytes, struct su_buf *out, struct su_err *err)
{
    if (raw_bytes > SU_MAX_DOCUMENT_BYTES)
        return su_fail(err, SU_LIMIT, "database: a document claims %zu bytes", raw_bytes);
    if (dictionary_id == 0)
        return su_unpack_frame(c->reader, packed, packed_bytes, raw_bytes, out, err);
    if (dictionary_id != c->read_dictionary) {
        if (load_dictionary(c, c->reader, dictionary_id, err) < 0)
            return -1;
        c->read_dictionary = dictionary_id;
    }
    return su_unpack_document(c->reader, packed, packed_bytes, raw_bytes, out, err);
}

int su_catalogue_get(struct su_catalogue *c, int64_t rev_id, struct su_record *record,
                     struct su_buf *document, struct su_buf *urls, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    uint8_t expected[SU_SHA256_BYTES];
    if (su_query(c->db, &rows, err,
                 "SELECT update_id, revision, origin, record_sha256, dictionary_id, raw_bytes, packed, urls "
                 "FROM revision JOIN document USING (rev_id) WHERE rev_id=?1",
                 SU_I(rev_id)) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more < 0
                   ? -1
                   : su_fail(err, SU_DATA, "database: revision row %lld has no document", (long long)rev_id);
    if (su_rows_int(&rows, 1) < 0 || su_rows_int(&rows, 1) > UINT32_MAX ||
        su_rows_int(&rows, 2) < SU_FROM_SYNC || su_rows_int(&rows, 2) > SU_FROM_THIRD_PARTY)
        return su_fail(err, SU_DATA, "database: revision row %lld has an impossible number or origin",
                       (long long)rev_id);
    *record = (struct su_record){.revision = (uint32_t)su_rows_int(&rows, 1),
                                 .origin = (enum su_origin)su_rows_int(&rows, 2)};
    size_t packed_bytes;
    const void *packed = su_rows_blob(&rows, 6, &packed_bytes);
    if (su_rows_fixed(&rows, 0, record->id.bytes, sizeof record->id.bytes, err) < 0 ||
        su_rows_fixed(&rows, 3, expected, SU_SHA256_BYTES, err) < 0 ||
        su_catalogue_unpack(c, su_rows_int(&rows, 4), packed, packed_bytes, (size_t)su_rows_int(&rows, 5),
                            document, err) < 0)
        return -1;
    su_buf_clear(urls);
    su_buf_adds(urls, su_rows_text(&rows, 7));
    if (su_buf_check(urls, "the list of addresses", err) < 0)
        return -1;
    record->document = document->bytes;
    record->document_bytes = document->length;
    record->urls = urls->bytes ? urls->bytes : "";
    record->urls_bytes = urls->length;
    if (su_record_seal(record, err) < 0)
        return -1;
    if (memcmp(record->record_sha256, expected, SU_SHA256_BYTES) != 0) {
        char id[SU_GUID_TEXT];
        return su_fail(err, SU_DATA,
                       "database: the document of %s revision %u is not the one that was stored",
                       su_guid_format(&record->id, id), record->revision);
    }
    return 0;
}

int su_catalogue_rebuild(struct su_catalogue *c, uint64_t *count, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    SU_AUTO(su_buf)
    struct su_buf document = SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES), urls = SU_BUF_INIT(SU_MAX_RECORD_URLS_BYTES);
    SU_AUTO(su_update) struct su_update update = SU_UPDATE_INIT;
    int more;
    *count = 0;
    if (su_derive_clear(c->db, err) < 0 ||
        su_query(c->db, &rows, err, "SELECT rev_id FROM revision ORDER BY rev_id") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_record record;
        int64_t rev_id = su_rows_int(&rows, 0);
        if (su_interrupt_check(err) < 0 || su_catalogue_get(c, rev_id, &record, &document, &urls, err) < 0 ||
            su_update_parse(&update, record.document, record.document_bytes, err) < 0 ||
            su_derive(c->db, rev_id, &update, record.urls, record.urls_bytes, err) < 0)
            return -1;
        (*count)++;
    }
    return more;
}
