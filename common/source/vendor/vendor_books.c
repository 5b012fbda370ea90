#include "common/source/vendor/vendor_books.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/lib/cms.h"
#include "common/point/ledger.h"
#include "common/source/vendor/vendor_read.h"
#include "common/sys/clock.h"

/* A file by its whole path, so that a refresh finds it from anywhere; an address as it is. */
static void place_of(const char *from, char out[PATH_MAX])
{
    char *real = strstr(from, "://") ? NULL : realpath(from, out);
    if (!real)
        (void)snprintf(out, PATH_MAX, "%s", from);
}

int su_vendor_find_catalogue(struct su_db *db, const struct su_vendor_request *request, const char *from,
                             struct su_vendor_catalogue *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    char place[PATH_MAX];
    *out = (struct su_vendor_catalogue){.id = 0};
    place_of(from, place);
    if (su_query(db, &rows, err,
                 "SELECT catalogue_id, allow_unsigned, name FROM vendor_catalogue WHERE CASE WHEN ?1 IS NULL "
                 "THEN source=?2 ELSE name=?1 END ORDER BY catalogue_id LIMIT 1",
                 SU_T(request->catalogue), SU_T(place)) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more < 0)
        return -1;
    if (more && request->is_new)
        return su_fail(err, SU_EXISTS, "a third-party catalogue is subscribed to as '%s' already",
                       request->catalogue);
    if (!more)
        return request->catalogue && !request->is_new
                   ? su_fail(err, SU_VENDOR_UNKNOWN, "no third-party catalogue is subscribed to as '%s'",
                             request->catalogue)
                   : 0;
    out->id = su_rows_int(&rows, 0);
    out->allow_unsigned = su_rows_int(&rows, 1) != 0;
    (void)snprintf(out->name, sizeof out->name, "%s", su_rows_text(&rows, 2));
    return 0;
}

static int describe(const char *certificate, size_t bytes, struct su_code_signature *out, struct su_err *err)
{
    SU_AUTO(su_certificate) struct su_certificate c = SU_CERTIFICATE_INIT;
    return su_certificate_load(&c, certificate, bytes, err) < 0
               ? -1
               : su_certificate_describe(c.handle, out->key_id, out->common_name, out->until, err);
}

int su_vendor_is_approved(struct su_db *db, int64_t catalogue_id, const struct su_vendor_request *request,
                          struct su_code_signature *signer, bool *out, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf pem = SU_BUF_INIT(SU_MAX_PEM_BYTES);
    struct su_code_signature given = {.is_signed = true};
    *out = false;
    if (request->certificate && describe(request->certificate, request->certificate_bytes, &given, err) < 0)
        return -1;
    if (request->certificate && memcmp(given.key_id, signer->key_id, SU_SHA256_BYTES) == 0) {
        *signer = given;
        *out = true;
        return 0;
    }
    if (su_query_text(
            db, &pem, out, err,
            "SELECT pem FROM vendor_certificate WHERE key_id=?1 AND (?2=0 OR catalogue_id=?2) ORDER BY "
            "catalogue_id LIMIT 1",
            SU_B(signer->key_id, SU_SHA256_BYTES), SU_I(request->is_new ? -1 : catalogue_id)) < 0)
        return -1;
    return *out ? describe(pem.bytes, pem.length, signer, err) : 0;
}

static int note_in_ledger(struct su_db *db, const struct su_actor *actor, const char *name, const char *what,
                          const uint8_t *key_id, struct su_err *err)
{
    char detail[256];
    struct su_ledger_entry entry = {.actor = actor, .kind = "catalogue", .site = "", .detail = detail};
    (void)snprintf(detail, sizeof detail, "%s: %s", name, what);
    if (key_id)
        memcpy(entry.subject, key_id, SU_SHA256_BYTES);
    return actor ? su_ledger_add(db, &entry, err) : 0;
}

static int approve(struct su_db *db, int64_t catalogue_id, const char *catalogue, const char *certificate,
                   size_t bytes, const struct su_actor *actor, char name[65], uint8_t key_id[SU_SHA256_BYTES],
                   struct su_err *err)
{
    SU_AUTO(su_certificate) struct su_certificate c = SU_CERTIFICATE_INIT;
    SU_AUTO(su_buf) struct su_buf pem = SU_BUF_INIT(SU_MAX_PEM_BYTES);
    char now[SU_TIME_TEXT], what[128];
    if (su_certificate_load(&c, certificate, bytes, err) < 0 || su_certificate_save(&c, &pem, err) < 0 ||
        su_run(db, err, "INSERT OR IGNORE INTO vendor_certificate VALUES (?1,?2,?3,?4,?5)",
               SU_I(catalogue_id), SU_B(c.id, SU_SHA256_BYTES), SU_T(c.common_name), SU_T(pem.bytes),
               SU_T(su_time_now(now))) < 0)
        return -1;
    memcpy(name, c.common_name, sizeof c.common_name);
    memcpy(key_id, c.id, SU_SHA256_BYTES);
    (void)snprintf(what, sizeof what, "certificate of '%s' approved", c.common_name);
    return note_in_ledger(db, actor, catalogue, what, c.id, err);
}

