#include "helpers.h"

#include <signal.h>
#include <unistd.h>

#include "common/source/scan/scan_confined.h"
#include "common/sys/wire.h"

/* Both ends in one process: what is sent fits into the channel. */
static void open_pair(struct su_wire *a, struct su_wire *b)
{
    GOOD(su_wire_pair(a, b, &e));
}

static void test_values(void **state)
{
    SU_AUTO(su_wire) struct su_wire a, b;
    uint32_t kind;
    size_t length;
    char raw[3];
    (void)state;
    open_pair(&a, &b);
    for (uint32_t i = 0; i < 100; i++) {
        su_wire_begin(&a, i);
        su_put_u32(&a, 0xffffffff - i);
        su_put_u64(&a, UINT64_MAX - i);
        su_put_raw(&a, "raw", 3);
        su_put_text(&a, i % 2 ? "" : "text");
        su_put_bytes(&a, "a\0b", i % 4);
        GOOD(su_wire_end(&a, &e));
    }
    GOOD(su_wire_flush(&a, &e));
    su_fd_cleanup(&a.channel.others);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(su_wire_next(&b, &kind, &e), 1);
        assert_int_equal(kind, i);
        assert_int_equal(su_get_u32(&b), 0xffffffff - i);
        assert_true(su_get_u64(&b) == UINT64_MAX - i);
        su_get_raw(&b, raw, sizeof raw);
        assert_memory_equal(raw, "raw", 3);
        assert_string_equal(su_get_text(&b, 10), i % 2 ? "" : "text");
        const char *bytes = su_get_bytes(&b, &length, 3);
        assert_int_equal(length, i % 4);
        assert_memory_equal(bytes, "a\0b", length);
        GOOD(su_got_all(&b, &e));
    }
    assert_int_equal(su_wire_next(&b, &kind, &e), 0);
}

/* A value that is not there sticks: whatever is asked for then is nothing. */
static void test_past_the_end(void **state)
{
    SU_AUTO(su_wire) struct su_wire a, b;
    uint32_t kind;
    size_t length;
    (void)state;
    open_pair(&a, &b);
    for (int what = 0; what < 7; what++) {
        su_wire_begin(&a, 1);
        su_put_bytes(&a, what == 6 ? "a\xff\x62" : "a\0b", 3);
        GOOD(su_wire_end(&a, &e));
        GOOD(su_wire_flush(&a, &e));
        assert_int_equal(su_wire_next(&b, &kind, &e), 1);
        if (what == 0)
            assert_string_equal(su_get_text(&b, 10), ""); /* a NUL inside */
        if (what == 6)
            assert_string_equal(su_get_text(&b, 10), ""); /* not UTF-8 */
        if (what == 1)
            assert_string_equal(su_get_bytes(&b, &length, 2), ""); /* longer than asked for */
        if (what == 2)
            (void)su_get_u32(&b); /* not all was got */
        if (what == 3)
            (void)su_get_bytes(&b, &length, 3), (void)su_get_u32(&b); /* one too many */
        if (what == 4)
            (void)su_get_u64(&b), (void)su_get_u64(&b), (void)su_get_u32(&b);
        if (what == 5) { /* it was short once, and never gives anything again */
            char big[20];
            su_get_raw(&b, big, sizeof big);
            assert_true(su_get_u64(&b) == 0);
        }
        REFUSED(su_got_all(&b, &e), SU_CONFINED);
    }
}

/* SU_MAX_WIRE_BYTES at the limit and one past it, at both sides. */
static void test_largest_frame(void **state)
{
    SU_AUTO(su_wire) struct su_wire a, b;
    uint32_t kind;
    (void)state;
    open_pair(&a, &b);
    char *bytes = test_calloc(1, SU_MAX_WIRE_BYTES + 1);
    su_wire_begin(&a, 1);
    su_put_raw(&a, bytes, SU_MAX_WIRE_BYTES);
    su_channel_cleanup(&b.channel); /* nobody takes it: only the writing is tried */
    REFUSED(su_wire_end(&a, &e), SU_SYSTEM);
    assert_true(a.is_closed);
    su_buf_clear(&a.sending);
    su_wire_begin(&a, 1);
    su_put_raw(&a, bytes, SU_MAX_WIRE_BYTES + 1);
    REFUSED(su_wire_end(&a, &e), SU_LIMIT);
    test_free(bytes);
    SU_AUTO(su_wire) struct su_wire from, to;
    open_pair(&from, &to);
    su_put_u32(&from, (uint32_t)SU_MAX_WIRE_BYTES + 1);
    su_put_u32(&from, 1);
    GOOD(su_wire_flush(&from, &e));
    REFUSED(su_wire_next(&to, &kind, &e), SU_CONFINED);
}

/* ---- rows of scan metadata ------------------------------------------------------------------------------- */

