/* Reading volumes: bytes come out only when their block is as signed, and every damage is placed. */
#include "helpers.h"

#include "common/bundle/volume_read.h"
#include "common/bundle/volume_write.h"

static char byte_at(unsigned seed, unsigned item, uint64_t at)
{
    uint64_t x = (at + 1) * 0x9e3779b97f4a7c15u + (item + 100 * seed) * 0xbf58476d1ce4e5b9u;
    return (char)(x >> 37);
}

struct item { uint64_t bytes; size_t first, count; };

static void write_bundle(int dir, struct su_manifest *m, unsigned sequence, uint64_t volume_bytes, struct item *items, size_t count)
{
    m->sequence = sequence;
    (void)snprintf(m->site, sizeof m->site, "ALPHA");
    SU_AUTO(su_volume_writer) struct su_volume_writer *w = su_volume_writer_new(dir, volume_bytes, "00", m, &e);
    assert_non_null(w);
    for (unsigned i = 0; i < count; i++) {
        char *bytes = malloc(items[i].bytes + 1);
        assert_non_null(bytes);
        for (uint64_t at = 0; at < items[i].bytes; at++)
            bytes[at] = byte_at(sequence, i, at);
        GOOD(su_volume_item(w, "content/item", items[i].bytes, &e));
        GOOD(su_volume_write(w, bytes, items[i].bytes, &e));
        GOOD(su_volume_item_end(w, &items[i].first, &items[i].count, &e));
        free(bytes);
    }
    GOOD(su_volume_finish(w, &e));
}

/* Compares an item's bytes as they are handed out. */
struct check { unsigned seed, item; uint64_t at; bool has_refused; };
static int take(void *context, const void *bytes, size_t length, struct su_err *err)
{
    struct check *c = context;
    if (c->has_refused)
        return su_fail(err, SU_LOCKED, "taker refuses");
    for (size_t i = 0; i < length; i++)
        if (((const char *)bytes)[i] != byte_at(c->seed, c->item, c->at + i))
            fail_msg("item %u differs at %llu: unproved bytes were handed out", c->item, (unsigned long long)(c->at + i));
    c->at += length;
    return 0;
}

static int read_item(struct su_volume_reader *r, const struct su_manifest *m, const struct item *items, unsigned i)
{
    struct check check = {.seed = (unsigned)m->sequence, .item = i};
    int result = su_volume_read(r, items[i].first, items[i].count, take, &check, &e);
    if (result == 0)
        assert_int_equal(check.at, items[i].bytes);
    return result;
}

struct found { unsigned count; struct su_bad_block last; char reason[300]; };
static void on_bad(void *context, const struct su_bad_block *block)
{
    struct found *found = context;
    found->count++;
    found->last = *block;
    (void)snprintf(found->reason, sizeof found->reason, "%.299s", block->reason);
}

static struct found check_all(int dir, const struct su_manifest *m, uint64_t *blocks)
{
    struct found found = {0};
    SU_AUTO(su_volume_reader) struct su_volume_reader *r = su_volume_reader_new(dir, m, &e);
    assert_non_null(r);
    GOOD(su_volume_check_all(r, on_bad, &found, NULL, blocks, &e));
    return found;
}

static bool touches(const struct su_manifest *m, const struct item *item, uint32_t volume, uint64_t block)
{
    for (size_t k = 0; k < item->count; k++) {
        const struct su_extent *x = &m->extents.at[item->first + k];
        if (x->volume == volume && x->length > 0 && x->offset / SU_BLOCK_BYTES <= block && (x->offset + x->length - 1) / SU_BLOCK_BYTES >= block)
            return true;
    }
    return false;
}

static void volume_path(void **state, const struct su_manifest *m, unsigned v, char out[4200])
{
    char name[16];
    (void)snprintf(out, 4200, "%s/%s", (const char *)*state, su_volume_name(m, v, name));
}

static void flip(const char *path, uint64_t at)
{
    char byte;
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
    byte = (char)(byte ^ 0x20);
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    (void)close(fd);
}

