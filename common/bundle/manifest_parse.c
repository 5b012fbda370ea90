/* The parser of manifests; a field is understood completely or the manifest is refused. */
#include "common/bundle/manifest.h"

#include <errno.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/bundle/recovery.h"

/* Reads words and numbers off a line; the first failure sticks and names the line. */
struct reader {
    const char *at, *end;        /* the whole text */
    const char *word, *line_end; /* the present line */
    size_t line;
    bool has_failed, is_out_of_memory;
};

/* An array took no more: the text is no manifest, or there is no memory, which says nothing of it. */
static void full(struct reader *r)
{
    r->has_failed = true;
    r->is_out_of_memory |= errno == ENOMEM;
}

static bool next_line(struct reader *r)
{
    if (r->has_failed || r->at == r->end)
        return false;
    const char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
    if (!newline) {
        r->has_failed = true;
        return false;
    }
    r->word = r->at;
    r->line_end = newline;
    r->at = newline + 1;
    r->line++;
    return true;
}

/* True and past it when the line goes on with `text`. */
static bool skip(struct reader *r, const char *text)
{
    size_t n = strlen(text);
    if (r->has_failed || (size_t)(r->line_end - r->word) < n || memcmp(r->word, text, n) != 0)
        return false;
    r->word += n;
    return true;
}

static bool next_starts(const struct reader *r, const char *text)
{
    size_t n = strlen(text);
    return !r->has_failed && (size_t)(r->end - r->at) >= n && memcmp(r->at, text, n) == 0;
}

static void expect(struct reader *r, const char *text)
{
    if (!skip(r, text))
        r->has_failed = true;
}

static size_t word_length(const struct reader *r)
{
    size_t n = 0;
    while (r->word + n < r->line_end && r->word[n] != ' ' && r->word[n] != ':' && r->word[n] != ',')
        n++;
    return n;
}

static uint64_t number(struct reader *r, uint64_t max)
{
    uint64_t value = 0;
    size_t n = r->has_failed ? 0 : word_length(r);
    if (!su_u64_parse(&value, r->word, n, max))
        r->has_failed = true;
    else
        r->word += n;
    return value;
}

static void hash(struct reader *r, uint8_t *out, size_t bytes)
{
    if (r->has_failed || (size_t)(r->line_end - r->word) < 2 * bytes ||
        !su_hex_parse(out, bytes, r->word, 2 * bytes, true))
        r->has_failed = true;
    else
        r->word += 2 * bytes;
}

static void guid(struct reader *r)
{
    struct su_guid id;
    char again[SU_GUID_TEXT];
    if (r->has_failed || r->line_end - r->word < SU_GUID_TEXT - 1 ||
        !su_guid_parse(&id, r->word, SU_GUID_TEXT - 1) ||
        memcmp(su_guid_format(&id, again), r->word, SU_GUID_TEXT - 1) != 0)
        r->has_failed = true;
    else
        r->word += SU_GUID_TEXT - 1;
}

static void text_to_end(struct reader *r, char *out, size_t room)
{
    size_t n = r->has_failed ? 0 : (size_t)(r->line_end - r->word);
    if (n == 0 || n >= room || memchr(r->word, 0, n)) {
        r->has_failed = true;
        return;
    }
    memcpy(out, r->word, n);
    out[n] = 0;
    r->word += n;
}

static void line_end(struct reader *r)
{
    if (!r->has_failed && r->word != r->line_end)
        r->has_failed = true;
}

static void field(struct reader *r, const char *name)
{
    if (!next_line(r))
        r->has_failed = true;
    expect(r, name);
}

static void extents(struct reader *r, struct su_manifest *m, size_t *first, size_t *count)
{
    *first = m->extents.count;
    *count = 0;
    while (!r->has_failed && r->word != r->line_end) {
        expect(r, *count ? "," : " ");
        struct su_extent *e = SU_PUSH(&m->extents, SU_MAX_PAYLOADS * 2);
        if (!e) {
            full(r);
            return;
        }
        e->volume = (uint32_t)number(r, SU_MAX_VOLUMES);
        expect(r, ":");
        e->offset = number(r, INT64_MAX);
        expect(r, ":");
        e->length = number(r, SU_MAX_PIECE_BYTES);
        ++*count;
    }
}

/* The rest of the line from `text` on. */
static bool add_line(struct reader *r, struct su_line *slot, const char *text, struct su_err *err)
{
    if (su_line_add(slot, text, (size_t)(r->line_end - text), err) == 0)
        return true;
    r->has_failed = r->is_out_of_memory = true;
    return false;
}

