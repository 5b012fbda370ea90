/*
 * vendor_source.c - another vendor's catalogue or package as a source of synchronization (vendor.h).
 *
 * What is held is loaded before anything is read, because the reading thread may not ask the database: which
 * packages there are, in which revision, and which ids belong to others. A million updates of others are 16
 * MB.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/point/ledger.h"
#include "common/source/vendor/vendor.h"
#include "common/source/vendor/vendor_books.h"
#include "common/source/vendor/vendor_confined.h"

struct held { /* a package */
    struct su_guid id;
    uint32_t revision;
    bool is_foreign; /* another catalogue's */
    uint8_t document_sha256[SU_SHA256_BYTES];
    char created[40];
};

struct listed { /* in update_manifest.json */
    struct su_guid id;
    bool is_seen;
    char created[40];
};

struct taken { /* what the source holds */
    struct su_guid id;
    uint32_t revision;
    char created[40];
};

struct vendor {
    struct su_source *source;
    struct su_vendor_request request; /* completed from the books */
    struct su_vendor_catalogue catalogue;
    struct su_vendor_opened opened;
    SU_VEC(struct held) held;       /* sorted by id */
    SU_VEC(struct su_guid) others;  /* ids of other sources' updates, sorted */
    SU_VEC(struct listed) manifest; /* sorted by id */
    SU_VEC(struct taken) taken;
    bool has_manifest;
    char newest[SU_INSTANT_TEXT]; /* CreationDate of what was read */
    /* The reading thread's. */
    struct su_confined *confined;
    struct su_vendor_hearing hearing;
    uint64_t number;
    su_source_take give;
    void *context;
};

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct su_guid)); /* each begins with its id */
}

#define FIND(list, id)                                                                                       \
    ((list).count ? bsearch((id), (list).at, (list).count, sizeof *(list).at, compare_ids) : NULL)

static int load_held(struct vendor *v, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(v->source->home->db, &rows, err,
                 "SELECT p.update_id, r.revision, r.doc_sha256, p.created, p.catalogue_id IS NOT NULL AND "
                 "p.catalogue_id IS NOT ?1 FROM vendor_package p JOIN revision r USING (update_id) WHERE "
                 "r.origin=2 ORDER BY p.update_id, r.revision",
                 v->catalogue.id ? SU_I(v->catalogue.id) : SU_NULL) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct held h = {.revision = (uint32_t)su_rows_int(&rows, 1),
                         .is_foreign = su_rows_int(&rows, 4) != 0};
        if (su_rows_fixed(&rows, 0, h.id.bytes, sizeof h.id.bytes, err) < 0 ||
            su_rows_fixed(&rows, 2, h.document_sha256, SU_SHA256_BYTES, err) < 0)
            return -1;
        (void)snprintf(h.created, sizeof h.created, "%s", su_rows_text(&rows, 3));
        struct held *last = v->held.count ? &v->held.at[v->held.count - 1] : NULL;
        if (last && compare_ids(last, &h) == 0) { /* the newest counts */
            *last = h;
            continue;
        }
        if (!(last = SU_PUSH(&v->held, SU_MAX_PACKAGE_REVISIONS)))
            return su_fail_memory(err);
        *last = h;
    }
    return more;
}

static int load_others(struct vendor *v, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int more;
    if (su_query(v->source->home->db, &rows, err,
                 "SELECT DISTINCT update_id FROM revision WHERE origin<>2 ORDER BY update_id") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        struct su_guid *id = SU_PUSH(&v->others, SU_MAX_PACKAGE_REVISIONS);
        if (!id)
            return su_fail_memory(err);
        if (su_rows_fixed(&rows, 0, id->bytes, sizeof id->bytes, err) < 0)
            return -1;
    }
    return more;
}

