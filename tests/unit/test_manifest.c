/* The manifest: one canonical text for a set of facts, and nothing else is taken. */
#include "helpers.h"

#include "common/bundle/manifest.h"

#define H(c) c c c c c c c c c c c c c c c c
#define HASH(four) H(four)               /* 64 digits of four */
#define SHA1(four) four four four four four four four four four four
#define G1 "0fa1201d-4330-4fa8-8ae9-b877473b6441"
#define G2 "6407468e-edc7-4ecd-8c32-521f64cee65e"
#define G3 "a3c2375d-0c8a-42f9-bce0-28333e198407"

/* Everything the form knows, written by hand from docs/bundle-format.md; the profile's digest was
 * computed with another program. */
#define HEAD \
    "SU-BUNDLE-MANIFEST 1 transfer\nbundle SU-ALPHA-000012\nhub FABRIKAM-HUB.1\nsite ALPHA\nsequence 12\nkind delta\n" \
    "created 2024-06-19T17:11:14Z\npromise-days 35\njump-limit 24\n"
#define SPKI_1 "MCowBQYDK2VwAyEAAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define SPKI_2 "MCowBQYDK2VwAyEA/wECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define CHILDREN "also BRAVO\nalso CHARLIE-1\n"
#define KEYS "key reviewer r-2 " SPKI_1 "\nkey exporter hub-2027 " SPKI_2 "\nrevoke " HASH("0a0a") " 11\nrevoke " HASH("b0b0") " 0\n"
#define PROFILE \
    "profile ae3c3f22c3a017ee5ca15a232f6a287d3ecb111237b94b3e0d19c175570cc612\nproduct " G2 "\nproduct " G3 "\nclassification " G1 "\n" \
    "language de\nlanguage en\ncontent approved\nexpress yes\napproved " G1 "\napproved " G3 "\n"
#define CHAIN "fits 9 " HASH("a9a9") "\nfits 11 " HASH("b1b1") "\nfollows 11 2024-05-19T17:11:14Z\nresult " HASH("c2c2") "\n"
#define CLOSURE \
    "catalogue 427 431\nclosure 12837 55 3 9 3\nhole bundled " G1 " 200 " G2 " 1\nhole content " SHA1("ab12") " 100\nhole prerequisite " G1 " 200 " G3 "\n"
#define LICENCE "part licence\nfile " HASH("1111") " " SHA1("2222") " 63 1:1536:63\n"
#define CONTENT \
    "part content\nfile " HASH("3333") " " SHA1("4444") " 0 1:2560:0\nfile " HASH("5555") " " SHA1("6666") " 2100000 1:4096:1000000,2:1536:1047040,3:1536:52960\n" \
    "file " HASH("7778") " " SHA1("9999") " 5000 pool\n" HASH("7778") "  ../SU-POOL/77/78777877.DAT\n"
#define METADATA "part metadata\nrecords 5 2\nframe 100 3:60000:60\nframe 8388608 3:61000:5000,3:0:1\n"
#define RESERVED "part policy\nrecovery none\n"
#define VOLUMES \
    "volume 1 SU000012.001 1048577 data\n" HASH("d3d3") "  SU000012.001\nblock " HASH("e4e4") "\nblock " HASH("f5f5") "\n" \
    "volume 2 SU000012.002 1048576 data\n" HASH("0606") "  SU000012.002\nblock " HASH("1717") "\n" \
    "volume 3 SU000012.003 66000 data\n" HASH("2828") "  SU000012.003\nblock " HASH("3939") "\n"
#define END HASH("4a4a") "  VERIFY.txt\n" HASH("7d7d") "  SLIP.TXT\n" HASH("8e8e") "  SLIP.HTM\nend\n"
#define RECOVERY "part policy\nrecovery 25 195 49 4\n"
#define RECOVERY_VOLUMES "volume 4 SU000012.R01 831488 recovery\n" HASH("5b5b") "  SU000012.R01\nblock " HASH("6c6c") "\n"
static const char whole[] = HEAD CHILDREN KEYS PROFILE CHAIN CLOSURE LICENCE CONTENT METADATA RECOVERY VOLUMES RECOVERY_VOLUMES END;

static int parse(struct su_manifest *m, const char *text, size_t length)
{
    su_manifest_cleanup(m);
    char *copy = malloc(length + 1); /* its own allocation: reading past the end is seen */
    assert_non_null(copy);
    memcpy(copy, text, length);
    int result = su_manifest_parse(m, copy, length, &e);
    free(copy);
    return result;
}

static void accept(const char *text)
{
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    SU_AUTO(su_buf) struct su_buf again = SU_BUF_INIT(SU_MAX_MANIFEST_BYTES);
    GOOD(parse(&m, text, strlen(text)));
    su_manifest_format(&m, &again);
    assert_string_equal(again.bytes, text);
}

static void refuse(const char *text, enum su_code code)
{
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    su_err_clear(&e);
    if (parse(&m, text, strlen(text)) == 0)
        fail_msg("accepted: %s", text);
    REFUSED(parse(&m, text, strlen(text)), code);
}

/* `whole` with the only `from` replaced. */
static char *edited(const char *from, const char *to)
{
    const char *at = strstr(whole, from);
    if (!at || strstr(at + 1, from))
        fail_msg("'%s' must stand in the sample exactly once", from);
    struct su_buf out = SU_BUF_INIT(100000);
    su_buf_add(&out, whole, (size_t)(at - whole));
    su_buf_adds(&out, to);
    su_buf_adds(&out, at + strlen(from));
    assert_non_null(out.bytes);
    return out.bytes;
}

static void accept_edit(const char *from, const char *to)
{
    char *text = edited(from, to);
    accept(text);
    free(text);
}

static void refuse_edit(const char *from, const char *to)
{
    char *text = edited(from, to);
    refuse(text, SU_FORMAT);
    free(text);
}

static void fill(uint8_t *out, size_t bytes, const char *four)
{
    for (size_t i = 0; i < bytes; i += 2)
        from_hex(out + i, 2, four);
}

static void add_volume(struct su_manifest *m, uint64_t bytes, const char *hash, const char *block, const char *second)
{
    struct su_volume *v = SU_PUSH(&m->volumes, 10);
    v->bytes = bytes;
    fill(v->sha256, 32, hash);
    v->first_block = m->blocks.count;
    v->blocks = second ? 2 : 1;
    fill(SU_PUSH(&m->blocks, 10)->sha256, 32, block);
    if (second)
        fill(SU_PUSH(&m->blocks, 10)->sha256, 32, second);
}

