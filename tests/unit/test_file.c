/* The file system layer: what opens, what is refused, and that a file appears whole or not at all. */
#include "helpers.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/sys/file.h"

static void test_opens_regular_files_only(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state), fd = -1;
    uint64_t bytes = 0;
    put_file(in_place(state, "plain"), "12345", 5);
    GOOD(su_file_open(&fd, dir, "plain", &bytes, &e));
    assert_int_equal(bytes, 5);
    assert_true(fd >= 0);
    su_fd_cleanup(&fd);
    assert_int_equal(fd, -1);

    assert_int_equal(mkdir(in_place(state, "folder"), 0700), 0);
    assert_int_equal(symlink("plain", in_place(state, "link")), 0);
    assert_int_equal(symlink("nowhere", in_place(state, "dangling")), 0);
    assert_int_equal(mkfifo(in_place(state, "fifo"), 0600), 0);
    static const char *const links[] = {"link", "dangling"};
    for (size_t i = 0; i < 2; i++) {
        REFUSED(su_file_open(&fd, dir, links[i], &bytes, &e), SU_DATA);
        NAMES(links[i]);
    }
    REFUSED(su_file_open(&fd, dir, "folder", &bytes, &e), SU_DATA);
    REFUSED(su_file_open(&fd, dir, "fifo", &bytes, &e), SU_DATA); /* and does not wait for a writer */
    REFUSED(su_file_open(&fd, dir, "/dev/null", &bytes, &e), SU_DATA);
    REFUSED(su_file_open(&fd, dir, "absent", &bytes, &e), SU_SYSTEM);
    NAMES("absent");
    int sock = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/sock", dir);
    if (sock >= 0 && bind(sock, (struct sockaddr *)&address, sizeof address) == 0)
        assert_int_equal(su_file_open(&fd, dir, "sock", &bytes, &e), -1);
    if (sock >= 0)
        (void)close(sock);
    assert_int_equal(fd, -1);
}

static void test_read_at(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state), fd = -1;
    char out[8] = "";
    put_file(in_place(state, "f"), "0123456789", 10);
    GOOD(su_file_open(&fd, dir, "f", NULL, &e));
    GOOD(su_file_read_at(fd, out, 4, 6, &e)); /* to the last byte */
    assert_memory_equal(out, "6789", 4);
    GOOD(su_file_read_at(fd, out, 0, 10, &e));
    GOOD(su_file_read_at(fd, out, 0, 11, &e));
    REFUSED(su_file_read_at(fd, out, 4, 7, &e), SU_DATA); /* one past */
    NAMES("10");
    NAMES("1 more");
    REFUSED(su_file_read_at(fd, out, 1, 10, &e), SU_DATA);
    REFUSED(su_file_read_at(fd, out, 1, 1000000, &e), SU_DATA);
    GOOD(su_file_read_at(fd, out, 2, 0, &e)); /* does not depend on what was read before */
    assert_memory_equal(out, "01", 2);
}

static void test_read_all(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state);
    SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(10), empty = SU_BUF_INIT(0);
    put_file(in_place(state, "ten"), "012345678\0", 10);
    put_file(in_place(state, "eleven"), "0123456789a", 11);
    put_file(in_place(state, "none"), "", 0);
    GOOD(su_file_read_all(dir, "ten", &out, &e));
    assert_int_equal(out.length, 10);
    assert_memory_equal(out.bytes, "012345678\0", 11);
    su_buf_clear(&out);
    REFUSED(su_file_read_all(dir, "eleven", &out, &e), SU_LIMIT);
    NAMES("eleven");
    NAMES("11");
    NAMES("10");
    su_buf_clear(&out);
    GOOD(su_file_read_all(dir, "none", &out, &e));
    assert_int_equal(out.length, 0);
    GOOD(su_file_read_all(dir, "none", &empty, &e));
    REFUSED(su_file_read_all(dir, "ten", &empty, &e), SU_LIMIT);
}

static void test_read_and_write(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state), fd = -1;
    char out[16];
    int to = openat(dir, "f", O_WRONLY | O_CREAT, 0600);
    GOOD(su_file_write(to, "abc", 3, &e));
    GOOD(su_file_write(to, "", 0, &e));
    GOOD(su_file_write(to, "def", 3, &e));
    (void)close(to);
    REFUSED(su_file_write(to, "x", 1, &e), SU_SYSTEM); /* closed */
    GOOD(su_file_open(&fd, dir, "f", NULL, &e));
    assert_int_equal(su_file_read(fd, out, sizeof out, &e), 6);
    assert_memory_equal(out, "abcdef", 6);
    assert_int_equal(su_file_read(fd, out, sizeof out, &e), 0);
    REFUSED((int)su_file_read(-1, out, sizeof out, &e), SU_SYSTEM);
}

