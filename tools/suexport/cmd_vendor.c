/*
 * cmd_vendor.c - catalogues of other vendors: subscribed to, refreshed, looked at, published.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/source/vendor/vendor.h"
#include "common/sys/clock.h"
#include "tools/cli/look.h"
#include "tools/suexport/commands.h"

static int read_certificate(const char *path, struct su_buf *out, struct su_err *err)
{
    return su_file_read_all(AT_FDCWD, path, out, err);
}

static int name_of(struct su_context *c, const char **out, struct su_err *err)
{
    *out = su_given(c, "name");
    if (!*out)
        return su_fail(err, SU_USAGE, "which name shall the catalogue have? Give --name NAME");
    return su_name_is_valid(*out)
               ? 0
               : su_fail(err, SU_USAGE, "'%s' is no name: 1 to 64 letters, digits, dots, hyphens", *out);
}

/* ---- subscribe, refresh ---- */

static int count_of(struct su_context *c, const char *name, int64_t *out, const char *sql, struct su_err *err)
{
    return su_db_int(c->home.db, out, NULL, err, sql, SU_ARGS(SU_T(name)));
}

#define OF_NAME                                                                                              \
    " FROM vendor_package p LEFT JOIN vendor_catalogue c USING (catalogue_id) WHERE (?1 IS NULL OR "         \
    "c.name=?1)"

/* What a refresh says, and warns of. */
static int answer_refresh(struct su_context *c, const char *name, const struct su_sync_result *r,
                          struct su_err *err)
{
    int64_t packages, withdrawn, certificates, strange;
    if (count_of(c, name, &packages, "SELECT count(*)" OF_NAME, err) < 0 ||
        count_of(c, name, &withdrawn, "SELECT coalesce(sum(withdrawn), 0)" OF_NAME, err) < 0 ||
        count_of(c, name, &certificates,
                 "SELECT count(*) FROM vendor_certificate JOIN vendor_catalogue c USING (catalogue_id) WHERE "
                 "c.name=?1",
                 err) < 0 ||
        count_of(c, name, &strange,
                 "SELECT count(*)" OF_NAME
                 " AND EXISTS (SELECT 1 FROM revision r WHERE r.update_id=p.update_id AND r.origin=2 AND NOT "
                 "EXISTS (SELECT 1 FROM prerequisite q WHERE q.rev_id=r.rev_id AND q.is_category))",
                 err) < 0)
        return -1;
    su_json_open(&c->json, NULL, '{');
    su_json_text(&c->json, "name", name);
    su_json_text(&c->json, "kind", r->kind);
    su_line(c, "%s (%s, %s)", name, r->source, r->kind);
    su_answer_changes(c, &r->changes, true);
    su_json_int(&c->json, "packages", packages);
    su_json_int(&c->json, "withdrawn", withdrawn);
    su_json_int(&c->json, "updates", (int64_t)r->state.updates);
    su_json_hex(&c->json, "state_digest", r->state.digest, SU_SHA256_BYTES);
    su_json_seconds(&c->json, "seconds", r->seconds);
    su_json_close(&c->json, '}');
    su_line(c, "  packages     %s", su_count_text((uint64_t)packages));
    if (withdrawn > 0)
        su_line(c, "  withdrawn    %s, kept because they are published", su_count_text((uint64_t)withdrawn));
    su_message(&c->events, SU_VENDOR_DONE, SU_INFO, "%s: %lld packages", name, (long long)packages);
    if (certificates == 0)
        su_message(&c->events, SU_VENDOR_NO_CERTIFICATE, SU_WARNING,
                   "%s has no approved certificate; files of its updates cannot be published", name);
    if (strange > 0)
        su_message(&c->events, SU_VENDOR_CLASSIFICATION, SU_WARNING,
                   "%s: %lld packages have a classification that no profile can name", name,
                   (long long)strange);
    return 0;
}

int cmd_catalog_subscribe(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf certificate = SU_BUF_INIT(SU_MAX_PEM_BYTES);
    const char *name, *file = su_given(c, "certificate");
    uint64_t days = 7;
    struct su_sync_result r;
    if (name_of(c, &name, err) < 0 || su_given_number(c, "interval", 366, &days, err) < 0 ||
        (file && read_certificate(file, &certificate, err) < 0))
        return -1;
    const struct su_vendor_request vendor = {.catalogue = name,
                                             .is_new = true,
                                             .allow_unsigned = su_has(c, "allow-unsigned"),
                                             .certificate = file ? certificate.bytes : NULL,
                                             .certificate_bytes = certificate.length,
                                             .interval_days = (int64_t)days,
                                             .actor = &c->actor};
    const struct su_sync_request request = {
        .from = su_argument(c, 0), .kind = &su_vendor_source, .vendor = &vendor};
    if (su_sync(&c->home, &request, &c->events, &r, err) < 0)
        return -1;
    su_json_open(&c->json, "catalogues", '[');
    int result = answer_refresh(c, name, &r, err);
    su_json_close(&c->json, ']');
    return result;
}