static size_t add_extent(struct su_manifest *m, uint32_t volume, uint64_t offset, uint64_t length)
{
    *SU_PUSH(&m->extents, 20) = (struct su_extent){volume, offset, length};
    return m->extents.count - 1;
}

/* The facts of `whole`, made without the parser. */
static void build(struct su_manifest *m)
{
    m->sequence = 12;
    m->promise_days = 35;
    m->jump_limit = 24;
    (void)snprintf(m->hub, sizeof m->hub, "FABRIKAM-HUB.1");
    (void)snprintf(m->site, sizeof m->site, "ALPHA");
    (void)snprintf(m->created, sizeof m->created, "2024-06-19T17:11:14Z");
    GOOD(su_profile_add(&m->profile, SU_ITEM_APPROVAL, G3, &e));
    GOOD(su_profile_add(&m->profile, SU_ITEM_LANGUAGE, "en", &e));
    GOOD(su_profile_add(&m->profile, SU_ITEM_PRODUCT, "A3C2375D-0c8a-42f9-bce0-28333e198407", &e));
    GOOD(su_profile_add(&m->profile, SU_ITEM_LANGUAGE, "de", &e));
    GOOD(su_profile_add(&m->profile, SU_ITEM_PRODUCT, G2, &e));
    GOOD(su_profile_add(&m->profile, SU_ITEM_CLASSIFICATION, G1, &e));
    GOOD(su_profile_add(&m->profile, SU_ITEM_APPROVAL, G1, &e));
    GOOD(su_profile_add(&m->profile, SU_ITEM_PRODUCT, G3, &e)); /* a second time */
    m->profile.content = SU_CONTENT_APPROVED;
    m->profile.has_express = true;
    su_profile_sort(&m->profile);
    GOOD(su_profile_digest(&m->profile, m->profile_digest, &e));
    GOOD(su_line_add(SU_PUSH(&m->children, 10), "BRAVO", 5, &e));
    GOOD(su_line_add(SU_PUSH(&m->children, 10), "CHARLIE-1", 9, &e));
    *SU_PUSH(&m->successors, 10) = (struct su_successor){.role = "reviewer", .name = "r-2"};
    *SU_PUSH(&m->successors, 10) = (struct su_successor){.role = "exporter", .name = "hub-2027"};
    for (size_t i = 0; i < 2; i++) {
        from_hex(m->successors.at[i].spki, SU_SPKI_BYTES, "302a300506032b6570032100" "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
        m->successors.at[i].spki[12] = i ? 0xff : 0;
    }
    *SU_PUSH(&m->revocations, 10) = (struct su_revocation){.last_sequence = 11};
    *SU_PUSH(&m->revocations, 10) = (struct su_revocation){.last_sequence = 0};
    fill(m->revocations.at[0].key_id, 32, "0a0a");
    fill(m->revocations.at[1].key_id, 32, "b0b0");
    struct su_base *base = SU_PUSH(&m->bases, 10);
    base->sequence = 9;
    fill(base->digest, 32, "a9a9");
    base = SU_PUSH(&m->bases, 10);
    base->sequence = 11;
    fill(base->digest, 32, "b1b1");
    m->follows = 11;
    (void)snprintf(m->follows_created, sizeof m->follows_created, "2024-05-19T17:11:14Z");
    fill(m->result, 32, "c2c2");
    m->updates = 427, m->revisions = 431;
    m->prerequisites = 12837, m->bundled = 55, m->licence_files = 3, m->payload_files = 9;
    static const char *const holes[] = {"bundled " G1 " 200 " G2 " 1", "content " SHA1("ab12") " 100", "prerequisite " G1 " 200 " G3};
    for (size_t i = 0; i < 3; i++)
        GOOD(su_line_add(SU_PUSH(&m->holes, 10), holes[i], strlen(holes[i]), &e));
    struct su_payload *p = SU_PUSH(&m->payloads, 10);
    *p = (struct su_payload){.is_licence = true, .id.bytes = 63, .first_extent = add_extent(m, 1, 1536, 63), .extents = 1};
    fill(p->id.sha256, 32, "1111");
    fill(p->id.sha1, 20, "2222");
    p = SU_PUSH(&m->payloads, 10);
    *p = (struct su_payload){.first_extent = add_extent(m, 1, 2560, 0), .extents = 1};
    fill(p->id.sha256, 32, "3333");
    fill(p->id.sha1, 20, "4444");
    p = SU_PUSH(&m->payloads, 10);
    *p = (struct su_payload){.id.bytes = 2100000, .first_extent = add_extent(m, 1, 4096, 1000000), .extents = 3};
    (void)add_extent(m, 2, 1536, 1047040);
    (void)add_extent(m, 3, 1536, 52960);
    fill(p->id.sha256, 32, "5555");
    fill(p->id.sha1, 20, "6666");
    p = SU_PUSH(&m->payloads, 10);
    *p = (struct su_payload){.id.bytes = 5000, .is_pooled = true};
    fill(p->id.sha256, 32, "7778");
    fill(p->id.sha1, 20, "9999");
    m->recovery = (struct su_recovery){.percent = 25, .data_cells = 195, .parity_cells = 49, .lane_cells = 4};
    m->records = 5, m->removals = 2;
    *SU_PUSH(&m->frames, 10) = (struct su_frame){100, add_extent(m, 3, 60000, 60), 1};
    *SU_PUSH(&m->frames, 10) = (struct su_frame){8388608, add_extent(m, 3, 61000, 5000), 2};
    (void)add_extent(m, 3, 0, 1);
    add_volume(m, 1048577, "d3d3", "e4e4", "f5f5");
    add_volume(m, 1048576, "0606", "1717", NULL);
    add_volume(m, 66000, "2828", "3939", NULL);
    add_volume(m, 831488, "5b5b", "6c6c", NULL);
    m->volumes.at[3].is_recovery = true;
    fill(m->papers[SU_PAPER_RECIPE], 32, "4a4a");
    fill(m->papers[SU_PAPER_SLIP], 32, "7d7d");
    fill(m->papers[SU_PAPER_SLIP_HTML], 32, "8e8e");
}

static void test_format(void **state)
{
    (void)state;
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(100000);
    build(&m);
    su_manifest_format(&m, &out);
    GOOD(su_buf_check(&out, "manifest", &e));
    assert_string_equal(out.bytes, whole);
}

static void test_parse(void **state)
{
    (void)state;
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT, want = SU_MANIFEST_INIT;
    GOOD(parse(&m, whole, sizeof whole - 1));
    build(&want);
    assert_string_equal(m.hub, want.hub);
    assert_string_equal(m.site, want.site);
    assert_string_equal(m.created, want.created);
    assert_string_equal(m.follows_created, want.follows_created);
    assert_true(m.sequence == 12 && m.promise_days == 35 && m.jump_limit == 24 && !m.is_full && m.follows == 11);
    assert_int_equal(m.features.count, 0);
    assert_memory_equal(m.profile_digest, want.profile_digest, 32);
    assert_int_equal(m.profile.items.count, 7);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(m.profile.items.at[i].kind, want.profile.items.at[i].kind);
        assert_string_equal(m.profile.items.at[i].value, want.profile.items.at[i].value);
    }
    assert_true(m.profile.content == SU_CONTENT_APPROVED && m.profile.has_express);
    assert_true(m.children.count == 2 && m.successors.count == 2 && m.revocations.count == 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(m.children.at[i].text, want.children.at[i].text);
        assert_string_equal(m.successors.at[i].role, want.successors.at[i].role);
        assert_string_equal(m.successors.at[i].name, want.successors.at[i].name);
        assert_memory_equal(m.successors.at[i].spki, want.successors.at[i].spki, SU_SPKI_BYTES);
        assert_memory_equal(m.revocations.at[i].key_id, want.revocations.at[i].key_id, 32);
        assert_int_equal(m.revocations.at[i].last_sequence, want.revocations.at[i].last_sequence);
    }
    assert_true(m.recovery.percent == 25 && m.recovery.data_cells == 195 && m.recovery.parity_cells == 49 && m.recovery.lane_cells == 4);
    assert_int_equal(m.bases.count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(m.bases.at[i].sequence, want.bases.at[i].sequence);
        assert_memory_equal(m.bases.at[i].digest, want.bases.at[i].digest, 32);
    }
    assert_memory_equal(m.result, want.result, 32);
    assert_true(m.updates == 427 && m.revisions == 431 && m.prerequisites == 12837 && m.bundled == 55 && m.licence_files == 3 && m.payload_files == 9);
    assert_true(m.records == 5 && m.removals == 2);
    assert_int_equal(m.holes.count, 3);
    assert_string_equal(m.holes.at[1].text, want.holes.at[1].text);
    assert_int_equal(m.payloads.count, 4);
    for (size_t i = 0; i < 4; i++) {
        const struct su_payload *a = &m.payloads.at[i], *b = &want.payloads.at[i];
        assert_true(a->id.bytes == b->id.bytes && a->is_licence == b->is_licence && a->is_pooled == b->is_pooled && a->extents == b->extents);
        assert_memory_equal(a->id.sha256, b->id.sha256, 32);
        assert_memory_equal(a->id.sha1, b->id.sha1, 20);
        for (size_t k = 0; k < a->extents; k++) {
            const struct su_extent *x = &m.extents.at[a->first_extent + k], *y = &want.extents.at[b->first_extent + k];
            assert_true(x->volume == y->volume && x->offset == y->offset && x->length == y->length);
        }
    }
    assert_int_equal(m.frames.count, 2);
    assert_true(m.frames.at[0].raw_bytes == 100 && m.frames.at[0].extents == 1 && m.frames.at[1].raw_bytes == 8388608 && m.frames.at[1].extents == 2);
    assert_int_equal(m.extents.at[m.frames.at[1].first_extent].offset, 61000);
    assert_int_equal(m.volumes.count, 4);
    assert_int_equal(m.blocks.count, 5);
    for (size_t i = 0; i < 4; i++) {
        assert_true(m.volumes.at[i].bytes == want.volumes.at[i].bytes && m.volumes.at[i].blocks == want.volumes.at[i].blocks &&
                    m.volumes.at[i].first_block == want.volumes.at[i].first_block && m.volumes.at[i].is_recovery == (i == 3));
        assert_memory_equal(m.volumes.at[i].sha256, want.volumes.at[i].sha256, 32);
    }
    for (size_t i = 0; i < 5; i++)
        assert_memory_equal(m.blocks.at[i].sha256, want.blocks.at[i].sha256, 32);
    assert_memory_equal(m.papers, want.papers, sizeof want.papers);
    assert_int_equal(su_manifest_volume_bytes(&m), 1048577 + 1048576 + 66000 + 831488);
    assert_int_equal(su_manifest_payload_bytes(&m), 63 + 2100000 + 5000);
    assert_int_equal(su_manifest_raw_bytes(&m), 100 + 8388608);
}

