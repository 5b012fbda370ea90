#include "common/receipt/receipt_code.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/lib/mac.h"

#define CHARACTERS 20
#define CODE_BYTES 13 /* 100 bits and four that are zero */
#define MOST_OWED 255
#define SECRET_LINE "\ncode-secret "

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void pack(const struct su_spoken *c, uint8_t out[CODE_BYTES])
{
    uint32_t head = (uint32_t)(c->sequence << 8 | c->owed) << 4; /* 28 bits, to the left */
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(head >> (24 - 8 * i));
    for (int i = 0; i < SU_SPOKEN_MAC_BYTES; i++) {
        out[3 + i] |= c->mac[i] >> 4;
        out[4 + i] = (uint8_t)(c->mac[i] << 4);
    }
}

static void unpack(struct su_spoken *c, const uint8_t in[CODE_BYTES])
{
    uint32_t head = (uint32_t)in[0] << 20 | (uint32_t)in[1] << 12 | (uint32_t)in[2] << 4 | in[3] >> 4;
    c->sequence = head >> 8;
    c->owed = head & 0xff;
    for (int i = 0; i < SU_SPOKEN_MAC_BYTES; i++)
        c->mac[i] = (uint8_t)(in[3 + i] << 4 | in[4 + i] >> 4);
}

void su_spoken_format(const struct su_spoken *code, char out[SU_SPOKEN_TEXT])
{
    uint8_t bytes[CODE_BYTES] = {0};
    size_t n = 0;
    pack(code, bytes);
    for (unsigned i = 0; i < CHARACTERS; i++) {
        unsigned bit = 5 * i, two = (unsigned)bytes[bit / 8] << 8;
        if (bit / 8 + 1 < CODE_BYTES)
            two |= bytes[bit / 8 + 1];
        if (i > 0 && i % 4 == 0)
            out[n++] = '-';
        out[n++] = alphabet[two >> (11 - bit % 8) & 31];
    }
    out[n] = 0;
}

