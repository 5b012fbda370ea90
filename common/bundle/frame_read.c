#include "common/bundle/frame_read.h"

#include "common/base/limits.h"
#include "common/lib/pack.h"
#include "common/sys/interrupt.h"

static int into_buffer(void *context, const void *bytes, size_t length, struct su_err *err)
{
    struct su_buf *buf = context;
    su_buf_add(buf, bytes, length);
    return su_buf_check(buf, "a compressed frame", err);
}

static int read_records(const char *bytes, size_t length, su_record_take take, void *context,
                        struct su_err *err)
{
    const char *at = bytes, *end = bytes + length;
    struct su_record record;
    int more;
    while ((more = su_record_read(&record, &at, end, err)) > 0)
        if (su_interrupt_check(err) < 0 || take(context, &record, err) < 0)
            return -1;
    return more;
}

int su_frames_read(struct su_volume_reader *reader, const struct su_manifest *m, su_record_take take,
                   void *context, struct su_err *err)
{
    SU_AUTO(su_packer) struct su_packer *packer = su_packer_new(err);
    SU_AUTO(su_buf)
    struct su_buf packed = SU_BUF_INIT(SU_MAX_FRAME_BYTES), raw = SU_BUF_INIT(SU_MAX_FRAME_BYTES);
    if (!packer)
        return -1;
    for (size_t i = 0; i < m->frames.count; i++) {
        const struct su_frame *f = &m->frames.at[i];
        su_buf_clear(&packed);
        if (su_volume_read(reader, f->first_extent, f->extents, into_buffer, &packed, err) < 0)
            return -1;
        if (su_unpack_frame(packer, packed.bytes, packed.length, (size_t)f->raw_bytes, &raw, err) < 0 ||
            read_records(raw.bytes, raw.length, take, context, err) < 0)
            return su_prefix(err, "frame %zu", i + 1);
    }
    return 0;
}
