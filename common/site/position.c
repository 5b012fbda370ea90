#include "common/site/position.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void su_position_cleanup(struct su_position *p)
{
    su_buf_cleanup(&p->profile);
    free(p->past.at);
    free(p->urgent_past.at);
    p->past.at = p->urgent_past.at = NULL;
    p->past.count = p->past.capacity = p->urgent_past.count = p->urgent_past.capacity = 0;
}

static int remember(struct su_position *p, uint64_t sequence, const uint8_t manifest[SU_SHA256_BYTES],
                    struct su_err *err)
{
    struct su_past *past = SU_PUSH(&p->past, 1000000);
    if (!past)
        return su_fail_memory(err);
    past->sequence = sequence;
    memcpy(past->manifest_sha256, manifest, SU_SHA256_BYTES);
    if (sequence > p->highest)
        p->highest = sequence;
    return 0;
}

static int load_past(struct su_db *db, struct su_position *p, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    uint8_t manifest[SU_SHA256_BYTES];
    int more;
    if (su_query(db, &rows, err, "SELECT sequence, manifest_sha256 FROM import ORDER BY import_id") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0)
        if (su_rows_fixed(&rows, 1, manifest, sizeof manifest, err) < 0 ||
            remember(p, (uint64_t)su_rows_int(&rows, 0), manifest, err) < 0)
            return -1;
    return more;
}

static int remember_urgent(struct su_position *p, uint64_t number, const uint8_t manifest[SU_SHA256_BYTES],
                           struct su_err *err)
{
    struct su_past *past = SU_PUSH(&p->urgent_past, 1000000);
    if (!past)
        return su_fail_memory(err);
    past->sequence = number;
    memcpy(past->manifest_sha256, manifest, SU_SHA256_BYTES);
    return 0;
}

static int load_urgent(struct su_db *db, struct su_position *p, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    uint8_t manifest[SU_SHA256_BYTES];
    int more;
    if (su_overlay_standing(db, &p->urgent, err) < 0 ||
        su_query(db, &rows, err, "SELECT number, manifest_sha256, undone FROM urgent ORDER BY urgent_id") < 0)
        return -1;
    while ((more = su_rows_next(&rows, err)) > 0) {
        uint64_t number = (uint64_t)su_rows_int(&rows, 0);
        if (su_rows_int(&rows, 2) == 0)
            p->urgent_number = number;
        if (su_rows_fixed(&rows, 1, manifest, sizeof manifest, err) < 0 ||
            remember_urgent(p, number, manifest, err) < 0)
            return -1;
    }
    return more;
}

int su_position_load(struct su_db *db, struct su_position *p, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    if (su_state_of(db, &p->state, err) < 0 || load_past(db, p, err) < 0 || load_urgent(db, p, err) < 0 ||
        su_query(db, &rows, err,
                 "SELECT import_id, sequence, bundle, imported, manifest_sha256, profile, promise_days, "
                 "jump_limit FROM "
                 "import WHERE NOT undone"
                 " ORDER BY import_id DESC LIMIT 1") < 0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more;
    p->has_import = true;
    p->import_id = su_rows_int(&rows, 0);
    p->sequence = (uint64_t)su_rows_int(&rows, 1);
    p->promise_days = (uint64_t)su_rows_int(&rows, 6);
    p->jump_limit = (uint64_t)su_rows_int(&rows, 7);
    (void)snprintf(p->bundle, sizeof p->bundle, "%s", su_rows_text(&rows, 2));
    (void)snprintf(p->imported, sizeof p->imported, "%s", su_rows_text(&rows, 3));
    su_buf_clear(&p->profile);
    su_buf_adds(&p->profile, su_rows_text(&rows, 5));
    if (su_buf_check(&p->profile, "a profile", err) < 0)
        return -1;
    return su_rows_fixed(&rows, 4, p->manifest_sha256, SU_SHA256_BYTES, err);
}

int su_position_profile(struct su_db *db, struct su_profile *out, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MAX_PROFILE_ITEMS * 128);
    bool found;
    out->content = SU_CONTENT_ALL;
    if (su_query_text(
            db, &text, &found, err,
            "SELECT profile||approvals FROM import WHERE NOT undone ORDER BY import_id DESC LIMIT 1") < 0)
        return -1;
    for (const char *line = found ? text.bytes : ""; *line;) {
        size_t n = strcspn(line, "\n");
        if (!su_profile_parse_line(out, line, n, err))
            return su_fail(err, SU_DATA, "database: the pinned profile has a line that is none: %.*s", (int)n,
                           line);
        line += n + (line[n] != 0);
    }
    su_profile_sort(out);
    return 0;
}