static void test_least(void **state)
{
    (void)state;
    accept("SU-BUNDLE-MANIFEST 1 transfer\nbundle SU-A-000001\nhub H\nsite A\nsequence 1\nkind full\ncreated 0\npromise-days 0\njump-limit 0\n"
           "profile 469acd45d1614b4f88e6b0eddb0c6e04f8cda960863e8937c17195c4f8980a35\ncontent none\nexpress no\nfits any\n"
           "result " HASH("c2c2") "\ncatalogue 0 0\nclosure 0 0 0 0 0\npart licence\npart content\npart metadata\nrecords 0 0\npart policy\nrecovery none\n"
           END);
}

static void test_every_cut(void **state)
{
    (void)state;
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    for (size_t cut = 0; cut + 1 < sizeof whole; cut++) {
        su_err_clear(&e);
        if (parse(&m, whole, cut) == 0)
            fail_msg("accepted when cut at %zu", cut);
        assert_true(e.code == SU_FORMAT || (e.code == SU_FEATURE && cut <= sizeof "SU-BUNDLE-MANIFEST 1 transfer"));
    }
}

/* Other bytes are other facts or no manifest; what is taken must stand for exactly itself. */
static void check_changed(struct su_manifest *m, char *text, size_t length)
{
    SU_AUTO(su_buf) struct su_buf again = SU_BUF_INIT(100000);
    su_err_clear(&e);
    if (parse(m, text, length) < 0) {
        assert_true(e.code == SU_FORMAT || e.code == SU_FEATURE);
        return;
    }
    su_manifest_format(m, &again);
    assert_int_equal(again.length, length);
    assert_memory_equal(again.bytes, text, length);
}

