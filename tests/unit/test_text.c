/* Small values to and from text: what is not exactly the form is refused. */
#include "helpers.h"

static void test_guid_takes_either_case_and_prints_lower(void **state)
{
    (void)state;
    static const uint8_t bytes[16] = {0x64, 0x07, 0x46, 0x8e, 0xed, 0xc7, 0x4e, 0xcd,
                                      0x8c, 0x32, 0x52, 0x1f, 0x64, 0xce, 0xe6, 0x5e};
    struct su_guid guid;
    char text[SU_GUID_TEXT];
    assert_true(su_guid_parse(&guid, "6407468E-edc7-4ECD-8c32-521f64CEE65e", 36));
    assert_memory_equal(guid.bytes, bytes, 16);
    assert_string_equal(su_guid_format(&guid, text), "6407468e-edc7-4ecd-8c32-521f64cee65e");
    assert_true(su_guid_parse(&guid, "ffffffff-ffff-ffff-ffff-ffffffffffff and more", 36));
    assert_string_equal(su_guid_format(&guid, text), "ffffffff-ffff-ffff-ffff-ffffffffffff");
}

static void test_guid_refuses_what_is_not_the_form(void **state)
{
    (void)state;
    static const char good[] = "6407468e-edc7-4ecd-8c32-521f64cee65e";
    static const char *const bad[] = {"", "{6407468e-edc7-4ecd-8c32-521f64cee65e}", "6407468eedc74ecd8c32521f64cee65e",
                                      " 6407468e-edc7-4ecd-8c32-521f64cee65", "6407468e-edc7-4ecd-8c32-521f64cee65",
                                      "6407468e-edc7-4ecd-8c32-521f64cee65e0", "6407468-eedc7-4ecd-8c32-521f64cee65e"};
    struct su_guid guid;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(su_guid_parse(&guid, bad[i], strlen(bad[i])));
    /* Each of the 36 characters counts. */
    static const char wrong[] = {'g', 'G', '/', ':', '@', '`', ' ', 0, '-', '0'};
    for (size_t i = 0; i < 36; i++)
        for (size_t k = 0; k < sizeof wrong; k++) {
            char text[37];
            bool dash_here = good[i] == '-';
            memcpy(text, good, sizeof text);
            text[i] = wrong[k];
            bool is_good = dash_here ? wrong[k] == '-' : wrong[k] == '0';
            assert_int_equal(su_guid_parse(&guid, text, 36), is_good);
        }
}

static void test_hex(void **state)
{
    (void)state;
    uint8_t bytes[4] = {0};
    char text[9];
    su_hex_format((const uint8_t[]){0x00, 0x9f, 0xa0, 0xff}, 4, text);
    assert_string_equal(text, "009fa0ff");
    assert_true(su_hex_parse(bytes, 4, "0AfF9e10", 8, false));
    assert_memory_equal(bytes, "\x0a\xff\x9e\x10", 4);
    assert_true(su_hex_parse(bytes, 4, "0aff9e10", 8, true));
    assert_false(su_hex_parse(bytes, 4, "0Aff9e10", 8, true));
    assert_false(su_hex_parse(bytes, 4, "0aff9e1", 7, false));
    assert_false(su_hex_parse(bytes, 4, "0aff9e100", 9, false));
    assert_true(su_hex_parse(bytes, 0, "", 0, true));
    for (unsigned c = 0; c < 256; c++) { /* every byte as a digit */
        char two[2] = {'0', (char)c};
        bool lower = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'), upper = c >= 'A' && c <= 'F';
        assert_int_equal(su_hex_parse(bytes, 1, two, 2, true), lower);
        assert_int_equal(su_hex_parse(bytes, 1, two, 2, false), lower || upper);
    }
}