struct due {
    SU_VEC(struct {
        char name[65];
        char *source;
    }) list;
};

static void due_cleanup(struct due *due)
{
    for (size_t i = 0; i < due->list.count; i++)
        free(due->list.at[i].source);
    free(due->list.at);
}

static int find_due(struct su_context *c, struct due *due, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    char now[SU_TIME_TEXT];
    int more;
    if (su_query(c->home.db, &rows, err,
                 "SELECT name, source FROM vendor_catalogue WHERE (?1 IS NULL OR name=?1) AND (NOT ?2 OR "
                 "(interval_days>0 AND julianday(?3)-julianday(refreshed)>=interval_days)) ORDER BY name",
                 SU_T(su_argument(c, 0)), SU_I(su_has(c, "if-due")), SU_T(su_time_now(now))) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        __typeof__(due->list.at) slot = SU_PUSH(&due->list, 10000);
        if (!slot || !(slot->source = strdup(su_rows_text(&rows, 1))))
            return su_fail_memory(err);
        (void)snprintf(slot->name, sizeof slot->name, "%s", su_rows_text(&rows, 0));
    }
    if (more == 0 && due->list.count == 0 && su_argument(c, 0) && !su_has(c, "if-due"))
        return su_fail(err, SU_VENDOR_UNKNOWN, "no third-party catalogue is subscribed to as '%s'",
                       su_argument(c, 0));
    return more;
}

/* One after the other; the first failure ends it, and what was refreshed before stays. */
int cmd_catalog_refresh(struct su_context *c, struct su_err *err)
{
    SU_AUTO(due) struct due due = {0};
    int result = find_due(c, &due, err);
    su_json_open(&c->json, "catalogues", '[');
    for (size_t i = 0; result == 0 && i < due.list.count; i++) {
        const struct su_vendor_request vendor = {.catalogue = due.list.at[i].name, .actor = &c->actor};
        const struct su_sync_request request = {.from = due.list.at[i].source,
                                                .kind = &su_vendor_source,
                                                .is_full = su_has(c, "full"),
                                                .vendor = &vendor};
        struct su_sync_result r;
        result = su_sync(&c->home, &request, &c->events, &r, err) < 0
                     ? -1
                     : answer_refresh(c, due.list.at[i].name, &r, err);
    }
    su_json_close(&c->json, ']');
    if (result == 0 && due.list.count == 0)
        su_line(c, "nothing is due");
    return result;
}

/* ---- list, show ---- */

int cmd_catalog_list(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    static const char *const texts[] = {"name", "kind", "source", "signed_by", "subscribed", "refreshed"};
    int more;
    if (su_query(c->home.db, &rows, err,
                 "SELECT name, kind, source, signer, subscribed, refreshed, interval_days, allow_unsigned, "
                 "count(p.update_id), count(pin.update_id), (SELECT count(*) FROM vendor_certificate v WHERE "
                 "v.catalogue_id=c.catalogue_id) FROM vendor_catalogue c LEFT JOIN vendor_package p USING "
                 "(catalogue_id) LEFT JOIN pin ON pin.update_id=p.update_id GROUP BY catalogue_id ORDER BY "
                 "name") < 0)
        return -1;
    su_json_open(&c->json, "catalogues", '[');
    while ((more = su_rows_next(&rows, err)) > 0) {
        su_json_open(&c->json, NULL, '{');
        for (int i = 0; i < 6; i++)
            su_json_text(&c->json, texts[i], su_rows_text(&rows, i));
        su_json_int(&c->json, "interval_days", su_rows_int(&rows, 6));
        su_json_bool(&c->json, "is_unsigned_allowed", su_rows_int(&rows, 7) != 0);
        su_json_int(&c->json, "packages", su_rows_int(&rows, 8));
        su_json_int(&c->json, "published", su_rows_int(&rows, 9));
        su_json_int(&c->json, "certificates", su_rows_int(&rows, 10));
        su_json_close(&c->json, '}');
        bool is_signed = su_rows_text(&rows, 3)[0] != 0;
        su_line(c, "%-20s %-7s %7s packages, %s published, refreshed %.10s, %s%s", su_rows_text(&rows, 0),
                su_rows_text(&rows, 1), su_count_text((uint64_t)su_rows_int(&rows, 8)),
                su_count_text((uint64_t)su_rows_int(&rows, 9)), su_rows_text(&rows, 5),
                is_signed ? "signed by " : "UNSIGNED, allowed by the operator", su_rows_text(&rows, 3));
    }
    su_json_close(&c->json, ']');
    return more;
}

