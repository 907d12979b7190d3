/* SPDX-License-Identifier: MIT
 *
 * Streams of gzip and zstd, see unpack.h.
 */
#include "analyzer/trace/unpack.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

/* The first bytes of each. */
enum { GZIP_FIRST = 0x1f, ZSTD_FIRST = 0x28, BLOCK = 65536 };

struct unpack {
    FILE *packed;
    z_stream gzip; /* while `zstd` is NULL */
    ZSTD_DCtx *zstd;
    ZSTD_inBuffer in; /* of either */
    bool within;      /* a member or frame has begun and not ended */
    unsigned char block[BLOCK];
};

bool unpack_is_packed(int first)
{
    return first == GZIP_FIRST || first == ZSTD_FIRST;
}

/* A step from `in` to `out`; false: damaged. */
static bool step_zstd(struct unpack *unpack, ZSTD_outBuffer *out)
{
    size_t left = ZSTD_decompressStream(unpack->zstd, out, &unpack->in);
    unpack->within = left != 0;
    return !ZSTD_isError(left);
}

static bool step_gzip(struct unpack *unpack, ZSTD_outBuffer *out)
{
    z_stream *stream = &unpack->gzip;
    stream->next_in = unpack->block + unpack->in.pos;
    stream->avail_in = (unsigned)(unpack->in.size - unpack->in.pos);
    stream->next_out = (unsigned char *)out->dst + out->pos;
    stream->avail_out = (unsigned)(out->size - out->pos);
    int status = inflate(stream, Z_NO_FLUSH);
    unpack->in.pos = unpack->in.size - stream->avail_in;
    out->pos = out->size - stream->avail_out;
    unpack->within = status != Z_STREAM_END;
    if (status == Z_STREAM_END) /* another member may follow */
        return inflateReset(stream) == Z_OK;
    return status == Z_OK || status == Z_BUF_ERROR;
}

static ssize_t take(void *cookie, char *text, size_t size)
{
    struct unpack *unpack = cookie;
    ZSTD_outBuffer out = {.dst = text, .size = size > BLOCK ? BLOCK : size};
    while (out.pos == 0) {
        if (unpack->in.pos == unpack->in.size) {
            unpack->in = (ZSTD_inBuffer){.src = unpack->block,
                                         .size = fread(unpack->block, 1, sizeof unpack->block, unpack->packed)};
            if (unpack->in.size == 0 && ferror(unpack->packed))
                return -1;
            if (unpack->in.size == 0 && !unpack->within)
                return 0;
        }
        size_t before = unpack->in.pos;
        bool ended = unpack->in.size == 0; /* what is still in the decoder may come out */
        bool good = unpack->zstd != NULL ? step_zstd(unpack, &out) : step_gzip(unpack, &out);
        if (!good || (ended && out.pos == 0) || (!ended && out.pos == 0 && unpack->in.pos == before)) {
            errno = EBADMSG;
            return -1;
        }
    }
    return (ssize_t)out.pos;
}

static int leave(void *cookie)
{
    struct unpack *unpack = cookie;
    int status = unpack->packed != stdin ? fclose(unpack->packed) : 0;
    if (unpack->zstd != NULL)
        ZSTD_freeDCtx(unpack->zstd);
    else
        inflateEnd(&unpack->gzip);
    free(unpack);
    return status;
}

FILE *unpack_open(FILE *packed)
{
    struct unpack *unpack = calloc(1, sizeof *unpack);
    int first = getc(packed);
    ungetc(first, packed);
    if (unpack == NULL)
        return NULL;
    unpack->packed = packed;
    bool ready = first == ZSTD_FIRST ? (unpack->zstd = ZSTD_createDCtx()) != NULL
                                     : inflateInit2(&unpack->gzip, 16 + MAX_WBITS) == Z_OK;
    FILE *stream = ready ? fopencookie(unpack, "r", (cookie_io_functions_t){.read = take, .close = leave}) : NULL;
    if (stream == NULL && unpack->zstd != NULL)
        ZSTD_freeDCtx(unpack->zstd);
    else if (stream == NULL && ready)
        inflateEnd(&unpack->gzip);
    if (stream == NULL)
        free(unpack);
    return stream;
}