/* Bytes (37*i+11) mod 256 of each length, encoded by another program. */
static const char *const base64[] = {
    "",
    "Cw==",
    "CzA=",
    "CzBV",
    "CzBVeg==",
    "CzBVep8=",
    "CzBVep/E",
    "CzBVep/E6Q==",
    "CzBVep/E6Q4=",
    "CzBVep/E6Q4z",
    "CzBVep/E6Q4zWA==",
    "CzBVep/E6Q4zWH0=",
    "CzBVep/E6Q4zWH2i",
    "CzBVep/E6Q4zWH2ixw==",
    "CzBVep/E6Q4zWH2ix+w=",
    "CzBVep/E6Q4zWH2ix+wR",
    "CzBVep/E6Q4zWH2ix+wRNg==",
    "CzBVep/E6Q4zWH2ix+wRNls=",
    "CzBVep/E6Q4zWH2ix+wRNluA",
    "CzBVep/E6Q4zWH2ix+wRNluApQ==",
    "CzBVep/E6Q4zWH2ix+wRNluApco=",
    "CzBVep/E6Q4zWH2ix+wRNluApcrv",
    "CzBVep/E6Q4zWH2ix+wRNluApcrvFA==",
    "CzBVep/E6Q4zWH2ix+wRNluApcrvFDk=",
    "CzBVep/E6Q4zWH2ix+wRNluApcrvFDle",
    "CzBVep/E6Q4zWH2ix+wRNluApcrvFDlegw==",
    "CzBVep/E6Q4zWH2ix+wRNluApcrvFDleg6g=",
    "CzBVep/E6Q4zWH2ix+wRNluApcrvFDleg6jN",
    "CzBVep/E6Q4zWH2ix+wRNluApcrvFDleg6jN8g==",
    "CzBVep/E6Q4zWH2ix+wRNluApcrvFDleg6jN8hc=",
    "CzBVep/E6Q4zWH2ix+wRNluApcrvFDleg6jN8hc8",
    "CzBVep/E6Q4zWH2ix+wRNluApcrvFDleg6jN8hc8YQ==",
    "CzBVep/E6Q4zWH2ix+wRNluApcrvFDleg6jN8hc8YYY=",
    "CzBVep/E6Q4zWH2ix+wRNluApcrvFDleg6jN8hc8YYar",
    "CzBVep/E6Q4zWH2ix+wRNluApcrvFDleg6jN8hc8YYar0A==",
    "CzBVep/E6Q4zWH2ix+wRNluApcrvFDleg6jN8hc8YYar0PU=",
};
#define BASE64_COUNT (sizeof base64 / sizeof *base64)

static void test_base64_of_every_length(void **state)
{
    (void)state;
    uint8_t bytes[BASE64_COUNT], back[BASE64_COUNT + 1];
    char text[64];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(37 * i + 11);
    for (size_t n = 0; n < BASE64_COUNT; n++) {
        size_t length = strlen(base64[n]);
        su_base64_format(bytes, n, text);
        assert_string_equal(text, base64[n]);
        memset(back, 0xee, sizeof back);
        assert_true(su_base64_parse(back, n, base64[n], length));
        assert_memory_equal(back, bytes, n);
        assert_int_equal(back[n], 0xee); /* nothing behind it is touched */
        for (size_t other = 0; other < BASE64_COUNT; other++)
            if (other != n)
                assert_false(su_base64_parse(back, other, base64[n], length));
        assert_false(su_base64_parse(back, n, base64[n], length + 1));
        if (length > 0)
            assert_false(su_base64_parse(back, n, base64[n], length - 1));
    }
}

