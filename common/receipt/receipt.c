#include "common/receipt/receipt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/point/ledger.h"
#include "common/site/position.h"
#include "common/trust/keys.h"

#define SIGNATURE_TEXT 89 /* base64 of 64 bytes and NUL */

static void format(const struct su_receipt *r, struct su_buf *out)
{
    su_buf_addf(out, "SU-RECEIPT 1\nsite %s\nsequence %llu\nmanifest ", r->site,
                (unsigned long long)r->sequence);
    su_buf_addhex(out, r->manifest, SU_SHA256_BYTES);
    su_buf_adds(out, "\nstate ");
    su_buf_addhex(out, r->state, SU_SHA256_BYTES);
    su_buf_addf(out, "\ncontent-owed %llu\nentry %llu\n", (unsigned long long)r->content_owed,
                (unsigned long long)r->entry);
    if (r->urgent)
        su_buf_addf(out, "urgent %llu\n", (unsigned long long)r->urgent);
    su_buf_adds(out, "ledger ");
    su_buf_addhex(out, r->ledger, SU_SHA256_BYTES);
    su_buf_adds(out, "\n");
}

int su_receipt_fill(struct su_home *site, struct su_receipt *r, struct su_err *err)
{
    SU_AUTO(su_position) struct su_position position = SU_POSITION_INIT;
    int64_t owed, entry, urgent;
    if (su_position_load(site->db, &position, err) < 0)
        return -1;
    if (!position.has_import) {
        (void)su_fail(err, SU_CONFIG, "there is nothing to acknowledge: no bundle was imported here");
        return su_remedy(err, "Import a bundle first.");
    }
    (void)snprintf(r->site, sizeof r->site, "%.16s", site->name);
    r->sequence = position.sequence;
    memcpy(r->manifest, position.manifest_sha256, SU_SHA256_BYTES);
    memcpy(r->state, position.state.digest, SU_SHA256_BYTES);
    if (su_query_int(site->db, &owed, NULL, err,
                     "SELECT count(*) FROM hole WHERE import_id=?1 AND (line LIKE 'licence %' OR line LIKE "
                     "'content %')",
                     SU_I(position.import_id)) < 0 ||
        su_query_int(site->db, &entry, NULL, err, "SELECT coalesce(max(entry), 0) FROM ledger") < 0 ||
        su_query_int(site->db, &urgent, NULL, err, "SELECT coalesce(max(number), 0) FROM urgent") < 0)
        return -1;
    r->content_owed = (uint64_t)owed;
    r->entry = (uint64_t)entry;
    r->urgent = (uint64_t)urgent;
    return su_ledger_head(site->db, r->ledger, err);
}

int su_receipt_make(struct su_home *site, struct su_buf *out, struct su_err *err)
{
    SU_AUTO(su_key_file) struct su_key_file key = SU_KEY_FILE_INIT;
    struct su_receipt r = {.sequence = 0};
    uint8_t signature[SU_SIGNATURE_BYTES];
    char text[SIGNATURE_TEXT];
    if (su_receipt_fill(site, &r, err) < 0 || su_keys_open_private(site, "site", NULL, &key, err) < 0)
        return -1;
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

static bool number_field(const char *text, const char *name, uint64_t max, uint64_t *out)
{
    const char *at = strstr(text, name);
    return at && su_u64_parse(out, at + strlen(name), strcspn(at + strlen(name), "\n"), max);
}

/* Takes the fields out, then formats again: the bytes must be the one canonical form. */
int su_receipt_parse(struct su_receipt *r, const char *text, uint8_t signature[SU_SIGNATURE_BYTES],
                     size_t *signed_bytes, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf again = SU_BUF_INIT(SU_MAX_RECEIPT_BYTES);
    const char *site = strstr(text, "\nsite "), *end = strstr(text, "\nsignature ");
    size_t site_bytes = site ? strcspn(site + 6, "\n") : 0;
    if (!site || !end || site_bytes == 0 || site_bytes >= sizeof r->site)
        return bad("is not in the form of one", err);
    memcpy(r->site, site + 6, site_bytes);
    r->site[site_bytes] = 0;
    r->urgent = 0;
    *signed_bytes = (size_t)(end - text) + 1;
    const char *base64 = end + 11;
    if (!su_site_code_is_valid(r->site) || !number_field(text, "\nsequence ", 999999, &r->sequence) ||
        !number_field(text, "\ncontent-owed ", 999999, &r->content_owed) ||
        !number_field(text, "\nentry ", 999999999999, &r->entry) ||
        (strstr(text, "\nurgent ") && !number_field(text, "\nurgent ", SU_MAX_URGENT_NUMBER, &r->urgent)) ||
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
