/* Receipts over the telephone: known answers made by another program, every spelling, every wrong character. */
#include "helpers.h"

#include "common/base/text.h"
#include "common/receipt/receipt_code.h"

#define SECRET "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

#define OTHER "10112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct su_receipt receipt(uint64_t sequence, uint64_t owed)
{
    struct su_receipt r = {.site = "ALPHA", .sequence = sequence, .content_owed = owed};
    memset(r.manifest, 0x11, sizeof r.manifest);
    memset(r.state, 0x22, sizeof r.state);
    return r;
}

static const struct { uint64_t sequence, owed; const char *code; } known[] = {
    {12, 0, "000C-01CQ-0FRC-WXZD-EB03"},
    {999999, 255, "YGHZ-ZYA4-DMKW-PRW8-4VED"},
    {1, 300, "0001-ZWP0-0156-CR6X-73TA"},
    {12, 1, "000C-0647-CW9T-8Y6Z-20D3"},
};

static void test_known_codes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct su_receipt r = receipt(known[i].sequence, known[i].owed);
        struct su_spoken code, read;
        char text[SU_SPOKEN_TEXT];
        bool is_good = false;
        GOOD(su_spoken_make(&r, SECRET, &code, &e));
        su_spoken_format(&code, text);
        assert_string_equal(text, known[i].code);
        assert_true(su_spoken_parse(&read, text));
        assert_true(read.sequence == known[i].sequence && read.owed == (known[i].owed < 255 ? known[i].owed : 255));
        assert_memory_equal(read.mac, code.mac, sizeof code.mac);
        GOOD(su_spoken_is_of(&read, &r, SECRET, &is_good, &e));
        assert_true(is_good);
    }
}

static void test_spellings(void **state)
{
    (void)state;
    struct su_spoken a, b;
    assert_true(su_spoken_parse(&a, "0011-ABCD-EFGH-JKMN-PQRS"));
    assert_true(su_spoken_parse(&b, " oOiL abcd--efgh jkmnpqrs "));
    assert_true(a.sequence == b.sequence && a.owed == b.owed);
    assert_memory_equal(a.mac, b.mac, sizeof a.mac);
    static const char *const bad[] = {"", "0011-ABCD-EFGH-JKMN-PQR", "0011-ABCD-EFGH-JKMN-PQRST", "0011-ABCD-EFGH-JKMN-PQRU", "0011-ABCD-EFGH-JKMN-PQR!",
                                      "0011.ABCD.EFGH.JKMN.PQRS", "0011-ABCD-EFGH-JKMN-PQR\xc3\xa9"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (su_spoken_parse(&a, bad[i]))
            fail_msg("taken: %s", bad[i]);
}

/* One character misheard is noticed, wherever it stands; so are another fact and another secret. */
static void test_nothing_else_fits(void **state)
{
    (void)state;
    static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    struct su_receipt r = receipt(12, 0);
    struct su_spoken code;
    bool is_good;
    for (size_t at = 0; at < 24; at++)
        for (size_t k = 0; k < 32 && known[0].code[at] != '-'; k++) {
            char text[SU_SPOKEN_TEXT];
            memcpy(text, known[0].code, sizeof text);
            if (text[at] == alphabet[k])
                continue;
            text[at] = alphabet[k];
            assert_true(su_spoken_parse(&code, text));
            GOOD(su_spoken_is_of(&code, &r, SECRET, &is_good, &e));
            if (is_good)
                fail_msg("taken: %s", text);
        }
    assert_true(su_spoken_parse(&code, known[0].code));
    for (int fact = 0; fact < 5; fact++) {
        struct su_receipt other = receipt(12, 0);
        if (fact == 0)
            other.site[0] = 'B';
        else if (fact == 1)
            other.manifest[31] ^= 1;
        else if (fact == 2)
            other.state[0] ^= 1;
        else if (fact == 3)
            other.content_owed = 1;
        GOOD(su_spoken_is_of(&code, &other, fact == 4 ? OTHER : SECRET, &is_good, &e));
        assert_false(is_good);
    }
}

static void test_bad_secret(void **state)
{
    (void)state;
    struct su_receipt r = receipt(12, 0);
    struct su_spoken code;
    REFUSED(su_spoken_make(&r, "00", &code, &e), SU_KEY);
    REFUSED(su_spoken_make(&r, "", &code, &e), SU_KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_codes),
        cmocka_unit_test(test_spellings),
        cmocka_unit_test(test_nothing_else_fits),
        cmocka_unit_test(test_bad_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
