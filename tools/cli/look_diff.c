/*
 * look_diff.c - diff --digest: where two catalogues differ, by a few short codes read over the telephone.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/catalogue/tree.h"
#include "tools/cli/look.h"

/* Hub: the state a site is believed to hold, after its last acknowledged bundle or the one named. */
static int choose_source(struct su_context *c, struct su_tree_source *source, uint8_t digest[SU_SHA256_BYTES],
                         struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    const char *code = su_given(c, "site");
    if (!code)
        return su_has(c, "sequence") ? su_fail(err, SU_USAGE, "--sequence is of a site: give --site CODE")
                                     : 0;
    if (su_query(c->home.db, &rows, err, "SELECT site_id, acknowledged FROM site WHERE code=?1", SU_T(code)) <
        0)
        return -1;
    int more = su_rows_next(&rows, err);
    if (more <= 0)
        return more < 0 ? -1 : su_fail(err, SU_SITE_UNKNOWN, "no site %s is known here", code);
    source->site_id = su_rows_int(&rows, 0);
    source->sequence = (uint64_t)su_rows_int(&rows, 1);
    su_rows_cleanup(&rows);
    if (su_given_number(c, "sequence", 999999, &source->sequence, err) < 0)
        return -1;
    if (source->sequence == 0) {
        (void)su_fail(err, SU_NOT_FOUND, "%s has acknowledged no bundle yet", code);
        return su_remedy(err, "Name the bundle it should hold: --sequence N");
    }
    if (su_query(c->home.db, &rows, err, "SELECT state_digest FROM export WHERE site_id=?1 AND sequence=?2",
                 SU_I(source->site_id), SU_I(source->sequence)) < 0)
        return -1;
    more = su_rows_next(&rows, err);
    if (more <= 0)
        return more < 0 ? -1
                        : su_fail(err, SU_NOT_FOUND, "no bundle %llu was made for %s",
                                  (unsigned long long)source->sequence, code);
    su_json_text(&c->json, "site", code);
    su_json_int(&c->json, "sequence", (int64_t)source->sequence);
    return su_rows_fixed(&rows, 0, digest, SU_SHA256_BYTES, err);
}

static void answer_children(struct su_context *c, const struct su_tree *t, const char *prefix)
{
    su_json_open(&c->json, "children", '[');
    for (int i = 0; i < 16; i++) {
        const uint8_t *d = t->children[i].digest;
        char name[SU_TREE_PREFIX + 2], code[8];
        (void)snprintf(name, sizeof name, "%s%x", prefix, (unsigned)i);
        (void)snprintf(code, sizeof code, "%02x%02x", d[0], d[1]);
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "prefix", name);
        su_json_text(&c->json, "code", code);
        su_json_int(&c->json, "revisions", (int64_t)t->children[i].revisions);
        su_json_hex(&c->json, "digest", d, SU_SHA256_BYTES);
        su_json_close(&c->json, '}');
        if (t->below > SU_TREE_LISTED)
            su_line(c, "  %s  %s  %s", name, code, su_count_text(t->children[i].revisions));
    }
    su_json_close(&c->json, ']');
}

static int answer_listed(struct su_context *c, const struct su_tree *t, struct su_err *err)
{
    su_json_open(&c->json, "listed", '[');
    for (size_t i = 0; t->below <= SU_TREE_LISTED && i < t->below; i++) {
        SU_AUTO(su_buf) struct su_buf title = SU_BUF_INIT(SU_MAX_XML_TEXT_BYTES);
        const struct su_tree_leaf *l = &t->listed[i];
        char id[SU_GUID_TEXT];
        bool found;
        if (su_query_text(
                c->home.db, &title, &found, err,
                "SELECT title FROM revision JOIN info USING (rev_id) WHERE update_id=?1 AND revision=?2",
                SU_B(l->id.bytes, 16), SU_I(l->revision)) < 0)
            return -1;
        su_guid_format(&l->id, id);
        su_json_open(&c->json, NULL, '{');
        su_json_text(&c->json, "update_id", id);
        su_json_int(&c->json, "revision", l->revision);
        su_json_hex(&c->json, "record_sha256", l->record_sha256, SU_SHA256_BYTES);
        su_json_text(&c->json, "title", found ? title.bytes : NULL);
        su_json_close(&c->json, '}');
        su_line(c, "  %s %u  %02x%02x  %s", id, l->revision, l->record_sha256[0], l->record_sha256[1],
                found ? title.bytes : "(not held here)");
    }
    su_json_close(&c->json, ']');
    return 0;
}

