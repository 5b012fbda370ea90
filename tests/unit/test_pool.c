/* The shared pool: written once, proved on the way in and out, no link followed. */
#include "helpers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bundle/pool.h"

struct hall {
    char *place;
    su_fd out, bundle;
    struct su_home home;
    struct su_payload payload;
    uint64_t moved;
};

static const char text[] = "what a site needs";

static int make_hall(void **state)
{
    struct hall *h = calloc(1, sizeof *h);
    void *place = NULL;
    if (!h || make_place(&place) != 0) {
        free(h);
        return -1;
    }
    h->place = place;
    h->out = h->bundle = -1;
    h->home = (struct su_home)SU_HOME_INIT;
    su_fd root = -1;
    GOOD(su_dir_open(&root, AT_FDCWD, h->place, &e));
    GOOD(su_dir_make(&h->out, root, "stick", 0755, &e));
    GOOD(su_dir_make(&h->bundle, h->out, "SU-ALPHA-000001", 0755, &e));
    GOOD(su_dir_make(&h->home.content, root, "content", 0700, &e));
    su_fd_cleanup(&root);
    h->payload.is_pooled = true;
    h->payload.id.bytes = sizeof text;
    GOOD(su_sha256(h->payload.id.sha256, text, sizeof text, &e));
    struct su_digest sha1 = SU_DIGEST_INIT;
    GOOD(su_digest_open(&sha1, SU_SHA1, &e));
    GOOD(su_digest_add(&sha1, text, sizeof text, &e));
    GOOD(su_digest_end(&sha1, h->payload.id.sha1, &e));
    su_digest_cleanup(&sha1);
    SU_AUTO(su_store_writer) struct su_store_writer w = SU_STORE_WRITER_INIT;
    GOOD(su_store_create(&w, &h->home, h->payload.id.sha256, &e));
    GOOD(su_store_write(&w, text, sizeof text, &e));
    GOOD(su_store_commit(&w, &h->payload.id, &e));
    *state = h;
    return 0;
}

static int drop_hall(void **state)
{
    struct hall *h = *state;
    void *place = h->place;
    su_fd_cleanup(&h->out);
    su_fd_cleanup(&h->bundle);
    su_home_cleanup(&h->home);
    free(h);
    return remove_place(&place);
}

static void moved(void *context, uint64_t bytes)
{
    ((struct hall *)context)->moved += bytes;
}

static int put(struct hall *h, enum su_pool_outcome *outcome)
{
    return su_pool_put(h->out, &h->home, &h->payload.id, outcome, moved, h, &e);
}

/* The file's path below the medium. */
static const char *path_of(const struct hall *h)
{
    static char path[32];
    return su_pool_path(h->payload.id.sha256, path);
}

static void overwrite(struct hall *h, const char *bytes, size_t length)
{
    int fd = openat(h->out, path_of(h), O_WRONLY | O_TRUNC);
    assert_true(fd >= 0 && write(fd, bytes, length) == (ssize_t)length && close(fd) == 0);
}

static void test_put_and_read(void **state)
{
    struct hall *h = *state;
    enum su_pool_outcome outcome;
    struct stat st;
    assert_int_equal(su_pool_would_write(h->out, &h->payload.id), sizeof text);
    GOOD(put(h, &outcome));
    assert_true(outcome == SU_POOL_WRITTEN && h->moved == sizeof text);
    assert_int_equal(fstatat(h->out, path_of(h), &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    assert_int_equal(su_pool_would_write(h->out, &h->payload.id), 0);
    GOOD(su_pool_prove(h->bundle, &h->payload, &e));
    GOOD(put(h, &outcome));
    assert_true(outcome == SU_POOL_SHARED && h->moved == 2 * sizeof text);
}

/* Of the same size, shorter, longer, another SHA-1, a link, nothing. */
static void test_not_what_it_says(void **state)
{
    struct hall *h = *state;
    enum su_pool_outcome outcome;
    GOOD(put(h, &outcome));
    h->payload.id.sha1[0] ^= 1;
    REFUSED(su_pool_prove(h->bundle, &h->payload, &e), SU_DAMAGED);
    h->payload.id.sha1[0] ^= 1;
    overwrite(h, "What a site needs", sizeof text);
    REFUSED(su_pool_prove(h->bundle, &h->payload, &e), SU_DAMAGED);
    NAMES(path_of(h));
    NAMES("differs");
    GOOD(put(h, &outcome));
    assert_int_equal(outcome, SU_POOL_TAKEN);
    overwrite(h, text, sizeof text - 1);
    REFUSED(su_pool_prove(h->bundle, &h->payload, &e), SU_DAMAGED);
    GOOD(put(h, &outcome));
    assert_int_equal(outcome, SU_POOL_TAKEN);
    assert_int_equal(su_pool_would_write(h->out, &h->payload.id), sizeof text);
    assert_int_equal(unlinkat(h->out, path_of(h), 0), 0);
    REFUSED(su_pool_prove(h->bundle, &h->payload, &e), SU_DAMAGED);
    NAMES("absent");
    assert_int_equal(symlinkat("/etc/passwd", h->out, path_of(h)), 0);
    REFUSED(su_pool_prove(h->bundle, &h->payload, &e), SU_DAMAGED);
    GOOD(put(h, &outcome));
    assert_int_equal(outcome, SU_POOL_TAKEN);
}

static void test_stored_file_changed(void **state)
{
    struct hall *h = *state;
    enum su_pool_outcome outcome;
    SU_AUTO(su_store_writer) struct su_store_writer w = SU_STORE_WRITER_INIT;
    GOOD(su_store_create(&w, &h->home, h->payload.id.sha256, &e)); /* under that name, whatever it is */
    su_atomic_write(&w.file, "other", 5);
    GOOD(su_atomic_commit(&w.file, true, &e));
    REFUSED(put(h, &outcome), SU_CONTENT_WRONG);
    assert_false(su_file_exists(h->out, path_of(h)));
    h->payload.id.sha256[5] ^= 1; /* not in the store at all */
    REFUSED(put(h, &outcome), SU_INCOMPLETE);
}

static int refuse_bytes(void *context, const void *bytes, size_t length, struct su_err *err)
{
    (void)context, (void)bytes, (void)length;
    return su_fail(err, SU_SPACE, "no room");
}

static void test_taker_fails(void **state)
{
    struct hall *h = *state;
    enum su_pool_outcome outcome;
    GOOD(put(h, &outcome));
    REFUSED(su_pool_read(h->bundle, &h->payload, refuse_bytes, NULL, &e), SU_SPACE);
}

int main(void)
{
#define HALL(test) cmocka_unit_test_setup_teardown(test, make_hall, drop_hall)
    const struct CMUnitTest tests[] = {
        HALL(test_put_and_read),
        HALL(test_not_what_it_says),
        HALL(test_stored_file_changed),
        HALL(test_taker_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
