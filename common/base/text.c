#include "common/base/text.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

static const char HEX[] = "0123456789abcdef";
static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20); /* capitals: one test less of what cannot be foreseen */
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void su_hex_format(const uint8_t *bytes, size_t count, char *out)
{
    for (size_t i = 0; i < count; i++) {
        *out++ = HEX[bytes[i] >> 4];
        *out++ = HEX[bytes[i] & 15];
    }
    *out = 0;
}

bool su_hex_parse(uint8_t *out, size_t count, const char *text, size_t length, bool lower_only)
{
    if (length != 2 * count)
        return false;
    for (size_t i = 0; i < length; i++) {
        int v = hex_value(text[i]);
        if (v < 0 || (lower_only && text[i] >= 'A' && text[i] <= 'F'))
            return false;
        out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] | v : v << 4);
    }
    return true;
}

bool su_guid_parse(struct su_guid *out, const char *text, size_t length)
{
    if (length != 36)
        return false;
    for (size_t i = 0, at = 0; i < 16; i++, at += 2) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && text[at++] != '-')
            return false;
        int high = hex_value(text[at]), low = hex_value(text[at + 1]);
        if (high < 0 || low < 0)
            return false;
        out->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

const char *su_guid_format(const struct su_guid *guid, char out[SU_GUID_TEXT])
{
    char *p = out;
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = HEX[guid->bytes[i] >> 4];
        *p++ = HEX[guid->bytes[i] & 15];
    }
    *p = 0;
    return out;
}

bool su_base64_parse(uint8_t *out, size_t count, const char *text, size_t length)
{
    if (length != 4 * ((count + 2) / 3))
        return false;
    size_t made = 0;
    uint32_t bits = 0;
    unsigned have = 0;
    size_t digits = (count * 8 + 5) / 6;
    for (size_t i = 0; i < length; i++) {
        if (i >= digits) {
            if (text[i] != '=')
                return false;
            continue;
        }
        const char *at = text[i] ? strchr(BASE64, text[i]) : NULL;
        if (!at)
            return false;
        bits = (bits << 6) | (uint32_t)(at - BASE64);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[made++] = (uint8_t)(bits >> have);
        }
    }
    return made == count && (bits & ((1u << have) - 1)) == 0;
}

/* 0 to 63; 64: a blank; 65: padding; 66: nothing that may stand there. */
static unsigned base64_value(char c)
{
    static const uint8_t values[128] = {
        66, 66, 66, 66, 66, 66, 66, 66, 66, 64, 64, 66, 66, 64, 66, 66, 66, 66, 66, 66, 66, 66,
        66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 64, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 62,
        66, 66, 66, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 66, 66, 66, 65, 66, 66, 66, 0,
        1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
        23, 24, 25, 66, 66, 66, 66, 66, 66, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38,
        39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 66, 66, 66, 66, 66};
    return (unsigned char)c < 128 ? values[(unsigned char)c] : 66;
}

bool su_base64_decode(uint8_t *out, size_t *count, const char *text, size_t length)
{
    uint8_t *at = out;
    uint32_t bits = 0;
    unsigned digits = 0, padding = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned v = base64_value(text[i]);
        if (v == 64)
            continue;
        if (v > 65 || (v < 64 && padding > 0) || (v == 65 && (++padding > 2 || digits < 2)))
            return false;
        bits = bits << 6 | (v == 65 ? 0 : v);
        if (++digits < 4)
            continue;
        *at++ = (uint8_t)(bits >> 16);
        if (padding < 2)
            *at++ = (uint8_t)(bits >> 8);
        if (padding < 1)
            *at++ = (uint8_t)bits;
        if ((padding == 2 && (bits & 0xffff)) || (padding == 1 && (bits & 0xff)))
            return false; /* bits that say nothing must be 0: one text for one value */
        digits = 0;
        bits = 0;
    }
    *count = (size_t)(at - out);
    return digits == 0;
}

void su_base64_format(const uint8_t *bytes, size_t count, char *out)
{
    for (size_t i = 0; i < count; i += 3) {
        uint32_t v = (uint32_t)bytes[i] << 16;
        if (i + 1 < count)
            v |= (uint32_t)bytes[i + 1] << 8;
        if (i + 2 < count)
            v |= bytes[i + 2];
        *out++ = BASE64[v >> 18];
        *out++ = BASE64[(v >> 12) & 63];
        *out++ = (char)(i + 1 < count ? BASE64[(v >> 6) & 63] : '=');
        *out++ = (char)(i + 2 < count ? BASE64[v & 63] : '=');
    }
    *out = 0;
}

