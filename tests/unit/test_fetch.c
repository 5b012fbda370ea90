/* Where content is, what has come of it, and what is still to come. */
#include "catalogue_helpers.h"

#include "common/source/payload/fetch_address.h"
#include "common/source/payload/fetch_list.h"
#include "common/source/payload/fetch_part.h"

static void root_is(const char *server, const char *want)
{
    char root[SU_ADDRESS_TEXT];
    GOOD(su_fetch_root(server, root, &e));
    assert_string_equal(root, want);
}

static void test_roots(void **state)
{
    (void)state;
    char root[SU_ADDRESS_TEXT];
    root_is("http://wsus.example:8530", "http://wsus.example:8530/Content");
    root_is("https://wsus.example:8531/", "http://wsus.example:8530/Content");
    root_is("https://wsus.example", "http://wsus.example:80/Content");
    root_is("https://wsus.example:443/ServerSyncWebService/ServerSyncWebService.asmx",
            "http://wsus.example:80/Content");
    root_is("http://wsus.example", "http://wsus.example:80/Content");
    root_is("https://user:secret@wsus.example:9000", "http://wsus.example:8999/Content");
    root_is("https://[fd00::1]:8531", "http://[fd00::1]:8530/Content");
    root_is("https://wsus.example:1", "http://wsus.example:1/Content");
    root_is("https://mirror.example/wsus/Content/", "https://mirror.example/wsus/Content");
    root_is("https://mirror.example/content", "https://mirror.example/content");
    root_is("http://mirror.example/NoContent", "http://mirror.example:80/Content");
    REFUSED(su_fetch_root("wsus.example:8530", root, &e), SU_ADDRESS);
    REFUSED(su_fetch_root("file:///var/Content", root, &e), SU_ADDRESS);
}

static void address_is(const char *name, const char *want)
{
    uint8_t sha1[SU_SHA1_BYTES];
    char address[SU_ADDRESS_TEXT];
    assert_true(su_base64_parse(sha1, sizeof sha1, "hlQslyYcRtWzeaQ+yJX5fq9Am6I=", 28));
    GOOD(su_fetch_address("http://s/Content", sha1, name, address, &e));
    assert_string_equal(address, want);
}

/* The first is a real one (formats.md 5.1). */
static void test_addresses(void **state)
{
    (void)state;
    static const char bare[] = "http://s/Content/A2/86542C97261C46D5B379A43EC895F97EAF409BA2";
    address_is("windows10.0-kb1_x64.cab", "http://s/Content/A2/86542C97261C46D5B379A43EC895F97EAF409BA2.cab");
    address_is("a.b.PsF", "http://s/Content/A2/86542C97261C46D5B379A43EC895F97EAF409BA2.PsF");
    address_is("none", bare);
    address_is("dot.", bare);
    address_is("", bare);
    address_is("x./../../etc/passwd", bare);
    address_is("x.cab?y", bare);
    address_is("x.c\nb", bare);
    address_is("x.seventeenletters17", bare);
}

static const uint8_t sha1_of_abc[] = {0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e,
                                      0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d};

static void reread(struct su_fetch_part *part, unsigned pieces)
{
    int more;
    unsigned count = 0;
    while ((more = su_fetch_part_reread(part, &e)) > 0)
        count++;
    assert_int_equal(more, 0);
    assert_int_equal(count, pieces);
}

static void test_parts(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_fetch_part) struct su_fetch_part part = SU_FETCH_PART_INIT;
    SU_AUTO(su_fd) su_fd dir = -1;
    struct su_file_id id;
    GOOD(su_fetch_part_folder(&dir, &f->home, &e));
    assert_int_equal(su_fetch_part_size(dir, sha1_of_abc), 0);
    GOOD(su_fetch_part_open(&part, dir, sha1_of_abc, 3, &e));
    GOOD(su_fetch_part_write(&part, "ab", 2, &e));
    su_fetch_part_cleanup(&part);
    assert_int_equal(su_fetch_part_size(dir, sha1_of_abc), 2);
    GOOD(su_fetch_part_open(&part, dir, sha1_of_abc, 3, &e));
    assert_int_equal(part.kept, 2);
    assert_int_equal(part.have, 0);
    reread(&part, 0);
    assert_int_equal(part.have, 2);
    GOOD(su_fetch_part_write(&part, "c", 1, &e));
    GOOD(su_fetch_part_identify(&part, &id, &e));
    assert_int_equal(id.bytes, 3);
    assert_memory_equal(id.sha1, sha1_of_abc, SU_SHA1_BYTES);
    GOOD(su_fetch_part_open(&part, dir, sha1_of_abc, 2, &e)); /* longer than it may be */
    assert_int_equal(part.kept, 0);
    assert_int_equal(su_fetch_part_size(dir, sha1_of_abc), 0);
    GOOD(su_fetch_part_write(&part, "x", 1, &e));
    GOOD(su_fetch_part_restart(&part, &e));
    GOOD(su_fetch_part_write(&part, "abc", 3, &e));
    GOOD(su_fetch_part_identify(&part, &id, &e));
    assert_memory_equal(id.sha1, sha1_of_abc, SU_SHA1_BYTES);
    GOOD(su_fetch_part_discard(&part, &e));
    assert_int_equal(su_fetch_part_size(dir, sha1_of_abc), 0);
}

