#include "common/receipt/acknowledge.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/lib/mac.h"
#include "common/receipt/receipt_code.h"
#include "common/sys/clock.h"

int su_site_check_signature(const struct su_site *site, const char *text, size_t length,
                            const uint8_t signature[SU_SIGNATURE_BYTES], struct su_err *err)
{
    SU_AUTO(su_key) struct su_key key = SU_KEY_INIT;
    if (site->public_key.length == 0) {
        (void)su_fail(err, SU_RECEIPT, "site %s is not enrolled: this hub has not pinned its key",
                      site->code);
        return su_remedy(err,
                         "Carry keys/site.enrol from the site once and run: suexport site set %s --key FILE",
                         site->code);
    }
    if (su_key_load_public(&key, site->public_key.bytes, site->public_key.length, err) < 0)
        return -1;
    return su_signature_is_good(&key, text, length, signature)
               ? 0
               : su_fail(err, SU_RECEIPT, "the receipt's signature is not by the key pinned for site %s",
                         site->code);
}

/* What was sent under a sequence; found false when nothing was. */
struct sent {
    bool found;
    uint64_t content_holes;
    uint8_t state[SU_SHA256_BYTES], manifest[SU_SHA256_BYTES];
};

static int find_sent(struct su_db *db, const struct su_site *site, uint64_t sequence, struct sent *out,
                     struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    *out = (struct sent){.found = false};
    if (su_query(db, &rows, err,
                 "SELECT state_digest, manifest_sha256, content_holes FROM export WHERE site_id=?1 AND "
                 "sequence=?2",
                 SU_I(site->site_id), SU_I(sequence)) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more;
    out->found = true;
    out->content_holes = (uint64_t)su_rows_int(&rows, 2);
    return su_rows_fixed(&rows, 0, out->state, sizeof out->state, err) < 0
               ? -1
               : su_rows_fixed(&rows, 1, out->manifest, sizeof out->manifest, err);
}

static int check_sent(const struct sent *sent, const struct su_site *site, const struct su_receipt *r,
                      struct su_err *err)
{
    if (!sent->found) {
        (void)su_fail(err, SU_RECEIPT, "the receipt is for sequence %llu, the last made for %s is %llu",
                      (unsigned long long)r->sequence, site->code, (unsigned long long)site->last_sent);
        return r->sequence < site->last_sent
                   ? -1
                   : su_remedy(err, "If this hub has lost its books, take the site's state file "
                                    "(suimport receipt --state --out FILE), or this receipt, with: suexport "
                                    "receipt add FILE --rebuild. If not, find out who made that bundle.");
    }
    if (memcmp(sent->state, r->state, sizeof sent->state) != 0 ||
        memcmp(sent->manifest, r->manifest, sizeof sent->manifest) != 0)
        return su_fail(err, SU_RECEIPT,
                       "the receipt names a state or manifest that bundle %llu of %s did not have",
                       (unsigned long long)r->sequence, site->code);
    return 0;
}

/* The ledger of a site only grows, so a lower entry is an earlier receipt, whoever brings it. */
static int check_order(const struct su_site *site, const struct su_receipt *r, struct su_err *err)
{
    if (r->entry > site->newest_entry)
        return 0;
    (void)su_fail(err, SU_RECEIPT_OLD,
                  "the receipt was made at ledger entry %llu of site %s, one of entry %llu was taken before",
                  (unsigned long long)r->entry, site->code, (unsigned long long)site->newest_entry);
    return su_remedy(err,
                     "Bring a new receipt. If the site was set up anew, enrol it again first: suexport site "
                     "set %s --key FILE",
                     site->code);
}

/* The site lacks files that were sent: what came after the last complete bundle may not be there. */
static int forget_files(struct su_db *db, const struct su_site *site, uint64_t complete, struct su_err *err)
{
    return su_run(db, err, "DELETE FROM site_file WHERE site_id=?1 AND sequence>?2", SU_I(site->site_id),
                  SU_I(complete));
}

/* An urgent bundle that these books do not know is no reason to refuse: books restored from an older copy
 * learn the number in this way. */
static int find_urgent(struct su_db *db, const struct su_site *site, const struct su_receipt *r,
                       struct su_receipt_result *result, struct su_err *err)
{
    int64_t known;
    if (su_query_int(db, &known, NULL, err,
                     "SELECT EXISTS (SELECT 1 FROM urgent_export WHERE site_id=?1 AND number=?2)",
                     SU_I(site->site_id), SU_I(r->urgent)) < 0)
        return -1;
    result->urgent_unknown = r->urgent > 0 && known == 0;
    return 0;
}

static int take(struct su_home *hub, const struct su_site *site, const struct su_receipt *r,
                const struct sent *sent, const char *kind, const char *text, const struct su_actor *actor,
                struct su_receipt_result *result, struct su_err *err)
{
    uint64_t complete = site->complete >= r->sequence ? 0 : site->complete;
    uint64_t lowest = r->sequence > SU_UNDO_KEEP ? r->sequence - SU_UNDO_KEEP : 0;
    char now[SU_TIME_TEXT], detail[160];
    result->is_undo = r->sequence < site->acknowledged;
    result->lacks_files = r->content_owed > sent->content_holes;
    if (find_urgent(hub->db, site, r, result, err) < 0)
        return -1;
    if (!result->lacks_files)
        complete = r->sequence;
    (void)snprintf(detail, sizeof detail, "%s: %s, %llu files owed", kind,
                   result->is_undo ? "site went back" : "state acknowledged",
                   (unsigned long long)r->content_owed);
    struct su_ledger_entry entry = {
        .actor = actor, .kind = "receipt", .site = site->code, .sequence = r->sequence, .detail = detail};
    if (su_sha256(entry.subject, text, strlen(text), err) < 0 ||
        (result->lacks_files && forget_files(hub->db, site, complete, err) < 0) ||
        su_run(
            hub->db, err,
            "UPDATE site SET acknowledged=?2, newest_entry=max(newest_entry, ?3), content_owed=?4,"
            " complete=?5, kept_from=max(kept_from, ?6), urgent_taken=max(urgent_taken, ?7) WHERE site_id=?1",
            SU_I(site->site_id), SU_I(r->sequence), SU_I(r->entry), SU_I(r->content_owed), SU_I(complete),
            SU_I(lowest), SU_I(r->urgent)) < 0 ||
        /* What an undo at the site could lead back to is kept. */
        su_run(hub->db, err, "DELETE FROM site_state WHERE site_id=?1 AND to_sequence<=?2",
               SU_I(site->site_id), SU_I(lowest)) < 0 ||
        su_run(hub->db, err,
               "INSERT INTO receipt (site_id, taken, kind, sequence, entry, content_owed, text)"
               " VALUES (?1,?2,?3,?4,?5,?6,?7)",
               SU_I(site->site_id), SU_T(su_time_now(now)), SU_T(kind), SU_I(r->sequence), SU_I(r->entry),
               SU_I(r->content_owed), SU_T(text)) < 0)
        return -1;
    return su_ledger_add(hub->db, &entry, err);
}

/* Whether this very text was the last thing taken from the site. */
static int is_newest(struct su_db *db, const struct su_site *site, const char *text, bool *out,
                     struct su_err *err)
{
    int64_t count;
    if (su_query_int(db, &count, NULL, err,
                     "SELECT count(*) FROM receipt WHERE text=?2 AND receipt_id=(SELECT max(receipt_id) FROM "
                     "receipt WHERE site_id=?1)",
                     SU_I(site->site_id), SU_T(text)) < 0)
        return -1;
    *out = count > 0;
    return 0;
}

static void begin_result(struct su_receipt_result *result, const struct su_site *site,
                         const struct su_receipt *r)
{
    *result = (struct su_receipt_result){.sequence = r->sequence,
                                         .content_owed = r->content_owed,
                                         .before = site->acknowledged,
                                         .urgent = r->urgent};
    (void)snprintf(result->site, sizeof result->site, "%s", site->code);
}

static int add(struct su_home *hub, const char *text, const struct su_actor *actor,
               struct su_receipt_result *result, struct su_err *err)
{
    SU_AUTO(su_site) struct su_site site = SU_SITE_INIT;
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    struct su_receipt r = {.sequence = 0};
    struct sent sent;
    uint8_t signature[SU_SIGNATURE_BYTES];
    size_t signed_bytes = 0;
    if (su_receipt_parse(&r, text, signature, &signed_bytes, err) < 0 || su_begin(&t, hub->db, err) < 0 ||
        su_site_load(hub->db, r.site, &site, err) < 0 ||
        su_site_check_signature(&site, text, signed_bytes, signature, err) < 0)
        return -1;
    begin_result(result, &site, &r);
    if (is_newest(hub->db, &site, text, &result->is_repeated, err) < 0)
        return -1;
    if (result->is_repeated)
        return 0;
    if (find_sent(hub->db, &site, r.sequence, &sent, err) < 0 || check_sent(&sent, &site, &r, err) < 0 ||
        check_order(&site, &r, err) < 0 || take(hub, &site, &r, &sent, "file", text, actor, result, err) < 0)
        return -1;
    return su_commit(&t, err);
}

int su_receipt_add(struct su_home *hub, const char *text, const struct su_actor *actor,
                   struct su_receipt_result *result, struct su_err *err)
{
    return add(hub, text, actor, result, err) < 0 ? su_after(err, "Nothing was written.") : 0;
}

/* The site whose secret made the code. Every enrolled site is tried, whichever matches. */
static int find_author(struct su_db *db, const struct su_spoken *code, struct su_site *out,
                       struct su_receipt *r, struct sent *sent, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    bool found = false;
    int more;
    if (su_query(db, &rows, err, "SELECT code FROM site WHERE code_secret<>'' ORDER BY code") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        SU_AUTO(su_site) struct su_site site = SU_SITE_INIT;
        struct su_receipt claim = {.sequence = code->sequence, .content_owed = code->owed};
        struct sent candidate;
        bool is_good = false;
        if (su_site_load(db, su_rows_text(&rows, 0), &site, err) < 0 ||
            find_sent(db, &site, code->sequence, &candidate, err) < 0)
            return -1;
        if (!candidate.found)
            continue;
        (void)snprintf(claim.site, sizeof claim.site, "%s", site.code);
        memcpy(claim.state, candidate.state, sizeof claim.state);
        memcpy(claim.manifest, candidate.manifest, sizeof claim.manifest);
        if (su_spoken_is_of(code, &claim, site.code_secret, &is_good, err) < 0)
            return -1;
        if (!is_good || found)
            continue;
        found = true;
        *r = claim;
        *sent = candidate;
        if (su_site_load(db, claim.site, out, err) < 0)
            return -1;
    }
    return more < 0 ? -1
           : found  ? 0
                    : su_fail(err, SU_RECEIPT,
                              "the code, for sequence %llu, is by none of the sites enrolled for "
                               "codes, or about a state that was never sent",
                              (unsigned long long)code->sequence);
}

/* A code has no room for the order of receipts, so it can only go forward: beyond everything the site has
 * ever acknowledged, or a code heard before an undo could be read out again after it. */
static int check_forward(struct su_db *db, const struct su_site *site, const struct su_receipt *r,
                         struct su_err *err)
{
    int64_t highest;
    if (su_query_int(db, &highest, NULL, err,
                     "SELECT max(?2, coalesce(max(sequence), 0)) FROM receipt WHERE site_id=?1",
                     SU_I(site->site_id), SU_I(site->acknowledged)) < 0)
        return -1;
    if (r->sequence > (uint64_t)highest ||
        (r->sequence == site->acknowledged && r->content_owed < site->content_owed))
        return 0;
    (void)su_fail(
        err, SU_RECEIPT_OLD,
        "the code is for sequence %llu with %llu files owed, site %s has acknowledged %llu with %llu%s",
        (unsigned long long)r->sequence, (unsigned long long)r->content_owed, site->code,
        (unsigned long long)site->acknowledged, (unsigned long long)site->content_owed,
        (uint64_t)highest > site->acknowledged ? ", and has gone back there by an undo" : "");
    return su_remedy(err, "A code can only go forward. If the site has gone back by an undo, bring its "
                          "signed receipt: suimport receipt --out FILE");
}

static int add_code(struct su_home *hub, const char *text, const struct su_actor *actor,
                    struct su_receipt_result *result, struct su_err *err)
{
    SU_AUTO(su_site) struct su_site site = SU_SITE_INIT;
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    struct su_receipt r = {.sequence = 0};
    struct su_spoken code;
    struct sent sent = {.found = false};
    char again[SU_SPOKEN_TEXT];
    if (!su_spoken_parse(&code, text))
        return su_fail(err, SU_RECEIPT, "'%s' is not a telephone code: 20 letters and digits", text);
    if (su_begin(&t, hub->db, err) < 0 || find_author(hub->db, &code, &site, &r, &sent, err) < 0)
        return -1;
    su_spoken_format(&code, again);
    begin_result(result, &site, &r);
    result->is_repeated = r.sequence == site.acknowledged && r.content_owed == site.content_owed;
    if (result->is_repeated)
        return 0;
    if (check_forward(hub->db, &site, &r, err) < 0 ||
        take(hub, &site, &r, &sent, "code", again, actor, result, err) < 0)
        return -1;
    return su_commit(&t, err);
}

int su_receipt_add_code(struct su_home *hub, const char *text, const struct su_actor *actor,
                        struct su_receipt_result *result, struct su_err *err)
{
    return add_code(hub, text, actor, result, err) < 0 ? su_after(err, "Nothing was written.") : 0;
}
