/* Small values, text made safe for a terminal, JSON, UTF-16, rules of a calendar. */
#include "tests/fuzz/fuzz.h"

#include "common/base/json.h"
#include "common/hub/recurrence.h"

static void check_escape(const char *text, size_t room)
{
    char *out = malloc(room);
    uint32_t character;
    HOLDS(out);
    su_escape_into(out, room, text);
    size_t left = strlen(out), n;
    HOLDS(left < room);
    for (const char *at = out; left > 0; at += n, left -= n) {
        n = su_utf8_decode(at, left, &character);
        HOLDS(n > 0 && !su_is_control(character));
    }
    free(out);
}

/* Inside the quotes nothing but escapes and well-formed characters. */
static void check_json(const char *text)
{
    SU_AUTO(su_buf) struct su_buf out = SU_BUF_INIT(SU_MIB);
    struct su_json json = {.out = &out};
    struct su_err err = SU_ERR_INIT;
    su_json_open(&json, NULL, '{');
    su_json_text(&json, text, text);
    su_json_close(&json, '}');
    HOLDS(su_buf_check(&out, "json", &err) == 0 && su_utf8_is_valid(out.bytes, out.length));
    unsigned quotes = 0;
    for (size_t i = 0; i < out.length; i++) {
        HOLDS((unsigned char)out.bytes[i] >= ' ' || out.bytes[i] == '\n');
        if (out.bytes[i] == '\\')
            HOLDS(quotes % 2 == 1 && strchr("\"\\/bfnrtu", out.bytes[++i]));
        else
            quotes += out.bytes[i] == '"';
    }
    HOLDS(quotes == 4);
}

static void check_values(const char *text, size_t length)
{
    struct su_guid guid, again;
    char form[SU_GUID_TEXT], number[24];
    uint64_t value;
    uint8_t *bytes = malloc(length / 4 * 3 + 3);
    size_t count;
    HOLDS(bytes);
    if (su_guid_parse(&guid, text, length))
        HOLDS(su_guid_parse(&again, su_guid_format(&guid, form), 36) &&
              memcmp(&guid, &again, sizeof guid) == 0);
    if (su_u64_parse(&value, text, length, UINT64_MAX)) {
        (void)snprintf(number, sizeof number, "%llu", (unsigned long long)value);
        HOLDS(strlen(number) == length && memcmp(number, text, length) == 0);
    }
    if (su_base64_decode(bytes, &count, text, length)) {
        char *back = malloc(count / 3 * 4 + 8);
        uint8_t *exact = malloc(count + 1);
        HOLDS(back && exact && count <= length / 4 * 3 + 2);
        su_base64_format(bytes, count, back);
        HOLDS(su_base64_parse(exact, count, back, strlen(back)) && memcmp(exact, bytes, count) == 0);
        if (count > 0 && su_base64_parse(exact, count, text, length)) /* strict: one form */
            HOLDS(strlen(back) == length && memcmp(back, text, length) == 0);
        free(back);
        free(exact);
    }
    free(bytes);
}

static void check_unicode(const char *text, size_t length, unsigned units)
{
    size_t used = 0, span = su_utf8_span(text, length, units, &used);
    HOLDS(span <= length && used <= units && su_utf8_is_valid(text, span));
    char *out = malloc(length / 2 * 3 + 1);
    HOLDS(out);
    size_t made = su_utf16le_to_utf8(out, (const uint8_t *)text, length, &used);
    if (made != SIZE_MAX)
        HOLDS(used <= length && length - used < 4 && su_utf8_is_valid(out, made));
    free(out);
}

static void check_rule(const char *text)
{
    struct su_recurrence r = {.zone = "Europe/Berlin", .start = 1790000040}, again = r;
    SU_AUTO(su_buf) struct su_buf form = SU_BUF_INIT(1024), second = SU_BUF_INIT(1024);
    struct su_err err = SU_ERR_INIT;
    int64_t at = r.start, next;
    if (su_recurrence_parse(&r, text, &err) < 0) {
        check_refusal(&err);
        return;
    }
    su_recurrence_format(&r, &form);
    HOLDS(su_recurrence_parse(&again, form.bytes, &err) == 0);
    su_recurrence_format(&again, &second);
    HOLDS(form.length == second.length && memcmp(form.bytes, second.bytes, form.length) == 0);
    for (int i = 0; i < 3 && su_recurrence_next(&r, at, &next); i++, at = next)
        HOLDS(next > at && next % 60 == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    unsigned number = take_byte(&in);
    char *exact = copy_of(in.at, in.left, false), *text = copy_of(in.at, in.left, true);
    check_escape(text, 1 + number);
    check_json(text);
    check_values(exact, in.left);
    check_unicode(exact, in.left, number);
    check_rule(text);
    (void)su_name_is_valid(text);
    free(exact);
    free(text);
    return 0;
}