static void test_every_byte_changed(void **state)
{
    (void)state;
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    char text[sizeof whole];
    memcpy(text, whole, sizeof whole);
    for (size_t i = 0; i + 1 < sizeof whole; i++) {
        char old = text[i];
        const char others[] = {(char)(old ^ 1), old == '0' ? ' ' : '0', old == '\n' ? 0 : '\n'};
        for (size_t k = 0; k < sizeof others; k++) {
            text[i] = others[k];
            check_changed(&m, text, sizeof whole - 1);
        }
        text[i] = old;
    }
}

static void test_every_byte_left_out_or_doubled(void **state)
{
    (void)state;
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    char text[sizeof whole + 1];
    for (size_t i = 0; i + 1 < sizeof whole; i++) {
        memcpy(text, whole, i);
        memcpy(text + i, whole + i + 1, sizeof whole - i - 1);
        check_changed(&m, text, sizeof whole - 2);
        memcpy(text, whole, i + 1);
        memcpy(text + i + 1, whole + i, sizeof whole - i);
        check_changed(&m, text, sizeof whole);
    }
}

/* Exchanged lines that say something else instead of nothing: a file of the other part, other blocks. */
static bool may_change_places(const char *a, const char *b)
{
    return (strncmp(a, "frame ", 6) == 0 && strncmp(b, "frame ", 6) == 0) || (strncmp(a, "block ", 6) == 0 && strncmp(b, "block ", 6) == 0) ||
           (strncmp(a, "file ", 5) == 0 && strncmp(b, "file ", 5) == 0) || (strncmp(a, "file ", 5) == 0 && strncmp(b, "part content", 12) == 0) ||
           (strncmp(a, "part content", 12) == 0 && strncmp(b, "file ", 5) == 0);
}

/* A line twice, and a line exchanged with the next. */
static void test_lines_doubled_or_exchanged(void **state)
{
    (void)state;
    for (const char *line = whole; *line;) {
        const char *next = strchr(line, '\n') + 1, *after = *next ? strchr(next, '\n') + 1 : next;
        size_t before = (size_t)(line - whole), n = (size_t)(next - line), n2 = (size_t)(after - next);
        char text[2 * sizeof whole];
        memcpy(text, whole, before);
        memcpy(text + before, line, n);
        memcpy(text + before + n, line, n);
        memcpy(text + before + 2 * n, next, sizeof whole - before - n);
        if (strncmp(line, "frame ", 6) != 0 && strncmp(line, "file ", 5) != 0)
            refuse(text, SU_FORMAT);
        if (n2 > 0 && !may_change_places(line, next)) {
            memcpy(text, whole, before);
            memcpy(text + before, next, n2);
            memcpy(text + before + n2, line, n);
            memcpy(text + before + n2 + n, after, sizeof whole - before - n - n2);
            su_err_clear(&e);
            SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
            if (parse(&m, text, strlen(text)) == 0)
                fail_msg("accepted with two lines exchanged: %.*s", (int)(n + n2), line);
        }
        line = next;
    }
}

static void test_versions_and_features(void **state)
{
    (void)state;
    char *text = edited("MANIFEST 1 transfer", "MANIFEST 2 transfer");
    refuse(text, SU_FEATURE);
    free(text);
    text = edited("MANIFEST 1 transfer", "MANIFEST 1 receipt");
    refuse(text, SU_FEATURE);
    free(text);
    refuse("SU-BUNDLE-MANIFEST 2 transfer\nwhatever comes then", SU_FEATURE);
    refuse("SU-BUNDLE-MANIFEST 1 transfer \n", SU_FEATURE);
    refuse("SU-BUNDLE-MANIFEST", SU_FORMAT);
    refuse("su-bundle-manifest 1 transfer\n", SU_FORMAT);
    refuse("SU-RECEIPT 1\n", SU_FORMAT);
    refuse("", SU_FORMAT);
    text = edited("jump-limit 24\n", "jump-limit 24\nrequires erasure-coding\n");
    refuse(text, SU_FEATURE);
    NAMES("erasure-coding");
    free(text);
    /* What a feature changes from the chain on is not looked at. */
    text = edited("fits 9 ", "shards 3\nfits 9 ");
    refuse(text, SU_FORMAT);
    free(text);
    refuse(HEAD "requires a\nrequires b\n" PROFILE "fits shards\nnothing known here\n", SU_FEATURE);
    refuse(HEAD "requires \n" PROFILE "fits shards\n", SU_FORMAT);
}

static void test_head(void **state)
{
    (void)state;
    accept_edit("hub FABRIKAM-HUB.1", "hub " HASH("n_.9"));
    refuse_edit("hub FABRIKAM-HUB.1", "hub " HASH("n_.9") "x");
    refuse_edit("hub FABRIKAM-HUB.1", "hub ");
    refuse_edit("hub FABRIKAM-HUB.1", "hub .x");
    refuse_edit("hub FABRIKAM-HUB.1", "hub a b");
    refuse_edit("hub FABRIKAM-HUB.1", "hub a\x1b");
    refuse_edit("kind delta", "knid delta");
    NAMES("line 6");
    refuse_edit("bundle SU-ALPHA-000012", "bundle SU-ALPHA-000013");
    refuse_edit("bundle SU-ALPHA-000012", "bundle SU-ALPHA-12");
    refuse_edit("site ALPHA", "site BRAVO");
    refuse_edit("site ALPHA", "site alpha");
    refuse_edit("sequence 12\n", "sequence 012\n");
    refuse_edit("sequence 12\n", "sequence 0\n");
    refuse_edit("sequence 12\n", "sequence 1000000\n");
    refuse_edit("kind delta", "kind other");
    refuse_edit("kind delta", "kind full"); /* a full bundle names no bases */
    refuse_edit("created 2024-06-19T17:11:14Z", "created yesterday");
    refuse_edit("created 2024-06-19T17:11:14Z", "created ");
    accept_edit("created 2024-06-19T17:11:14Z", "created 123456789012345678901234567890123456789");
    refuse_edit("created 2024-06-19T17:11:14Z", "created 1234567890123456789012345678901234567890");
    accept_edit("promise-days 35", "promise-days 36500");
    refuse_edit("promise-days 35", "promise-days 36501");
    accept_edit("jump-limit 24", "jump-limit 999999");
    accept_edit("jump-limit 24", "jump-limit 0");
    refuse_edit("jump-limit 24", "jump-limit 1000000");
    refuse_edit("jump-limit 24\n", "");
}