int su_position_advance(struct su_position *p, const struct su_bundle *b, struct su_err *err)
{
    if (b->manifest.urgent) {
        p->urgent_number = b->manifest.urgent;
        return remember_urgent(p, b->manifest.urgent, b->manifest_sha256, err);
    }
    p->has_import = true;
    p->sequence = b->manifest.sequence;
    p->jump_limit = b->manifest.jump_limit;
    memcpy(p->manifest_sha256, b->manifest_sha256, SU_SHA256_BYTES);
    memcpy(p->state.digest, b->manifest.result, SU_SHA256_BYTES);
    (void)snprintf(p->bundle, sizeof p->bundle, "%s", b->name);
    su_buf_clear(&p->profile);
    su_profile_format(&b->manifest.profile, &p->profile);
    return remember(p, p->sequence, b->manifest_sha256, err);
}

bool su_position_is_for(const struct su_manifest *m, const char *site)
{
    if (strcmp(m->site, site) == 0)
        return true;
    for (size_t i = 0; i < m->children.count; i++)
        if (strcmp(m->children.at[i].text, site) == 0)
            return true;
    return false;
}

static int other_site(const struct su_bundle *b, const char *here, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf also = SU_BUF_INIT(SU_MAX_CHILDREN * 20 + 64);
    for (size_t i = 0; i < b->manifest.children.count; i++)
        su_buf_addf(&also, "%s%s", i ? ", " : " and may be relayed to ", b->manifest.children.at[i].text);
    if (su_buf_check(&also, "a list of sites", err) < 0)
        return -1;
    return su_fail(err, SU_WRONG_SITE, "%s is for site %s%s, this is %s", b->name, b->manifest.site,
                   also.bytes ? also.bytes : "", here);
}

/* Two bundles of one number: one of them was made by somebody who did not know of the other. */
static int judge_number(const struct su_position *p, const struct su_bundle *b, struct su_err *err)
{
    char ours[SU_SHA256_TEXT], theirs[SU_SHA256_TEXT];
    bool is_urgent = b->manifest.urgent > 0;
    for (size_t i = 0; i < (is_urgent ? p->urgent_past.count : p->past.count); i++) {
        const struct su_past *past = is_urgent ? &p->urgent_past.at[i] : &p->past.at[i];
        if (past->sequence != (is_urgent ? b->manifest.urgent : b->manifest.sequence) ||
            memcmp(past->manifest_sha256, b->manifest_sha256, SU_SHA256_BYTES) == 0)
            continue;
        su_hex_format(past->manifest_sha256, SU_SHA256_BYTES, ours);
        su_hex_format(b->manifest_sha256, SU_SHA256_BYTES, theirs);
        return su_fail(err, SU_NUMBER_TWICE,
                       "%s has manifest %s, but the %s%06llu imported here had manifest %s", b->name, theirs,
                       is_urgent ? "urgent bundle " : "bundle ", (unsigned long long)past->sequence, ours);
    }
    return 0;
}

/* No clock: the limit that the last import signed is all that is asked. */
static int judge_jump(const struct su_position *p, const struct su_bundle *b, struct su_err *err)
{
    uint64_t pinned = p->highest > p->sequence ? p->highest : p->sequence;
    if (!p->has_import || p->jump_limit == 0 || b->manifest.sequence <= pinned ||
        b->manifest.sequence - pinned <= p->jump_limit)
        return 0;
    return su_fail(
        err, SU_JUMP,
        "%s has sequence %llu, the highest imported here is %llu, and %s allows a jump of at most %llu",
        b->name, (unsigned long long)b->manifest.sequence, (unsigned long long)pinned, p->bundle,
        (unsigned long long)p->jump_limit);
}

