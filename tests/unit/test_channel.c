#include "helpers.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>

#include "common/sys/channel.h"

static void open_pair(struct su_channel *polling, struct su_channel *waiting)
{
    GOOD(su_channel_pair(polling, waiting, &e));
}

#define STREAM_BYTES (20 * SU_MIB)

/* The byte at a place of the stream, and pieces of all sizes, the larger ones larger than the ring. */
static char byte_at(size_t at)
{
    return (char)(at * 31 + (at >> 8) + (at >> 16));
}

static size_t piece(unsigned *seed, size_t left)
{
    *seed = *seed * 1103515245 + 12345;
    size_t bytes = (size_t)1 << (*seed >> 16) % 21;
    bytes += (*seed >> 8) % bytes;
    return bytes < left ? bytes : left;
}

static ssize_t write_or_wait(struct su_channel *c, const char *from, size_t bytes)
{
    for (;;) {
        ssize_t n = su_channel_write(c, from, bytes);
        if (n >= 0 || errno != EAGAIN)
            return n;
        (void)poll(&(struct pollfd){.fd = c->bell, .events = POLLIN}, 1, -1);
    }
}

static ssize_t read_or_wait(struct su_channel *c, char *to, size_t bytes)
{
    for (;;) {
        ssize_t n = su_channel_read(c, to, bytes);
        if (n >= 0 || errno != EAGAIN)
            return n;
        (void)poll(&(struct pollfd){.fd = c->bell, .events = POLLIN}, 1, -1);
    }
}

static void send_stream(struct su_channel *c, unsigned seed)
{
    char *bytes = calloc(1, 2 * SU_MIB);
    for (size_t at = 0; bytes && at < STREAM_BYTES;) {
        size_t want = piece(&seed, STREAM_BYTES - at);
        for (size_t i = 0; i < want; i++)
            bytes[i] = byte_at(at + i);
        ssize_t n = write_or_wait(c, bytes, want);
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    free(bytes);
}

static size_t get_stream(struct su_channel *c, unsigned seed)
{
    char *bytes = calloc(1, 2 * SU_MIB);
    size_t at = 0;
    bool is_good = bytes != NULL;
    while (is_good && at < STREAM_BYTES) {
        ssize_t n = read_or_wait(c, bytes, piece(&seed, STREAM_BYTES - at));
        for (ssize_t i = 0; is_good && i < n; i++)
            is_good = bytes[i] == byte_at(at++);
        is_good = is_good && n > 0;
    }
    free(bytes);
    return at;
}

static void *be_other_side(void *context)
{
    struct su_channel *c = context;
    size_t got = get_stream(c, 7);
    send_stream(c, 8);
    su_channel_cleanup(c);
    return got == STREAM_BYTES ? c : NULL;
}

/* One side slower, then the other: nothing is lost, doubled or out of order, nobody sleeps for ever. */
static void test_streams(void **state)
{
    struct su_channel here, there;
    pthread_t thread;
    void *told;
    char byte;
    (void)state;
    open_pair(&here, &there);
    assert_int_equal(pthread_create(&thread, NULL, be_other_side, &there), 0);
    send_stream(&here, 1);
    assert_int_equal(get_stream(&here, 2), STREAM_BYTES);
    assert_int_equal(read_or_wait(&here, &byte, 1), 0);
    assert_int_equal(read_or_wait(&here, &byte, 1), 0);
    assert_int_equal(pthread_join(thread, &told), 0);
    assert_non_null(told);
    su_channel_cleanup(&here);
}

/* What came before the end is read before it; what nobody will take is taken until there is no room. */
static void test_the_end(void **state)
{
    struct su_channel here, there;
    char bytes[4096] = "last";
    (void)state;
    open_pair(&here, &there);
    errno = 0;
    assert_int_equal(su_channel_read(&here, bytes + 10, 10), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(su_channel_write(&there, bytes, 4), 4);
    su_channel_cleanup(&there);
    assert_int_equal(su_channel_read(&here, bytes + 10, 10), 4);
    assert_memory_equal(bytes + 10, "last", 4);
    assert_int_equal(read_or_wait(&here, bytes, 10), 0);
    size_t written = 0;
    ssize_t n;
    while ((n = su_channel_write(&here, bytes, sizeof bytes)) > 0 && written < 10 * SU_MIB)
        written += (size_t)n;
    assert_int_equal(n, -1);
    assert_int_equal(errno, EPIPE);
    su_channel_cleanup(&here);
}

/* Every word that both sides see, with every value: at worst wrong bytes, never more than there can be. */
static void test_lies(void **state)
{
    const uint64_t values[] = {1, 512 * SU_KIB, 512 * SU_KIB + 1, UINT32_MAX, (uint64_t)1 << 63, UINT64_MAX};
    const size_t heads[] = {0, 64, 512 * SU_KIB + 128, 512 * SU_KIB + 192};
    size_t lies = 0;
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        for (size_t h = 0; h < sizeof heads / sizeof *heads; h++) {
            struct su_channel here, there;
            char *got = test_calloc(1, SU_MIB);
            open_pair(&here, &there);
            memcpy((char *)here.rings + heads[h], &values[i], sizeof *values);
            ssize_t n = su_channel_read(&here, got, SU_MIB);
            assert_true(n <= (ssize_t)(512 * SU_KIB));
            lies += n < 0 && errno == EPROTO;
            n = su_channel_write(&here, got, SU_MIB);
            assert_true(n <= (ssize_t)(512 * SU_KIB));
            lies += n < 0 && errno == EPROTO;
            su_channel_cleanup(&here);
            su_channel_cleanup(&there);
            test_free(got);
        }
    assert_int_equal(lies, 9);
}

/* A bell that never stops is not listened to for ever. */
static void test_rung_for_nothing(void **state)
{
    struct su_channel here, there;
    char byte;
    (void)state;
    open_pair(&here, &there);
    for (int i = 0; i < 60000; i++)
        assert_int_equal(write(there.others, "x", 1), 1);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(su_channel_read(&here, &byte, 1), -1);
        assert_int_equal(errno, EAGAIN);
    }
    assert_int_equal(poll(&(struct pollfd){.fd = here.bell, .events = POLLIN}, 1, 0), 1); /* there was more */
    su_channel_cleanup(&here);
    su_channel_cleanup(&there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_the_end),
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_rung_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