static void test_full_disk_is_space(void **state)
{
    (void)state;
    int full = open("/dev/full", O_WRONLY);
    if (full < 0)
        skip();
    REFUSED(su_file_write(full, "x", 1, &e), SU_SPACE);
    (void)close(full);
}

static void assert_content(void **state, const char *name, const char *text)
{
    size_t length;
    char *bytes = get_file(in_place(state, name), &length);
    assert_int_equal(length, strlen(text));
    assert_memory_equal(bytes, text, length);
    free(bytes);
}

static void test_create_and_write_at(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state), fd = -1, again = -1;
    char bytes[8];
    GOOD(su_file_create(&fd, dir, "new", 6, &e));
    GOOD(su_file_write_at(fd, "bc", 2, 3, &e));
    GOOD(su_file_read_at(fd, bytes, 6, 0, &e));
    assert_memory_equal(bytes, "\0\0\0bc\0", 6);
    GOOD(su_file_open_again(&again, dir, "new", &e));
    GOOD(su_file_write_at(again, "aaa", 3, 0, &e));
    GOOD(su_file_write_at(again, "d", 1, 5, &e));
    assert_content(state, "new", "aaabcd");
    su_fd_cleanup(&fd);
    REFUSED(su_file_create(&fd, dir, "new", 6, &e), SU_SYSTEM);
    assert_content(state, "new", "aaabcd");
    assert_int_equal(symlinkat("new", dir, "link"), 0);
    REFUSED(su_file_create(&fd, dir, "link", 6, &e), SU_SYSTEM);
    su_fd_cleanup(&again);
    REFUSED(su_file_open_again(&again, dir, "link", &e), SU_SYSTEM);
    REFUSED(su_file_open_again(&again, dir, "absent", &e), SU_SYSTEM);
}

/* Whole blocks, then what no direct write can do: the bytes are the same wherever the system put them. */
static void test_bypass_cache(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state), fd = -1;
    enum { BLOCK = 64 * 1024, ALL = 3 * BLOCK + 17 };
    char *memory = aligned_alloc(SU_DIRECT_BYTES, 4 * BLOCK), *back = malloc(ALL);
    assert_true(memory && back);
    for (size_t i = 0; i < ALL; i++)
        memory[i] = (char)(i * 7 + i / 251);
    GOOD(su_file_create(&fd, dir, "large", 0, &e));
    SU_AUTO(su_fd) su_fd probe = openat(dir, "large", O_RDONLY | O_DIRECT); /* not every file system has the flag */
    su_file_bypass_cache(fd);
    assert_int_equal((fcntl(fd, F_GETFL) & O_DIRECT) != 0, probe >= 0);
    GOOD(su_file_write_at(fd, memory + BLOCK, BLOCK, BLOCK, &e)); /* out of order */
    GOOD(su_file_write_at(fd, memory, BLOCK, 0, &e));
    GOOD(su_file_write_at(fd, memory + (size_t)2 * BLOCK, BLOCK + 17, (uint64_t)2 * BLOCK,
                          &e)); /* odd length */
    su_file_bypass_cache(fd);
    GOOD(su_file_write_at(fd, memory + 5, 100, 5, &e)); /* odd address and place */
    GOOD(su_file_read_at(fd, back, ALL, 0, &e));
    assert_memory_equal(back, memory, ALL);

    su_fd_cleanup(&fd);
    GOOD(su_file_create(&fd, dir, "stream", 0, &e));
    su_file_bypass_cache(fd);
    GOOD(su_file_write(fd, memory, BLOCK, &e));
    GOOD(su_file_write(fd, memory + BLOCK, BLOCK + 1, &e));
    GOOD(su_file_write(fd, memory + (size_t)2 * BLOCK + 1, BLOCK + 16, &e));
    GOOD(su_file_read_at(fd, back, ALL, 0, &e));
    assert_memory_equal(back, memory, ALL);
    su_fd_cleanup(&fd);

    int event = eventfd(0, 0); /* it answers EINVAL to one byte, with the flag or without */
    assert_true(event >= 0);
    REFUSED(su_file_write(event, "a", 1, &e), SU_SYSTEM);
    (void)close(event);
    free(memory);
    free(back);
}

