#include "common/catalogue/tree.h"

#include <string.h>

struct reading {
    struct su_tree *out;
    uint8_t prefix[SU_TREE_PREFIX];
    size_t digits;
    struct su_digest child;
    int open_child; /* -1: none */
};

static uint8_t digit_of(const struct su_guid *id, size_t at)
{
    return at % 2 == 0 ? id->bytes[at / 2] >> 4 : id->bytes[at / 2] & 15;
}

static int parse_prefix(struct reading *r, const char *text, struct su_err *err)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    for (r->digits = 0; text[r->digits]; r->digits++) {
        const char *found = strchr(digits, text[r->digits]);
        if (!found || r->digits == SU_TREE_PREFIX)
            return su_fail(err, SU_USAGE, "%s is no prefix of an update id: 0 to %d hex digits", text,
                           SU_TREE_PREFIX);
        r->prefix[r->digits] = (uint8_t)((found - digits) % 16);
    }
    return 0;
}

static int close_child(struct reading *r, struct su_err *err)
{
    if (r->open_child < 0)
        return 0;
    int result = su_digest_end(&r->child, r->out->children[r->open_child].digest, err);
    r->open_child = -1;
    return result;
}

static int take_leaf(struct reading *r, const struct su_tree_leaf *leaf, struct su_err *err)
{
    for (size_t i = 0; i < r->digits; i++)
        if (digit_of(&leaf->id, i) != r->prefix[i])
            return 0;
    int child = digit_of(&leaf->id, r->digits);
    if (child != r->open_child) {
        if (close_child(r, err) < 0 || su_digest_open(&r->child, SU_SHA256, err) < 0)
            return -1;
        r->open_child = child;
    }
    if (r->out->below < SU_TREE_LISTED)
        r->out->listed[r->out->below] = *leaf;
    r->out->below++;
    r->out->children[child].revisions++;
    return su_digest_add(&r->child, leaf->record_sha256, SU_SHA256_BYTES, err);
}

static int open_source(struct su_db *db, const struct su_tree_source *source, struct su_rows *rows,
                       struct su_err *err)
{
    if (source->site_id == 0)
        return su_query(db, rows, err,
                        "SELECT update_id, revision, record_sha256 FROM revision WHERE " SU_IS_ORDINARY
                        " ORDER BY update_id, revision");
    return su_query(
        db, rows, err,
        "SELECT update_id, revision, record_sha256 FROM site_state WHERE site_id=?1 AND "
        "from_sequence<=?2 AND (to_sequence IS NULL OR to_sequence>?2) ORDER BY update_id, revision",
        SU_I(source->site_id), SU_I(source->sequence));
}

static int read_leaves(struct reading *r, struct su_rows *rows, struct su_err *err)
{
    SU_AUTO(su_state_builder) struct su_state_builder builder = SU_STATE_BUILDER_INIT;
    struct su_tree_leaf leaf;
    int more;
    while ((more = su_rows_next(rows, err)) > 0) {
        leaf.revision = (uint32_t)su_rows_int(rows, 1);
        if (su_rows_fixed(rows, 0, leaf.id.bytes, sizeof leaf.id.bytes, err) < 0 ||
            su_rows_fixed(rows, 2, leaf.record_sha256, SU_SHA256_BYTES, err) < 0 ||
            su_state_add(&builder, &leaf.id, leaf.record_sha256, err) < 0 || take_leaf(r, &leaf, err) < 0)
            return -1;
    }
    if (more < 0 || close_child(r, err) < 0 || su_state_end(&builder, &r->out->state, err) < 0)
        return -1;
    memcpy(r->out->buckets, builder.buckets, sizeof builder.buckets);
    return 0;
}

int su_tree_read(struct su_db *db, const struct su_tree_source *source, const char *prefix,
                 struct su_tree *out, struct su_err *err)
{
    SU_AUTO(su_rows) struct su_rows rows = SU_ROWS_INIT;
    struct reading r = {.out = out, .child = SU_DIGEST_INIT, .open_child = -1};
    memset(out, 0, sizeof *out);
    if (parse_prefix(&r, prefix, err) < 0 || open_source(db, source, &rows, err) < 0)
        return -1;
    int result = read_leaves(&r, &rows, err);
    su_digest_cleanup(&r.child);
    return result;
}

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

int su_tree_parse_buckets(const char *text, uint8_t out[256][SU_SHA256_BYTES], uint8_t state[SU_SHA256_BYTES],
                          struct su_err *err)
{
    static const char key[] = "\"buckets\"";
    SU_AUTO(su_buf) struct su_buf all = SU_BUF_INIT(16 * 1024);
    const char *at = strstr(text, key);
    at = at ? skip_blanks(at + strlen(key)) : "";
    at = *at == ':' ? skip_blanks(at + 1) : "";
    for (size_t i = 0; i < 256; i++) {
        if (*at != (i == 0 ? '[' : ','))
            return su_fail(err, SU_DATA, "bucket %zu of 256 is missing or malformed", i);
        at = skip_blanks(at + 1);
        size_t n = *at == '"' ? strspn(at + 1, "0123456789abcdef") : 0;
        if (n != 2 * SU_SHA256_BYTES || at[n + 1] != '"' ||
            !su_hex_parse(out[i], SU_SHA256_BYTES, at + 1, n, true))
            return su_fail(err, SU_DATA, "bucket %zu of 256 is missing or malformed", i);
        at = skip_blanks(at + n + 2);
    }
    if (*at != ']')
        return su_fail(err, SU_DATA, "there are more than 256 buckets");
    su_buf_adds(&all, "SU-STATE 1\n");
    su_buf_add(&all, out, (size_t)256 * SU_SHA256_BYTES);
    if (su_buf_check(&all, "the buckets", err) < 0)
        return -1;
    return su_sha256(state, all.bytes, all.length, err);
}
