#include "common/core/position.h"

#include <stdio.h>
#include <string.h>

void su_position_cleanup(struct su_position *p)
{
    su_buf_cleanup(&p->profile);
}

int su_position_load(struct su_db *db, struct su_position *p, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    if (su_state_of(db, &p->state, err) < 0 ||
        su_query(db, &rows, err,
                 "SELECT import_id, sequence, bundle, imported, manifest_sha256, profile, promise_days FROM "
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

void su_position_advance(struct su_position *p, const struct su_bundle *b)
{
    p->has_import = true;
    p->sequence = b->manifest.sequence;
    memcpy(p->manifest_sha256, b->manifest_sha256, SU_SHA256_BYTES);
    memcpy(p->state.digest, b->manifest.result, SU_SHA256_BYTES);
    (void)snprintf(p->bundle, sizeof p->bundle, "%s", b->name);
    su_buf_clear(&p->profile);
    su_profile_format(&b->manifest.profile, &p->profile);
}

static int judge_base(const struct su_position *p, const struct su_manifest *m, const char *bundle,
                      struct su_err *err)
{
    char state[17];
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
        (void)su_fail(err, SU_GAP,
                      "%s fits the states after bundles %llu to %llu; this site is at %llu (state %s). "
                      "Missing: a bundle %llu to %llu (the last was made of the catalogue of %s)",
                      bundle, first, last, (unsigned long long)p->sequence, state, first, last,
                      m->follows_created);
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

int su_position_judge(const struct su_position *p, const struct su_home *site, const struct su_bundle *b,
                      bool accept_profile, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf profile = SU_BUF_INIT(SU_MAX_PROFILE_ITEMS * 64);
    const struct su_manifest *m = &b->manifest;
    if (strcmp(m->site, site->name) != 0)
        return su_fail(err, SU_WRONG_SITE, "%s is for site %s, this is %s", b->name, m->site, site->name);
    if (p->has_import && memcmp(p->manifest_sha256, b->manifest_sha256, SU_SHA256_BYTES) == 0 &&
        memcmp(p->state.digest, m->result, SU_SHA256_BYTES) == 0)
        return 1;
    if (p->has_import && m->sequence <= p->sequence)
        return su_fail(err, SU_OLDER, "%s has sequence %llu, this site has reached %llu (%s, imported %s)",
                       b->name, (unsigned long long)m->sequence, (unsigned long long)p->sequence, p->bundle,
                       p->imported);
    if (judge_base(p, m, b->name, err) < 0)
        return -1;
    su_profile_format(&m->profile, &profile);
    if (su_buf_check(&profile, "a profile", err) < 0)
        return -1;
    if (p->has_import && !accept_profile &&
        strcmp(profile.bytes, p->profile.bytes ? p->profile.bytes : "") != 0)
        return profile_differs(p, &profile, err);
    return 0;
}
