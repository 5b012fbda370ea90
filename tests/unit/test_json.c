/* One JSON document: commas, escapes, nothing raw that a terminal obeys. */
#include "helpers.h"

#include "common/base/json.h"

static void test_structure(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(1000);
    struct su_json json = {.out = &out};
    su_json_open(&json, NULL, '{');
    su_json_text(&json, "site", "ALPHA");
    su_json_int(&json, "sequence", 12);
    su_json_open(&json, "empty", '[');
    su_json_close(&json, ']');
    su_json_open(&json, "list", '[');
    su_json_int(&json, NULL, INT64_MIN);
    su_json_int(&json, NULL, INT64_MAX);
    su_json_open(&json, NULL, '{');
    su_json_bool(&json, "yes", true);
    su_json_close(&json, '}');
    su_json_open(&json, NULL, '{');
    su_json_close(&json, '}');
    su_json_text(&json, NULL, NULL);
    su_json_close(&json, ']');
    su_json_bool(&json, "no", false);
    su_json_seconds(&json, "seconds", 1.25);
    su_json_seconds(&json, "none", 0);
    su_json_hex(&json, "digest", (const uint8_t[]){0, 0xab, 0xff}, 3);
    su_json_hex(&json, "nothing", NULL, 0);
    su_json_close(&json, '}');
    GOOD(su_buf_check(&out, "json", &e));
    assert_string_equal(out.bytes,
                        "{\"site\":\"ALPHA\",\"sequence\":12,\"empty\":[],\"list\":[-9223372036854775808,"
                        "9223372036854775807,{\"yes\":true},{},null],\"no\":false,\"seconds\":1.250,\"none\":0.000,"
                        "\"digest\":\"00abff\",\"nothing\":\"\"}");
}

static void test_escapes(void **state)
{
    (void)state;
    static const struct { const char *in, *out; } cases[] = {
        {"", "\"\""}, {"a/b", "\"a/b\""}, {"\"\\", "\"\\\"\\\\\""}, {"\n\r\t\b\f", "\"\\u000a\\u000d\\u0009\\u0008\\u000c\""},
        {"\x1b[31m", "\"\\u001b[31m\""}, {"\x7f", "\"\\u007f\""},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"\xc2\x80\xc2\x9b" "31m\xc2\x9f\xc2\xa0", "\"\\u0080\\u009b31m\\u009f\xc2\xa0\""}, /* C1: a terminal obeys these too */
        {"\xe2\x80\xae" "exe\xe2\x81\xa6\xd8\x9c", "\"\\u202eexe\\u2066\\u061c\""},
        {"\xef\xbb\xbf", "\"\\ufeff\""}, {"\xe2\x80\xa8", "\"\\u2028\""},
        {"caf\xe9", "\"caf\\u00e9\""}, {"\xff\xc3\xa9", "\"\\u00ff\\u00c3\\u00a9\""}, /* not UTF-8: byte by byte */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(1000);
        struct su_json json = {.out = &out};
        su_json_text(&json, NULL, cases[i].in);
        assert_string_equal(out.bytes, cases[i].out);
    }
}

static void test_no_control_character_reaches_the_output(void **state)
{
    (void)state;
    for (unsigned c = 1; c < 256; c++) {
        const char alone[] = {'x', (char)c, 0};
        SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(1000);
        struct su_json json = {.out = &out};
        su_json_open(&json, NULL, '{');
        su_json_text(&json, alone, alone); /* keys come from data as well */
        su_json_close(&json, '}');
        assert_true(su_utf8_is_valid(out.bytes, out.length));
        for (size_t i = 0; i < out.length; i++)
            assert_true((unsigned char)out.bytes[i] >= 0x20 && out.bytes[i] != 0x7f);
    }
}

/* A failure in the middle still leaves one well-formed document. */
static void test_closing_what_is_open(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(1000);
    struct su_json json = {.out = &out};
    su_json_open(&json, NULL, '{');
    size_t depth = json.depth;
    su_json_open(&json, "list", '[');
    su_json_open(&json, NULL, '{');
    su_json_int(&json, "a", 1);
    su_json_close_to(&json, depth);
    su_json_text(&json, "error", "x");
    su_json_open(&json, "more", '[');
    su_json_open(&json, NULL, '[');
    su_json_close_to(&json, 0);
    assert_string_equal(out.bytes, "{\"list\":[{\"a\":1}],\"error\":\"x\",\"more\":[[]]}");
    su_json_close_to(&json, 0); /* nothing is open */
    SU_AUTO(su_buf) struct su_buf deep = SU_BUF_INIT(1000);
    struct su_json nested = {.out = &deep};
    for (int i = 0; i < 32; i++)
        su_json_open(&nested, NULL, i % 2 ? '{' : '[');
    su_json_close_to(&nested, 0);
    assert_string_equal(deep.bytes, "[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{}]}]}]}]}]}]}]}]}]}]}]}]}]}]}]}]");
    for (int i = 0; i < 40; i++) /* deeper than is remembered: no harm */
        su_json_open(&nested, NULL, '[');
    su_json_close_to(&nested, 0);
    su_json_close(&nested, ']');
    assert_int_equal(nested.depth, 0);
    assert_string_equal(out.bytes, "{\"list\":[{\"a\":1}],\"error\":\"x\",\"more\":[[]]}");
}

static void test_a_full_buffer_is_told(void **state)
{
    (void)state;
    SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(20);
    struct su_json json = {.out = &out};
    su_json_open(&json, NULL, '[');
    for (int i = 0; i < 10; i++)
        su_json_text(&json, NULL, "text");
    su_json_close(&json, ']');
    REFUSED(su_buf_check(&out, "json", &e), SU_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_structure),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_no_control_character_reaches_the_output),
        cmocka_unit_test(test_closing_what_is_open),
        cmocka_unit_test(test_a_full_buffer_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
