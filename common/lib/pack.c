#include "common/lib/pack.h"

#include <stdbool.h>
#include <stdlib.h>
#include <zdict.h>
#define ZSTD_STATIC_LINKING_ONLY /* for ZSTD_c_forceAttachDict */
#include <zstd.h>

struct su_packer {
    ZSTD_CCtx *compress, *pack_frame;
    ZSTD_DCtx *decompress;
    ZSTD_CDict *compress_dictionary;
    ZSTD_DDict *decompress_dictionary;
};

/* Documents repeat whole paragraphs, from near and far: a window as long as a frame, and no look at short
 * matches, find more than a higher level that searches harder in a quarter of the frame, at four times the
 * speed. Long matches are sought apart, through a small table that stays in the processor's cache: 1.3 % of
 * the size at 100,000 updates, 4 and 5 % of genuine exports, for 1.2 s of one processor. */
static bool set_frame(ZSTD_CCtx *c)
{
    static const struct {
        ZSTD_cParameter what;
        int value;
    } settings[] = {{ZSTD_c_compressionLevel, 2}, {ZSTD_c_windowLog, 23},
                    {ZSTD_c_hashLog, 16},         {ZSTD_c_minMatch, 7},
                    {ZSTD_c_strategy, ZSTD_fast}, {ZSTD_c_enableLongDistanceMatching, 1},
                    {ZSTD_c_ldmMinMatch, 160},    {ZSTD_c_ldmHashRateLog, 7},
                    {ZSTD_c_ldmHashLog, 15},      {ZSTD_c_ldmBucketSizeLog, 1}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (ZSTD_isError(ZSTD_CCtx_setParameter(c, settings[i].what, settings[i].value)))
            return false;
    return true;
}

struct su_packer *su_packer_new(struct su_err *err)
{
    struct su_packer *packer = calloc(1, sizeof *packer);
    if (packer) {
        packer->compress = ZSTD_createCCtx();
        packer->pack_frame = ZSTD_createCCtx();
        packer->decompress = ZSTD_createDCtx();
        if (packer->compress && packer->decompress && packer->pack_frame && set_frame(packer->pack_frame))
            return packer;
        su_packer_cleanup(&packer);
    }
    (void)su_fail_memory(err);
    return NULL;
}

void su_packer_cleanup(struct su_packer **packer)
{
    if (!*packer)
        return;
    ZSTD_freeCCtx((*packer)->compress);
    ZSTD_freeCCtx((*packer)->pack_frame);
    ZSTD_freeDCtx((*packer)->decompress);
    ZSTD_freeCDict((*packer)->compress_dictionary);
    ZSTD_freeDDict((*packer)->decompress_dictionary);
    free(*packer);
    *packer = NULL;
}

static int finish(size_t made, struct su_buf *out, const char *what, struct su_err *err)
{
    if (ZSTD_isError(made))
        return su_fail(err, SU_DATA, "%s: %s", what, ZSTD_getErrorName(made));
    su_buf_grow_by(out, made);
    return 0;
}

int su_pack_frame(struct su_packer *packer, const void *bytes, size_t length, struct su_buf *out,
                  struct su_err *err)
{
    size_t room = ZSTD_compressBound(length);
    char *to = su_buf_reserve(out, room);
    if (!to)
        return su_buf_check(out, "compressed frame", err);
    return finish(ZSTD_compress2(packer->pack_frame, to, room, bytes, length), out, "compressing", err);
}

static int unpack(struct su_packer *packer, const ZSTD_DDict *dictionary, const void *packed,
                  size_t packed_bytes, size_t raw_bytes, struct su_buf *out, struct su_err *err)
{
    su_buf_clear(out);
    char *to = su_buf_reserve(out, raw_bytes);
    if (!to)
        return su_buf_check(out, "decompressed data", err);
    size_t made = dictionary ? ZSTD_decompress_usingDDict(packer->decompress, to, raw_bytes, packed,
                                                          packed_bytes, dictionary)
                             : ZSTD_decompressDCtx(packer->decompress, to, raw_bytes, packed, packed_bytes);
    if (!ZSTD_isError(made) && made != raw_bytes)
        return su_fail(err, SU_DATA, "decompressed to %zu bytes, expected %zu", made, raw_bytes);
    return finish(made, out, "decompressing", err);
}

int su_unpack_frame(struct su_packer *packer, const void *packed, size_t packed_bytes, size_t raw_bytes,
                    struct su_buf *out, struct su_err *err)
{
    return unpack(packer, NULL, packed, packed_bytes, raw_bytes, out, err);
}

int su_pack_train(const char *samples, const size_t *sample_bytes, size_t count, struct su_buf *out,
                  struct su_err *err)
{
    su_buf_clear(out);
    char *to = su_buf_reserve(out, SU_PACK_DICTIONARY_BYTES);
    if (!to)
        return su_buf_check(out, "dictionary", err);
    size_t made = ZDICT_trainFromBuffer(to, SU_PACK_DICTIONARY_BYTES, samples, sample_bytes, (unsigned)count);
    if (!ZDICT_isError(made)) /* too few or too even samples: go without */
        su_buf_grow_by(out, made);
    return 0;
}

int su_packer_set_dictionary(struct su_packer *packer, const void *bytes, size_t length, struct su_err *err)
{
    (void)ZSTD_CCtx_reset(packer->compress, ZSTD_reset_session_and_parameters); /* lets go of the old one */
    ZSTD_freeCDict(packer->compress_dictionary);
    ZSTD_freeDDict(packer->decompress_dictionary);
    packer->compress_dictionary = NULL;
    packer->decompress_dictionary = NULL;
    if (length == 0)
        return 0;
    packer->compress_dictionary = ZSTD_createCDict(bytes, length, SU_PACK_DOCUMENT_LEVEL);
    packer->decompress_dictionary = ZSTD_createDDict(bytes, length);
    if (!packer->compress_dictionary || !packer->decompress_dictionary)
        return su_fail_memory(err);
    if (ZSTD_isError(ZSTD_CCtx_refCDict(packer->compress, packer->compress_dictionary)))
        return su_fail(err, SU_BUG, "the dictionary is not taken");
    /* Left to itself zstd copies the dictionary's tables for each document above 16 KiB, which takes as long
     * as packing it: 330 MB/s at 36 KiB, else 660; the bytes are the same. Without this wish it is only
     * slower. */
    (void)ZSTD_CCtx_setParameter(packer->compress, ZSTD_c_forceAttachDict, ZSTD_dictForceAttach);
    return 0;
}

int su_pack_document(struct su_packer *packer, const void *bytes, size_t length, struct su_buf *out,
                     struct su_err *err)
{
    su_buf_clear(out);
    size_t room = ZSTD_compressBound(length);
    char *to = su_buf_reserve(out, room);
    if (!to)
        return su_buf_check(out, "compressed document", err);
    size_t made = packer->compress_dictionary
                      ? ZSTD_compress2(packer->compress, to, room, bytes, length)
                      : ZSTD_compressCCtx(packer->compress, to, room, bytes, length, SU_PACK_DOCUMENT_LEVEL);
    return finish(made, out, "compressing", err);
}

int su_unpack_document(struct su_packer *packer, const void *packed, size_t packed_bytes, size_t raw_bytes,
                       struct su_buf *out, struct su_err *err)
{
    return unpack(packer, packer->decompress_dictionary, packed, packed_bytes, raw_bytes, out, err);
}
