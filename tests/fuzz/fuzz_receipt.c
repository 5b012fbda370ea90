/* A site's receipt, and the code that stands for one on the telephone. */
#include "tests/fuzz/fuzz.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = copy_of(data, size, true);
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
    return 0;
}
