/* What bad blocks hit, to the byte. */
#include "catalogue_helpers.h"

#include "common/site/affected.h"

#define B SU_BLOCK_BYTES

/* Two volumes of three blocks and one; files at the edges of blocks, one over two volumes, one of nothing, one in the pool. */
static const struct su_extent extents[] = {
    {1, 0, B},         {1, B, 1},    {1, 2 * B - 1, 1}, {1, 2 * B - 2, 1}, {1, 2 * B, 7},
    {1, 3 * B - 10, 10}, {2, 0, 1}, {2, 1, 0},         {2, 1, B - 101},    {2, B - 100, 100}};
static const struct {
    size_t first, count;
} files[] = {{0, 1}, {1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 2}, {7, 1}, {0, 0}, {8, 1}};
enum { WHOLE_BLOCK, FIRST_BYTE, LAST_BYTE, BYTE_BEFORE, THIRD, OVER_TWO, EMPTY, POOLED, SECOND, FILES };

static void fill(struct su_manifest *m)
{
    for (size_t v = 0; v < 2; v++) {
        struct su_volume *volume = SU_PUSH(&m->volumes, 2);
        assert_non_null(volume);
        *volume = (struct su_volume){.bytes = v ? B : 3 * B, .first_block = 3 * v, .blocks = v ? 1 : 3};
    }
    for (size_t i = 0; i < 4; i++)
        assert_non_null(SU_PUSH(&m->blocks, 4));
    for (size_t i = 0; i < sizeof extents / sizeof *extents; i++) {
        struct su_extent *extent = SU_PUSH(&m->extents, 20);
        assert_non_null(extent);
        *extent = extents[i];
    }
    for (size_t i = 0; i < FILES; i++) {
        struct su_payload *p = SU_PUSH(&m->payloads, FILES);
        assert_non_null(p);
        *p = (struct su_payload){.first_extent = files[i].first, .extents = files[i].count, .is_pooled = i == POOLED};
        p->id.sha1[0] = (uint8_t)(FILES - i); /* in another order than they lie */
    }
    struct su_frame *f = SU_PUSH(&m->frames, 1);
    assert_non_null(f);
    *f = (struct su_frame){.first_extent = 9, .extents = 1};
}

/* The files that are found, one bit each. */
static unsigned found(struct fixture *f, unsigned bad_blocks, const bool *lost, struct su_affected *a)
{
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    bool proved[4];
    unsigned bits = 0;
    fill(&m);
    for (unsigned i = 0; i < 4; i++)
        proved[i] = !(bad_blocks & 1u << i);
    SU_AUTO(su_volume_reader) struct su_volume_reader *reader = su_volume_reader_new(-1, &m, &e);
    GOOD(su_affected_find(a, &m, proved, lost, reader, f->home.db, &e));
    for (size_t i = 0; i < a->files.count; i++)
        bits |= 1u << (FILES - a->files.at[i].sha1[0]);
    assert_int_equal(a->files.count + a->files_good, FILES);
    return bits;
}

#define BIT(file) (1u << (file))

static void test_files_hit(void **state)
{
    static const struct {
        unsigned bad, files, hits;
        bool metadata_is_good;
    } cases[] = {
        {0, 0, 0, true},
        {1, BIT(WHOLE_BLOCK), 1, true},
        {2, BIT(FIRST_BYTE) | BIT(LAST_BYTE) | BIT(BYTE_BEFORE), 3, true},
        {4, BIT(THIRD) | BIT(OVER_TWO), 2, true},
        {8, BIT(OVER_TWO) | BIT(SECOND), 2, false},
        {12, BIT(THIRD) | BIT(OVER_TWO) | BIT(SECOND), 4, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SU_AUTO(su_affected) struct su_affected a = SU_AFFECTED_INIT;
        assert_int_equal(found(*state, cases[i].bad, NULL, &a), cases[i].files);
        assert_int_equal(a.hits.count, cases[i].hits);
        assert_int_equal(a.metadata_is_good, cases[i].metadata_is_good);
        for (size_t k = 1; k < a.hits.count; k++)
            assert_true(a.hits.at[k - 1].extent.volume < a.hits.at[k].extent.volume ||
                        a.hits.at[k - 1].extent.offset < a.hits.at[k].extent.offset);
    }
}

/* Lost in the pool: it lies in no volume. */
static void test_files_lost(void **state)
{
    SU_AUTO(su_affected) struct su_affected a = SU_AFFECTED_INIT;
    const bool lost[FILES] = {[POOLED] = true};
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_KIB);
    assert_int_equal(found(*state, 0, lost, &a), BIT(POOLED));
    assert_int_equal(a.hits.count, 0);
    su_affected_say(&a, &text);
    assert_non_null(strstr(text.bytes, "affects 1 file: "));
    assert_non_null(strstr(text.bytes, "; metadata part: good; 8 of 9 files good"));
}

/* The words for a block: the metadata, then its files in the order in which they lie. */
static void test_words(void **state)
{
    static const struct {
        struct su_bad_block block;
        const char *before;
        size_t files[3], count;
    } cases[] = {
        {{.volume = 1, .offset = 0, .length = B}, "", {WHOLE_BLOCK}, 1},
        {{.volume = 1, .offset = B, .length = B}, "", {FIRST_BYTE, BYTE_BEFORE, LAST_BYTE}, 3},
        {{.volume = 1, .offset = 2 * B, .length = B}, "", {THIRD, OVER_TWO}, 2},
        {{.volume = 2, .offset = 0, .length = B}, "update metadata", {OVER_TWO, SECOND}, 2},
    };
    SU_AUTO(su_affected) struct su_affected a = SU_AFFECTED_INIT;
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    assert_int_equal(found(*state, 15, NULL, &a), 0x1ff & ~(BIT(EMPTY) | BIT(POOLED)));
    fill(&m);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_KIB), words = SU_BUF_INIT(SU_KIB);
        su_buf_adds(&words, cases[i].before);
        for (size_t k = 0; k < cases[i].count; k++)
            su_buf_addf(&words, "%scontent file %02zx%038d (0 bytes)", words.length > 0 ? "; " : "",
                        FILES - cases[i].files[k], 0);
        const struct su_named_file *first = su_affected_by(&a, &m, &cases[i].block, &text);
        assert_string_equal(text.bytes, words.bytes);
        assert_int_equal(first->sha1[0], FILES - cases[i].files[0]);
    }
}

int main(void)
{
#define HELD(test) cmocka_unit_test_setup_teardown(test, make_fixture, drop_fixture)
    const struct CMUnitTest tests[] = {HELD(test_files_hit), HELD(test_files_lost), HELD(test_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