/* Counts of one kind: rows of name and count, or of vendor, product and count. */
static int show_counts(struct su_context *c, const char *key, const char *heading, const char *name,
                       const char *sql, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    bool has_two = strcmp(key, "products") == 0;
    int more;
    if (su_db_query(c->home.db, &rows, err, sql, SU_ARGS(SU_T(name))) < 0)
        return -1;
    su_json_open(&c->json, key, '[');
    if (!has_two)
        su_line(c, "  %s", heading);
    SU_AUTO(su_buf) struct su_buf vendor = SU_BUF_INIT(SU_MAX_XML_TEXT_BYTES);
    while ((more = su_rows_next(&rows, err)) > 0) {
        const char *of = has_two ? su_rows_text(&rows, 2) : "";
        su_json_open(&c->json, NULL, '{');
        if (has_two)
            su_json_text(&c->json, "vendor", of);
        su_json_text(&c->json, "name", su_rows_text(&rows, 0));
        su_json_int(&c->json, "count", su_rows_int(&rows, 1));
        su_json_close(&c->json, '}');
        if (has_two && (!vendor.bytes || strcmp(vendor.bytes, of) != 0)) {
            su_line(c, "  %s", of[0] ? of : "(no vendor)");
            su_buf_clear(&vendor);
            su_buf_adds(&vendor, of);
        }
        su_line(c, "    %7s  %s", su_count_text((uint64_t)su_rows_int(&rows, 1)),
                su_rows_text(&rows, 0)[0] ? su_rows_text(&rows, 0) : "(none)");
    }
    su_json_close(&c->json, ']');
    return more;
}

#define HELD                                                                                                 \
    " FROM vendor_package p JOIN revision r ON r.update_id=p.update_id AND r.origin=2 JOIN info i USING "    \
    "(rev_id) LEFT JOIN vendor_catalogue c USING (catalogue_id) "
#define WHERE_NAME "WHERE (?1 IS NULL OR c.name=?1) "
#define TAGGED(kind) "LEFT JOIN tag t ON t.rev_id=r.rev_id AND t.kind='" kind "' "
#define COUNTED "GROUP BY 1 ORDER BY 2 DESC, 1"

static int show_files(struct su_context *c, const char *name, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    static const char *const keys[] = {"files", "files_stored", "bytes", "addresses"};
    if (su_query(c->home.db, &rows, err,
                 "SELECT count(*), coalesce(sum(stored), 0), coalesce(sum(bytes), 0), coalesce(sum(url<>''), "
                 "0) FROM (SELECT f.sha1, max(f.bytes) AS bytes, max(f.url) AS url, EXISTS (SELECT 1 FROM "
                 "stored_file s WHERE s.sha1=f.sha1) AS stored" HELD "JOIN file f USING (rev_id) " WHERE_NAME
                 "GROUP BY f.sha1)",
                 SU_T(name)) < 0 ||
        su_rows_next(&rows, err) < 0)
        return -1;
    for (int i = 0; i < 4; i++)
        su_json_int(&c->json, keys[i], su_rows_int(&rows, i));
    su_line(c, "  Files        %s, %s; %s stored, %s with an address",
            su_count_text((uint64_t)su_rows_int(&rows, 0)), su_bytes_text((uint64_t)su_rows_int(&rows, 2)),
            su_count_text((uint64_t)su_rows_int(&rows, 1)), su_count_text((uint64_t)su_rows_int(&rows, 3)));
    return 0;
}

static int show_certificates(struct su_context *c, const char *name, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    uint8_t key[SU_SHA256_BYTES];
    char hex[SU_SHA256_TEXT];
    int more;
    if (su_query(c->home.db, &rows, err,
                 "SELECT v.name, key_id, added FROM vendor_certificate v JOIN vendor_catalogue c USING "
                 "(catalogue_id) " WHERE_NAME "ORDER BY added, key_id",
                 SU_T(name)) < 0)
        return -1;
    su_json_open(&c->json, "certificates", '[');
    while ((more = su_rows_next(&rows, err)) > 0) {
        if (su_rows_fixed(&rows, 1, key, sizeof key, err) < 0)
            return -1;
        su_hex_format(key, sizeof key, hex);
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "name", su_rows_text(&rows, 0));
        su_json_text(&c->json, "key_id", hex);
        su_json_text(&c->json, "added", su_rows_text(&rows, 2));
        su_json_close(&c->json, '}');
        su_line(c, "  Certificate  %s, key %s, approved %.10s", su_rows_text(&rows, 0), hex,
                su_rows_text(&rows, 2));
    }
    su_json_close(&c->json, ']');
    return more;
}

