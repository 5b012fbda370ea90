/* Records: the stream inside a bundle's frames, and the digest that names one. */
#include "helpers.h"

#define ID "0f3412f2-3405-4d86-a0ff-0ede802227a8"
#define SHA1_A "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
#define SHA1_B "a9993e364706816aba3e25717850c26c9cd0d89d"

static struct su_record sample(void)
{
    static const char document[] = "<upd:Update>\r\n\xe2\x82\xac</upd:Update>";
    static const char urls[] = SHA1_B " http://download.windowsupdate.com/c/a.cab\n";
    struct su_record record = {.revision = 200, .document = document, .document_bytes = sizeof document - 1, .urls = urls, .urls_bytes = sizeof urls - 1};
    assert_true(su_guid_parse(&record.id, ID, 36));
    return record;
}

/* docs/bundle-format.md 5.3, computed with another program. */
static void test_digest(void **state)
{
    (void)state;
    struct su_record record = sample();
    GOOD(su_record_seal(&record, &e));
    assert_hex(record.document_sha256, 32, "1f408c152b3af2fc2838d4ba484b97a0485adae14c259727578ff777496ba3e9");
    assert_hex(record.record_sha256, 32, "4891078028e45692306c23c3b168e1584b3cc937db3097f6012dbd3abab8d7bf");
    struct su_record bare = {.id = record.id, .revision = UINT32_MAX, .origin = SU_FROM_THIRD_PARTY, .document = "", .urls = ""};
    GOOD(su_record_seal(&bare, &e));
    assert_hex(bare.record_sha256, 32, "50ab174e4bce06038a5a9f5d809cbdc688145770d92d9a9c1b8665d072892dc5");
}

static void test_digest_covers_every_part(void **state)
{
    (void)state;
    struct su_record record = sample(), other;
    GOOD(su_record_seal(&record, &e));
    char document[100], urls[100];
    memcpy(document, record.document, record.document_bytes);
    memcpy(urls, record.urls, record.urls_bytes);
    for (size_t i = 0; i < 16; i++) {
        other = record;
        other.id.bytes[i] ^= 1;
        GOOD(su_record_seal(&other, &e));
        assert_memory_not_equal(other.record_sha256, record.record_sha256, 32);
    }
    other = record, other.revision++;
    GOOD(su_record_seal(&other, &e));
    assert_memory_not_equal(other.record_sha256, record.record_sha256, 32);
    other = record, other.origin = SU_FROM_CATALOGUE_IMPORT;
    GOOD(su_record_seal(&other, &e));
    assert_memory_not_equal(other.record_sha256, record.record_sha256, 32);
    for (size_t i = 0; i < record.document_bytes; i++) {
        other = record, other.document = document;
        document[i] ^= 1;
        GOOD(su_record_seal(&other, &e));
        document[i] ^= 1;
        assert_memory_not_equal(other.record_sha256, record.record_sha256, 32);
    }
    for (size_t i = 0; i < record.urls_bytes; i++) {
        other = record, other.urls = urls;
        urls[i] ^= 1;
        GOOD(su_record_seal(&other, &e));
        urls[i] ^= 1;
        assert_memory_not_equal(other.record_sha256, record.record_sha256, 32);
    }
}

static void write_record(const struct su_record *record, struct su_buf *out)
{
    su_record_write_head(record, out);
    if (record->is_removal)
        return;
    su_buf_add(out, record->document, record->document_bytes);
    su_buf_add(out, "\n", 1);
}

static void test_written_form(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(1000);
    struct su_record record = sample(), removal = {.is_removal = true, .id = record.id, .revision = 7}, bare = {.id = record.id, .origin = SU_FROM_THIRD_PARTY, .document = "", .urls = ""};
    write_record(&removal, &out);
    write_record(&record, &out);
    write_record(&bare, &out);
    assert_int_equal(out.length, su_record_bytes(&removal) + su_record_bytes(&record) + su_record_bytes(&bare));
    GOOD(su_buf_check(&out, "records", &e));
    assert_string_equal(out.bytes,
                        "D " ID " 7\n"
                        "R " ID " 200 0 30 83\n" SHA1_B " http://download.windowsupdate.com/c/a.cab\n<upd:Update>\r\n\xe2\x82\xac</upd:Update>\n"
                        "R " ID " 0 2 0 0\n\n");
}