/* One flipped byte: the block is named, items in it fail, all others are whole, and nothing is passed over. */
static void check_flip(void **state, int dir, const struct su_manifest *m, const struct item *items, unsigned count, unsigned v, uint64_t at)
{
    char path[4200];
    uint64_t blocks, block = at / SU_BLOCK_BYTES, from = block * SU_BLOCK_BYTES, bytes = m->volumes.at[v - 1].bytes;
    volume_path(state, m, v, path);
    flip(path, at);
    struct found found = check_all(dir, m, &blocks);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.last.volume, v);
    assert_int_equal(found.last.offset, from);
    assert_int_equal(found.last.length, bytes - from < SU_BLOCK_BYTES ? bytes - from : SU_BLOCK_BYTES);
    assert_true(found.reason[0] != 0);
    assert_int_equal(blocks, m->blocks.count);
    SU_AUTO(su_volume_reader) struct su_volume_reader *r = su_volume_reader_new(dir, m, &e);
    assert_non_null(r);
    for (unsigned i = 0; i < count; i++) {
        if (touches(m, &items[i], v, block))
            REFUSED(read_item(r, m, items, i), SU_DAMAGED);
        else
            GOOD(read_item(r, m, items, i));
    }
    REFUSED(su_volume_check_rest(r, NULL, &e), SU_DAMAGED);
    flip(path, at);
}

static void test_reads_back(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state);
    static const uint64_t volume_sizes[] = {0, 65536, 100000, 1500000};
    for (unsigned k = 0; k < 4; k++) {
        SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
        struct item items[] = {{.bytes = 0}, {.bytes = 5000}, {.bytes = 1}, {.bytes = 1200000}, {.bytes = 0}, {.bytes = 1048576}, {.bytes = 63000}};
        uint64_t blocks;
        write_bundle(dir, &m, k + 1, volume_sizes[k], items, 7);
        SU_AUTO(su_volume_reader) struct su_volume_reader *r = su_volume_reader_new(dir, &m, &e);
        for (unsigned i = 0; i < 7; i++)
            GOOD(read_item(r, &m, items, i));
        GOOD(su_volume_check_rest(r, NULL, &e));
        for (unsigned i = 7; i-- > 0;) /* any order */
            GOOD(read_item(r, &m, items, i));
        SU_AUTO(su_volume_reader) struct su_volume_reader *fresh = su_volume_reader_new(dir, &m, &e);
        GOOD(su_volume_check_rest(fresh, NULL, &e)); /* everything is the rest */
        for (unsigned i = 0; i < 7; i++)
            GOOD(read_item(fresh, &m, items, i));
        assert_int_equal(check_all(dir, &m, &blocks).count, 0);
        assert_int_equal(blocks, m.blocks.count);
    }
}

/* Progress ends where it said it would. */
static void on_event(void *context, const struct su_event *event)
{
    uint64_t *seen = context;
    assert_true(event->done > seen[0] && event->done <= event->total);
    seen[0] = event->done;
    seen[1] = event->total;
}

static void test_progress(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state);
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    struct item items[] = {{.bytes = 2500000}, {.bytes = 900000}};
    struct found found = {0};
    uint64_t blocks, seen[2] = {0};
    const struct su_events events = {on_event, seen};
    write_bundle(dir, &m, 12, 2560000, items, 2);
    SU_AUTO(su_volume_reader) struct su_volume_reader *r = su_volume_reader_new(dir, &m, &e);
    GOOD(su_volume_check_all(r, on_bad, &found, &events, &blocks, &e));
    assert_true(seen[0] == seen[1] && seen[0] == su_manifest_volume_bytes(&m));
}

static void test_each_sector_of_small_volumes(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state);
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    struct item items[] = {{.bytes = 0}, {.bytes = 300}, {.bytes = 90000}, {.bytes = 5}, {.bytes = 30000}};
    write_bundle(dir, &m, 12, 65536, items, 5);
    assert_int_equal(m.volumes.count, 2);
    for (unsigned v = 1; v <= m.volumes.count; v++)
        for (uint64_t at = 0; at < m.volumes.at[v - 1].bytes; at += 512)
            check_flip(state, dir, &m, items, 5, v, at + at / 512 % 512);
}