static bool created_is_valid(const char *text)
{
    return strspn(text, "0123456789-:T.Z+") == strlen(text);
}

/* *is_urgent is what the kind says; the feature must agree. */
static void parse_identity(struct reader *r, struct su_manifest *m, bool *is_urgent)
{
    char kind[8] = "", name[SU_BUNDLE_NAME_TEXT] = "";
    field(r, SU_MANIFEST_FIRST_LINE);
    line_end(r);
    field(r, "bundle ");
    text_to_end(r, name, sizeof name);
    field(r, "hub ");
    text_to_end(r, m->hub, sizeof m->hub);
    field(r, "site ");
    text_to_end(r, m->site, sizeof m->site);
    field(r, "sequence ");
    m->sequence = number(r, 999999);
    line_end(r);
    field(r, "kind ");
    text_to_end(r, kind, sizeof kind);
    field(r, "created ");
    text_to_end(r, m->created, sizeof m->created);
    field(r, "promise-days ");
    m->promise_days = number(r, 36500);
    line_end(r);
    field(r, "jump-limit ");
    m->jump_limit = number(r, 999999);
    line_end(r);
    *is_urgent = strcmp(kind, "urgent") == 0;
    m->is_full = *is_urgent || strcmp(kind, "full") == 0;
    if (!r->has_failed && (m->sequence == 0 || !su_name_is_valid(m->hub) || !su_site_code_is_valid(m->site) ||
                           !created_is_valid(m->created)))
        r->has_failed = true;
}

static void parse_features(struct reader *r, struct su_manifest *m, struct su_err *err)
{
    while (next_starts(r, "requires ")) {
        field(r, "requires ");
        struct su_line *slot = SU_PUSH(&m->features, 64);
        if (!slot)
            full(r);
        else if (r->word == r->line_end || !add_line(r, slot, r->word, err))
            r->has_failed = true;
    }
}

static bool is_known_feature(const char *feature)
{
    return strcmp(feature, SU_FEATURE_URGENT) == 0;
}

/* Refused by name: what follows may be unreadable. */
static int refuse_features(const struct reader *r, const struct su_manifest *m, struct su_err *err)
{
    for (size_t i = 0; !r->has_failed && i < m->features.count; i++)
        if (!is_known_feature(m->features.at[i].text))
            return su_fail(err, SU_FEATURE, "the bundle requires '%s', which this program does not know",
                           m->features.at[i].text);
    return 0;
}

static void parse_urgent(struct reader *r, struct su_manifest *m, bool is_urgent)
{
    if (m->features.count != (is_urgent ? 1 : 0))
        r->has_failed = true;
    if (!is_urgent)
        return;
    field(r, "urgent ");
    m->urgent = number(r, SU_MAX_URGENT_NUMBER);
    line_end(r);
    if (m->urgent == 0)
        r->has_failed = true;
}

static void parse_children(struct reader *r, struct su_manifest *m, struct su_err *err)
{
    while (next_starts(r, "also ")) {
        field(r, "also ");
        struct su_line *slot = SU_PUSH(&m->children, SU_MAX_CHILDREN);
        if (!slot)
            full(r);
        else if (!add_line(r, slot, r->word, err) || !su_site_code_is_valid(slot->text) ||
                 (m->children.count > 1 && strcmp(slot[-1].text, slot->text) >= 0))
            r->has_failed = true;
    }
}

static void word_into(struct reader *r, char *out, size_t room)
{
    size_t n = r->has_failed ? 0 : word_length(r);
    if (n == 0 || n >= room || memchr(r->word, 0, n)) {
        r->has_failed = true;
        return;
    }
    memcpy(out, r->word, n);
    out[n] = 0;
    r->word += n;
}

static void parse_successor(struct reader *r, struct su_manifest *m)
{
    struct su_successor *s = SU_PUSH(&m->successors, SU_MAX_KEY_LINES);
    if (!s) {
        full(r);
        return;
    }
    word_into(r, s->role, sizeof s->role);
    expect(r, " ");
    word_into(r, s->name, sizeof s->name);
    expect(r, " ");
    size_t length = r->has_failed ? 0 : (size_t)(r->line_end - r->word);
    if (r->has_failed || (strcmp(s->role, "exporter") != 0 && strcmp(s->role, "reviewer") != 0) ||
        !su_name_is_valid(s->name) || !su_base64_parse(s->spki, sizeof s->spki, r->word, length) ||
        (m->successors.count > 1 && memcmp(s[-1].spki, s->spki, sizeof s->spki) >= 0))
        r->has_failed = true;
}