static void test_base64_refuses_bits_that_are_lost(void **state)
{
    (void)state;
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t out[3];
    for (unsigned v = 0; v < 64; v++) {
        char one[5] = {'A', alphabet[v], '=', '=', 0}, two[5] = {'A', 'A', alphabet[v], '=', 0};
        assert_int_equal(su_base64_parse(out, 1, one, 4), (v & 15) == 0);
        if ((v & 15) == 0)
            assert_int_equal(out[0], v >> 4);
        assert_int_equal(su_base64_parse(out, 2, two, 4), (v & 3) == 0);
        if ((v & 3) == 0)
            assert_int_equal(out[1], v >> 2);
    }
    static const char *const bad[] = {"A===", "====", "=AAA", "AA=A", "AA A", "AA-A", "AA_A", "AA\nA", "AA.A"};
    for (size_t count = 1; count <= 3; count++)
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
            assert_false(su_base64_parse(out, count, bad[i], 4));
    assert_false(su_base64_parse(out, 3, "AA\0A", 4));
    for (unsigned c = 128; c < 256; c++) {
        char text[4] = {'A', 'A', (char)c, 'A'};
        assert_false(su_base64_parse(out, 3, text, 4));
    }
}

static void test_u64(void **state)
{
    (void)state;
    static const struct { const char *text; uint64_t max; bool is_good; uint64_t value; } cases[] = {
        {"0", 0, true, 0}, {"1", 0, false, 0}, {"7", 7, true, 7}, {"8", 7, false, 0},
        {"4294967295", UINT32_MAX, true, UINT32_MAX}, {"4294967296", UINT32_MAX, false, 0},
        {"9223372036854775807", INT64_MAX, true, INT64_MAX}, {"9223372036854775808", INT64_MAX, false, 0},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX}, {"18446744073709551616", UINT64_MAX, false, 0},
        {"18446744073709551620", UINT64_MAX, false, 0}, {"99999999999999999999", UINT64_MAX, false, 0},
        {"100000000000000000000", UINT64_MAX, false, 0}, {"", 9, false, 0}, {"00", 9, false, 0}, {"01", 9, false, 0},
        {"+1", 9, false, 0}, {"-1", 9, false, 0}, {" 1", 9, false, 0}, {"1 ", 9, false, 0}, {"0x1", 9, false, 0},
        {"1e1", 99, false, 0}, {"1,0", 99, false, 0}, {"\xd9\xa1", 9, false, 0}, /* an Arabic digit */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t value = 12345;
        assert_int_equal(su_u64_parse(&value, cases[i].text, strlen(cases[i].text), cases[i].max), cases[i].is_good);
        assert_true(value == (cases[i].is_good ? cases[i].value : 12345)); /* a refusal leaves the value alone */
    }
    uint64_t value;
    assert_true(su_u64_parse(&value, "1234567", 3, 999));
    assert_true(value == 123);
    assert_false(su_u64_parse(&value, "1\0002", 3, 999));
}

static void test_escape_shows_what_a_terminal_would_obey(void **state)
{
    (void)state;
    static const struct { const char *in, *out; } cases[] = {
        {"", ""}, {"plain ASCII ~", "plain ASCII ~"},
        {"Gr\xc3\xb6\xc3\x9f" "e \xe2\x82\xac \xf0\x9f\x98\x80", "Gr\xc3\xb6\xc3\x9f" "e \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"}, {"bell\a back\b", "bell\\x07 back\\x08"},
        {"one\r\ntwo\tthree", "one\\x0d two three"}, {"\x7f", "\\x7f"},
        {"\xc2\x9b" "31m", "\\x9b31m"}, /* CSI as one C1 character */
        {"\xc2\x80\xc2\x9f\xc2\xa0", "\\x80\\x9f\xc2\xa0"},
        {"\xe2\x80\xae" "exe.txt", "\\u{202e}exe.txt"}, {"\xe2\x81\xa6x\xe2\x81\xa9", "\\u{2066}x\\u{2069}"},
        {"\xe2\x80\xaa\xe2\x80\xab\xe2\x80\xac\xe2\x80\xad", "\\u{202a}\\u{202b}\\u{202c}\\u{202d}"},
        {"\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c", "\\u{200e}\\u{200f}\\u{61c}"},
        {"\xe2\x80\xa8\xe2\x80\xa9", "\\u{2028}\\u{2029}"}, {"\xef\xbb\xbf", "\\u{feff}"},
        {"\xff\xfe", "\\xff\\xfe"}, {"a\xc3", "a\\xc3"}, {"\xc3" "a", "\\xc3" "a"},
        {"\xe2\x82", "\\xe2\\x82"}, {"\xc0\x9b[1m", "\\xc0\\x9b[1m"}, /* ESC's overlong cousin */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[128];
        su_escape_into(out, sizeof out, cases[i].in);
        assert_string_equal(out, cases[i].out);
    }
}