static void test_atomic_commit(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state);
    SU_AUTO(su_atomic) struct su_atomic file = SU_ATOMIC_INIT;
    GOOD(su_atomic_open(&file, dir, "new", 0640, &e));
    su_atomic_write(&file, "one ", 4);
    su_atomic_write(&file, "two", 3);
    assert_false(su_file_exists(dir, "new")); /* not before the commit */
    unsigned long before = su_fsync_count;
    GOOD(su_atomic_commit(&file, false, &e));
    assert_int_equal(su_fsync_count - before, 2); /* the file and its directory */
    assert_content(state, "new", "one two");
    struct stat st;
    assert_int_equal(stat(in_place(state, "new"), &st), 0);
    assert_int_equal(st.st_mode & 07777 & ~0640u, 0);
    assert_int_equal(count_names(*state), 1);
    su_atomic_cleanup(&file); /* after the commit it removes nothing */
    assert_int_equal(count_names(*state), 1);
}

static void test_atomic_commit_replaces_or_refuses(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state);
    put_file(in_place(state, "f"), "old", 3);
    REFUSED(su_file_save(dir, "f", 0600, false, "new", 3, &e), SU_EXISTS);
    NAMES("f");
    assert_content(state, "f", "old");
    assert_int_equal(count_names(*state), 1);
    unsigned long before = su_fsync_count;
    GOOD(su_file_save(dir, "f", 0600, true, "newer", 5, &e));
    assert_int_equal(su_fsync_count - before, 2);
    assert_content(state, "f", "newer");
    assert_int_equal(count_names(*state), 1);
    GOOD(su_file_save(dir, "absent", 0600, true, "", 0, &e)); /* replacing nothing is fine */
    assert_content(state, "absent", "");
    /* A dangling link is a name that is taken, and replacing it does not write through it. */
    assert_int_equal(symlink("elsewhere", in_place(state, "link")), 0);
    REFUSED(su_file_save(dir, "link", 0600, false, "x", 1, &e), SU_EXISTS);
    GOOD(su_file_save(dir, "link", 0600, true, "x", 1, &e));
    assert_false(su_file_exists(dir, "elsewhere"));
    assert_content(state, "link", "x");
}

static void test_atomic_cleanup_leaves_nothing(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state);
    struct su_atomic file = SU_ATOMIC_INIT;
    put_file(in_place(state, "f"), "old", 3);
    GOOD(su_atomic_open(&file, dir, "f", 0600, &e));
    su_atomic_write(&file, "half", 4);
    assert_int_equal(count_names(*state), 2);
    su_atomic_cleanup(&file);
    assert_int_equal(count_names(*state), 1);
    assert_content(state, "f", "old");
    su_atomic_cleanup(&file); /* twice is harmless */
    struct su_atomic never = SU_ATOMIC_INIT;
    su_atomic_cleanup(&never);
    assert_int_equal(count_names(*state), 1);
}

/* A failed write in the middle must fail the commit, whatever came after it. */
static void test_atomic_error_sticks(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state);
    struct su_atomic file = SU_ATOMIC_INIT;
    GOOD(su_atomic_open(&file, dir, "f", 0600, &e));
    su_atomic_write(&file, "begin", 5);
    int real = file.fd, full = open("/dev/full", O_WRONLY);
    if (full < 0)
        skip();
    file.fd = full;
    su_atomic_write(&file, "lost", 4);
    file.fd = real;
    (void)close(full);
    su_atomic_write(&file, "end", 3);
    unsigned long before = su_fsync_count;
    REFUSED(su_atomic_commit(&file, true, &e), SU_SPACE);
    NAMES("f");
    assert_int_equal(su_fsync_count, before);
    assert_false(su_file_exists(dir, "f"));
    su_atomic_cleanup(&file);
    assert_int_equal(count_names(*state), 0);
}

static void test_atomic_write_beyond_the_allowed_size(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state);
    struct rlimit old, small;
    static const char bytes[3000];
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 2000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    su_err_clear(&e);
    int result = su_file_save(dir, "f", 0600, false, bytes, sizeof bytes,
                              &e); /* the first write is short, the second fails */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(result, -1);
    assert_int_equal(e.code, SU_SPACE);
    assert_int_equal(count_names(*state), 0);
}

