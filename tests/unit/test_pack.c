/* zstd frames and documents: exact sizes, damage, bombs, dictionaries. */
#include "helpers.h"

#include <zstd.h>

#include "common/lib/pack.h"

/* Text that compresses like metadata: the same words, other numbers. */
static void sample_text(struct su_buf *out, size_t length, unsigned seed)
{
    while (out->length < length) {
        seed = seed * 1103515245u + 12345u;
        su_buf_addf(out, "<upd:UpdateIdentity UpdateID=\"%08x\" RevisionNumber=\"%u\" />", seed, seed >> 20);
    }
    out->length = length;
}

static void test_frames_of_many_sizes(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 55, 1000, 131071, 131072, 131073, 3000000};
    SU_AUTO(su_packer) struct su_packer *packer = su_packer_new(&e);
    assert_non_null(packer);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        SU_AUTO(su_buf) struct su_buf raw = SU_BUF_INIT(4000000), packed = SU_BUF_INIT(4000000), again = SU_BUF_INIT(4000000), out = SU_BUF_INIT(sizes[i]);
        sample_text(&raw, sizes[i], (unsigned)i);
        su_buf_adds(&packed, "before"); /* a frame is appended */
        GOOD(su_pack_frame(packer, raw.bytes ? raw.bytes : "", raw.length, &packed, &e));
        GOOD(su_pack_frame(packer, raw.bytes ? raw.bytes : "", raw.length, &again, &e));
        assert_memory_equal(packed.bytes, "before", 6);
        assert_int_equal(packed.length - 6, again.length);
        assert_memory_equal(packed.bytes + 6, again.bytes, again.length); /* the same input, the same bytes */
        assert_memory_equal(again.bytes, "\x28\xb5\x2f\xfd", 4);         /* a plain zstd frame, for other programs */
        GOOD(su_unpack_frame(packer, again.bytes, again.length, sizes[i], &out, &e));
        assert_int_equal(out.length, sizes[i]);
        if (sizes[i] > 0)
            assert_memory_equal(out.bytes, raw.bytes, sizes[i]);
    }
}

static void test_wrong_raw_size(void **state)
{
    (void)state;
    SU_AUTO(su_packer) struct su_packer *packer = su_packer_new(&e);
    SU_AUTO(su_buf) struct su_buf raw = SU_BUF_INIT(10000), packed = SU_BUF_INIT(10000), out = SU_BUF_INIT(20000);
    sample_text(&raw, 5000, 1);
    GOOD(su_pack_frame(packer, raw.bytes, raw.length, &packed, &e));
    static const size_t wrong[] = {0, 1, 2500, 4999, 5001, 10000};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        REFUSED(su_unpack_frame(packer, packed.bytes, packed.length, wrong[i], &out, &e), SU_DATA);
        assert_int_equal(out.length, 0);
    }
    REFUSED(su_unpack_frame(packer, packed.bytes, packed.length, 20001, &out, &e), SU_LIMIT);
    GOOD(su_unpack_frame(packer, packed.bytes, packed.length, 5000, &out, &e));
}

static void test_damaged_frames(void **state)
{
    (void)state;
    SU_AUTO(su_packer) struct su_packer *packer = su_packer_new(&e);
    SU_AUTO(su_buf) struct su_buf raw = SU_BUF_INIT(1000), packed = SU_BUF_INIT(2000), out = SU_BUF_INIT(1000);
    sample_text(&raw, 700, 2);
    GOOD(su_pack_frame(packer, raw.bytes, raw.length, &packed, &e));
    for (size_t cut = 0; cut < packed.length; cut++)
        REFUSED(su_unpack_frame(packer, packed.bytes, cut, 700, &out, &e), SU_DATA);
    for (size_t i = 0; i < packed.length; i++) { /* a flip is refused or gives exactly 700 bytes; block hashes find the rest */
        packed.bytes[i] ^= 0x55;
        if (su_unpack_frame(packer, packed.bytes, packed.length, 700, &out, &e) == 0)
            assert_int_equal(out.length, 700);
        packed.bytes[i] ^= 0x55;
    }
    su_buf_adds(&packed, "more");
    REFUSED(su_unpack_frame(packer, packed.bytes, packed.length, 700, &out, &e), SU_DATA);
    REFUSED(su_unpack_frame(packer, "not zstd at all", 15, 700, &out, &e), SU_DATA);
}

/* 64 MiB of zeros in a few KiB: what counts is the size that the manifest signed for. */
static void test_bomb(void **state)
{
    (void)state;
    SU_AUTO(su_packer) struct su_packer *packer = su_packer_new(&e);
    SU_AUTO(su_buf) struct su_buf packed = SU_BUF_INIT(SU_MAX_DOCUMENT_BYTES), out = SU_BUF_INIT(SU_MAX_FRAME_BYTES);
    char *zeros = calloc(SU_MAX_DOCUMENT_BYTES, 1);
    assert_non_null(zeros);
    size_t room = ZSTD_compressBound(SU_MAX_DOCUMENT_BYTES);
    char *bomb = malloc(room);
    assert_non_null(bomb);
    size_t length = ZSTD_compress(bomb, room, zeros, SU_MAX_DOCUMENT_BYTES, 1);
    assert_false(ZSTD_isError(length));
    assert_true(length < 100000);
    REFUSED(su_unpack_frame(packer, bomb, length, 1000, &out, &e), SU_DATA);
    assert_true(out.capacity < 10000); /* no memory was given to the claim */
    REFUSED(su_unpack_document(packer, bomb, length, 1000, &out, &e), SU_DATA);
    /* The frame's own claim is no help either: a head that says 2^60 bytes. */
    static const unsigned char liar[] = {0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x01, 0x00, 0x00};
    REFUSED(su_unpack_frame(packer, liar, sizeof liar, 1000, &out, &e), SU_DATA);
    free(bomb);
    free(zeros);
}

