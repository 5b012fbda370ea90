#include "common/core/receipt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/core/keys.h"
#include "common/core/ledger.h"
#include "common/core/position.h"
#include "common/core/site.h"

#define SIGNATURE_TEXT 89 /* base64 of 64 bytes and NUL */

struct receipt {
    char site[17];
    uint64_t sequence, content_owed;
    uint8_t manifest[SU_SHA256_BYTES], state[SU_SHA256_BYTES], ledger[SU_SHA256_BYTES];
};

static void format(const struct receipt *r, struct su_buf *out)
{
    su_buf_addf(out, "SU-RECEIPT 1\nsite %s\nsequence %llu\nmanifest ", r->site,
                (unsigned long long)r->sequence);
    su_buf_addhex(out, r->manifest, SU_SHA256_BYTES);
    su_buf_adds(out, "\nstate ");
    su_buf_addhex(out, r->state, SU_SHA256_BYTES);
    su_buf_addf(out, "\ncontent-owed %llu\nledger ", (unsigned long long)r->content_owed);
    su_buf_addhex(out, r->ledger, SU_SHA256_BYTES);
    su_buf_adds(out, "\n");
}

int su_receipt_make(struct su_home *site, struct su_buf *out, struct su_err *err)
{
    SU_AUTO(su_position) struct su_position position = SU_POSITION_INIT;
    SU_AUTO(su_key_file) struct su_key_file key = SU_KEY_FILE_INIT;
    struct receipt r = {.sequence = 0};
    uint8_t signature[SU_SIGNATURE_BYTES];
    char text[SIGNATURE_TEXT];
    int64_t owed;
    if (su_position_load(site->db, &position, err) < 0)
        return -1;
    if (!position.has_import) {
        (void)su_fail(err, SU_CONFIG, "there is nothing to acknowledge: no bundle was imported here");
        return su_remedy(err, "Import a bundle first.");
    }
    (void)snprintf(r.site, sizeof r.site, "%.16s", site->name);
    r.sequence = position.sequence;
    memcpy(r.manifest, position.manifest_sha256, SU_SHA256_BYTES);
    memcpy(r.state, position.state.digest, SU_SHA256_BYTES);
    if (su_query_int(site->db, &owed, NULL, err,
                     "SELECT count(*) FROM hole WHERE import_id=?1 AND (line LIKE 'licence %' OR line LIKE "
                     "'content %')",
                     SU_I(position.import_id)) < 0 ||
        su_ledger_head(site->db, r.ledger, err) < 0 || su_keys_open_private(site, "site", &key, err) < 0)
        return -1;
    r.content_owed = (uint64_t)owed;
    format(&r, out);
    if (su_buf_check(out, "a receipt", err) < 0 ||
        su_sign(&key.key, out->bytes, out->length, signature, err) < 0)
        return -1;
    su_base64_format(signature, sizeof signature, text);
    su_buf_addf(out, "signature %s\n", text);
    return su_buf_check(out, "a receipt", err);
}

static int bad(const char *what, struct su_err *err)
{
    return su_fail(err, SU_RECEIPT, "the receipt %s", what);
}

static bool hex_field(const char *text, const char *name, uint8_t out[SU_SHA256_BYTES])
{
    const char *at = strstr(text, name);
    return at && strlen(at) > strlen(name) + 64 &&
           su_hex_parse(out, SU_SHA256_BYTES, at + strlen(name), 64, true);
}

static bool number_field(const char *text, const char *name, uint64_t *out)
{
    const char *at = strstr(text, name);
    return at && su_u64_parse(out, at + strlen(name), strcspn(at + strlen(name), "\n"), 999999);
}

/* Takes the fields out, then formats again: the bytes must be the one canonical form. */
static int parse(struct receipt *r, const char *text, uint8_t signature[SU_SIGNATURE_BYTES],
                 size_t *signed_bytes, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf again = SU_BUF_INIT(SU_MAX_RECEIPT_BYTES);
    const char *site = strstr(text, "\nsite "), *end = strstr(text, "\nsignature ");
    size_t site_bytes = site ? strcspn(site + 6, "\n") : 0;
    if (!site || !end || site_bytes == 0 || site_bytes >= sizeof r->site)
        return bad("is not in the form of one", err);
    memcpy(r->site, site + 6, site_bytes);
    *signed_bytes = (size_t)(end - text) + 1;
    const char *base64 = end + 11;
    if (!su_site_code_is_valid(r->site) || !number_field(text, "\nsequence ", &r->sequence) ||
        !number_field(text, "\ncontent-owed ", &r->content_owed) ||
        !hex_field(text, "\nmanifest ", r->manifest) || !hex_field(text, "\nstate ", r->state) ||
        !hex_field(text, "\nledger ", r->ledger) || strlen(base64) != SIGNATURE_TEXT ||
        base64[SIGNATURE_TEXT - 1] != '\n' ||
        !su_base64_parse(signature, SU_SIGNATURE_BYTES, base64, SIGNATURE_TEXT - 1))
        return bad("is not in the form of one", err);
    format(r, &again);
    if (su_buf_check(&again, "a receipt", err) < 0)
        return -1;
    return again.length == *signed_bytes && memcmp(again.bytes, text, again.length) == 0
               ? 0
               : bad("is not in canonical form", err);
}

