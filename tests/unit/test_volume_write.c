/* Volumes: the layout of docs/bundle-format.md chapter 4, computed here a second time. */
#include "helpers.h"

#include "common/bundle/volume_write.h"

#define SET "00112233445566778899aabbccddeeff"

/* Content of item `item` at `at`: a function, so that nothing large is kept. */
static char byte_at(unsigned item, uint64_t at)
{
    uint64_t x = (at + 1) * 0x9e3779b97f4a7c15u + item * 0xbf58476d1ce4e5b9u;
    return (char)(x >> 37);
}

static void begin(struct su_manifest *m)
{
    m->sequence = 12;
    (void)snprintf(m->site, sizeof m->site, "ALPHA");
}

static void name_of(unsigned item, char out[80])
{
    (void)snprintf(out, 80, "content/%064u", item);
}

struct span { size_t first, count; };

/* Writes one item in pieces of `chunk` bytes. */
static void write_item(struct su_volume_writer *w, unsigned item, uint64_t bytes, size_t chunk, struct span *span)
{
    static char buffer[1 << 20];
    char name[80];
    name_of(item, name);
    GOOD(su_volume_item(w, name, bytes, &e));
    for (uint64_t at = 0; at < bytes;) {
        size_t n = bytes - at < chunk ? (size_t)(bytes - at) : chunk;
        for (size_t i = 0; i < n; i++)
            buffer[i] = byte_at(item, at + i);
        GOOD(su_volume_write(w, buffer, n, &e));
        at += n;
    }
    GOOD(su_volume_item_end(w, &span->first, &span->count, &e));
}

static void write_all(void **state, struct su_manifest *m, uint64_t volume_bytes, const uint64_t *sizes, size_t count, size_t chunk, struct span *spans)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state);
    begin(m);
    SU_AUTO(su_volume_writer) struct su_volume_writer *w = su_volume_writer_new(dir, volume_bytes, SET, m, &e);
    assert_non_null(w);
    for (unsigned i = 0; i < count; i++)
        write_item(w, i, sizes[i], chunk, &spans[i]);
    GOOD(su_volume_finish(w, &e));
}

/* The rule of 4.2, without a look at the code: where each piece must lie. */
struct model {
    uint64_t volume_bytes, position;
    unsigned volume;
};

static uint64_t up(uint64_t n)
{
    return (n + 511) / 512 * 512;
}

static uint64_t room(const struct model *m)
{
    if (m->volume_bytes == 0)
        return (uint64_t)4 << 30;
    uint64_t used = up(m->position) + 512 + 1024;
    return used >= m->volume_bytes ? 0 : (m->volume_bytes - used) / 512 * 512;
}

static void next_volume(struct model *m)
{
    m->volume++;
    m->position = 512 + strlen("SU-VOLUME 1\nbundle SU-ALPHA-000012\nset " SET "\nvolume \n") + (m->volume < 10 ? 1 : m->volume < 100 ? 2 : 3);
}

static size_t expect_item(struct model *m, uint64_t bytes, struct su_extent *out)
{
    size_t count = 0;
    uint64_t left = bytes;
    do {
        bool has_header_room = m->volume > 0 && (m->volume_bytes == 0 || up(m->position) + 512 + 1024 <= m->volume_bytes);
        if (!has_header_room || (left > room(m) && room(m) < 4096))
            next_volume(m);
        uint64_t piece = left < room(m) ? left : room(m);
        m->position = up(m->position) + 512;
        out[count++] = (struct su_extent){m->volume, m->position, piece};
        m->position += piece;
        left -= piece;
    } while (left > 0);
    return count;
}

static uint64_t octal(const char *text, size_t length)
{
    uint64_t value = 0;
    for (size_t i = 0; i < length && text[i] >= '0' && text[i] <= '7'; i++)
        value = value * 8 + (uint64_t)(text[i] - '0');
    return value;
}

