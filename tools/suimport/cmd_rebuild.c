/*
 * cmd_rebuild.c - rebuild: the derived tables; with --from, a lost site from the bundles that were kept.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/receipt/receipt.h"
#include "common/site/import.h"
#include "tools/cli/look.h"
#include "tools/suimport/commands.h"

struct kept {
    const char *path;          /* borrowed */
    uint64_t sequence, urgent; /* urgent: its number; 0: an ordinary one */
};
struct rebuilding {
    struct su_context *c;
    struct su_names found;
    SU_VEC(struct kept) list; /* for this site, in order of sequence */
    struct su_import_result last;
    struct su_err refusal; /* of the first bundle that did not fit after the last that did */
    size_t imported;
};

static void rebuilding_cleanup(struct rebuilding *r)
{
    su_names_cleanup(&r->found);
    free(r->list.at);
}

static int compare(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;
    if (x->urgent != y->urgent) /* the ordinary ones first */
        return x->urgent < y->urgent ? -1 : 1;
    return x->sequence != y->sequence ? (x->sequence < y->sequence ? -1 : 1) : strcmp(x->path, y->path);
}

/* Their own claims sort them; each is verified before it is used. */
static int collect(struct rebuilding *r, struct su_err *err)
{
    const char *dir;
    for (size_t i = 0; (dir = su_given_at(r->c, "from", i)); i++)
        if (su_bundle_find(dir, &r->found, err) < 0)
            return -1;
    for (size_t i = 0; (dir = su_argument(r->c, i)); i++)
        if (su_bundle_find(dir, &r->found, err) < 0)
            return -1;
    for (size_t i = 0; i < r->found.count; i++) {
        char site[17];
        uint64_t sequence;
        if (!su_bundle_unverified_claims(r->found.at[i], site, &sequence) ||
            !su_bundle_unverified_is_for(r->found.at[i], r->c->home.name)) {
            su_message(&r->c->events, SU_WRONG_SITE, SU_INFO, "left: %s is no bundle for site %s",
                       r->found.at[i], r->c->home.name);
            continue;
        }
        struct kept *slot = SU_PUSH(&r->list, SU_MAX_BUNDLES_ON_MEDIUM);
        if (!slot)
            return su_fail_full(err, "more than %u bundles", SU_MAX_BUNDLES_ON_MEDIUM);
        *slot = (struct kept){r->found.at[i], sequence, su_bundle_unverified_urgent(r->found.at[i])};
    }
    if (r->list.count == 0)
        return su_fail(err, SU_WRONG_SITE, "none of the %zu bundles is for site %s", r->found.count,
                       r->c->home.name);
    qsort(r->list.at, r->list.count, sizeof *r->list.at, compare);
    return 0;
}

static void answer_step(struct rebuilding *r, const struct kept *k, const char *result, const char *why)
{
    su_json_open(&r->c->json, NULL, '{');
    su_json_text(&r->c->json, "path", k->path);
    su_json_int(&r->c->json, "sequence", (int64_t)k->sequence);
    su_json_text(&r->c->json, "result", result);
    su_json_text(&r->c->json, "why", why);
    su_json_close(&r->c->json, '}');
    su_line(r->c, "%-11s %s%s%s", result, k->path, why[0] ? ": " : "", why);
}

/* What the lost site accepted is accepted again: profiles, jumps and holes that the hub signed for. */
static int import_kept(struct rebuilding *r, const struct kept *k, struct su_err *err)
{
    SU_AUTO(su_bundle_raw) struct su_bundle_raw raw = SU_BUNDLE_RAW_INIT;
    struct su_import_options o = {
        .actor = &r->c->actor, .allow_incomplete = true, .accepted = {.profile = true, .jump = true}};
    struct su_import_result result;
    struct su_err why = SU_ERR_INIT;
    if (su_bundle_open(&raw, k->path, &why) == 0 &&
        su_import(&r->c->home, &raw, &o, &r->c->events, &result, &why) == 0) {
        answer_step(r, k, result.is_repeated ? "held" : "imported", "");
        r->imported += !result.is_repeated;
        if (!k->urgent)
            r->last = result;
        su_err_clear(&r->refusal);
        return 0;
    }
    if (why.code == SU_INTERRUPTED || why.code == SU_SPACE || why.code == SU_DATABASE ||
        why.code == SU_MEMORY) {
        *err = why;
        return -1;
    }
    answer_step(r, k, "passed over", why.text);
    /* The first names what is missing; a later bundle may do its work. */
    if (why.code != SU_OLDER && why.code != SU_URGENT_OLDER && r->refusal.code == SU_OK)
        r->refusal = why;
    return 0;
}