static void test_blocks_of_large_volumes(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state);
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    /* Volume 1 has three blocks; the small items lie in the first and the last. */
    struct item items[] = {{.bytes = 1000}, {.bytes = 2500000}, {.bytes = 1000}, {.bytes = 900000}};
    write_bundle(dir, &m, 12, 2560000, items, 4);
    assert_int_equal(m.volumes.at[0].blocks, 3);
    for (unsigned v = 1; v <= m.volumes.count; v++) {
        uint64_t bytes = m.volumes.at[v - 1].bytes;
        for (uint64_t b = 0; b < m.volumes.at[v - 1].blocks; b++) {
            uint64_t from = b * SU_BLOCK_BYTES, to = bytes < from + SU_BLOCK_BYTES ? bytes : from + SU_BLOCK_BYTES;
            check_flip(state, dir, &m, items, 4, v, from);
            check_flip(state, dir, &m, items, 4, v, (from + to) / 2);
            check_flip(state, dir, &m, items, 4, v, to - 1);
        }
    }
}

/* Everything else that may be wrong with a volume as a whole. */
enum fault { ABSENT, EMPTY, CUT_BY_ONE, CUT_BY_512, GROWN, LINK, FOLDER, FIFO, FAULTS };

static void make_fault(const char *path, enum fault fault, uint64_t bytes)
{
    char aside[4300];
    (void)snprintf(aside, sizeof aside, "%s.aside", path);
    if (fault == CUT_BY_ONE || fault == CUT_BY_512) {
        assert_int_equal(truncate(path, (off_t)(bytes - (fault == CUT_BY_ONE ? 1 : 512))), 0);
    } else if (fault == GROWN) {
        assert_int_equal(truncate(path, (off_t)bytes + 1), 0);
    } else {
        assert_int_equal(rename(path, aside), 0);
        if (fault == EMPTY)
            put_file(path, "", 0);
        else if (fault == LINK) /* to the very bytes: still not a file of the medium */
            assert_int_equal(symlink(aside, path), 0);
        else if (fault == FOLDER)
            assert_int_equal(mkdir(path, 0700), 0);
        else if (fault == FIFO)
            assert_int_equal(mkfifo(path, 0600), 0);
    }
}

static void test_faults_of_whole_volumes(void **state)
{
    for (int fault = 0; fault < FAULTS; fault++)
        for (unsigned v = 1; v <= 2; v++) {
            void *place = NULL;
            (void)state;
            assert_int_equal(make_place(&place), 0);
            SU_AUTO(su_fd) su_fd dir = open_place(&place);
            SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
            struct item items[] = {{.bytes = 1000}, {.bytes = 60000}, {.bytes = 2000}, {.bytes = 40000}};
            char path[4200];
            uint64_t blocks;
            write_bundle(dir, &m, 12, 65536, items, 4);
            assert_int_equal(m.volumes.count, 2);
            volume_path(&place, &m, v, path);
            make_fault(path, (enum fault)fault, m.volumes.at[v - 1].bytes);
            struct found found = check_all(dir, &m, &blocks);
            assert_int_equal(found.count, 1);
            assert_int_equal(found.last.volume, v);
            assert_int_equal(found.last.offset, 0);
            assert_int_equal(found.last.length, m.volumes.at[v - 1].bytes);
            assert_int_equal(blocks, 1); /* the other one was read */
            SU_AUTO(su_volume_reader) struct su_volume_reader *r = su_volume_reader_new(dir, &m, &e);
            for (unsigned i = 0; i < 4; i++) {
                bool is_hit = touches(&m, &items[i], v, 0);
                su_err_clear(&e);
                assert_int_equal(read_item(r, &m, items, i), is_hit ? -1 : 0);
                if (is_hit)
                    assert_true(e.code == SU_DAMAGED || e.code == SU_DATA);
            }
            su_err_clear(&e);
            assert_int_equal(su_volume_check_rest(r, NULL, &e), -1);
            assert_int_equal(su_code_exit_status(e.code), 3);
            NAMES("SU000012.00");
            assert_int_equal(remove_place(&place), 0);
        }
}