static int compare(struct su_context *c, const struct su_tree *t, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MIB);
    const char *path = su_given(c, "with");
    uint8_t other[256][SU_SHA256_BYTES], state[SU_SHA256_BYTES];
    size_t differing = 0;
    if (!path)
        return 0;
    if (su_file_read_all(AT_FDCWD, path, &text, err) < 0 ||
        su_tree_parse_buckets(text.bytes ? text.bytes : "", other, state, err) < 0)
        return su_prefix(err, "--with %s", path);
    su_json_hex(&c->json, "other_state_digest", state, SU_SHA256_BYTES);
    su_json_open(&c->json, "differing", '[');
    for (unsigned b = 0; b < 256; b++) {
        char name[4];
        if (memcmp(other[b], t->buckets[b], SU_SHA256_BYTES) == 0)
            continue;
        differing++;
        (void)snprintf(name, sizeof name, "%02x", b);
        su_json_text(&c->json, NULL, name);
        su_line(c, "  differs: prefix %s; see there: diff --digest %s", name, name);
    }
    su_json_close(&c->json, ']');
    su_json_bool(&c->json, "equal", differing == 0);
    su_line(c, "%s",
            differing ? "the catalogues differ below these prefixes only" : "the catalogues are equal");
    return 0;
}

int su_cmd_diff(struct su_context *c, struct su_err *err)
{
    static struct su_tree tree; /* large */
    struct su_tree_source source = {.site_id = 0};
    const char *prefix = su_argument(c, 0) ? su_argument(c, 0) : "";
    uint8_t promised[SU_SHA256_BYTES];
    char state[20];
    if (!su_has(c, "digest"))
        return su_fail(err, SU_USAGE, "what of two catalogues? Give --digest");
    if (choose_source(c, &source, promised, err) < 0 ||
        su_tree_read(c->home.db, &source, prefix, &tree, err) < 0)
        return -1;
    if (source.site_id != 0 && memcmp(promised, tree.state.digest, sizeof promised) != 0)
        return su_fail(err, SU_NOT_FOUND, "what %s held after bundle %llu is no longer in the books",
                       su_given(c, "site"), (unsigned long long)source.sequence);
    su_short_digest(tree.state.digest, state);
    su_json_text(&c->json, "prefix", prefix);
    su_json_hex(&c->json, "state_digest", tree.state.digest, SU_SHA256_BYTES);
    su_json_int(&c->json, "revisions", (int64_t)tree.state.revisions);
    su_json_int(&c->json, "below", (int64_t)tree.below);
    su_line(c, "state %s, %s revisions; below %s%s: %s", state, su_count_text(tree.state.revisions),
            prefix[0] ? "prefix " : "the root", prefix, su_count_text(tree.below));
    if (compare(c, &tree, err) < 0)
        return -1;
    if (!su_has(c, "with"))
        answer_children(c, &tree, prefix);
    if (su_has(c, "all")) {
        su_json_open(&c->json, "buckets", '[');
        for (unsigned b = 0; b < 256; b++) {
            su_json_hex(&c->json, NULL, tree.buckets[b], SU_SHA256_BYTES);
            su_line(c, "  bucket %02x  %02x%02x", b, tree.buckets[b][0], tree.buckets[b][1]);
        }
        su_json_close(&c->json, ']');
    }
    return su_has(c, "with") ? 0 : answer_listed(c, &tree, err);
}