static void test_atomic_names(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state);
    char name[200];
    memset(name, 'n', sizeof name);
    name[127] = 0;
    GOOD(su_file_save(dir, name, 0600, false, "x", 1, &e));
    name[127] = 'n', name[128] = 0;
    REFUSED(su_file_save(dir, name, 0600, false, "x", 1, &e), SU_CONFIG);
    assert_int_equal(count_names(*state), 1);
    SU_AUTO(su_atomic) struct su_atomic a = SU_ATOMIC_INIT, b = SU_ATOMIC_INIT; /* two at once do not meet */
    GOOD(su_atomic_open(&a, dir, "same", 0600, &e));
    GOOD(su_atomic_open(&b, dir, "same", 0600, &e));
    su_atomic_write(&a, "a", 1);
    su_atomic_write(&b, "b", 1);
    GOOD(su_atomic_commit(&a, false, &e));
    REFUSED(su_atomic_commit(&b, false, &e), SU_EXISTS);
    assert_content(state, "same", "a");
}

/* No name before the commit, so that a crash leaves none; where the file system cannot, a temporary one. */
static void test_atomic_new(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state);
    SU_AUTO(su_atomic) struct su_atomic file = SU_ATOMIC_INIT, other = SU_ATOMIC_INIT;
    GOOD(su_atomic_open_new(&file, dir, "new", 0640, &e));
    GOOD(su_atomic_open_new(&other, dir, "new", 0640, &e));
    if (file.temp[0])
        skip();
    su_atomic_write(&file, "one", 3);
    assert_int_equal(count_names(*state), 0);
    unsigned long before = su_fsync_count;
    GOOD(su_atomic_commit(&file, false, &e));
    assert_int_equal(su_fsync_count - before, 2); /* the file and its directory */
    assert_content(state, "new", "one");
    REFUSED(su_atomic_commit(&other, false, &e), SU_EXISTS);
    assert_string_equal(e.text, "new exists already");
    assert_int_equal(count_names(*state), 1);
    su_atomic_cleanup(&file);
    su_atomic_cleanup(&other);
    assert_int_equal(count_names(*state), 1);
}

static void test_sweep(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state);
    char mine[64];
    (void)snprintf(mine, sizeof mine, ".tmp-%ld-7", (long)getpid());
    put_file(in_place(state, ".tmp-999999999-0"), "x", 1); /* no system has so many processes */
    put_file(in_place(state, mine), "x", 1);
    put_file(in_place(state, ".tmp-kept"), "x", 1);
    put_file(in_place(state, "file"), "x", 1);
    GOOD(su_dir_sweep(dir, false, &e));
    assert_int_equal(count_names(*state), 3);
    assert_false(su_file_exists(dir, ".tmp-999999999-0"));
    GOOD(su_dir_sweep(dir, true, &e));
    assert_int_equal(count_names(*state), 1);
    assert_content(state, "file", "x");
}

static void test_path_save(void **state)
{
    GOOD(su_path_save(in_place(state, "out.txt"), 0600, false, "text", 4, &e));
    assert_content(state, "out.txt", "text");
    REFUSED(su_path_save(in_place(state, "out.txt"), 0600, false, "x", 1, &e), SU_EXISTS);
    REFUSED(su_path_save(in_place(state, "absent/out.txt"), 0600, false, "x", 1, &e), SU_SYSTEM);
    assert_int_equal(su_path_save(in_place(state, ""), 0600, false, "x", 1, &e),
                     -1); /* names the directory itself */
    assert_int_equal(count_names(*state), 1);
    SU_AUTO(su_fd) su_fd dir = open_place(state), here = open(".", O_RDONLY | O_DIRECTORY);
    assert_int_equal(fchdir(dir), 0);
    int result = su_path_save("bare", 0600, false, "b", 1, &e);
    assert_int_equal(fchdir(here), 0);
    GOOD(result);
    assert_content(state, "bare", "b");
}