static int list_entry(struct vendor *v, struct su_rows *rows, struct su_err *err)
{
    const char *key = su_rows_text(rows, 0), *created = su_rows_text(rows, 2);
    struct listed *entry = SU_PUSH(&v->manifest, SU_MAX_VENDOR_PACKAGES);
    if (!entry)
        return su_fail_full(err, "more than %u packages are named", SU_MAX_VENDOR_PACKAGES);
    if (!su_guid_parse(&entry->id, key, strlen(key)) || strcmp(su_rows_text(rows, 1), "text") != 0 ||
        strlen(created) >= sizeof entry->created)
        return su_fail(err, SU_DATA, "an entry is no PackageID with its CreationDate: %.60s", key);
    (void)snprintf(entry->created, sizeof entry->created, "%s", created);
    return 0;
}

/* One flat object, {"<PackageID>": "<CreationDate>", ...}. */
static int take_manifest(void *context, const char *text, size_t length, struct su_err *err)
{
    struct vendor *v = context;
    struct su_db *db = v->source->home->db;
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    int64_t is_object = 0;
    int more;
    if (v->has_manifest)
        return su_fail(err, SU_DATA, "there are two of them");
    v->has_manifest = true;
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3, length -= 3;
    if (memchr(text, 0, length) || !su_utf8_is_valid(text, length) ||
        su_query_int(db, &is_object, NULL, err,
                     "SELECT CASE WHEN json_valid(?1) THEN json_type(?1)='object' ELSE 0 END",
                     SU_T(text)) < 0 ||
        !is_object)
        return su_fail(err, SU_DATA, "not a JSON object");
    if (su_query(db, &rows, err, "SELECT key, type, atom FROM json_each(?1)", SU_T(text)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0)
        if (list_entry(v, &rows, err) < 0)
            return -1;
    if (more == 0 && v->manifest.count > 1)
        qsort(v->manifest.at, v->manifest.count, sizeof *v->manifest.at, compare_ids);
    for (size_t i = 1; more == 0 && i < v->manifest.count; i++)
        if (compare_ids(&v->manifest.at[i - 1], &v->manifest.at[i]) == 0) {
            char id[SU_GUID_TEXT];
            return su_fail(err, SU_DATA, "%s stands there twice", su_guid_format(&v->manifest.at[i].id, id));
        }
    return more;
}

static int note_taken(struct vendor *v, const struct su_guid *id, uint32_t revision, const char *created,
                      struct su_err *err)
{
    char instant[SU_INSTANT_TEXT];
    struct taken *t = SU_PUSH(&v->taken, SU_MAX_VENDOR_PACKAGES);
    if (!t)
        return su_fail_full(err, "more than %u packages", SU_MAX_VENDOR_PACKAGES);
    *t = (struct taken){.id = *id, .revision = revision};
    (void)snprintf(t->created, sizeof t->created, "%s", created);
    su_instant_of(created, instant);
    if (strcmp(instant, v->newest) > 0)
        memcpy(v->newest, instant, sizeof instant);
    return 0;
}

/* A package that the manifest dates as the one that is held is not read again. */
static bool skips(void *context, const struct su_guid *id)
{
    struct vendor *v = context;
    struct listed *entry = FIND(v->manifest, id);
    const struct held *held = FIND(v->held, id);
    struct su_err ignored = SU_ERR_INIT;
    if (!entry || entry->is_seen || !held || held->is_foreign || !entry->created[0] ||
        strcmp(entry->created, held->created) != 0 ||
        note_taken(v, id, held->revision, held->created, &ignored) < 0)
        return false;
    return entry->is_seen = true;
}

/* In the child, so that it knows what the parent will. */
static void meets(void *context, const struct su_guid *id)
{
    struct vendor *v = context;
    struct listed *entry = FIND(v->manifest, id);
    if (entry)
        entry->is_seen = true;
}

static int check_listed(struct vendor *v, const struct su_vendor_package *p, struct su_err *err)
{
    struct listed *entry = FIND(v->manifest, &p->id);
    if (!v->has_manifest)
        return 0;
    if (!entry || entry->is_seen)
        return su_fail(err, SU_DATA,
                       entry ? "the package is there twice"
                             : "update_manifest.json does not name the package");
    entry->is_seen = true;
    return strcmp(entry->created, p->created) == 0
               ? 0
               : su_fail(err, SU_DATA, "update_manifest.json dates it '%s', the package itself '%s'",
                         entry->created, p->created);
}

static int take_one(struct vendor *v, const struct su_vendor_package *p, const char *urls, size_t urls_bytes,
                    struct su_err *err)
{
    struct su_record record = {.origin = SU_FROM_THIRD_PARTY,
                               .id = p->id,
                               .revision = 1,
                               .document = p->document,
                               .document_bytes = p->bytes,
                               .urls = urls,
                               .urls_bytes = urls_bytes};
    const struct held *held = FIND(v->held, &p->id);
    if (FIND(v->others, &p->id) || (held && held->is_foreign))
        return su_fail(err, SU_VENDOR_CLASH, "the id is that of an update of another %s",
                       held ? "third-party catalogue" : "source");
    if (check_listed(v, p, err) < 0 || su_record_seal_document(&record, err) < 0)
        return -1;
    if (held)
        record.revision =
            held->revision + (memcmp(held->document_sha256, record.document_sha256, SU_SHA256_BYTES) != 0);
    if (v->number == 0)
        v->source->name = v->has_manifest ? "sdp-v2" : p->is_whole ? "sdp" : "sdp-v1";
    return note_taken(v, &p->id, record.revision, p->created, err) < 0
               ? -1
               : v->give(v->context, &record, ++v->number, err);
}

static int take_package(void *context, const struct su_vendor_package *p, const char *urls, size_t urls_bytes,
                        struct su_err *err)
{
    char id[SU_GUID_TEXT];
    return take_one(context, p, urls, urls_bytes, err) < 0
               ? su_prefix(err, "package %s", su_guid_format(&p->id, id))
               : 0;
}

/* Both passes saw the same, and the manifest names what is there. */
static int check_read(const struct vendor *v, struct su_err *err)
{
    char id[SU_GUID_TEXT];
    if (v->taken.count == 0)
        return su_fail(err, SU_DATA, "there is no package in it");
    for (size_t i = 0; i < v->manifest.count; i++)
        if (!v->manifest.at[i].is_seen)
            return su_fail(err, SU_DATA, "update_manifest.json names package %s, which is not there",
                           su_guid_format(&v->manifest.at[i].id, id));
    if (v->opened.signer.is_signed && strcmp(v->opened.signer.until, v->newest) < 0)
        return su_fail(err, SU_CERT_EXPIRED, "the certificate of '%s' ended %s, the newest package is of %s",
                       v->opened.signer.common_name, v->opened.signer.until, v->newest);
    return 0;
}

static int read_vendor(struct su_source *source, su_source_take give, void *context, struct su_err *err)
{
    struct vendor *v = source->self;
    char title[256];
    v->give = give;
    v->context = context;
    source->total = v->manifest.count;
    if (su_vendor_hear(v->confined, &v->hearing, err) == 0 && check_read(v, err) == 0)
        return 0;
    su_source_title(source->request->from, title, sizeof title);
    return su_prefix(err, "%s", title);
}

/* Signed by one of the approved, or the operator's word. What is signed by somebody else counts as unsigned.
 */
static int judge_signer(struct vendor *v, struct su_err *err)
{
    struct su_code_signature *signer = &v->opened.signer;
    char title[256], key[SU_SHA256_TEXT];
    bool is_approved = false;
    if (signer->is_signed && su_vendor_is_approved(v->source->home->db, v->catalogue.id, &v->request, signer,
                                                   &is_approved, err) < 0)
        return -1;
    if (is_approved)
        return 0;
    su_source_title(v->source->request->from, title, sizeof title);
    su_hex_format(signer->key_id, SU_SHA256_BYTES, key);
    bool was_signed = signer->is_signed;
    signer->is_signed = false;
    if (v->request.allow_unsigned || v->catalogue.allow_unsigned)
        return 0;
    if (was_signed)
        return su_fail(err, SU_VENDOR_UNSIGNED,
                       "%s is signed by '%s' (key %s), whose certificate is not approved", title,
                       signer->common_name, key);
    return su_fail(err, SU_VENDOR_UNSIGNED, "%s is not signed", title);
}

static int open_vendor(struct su_source *source, struct su_err *err)
{
    struct vendor *v = calloc(1, sizeof *v);
    const struct su_vendor_request *asked = source->request->vendor;
    if (!v)
        return su_fail_memory(err);
    v->source = source;
    v->opened = (struct su_vendor_opened)SU_VENDOR_OPENED_INIT;
    source->self = v;
    source->name = "sdp-v2";
    if (asked)
        v->request = *asked;
    if (su_vendor_find_catalogue(source->home->db, &v->request, source->request->from, &v->catalogue, err) <
            0 ||
        su_vendor_open(&v->opened, source->home, source->request->from, err) < 0 || judge_signer(v, err) < 0)
        return -1;
    if (su_vendor_hear_manifest(&v->opened, take_manifest, v, err) < 0 || load_held(v, err) < 0)
        return -1;
    v->hearing = (struct su_vendor_hearing){.context = v, .package = take_package, .meets = meets};
    if (v->has_manifest && v->catalogue.id && !source->request->is_full)
        v->hearing.skips = skips;
    return su_vendor_hear_start(&v->confined, &v->opened, &v->hearing, err) < 0 || load_others(v, err) < 0
               ? -1
               : 0;
}

/* What the source holds as a table, for gone and settle. */
static int tell_taken(struct vendor *v, struct su_err *err)
{
    struct su_db *db = v->source->home->db;
    if (su_db_script(
            db,
            "CREATE TEMP TABLE IF NOT EXISTS vendor_taken (update_id BLOB PRIMARY KEY, revision INTEGER NOT "
            "NULL, created TEXT NOT NULL) WITHOUT ROWID; DELETE FROM temp.vendor_taken;",
            err) < 0)
        return -1;
    for (size_t i = 0; i < v->taken.count; i++)
        if (su_run(db, err, "INSERT INTO temp.vendor_taken VALUES (?1,?2,?3)",
                   SU_B(v->taken.at[i].id.bytes, sizeof v->taken.at[i].id.bytes),
                   SU_I(v->taken.at[i].revision), SU_T(v->taken.at[i].created)) < 0)
            return -1;
    return 0;
}

/* Revisions that another document took the place of, and packages the catalogue does not hold any more. */
static int gone(struct su_source *source, struct su_err *err)
{
    struct vendor *v = source->self;
    if (tell_taken(v, err) < 0 ||
        su_run(source->home->db, err,
               "INSERT OR IGNORE INTO temp.gone SELECT r.rev_id, r.update_id FROM temp.vendor_taken t JOIN "
               "revision r USING (update_id) WHERE r.origin=2 AND r.revision<>t.revision") < 0)
        return -1;
    if (v->catalogue.id == 0)
        return 0;
    return su_run(
        source->home->db, err,
        "INSERT OR IGNORE INTO temp.gone SELECT r.rev_id, r.update_id FROM vendor_package p JOIN "
        "revision r USING (update_id) WHERE p.catalogue_id=?1 AND r.origin=2 AND p.update_id NOT IN "
        "(SELECT update_id FROM temp.vendor_taken) AND p.update_id NOT IN (SELECT update_id FROM pin)",
        SU_I(v->catalogue.id));
}

static int settle(struct su_source *source, struct su_err *err)
{
    struct vendor *v = source->self;
    const struct su_code_signature *signer = &v->opened.signer;
    if (su_vendor_note_catalogue(source->home->db, &v->request, source->request->from, source->name,
                                 signer->is_signed ? signer->common_name : "", &v->catalogue, err) < 0)
        return -1;
    return su_vendor_note_packages(source->home->db, v->catalogue.id, err);
}

static void close_vendor(struct su_source *source)
{
    struct vendor *v = source->self;
    source->self = NULL;
    if (!v)
        return;
    su_confined_cleanup(&v->confined);
    su_vendor_opened_cleanup(&v->opened);
    free(v->held.at);
    free(v->others.at);
    free(v->manifest.at);
    free(v->taken.at);
    free(v);
}

const struct su_source_kind su_vendor_source = {.knows = su_vendor_knows,
                                                .open = open_vendor,
                                                .read = read_vendor,
                                                .gone = gone,
                                                .settle = settle,
                                                .close = close_vendor};