static void test_children_and_keys(void **state)
{
    (void)state;
    accept_edit(CHILDREN, "");
    accept_edit(KEYS, "");
    accept_edit("also BRAVO", "also ALPHA"); /* whom it is for is judged elsewhere */
    refuse_edit("also BRAVO", "also bravo");
    refuse_edit("also BRAVO", "also -BRAVO");
    refuse_edit("also BRAVO", "also DELTA"); /* not sorted */
    refuse_edit("also BRAVO", "also CHARLIE-1");
    refuse_edit("also BRAVO\n", "also BRAVO\nalso \n");
    static const char *const bad[] = {"receiver r-2 " SPKI_1, "owner r-2 " SPKI_1, "reviewer  " SPKI_1, "reviewer .r " SPKI_1, "reviewer r-2  " SPKI_1,
                                      "reviewer r-2 " SPKI_1 " ", "reviewer r-2 " SPKI_1 "AAAA", "reviewer r-2 MCowBQYDK2VwAyEA", "reviewer r-2", "reviewer r-2 " SPKI_2};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuse_edit("reviewer r-2 " SPKI_1, bad[i]);
    accept_edit("reviewer r-2", "exporter " HASH("n_.9"));
    refuse_edit("reviewer r-2", "reviewer " HASH("n_.9") "x");
    refuse_edit("key reviewer r-2 " SPKI_1 "\nkey exporter hub-2027 " SPKI_2 "\n", "key exporter hub-2027 " SPKI_2 "\nkey reviewer r-2 " SPKI_1 "\n");
    accept_edit("revoke " HASH("0a0a") " 11", "revoke " HASH("0a0a") " 999999");
    refuse_edit("revoke " HASH("0a0a") " 11", "revoke " HASH("0a0a") " 1000000");
    refuse_edit("revoke " HASH("0a0a") " 11", "revoke " HASH("0A0a") " 11");
    refuse_edit("revoke " HASH("0a0a") " 11", "revoke " HASH("0a0a"));
    refuse_edit("revoke " HASH("0a0a") " 11", "revoke " HASH("b0b0") " 11"); /* each key once */
    refuse_edit("revoke " HASH("0a0a") " 11", "revoke " HASH("c0c0") " 11"); /* sorted by key id */
}

static void test_pool_and_recovery(void **state)
{
    (void)state;
    refuse_edit(" 5000 pool\n" HASH("7778") "  ../SU-POOL/77/78777877.DAT\n", " 5000 pool\n");
    refuse_edit(" 5000 pool\n" HASH("7778"), " 5000 pool\n" HASH("7779"));
    refuse_edit(" 5000 pool\n" HASH("7778") "  ", " 5000 pool\n" HASH("7778") " ");
    refuse_edit("../SU-POOL/77/78777877.DAT", "../SU-POOL/77/78777878.DAT");
    refuse_edit("../SU-POOL/77/78777877.DAT", "../../etc/passwd");
    refuse_edit(" 5000 pool\n", " 5000 pool 1:0:5000\n");
    refuse_edit(" 5000 pool\n", " 5000 poo1\n");
    refuse_edit(" 5000 pool\n" HASH("7778") "  ../SU-POOL/77/78777877.DAT\n", " 5000 4:0:5000\n"); /* nothing lies in recovery volumes */
    refuse_edit("recovery 25 195 49 4", "recovery none");
    refuse_edit(RECOVERY_VOLUMES, "");
    refuse_edit("recovery 25 195 49 4", "recovery 25 4 1");
    refuse_edit("recovery 25 195 49 4", "recovery 25 4 1 0");
    refuse_edit("recovery 25 195 49 4", "recovery 0 4 1 1");
    refuse_edit("recovery 25 195 49 4", "recovery 25 195 49 4 1");
    refuse_edit("SU000012.R01 831488 recovery", "SU000012.R01 831488 data");
    refuse_edit("SU000012.R01 831488 recovery", "SU000012.R02 831488 recovery");
    /* The geometry follows from the volumes and the percent. */
    refuse_edit("recovery 25 195 49 4", "recovery 24 195 49 4");
    refuse_edit("recovery 25 195 49 4", "recovery 101 195 49 4");
    refuse_edit("recovery 25 195 49 4", "recovery 25 192 49 4");
    refuse_edit("recovery 25 195 49 4", "recovery 25 195 50 4");
    refuse_edit("recovery 25 195 49 4", "recovery 25 195 49 5");
    refuse_edit("SU000012.R01 831488", "SU000012.R01 831487");
    refuse_edit("volume 1 SU000012.001 1048577", "volume 1 SU000012.001 2097152");
    refuse_edit("volume 3 SU000012.003 66000 data", "volume 3 SU000012.003 66000 recovery"); /* its name is that of data */
}

static void test_profile(void **state)
{
    (void)state;
    refuse_edit("profile ae3c", "profile ae3d");
    refuse_edit("language en", "language fr"); /* the digest is not that of these lines */
    refuse_edit("express yes", "express no");
    refuse_edit("express yes", "express YES");
    refuse_edit("content approved", "content some");
    refuse_edit("product " G3, "product A3C2375D-0c8a-42f9-bce0-28333e198407");
    accept_edit("approved " G1 "\n", ""); /* approvals are not part of the digest */
    refuse_edit("approved " G1 "\napproved " G3 "\n", "approved " G3 "\napproved " G1 "\n");
    refuse_edit("approved " G1 "\n", "approved " G1 "\napproved " G1 "\n");
    /* Sorted the other way or doubled, with the digest of that text: still not the canonical profile. */
    static const char *const profiles[] = {
        "product " G3 "\nproduct " G2 "\ncontent none\nexpress no\n", "product " G2 "\nproduct " G2 "\ncontent none\nexpress no\n",
        "language en\nlanguage de\ncontent none\nexpress no\n", "language en\nproduct " G2 "\ncontent none\nexpress no\n",
    };
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++) {
        SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(100000);
        uint8_t digest[32];
        GOOD(su_sha256(digest, profiles[i], strlen(profiles[i]), &e));
        su_buf_adds(&text, HEAD "profile ");
        su_buf_addhex(&text, digest, 32);
        su_buf_addf(&text, "\n%s%s", profiles[i], CHAIN CLOSURE LICENCE CONTENT METADATA RESERVED VOLUMES END);
        refuse(text.bytes, SU_FORMAT);
    }
}