static int check_signature(const struct su_site *site, const char *text, size_t length,
                           const uint8_t signature[SU_SIGNATURE_BYTES], struct su_err *err)
{
    SU_AUTO(su_key) struct su_key key = SU_KEY_INIT;
    if (site->public_key.length == 0) {
        (void)su_fail(err, SU_RECEIPT, "site %s is not enrolled: this hub has not pinned its key",
                      site->code);
        return su_remedy(err,
                         "Carry keys/site.pub from the site once and run: suexport site set %s --key FILE",
                         site->code);
    }
    if (su_key_load_public(&key, site->public_key.bytes, site->public_key.length, err) < 0)
        return -1;
    return su_signature_is_good(&key, text, length, signature)
               ? 0
               : su_fail(err, SU_RECEIPT, "the receipt's signature is not by the key pinned for site %s",
                         site->code);
}

static int check_state(struct su_home *hub, const struct su_site *site, const struct receipt *r,
                       struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    uint8_t state[SU_SHA256_BYTES], manifest[SU_SHA256_BYTES];
    if (su_query(hub->db, &rows, err,
                 "SELECT state_digest, manifest_sha256 FROM export WHERE site_id=?1 AND sequence=?2",
                 SU_I(site->site_id), SU_I(r->sequence)) < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more < 0 ? -1
                        : su_fail(err, SU_RECEIPT,
                                  "the receipt is for sequence %llu, the last made for %s is %llu",
                                  (unsigned long long)r->sequence, site->code,
                                  (unsigned long long)site->last_sent);
    if (su_rows_fixed(&rows, 0, state, sizeof state, err) < 0 ||
        su_rows_fixed(&rows, 1, manifest, sizeof manifest, err) < 0)
        return -1;
    if (memcmp(state, r->state, sizeof state) != 0 || memcmp(manifest, r->manifest, sizeof manifest) != 0)
        return su_fail(err, SU_RECEIPT,
                       "the receipt names a state or manifest that bundle %llu of %s did not have",
                       (unsigned long long)r->sequence, site->code);
    return 0;
}

static int acknowledge(struct su_home *hub, const struct su_site *site, const struct receipt *r,
                       const struct su_actor *actor, const char *text, size_t length, struct su_err *err)
{
    struct su_ledger_entry entry = {.actor = actor,
                                    .kind = "receipt",
                                    .site = site->code,
                                    .sequence = r->sequence,
                                    .detail = r->content_owed ? "state acknowledged, content owed"
                                                              : "state acknowledged"};
    if (su_sha256(entry.subject, text, length, err) < 0 ||
        su_run(hub->db, err, "UPDATE site SET acknowledged=?2 WHERE site_id=?1", SU_I(site->site_id),
               SU_I(r->sequence)) < 0 ||
        /* What an undo at the site could lead back to is kept. */
        su_run(hub->db, err, "DELETE FROM site_state WHERE site_id=?1 AND to_sequence<=?2-?3",
               SU_I(site->site_id), SU_I(r->sequence), SU_I(SU_UNDO_KEEP)) < 0)
        return -1;
    return su_ledger_add(hub->db, &entry, err);
}

int su_receipt_add(struct su_home *hub, const char *text, const struct su_actor *actor,
                   struct su_receipt_result *result, struct su_err *err)
{
    SU_AUTO(su_site) struct su_site site = SU_SITE_INIT;
    SU_AUTO(su_transaction) struct su_transaction t = SU_TRANSACTION_INIT;
    struct receipt r = {.sequence = 0};
    uint8_t signature[SU_SIGNATURE_BYTES];
    size_t signed_bytes = 0;
    if (parse(&r, text, signature, &signed_bytes, err) < 0 || su_begin(&t, hub->db, err) < 0 ||
        su_site_load(hub->db, r.site, &site, err) < 0 ||
        check_signature(&site, text, signed_bytes, signature, err) < 0 ||
        check_state(hub, &site, &r, err) < 0)
        return su_after(err, "Nothing was written.");
    (void)snprintf(result->site, sizeof result->site, "%s", r.site);
    result->sequence = r.sequence;
    result->content_owed = r.content_owed;
    bool is_newer = r.sequence > site.acknowledged;
    result->is_stale = !is_newer;
    if (!is_newer)
        return 0;
    if (acknowledge(hub, &site, &r, actor, text, strlen(text), err) < 0)
        return -1;
    return su_commit(&t, err);
}