static void parse_keys(struct reader *r, struct su_manifest *m)
{
    while (next_starts(r, "key ")) {
        field(r, "key ");
        parse_successor(r, m);
    }
    while (next_starts(r, "revoke ")) {
        field(r, "revoke ");
        struct su_revocation *v = SU_PUSH(&m->revocations, SU_MAX_KEY_LINES);
        if (!v) {
            full(r);
            return;
        }
        hash(r, v->key_id, SU_SHA256_BYTES);
        expect(r, " ");
        v->last_sequence = number(r, 999999);
        line_end(r);
        if (m->revocations.count > 1 && memcmp(v[-1].key_id, v->key_id, sizeof v->key_id) >= 0)
            r->has_failed = true;
    }
}

static void parse_profile(struct reader *r, struct su_manifest *m, struct su_err *err)
{
    field(r, "profile ");
    hash(r, m->profile_digest, SU_SHA256_BYTES);
    line_end(r);
    while (!next_starts(r, "fits ") && !r->has_failed)
        if (!next_line(r) ||
            !su_profile_parse_line(&m->profile, r->word, (size_t)(r->line_end - r->word), err))
            r->has_failed = true;
}

/* A hole is kept as text; here it is only proved to be one of the four forms. */
static void hole(struct reader *r)
{
    uint8_t sha1[SU_SHA1_BYTES];
    bool is_bundled = skip(r, "bundled ");
    if (is_bundled || skip(r, "prerequisite ")) {
        guid(r);
        expect(r, " ");
        (void)number(r, UINT32_MAX);
        expect(r, " ");
        guid(r);
        if (is_bundled) {
            expect(r, " ");
            (void)number(r, UINT32_MAX);
        }
    } else {
        if (!skip(r, "content "))
            expect(r, "licence ");
        hash(r, sha1, SU_SHA1_BYTES);
        expect(r, " ");
        (void)number(r, INT64_MAX);
    }
    line_end(r);
}

static void parse_state(struct reader *r, struct su_manifest *m, struct su_err *err)
{
    while (next_starts(r, "fits ")) {
        field(r, "fits ");
        if (m->is_full) {
            expect(r, "any");
        } else {
            struct su_base *base = SU_PUSH(&m->bases, 1000000);
            if (!base) {
                full(r);
                return;
            }
            base->sequence = number(r, 999999);
            if (m->bases.count > 1 && base[-1].sequence >= base->sequence)
                r->has_failed = true;
            expect(r, " ");
            hash(r, base->digest, SU_SHA256_BYTES);
        }
        line_end(r);
    }
    if (next_starts(r, "follows ")) {
        field(r, "follows ");
        m->follows = number(r, 999999);
        expect(r, " ");
        text_to_end(r, m->follows_created, sizeof m->follows_created);
        if (!r->has_failed && !created_is_valid(m->follows_created))
            r->has_failed = true;
    }
    field(r, "result ");
    hash(r, m->result, SU_SHA256_BYTES);
    line_end(r);
    field(r, "catalogue ");
    m->updates = number(r, UINT32_MAX);
    expect(r, " ");
    m->revisions = number(r, UINT32_MAX);
    line_end(r);
    field(r, "closure ");
    uint64_t *counts[] = {&m->prerequisites, &m->bundled, &m->licence_files, &m->payload_files};
    for (size_t i = 0; i < 4; i++) {
        *counts[i] = number(r, INT64_MAX);
        expect(r, " ");
    }
    uint64_t holes = number(r, SU_MAX_HOLES);
    line_end(r);
    for (uint64_t i = 0; i < holes && !r->has_failed; i++) {
        field(r, "hole ");
        const char *text = r->word;
        hole(r);
        struct su_line *slot = SU_PUSH(&m->holes, SU_MAX_HOLES);
        if (!slot)
            full(r);
        else if (r->has_failed || !add_line(r, slot, text, err) ||
                 (i > 0 && strcmp(slot[-1].text, slot->text) >= 0))
            r->has_failed = true;
    }
}

static void parse_pooled(struct reader *r, const struct su_payload *p)
{
    uint8_t again[SU_SHA256_BYTES];
    char path[32];
    field(r, "");
    hash(r, again, sizeof again);
    expect(r, "  ../");
    expect(r, su_pool_path(p->id.sha256, path));
    line_end(r);
    if (!r->has_failed && memcmp(again, p->id.sha256, sizeof again) != 0)
        r->has_failed = true;
}