static void test_read_back(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(1000);
    struct su_record record = sample(), removal = {.is_removal = true, .id = guid_of(5), .revision = UINT32_MAX}, again;
    GOOD(su_record_seal(&record, &e));
    write_record(&removal, &out);
    write_record(&record, &out);
    const char *at = out.bytes, *end = out.bytes + out.length;
    assert_int_equal(su_record_read(&again, &at, end, &e), 1);
    assert_true(again.is_removal && again.revision == UINT32_MAX);
    assert_memory_equal(again.id.bytes, removal.id.bytes, 16);
    assert_int_equal(su_record_read(&again, &at, end, &e), 1);
    assert_false(again.is_removal);
    assert_int_equal(again.revision, 200);
    assert_int_equal(again.origin, SU_FROM_SYNC);
    assert_int_equal(again.document_bytes, record.document_bytes);
    assert_memory_equal(again.document, record.document, record.document_bytes);
    assert_int_equal(again.urls_bytes, record.urls_bytes);
    assert_memory_equal(again.urls, record.urls, record.urls_bytes);
    GOOD(su_record_seal(&again, &e));
    assert_memory_equal(again.record_sha256, record.record_sha256, 32);
    assert_ptr_equal(at, end);
    assert_int_equal(su_record_read(&again, &at, end, &e), 0);
}

static int read_text(const char *text, size_t length)
{
    struct su_record record;
    char *copy = malloc(length + 1); /* its own allocation, so that reading past the end is seen */
    assert_non_null(copy);
    memcpy(copy, text, length);
    const char *at = copy;
    int result = su_record_read(&record, &at, copy + length, &e);
    if (result == 1)
        assert_ptr_equal(at, copy + length);
    else if (result < 0)
        assert_ptr_equal(at, copy); /* a refusal does not move */
    free(copy);
    return result;
}

static void test_refused_forms(void **state)
{
    (void)state;
#define HEAD "R " ID " 1 0 "
    static const char *const bad[] = {
        "X " ID " 1\n", "R", "D", "R\n", "D ", " D " ID " 1\n", "D  " ID " 1\n", "D\t" ID " 1\n", "d " ID " 1\n",
        "D " ID "\n", "D " ID " \n", "D " ID " 1", "D " ID " 01\n", "D " ID " -1\n", "D " ID " 4294967296\n", "D " ID " 1 \n", "D " ID "  1\n",
        "D 0F3412F2-3405-4D86-A0FF-0EDE802227A8 1\n", "D {" ID "} 1\n", "D 0f3412f2-3405-4d86-a0ff-0ede802227a 1\n", "D " ID " 1\r\n",
        HEAD "1 0\n", HEAD "1 0\na", HEAD "1 0\nab", HEAD "1 0\na\r\n", HEAD "0 0\n", HEAD "0 0 \n\n", HEAD "0\n\n", HEAD "00 0\n\n", HEAD "0 00\n\n",
        "R " ID " 1 3 0 0\n\n", "R " ID " 1 -1 0 0\n\n", "R " ID " 1 00 0 0\n\n", "R " ID " 4294967296 0 0 0\n\n",
        HEAD "18446744073709551615 0\n\n", HEAD "0 18446744073709551615\n\n", HEAD "67108865 0\n\n", HEAD "0 4194305\n\n",
        HEAD "67108864 4194304\n\n", HEAD "1 18446744073709551615\na\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        REFUSED(read_text(bad[i], strlen(bad[i])), SU_DATA);
    assert_int_equal(read_text(HEAD "0 0\n\n", strlen(HEAD "0 0\n\n")), 1);
    assert_int_equal(read_text(HEAD "1 0\n\n\n", strlen(HEAD "1 0\n\n\n")), 1); /* the document is a line end */
    assert_int_equal(read_text("", 0), 0);
}

static int read_urls(const char *urls)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(10000);
    su_buf_addf(&text, HEAD "0 %zu\n%s\n", strlen(urls), urls);
    return read_text(text.bytes, text.length);
}