/* A long one is read again in pieces, so that others get on meanwhile; the digests are those of the whole. */
static void test_long_part(void **state)
{
    struct fixture *f = *state;
    enum { BYTES = 9 << 20 };
    SU_AUTO(su_fetch_part) struct su_fetch_part part = SU_FETCH_PART_INIT;
    SU_AUTO(su_fd) su_fd dir = -1;
    struct su_file_id once, again;
    char *bytes = malloc(BYTES);
    assert_non_null(bytes);
    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = (char)(i * 31 >> 7);
    GOOD(su_fetch_part_folder(&dir, &f->home, &e));
    GOOD(su_fetch_part_open(&part, dir, sha1_of_abc, BYTES, &e));
    for (size_t at = 0; at < BYTES; at += 16 << 10)
        GOOD(su_fetch_part_write(&part, bytes + at, 16 << 10, &e));
    GOOD(su_fetch_part_identify(&part, &once, &e));
    free(bytes);
    GOOD(su_fetch_part_open(&part, dir, sha1_of_abc, BYTES, &e));
    reread(&part, 2);
    GOOD(su_fetch_part_identify(&part, &again, &e));
    assert_int_equal(once.bytes, again.bytes);
    assert_memory_equal(once.sha1, again.sha1, SU_SHA1_BYTES);
    assert_memory_equal(once.sha256, again.sha256, SU_SHA256_BYTES);
}

static void run_sql(struct fixture *f, const char *sql)
{
    GOOD(su_db_script(f->home.db, sql, &e));
}

static void test_list(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_fetch_item) struct su_fetch_item item = {0};
    uint8_t absent[3][SU_SHA1_BYTES];
    uint64_t files, bytes;
    int64_t after = 0;
    GOOD(su_fetch_list_begin(f->home.db, &e));
    run_sql(f, "INSERT INTO temp.fetch (sha1, bytes, licence, name) VALUES (zeroblob(20), 5, 1, 'a.txt'), "
               "(x'0100000000000000000000000000000000000000', 9223372036854775807, 0, 'b.cab'), "
               "(x'0200000000000000000000000000000000000000', 9223372036854775807, 0, 'c.cab')");
    GOOD(su_fetch_list_count(f->home.db, &files, &bytes, &e));
    assert_int_equal(files, 3);
    assert_true(bytes == 1000000000000000000u); /* no overflow, and more than any disk has */
    assert_int_equal(su_fetch_list_next(f->home.db, &after, &item, &e), 1);
    assert_string_equal(item.name, "a.txt");
    assert_true(item.is_licence && !item.has_sha256 && !item.url[0]);
    GOOD(su_fetch_list_note(f->home.db, &item, SU_FETCH_STORED, &e));
    assert_int_equal(su_fetch_list_next(f->home.db, &after, &item, &e), 1);
    item.tries = 2;
    item.place = 1;
    GOOD(su_fetch_list_note_absent(f->home.db, &item, &e));
    GOOD(su_fetch_list_note(f->home.db, &item, SU_FETCH_PENDING, &e));
    assert_int_equal(su_fetch_list_next(f->home.db, &after, &item, &e), 1);
    GOOD(su_fetch_list_note_absent(f->home.db, &item, &e));
    assert_int_equal(su_fetch_list_next(f->home.db, &after, &item, &e), 0);
    /* Each is asked for once, in pieces as large as the caller takes. */
    assert_int_equal(su_fetch_list_absent(f->home.db, absent, 1, &e), 1);
    assert_int_equal(absent[0][0], 1);
    assert_int_equal(su_fetch_list_absent(f->home.db, absent, 3, &e), 1);
    assert_int_equal(absent[0][0], 2);
    assert_int_equal(su_fetch_list_absent(f->home.db, absent, 3, &e), 0);
    GOOD(su_fetch_list_note_absent(f->home.db, &item, &e));
    assert_int_equal(su_fetch_list_absent(f->home.db, absent, 3, &e), 0);
    after = 0;
    assert_int_equal(su_fetch_list_next(f->home.db, &after, &item, &e), 1);
    assert_string_equal(item.name, "b.cab");
    assert_true(item.tries == 2 && item.place == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roots),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test_setup_teardown(test_parts, make_fixture, drop_fixture),
        cmocka_unit_test_setup_teardown(test_long_part, make_fixture, drop_fixture),
        cmocka_unit_test_setup_teardown(test_list, make_fixture, drop_fixture),
    };
    return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