static int read_expected(struct su_context *c, uint8_t out[SU_SHA256_BYTES], bool *is_given,
                         struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MAX_RECEIPT_BYTES);
    const char *word = su_given(c, "expect");
    uint8_t signature[SU_SIGNATURE_BYTES];
    struct su_receipt receipt;
    size_t signed_bytes;
    *is_given = word != NULL;
    if (!word || su_hex_parse(out, SU_SHA256_BYTES, word, strlen(word), false))
        return 0;
    if (su_file_read_all(AT_FDCWD, word, &text, err) < 0)
        return su_prefix(err, "--expect");
    if (!text.bytes || strlen(text.bytes) != text.length)
        return su_fail(err, SU_USAGE, "--expect %s is neither a state digest nor a receipt", word);
    if (su_receipt_parse(&receipt, text.bytes, signature, &signed_bytes, err) < 0)
        return su_prefix(err, "--expect %s", word);
    memcpy(out, receipt.state, SU_SHA256_BYTES);
    return 0;
}

static int run(struct rebuilding *r, struct su_err *err)
{
    struct su_context *c = r->c;
    uint8_t expected[SU_SHA256_BYTES];
    char have[SU_SHA256_TEXT], want[SU_SHA256_TEXT];
    int64_t imports, is_begun;
    bool is_expected;
    if (su_query_int(c->home.db, &imports, NULL, err, "SELECT count(*) FROM import") < 0 ||
        su_setting_int(c->home.db, "rebuilding", &is_begun, err) < 0 ||
        read_expected(c, expected, &is_expected, err) < 0)
        return -1;
    if (imports > 0 && !is_begun) {
        (void)su_fail(err, SU_NOT_NEW, "%s has %lld imports already", c->home_path, (long long)imports);
        return su_after(err, "Nothing was written.");
    }
    if (collect(r, err) < 0)
        return su_after(err, "Nothing was written.");
    /* Until the end is reached the home may be taken up again, with the bundle that was missing. */
    if (su_setting_put_int(c->home.db, "rebuilding", 1, err) < 0)
        return -1;
    su_json_open(&c->json, "steps", '[');
    for (size_t i = 0; i < r->list.count; i++)
        if (import_kept(r, &r->list.at[i], err) < 0)
            return -1;
    su_json_close(&c->json, ']');
    su_hex_format(r->last.state.digest, SU_SHA256_BYTES, have);
    su_json_text(&c->json, "site", c->home.name);
    su_json_int(&c->json, "imported", (int64_t)r->imported);
    su_json_int(&c->json, "sequence", (int64_t)r->last.sequence);
    su_json_text(&c->json, "state_digest", r->last.sequence ? have : NULL);
    su_json_int(&c->json, "content_owed", (int64_t)r->last.content_owed);
    if (r->last.sequence > 0)
        su_line(c, "rebuilt up to %s, state %s", r->last.bundle, have);
    if (r->refusal.code != SU_OK) {
        if (r->last.sequence == 0 && su_setting_put_int(c->home.db, "rebuilding", 0, err) < 0)
            return -1;
        *err = r->refusal;
        (void)su_prefix(err, "the rebuild came as far as %s", r->last.sequence ? r->last.bundle : "nothing");
        return su_after(err, r->imported ? "The bundles before it were imported." : "Nothing was written.");
    }
    su_hex_format(expected, SU_SHA256_BYTES, want);
    if (is_expected && memcmp(expected, r->last.state.digest, SU_SHA256_BYTES) != 0) {
        (void)su_fail(err, SU_STATE_DIFFERS, "the rebuilt state is %s, expected was %s", have, want);
        return su_remedy(
            err, "A newer bundle is missing, or the expected state is another one's: compare the sequences.");
    }
    if (su_setting_put_int(c->home.db, "rebuilding", 0, err) < 0)
        return -1;
    if (r->last.content_owed > 0)
        c->note = SU_CONTENT_BEHIND;
    return 0;
}

int cmd_rebuild(struct su_context *c, struct su_err *err)
{
    SU_AUTO(rebuilding) struct rebuilding r = {.c = c, .refusal = SU_ERR_INIT};
    if (su_has(c, "from"))
        return run(&r, err);
    if (su_argument(c, 0) || su_has(c, "expect"))
        return su_fail(err, SU_USAGE, "which bundles? Give --from DIR");
    return su_cmd_rebuild(c, err);
}