static int judge_base(const struct su_position *p, const struct su_manifest *m, const char *bundle,
                      struct su_err *err)
{
    char state[17], missing[SU_BUNDLE_NAME_TEXT];
    if (m->is_full)
        return 0;
    for (size_t i = 0; i < m->bases.count; i++)
        if (memcmp(m->bases.at[i].digest, p->state.digest, SU_SHA256_BYTES) == 0)
            return 0;
    su_hex_format(p->state.digest, 8, state);
    unsigned long long first = m->bases.count ? m->bases.at[0].sequence : 0, last = m->follows;
    if (p->sequence >= first && p->has_import)
        (void)su_fail(err, SU_GAP,
                      "%s fits the states after bundles %llu to %llu; this site says it is at %llu, but its "
                      "state is %s, which is none of them",
                      bundle, first, last, (unsigned long long)p->sequence, state);
    else
        (void)su_fail(
            err, SU_GAP,
            "%s fits the states after bundles %llu to %llu; this site is at %llu (state %s). "
            "Missing: a bundle %llu to %llu; the last of them, %s, was made by hub %s of the catalogue of "
            "%s",
            bundle, first, last, (unsigned long long)p->sequence, state, first, last,
            su_bundle_name(m->site, last, missing), m->hub, m->follows_created);
    if (p->has_import)
        return su_remedy(err,
                         "a) bring SU-%s-%06llu (or one up to %06llu) and import it first, or b) ask the hub "
                         "for: suexport export --site %s --since %llu, or --full",
                         m->site, first, last, m->site, (unsigned long long)p->sequence);
    return su_remedy(err,
                     "a) bring SU-%s-%06llu (or one up to %06llu) and import it first, or b) ask the hub "
                     "for: suexport export --site %s --full",
                     m->site, first, last, m->site);
}

/* Both profiles side by side, one line each. */
static int profile_differs(const struct su_position *p, const struct su_buf *theirs, struct su_err *err)
{
    char ours[500], signed_text[500];
    su_escape_into(ours, sizeof ours, p->profile.bytes ? p->profile.bytes : "");
    su_escape_into(signed_text, sizeof signed_text, theirs->bytes ? theirs->bytes : "");
    return su_fail(err, SU_PROFILE_DIFFERS, "the profile pinned here is [%s], the bundle's is [%s]", ours,
                   signed_text);
}

/* An urgent bundle fits any state. It is of use until an ordinary bundle has taken its place. */
static int judge_urgent(const struct su_position *p, const struct su_bundle *b, struct su_err *err)
{
    const struct su_manifest *m = &b->manifest;
    if (judge_number(p, b, err) < 0)
        return -1;
    if (m->urgent < p->urgent_number)
        return su_fail(err, SU_URGENT_OLDER, "%s is older than urgent bundle %llu, which was imported",
                       b->name, (unsigned long long)p->urgent_number);
    return m->urgent == p->urgent_number || su_position_is_settled(p, m) ? 1 : 0;
}

bool su_position_is_settled(const struct su_position *p, const struct su_manifest *m)
{
    return m->urgent > 0 && p->has_import && p->sequence >= m->sequence;
}

int su_position_judge(const struct su_position *p, const struct su_home *site, const struct su_bundle *b,
                      struct su_accepted accepted, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf profile = SU_BUF_INIT(SU_MAX_PROFILE_ITEMS * 64);
    const struct su_manifest *m = &b->manifest;
    if (!su_position_is_for(m, site->name))
        return other_site(b, site->name, err);
    if (m->urgent)
        return judge_urgent(p, b, err);
    if (p->has_import && memcmp(p->manifest_sha256, b->manifest_sha256, SU_SHA256_BYTES) == 0 &&
        memcmp(p->state.digest, m->result, SU_SHA256_BYTES) == 0)
        return 1;
    if (judge_number(p, b, err) < 0)
        return -1;
    if (p->has_import && m->sequence <= p->sequence)
        return su_fail(err, SU_OLDER, "%s has sequence %llu, this site has reached %llu (%s, imported %s)",
                       b->name, (unsigned long long)m->sequence, (unsigned long long)p->sequence, p->bundle,
                       p->imported);
    if (judge_base(p, m, b->name, err) < 0 || (!accepted.jump && judge_jump(p, b, err) < 0))
        return -1;
    su_profile_format(&m->profile, &profile);
    if (su_buf_check(&profile, "a profile", err) < 0)
        return -1;
    if (p->has_import && !accepted.profile &&
        strcmp(profile.bytes, p->profile.bytes ? p->profile.bytes : "") != 0)
        return profile_differs(p, &profile, err);
    return 0;
}