static void test_chain(void **state)
{
    (void)state;
    accept_edit("fits 9 " HASH("a9a9") "\n", "");
    refuse_edit("fits 9 " HASH("a9a9") "\nfits 11 " HASH("b1b1") "\n", ""); /* a delta fits at least one state */
    refuse_edit("fits 9 " HASH("a9a9") "\nfits 11 " HASH("b1b1") "\n", "fits 11 " HASH("b1b1") "\nfits 9 " HASH("a9a9") "\n");
    refuse_edit("fits 9 " HASH("a9a9") "\n", "fits 9 " HASH("a9a9") "\nfits 9 " HASH("b1b1") "\n");
    refuse_edit("fits 9 " HASH("a9a9") "\nfits 11 " HASH("b1b1") "\n", "fits any\n");
    refuse_edit("fits 9 ", "fits 09 ");
    refuse_edit("fits 9 ", "fits 9  ");
    refuse_edit("fits 9 ", "fits 1000000 ");
    refuse_edit("fits 9 " HASH("a9a9"), "fits 9 " HASH("A9A9"));
    accept_edit("follows 11 2024-05-19T17:11:14Z\n", "");
    refuse_edit("follows 11 2024", "follows 0 2024");
    refuse_edit("follows 11 2024-05-19T17:11:14Z\n", "follows 11 \n");
    refuse_edit("follows 11 2024-05-19T17:11:14Z\n", "follows 11 2024-05-19T17:11:14Z\nfollows 11 2024-05-19T17:11:14Z\n");
}

static void test_certificate(void **state)
{
    (void)state;
    accept_edit("catalogue 427 431", "catalogue 4294967295 4294967295");
    refuse_edit("catalogue 427 431", "catalogue 4294967296 431");
    refuse_edit("catalogue 427 431", "catalogue 427");
    refuse_edit("catalogue 427 431", "catalogue 427 431 0");
    accept_edit("closure 12837 55 3 9 3", "closure 9223372036854775807 55 3 9 3");
    refuse_edit("closure 12837 55 3 9 3", "closure 9223372036854775808 55 3 9 3");
    refuse_edit("closure 12837 55 3 9 3", "closure 12837 55 3 9 2");
    refuse_edit("closure 12837 55 3 9 3", "closure 12837 55 3 9 4");
    refuse_edit("closure 12837 55 3 9 3", "closure 12837 55 3 9");
    /* Holes: sorted, each once, of the four forms. */
    refuse_edit("hole content " SHA1("ab12") " 100\nhole prerequisite " G1 " 200 " G3 "\n", "hole prerequisite " G1 " 200 " G3 "\nhole content " SHA1("ab12") " 100\n");
    refuse_edit("hole content " SHA1("ab12") " 100\n", "hole bundled " G1 " 200 " G2 " 1\n");
    accept_edit("hole content " SHA1("ab12") " 100\n", "hole licence " SHA1("ab12") " 9223372036854775807\n");
    static const char *const bad[] = {
        "x", "content", "content ", "content " SHA1("ab12"), "content " SHA1("ab12") " ", "content " SHA1("ab12") " 01", "content " SHA1("ab12") " 1 ",
        "content " SHA1("AB12") " 1", "content " SHA1("ab12") "0 1", "content  " SHA1("ab12") " 1", "content " SHA1("ab12") " 1 2", "content " SHA1("ab12") " \x1b[2J",
        "content " SHA1("ab12") " 9223372036854775808", "licence " HASH("ab12") " 1", "cab " SHA1("ab12") " 1",
        "bundled " G1 " 200 " G2, "bundled " G1 " 200 " G2 " 4294967296", "bundled " G1 " " G2 " 1", "bundled " G1 " 200 " G2 " 1 1",
        "prerequisite " G1 " 200", "prerequisite " G1 " 200 " G3 " 1", "prerequisite " G1 " " G3, "prerequisite A3C2375D-0c8a-42f9-bce0-28333e198407 200 " G3,
        "prerequisite " G1 " 200 " G3 "\x80",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) { /* alone, so that order cannot be what refuses it */
        SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(100000);
        su_buf_addf(&text, "%scatalogue 427 431\nclosure 12837 55 3 9 1\nhole %s\n%s", HEAD PROFILE CHAIN, bad[i], LICENCE CONTENT METADATA RESERVED VOLUMES END);
        refuse(text.bytes, SU_FORMAT);
    }
}

static void test_extents_and_sums(void **state)
{
    (void)state;
    accept_edit(" 63 1:1536:63\n", " 63 1:1048514:63\n"); /* to the last byte of volume 1 */
    refuse_edit(" 63 1:1536:63\n", " 63 1:1048515:63\n");
    refuse_edit(" 63 1:1536:63\n", " 63 1:9223372036854775807:63\n");
    refuse_edit(" 63 1:1536:63\n", " 63 1:18446744073709551615:63\n");
    refuse_edit(" 63 1:1536:63\n", " 63 0:1536:63\n");
    refuse_edit(" 63 1:1536:63\n", " 63 4:1536:63\n");
    refuse_edit(" 63 1:1536:63\n", " 63 1000:1536:63\n");
    refuse_edit(" 63 1:1536:63\n", " 64 1:1536:63\n");
    refuse_edit(" 63 1:1536:63\n", " 62 1:1536:63\n");
    refuse_edit(" 63 1:1536:63\n", " 63\n");
    refuse_edit(" 63 1:1536:63\n", " 63 \n");
    refuse_edit(" 63 1:1536:63\n", " 63 1:1536\n");
    refuse_edit(" 63 1:1536:63\n", " 63 1:1536:63,\n");
    refuse_edit(" 63 1:1536:63\n", " 63 1:1536:63 1:1:1\n");
    refuse_edit(" 63 1:1536:63\n", " 63 1:01536:63\n");
    refuse_edit(" 63 1:1536:63\n", " 63 1:1536:63:\n");
    accept_edit(" 63 1:1536:63\n", " 63 1:1536:60,2:0:3\n");
    refuse_edit(" 63 1:1536:63\n", " 63 1:1536:60,2:0:4\n");
    refuse_edit(" 0 1:2560:0\n", " 0\n"); /* an empty file has one extent of length 0 */
    refuse_edit(" 0 1:2560:0\n", " 0 1:2560:0,1:2560:0\n");
    refuse_edit("frame 100 3:60000:60", "frame 100 3:60000:6001");
    accept_edit("frame 100 3:60000:60", "frame 100 3:60000:6000");
    refuse_edit("frame 100 3:60000:60", "frame 100 4:0:1");
    refuse_edit(" 63 1:1536:63\n", " 4294967297 1:1536:4294967297\n");
}

