/* The content store: a file has its name only when its bytes are the ones the name says. */
#include "catalogue_helpers.h"

#include <sys/mman.h>

#include "common/point/store.h"

static const char text[] = "abc";
static struct su_file_id id_of_abc(void)
{
    struct su_file_id id = {.bytes = 3};
    from_hex(id.sha256, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    from_hex(id.sha1, 20, "a9993e364706816aba3e25717850c26c9cd0d89d");
    return id;
}
#define FOLDER "/content/ba"
#define NAME FOLDER "/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static const char *path_of(const struct fixture *f, const char *below)
{
    static char paths[4][4200];
    static unsigned at;
    char *path = paths[at++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s%s", f->path, below);
    return path;
}

static void assert_stored(const struct fixture *f)
{
    size_t length;
    char *bytes = get_file(path_of(f, NAME), &length);
    assert_int_equal(length, 3);
    assert_memory_equal(bytes, text, 3);
    free(bytes);
    assert_int_equal(count_names(path_of(f, FOLDER)), 1);
}

static int write_file(const struct fixture *f, const char *bytes, size_t length, const struct su_file_id *id)
{
    SU_AUTO(su_store_writer) struct su_store_writer w = SU_STORE_WRITER_INIT;
    if (su_store_create(&w, &f->home, id->sha256, &e) < 0)
        return -1;
    for (size_t i = 0; i < length; i++)
        if (su_store_write(&w, bytes + i, 1, &e) < 0)
            return -1;
    return su_store_commit(&w, id, &e);
}

static void test_writer(void **state)
{
    struct fixture *f = *state;
    struct su_file_id id = id_of_abc();
    assert_false(su_store_has(&f->home, &id));
    unsigned long before = su_fsync_count;
    GOOD(write_file(f, text, 3, &id));
    assert_true(su_fsync_count - before >= 2); /* the file and its directory */
    assert_stored(f);
    assert_true(su_store_has(&f->home, &id));
    GOOD(write_file(f, text, 3, &id)); /* again is harmless */
    assert_stored(f);
    SU_AUTO(su_fd) su_fd fd = -1;
    uint64_t bytes = 0;
    GOOD(su_store_open(&fd, &f->home, id.sha256, &bytes, &e));
    assert_int_equal(bytes, 3);
}

static void test_writer_refuses_other_bytes(void **state)
{
    struct fixture *f = *state;
    struct su_file_id id = id_of_abc(), other;
    REFUSED(write_file(f, "abd", 3, &id), SU_CONTENT_WRONG);
    REFUSED(write_file(f, "ab", 2, &id), SU_CONTENT_WRONG);
    NAMES("2 bytes");
    REFUSED(write_file(f, "abcd", 4, &id), SU_CONTENT_WRONG);
    REFUSED(write_file(f, "", 0, &id), SU_CONTENT_WRONG);
    other = id, other.sha1[19] ^= 1; /* both digests of the metadata count */
    REFUSED(write_file(f, text, 3, &other), SU_CONTENT_WRONG);
    NAMES("SHA-1");
    other = id, other.sha256[31] ^= 1;
    REFUSED(write_file(f, text, 3, &other), SU_CONTENT_WRONG);
    other = id, other.bytes = 4;
    REFUSED(write_file(f, text, 3, &other), SU_CONTENT_WRONG);
    assert_int_equal(count_names(path_of(f, FOLDER)), 0); /* not even a temporary name */
    assert_false(su_store_has(&f->home, &id));
    /* A good file there before stays as it is. */
    GOOD(write_file(f, text, 3, &id));
    REFUSED(write_file(f, "abd", 3, &id), SU_CONTENT_WRONG);
    assert_stored(f);
}

static void test_writer_given_up(void **state)
{
    struct fixture *f = *state;
    struct su_file_id id = id_of_abc();
    struct su_store_writer w = SU_STORE_WRITER_INIT;
    GOOD(su_store_create(&w, &f->home, id.sha256, &e));
    GOOD(su_store_write(&w, "ab", 2, &e));
    assert_int_equal(count_names(path_of(f, FOLDER)), 1);
    su_store_writer_cleanup(&w);
    assert_int_equal(count_names(path_of(f, FOLDER)), 0);
}

static int adopt(const struct fixture *f, int fd, const struct su_file_id *id, bool *was_linked)
{
    SU_AUTO(su_store_batch) struct su_store_batch batch = {.home = &f->home};
    return su_store_adopt(&batch, fd, id, was_linked, &e) < 0 ? -1 : su_store_settle(&batch, &e);
}

static void test_adopt_links(void **state)
{
    struct fixture *f = *state;
    struct su_file_id id;
    struct stat source, stored;
    bool was_linked = false;
    put_file(path_of(f, "/source"), text, 3);
    SU_AUTO(su_fd) su_fd fd = open(path_of(f, "/source"), O_RDONLY);
    GOOD(su_store_identify(fd, &id, &e));
    GOOD(adopt(f, fd, &id, &was_linked));
    assert_true(was_linked);
    assert_stored(f);
    assert_int_equal(stat(path_of(f, "/source"), &source), 0);
    assert_int_equal(stat(path_of(f, NAME), &stored), 0);
    assert_true(source.st_ino == stored.st_ino);
    GOOD(adopt(f, fd, &id, &was_linked)); /* a second time */
    assert_stored(f);
}

static void test_adopt_replaces_what_is_wrong(void **state)
{
    struct fixture *f = *state;
    struct su_file_id id = id_of_abc();
    bool was_linked = true;
    assert_int_equal(mkdir(path_of(f, FOLDER), 0700), 0);
    put_file(path_of(f, NAME), "cut off", 7);
    put_file(path_of(f, "/source"), text, 3);
    SU_AUTO(su_fd) su_fd fd = open(path_of(f, "/source"), O_RDONLY);
    GOOD(adopt(f, fd, &id, &was_linked));
    assert_false(was_linked);
    assert_stored(f);
}

/* A descriptor that cannot be linked: it is copied, and the copy is proved. */
static int unlinkable(const char *bytes, size_t length)
{
    int fd = memfd_create("content", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), length);
    return fd;
}

static void test_adopt_copies(void **state)
{
    struct fixture *f = *state;
    struct su_file_id id = id_of_abc();
    bool was_linked = true;
    SU_AUTO(su_fd) su_fd fd = unlinkable(text, 3), other = unlinkable("abd", 3);
    GOOD(adopt(f, fd, &id, &was_linked));
    assert_false(was_linked);
    assert_stored(f);
    assert_int_equal(remove(path_of(f, NAME)), 0);
    REFUSED(adopt(f, other, &id, &was_linked), SU_CONTENT_WRONG); /* changed since it was identified */
    assert_int_equal(count_names(path_of(f, FOLDER)), 0);
}

static struct su_file_id id_of(const void *bytes, size_t length)
{
    struct su_file_id id;
    SU_AUTO(su_fd) su_fd fd = unlinkable(bytes, length);
    GOOD(su_store_identify(fd, &id, &e));
    return id;
}

/* Writes the number as a file of its own. */
static struct su_file_id put_number(const struct fixture *f, struct su_store_batch *batch, uint64_t number)
{
    SU_AUTO(su_store_writer) struct su_store_writer w = SU_STORE_WRITER_INIT;
    struct su_file_id id = id_of(&number, sizeof number);
    w.batch = batch;
    GOOD(su_store_create(&w, &f->home, id.sha256, &e));
    GOOD(su_store_write(&w, &number, sizeof number, &e));
    GOOD(su_store_commit(&w, &id, &e));
    return id;
}

static size_t count_in_store(const struct fixture *f, bool temporary)
{
    SU_AUTO(su_names) struct su_names folders = {0};
    size_t count = 0;
    GOOD(su_dir_list(f->home.content, &folders, 1000, &e));
    for (size_t i = 0; i < folders.count; i++) {
        SU_AUTO(su_names) struct su_names names = {0};
        SU_AUTO(su_fd) su_fd dir = -1;
        GOOD(su_dir_open_below(&dir, f->home.content, folders.at[i], &e));
        GOOD(su_dir_list(dir, &names, 100000, &e));
        for (size_t k = 0; k < names.count; k++)
            count += (strncmp(names.at[k], ".tmp-", 5) == 0) == temporary;
    }
    return count;
}

/* No file has its name before a sync, and the syncs are few. */
static void test_batch(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_store_batch) struct su_store_batch batch = {.home = &f->home};
    struct su_file_id ids[300];
    unsigned long before = su_fsync_count;
    for (uint64_t i = 0; i < 300; i++)
        ids[i] = put_number(f, &batch, i);
    assert_int_equal(su_fsync_count, before);
    assert_int_equal(count_in_store(f, false), 0);
    assert_int_equal(count_in_store(f, true), 300);
    assert_false(su_store_has(&f->home, &ids[7]));
    assert_true(su_store_will_have(&batch, &ids[7]));
    GOOD(su_store_settle(&batch, &e));
    assert_int_equal(su_fsync_count - before, 2); /* the bytes, then the names */
    for (uint64_t i = 0; i < 300; i++) {
        SU_AUTO(su_fd) su_fd fd = -1;
        struct su_file_id have;
        GOOD(su_store_open(&fd, &f->home, ids[i].sha256, NULL, &e));
        GOOD(su_store_identify(fd, &have, &e));
        GOOD(su_store_compare(&have, &ids[i], &e));
    }
    assert_int_equal(count_in_store(f, true), 0);
    GOOD(su_store_settle(&batch, &e)); /* nothing waits: nothing is asked for */
    assert_int_equal(su_fsync_count - before, 2);
    assert_true(su_store_will_have(&batch, &ids[7]));
}