static void test_volumes_of_two_bundles_exchanged(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state);
    SU_AUTO(su_manifest) struct su_manifest a = SU_MANIFEST_INIT, b = SU_MANIFEST_INIT;
    struct item items[] = {{.bytes = 1000}, {.bytes = 100000}}, others[] = {{.bytes = 1000}, {.bytes = 100000}};
    char first[4200], second[4200];
    uint64_t blocks;
    write_bundle(dir, &a, 12, 65536, items, 2);
    write_bundle(dir, &b, 13, 65536, others, 2);
    assert_int_equal(a.volumes.at[0].bytes, b.volumes.at[0].bytes); /* sizes do not give it away */
    volume_path(state, &a, 1, first);
    volume_path(state, &b, 1, second);
    assert_int_equal(rename(first, in_place(state, "x")), 0);
    assert_int_equal(rename(second, first), 0);
    assert_int_equal(rename(in_place(state, "x"), second), 0);
    struct found found = check_all(dir, &a, &blocks);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.last.volume, 1);
    assert_int_equal(check_all(dir, &b, &blocks).count, 1);
    SU_AUTO(su_volume_reader) struct su_volume_reader *r = su_volume_reader_new(dir, &a, &e);
    REFUSED(read_item(r, &a, items, 0), SU_DAMAGED);
    assert_non_null(strstr(e.text, "by its head it is volume 1 of SU-ALPHA-000013"));
    /* Two volumes of the same bundle exchanged. */
    volume_path(state, &a, 2, second);
    assert_int_equal(rename(first, in_place(state, "x")), 0);
    assert_int_equal(rename(second, first), 0);
    assert_int_equal(rename(in_place(state, "x"), second), 0);
    assert_int_equal(check_all(dir, &a, &blocks).count, 2);
    SU_AUTO(su_volume_reader) struct su_volume_reader *again = su_volume_reader_new(dir, &a, &e);
    REFUSED(read_item(again, &a, items, 0), SU_DAMAGED);
    assert_non_null(strstr(e.text, "by its head it is volume 2 of SU-ALPHA-000012"));
}

/* The medium changes while it is read: what was proved is used from memory, the rest is proved again. */
static void test_bytes_come_from_the_proved_copy(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state);
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    struct item items[] = {{.bytes = 1000}, {.bytes = 2000}, {.bytes = 1500000}};
    char path[4200];
    write_bundle(dir, &m, 12, 0, items, 3);
    volume_path(state, &m, 1, path);
    SU_AUTO(su_volume_reader) struct su_volume_reader *r = su_volume_reader_new(dir, &m, &e);
    GOOD(read_item(r, &m, items, 0));
    flip(path, m.extents.at[items[1].first].offset); /* same block, after it was read */
    GOOD(read_item(r, &m, items, 1));
    flip(path, SU_BLOCK_BYTES + 5); /* the next block, before it is read */
    REFUSED(read_item(r, &m, items, 2), SU_DAMAGED);
}

static void test_taker_stops_it(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state);
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    struct item items[] = {{.bytes = 1000}};
    write_bundle(dir, &m, 12, 0, items, 1);
    SU_AUTO(su_volume_reader) struct su_volume_reader *r = su_volume_reader_new(dir, &m, &e);
    struct check check = {.seed = 12, .has_refused = true};
    REFUSED(su_volume_read(r, items[0].first, items[0].count, take, &check, &e), SU_LOCKED);
    GOOD(read_item(r, &m, items, 0));
}

int main(void)
{
#define PLACED(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
    const struct CMUnitTest tests[] = {
        PLACED(test_reads_back),
        PLACED(test_progress),
        PLACED(test_each_sector_of_small_volumes),
        PLACED(test_blocks_of_large_volumes),
        PLACED(test_faults_of_whole_volumes),
        PLACED(test_volumes_of_two_bundles_exchanged),
        PLACED(test_bytes_come_from_the_proved_copy),
        PLACED(test_taker_stops_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