/* Walks a volume as tar does: names, sizes, checksums, zero padding, the end mark and nothing behind it. */
static size_t walk_tar(const char *bytes, size_t length, char names[][101], uint64_t sizes[], size_t max)
{
    size_t at = 0, count = 0;
    static const char zeros[1024];
    assert_int_equal(length % 512, 0);
    while (at + 1024 <= length && memcmp(bytes + at, zeros, 1024) != 0) {
        const char *h = bytes + at;
        unsigned sum = 0;
        for (size_t i = 0; i < 512; i++)
            sum += i >= 148 && i < 156 ? ' ' : (unsigned char)h[i];
        assert_int_equal(octal(h + 148, 8), sum);
        assert_memory_equal(h + 257, "ustar\0" "00", 8);
        assert_int_equal(h[156], '0');
        assert_int_equal(octal(h + 100, 8), 0444);
        assert_int_equal(octal(h + 108, 8), 0); /* user, group, time: nothing of the machine */
        assert_int_equal(octal(h + 116, 8), 0);
        assert_int_equal(octal(h + 136, 12), 0);
        assert_true(count < max);
        memcpy(names[count], h, 100);
        names[count][100] = 0;
        sizes[count] = octal(h + 124, 12);
        for (uint64_t pad = sizes[count]; pad < up(sizes[count]); pad++)
            assert_int_equal(bytes[at + 512 + pad], 0);
        at += 512 + up(sizes[count++]);
    }
    assert_int_equal(at + 1024, length);
    assert_memory_equal(bytes + at, zeros, 1024);
    return count;
}

static const uint64_t sizes[] = {0, 1, 0, 511, 512, 513, 4095, 4096, 4097, 60000, 62975, 62976, 62977, 100, 0, 200000, 7, 97000, 3145735, 1048576, 12, 0};
#define COUNT (sizeof sizes / sizeof *sizes)

static void check_volumes(void **state, const struct su_manifest *m, uint64_t volume_bytes, const struct span *spans)
{
    struct model model = {.volume_bytes = volume_bytes};
    static struct su_extent expected[1000];
    for (unsigned i = 0; i < COUNT; i++) { /* every piece lies where the rule says */
        size_t count = expect_item(&model, sizes[i], expected);
        assert_int_equal(spans[i].count, count);
        for (size_t k = 0; k < count; k++) {
            const struct su_extent *x = &m->extents.at[spans[i].first + k];
            assert_true(x->volume == expected[k].volume && x->offset == expected[k].offset && x->length == expected[k].length);
        }
    }
    assert_int_equal(m->volumes.count, model.volume);
    assert_int_equal(count_names(*state), model.volume);
    static char names[64][101];
    uint64_t member_sizes[64];
    unsigned part = 0, item = 0;
    for (unsigned v = 1; v <= m->volumes.count; v++) {
        char file[16], head[200];
        size_t length;
        uint8_t digest[32];
        const struct su_volume *volume = &m->volumes.at[v - 1];
        (void)snprintf(file, sizeof file, "SU000012.%03u", v);
        char *bytes = get_file(in_place(state, file), &length);
        assert_int_equal(length, volume->bytes);
        if (volume_bytes > 0)
            assert_true(length <= volume_bytes);
        GOOD(su_sha256(digest, bytes, length, &e));
        assert_memory_equal(digest, volume->sha256, 32);
        assert_int_equal(volume->blocks, (length + 1048575) / 1048576);
        for (size_t b = 0; b < volume->blocks; b++) {
            size_t n = length - b * 1048576 < 1048576 ? length - b * 1048576 : 1048576;
            GOOD(su_sha256(digest, bytes + b * 1048576, n, &e));
            assert_memory_equal(digest, m->blocks.at[volume->first_block + b].sha256, 32);
        }
        /* Members: SU-HEAD, then the items in order, pieces numbered. */
        size_t members = walk_tar(bytes, length, names, member_sizes, 64);
        (void)snprintf(head, sizeof head, "SU-VOLUME 1\nbundle SU-ALPHA-000012\nset " SET "\nvolume %u\n", v);
        assert_string_equal(names[0], "SU-HEAD");
        assert_int_equal(member_sizes[0], strlen(head));
        assert_memory_equal(bytes + 512, head, strlen(head));
        for (size_t i = 1; i < members; i++) {
            char name[120];
            name_of(item, name);
            if (spans[item].count > 1)
                (void)snprintf(name + strlen(name), 40, ".part-%04u", part + 1);
            assert_string_equal(names[i], name);
            assert_int_equal(member_sizes[i], m->extents.at[spans[item].first + part].length);
            if (++part == spans[item].count)
                item++, part = 0;
        }
        /* The bytes at each extent are the item's. */
        for (unsigned i = 0; i < COUNT; i++) {
            uint64_t done = 0;
            for (size_t k = 0; k < spans[i].count; k++) {
                const struct su_extent *x = &m->extents.at[spans[i].first + k];
                for (uint64_t at = 0; x->volume == v && at < x->length; at++)
                    if (bytes[x->offset + at] != byte_at(i, done + at))
                        fail_msg("item %u differs at %llu", i, (unsigned long long)(done + at));
                done += x->length;
            }
            assert_int_equal(done, sizes[i]);
        }
        free(bytes);
    }
    assert_int_equal(item, COUNT);
}