bool su_u64_parse(uint64_t *out, const char *text, size_t length, uint64_t max)
{
    uint64_t v = 0;
    if (length == 0 || length > 20 || (length > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    if (v > max)
        return false;
    *out = v;
    return true;
}

size_t su_utf8_decode(const char *text, size_t left, uint32_t *out)
{
    const unsigned char *s = (const unsigned char *)text;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
    if (n == 0 || n > left)
        return 0;
    uint32_t c = n == 1 ? s[0] : s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (s[i] >> 6 != 2)
            return 0;
        c = (c << 6) | (s[i] & 63);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *out = c;
    return n;
}

/* Eight bytes of ASCII without a NUL: no high bit, and taking 1 from each byte borrows nowhere. */
static bool is_plain(const char *text)
{
    uint64_t eight;
    memcpy(&eight, text, sizeof eight);
    return ((eight | (eight - 0x0101010101010101u)) & 0x8080808080808080u) == 0;
}

/* Four characters of ASCII at once, which is what update documents are made of. */
static size_t ascii_of_utf16(char *out, const uint8_t *bytes, size_t length)
{
    size_t at = 0;
    for (; at + 8 <= length; at += 8) {
        uint64_t v;
        memcpy(&v, bytes + at, sizeof v);
        v = le64toh(v);
        if ((v & 0xff80ff80ff80ff80u) || ((v - 0x0001000100010001u) & 0x8000800080008000u))
            break; /* beyond ASCII, or NUL */
        *out++ = (char)v;
        *out++ = (char)(v >> 16);
        *out++ = (char)(v >> 32);
        *out++ = (char)(v >> 48);
    }
    return at;
}

size_t su_utf16le_to_utf8(char *out, const uint8_t *bytes, size_t length, size_t *used)
{
    char *to = out;
    size_t at = 0;
    for (;;) {
        size_t ascii = ascii_of_utf16(to, bytes + at, length - at);
        to += ascii / 2;
        at += ascii;
        if (length - at < 2)
            break;
        uint32_t c = (uint32_t)bytes[at] | (uint32_t)bytes[at + 1] << 8;
        size_t n = 2;
        if (c >= 0xd800 && c < 0xdc00) {
            if (length - at < 4)
                break;
            uint32_t low = (uint32_t)bytes[at + 2] | (uint32_t)bytes[at + 3] << 8;
            if (low < 0xdc00 || low > 0xdfff)
                return SIZE_MAX;
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            n = 4;
        } else if (c == 0 || (c >= 0xdc00 && c < 0xe000)) {
            return SIZE_MAX;
        }
        at += n;
        if (c < 0x80) {
            *to++ = (char)c;
        } else if (c < 0x800) {
            *to++ = (char)(0xc0 | c >> 6);
            *to++ = (char)(0x80 | (c & 63));
        } else {
            if (c < 0x10000) {
                *to++ = (char)(0xe0 | c >> 12);
            } else {
                *to++ = (char)(0xf0 | c >> 18);
                *to++ = (char)(0x80 | (c >> 12 & 63));
            }
            *to++ = (char)(0x80 | (c >> 6 & 63));
            *to++ = (char)(0x80 | (c & 63));
        }
    }
    *used = at;
    return (size_t)(to - out);
}

size_t su_utf8_span(const char *text, size_t length, size_t units, size_t *used)
{
    size_t at = 0, left = units;
    while (at < length && left > 0) {
        if (length - at >= 8 && left >= 8 && is_plain(text + at)) {
            at += 8;
            left -= 8;
            continue;
        }
        uint32_t c;
        size_t n = su_utf8_decode(text + at, length - at, &c);
        size_t takes = n == 4 ? 2 : 1;
        if (n == 0 || c == 0 || takes > left)
            break;
        at += n;
        left -= takes;
    }
    *used = units - left;
    return at;
}

bool su_utf8_is_valid(const char *text, size_t length)
{
    size_t used;
    return su_utf8_span(text, length, length, &used) == length; /* no character has more units than bytes */
}

bool su_is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void su_escape_into(char *out, size_t room, const char *text)
{
    size_t left = strlen(text), used = 0;
    const char *s = text;
    while (left > 0) {
        char piece[16];
        uint32_t c = 0;
        size_t n = su_utf8_decode(s, left, &c), width;
        if (n == 0) {
            n = 1;
            width = (size_t)snprintf(piece, sizeof piece, "\\x%02x", (unsigned char)s[0]);
        } else if (c == '\n' || c == '\t') {
            piece[0] = ' '; /* a message is one line */
            width = 1;
        } else if (su_is_control(c)) {
            width = (size_t)snprintf(piece, sizeof piece, c < 0x100 ? "\\x%02x" : "\\u{%x}", c);
        } else {
            memcpy(piece, s, n);
            width = n;
        }
        if (used + width + 1 > room)
            break;
        memcpy(out + used, piece, width);
        used += width;
        s += n;
        left -= n;
    }
    if (room > 0)
        out[used] = 0;
}

static bool all_in(const char *text, size_t max, const char *set)
{
    size_t n = strlen(text);
    return n >= 1 && n <= max && strspn(text, set) == n;
}

bool su_name_is_valid(const char *name)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return all_in(name, 64, set) && name[0] != '.' && name[0] != '-';
}

bool su_site_code_is_valid(const char *code)
{
    return all_in(code, 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") && code[0] != '-' &&
           code[strlen(code) - 1] != '-';
}
