/*
 * vendor_publish.c - published or not (vendor.h): a package that is pinned travels; what it brings in files
 * must be signed by somebody the operator approved.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/changes.h"
#include "common/catalogue/history.h"
#include "common/catalogue/pin.h"
#include "common/catalogue/removal.h"
#include "common/point/ledger.h"
#include "common/point/store.h"
#include "common/source/vendor/vendor.h"
#include "common/source/vendor/vendor_books.h"
#include "common/source/vendor/vendor_signer.h"

static int check_content(struct su_home *home, int64_t catalogue_id, const uint8_t sha256[SU_SHA256_BYTES],
                         const char *name, struct su_err *err)
{
    const struct su_vendor_request none = {.catalogue = NULL};
    SU_AUTO(su_fd) su_fd fd = -1;
    struct su_code_signature signer;
    uint64_t bytes;
    bool is_approved = false;
    char key[SU_SHA256_TEXT];
    if (su_store_open(&fd, home, sha256, &bytes, err) < 0)
        return -1;
    if (su_vendor_signer(fd, bytes, NULL, &signer, err) < 0) {
        if (err->code != SU_MEMORY)
            err->code = SU_VENDOR_UNSIGNED;
        return su_prefix(err, "%s", name);
    }
    if (signer.is_signed &&
        su_vendor_is_approved(home->db, catalogue_id, &none, &signer, &is_approved, err) < 0)
        return -1;
    if (is_approved)
        return 0;
    su_hex_format(signer.key_id, SU_SHA256_BYTES, key);
    return signer.is_signed ? su_fail(err, SU_VENDOR_UNSIGNED,
                                      "file %s is signed by '%s' (key %s), whose certificate is not approved",
                                      name, signer.common_name, key)
                            : su_fail(err, SU_VENDOR_UNSIGNED, "file %s is not signed", name);
}

/* Those of the newest revision. */
static int check_files(struct su_home *home, int64_t catalogue_id, const struct su_guid *id,
                       bool allow_unsigned, struct su_vendor_published *count, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    uint8_t sha256[SU_SHA256_BYTES];
    int more;
    if (su_query(
            home->db, &rows, err,
            "SELECT f.name, s.sha256 FROM file f LEFT JOIN stored_file s USING (sha1) WHERE f.rev_id=(SELECT "
            "rev_id FROM revision WHERE update_id=?1 ORDER BY revision DESC LIMIT 1) ORDER BY f.sha1",
            SU_B(id->bytes, sizeof id->bytes)) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        bool is_missing = su_rows_is_null(&rows, 1);
        count->files++;
        count->missing += is_missing;
        if (is_missing || allow_unsigned)
            continue;
        if (su_rows_fixed(&rows, 1, sha256, sizeof sha256, err) < 0 ||
            check_content(home, catalogue_id, sha256, su_rows_text(&rows, 0), err) < 0)
            return -1;
    }
    return more;
}

static int find_package(struct su_db *db, const struct su_guid *id, int64_t *catalogue_id, struct su_err *err)
{
    char text[SU_GUID_TEXT];
    bool found;
    if (su_query_int(db, catalogue_id, &found, err,
                     "SELECT coalesce(catalogue_id, 0) FROM vendor_package WHERE update_id=?1",
                     SU_B(id->bytes, sizeof id->bytes)) < 0)
        return -1;
    return found ? 0
                 : su_fail(err, SU_VENDOR_NO_METADATA, "no third-party catalogue has brought %s",
                           su_guid_format(id, text));
}

int su_vendor_publish(struct su_home *home, const struct su_guid *id, bool allow_unsigned,
                      struct su_vendor_published *count, struct su_err *err)
{
    int64_t catalogue_id;
    char text[SU_GUID_TEXT];
    bool was_pinned;
    if (find_package(home->db, id, &catalogue_id, err) < 0)
        return -1;
    if (check_files(home, catalogue_id, id, allow_unsigned, count, err) < 0)
        return su_prefix(err, "%s", su_guid_format(id, text));
    if (su_pin_has(home->db, id, &was_pinned, err) < 0)
        return -1;
    count->packages += !was_pinned;
    return su_pin_add(home->db, id, SU_PIN_THIRD_PARTY, NULL, err);
}