static void test_addresses_are_sorted_lines(void **state)
{
    (void)state;
    static const char *const good[] = {"", SHA1_A " u\n", SHA1_A " http://h/a?b=c&d=%20~!\n", SHA1_A " u\n" SHA1_B " u\n"};
    static const char *const bad[] = {
        "\n", SHA1_A "\n", SHA1_A " \n", SHA1_A " u", SHA1_A "  u\n", SHA1_A " u \n", SHA1_A " a b\n", SHA1_A " u\r\n", SHA1_A " \x1b\n", SHA1_A " \x7f\n",
        SHA1_A " \xc3\xa9\n", SHA1_A " u\n\n", "\n" SHA1_A " u\n", SHA1_B " u\n" SHA1_A " u\n", SHA1_A " u\n" SHA1_A " v\n", SHA1_A " u\n" SHA1_A " u\n",
        "84983E441C3BD26EBAAE4AA1F95129E5E54670F1 u\n", "84983e441c3bd26ebaae4aa1f95129e5e54670f u\n", "84983e441c3bd26ebaae4aa1f95129e5e54670f11 u\n",
        "x4983e441c3bd26ebaae4aa1f95129e5e54670f1 u\n",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(read_urls(good[i]), 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        REFUSED(read_urls(bad[i]), SU_DATA);
}

static void test_limits_of_lengths(void **state)
{
    (void)state;
    size_t most = SU_MAX_DOCUMENT_BYTES + SU_MAX_RECORD_URLS_BYTES + 100;
    char *text = malloc(most);
    assert_non_null(text);
    /* The largest document is read; one byte more is refused although it is all there. */
    for (size_t document = SU_MAX_DOCUMENT_BYTES; document <= SU_MAX_DOCUMENT_BYTES + 1; document++) {
        struct su_record record;
        size_t head = (size_t)sprintf(text, HEAD "%zu 0\n", document);
        memset(text + head, 'd', document);
        text[head + document] = '\n';
        const char *at = text;
        su_err_clear(&e);
        assert_int_equal(su_record_read(&record, &at, text + head + document + 1, &e), document == SU_MAX_DOCUMENT_BYTES ? 1 : -1);
    }
    for (size_t urls = SU_MAX_RECORD_URLS_BYTES; urls <= SU_MAX_RECORD_URLS_BYTES + 1; urls++) {
        struct su_record record;
        size_t head = (size_t)sprintf(text, HEAD "0 %zu\n", urls), left = urls, n = 0;
        char *to = text + head;
        while (left > 0) { /* lines of 1,000 bytes, the last one takes the rest */
            size_t line = left >= 2000 ? 1000 : left;
            int used = sprintf(to, "%040zx ", n++);
            memset(to + used, 'u', line - (size_t)used - 1);
            to[line - 1] = '\n';
            to += line;
            left -= line;
        }
        *to++ = '\n';
        const char *at = text;
        su_err_clear(&e);
        assert_int_equal(su_record_read(&record, &at, to, &e), urls == SU_MAX_RECORD_URLS_BYTES ? 1 : -1);
    }
    free(text);
}

/* Every cut and every changed byte of a small stream: refused, or another record by its digest. */
static void test_every_byte_counts(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(1000);
    struct su_record record = sample();
    char urls[] = SHA1_A " u\n" SHA1_B " v\n";
    record.urls = urls;
    record.urls_bytes = sizeof urls - 1;
    GOOD(su_record_seal(&record, &e));
    write_record(&record, &out);
    for (size_t cut = 1; cut < out.length; cut++)
        REFUSED(read_text(out.bytes, cut), SU_DATA);
    size_t taken = 0;
    for (size_t i = 0; i < out.length; i++)
        for (unsigned change = 1; change < 256; change++) {
            struct su_record again;
            char *copy = malloc(out.length);
            assert_non_null(copy);
            memcpy(copy, out.bytes, out.length);
            copy[i] = (char)(copy[i] ^ (char)change);
            const char *at = copy;
            su_err_clear(&e);
            int result = su_record_read(&again, &at, copy + out.length, &e);
            assert_true(result == 1 || (result == -1 && e.code == SU_DATA));
            if (result == 1 && !again.is_removal) {
                GOOD(su_record_seal(&again, &e));
                assert_memory_not_equal(again.record_sha256, record.record_sha256, 32);
                taken++;
            }
            free(copy);
        }
    assert_true(taken >= record.document_bytes * 255); /* the document itself may hold any byte */
}

static void test_adding_addresses(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf urls = SU_BUF_INIT(4000), tiny = SU_BUF_INIT(50);
    uint8_t a[20], b[20], absent[20] = {0};
    char url[SU_MAX_URL_BYTES + 2];
    size_t length = 0;
    from_hex(a, 20, SHA1_A);
    from_hex(b, 20, SHA1_B);
    memset(url, 'u', sizeof url);
    GOOD(su_urls_add(&urls, a, url, SU_MAX_URL_BYTES, &e));
    REFUSED(su_urls_add(&urls, b, url, SU_MAX_URL_BYTES + 1, &e), SU_DATA);
    REFUSED(su_urls_add(&urls, b, url, 0, &e), SU_DATA);
    static const char *const bad[] = {"a b", "a\n", "a\r", "a\t", "\x1b", "\x7f", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        REFUSED(su_urls_add(&urls, b, bad[i], strlen(bad[i]), &e), SU_DATA);
    REFUSED(su_urls_add(&urls, b, "a\0b", 3, &e), SU_DATA);
    GOOD(su_urls_add(&urls, b, "http://h/x", 10, &e));
    assert_int_equal(read_urls(urls.bytes), 1); /* nothing of the refused ones is left */
    const char *found = su_urls_find(urls.bytes, urls.length, b, &length);
    assert_non_null(found);
    assert_int_equal(length, 10);
    assert_memory_equal(found, "http://h/x", 10);
    assert_non_null(su_urls_find(urls.bytes, urls.length, a, &length));
    assert_int_equal(length, SU_MAX_URL_BYTES);
    assert_null(su_urls_find(urls.bytes, urls.length, absent, &length));
    assert_null(su_urls_find("", 0, a, &length));
    REFUSED(su_urls_add(&tiny, a, "http://h/longer", 15, &e), SU_LIMIT);
}

/* The lines are sorted, so a search may halve: every line is found, and nothing between two. */
static void test_finding_among_many(void **state)
{
    (void)state;
    for (size_t count = 1; count <= 70; count += 1 + count / 9) {
        SU_AUTO(su_buf) struct su_buf urls = SU_BUF_INIT(100000);
        uint8_t sha1[20] = {0};
        char url[200];
        size_t length = 0;
        memset(url, 'u', sizeof url);
        for (size_t i = 0; i < count; i++) { /* digests 10, 12, 14 ...; addresses of one character and more */
            sha1[19] = (uint8_t)(10 + 2 * i);
            GOOD(su_urls_add(&urls, sha1, url, 1 + i * 53 % 199, &e));
        }
        for (unsigned last = 0; last < 256; last++) {
            sha1[19] = (uint8_t)last;
            bool is_there = last >= 10 && last % 2 == 0 && last < 10 + 2 * count;
            const char *found = su_urls_find(urls.bytes, urls.length, sha1, &length);
            assert_int_equal(found != NULL, is_there);
            if (is_there)
                assert_int_equal(length, 1 + (last - 10) / 2 * 53 % 199);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_digest_covers_every_part),
        cmocka_unit_test(test_written_form),
        cmocka_unit_test(test_read_back),
        cmocka_unit_test(test_refused_forms),
        cmocka_unit_test(test_addresses_are_sorted_lines),
        cmocka_unit_test(test_limits_of_lengths),
        cmocka_unit_test(test_every_byte_counts),
        cmocka_unit_test(test_adding_addresses),
        cmocka_unit_test(test_finding_among_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