/* Without a name, of all vendors. */
int cmd_catalog_show(struct su_context *c, struct su_err *err)
{
    const char *name = su_argument(c, 0);
    int64_t is_known = 1, packages;
    if (name && count_of(c, name, &is_known, "SELECT count(*) FROM vendor_catalogue WHERE name=?1", err) < 0)
        return -1;
    if (!is_known)
        return su_fail(err, SU_VENDOR_UNKNOWN, "no third-party catalogue is subscribed to as '%s'", name);
    if (count_of(c, name, &packages, "SELECT count(*)" OF_NAME, err) < 0)
        return -1;
    su_json_text(&c->json, "name", name);
    su_json_int(&c->json, "packages", packages);
    su_line(c, "%s: %s packages", name ? name : "third-party updates", su_count_text((uint64_t)packages));
    if (show_certificates(c, name, err) < 0 || show_files(c, name, err) < 0 ||
        show_counts(c, "vendors", "Vendors", name,
                    "SELECT coalesce(t.value, ''), count(*)" HELD TAGGED("vendor") WHERE_NAME COUNTED,
                    err) < 0 ||
        show_counts(c, "products", "", name,
                    "SELECT coalesce(t.value, ''), count(*), coalesce(v.value, '')" HELD TAGGED(
                        "product") "LEFT JOIN tag v ON v.rev_id=r.rev_id AND v.kind='vendor' " WHERE_NAME
                                   "GROUP BY 3, 1 ORDER BY 3, 2 DESC, 1",
                    err) < 0 ||
        show_counts(c, "classifications", "Classifications", name,
                    "SELECT coalesce(t.value, ''), count(*)" HELD TAGGED("classification") WHERE_NAME COUNTED,
                    err) < 0 ||
        show_counts(c, "severities", "Severities", name,
                    "SELECT i.severity, count(*)" HELD WHERE_NAME COUNTED, err) < 0 ||
        show_counts(
            c, "states", "States", name,
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM pin WHERE pin.update_id=p.update_id) THEN "
            "'published' ELSE 'metadata-only' END || CASE WHEN i.expired THEN ', expired' ELSE '' END || "
            "CASE WHEN p.withdrawn THEN ', withdrawn' ELSE '' END, count(*)" HELD WHERE_NAME COUNTED,
            err) < 0 ||
        show_counts(c, "rules", "Detection rules", name,
                    "SELECT coalesce(t.value, ''), count(*)" HELD TAGGED("rule") WHERE_NAME COUNTED, err) < 0)
        return -1;
    return show_counts(c, "handlers", "Installers", name,
                       "SELECT coalesce(t.value, ''), count(*)" HELD TAGGED("handler") WHERE_NAME COUNTED,
                       err);
}

/* ---- trust, publish ---- */

int cmd_catalog_trust(struct su_context *c, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf certificate = SU_BUF_INIT(SU_MAX_PEM_BYTES);
    char name[65], hex[SU_SHA256_TEXT];
    uint8_t key[SU_SHA256_BYTES];
    if (!su_given(c, "certificate"))
        return su_fail(err, SU_USAGE, "which certificate? Give --certificate FILE");
    if (read_certificate(su_given(c, "certificate"), &certificate, err) < 0 ||
        su_vendor_approve(&c->home, su_argument(c, 0), certificate.bytes, certificate.length, &c->actor, name,
                          key, err) < 0)
        return -1;
    su_hex_format(key, sizeof key, hex);
    su_json_text(&c->json, "name", su_argument(c, 0));
    su_json_text(&c->json, "common_name", name);
    su_json_text(&c->json, "key_id", hex);
    su_line(c, "%s: certificate of '%s' approved, key %s", su_argument(c, 0), name, hex);
    return 0;
}

struct ids {
    SU_VEC(struct su_guid) list;
};

static void ids_cleanup(struct ids *ids)
{
    free(ids->list.at);
}

static int add_id(struct ids *ids, const struct su_guid *id, struct su_err *err)
{
    struct su_guid *slot = SU_PUSH(&ids->list, SU_MAX_PACKAGE_REVISIONS);
    if (!slot)
        return su_fail_memory(err);
    *slot = *id;
    return 0;
}