static void parse_recovery(struct reader *r, struct su_recovery *recovery)
{
    field(r, "recovery ");
    if (!skip(r, "none")) {
        uint64_t *values[] = {&recovery->percent, &recovery->data_cells, &recovery->parity_cells,
                              &recovery->lane_cells};
        for (size_t i = 0; i < 4; i++) {
            if (i > 0)
                expect(r, " ");
            *values[i] = number(r, INT64_MAX);
            if (*values[i] == 0)
                r->has_failed = true;
        }
    }
    line_end(r);
}

static void parse_files(struct reader *r, struct su_manifest *m, bool is_licence)
{
    field(r, is_licence ? "part licence" : "part content");
    line_end(r);
    while (next_starts(r, "file ")) {
        field(r, "file ");
        struct su_payload *p = SU_PUSH(&m->payloads, SU_MAX_PAYLOADS);
        if (!p) {
            full(r);
            return;
        }
        p->is_licence = is_licence;
        hash(r, p->id.sha256, SU_SHA256_BYTES);
        expect(r, " ");
        hash(r, p->id.sha1, SU_SHA1_BYTES);
        expect(r, " ");
        p->id.bytes = number(r, INT64_MAX);
        p->is_pooled = skip(r, " pool");
        if (!p->is_pooled)
            extents(r, m, &p->first_extent, &p->extents);
        line_end(r);
        if (p->is_pooled)
            parse_pooled(r, p);
    }
}

static void parse_metadata(struct reader *r, struct su_manifest *m)
{
    field(r, "part metadata");
    line_end(r);
    field(r, "records ");
    m->records = number(r, UINT32_MAX);
    expect(r, " ");
    m->removals = number(r, UINT32_MAX);
    line_end(r);
    while (next_starts(r, "frame ")) {
        field(r, "frame ");
        struct su_frame *f = SU_PUSH(&m->frames, SU_MAX_FRAMES);
        if (!f) {
            full(r);
            return;
        }
        f->raw_bytes = number(r, SU_MAX_FRAME_BYTES);
        extents(r, m, &f->first_extent, &f->extents);
        line_end(r);
    }
    field(r, "part policy");
    line_end(r);
    parse_recovery(r, &m->recovery);
}

static void parse_volumes(struct reader *r, struct su_manifest *m)
{
    char name[16];
    while (next_starts(r, "volume ")) {
        field(r, "volume ");
        struct su_volume *v = SU_PUSH(&m->volumes, SU_MAX_VOLUMES);
        if (!v) {
            full(r);
            return;
        }
        if (number(r, SU_MAX_VOLUMES) != m->volumes.count) {
            r->has_failed = true;
            return;
        }
        expect(r, " ");
        v->is_recovery = m->volumes.count > 1 && v[-1].is_recovery;
        if (!v->is_recovery && !skip(r, su_volume_name(m, (uint32_t)m->volumes.count, name)))
            v->is_recovery = true; /* the first of them: it has the other name */
        if (v->is_recovery)
            expect(r, su_volume_name(m, (uint32_t)m->volumes.count, name));
        expect(r, " ");
        v->bytes = number(r, INT64_MAX);
        expect(r, v->is_recovery ? " recovery" : " data");
        line_end(r);
        field(r, "");
        hash(r, v->sha256, SU_SHA256_BYTES);
        expect(r, "  ");
        expect(r, name);
        line_end(r);
        v->first_block = m->blocks.count;
        while (next_starts(r, "block ")) {
            field(r, "block ");
            struct su_block *b = SU_PUSH(&m->blocks, SU_MAX_MANIFEST_BYTES / 64);
            if (!b) {
                full(r);
                return;
            }
            hash(r, b->sha256, SU_SHA256_BYTES);
            line_end(r);
        }
        v->blocks = m->blocks.count - v->first_block;
    }
    for (int i = 0; i < SU_PAPERS; i++) {
        field(r, "");
        hash(r, m->papers[i], SU_SHA256_BYTES);
        expect(r, "  ");
        expect(r, su_paper_name((enum su_paper)i));
        line_end(r);
    }
    field(r, "end");
    line_end(r);
    if (r->at != r->end)
        r->has_failed = true;
}