/* A batch ends by itself, so that a failed run has lost little. */
static void test_batch_ends_by_itself(void **state)
{
    struct fixture *f = *state;
    SU_AUTO(su_store_batch) struct su_store_batch batch = {.home = &f->home};
    unsigned long before = su_fsync_count;
    for (uint64_t i = 0; i < 1500; i++)
        (void)put_number(f, &batch, i);
    assert_int_equal(su_fsync_count - before, 2);
    assert_int_equal(count_in_store(f, false), 1024);
    assert_int_equal(count_in_store(f, true), 1500 - 1024);
}

/* What was not settled leaves the store; so does a file whose bytes are wrong, alone. */
static void test_batch_given_up(void **state)
{
    struct fixture *f = *state;
    struct su_store_batch batch = {.home = &f->home};
    struct su_file_id abc = id_of_abc();
    for (uint64_t i = 0; i < 10; i++)
        (void)put_number(f, &batch, i);
    {
        SU_AUTO(su_store_writer) struct su_store_writer w = SU_STORE_WRITER_INIT;
        w.batch = &batch;
        GOOD(su_store_create(&w, &f->home, abc.sha256, &e));
        GOOD(su_store_write(&w, "abd", 3, &e));
        REFUSED(su_store_commit(&w, &abc, &e), SU_CONTENT_WRONG);
    }
    assert_int_equal(count_in_store(f, true), 10);
    su_store_batch_cleanup(&batch);
    assert_int_equal(count_in_store(f, true) + count_in_store(f, false), 0);
}