static void fill_rows(struct su_scan_rows *r)
{
    struct su_scan_update *u = SU_PUSH(&r->updates, 10);
    *u = (struct su_scan_update){.revision_id = 7, .revision = 200, .is_leaf = true, .created = "c", .language = "en", .action = ""};
    memset(u->id.bytes, 0xab, sizeof u->id.bytes);
    *SU_PUSH(&r->cores, 10) = (struct su_scan_core){.revision_id = 8, .revision = 1, .type = "Software"};
    *SU_PUSH(&r->extended, 10) = (struct su_scan_extended){.revision_id = 9, .max_bytes = 10, .severity = "s", .handler = "h"};
    *SU_PUSH(&r->files, 10) = (struct su_scan_file){.revision_id = 1, .has_sha256 = true, .bytes = 5, .name = "n", .language = ""};
    *SU_PUSH(&r->locations, 10) = (struct su_scan_location){.url = "http://x"};
    *SU_PUSH(&r->titles, 10) = (struct su_scan_title){.revision_id = 2, .language = "de", .title = "t", .description = "d", .description_id = 3};
    *SU_PUSH(&r->tags, 10) = (struct su_scan_tag){.revision_id = 3, .kind = "kb", .value = "1"};
    *SU_PUSH(&r->relations, 10) = (struct su_scan_relation){.revision_id = 4, .target = 5, .kind = SU_SCAN_SUPERSEDED_BY};
    *SU_PUSH(&r->superseded, 10) = (struct su_scan_target){.revision_id = 6, .kind = NULL};
    *SU_PUSH(&r->categories, 10) = (struct su_scan_target){.revision_id = 6, .kind = "Product"};
}

static int send_rows(struct su_wire *a, struct su_wire *b, const struct su_buf *frame, struct su_scan_rows *rows)
{
    uint32_t kind;
    su_wire_begin(a, 1);
    su_put_raw(a, frame->bytes, frame->length);
    GOOD(su_wire_end(a, &e));
    GOOD(su_wire_flush(a, &e));
    assert_int_equal(su_wire_next(b, &kind, &e), 1);
    su_err_clear(&e);
    return su_scan_rows_get(b, rows, &e) < 0 ? -1 : su_got_all(b, &e);
}

static void test_scan_rows(void **state)
{
    SU_AUTO(su_wire) struct su_wire a, b;
    SU_AUTO(su_scan_rows) struct su_scan_rows rows = SU_SCAN_ROWS_INIT, back = SU_SCAN_ROWS_INIT;
    SU_AUTO(su_buf) struct su_buf frame = SU_BUF_INIT(10000);
    (void)state;
    open_pair(&a, &b);
    fill_rows(&rows);
    su_wire_begin(&a, 1);
    su_scan_rows_put(&a, &rows);
    su_buf_add(&frame, a.sending.bytes + 8, a.sending.length - 8);
    su_buf_clear(&a.sending);
    GOOD(send_rows(&a, &b, &frame, &back));
    assert_int_equal(back.updates.count, 1);
    assert_int_equal(back.updates.at[0].revision, 200);
    assert_true(back.updates.at[0].is_leaf && !back.updates.at[0].is_bundle);
    assert_memory_equal(back.updates.at[0].id.bytes, rows.updates.at[0].id.bytes, 16);
    assert_string_equal(back.cores.at[0].type, "Software");
    assert_int_equal(back.extended.at[0].max_bytes, 10);
    assert_int_equal(back.files.at[0].bytes, 5);
    assert_string_equal(back.locations.at[0].url, "http://x");
    assert_string_equal(back.titles.at[0].description, "d");
    assert_string_equal(back.tags.at[0].kind, "kb");
    assert_int_equal(back.relations.at[0].kind, SU_SCAN_SUPERSEDED_BY);
    assert_null(back.superseded.at[0].kind);
    assert_string_equal(back.categories.at[0].kind, "Product");
    /* Cut anywhere it is refused; with any byte changed it is refused, or means something that can be. */
    for (size_t length = frame.length; frame.length-- > 0;) {
        assert_int_equal(send_rows(&a, &b, &frame, &back), -1);
        assert_int_equal(e.code, SU_CONFINED);
        if (frame.length == 0) {
            frame.length = length;
            break;
        }
    }
    for (size_t i = 0; i < frame.length; i++)
        for (unsigned bit = 1; bit < 256; bit *= 2) {
            frame.bytes[i] = (char)(frame.bytes[i] ^ (int)bit);
            if (send_rows(&a, &b, &frame, &back) < 0)
                assert_int_equal(e.code, SU_CONFINED);
            else
                for (size_t n = 0; n < back.files.count; n++)
                    assert_true(back.files.at[n].bytes <= INT64_MAX && back.files.at[n].revision_id <= INT64_MAX);
            frame.bytes[i] = (char)(frame.bytes[i] ^ (int)bit);
        }
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_past_the_end),
                                       cmocka_unit_test(test_largest_frame), cmocka_unit_test(test_scan_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