static void test_volumes(void **state)
{
    (void)state;
    refuse_edit("volume 1 SU000012.001 1048577", "volume 1 SU000012.001 1048576"); /* two blocks for one */
    refuse_edit("volume 1 SU000012.001 1048577", "volume 1 SU000012.001 2097153"); /* two blocks for three */
    accept_edit("volume 1 SU000012.001 1048577", "volume 1 SU000012.001 1052672"); /* as many cells, as many blocks */
    refuse_edit("volume 2 SU000012.002 1048576", "volume 2 SU000012.002 1048577");
    refuse_edit("volume 2 SU000012.002 1048576", "volume 3 SU000012.002 1048576");
    refuse_edit("volume 2 SU000012.002 1048576", "volume 2 SU000012.003 1048576");
    refuse_edit("volume 2 SU000012.002 1048576", "volume 2 ../../x 1048576");
    refuse_edit("volume 2 SU000012.002 1048576", "volume 2 SU000012.002 9223372036854775807");
    refuse_edit("volume 2 SU000012.002 1048576 data", "volume 2 SU000012.002 1048576 shard");
    refuse_edit("block " HASH("1717") "\n", "");
    refuse_edit("block " HASH("1717") "\n", "block " HASH("1717") "\nblock " HASH("1717") "\n");
    refuse_edit(HASH("0606") "  SU000012.002", HASH("0606") " SU000012.002");
    refuse_edit(HASH("0606") "  SU000012.002", HASH("0606") "  SU000012.001");
    refuse_edit(HASH("0606") "  SU000012.002", HASH("0606") " *SU000012.002");
    refuse_edit(VOLUMES, "");
    refuse_edit("  VERIFY.txt", "  VERIFY.TXT");
    refuse_edit("  SLIP.HTM", "  SLIP.HTML");
    refuse_edit(HASH("7d7d") "  SLIP.TXT\n", "");
    refuse_edit("\nend\n", "\nend\n\n");
    refuse_edit("\nend\n", "\nend");
    refuse_edit("\nend\n", "\nend\nend\n");
    refuse_edit("recovery 25 195 49 4", "recovery rs");
    refuse_edit("part policy\n", "part policy\ndecline " G1 "\n");
    refuse_edit("records 5 2\n", "records 5\n");
}

#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the lines to repeat are formats, all of them below */

/* Text around lines repeated many times, at a limit and one past it. */
static void repeated(const char *before, const char *format, size_t count, const char *after, int expected)
{
    struct su_buf text = SU_BUF_INIT(160 * SU_MIB);
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    su_buf_adds(&text, before);
    char *to = su_buf_reserve(&text, count * 80);
    assert_non_null(to);
    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(to + used, 80, format, i);
    su_buf_grow_by(&text, used);
    su_buf_adds(&text, after);
    GOOD(su_buf_check(&text, "text", &e));
    su_err_clear(&e);
    int result = su_manifest_parse(&m, text.bytes, text.length, &e);
    su_buf_cleanup(&text);
    if (result != expected)
        fail_msg("%zu of '%s': %d (%s)", count, format, result, e.text);
    if (expected < 0)
        assert_int_equal(e.code, SU_FORMAT);
}

static void test_limits_of_counts(void **state)
{
    (void)state;
    char before[2000];
    for (unsigned past = 0; past <= 1; past++) {
        int expected = past ? -1 : 0;
        (void)snprintf(before, sizeof before, "%scatalogue 1 1\nclosure 0 0 0 0 %u\n", HEAD PROFILE CHAIN, SU_MAX_HOLES + past);
        repeated(before, "hole content ffffffffffffffffffffffffffffffffff%06zu 1\n", SU_MAX_HOLES + past, LICENCE CONTENT METADATA RESERVED VOLUMES END, expected);
        repeated(HEAD PROFILE CHAIN CLOSURE LICENCE CONTENT "part metadata\nrecords 0 0\n", "frame %zu 1:0:0\n", SU_MAX_FRAMES + past, RESERVED VOLUMES END, expected);
        repeated(HEAD PROFILE CHAIN CLOSURE LICENCE CONTENT "part metadata\nrecords 0 0\nframe 1 1:0:0", ",1:%zu:0", 2 * SU_MAX_PAYLOADS - 6 + past,
                 "\n" RESERVED "volume 1 SU000012.001 2000000 data\n" HASH("d3d3") "  SU000012.001\nblock " HASH("e4e4") "\nblock " HASH("f5f5") "\n"
                 "volume 2 SU000012.002 1048576 data\n" HASH("0606") "  SU000012.002\nblock " HASH("1717") "\n"
                 "volume 3 SU000012.003 66000 data\n" HASH("2828") "  SU000012.003\nblock " HASH("3939") "\n" END, expected);
        /* The sample's profile has seven items; approvals count with them. */
        repeated(HEAD "profile 469acd45d1614b4f88e6b0eddb0c6e04f8cda960863e8937c17195c4f8980a35\ncontent none\nexpress no\n", "approved ffffffff-0000-4000-8000-%012zx\n",
                 SU_MAX_PROFILE_ITEMS + past, CHAIN CLOSURE LICENCE CONTENT METADATA RESERVED VOLUMES END, expected);
    }
    for (unsigned past = 0; past <= 1; past++) {
        int expected = past ? -1 : 0;
        repeated(HEAD, "also S%05zu\n", SU_MAX_CHILDREN + past, PROFILE CHAIN CLOSURE LICENCE CONTENT METADATA RESERVED VOLUMES END, expected);
        repeated(HEAD, "revoke ffffffffffffffffffffffffffffffffffffffffffffffffffffffffff%06zu 1\n", SU_MAX_KEY_LINES + past, PROFILE CHAIN CLOSURE LICENCE CONTENT METADATA RESERVED VOLUMES END, expected);
        repeated(HEAD, "key exporter k MCowBQYDK2VwAyEA%02zuAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", SU_MAX_KEY_LINES + past, PROFILE CHAIN CLOSURE LICENCE CONTENT METADATA RESERVED VOLUMES END, expected);
    }
    repeated(HEAD, "requires feature-%zu\n", 65, PROFILE CHAIN CLOSURE LICENCE CONTENT METADATA RESERVED VOLUMES END, -1);
}