/* The same file twice, and over a stored one: links of one inode leave no second name. */
static void test_batch_of_links(void **state)
{
    struct fixture *f = *state;
    struct su_file_id id = id_of_abc();
    put_file(path_of(f, "/source"), text, 3);
    SU_AUTO(su_fd) su_fd fd = open(path_of(f, "/source"), O_RDONLY);
    for (int round = 0; round < 2; round++) {
        SU_AUTO(su_store_batch) struct su_store_batch batch = {.home = &f->home};
        bool first, second;
        GOOD(su_store_adopt(&batch, fd, &id, &first, &e));
        GOOD(su_store_adopt(&batch, fd, &id, &second, &e));
        GOOD(su_store_settle(&batch, &e));
        assert_true(round > 0 || (first && second));
        assert_stored(f);
    }
}

static void test_identify(void **state)
{
    (void)state;
    struct su_file_id id, want = id_of_abc();
    SU_AUTO(su_fd) su_fd fd = unlinkable(text, 3), empty = unlinkable("", 0), large = unlinkable("", 0);
    GOOD(su_store_identify(fd, &id, &e));
    GOOD(su_store_compare(&id, &want, &e));
    GOOD(su_store_identify(fd, &id, &e)); /* from the start, wherever the offset is */
    assert_memory_equal(&id, &want, sizeof id);
    GOOD(su_store_identify(empty, &id, &e));
    assert_int_equal(id.bytes, 0);
    assert_hex(id.sha256, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_hex(id.sha1, 20, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    char thousand[1000];
    memset(thousand, 'a', sizeof thousand);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(write(large, thousand, sizeof thousand), sizeof thousand);
    GOOD(su_store_identify(large, &id, &e));
    assert_int_equal(id.bytes, 1000000);
    assert_hex(id.sha256, 32, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    assert_hex(id.sha1, 20, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

static void test_compare_names_what_differs(void **state)
{
    (void)state;
    struct su_file_id have = id_of_abc(), want = id_of_abc();
    GOOD(su_store_compare(&have, &want, &e));
    have.bytes = 2;
    REFUSED(su_store_compare(&have, &want, &e), SU_CONTENT_WRONG);
    NAMES("2 bytes, expected 3");
    have = want, have.sha256[0] ^= 1;
    REFUSED(su_store_compare(&have, &want, &e), SU_CONTENT_WRONG);
    NAMES("bb7816bf");
    NAMES("ba7816bf");
    have = want, have.sha1[0] ^= 1;
    REFUSED(su_store_compare(&have, &want, &e), SU_CONTENT_WRONG);
}

static void test_has(void **state)
{
    struct fixture *f = *state;
    struct su_file_id id = id_of_abc();
    SU_AUTO(su_fd) su_fd fd = -1;
    uint64_t bytes;
    REFUSED(su_store_open(&fd, &f->home, id.sha256, &bytes, &e), SU_SYSTEM);
    assert_int_equal(mkdir(path_of(f, FOLDER), 0700), 0);
    put_file(path_of(f, NAME), "ab", 2);
    assert_false(su_store_has(&f->home, &id)); /* cut off */
    assert_int_equal(remove(path_of(f, NAME)), 0);
    put_file(path_of(f, "/elsewhere"), text, 3);
    assert_int_equal(symlink("../../elsewhere", path_of(f, NAME)), 0);
    assert_false(su_store_has(&f->home, &id)); /* a link is no file of the store */
    REFUSED(su_store_open(&fd, &f->home, id.sha256, &bytes, &e), SU_DATA);
}

static void test_sweep(void **state)
{
    struct fixture *f = *state;
    struct su_file_id id = id_of_abc();
    GOOD(write_file(f, text, 3, &id));
    assert_int_equal(mkdir(path_of(f, "/content/00"), 0700), 0);
    static const char *const swept[] = {"/content/ba/.tmp-1-0", "/content/ba/.tmp-99999-17", "/content/00/.tmp-", "/content/00/.tmp-x"};
    static const char *const kept[] = {"/content/ba/.tmp", "/content/ba/tmp-1-0", "/content/00/.hidden", "/content/00/x.tmp-1-0"};
    for (size_t i = 0; i < 4; i++) {
        put_file(path_of(f, swept[i]), "x", 1);
        put_file(path_of(f, kept[i]), "x", 1);
    }
    GOOD(su_store_sweep(&f->home, &e));
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(access(path_of(f, swept[i]), F_OK), -1);
        assert_int_equal(access(path_of(f, kept[i]), F_OK), 0);
    }
    assert_int_equal(access(path_of(f, NAME), F_OK), 0);
    GOOD(su_store_sweep(&f->home, &e));
    /* A folder that is a link would lead the sweeper out of the home. */
    assert_int_equal(mkdir(path_of(f, "/other"), 0700), 0);
    put_file(path_of(f, "/other/.tmp-1-0"), "x", 1);
    assert_int_equal(symlink("../other", path_of(f, "/content/ff")), 0);
    int result = su_store_sweep(&f->home, &e); /* refused or passed over */
    assert_true(result == 0 || e.code == SU_DATA);
    assert_int_equal(access(path_of(f, "/other/.tmp-1-0"), F_OK), 0);
}

static void test_record(void **state)
{
    struct fixture *f = *state;
    struct su_file_id id = id_of_abc();
    int64_t count = 0, bytes = 0;
    GOOD(su_store_record(f->home.db, &id, 0, &e));
    GOOD(su_store_record(f->home.db, &id, 7, &e));
    GOOD(su_query_int(f->home.db, &count, NULL, &e, "SELECT count(*) FROM stored_file"));
    GOOD(su_query_int(f->home.db, &bytes, NULL, &e, "SELECT bytes FROM stored_file WHERE hex(sha1)='A9993E364706816ABA3E25717850C26C9CD0D89D'"));
    assert_true(count == 1 && bytes == 3);
}

int main(void)
{
#define HELD(test) cmocka_unit_test_setup_teardown(test, make_fixture, drop_fixture)
    const struct CMUnitTest tests[] = {
        HELD(test_writer),
        HELD(test_writer_refuses_other_bytes),
        HELD(test_writer_given_up),
        HELD(test_adopt_links),
        HELD(test_adopt_replaces_what_is_wrong),
        HELD(test_adopt_copies),
        HELD(test_batch),
        HELD(test_batch_ends_by_itself),
        HELD(test_batch_given_up),
        HELD(test_batch_of_links),
        HELD(test_identify),
        HELD(test_compare_names_what_differs),
        HELD(test_has),
        HELD(test_sweep),
        HELD(test_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
