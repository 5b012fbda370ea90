/*
 * What people type, read out and copy. Byte 0: a site's receipt, and the code that stands for one on the
 * telephone; small values, text made safe for a terminal, JSON, UTF-16, rules of a calendar; addresses: what
 * is asked is what was checked, and what is shown gives nothing away.
 */
#include "tests/fuzz/fuzz.h"

#include "common/base/json.h"
#include "common/hub/recurrence.h"
#include "common/lib/http_url.h"
#include "common/receipt/receipt_code.h"

/* Written by the grammar of bundle-format.md, not by the program: what was accepted must be just that. */
static void check_accepted(const struct su_receipt *r, const char *text, const uint8_t *signature,
                           size_t signed_bytes)
{
    SU_AUTO(su_buf) struct su_buf own = SU_BUF_INIT(SU_MIB);
    char base64[89], urgent[32] = "";
    if (r->urgent)
        (void)snprintf(urgent, sizeof urgent, "urgent %llu\n", (unsigned long long)r->urgent);
    su_buf_addf(&own, "SU-RECEIPT 1\nsite %s\nsequence %llu\nmanifest ", r->site,
                (unsigned long long)r->sequence);
    su_buf_addhex(&own, r->manifest, SU_SHA256_BYTES);
    su_buf_adds(&own, "\nstate ");
    su_buf_addhex(&own, r->state, SU_SHA256_BYTES);
    su_buf_addf(&own, "\ncontent-owed %llu\nentry %llu\n%sledger ", (unsigned long long)r->content_owed,
                (unsigned long long)r->entry, urgent);
    su_buf_addhex(&own, r->ledger, SU_SHA256_BYTES);
    su_buf_adds(&own, "\n");
    HOLDS(own.length == signed_bytes);
    su_base64_format(signature, SU_SIGNATURE_BYTES, base64);
    su_buf_addf(&own, "signature %s\n", base64);
    HOLDS(!own.is_over && strcmp(own.bytes, text) == 0 && su_site_code_is_valid(r->site));
}

static void check_code(const char *text, const struct su_receipt *about)
{
    static const char secret[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    struct su_spoken code, again, right;
    char form[SU_SPOKEN_TEXT];
    struct su_err err = SU_ERR_INIT;
    bool is_of;
    HOLDS(su_spoken_make(about, secret, &right, &err) == 0);
    su_spoken_format(&right, form);
    HOLDS(su_spoken_parse(&again, form) && su_spoken_is_of(&again, about, secret, &is_of, &err) == 0 &&
          is_of == (about->sequence < 1u << 20));
    if (!su_spoken_parse(&code, text))
        return;
    HOLDS(code.sequence < 1u << 20 && code.owed < 256);
    su_spoken_format(&code, form);
    HOLDS(su_spoken_parse(&again, form) && again.sequence == code.sequence && again.owed == code.owed &&
          memcmp(again.mac, code.mac, sizeof code.mac) == 0);
    HOLDS(su_spoken_is_of(&code, about, secret, &is_of, &err) == 0);
    HOLDS(is_of == (code.sequence == right.sequence && code.owed == right.owed &&
                    memcmp(code.mac, right.mac, sizeof code.mac) == 0));
}

static void fuzz_receipt(struct input in)
{
    char *text = copy_of(in.at, in.left, true);
    struct su_receipt r = {.site = "ALPHA"};
    struct su_err err = SU_ERR_INIT;
    uint8_t signature[SU_SIGNATURE_BYTES];
    size_t signed_bytes;
    if (su_receipt_parse(&r, text, signature, &signed_bytes, &err) == 0)
        check_accepted(&r, text, signature, signed_bytes);
    else {
        check_refusal(&err);
        r = (struct su_receipt){.site = "ALPHA", .sequence = 7};
    }
    check_code(text, &r);
    free(text);
}

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

static void fuzz_text(struct input in)
{
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
}

static void fuzz_url(struct input in)
{
    char *url = copy_of(in.at, in.left, true), shown[SU_URL_SHOWN];
    struct su_err err = SU_ERR_INIT;
    static struct su_url parts, again;
    su_url_shown(url, shown);
    HOLDS(memchr(shown, 0, sizeof shown));
    for (const char *at = shown; *at; at++)
        HOLDS((unsigned char)*at >= ' ' && *at != 127);
    if (su_url_check(url, &err) < 0) {
        check_refusal(&err);
        HOLDS(!su_url_normal(url, &err));
    } else {
        char *normal = su_url_normal(url, &err), *twice = normal ? su_url_normal(normal, &err) : NULL;
        HOLDS(normal && twice && strcmp(normal, twice) == 0);
        for (const char *at = normal; *at && *at != '#'; at++) /* what follows is not asked */
            HOLDS((unsigned char)*at > ' ' && *at != 127);
        HOLDS(su_utf8_is_valid(normal, strlen(normal)) && su_utf8_is_valid(shown, strlen(shown)));
        HOLDS(!strchr(shown, '@') || !strstr(shown, "://") || strchr(strstr(shown, "://") + 3, '/'));
        int result = su_url_split(url, &parts, &err);
        HOLDS(result == su_url_split(normal, &again, &err));
        HOLDS(result < 0 || (parts.path[0] == '/' && parts.port == again.port && parts.port <= 65535 &&
                             strcmp(parts.host, again.host) == 0 && strcmp(parts.path, again.path) == 0));
        free(normal);
        free(twice);
    }
    free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fuzz_part *const parts[] = {fuzz_receipt, fuzz_text, fuzz_url};
    return run_part(data, size, parts, sizeof parts / sizeof *parts);
}