static void laid_out(void **state, uint64_t volume_bytes)
{
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    struct span spans[COUNT];
    unsigned long before = su_fsync_count;
    write_all(state, &m, volume_bytes, sizes, COUNT, 5000, spans);
    assert_true(su_fsync_count - before >= m.volumes.count);
    check_volumes(state, &m, volume_bytes, spans);
}

static void test_one_volume(void **state)
{
    laid_out(state, 0);
}

static void test_smallest_volumes(void **state)
{
    laid_out(state, SU_MIN_VOLUME_BYTES);
}

static void test_odd_volume_size(void **state)
{
    laid_out(state, 100000);
}

static void test_volumes_of_a_block_and_a_little(void **state)
{
    laid_out(state, 1048577);
}

static void test_same_bytes_however_they_come(void **state)
{
    SU_AUTO(su_manifest) struct su_manifest a = SU_MANIFEST_INIT, b = SU_MANIFEST_INIT;
    struct span spans[COUNT];
    write_all(state, &a, 70000, sizes, COUNT, 1 << 20, spans);
    for (unsigned v = 1; v <= a.volumes.count; v++) {
        char file[16];
        (void)snprintf(file, sizeof file, "SU000012.%03u", v);
        assert_int_equal(remove(in_place(state, file)), 0);
    }
    write_all(state, &b, 70000, sizes, COUNT, 333, spans);
    assert_int_equal(a.volumes.count, b.volumes.count);
    for (size_t v = 0; v < a.volumes.count; v++)
        assert_memory_equal(a.volumes.at[v].sha256, b.volumes.at[v].sha256, 32);
    assert_int_equal(a.extents.count, b.extents.count);
    for (size_t i = 0; i < a.extents.count; i++)
        assert_true(a.extents.at[i].volume == b.extents.at[i].volume && a.extents.at[i].offset == b.extents.at[i].offset && a.extents.at[i].length == b.extents.at[i].length);
}

/* An empty item that meets no open volume, or one that is full to the last byte. */
static void test_empty_items_at_the_edges(void **state)
{
    for (uint64_t fill = 62976 - 1024; fill <= 62976; fill += 512) {
        SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
        uint64_t some[] = {0, fill - 1024, 0, 0, 0, 1};
        struct span spans[6];
        write_all(state, &m, SU_MIN_VOLUME_BYTES, some, 6, 5000, spans);
        for (size_t v = 0; v < m.volumes.count; v++) {
            char file[40];
            assert_true(m.volumes.at[v].bytes <= SU_MIN_VOLUME_BYTES);
            (void)snprintf(file, sizeof file, "SU000012.%03zu", v + 1);
            assert_int_equal(remove(in_place(state, file)), 0);
        }
        for (size_t i = 0; i < 6; i++)
            assert_int_equal(spans[i].count, 1);
    }
}

