#include "common/source/vendor/vendor_signer.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/text.h"

enum { SIGNER = SU_FRAME_FIRST };

struct asked {
    int fd;
    uint64_t bytes;
    const struct su_buf *detached;
};

/* ---- in the confined process ---- */

static int read_detached(const struct asked *asked, struct su_code_signature *out, struct su_err *err)
{
    SU_AUTO(su_buf) struct su_buf content = SU_BUF_INIT(SU_MAX_VENDOR_SIGNED_BYTES);
    SU_AUTO(su_cms) struct su_cms cms = SU_CMS_INIT;
    char *to = asked->bytes <= content.max ? su_buf_reserve(&content, (size_t)asked->bytes) : NULL;
    if (!to)
        return su_fail(err, SU_LIMIT, "%llu bytes, at most %zu are accepted",
                       (unsigned long long)asked->bytes, content.max);
    if (su_file_read_at(asked->fd, to, (size_t)asked->bytes, 0, err) < 0)
        return -1;
    su_buf_grow_by(&content, (size_t)asked->bytes);
    if (su_cms_open(&cms, asked->detached->bytes, asked->detached->length, content.bytes, content.length,
                    err) < 0 ||
        su_certificate_describe(cms.signer.handle, out->key_id, out->common_name, out->until, err) < 0)
        return -1;
    out->is_signed = true;
    return 0;
}

void su_code_signature_put(struct su_wire *wire, const struct su_code_signature *signer)
{
    su_wire_begin(wire, SIGNER);
    su_put_u32(wire, signer->is_signed);
    su_put_raw(wire, signer->key_id, sizeof signer->key_id);
    su_put_text(wire, signer->common_name);
    su_put_text(wire, signer->until);
}

static int find(void *context, struct su_wire *wire, struct su_err *err)
{
    const struct asked *asked = context;
    struct su_code_signature signer = {.is_signed = false};
    if ((asked->detached ? read_detached(asked, &signer, err)
                         : su_authenticode_read(asked->fd, asked->bytes, &signer, err)) < 0)
        return -1;
    su_code_signature_put(wire, &signer);
    return su_wire_end(wire, err);
}

/* ---- outside of it ---- */

int su_code_signature_get(struct su_wire *wire, struct su_code_signature *out, struct su_err *err)
{
    struct su_code_signature s = {.is_signed = false};
    char instant[SU_INSTANT_TEXT];
    uint32_t is_signed = su_get_u32(wire);
    su_get_raw(wire, s.key_id, sizeof s.key_id);
    (void)snprintf(s.common_name, sizeof s.common_name, "%s", su_get_text(wire, sizeof s.common_name - 1));
    (void)snprintf(s.until, sizeof s.until, "%s", su_get_text(wire, sizeof s.until - 1));
    if (su_got_all(wire, err) < 0)
        return -1;
    su_instant_of(s.until, instant);
    if (is_signed > 1 || strcmp(instant, s.until) != 0)
        return su_wire_lies(err);
    s.is_signed = is_signed;
    *out = s.is_signed ? s : (struct su_code_signature){.is_signed = false};
    return 0;
}

int su_vendor_signer(int fd, uint64_t bytes, const struct su_buf *detached, struct su_code_signature *out,
                     struct su_err *err)
{
    struct asked asked = {fd, bytes, detached};
    const struct su_confined_plan plan = {SU_CONFINED_PLAN_INIT, .reads = "the signature of a file",
                                          .run = find,           .context = &asked,
                                          .files = {fd},         .file_count = 1};
    SU_AUTO(su_confined) struct su_confined *confined = NULL;
    uint32_t kind;
    *out = (struct su_code_signature){.is_signed = false};
    if (su_confined_start(&confined, &plan, err) < 0)
        return -1;
    int more = su_confined_next(confined, &kind, err);
    if (more < 0)
        return -1;
    return more == 0 || kind != SIGNER ? su_wire_lies(err)
                                       : su_code_signature_get(su_confined_wire(confined), out, err);
}