static void test_escape_cuts_at_a_character(void **state)
{
    (void)state;
    /* Pieces of the output: a cut may fall between two of them, never inside one. */
    static const char in[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x1b\xe2\x80\xae" "z";
    static const char out[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\\x1b\\u{202e}z";
    static const size_t ends[] = {0, 1, 3, 6, 10, 14, 22, 23};
    for (size_t room = 1; room <= sizeof out + 3; room++) {
        char text[64];
        memset(text, '#', sizeof text);
        su_escape_into(text, room, in);
        size_t expected = 0;
        for (size_t k = 0; k < sizeof ends / sizeof *ends; k++)
            if (ends[k] + 1 <= room)
                expected = ends[k];
        assert_int_equal(strlen(text), expected);
        assert_memory_equal(text, out, expected);
        for (size_t k = room; k < sizeof text; k++)
            assert_int_equal(text[k], '#');
    }
    char untouched = '#';
    su_escape_into(&untouched, 0, in);
    assert_int_equal(untouched, '#');
}

static void test_names(void **state)
{
    (void)state;
    char name[66];
    memset(name, 'n', sizeof name);
    name[64] = 0;
    assert_true(su_name_is_valid(name));
    name[64] = 'n', name[65] = 0;
    assert_false(su_name_is_valid(name));
    static const char *const good[] = {"a", "Hub-1", "h.2_x", "_", "9", "a..b"};
    static const char *const bad[] = {"", ".", "..", ".hidden", "-option", "a b", "a/b", "a\\b", "a\n", "\xc3\xa9", "a:b", "a*"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(su_name_is_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(su_name_is_valid(bad[i]));
}

static void test_site_codes(void **state)
{
    (void)state;
    static const char *const good[] = {"A", "ALPHA", "1", "A-B", "A--1", "ABCDEFGHIJKLMNOP"};
    static const char *const bad[] = {"", "ABCDEFGHIJKLMNOPQ", "alpha", "A_B", "-A", "A-", "-", "A B", "A.", "\xc3\x84", "A\n", "../A"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(su_site_code_is_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(su_site_code_is_valid(bad[i]));
}

/* The bit pattern of RFC 3629 with `n` bytes, whether or not it is the right one for `c`. */
static size_t encode(uint32_t c, size_t n, char out[4])
{
    static const unsigned lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    if (n == 1) {
        out[0] = (char)c;
        return 1;
    }
    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[n] | c);
    return n;
}

static void test_utf8_takes_exactly_the_characters(void **state)
{
    (void)state;
    char bytes[4];
    for (uint32_t c = 1; c < 0x200000; c++) {
        size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        bool is_character = c < 0xd800 || (c > 0xdfff && c < 0x110000);
        if (su_utf8_is_valid(bytes, encode(c, n, bytes)) != is_character)
            fail_msg("U+%04X", (unsigned)c);
        for (size_t longer = n + 1; longer <= 4 && c % 61 == 0; longer++)
            assert_false(su_utf8_is_valid(bytes, encode(c, longer, bytes)));
    }
    for (unsigned c = 0; c < 256; c++) { /* one byte alone; a lead or tail without company */
        bytes[0] = (char)c;
        assert_int_equal(su_utf8_is_valid(bytes, 1), c > 0 && c < 0x80);
    }
    assert_true(su_utf8_is_valid("", 0));
    assert_false(su_utf8_is_valid("a\0b", 3));
    assert_true(su_utf8_is_valid("\xe2\x82\xac", 3));
    assert_false(su_utf8_is_valid("\xe2\x82\xac", 2)); /* cut */
    assert_false(su_utf8_is_valid("\xe2\x82" "A", 3));
    assert_false(su_utf8_is_valid("\xfc\x80\x80\x80\x80\x80", 6));
}

/* The definition, character by character: what su_utf8_span does eight bytes at a time. */
static size_t slow_span(const char *text, size_t length, size_t units, size_t *used)
{
    size_t at = 0;
    *used = 0;
    while (at < length && *used < units) {
        uint32_t c;
        size_t n = su_utf8_decode(text + at, length - at, &c);
        if (n == 0 || c == 0 || *used + (c > 0xffff ? 2 : 1) > units)
            break;
        *used += c > 0xffff ? 2 : 1;
        at += n;
    }
    return at;
}

static uint32_t random_below(uint32_t bound)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % bound;
}

/* Mostly text of one script or another, now and then what must stop it: NUL, a surrogate, an overlong form,
 * a lead or tail alone, a character past the last. */
static size_t random_text(char *text, size_t room)
{
    static const char *const bad[] = {"\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80", "\x80", "\xff", "\xe2\x82", "\xf0\x9f\x98", "\xfc"};
    static const uint32_t from[] = {1, 0x80, 0x800, 0xe000, 0x10000}, past[] = {0x80, 0x800, 0xd800, 0x10000, 0x110000};
    size_t length = 0, script = random_below(5), clean = random_below(2);
    while (length + 4 <= room) {
        uint32_t roll = random_below(400);
        if (roll == 0 && !clean) {
            const char *piece = bad[random_below(12)];
            memcpy(text + length, piece, strlen(piece));
            length += strlen(piece);
        } else if (roll == 1 && !clean) {
            text[length++] = 0;
        } else {
            if (roll < 20)
                script = random_below(5);
            uint32_t c = from[script] + random_below(past[script] - from[script]);
            length += encode(c, c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, text + length);
        }
    }
    return length;
}

static void test_utf8_span_is_the_slow_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < 40000; i++) {
        char room[160];
        /* At the end of its own block, so that a checker of memory sees a byte read too many. */
        size_t length = i % 4 == 0 ? random_below(sizeof room) : random_text(room, 1 + random_below(sizeof room - 1));
        if (i % 4 == 0)
            for (size_t j = 0; j < length; j++)
                room[j] = (char)random_below(i % 8 == 0 ? 256 : 129);
        if (length > 0 && i % 3 == 0)
            length -= random_below((uint32_t)(length < 4 ? length : 4)); /* cut, perhaps inside a character */
        char *text = malloc(length + 1);
        assert_non_null(text);
        text = realloc(memcpy(text, room, length), length ? length : 1);
        for (size_t k = 0; k < 6; k++) {
            size_t units = k == 0 ? SIZE_MAX : random_below((uint32_t)length + 2), fast_used, slow_used;
            size_t fast = su_utf8_span(text, length, units, &fast_used);
            assert_int_equal(fast, slow_span(text, length, units, &slow_used));
            assert_int_equal(fast_used, slow_used);
            if (k == 0)
                assert_int_equal(su_utf8_is_valid(text, length), fast == length);
        }
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guid_takes_either_case_and_prints_lower),
        cmocka_unit_test(test_guid_refuses_what_is_not_the_form),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_base64_of_every_length),
        cmocka_unit_test(test_base64_refuses_bits_that_are_lost),
        cmocka_unit_test(test_u64),
        cmocka_unit_test(test_escape_shows_what_a_terminal_would_obey),
        cmocka_unit_test(test_escape_cuts_at_a_character),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_site_codes),
        cmocka_unit_test(test_utf8_takes_exactly_the_characters),
        cmocka_unit_test(test_utf8_span_is_the_slow_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
