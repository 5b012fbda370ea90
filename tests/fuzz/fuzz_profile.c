/* A profile, line by line as manifests and state files hold it: sorted and written it reads the same. */
#include "tests/fuzz/fuzz.h"

#include "common/catalogue/profile.h"

static bool parse(struct su_profile *profile, const char *text, size_t length)
{
    struct su_err err = SU_ERR_INIT;
    for (const char *at = text, *end = text + length; at < end;) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((lf ? lf : end) - at);
        char *line = copy_of(at, n, false); /* nothing behind it may be read */
        bool is_one = su_profile_parse_line(profile, line, n, &err);
        free(line);
        if (!is_one) {
            if (err.code != SU_OK)
                check_refusal(&err);
            return false;
        }
        at += n + (lf != NULL);
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SU_AUTO(su_profile) struct su_profile profile = {0}, again = {0};
    SU_AUTO(su_buf) struct su_buf text = SU_BUF_INIT(64 * SU_MIB), second = SU_BUF_INIT(64 * SU_MIB);
    uint8_t digest[SU_SHA256_BYTES], other[SU_SHA256_BYTES];
    struct su_err err = SU_ERR_INIT;
    if (!parse(&profile, (const char *)data, size))
        return 0;
    su_profile_sort(&profile);
    su_profile_format(&profile, &text);
    su_profile_format_approvals(&profile, &text);
    HOLDS(parse(&again, text.bytes, text.length));
    su_profile_sort(&again);
    su_profile_format(&again, &second);
    su_profile_format_approvals(&again, &second);
    HOLDS(text.length == second.length && memcmp(text.bytes, second.bytes, text.length) == 0);
    HOLDS(su_profile_digest(&profile, digest, &err) == 0 && su_profile_digest(&again, other, &err) == 0 &&
          memcmp(digest, other, sizeof digest) == 0);
    for (size_t i = 1; i < profile.items.count; i++)
        HOLDS(profile.items.at[i - 1].kind < profile.items.at[i].kind ||
              (profile.items.at[i - 1].kind == profile.items.at[i].kind &&
               strcmp(profile.items.at[i - 1].value, profile.items.at[i].value) < 0));
    return 0;
}