int su_vendor_note_catalogue(struct su_db *db, const struct su_vendor_request *request, const char *from,
                             const char *kind, const char *signer, struct su_vendor_catalogue *catalogue,
                             struct su_err *err)
{
    char now[SU_TIME_TEXT], place[PATH_MAX], name[65];
    uint8_t key_id[SU_SHA256_BYTES];
    (void)su_time_now(now);
    if (request->is_new) {
        place_of(from, place);
        if (su_run(db, err, "INSERT INTO vendor_catalogue VALUES (NULL,?1,?2,?3,?4,?5,?6,?7,?7)",
                   SU_T(request->catalogue), SU_T(place), SU_T(kind), SU_I(request->allow_unsigned),
                   SU_T(signer), SU_I(request->interval_days), SU_T(now)) < 0)
            return -1;
        catalogue->id = su_db_last_rowid(db);
        (void)snprintf(catalogue->name, sizeof catalogue->name, "%s", request->catalogue);
    } else if (catalogue->id && su_run(db, err,
                                       "UPDATE vendor_catalogue SET kind=?2, signer=?3, refreshed=?4, "
                                       "allow_unsigned=max(allow_unsigned, ?5) WHERE catalogue_id=?1",
                                       SU_I(catalogue->id), SU_T(kind), SU_T(signer), SU_T(now),
                                       SU_I(request->allow_unsigned)) < 0) {
        return -1;
    }
    const char *label = catalogue->id ? catalogue->name : "packages by themselves";
    if (request->allow_unsigned && !catalogue->allow_unsigned && !signer[0] &&
        note_in_ledger(db, request->actor, label, "taken without a signature, by the operator's word", NULL,
                       err) < 0)
        return -1;
    if (request->is_new && note_in_ledger(db, request->actor, label, "subscribed", NULL, err) < 0)
        return -1;
    return catalogue->id && request->certificate
               ? approve(db, catalogue->id, catalogue->name, request->certificate, request->certificate_bytes,
                         request->actor, name, key_id, err)
               : 0;
}

/* What the lifecycle excludes is passed over by the synchronization, and is no package that is held. */
int su_vendor_note_packages(struct su_db *db, int64_t catalogue_id, struct su_err *err)
{
    struct su_arg id = catalogue_id ? SU_I(catalogue_id) : SU_NULL;
    if (su_run(db, err,
               "INSERT INTO vendor_package SELECT update_id, ?1, created, 0 FROM temp.vendor_taken t WHERE "
               "EXISTS "
               "(SELECT 1 FROM revision r WHERE r.update_id=t.update_id AND r.origin=2) ON CONFLICT "
               "(update_id) DO "
               "UPDATE SET catalogue_id=coalesce(excluded.catalogue_id, vendor_package.catalogue_id), "
               "created=excluded.created, withdrawn=0",
               id) < 0 ||
        su_run(db, err,
               "DELETE FROM vendor_package WHERE update_id NOT IN (SELECT update_id FROM revision WHERE "
               "origin=2)") < 0)
        return -1;
    if (catalogue_id == 0)
        return 0;
    return su_run(db, err,
                  "UPDATE vendor_package SET withdrawn=1 WHERE catalogue_id=?1 AND update_id NOT IN (SELECT "
                  "update_id FROM temp.vendor_taken)",
                  id);
}

/* The subscription of that name. */
static int find_named(struct su_db *db, const char *name, struct su_vendor_catalogue *out, struct su_err *err)
{
    const struct su_vendor_request request = {.catalogue = name};
    return su_vendor_find_catalogue(db, &request, "", out, err);
}

int su_vendor_approve(struct su_home *home, const char *catalogue, const char *certificate, size_t bytes,
                      const struct su_actor *actor, char name[65], uint8_t key_id[SU_SHA256_BYTES],
                      struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    struct su_vendor_catalogue found;
    if (su_begin(&t, home->db, err) < 0 || find_named(home->db, catalogue, &found, err) < 0 ||
        approve(home->db, found.id, found.name, certificate, bytes, actor, name, key_id, err) < 0)
        return -1;
    return su_commit(&t, err);
}

int su_vendor_take_file(struct su_home *home, const char *path, bool allow_unsigned,
                        const struct su_actor *actor, const struct su_events *events,
                        struct su_sync_result *result, struct su_err *err)
{
    const struct su_vendor_request vendor = {.allow_unsigned = allow_unsigned, .actor = actor};
    const struct su_sync_request request = {.from = path, .vendor = &vendor};
    return su_sync(home, &request, events, result, err);
}

bool su_vendor_is_file(const char *path)
{
    struct su_source_look look;
    struct su_err ignored = SU_ERR_INIT;
    return su_source_look(&look, path, &ignored) == 0 && !look.is_url && su_vendor_knows(&look);
}