/* What one line cannot show: lengths add up, extents lie inside their volumes. */
static int check_item(const struct su_manifest *m, size_t data_volumes, size_t first, size_t count,
                      uint64_t want, bool is_exact, struct su_err *err)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        const struct su_extent *e = &m->extents.at[first + i];
        if (e->volume == 0 || e->volume > data_volumes || e->offset > m->volumes.at[e->volume - 1].bytes ||
            e->length > m->volumes.at[e->volume - 1].bytes - e->offset)
            return su_fail(err, SU_FORMAT, "an extent lies outside its volume");
        sum += e->length;
    }
    if (is_exact && want == 0 && count != 1) /* the one way to write an empty file */
        return su_fail(err, SU_FORMAT, "an empty file has %zu extents, not one", count);
    if (is_exact && sum != want)
        return su_fail(err, SU_FORMAT, "a file's extents have %llu bytes, its size is %llu",
                       (unsigned long long)sum, (unsigned long long)want);
    if (!is_exact && sum > want)
        return su_fail(err, SU_FORMAT, "a frame has %llu bytes, at most %llu are accepted",
                       (unsigned long long)sum, (unsigned long long)want);
    return 0;
}

static int check_sums(const struct su_manifest *m, struct su_err *err)
{
    uint8_t digest[SU_SHA256_BYTES];
    size_t data_volumes = su_manifest_data_volumes(m);
    if (su_profile_digest(&m->profile, digest, err) < 0)
        return -1;
    if (memcmp(digest, m->profile_digest, sizeof digest) != 0)
        return su_fail(err, SU_FORMAT, "the profile digest is not that of the profile");
    for (size_t i = 1; i < m->profile.items.count; i++) {
        const struct su_profile_item *a = &m->profile.items.at[i - 1], *b = &m->profile.items.at[i];
        if (a->kind > b->kind || (a->kind == b->kind && strcmp(a->value, b->value) >= 0))
            return su_fail(err, SU_FORMAT, "the profile is not sorted: %s stands before %s", a->value,
                           b->value);
    }
    if (m->urgent && (m->removals > 0 || m->holes.count > 0))
        return su_fail(err, SU_FORMAT, "an urgent bundle has removals or holes");
    if ((m->recovery.percent == 0) != (data_volumes == m->volumes.count))
        return su_fail(err, SU_FORMAT, "recovery is declared without its volumes, or volumes without it");
    for (size_t v = 0; v < m->volumes.count; v++)
        if (m->volumes.at[v].blocks != (m->volumes.at[v].bytes + SU_BLOCK_BYTES - 1) / SU_BLOCK_BYTES)
            return su_fail(err, SU_FORMAT, "volume %zu has %zu block hashes for %llu bytes", v + 1,
                           m->volumes.at[v].blocks, (unsigned long long)m->volumes.at[v].bytes);
    for (size_t i = 0; i < m->payloads.count; i++)
        if (!m->payloads.at[i].is_pooled &&
            check_item(m, data_volumes, m->payloads.at[i].first_extent, m->payloads.at[i].extents,
                       m->payloads.at[i].id.bytes, true, err) < 0)
            return -1;
    for (size_t i = 0; i < m->frames.count; i++)
        if (check_item(m, data_volumes, m->frames.at[i].first_extent, m->frames.at[i].extents,
                       SU_MAX_FRAME_BYTES, false, err) < 0)
            return -1;
    struct su_geometry geometry;
    return m->recovery.percent == 0 ? 0 : su_recovery_geometry(m, &geometry, err);
}

int su_manifest_parse(struct su_manifest *m, const char *text, size_t length, struct su_err *err)
{
    struct reader r = {.at = text, .end = text + length};
    bool is_urgent = false;
    SU_AUTO(su_buf) struct su_buf again = SU_BUF_INIT(SU_MAX_MANIFEST_BYTES);
    if (!next_starts(&r, SU_MANIFEST_FIRST_LINE "\n") && next_starts(&r, "SU-BUNDLE-MANIFEST "))
        return su_fail(err, SU_FEATURE, "the manifest is of another version or purpose than '%s'",
                       SU_MANIFEST_FIRST_LINE);
    parse_identity(&r, m, &is_urgent);
    parse_features(&r, m, err);
    if (refuse_features(&r, m, err) < 0)
        return -1;
    parse_urgent(&r, m, is_urgent);
    parse_children(&r, m, err);
    parse_keys(&r, m);
    parse_profile(&r, m, err);
    parse_state(&r, m, err);
    parse_files(&r, m, true);
    parse_files(&r, m, false);
    parse_metadata(&r, m);
    parse_volumes(&r, m);
    if (r.is_out_of_memory)
        return su_fail_memory(err);
    if (r.has_failed)
        return su_fail(err, SU_FORMAT, "the manifest is not canonical at line %zu", r.line);
    su_manifest_format(m, &again);
    if (su_buf_check(&again, "the manifest", err) < 0)
        return -1;
    if (again.length != length || memcmp(again.bytes, text, length) != 0)
        return su_fail(err, SU_FORMAT, "the manifest is not in canonical form");
    return check_sums(m, err);
}