static int all_ids(struct su_context *c, struct ids *ids, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct su_guid id;
    int more;
    if (su_query(c->home.db, &rows, err, "SELECT p.update_id" OF_NAME " ORDER BY 1",
                 SU_T(su_given(c, "name"))) < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0)
        if (su_rows_fixed(&rows, 0, id.bytes, sizeof id.bytes, err) < 0 || add_id(ids, &id, err) < 0)
            return -1;
    return more;
}

/* A word may be a KB number that several updates have; all of them are meant. */
static int given_ids(struct su_context *c, struct ids *ids, struct su_err *err)
{
    for (size_t i = 0; su_argument(c, i); i++) {
        SU_AUTO(su_ids) struct su_ids found = {0};
        struct su_guid id;
        const char *word = su_argument(c, i);
        bool is_id = su_guid_parse(&id, word, strlen(word));
        if (is_id ? add_id(ids, &id, err) < 0 : su_look_up(c->home.db, word, &found, err) < 0) {
            if (err->code == SU_NOT_FOUND)
                err->code = SU_VENDOR_NO_METADATA;
            return -1;
        }
        for (size_t k = 0; k < found.list.count; k++)
            if (add_id(ids, &found.list.at[k], err) < 0)
                return -1;
    }
    return 0;
}

static int find_ids(struct su_context *c, struct ids *ids, struct su_err *err)
{
    bool is_all = su_has(c, "all");
    if (is_all == (su_argument(c, 0) != NULL))
        return su_fail(err, SU_USAGE, "name updates, or give --all");
    return is_all ? all_ids(c, ids, err) : given_ids(c, ids, err);
}

static int note_publishing(struct su_context *c, bool is_publishing, bool was_allowed, uint64_t packages,
                           struct su_err *err)
{
    char detail[128];
    const struct su_ledger_entry entry = {
        .actor = &c->actor, .kind = "catalogue", .site = "", .detail = detail};
    (void)snprintf(detail, sizeof detail, "%llu packages %s%s", (unsigned long long)packages,
                   is_publishing ? "published" : "not published any more",
                   was_allowed ? ", files without a signature by the operator's word" : "");
    return packages == 0 ? 0 : su_ledger_add(c->home.db, &entry, err);
}

static int publish(struct su_context *c, bool is_publishing, struct su_err *err)
{
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    SU_AUTO(ids) struct ids ids = {0};
    struct su_vendor_published count = {0};
    bool allow = is_publishing && su_has(c, "allow-unsigned");
    int result = su_begin(&t, c->home.db, err) < 0 ? -1 : find_ids(c, &ids, err);
    for (size_t i = 0; result == 0 && i < ids.list.count; i++)
        result = is_publishing ? su_vendor_publish(&c->home, &ids.list.at[i], allow, &count, err)
                               : su_vendor_unpublish(&c->home, &ids.list.at[i], &count, err);
    if (result < 0 || note_publishing(c, is_publishing, allow, count.packages, err) < 0 ||
        su_commit(&t, err) < 0)
        return su_after(err, "Nothing was written.");
    su_json_int(&c->json, "packages", (int64_t)ids.list.count);
    su_json_int(&c->json, "changed", (int64_t)count.packages);
    if (is_publishing) {
        su_json_int(&c->json, "files", (int64_t)count.files);
        su_json_int(&c->json, "files_missing", (int64_t)count.missing);
    }
    su_line(c, "%s packages, %s of them %s", su_count_text(ids.list.count), su_count_text(count.packages),
            is_publishing ? "newly published" : "published until now");
    if (count.missing > 0)
        su_line(c, "  %s of %s files are not in the store: suexport content add, or content fetch",
                su_count_text(count.missing), su_count_text(count.files));
    su_message(&c->events, SU_VENDOR_PUBLISHED, SU_INFO, "%llu packages %s",
               (unsigned long long)count.packages, is_publishing ? "published" : "not published any more");
    return 0;
}

int cmd_catalog_publish(struct su_context *c, struct su_err *err)
{
    return publish(c, true, err);
}

int cmd_catalog_unpublish(struct su_context *c, struct su_err *err)
{
    return publish(c, false, err);
}

int cmd_catalog_unsubscribe(struct su_context *c, struct su_err *err)
{
    uint64_t packages;
    if (su_vendor_unsubscribe(&c->home, su_argument(c, 0), &c->actor, &packages, err) < 0)
        return -1;
    su_json_text(&c->json, "name", su_argument(c, 0));
    su_json_int(&c->json, "packages", (int64_t)packages);
    su_line(c, "%s: subscription ended, %s packages removed", su_argument(c, 0), su_count_text(packages));
    return 0;
}
