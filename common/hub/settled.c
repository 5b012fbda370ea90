#include "common/hub/settled.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/lifecycle.h"
#include "common/catalogue/pin.h"
#include "common/catalogue/state.h"

/* What is kept: the digest of the inputs, the catalogue's state, and the numbers of the answer. */
struct settled {
    uint8_t inputs[SU_SHA256_BYTES], catalogue[SU_SHA256_BYTES];
    uint64_t updates, revisions, selected, held_files;
};
#define SETTLED_TEXT 224

static void key_of(const struct su_site *site, char out[64])
{
    (void)snprintf(out, 64, "settled %.50s", site->code);
}

/* Each input but the catalogue itself, in words. The history tells of most of what moves the catalogue before
 * its state is computed, which takes as long as all the rest of an answer. Rows of stored_file are only ever
 * added on a hub, and those of site_file only taken away between two exports, so their numbers tell; the
 * newest bundle tells the rest of the site's books. */
static int digest_inputs(struct su_db *db, const struct su_site *site, uint64_t sequence,
                         uint8_t out[SU_SHA256_BYTES], struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(2 * SU_MAX_PROFILE_ITEMS * 64 + 4096);
    SU_AUTO(su_buf) struct su_buf manifest = SU_BUF_INIT(128), history = SU_BUF_INIT(128);
    int64_t derived, stored, at_site;
    uint8_t pinned[SU_SHA256_BYTES], ruled[SU_SHA256_BYTES];
    uint64_t pins, rules;
    if (su_pin_digest(db, pinned, &pins, err) < 0 || su_lifecycle_digest(db, ruled, &rules, err) < 0 ||
        su_setting_int(db, "derived", &derived, err) < 0 ||
        su_query_int(db, &stored, NULL, err, "SELECT count(*) FROM stored_file") < 0 ||
        su_query_int(db, &at_site, NULL, err, "SELECT count(*) FROM site_file WHERE site_id=?1",
                     SU_I(site->site_id)) < 0 ||
        su_query_text(db, &history, NULL, err,
                      "SELECT hex(state_digest) FROM sync_history ORDER BY sync_id DESC LIMIT 1") < 0 ||
        su_query_text(db, &manifest, NULL, err,
                      "SELECT hex(manifest_sha256) FROM export WHERE site_id=?1 AND sequence=?2",
                      SU_I(site->site_id), SU_I(sequence)) < 0)
        return -1;
    su_buf_addf(&text,
                "program %s\nhistory %s\nderived %lld\nstored %lld\nsite %lld %s %lld\nbundle %llu %s\n",
                SU_VERSION, history.bytes, (long long)derived, (long long)stored, (long long)site->site_id,
                site->code, (long long)at_site, (unsigned long long)sequence, manifest.bytes);
    su_profile_format(&site->profile, &text);
    su_profile_format_approvals(&site->profile, &text);
    su_buf_addf(&text, "pins %llu ", (unsigned long long)pins);
    su_buf_addhex(&text, pinned, sizeof pinned);
    su_buf_addf(&text, "\nruled %llu ", (unsigned long long)rules);
    su_buf_addhex(&text, ruled, sizeof ruled);
    if (su_buf_check(&text, "the inputs of a plan", err) < 0)
        return -1;
    return su_sha256(out, text.bytes, text.length, err);
}

int su_settled_forget(struct su_db *db, const struct su_site *site, struct su_err *err)
{
    char key[64];
    key_of(site, key);
    return su_run(db, err, "DELETE FROM setting WHERE key=?1", SU_T(key));
}

int su_settled_keep(struct su_db *db, const struct su_site *site, const struct su_export_result *result,
                    struct su_err *err)
{
    const struct su_manifest *m = &result->manifest;
    struct settled k;
    char key[64], text[SETTLED_TEXT], inputs[SU_SHA256_TEXT], catalogue[SU_SHA256_TEXT];
    if (m->holes.count > 0)
        return su_settled_forget(db, site, err);
    if (digest_inputs(db, site, m->sequence, k.inputs, err) < 0)
        return -1;
    key_of(site, key);
    su_hex_format(k.inputs, SU_SHA256_BYTES, inputs);
    su_hex_format(result->catalogue, SU_SHA256_BYTES, catalogue);
    (void)snprintf(text, sizeof text, "%s %s %llu %llu %llu %llu", inputs, catalogue,
                   (unsigned long long)m->updates, (unsigned long long)m->revisions,
                   (unsigned long long)result->selected,
                   (unsigned long long)(result->held_files + result->files));
    return su_run(db, err, "INSERT OR REPLACE INTO setting VALUES (?1, ?2)", SU_T(key), SU_T(text));
}

/* False for a text of another form: then nothing is settled. */
static bool parse(const char *text, struct settled *out)
{
    uint64_t *numbers[] = {&out->updates, &out->revisions, &out->selected, &out->held_files};
    uint8_t *digests[] = {out->inputs, out->catalogue};
    for (size_t i = 0; i < 2; i++) {
        if (i > 0 && *text++ != ' ')
            return false;
        if (strlen(text) < 2 * SU_SHA256_BYTES ||
            !su_hex_parse(digests[i], SU_SHA256_BYTES, text, 2 * SU_SHA256_BYTES, true))
            return false;
        text += 2 * SU_SHA256_BYTES;
    }
    for (size_t i = 0; i < 4; i++) {
        size_t length = *text == ' ' ? strcspn(text + 1, " ") : 0;
        if (length == 0 || !su_u64_parse(numbers[i], text + 1, length, INT64_MAX))
            return false;
        text += 1 + length;
    }
    return *text == 0;
}

int su_settled_nothing(struct su_db *db, const struct su_site *site, struct su_export_result *result,
                       bool *out, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SETTLED_TEXT);
    struct su_manifest *m = &result->manifest;
    struct settled k;
    struct su_state state;
    uint8_t inputs[SU_SHA256_BYTES];
    char key[64];
    bool found;
    *out = false;
    key_of(site, key);
    if (su_query_text(db, &text, &found, err, "SELECT value FROM setting WHERE key=?1", SU_T(key)) < 0)
        return -1;
    if (!found || !parse(text.bytes, &k))
        return 0;
    if (digest_inputs(db, site, site->last_sent, inputs, err) < 0)
        return -1;
    if (memcmp(inputs, k.inputs, sizeof inputs) != 0)
        return 0;
    if (su_state_of(db, &state, err) < 0)
        return -1;
    if (memcmp(state.digest, k.catalogue, sizeof k.catalogue) != 0)
        return 0;
    *out = result->is_nothing = true;
    m->updates = k.updates;
    m->revisions = k.revisions;
    result->selected = k.selected;
    result->held_files = k.held_files;
    return 0;
}