int su_vendor_unpublish(struct su_home *home, const struct su_guid *id, struct su_vendor_published *count,
                        struct su_err *err)
{
    int64_t catalogue_id;
    bool was_pinned;
    if (find_package(home->db, id, &catalogue_id, err) < 0 || su_pin_has(home->db, id, &was_pinned, err) < 0)
        return -1;
    count->packages += was_pinned;
    return su_pin_remove(home->db, id, err);
}

static int remove_packages(struct su_db *db, struct su_catalogue *catalogue, int64_t catalogue_id,
                           uint64_t *packages, struct su_err *err)
{
    if (su_removal_begin(db, err) < 0 ||
        su_run(
            db, err,
            "INSERT INTO temp.gone SELECT r.rev_id, r.update_id FROM vendor_package p JOIN revision r USING "
            "(update_id) WHERE p.catalogue_id=?1 AND r.origin=2",
            SU_I(catalogue_id)) < 0)
        return -1;
    return su_removal_run(db, catalogue, packages, err);
}

/* The history tells it like a synchronization that removed them. */
static int tell_history(struct su_db *db, const char *name, const struct su_state *before,
                        const char *started, struct su_err *err)
{
    struct su_history row = {
        .source = name, .kind = "unsubscribe", .source_time = "", .state_code = SU_SYNC_DONE};
    (void)snprintf(row.started, sizeof row.started, "%s", started);
    if (su_state_of(db, &row.state, err) < 0 ||
        su_changes_count(db, before, &row.state, &row.changes, err) < 0)
        return -1;
    return su_history_add_change(db, &row, before, err);
}

int su_vendor_unsubscribe(struct su_home *home, const char *name, const struct su_actor *actor,
                          uint64_t *packages, struct su_err *err)
{
    const struct su_vendor_request request = {.catalogue = name};
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    SU_AUTO(su_catalogue) struct su_catalogue *catalogue = su_catalogue_new(home->db, err);
    struct su_vendor_catalogue found;
    struct su_state before;
    char detail[128], started[SU_TIME_TEXT];
    int64_t published;
    *packages = 0;
    (void)su_time_now(started);
    if (!catalogue || su_changes_begin(home->db, err) < 0 || su_begin(&t, home->db, err) < 0 ||
        su_vendor_find_catalogue(home->db, &request, "", &found, err) < 0 ||
        su_query_int(home->db, &published, NULL, err,
                     "SELECT count(*) FROM vendor_package JOIN pin USING (update_id) WHERE catalogue_id=?1",
                     SU_I(found.id)) < 0)
        return -1;
    if (published > 0) {
        (void)su_fail(err, SU_CONFIG, "%lld packages of %s are published", (long long)published, name);
        (void)su_remedy(err, "Run: suexport catalog unpublish --all --name %s", name);
        return su_after(err, "Nothing was written.");
    }
    (void)snprintf(detail, sizeof detail, "%s: subscription ended", found.name);
    const struct su_ledger_entry entry = {.actor = actor, .kind = "catalogue", .site = "", .detail = detail};
    if (su_state_of(home->db, &before, err) < 0 ||
        remove_packages(home->db, catalogue, found.id, packages, err) < 0 ||
        su_run(home->db, err, "DELETE FROM vendor_package WHERE catalogue_id=?1", SU_I(found.id)) < 0 ||
        su_run(home->db, err, "DELETE FROM vendor_catalogue WHERE catalogue_id=?1", SU_I(found.id)) < 0 ||
        tell_history(home->db, found.name, &before, started, err) < 0 ||
        su_ledger_add(home->db, &entry, err) < 0)
        return -1;
    return su_commit(&t, err);
}