static void test_documents_with_a_dictionary(void **state)
{
    (void)state;
    SU_AUTO(su_packer) struct su_packer *writer = su_packer_new(&e), *reader = su_packer_new(&e), *bare = su_packer_new(&e);
    SU_AUTO(su_buf) struct su_buf samples = SU_BUF_INIT(4000000), dictionary = SU_BUF_INIT(SU_PACK_DICTIONARY_BYTES);
    SU_AUTO(su_buf) struct su_buf plain = SU_BUF_INIT(100000), packed = SU_BUF_INIT(100000), out = SU_BUF_INIT(100000), document = SU_BUF_INIT(10000);
    size_t sizes[300];
    for (size_t i = 0; i < 300; i++) {
        SU_AUTO(su_buf) struct su_buf one = SU_BUF_INIT(10000);
        sample_text(&one, 1000 + i, (unsigned)i * 7);
        su_buf_add(&samples, one.bytes, one.length);
        sizes[i] = one.length;
    }
    GOOD(su_pack_train(samples.bytes, sizes, 300, &dictionary, &e));
    assert_true(dictionary.length > 256);
    assert_memory_equal(dictionary.bytes, "\x37\xa4\x30\xec", 4); /* the magic of a zstd dictionary */

    sample_text(&document, 1200, 99999);
    GOOD(su_pack_document(writer, document.bytes, document.length, &plain, &e));
    GOOD(su_packer_set_dictionary(writer, dictionary.bytes, dictionary.length, &e));
    GOOD(su_packer_set_dictionary(reader, dictionary.bytes, dictionary.length, &e));
    GOOD(su_pack_document(writer, document.bytes, document.length, &packed, &e));
    assert_true(packed.length < plain.length);
    GOOD(su_unpack_document(reader, packed.bytes, packed.length, document.length, &out, &e));
    assert_memory_equal(out.bytes, document.bytes, document.length);
    REFUSED(su_unpack_document(bare, packed.bytes, packed.length, document.length, &out, &e), SU_DATA); /* needs the dictionary */
    REFUSED(su_unpack_frame(reader, packed.bytes, packed.length, document.length, &out, &e), SU_DATA);
    GOOD(su_unpack_document(reader, plain.bytes, plain.length, document.length, &out, &e)); /* packed before it was trained */
    assert_memory_equal(out.bytes, document.bytes, document.length);
    GOOD(su_pack_document(writer, "", 0, &packed, &e));
    GOOD(su_unpack_document(reader, packed.bytes, packed.length, 0, &out, &e));
    assert_int_equal(out.length, 0);
}

/* One packer goes through dictionaries: what it packs depends on the present one alone, whatever the size. */
static void test_dictionaries_change(void **state)
{
    (void)state;
    SU_AUTO(su_packer) struct su_packer *reader = su_packer_new(&e), *used = su_packer_new(&e);
    SU_AUTO(su_buf) struct su_buf first = SU_BUF_INIT(100000), second = SU_BUF_INIT(100000), packed = SU_BUF_INIT(800000),
                                  again = SU_BUF_INIT(800000), out = SU_BUF_INIT(800000), document = SU_BUF_INIT(800000);
    sample_text(&first, 60000, 1);
    sample_text(&second, 60000, 2);
    for (unsigned i = 0; i < 60; i++) {
        const struct su_buf *content = i % 3 == 0 ? &first : i % 3 == 1 ? &second : NULL; /* raw content serves as a dictionary too */
        const char *bytes = content ? content->bytes : "";
        size_t length = content ? content->length : 0;
        SU_AUTO(su_packer) struct su_packer *fresh = su_packer_new(&e);
        su_buf_clear(&document);
        sample_text(&document, (i + 1) * (i + 1) * 100, i % 2 + 1); /* 100 bytes to 360 KB: also beyond 16 and 128 KiB */
        GOOD(su_packer_set_dictionary(fresh, bytes, length, &e));
        GOOD(su_packer_set_dictionary(used, bytes, length, &e));
        GOOD(su_packer_set_dictionary(reader, bytes, length, &e));
        GOOD(su_pack_document(fresh, document.bytes, document.length, &packed, &e));
        for (int k = 0; k < 2; k++) {
            GOOD(su_pack_document(used, document.bytes, document.length, &again, &e));
            assert_int_equal(again.length, packed.length);
            assert_memory_equal(again.bytes, packed.bytes, packed.length);
        }
        GOOD(su_unpack_document(reader, packed.bytes, packed.length, document.length, &out, &e));
        assert_memory_equal(out.bytes, document.bytes, document.length);
    }
}

static void test_too_little_to_learn_from(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf dictionary = SU_BUF_INIT(SU_PACK_DICTIONARY_BYTES);
    size_t sizes[] = {3, 3};
    GOOD(su_pack_train("abcabc", sizes, 2, &dictionary, &e));
    assert_int_equal(dictionary.length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_of_many_sizes),
        cmocka_unit_test(test_wrong_raw_size),
        cmocka_unit_test(test_damaged_frames),
        cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_documents_with_a_dictionary),
        cmocka_unit_test(test_dictionaries_change),
        cmocka_unit_test(test_too_little_to_learn_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