static int value_of(char c)
{
    c = (char)toupper((unsigned char)c);
    c = (char)(c == 'I' || c == 'L' ? '1' : c == 'O' ? '0' : c);
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

bool su_spoken_parse(struct su_spoken *out, const char *text)
{
    uint8_t bytes[CODE_BYTES + 1] = {0};
    unsigned n = 0;
    for (; *text; text++) {
        if (*text == ' ' || *text == '-')
            continue;
        int value = value_of(*text);
        if (value < 0 || n == CHARACTERS)
            return false;
        unsigned bit = 5 * n++, two = (unsigned)value << (11 - bit % 8);
        bytes[bit / 8] |= (uint8_t)(two >> 8);
        bytes[bit / 8 + 1] |= (uint8_t)two;
    }
    unpack(out, bytes);
    return n == CHARACTERS;
}

int su_spoken_make(const struct su_receipt *r, const char *secret, struct su_spoken *out, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(512);
    uint8_t key[SU_SECRET_BYTES], mac[SU_SHA256_BYTES];
    out->sequence = r->sequence;
    out->owed = r->content_owed < MOST_OWED ? r->content_owed : MOST_OWED;
    if (!su_hex_parse(key, sizeof key, secret, strlen(secret), true))
        return su_fail(err, SU_KEY, "the secret of site %s is not 64 hexadecimal digits", r->site);
    su_buf_addf(&text, "SU-RECEIPT-CODE 1\n%s\n%llu\n", r->site, (unsigned long long)r->sequence);
    su_buf_addhex(&text, r->manifest, SU_SHA256_BYTES);
    su_buf_adds(&text, "\n");
    su_buf_addhex(&text, r->state, SU_SHA256_BYTES);
    su_buf_addf(&text, "\n%llu\n", (unsigned long long)out->owed);
    int result = su_buf_check(&text, "a code", err) < 0 ? -1 : su_mac(mac, key, text.bytes, text.length, err);
    su_wipe(key, sizeof key);
    memcpy(out->mac, mac, sizeof out->mac);
    return result;
}

int su_spoken_is_of(const struct su_spoken *code, const struct su_receipt *r, const char *secret, bool *out,
                    struct su_err *err)
{
    struct su_spoken right;
    if (su_spoken_make(r, secret, &right, err) < 0)
        return -1;
    *out = su_mac_equal(right.mac, code->mac, sizeof right.mac) && right.sequence == code->sequence &&
           right.owed == code->owed;
    return 0;
}

/* site.pub with the secret's line before the key. */
static int write_enrolment(const struct su_home *site, const char *secret, struct su_err *err)
{
    SU_AUTO(su_buf)
    struct su_buf public = SU_BUF_INIT(SU_MAX_KEY_FILE_BYTES), text = SU_BUF_INIT(SU_MAX_KEY_FILE_BYTES);
    if (su_file_read_all(site->keys, "site.pub", &public, err) < 0)
        return -1;
    const char *pem = public.bytes ? strstr(public.bytes, "-----BEGIN") : NULL;
    if (!pem)
        return su_fail(err, SU_KEY, "keys/site.pub holds no key");
    su_buf_addf(&text, "%.*scode-secret %s\n%s", (int)(pem - public.bytes), public.bytes, secret, pem);
    if (su_buf_check(&text, "an enrolment", err) < 0)
        return -1;
    int result = su_file_save(site->keys, "site.enrol", 0600, true, text.bytes, text.length, err);
    su_wipe(text.bytes, text.length);
    return result;
}

int su_spoken_secret(const struct su_home *site, char out[SU_SECRET_TEXT], bool *is_new, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(256);
    uint8_t secret[SU_SECRET_BYTES];
    *is_new = !su_file_exists(site->keys, "site.secret");
    if (*is_new) {
        if (su_secret_make(secret, err) < 0)
            return -1;
        su_hex_format(secret, sizeof secret, out);
        su_buf_addf(&text, "%s\n", out);
        if (su_buf_check(&text, "a secret", err) < 0 ||
            su_file_save(site->keys, "site.secret", 0600, false, text.bytes, text.length, err) < 0)
            return -1;
    } else {
        if (su_file_read_all(site->keys, "site.secret", &text, err) < 0)
            return -1;
        size_t n = text.bytes ? strcspn(text.bytes, "\n") : 0;
        if (n != SU_SECRET_TEXT - 1 || !su_hex_parse(secret, sizeof secret, text.bytes, n, true))
            return su_fail(err, SU_KEY, "keys/site.secret is not 64 hexadecimal digits");
        (void)snprintf(out, SU_SECRET_TEXT, "%.*s", (int)n, text.bytes);
    }
    su_wipe(secret, sizeof secret);
    su_wipe(text.bytes, text.length);
    return *is_new || !su_file_exists(site->keys, "site.enrol") ? write_enrolment(site, out, err) : 0;
}

int su_spoken_secret_read(const char *path, char out[SU_SECRET_TEXT], struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(SU_MAX_KEY_FILE_BYTES);
    uint8_t secret[SU_SECRET_BYTES];
    out[0] = 0;
    if (su_file_read_all(AT_FDCWD, path, &text, err) < 0)
        return -1;
    const char *at = text.bytes ? strstr(text.bytes, SECRET_LINE) : NULL;
    const char *pem = text.bytes ? strstr(text.bytes, "-----BEGIN") : NULL;
    if (!at || (pem && at > pem))
        return 0;
    at += strlen(SECRET_LINE);
    size_t n = strcspn(at, "\r\n");
    if (!su_hex_parse(secret, sizeof secret, at, n, true))
        return su_fail(err, SU_KEY, "%s: its code-secret is not 64 hexadecimal digits", path);
    su_wipe(secret, sizeof secret);
    (void)snprintf(out, SU_SECRET_TEXT, "%.*s", (int)n, at);
    su_wipe(text.bytes, text.length);
    return 0;
}