static void test_directories(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state), sub = -1, again = -1;
    unsigned long before = su_fsync_count;
    GOOD(su_dir_make(&sub, dir, "sub", 0700, &e));
    assert_int_equal(su_fsync_count - before, 1); /* the name is durable */
    GOOD(su_dir_make(&again, dir, "sub", 0700, &e));
    SU_AUTO(su_fd) su_fd out = -1, out_again = -1, none = -1;
    bool is_made;
    before = su_fsync_count;
    GOOD(su_path_make(&out, in_place(state, "out"), 0755, &is_made,
                      &e)); /* so is that of a folder the user named */
    assert_true(is_made);
    assert_int_equal(su_fsync_count - before, 1);
    GOOD(su_path_make(&out_again, in_place(state, "out"), 0755, &is_made, &e));
    assert_false(is_made);
    assert_int_equal(su_fsync_count - before, 1);
    put_file(in_place(state, "file"), "", 0);
    REFUSED(su_path_make(&none, in_place(state, "file"), 0755, NULL, &e), SU_SYSTEM);
    REFUSED(su_path_make(&none, in_place(state, "absent/out"), 0755, NULL, &e), SU_SYSTEM);
    GOOD(su_dir_remove(dir, "out", &e));
    put_file(in_place(state, "sub/b"), "", 0);
    put_file(in_place(state, "sub/a"), "", 0);
    put_file(in_place(state, "sub/.hidden"), "", 0);
    SU_AUTO(su_names) struct su_names names = {0}, few = {0};
    GOOD(su_dir_list(sub, &names, 3, &e));
    assert_int_equal(names.count, 3);
    assert_string_equal(names.at[0], ".hidden");
    assert_string_equal(names.at[1], "a");
    assert_string_equal(names.at[2], "b");
    REFUSED(su_dir_list(sub, &few, 2, &e), SU_LIMIT);
    GOOD(su_dir_remove(dir, "sub", &e));
    assert_false(su_file_exists(dir, "sub"));
    GOOD(su_dir_remove(dir, "sub", &e)); /* absent is fine */
    put_file(in_place(state, "file"), "", 0);
    REFUSED(su_dir_make(&again, dir, "file", 0700, &e), SU_DATA);
    assert_int_equal(symlinkat("sub", dir, "link"), 0);
    REFUSED(su_dir_make(&again, dir, "link", 0700, &e), SU_DATA); /* what others may plant is not followed */
    GOOD(su_dir_remove(dir, "link", &e));
    assert_false(su_file_exists(dir, "link"));
    REFUSED(su_dir_open(&again, dir, "file", &e), SU_SYSTEM);
    GOOD(su_file_remove(dir, "file", &e));
    GOOD(su_file_remove(dir, "file", &e));
    assert_int_equal(count_names(*state), 0);
}

/* A link where a directory is expected would lead the writer, or the remover, elsewhere. */
static void test_directories_are_not_links(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state), fd = -1;
    assert_int_equal(mkdir(in_place(state, "real"), 0700), 0);
    put_file(in_place(state, "real/kept"), "x", 1);
    assert_int_equal(symlink("real", in_place(state, "link")), 0);
    GOOD(su_dir_open(&fd, dir, "link", &e)); /* a path of the user's may be a link */
    su_fd_cleanup(&fd);
    REFUSED(su_dir_open_below(&fd, dir, "link", &e), SU_DATA);
    REFUSED(su_dir_make(&fd, dir, "link", 0700, &e), SU_DATA);
    assert_int_equal(fd, -1);
    GOOD(su_dir_open_below(&fd, dir, "real", &e));
    su_fd_cleanup(&fd);
    REFUSED(su_dir_open_below(&fd, dir, "absent", &e), SU_SYSTEM);
    GOOD(su_dir_remove(dir, "link", &e)); /* the link goes, what it names stays */
    assert_false(su_file_exists(dir, "link"));
    assert_content(state, "real/kept", "x");
    put_file(in_place(state, "plain"), "x", 1);
    GOOD(su_dir_remove(dir, "plain", &e));
    assert_false(su_file_exists(dir, "plain"));
}

static void test_rename_syncs_the_directory(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state);
    put_file(in_place(state, "a"), "a", 1);
    put_file(in_place(state, "b"), "b", 1);
    unsigned long before = su_fsync_count;
    GOOD(su_file_rename(dir, "a", dir, "b", &e));
    assert_int_equal(su_fsync_count - before, 1);
    assert_content(state, "b", "a");
    REFUSED(su_file_rename(dir, "a", dir, "b", &e), SU_SYSTEM);
}

int main(void)
{
#define PLACED(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
    const struct CMUnitTest tests[] = {
        PLACED(test_opens_regular_files_only),
        PLACED(test_read_at),
        PLACED(test_read_all),
        PLACED(test_read_and_write),
        PLACED(test_full_disk_is_space),
        PLACED(test_create_and_write_at),
        PLACED(test_bypass_cache),
        PLACED(test_atomic_commit),
        PLACED(test_atomic_commit_replaces_or_refuses),
        PLACED(test_atomic_cleanup_leaves_nothing),
        PLACED(test_atomic_error_sticks),
        PLACED(test_atomic_write_beyond_the_allowed_size),
        PLACED(test_atomic_names),
        PLACED(test_atomic_new),
        PLACED(test_sweep),
        PLACED(test_path_save),
        PLACED(test_directories),
        PLACED(test_directories_are_not_links),
        PLACED(test_rename_syncs_the_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