static void test_nothing_at_all(void **state)
{
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    struct span none[1];
    write_all(state, &m, 0, NULL, 0, 1, none);
    assert_int_equal(m.volumes.count, 1); /* the head alone */
    assert_int_equal(m.volumes.at[0].bytes, 512 + 512 + 1024);
    assert_int_equal(m.extents.count, 0);
}

static void test_announced_size_is_kept(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state);
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    size_t first, count;
    begin(&m);
    SU_AUTO(su_volume_writer) struct su_volume_writer *w = su_volume_writer_new(dir, 0, SET, &m, &e);
    GOOD(su_volume_item(w, "content/a", 10, &e));
    GOOD(su_volume_write(w, "12345", 5, &e));
    REFUSED(su_volume_item_end(w, &first, &count, &e), SU_DATA);
    NAMES("5 of 10");
    GOOD(su_volume_write(w, "67890", 5, &e));
    REFUSED(su_volume_write(w, "x", 1, &e), SU_DATA);
    GOOD(su_volume_item_end(w, &first, &count, &e));
    GOOD(su_volume_item(w, "content/b", 0, &e));
    REFUSED(su_volume_write(w, "x", 1, &e), SU_DATA);
}

static void test_existing_file_is_not_overwritten(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state);
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    begin(&m);
    put_file(in_place(state, "precious"), "data", 4);
    assert_int_equal(symlink("precious", in_place(state, "SU000012.001")), 0);
    SU_AUTO(su_volume_writer) struct su_volume_writer *w = su_volume_writer_new(dir, 0, SET, &m, &e);
    GOOD(su_volume_item(w, "content/a", 1, &e));
    REFUSED(su_volume_write(w, "x", 1, &e), SU_SYSTEM);
    size_t length;
    char *bytes = get_file(in_place(state, "precious"), &length);
    assert_string_equal(bytes, "data");
    free(bytes);
}

/* 999 volumes have names, the thousandth has none. */
static void test_limit_of_volumes(void **state)
{
    SU_AUTO(su_fd) su_fd dir = open_place(state);
    SU_AUTO(su_manifest) struct su_manifest m = SU_MANIFEST_INIT;
    static char bytes[4096];
    begin(&m);
    SU_AUTO(su_volume_writer) struct su_volume_writer *w = su_volume_writer_new(dir, 8192, SET, &m, &e);
    for (unsigned i = 0; i < SU_MAX_VOLUMES; i++) { /* one item fills one volume: no second would fit */
        size_t first, count;
        GOOD(su_volume_item(w, "content/x", sizeof bytes, &e));
        GOOD(su_volume_write(w, bytes, sizeof bytes, &e));
        GOOD(su_volume_item_end(w, &first, &count, &e));
        assert_int_equal(count, 1);
    }
    assert_int_equal(m.volumes.count, SU_MAX_VOLUMES);
    GOOD(su_volume_item(w, "content/x", sizeof bytes, &e));
    REFUSED(su_volume_write(w, bytes, sizeof bytes, &e), SU_LIMIT);
    NAMES("999");
    assert_true(strstr(e.remedy, "--volume-size") != NULL);
}

int main(void)
{
#define PLACED(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
    const struct CMUnitTest tests[] = {
        PLACED(test_one_volume),
        PLACED(test_smallest_volumes),
        PLACED(test_odd_volume_size),
        PLACED(test_volumes_of_a_block_and_a_little),
        PLACED(test_same_bytes_however_they_come),
        PLACED(test_empty_items_at_the_edges),
        PLACED(test_nothing_at_all),
        PLACED(test_announced_size_is_kept),
        PLACED(test_existing_file_is_not_overwritten),
        PLACED(test_limit_of_volumes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