static void test_limit_of_volumes(void **state)
{
    (void)state;
    for (unsigned count = SU_MAX_VOLUMES; count <= SU_MAX_VOLUMES + 1; count++) {
        SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MIB);
        su_buf_adds(&text, HEAD PROFILE CHAIN CLOSURE "part licence\npart content\npart metadata\nrecords 0 0\n" RESERVED);
        for (unsigned v = 1; v <= count; v++)
            su_buf_addf(&text, "volume %u SU000012.%03u 5 data\n" HASH("d3d3") "  SU000012.%03u\nblock " HASH("e4e4") "\n", v, v, v);
        su_buf_adds(&text, END);
        if (count <= SU_MAX_VOLUMES)
            accept(text.bytes);
        else
            refuse(text.bytes, SU_FORMAT);
    }
}

static void test_limits_of_sizes(void **state)
{
    (void)state;
    /* A frame of the largest raw size, packed and unpacked; one byte more of either. */
    SU_AUTO(su_buf) struct su_buf blocks = SU_BUF_INIT(100000);
    su_buf_addf(&blocks, RESERVED "volume 1 SU000012.001 %zu data\n" HASH("d3d3") "  SU000012.001\n", (size_t)SU_MAX_FRAME_BYTES + 1);
    for (size_t i = 0; i < SU_MAX_FRAME_BYTES / SU_BLOCK_BYTES + 1; i++)
        su_buf_adds(&blocks, "block " HASH("e4e4") "\n");
    for (unsigned raw = 0; raw <= 1; raw++)
        for (unsigned packed = 0; packed <= 1; packed++) {
            SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(100000);
            su_buf_addf(&text, HEAD PROFILE CHAIN CLOSURE "part licence\npart content\npart metadata\nrecords 0 0\nframe %zu 1:0:%zu\n%s" END, SU_MAX_FRAME_BYTES + raw,
                        SU_MAX_FRAME_BYTES + packed, blocks.bytes);
            if (raw + packed == 0)
                accept(text.bytes);
            else
                refuse(text.bytes, SU_FORMAT);
        }
    /* A piece of 4 GiB. */
    for (uint64_t piece = SU_MAX_PIECE_BYTES; piece <= SU_MAX_PIECE_BYTES + 1; piece++) {
        SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MIB);
        su_buf_addf(&text, HEAD PROFILE CHAIN CLOSURE "part licence\npart content\nfile " HASH("5555") " " SHA1("6666") " %llu 1:0:%llu\n" METADATA RESERVED
                    "volume 1 SU000012.001 4294967297 data\n" HASH("d3d3") "  SU000012.001\n", (unsigned long long)piece, (unsigned long long)piece);
        for (int i = 0; i < 4097; i++)
            su_buf_adds(&text, "block " HASH("e4e4") "\n");
        su_buf_adds(&text, "volume 2 SU000012.002 1048576 data\n" HASH("0606") "  SU000012.002\nblock " HASH("1717") "\n"
                           "volume 3 SU000012.003 66000 data\n" HASH("2828") "  SU000012.003\nblock " HASH("3939") "\n" END);
        if (piece == SU_MAX_PIECE_BYTES)
            accept(text.bytes);
        else
            refuse(text.bytes, SU_FORMAT);
    }
}

/* 64 MiB of text: as close below as lines allow, and past it. */
static void test_limit_of_the_whole(void **state)
{
    (void)state;
    static const char before[] = HEAD PROFILE CHAIN CLOSURE LICENCE "part content\n", after[] = METADATA RESERVED VOLUMES END;
    static const char line[] = "file " HASH("5555") " " SHA1("6666") " 0 1:2560:0\n";
    size_t most = (SU_MAX_MANIFEST_BYTES - (sizeof before - 1) - (sizeof after - 1)) / (sizeof line - 1);
    for (size_t count = most; count <= most + 1; count++) {
        SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
        char *text = malloc(SU_MAX_MANIFEST_BYTES + 1000), *to = text;
        assert_non_null(text);
        to = (char *)memcpy(to, before, sizeof before - 1) + sizeof before - 1;
        for (size_t i = 0; i < count; i++)
            to = (char *)memcpy(to, line, sizeof line - 1) + sizeof line - 1;
        to = (char *)memcpy(to, after, sizeof after - 1) + sizeof after - 1;
        su_err_clear(&e);
        int result = su_manifest_parse(&m, text, (size_t)(to - text), &e);
        assert_int_equal((size_t)(to - text) > SU_MAX_MANIFEST_BYTES, count > most);
        assert_int_equal(result, count > most ? -1 : 0);
        if (count > most)
            assert_int_equal(e.code, SU_LIMIT);
        free(text);
    }
}

static void test_names(void **state)
{
    (void)state;
    char name[SU_BUNDLE_NAME_TEXT], volume[16];
    assert_string_equal(su_bundle_name("ALPHA", 12, name), "SU-ALPHA-000012");
    assert_string_equal(su_bundle_name("ABCDEFGHIJKLMNOP", 999999, name), "SU-ABCDEFGHIJKLMNOP-999999");
    struct su_volume volumes[] = {{.is_recovery = false}, {.is_recovery = true}, {.is_recovery = true}};
    struct su_manifest m = {.sequence = 1};
    assert_string_equal(su_volume_name(&m, 1, volume), "SU000001.001");
    m.sequence = 999999;
    assert_string_equal(su_volume_name(&m, 999, volume), "SU999999.999"); /* 8.3, upper case */
    m.volumes.at = volumes;
    m.volumes.count = 3;
    assert_int_equal(su_manifest_data_volumes(&m), 1);
    assert_string_equal(su_volume_name(&m, 1, volume), "SU999999.001");
    assert_string_equal(su_volume_name(&m, 3, volume), "SU999999.R02");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_least),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_every_byte_changed),
        cmocka_unit_test(test_every_byte_left_out_or_doubled),
        cmocka_unit_test(test_lines_doubled_or_exchanged),
        cmocka_unit_test(test_versions_and_features),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_children_and_keys),
        cmocka_unit_test(test_pool_and_recovery),
        cmocka_unit_test(test_profile),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_certificate),
        cmocka_unit_test(test_extents_and_sums),
        cmocka_unit_test(test_volumes),
        cmocka_unit_test(test_limits_of_counts),
        cmocka_unit_test(test_limit_of_volumes),
        cmocka_unit_test(test_limits_of_sizes),
        cmocka_unit_test(test_limit_of_the_whole),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
