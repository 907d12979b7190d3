/* SPDX-License-Identifier: MIT
 *
 * Laying out records and writing log files, see writer.h.
 */
#include "analyzer/trace/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RESERVED = 4096 }; /* bytes of records */

struct writer {
    FILE *stream;
    uint64_t slots;
};

unsigned writer_record(void *out, const struct sockatlas_common *common, const void *body, size_t body_size,
                       const void *tail, size_t tail_size)
{
    unsigned char *slot = out;
    const unsigned char *from = tail;
    size_t used = sizeof *common + body_size;
    if (used > SOCKATLAS_SLOT_SIZE)
        return 0;
    size_t capacity = SOCKATLAS_SLOT_SIZE - used;
    size_t behind = tail_size > capacity ? tail_size - capacity : 0;
    size_t slots = 1 + (behind + SOCKATLAS_CONTINUATION_BYTES - 1) / SOCKATLAS_CONTINUATION_BYTES;
    if (slots > SOCKATLAS_RECORD_SLOTS_MAX)
        return 0;

    memset(slot, 0, slots * SOCKATLAS_SLOT_SIZE);
    struct sockatlas_common head = *common;
    head.body_size = (uint8_t)body_size;
    head.slots = (uint8_t)slots;
    memcpy(slot, &head, sizeof head);
    if (body_size > 0)
        memcpy(slot + sizeof *common, body, body_size);
    size_t piece = tail_size < capacity ? tail_size : capacity;
    if (piece > 0)
        memcpy(slot + used, from, piece);
    for (size_t done = piece; done < tail_size; done += piece) {
        slot += SOCKATLAS_SLOT_SIZE;
        slot[0] = SOCKATLAS_CONTINUATION;
        piece = tail_size - done < SOCKATLAS_CONTINUATION_BYTES ? tail_size - done : SOCKATLAS_CONTINUATION_BYTES;
        memcpy(slot + 1, from + done, piece);
    }
    return (unsigned)slots;
}

int writer_file(const char *dir, const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s%s", dir, name, SOCKATLAS_SUFFIX) < 0)
        return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    free(path);
    return fd;
}

struct writer *writer_create(const char *dir, const char *name, const struct sockatlas_header *header)
{
    int fd = writer_file(dir, name);
    return fd < 0 ? NULL : writer_begin(fd, header);
}

struct writer *writer_begin(int fd, const struct sockatlas_header *header)
{
    /* The first records shall find space on a disk that is full by then; where that cannot be had, they may. */
    (void)!fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, sizeof *header + RESERVED);
    struct writer *writer = calloc(1, sizeof *writer);
    FILE *stream = writer == NULL ? NULL : fdopen(fd, "w");
    if (stream == NULL) {
        free(writer);
        close(fd);
        return NULL;
    }
    writer->stream = stream;

    struct sockatlas_header whole = *header;
    memcpy(whole.magic, SOCKATLAS_MAGIC, sizeof whole.magic);
    whole.version = SOCKATLAS_VERSION;
    whole.byte_order = SOCKATLAS_BYTE_ORDER;
    whole.header_size = SOCKATLAS_HEADER_SIZE;
    whole.slot_size = SOCKATLAS_SLOT_SIZE;
    whole.cursor = 0;
    if (fwrite(&whole, sizeof whole, 1, stream) != 1 || !writer_flush(writer)) {
        int error = errno;
        writer_close(writer);
        errno = error;
        return NULL;
    }
    return writer;
}

bool writer_append(struct writer *writer, const struct sockatlas_common *common, const void *body, size_t body_size,
                   const void *tail, size_t tail_size)
{
    unsigned char slots[SOCKATLAS_RECORD_SLOTS_MAX * SOCKATLAS_SLOT_SIZE];
    unsigned count = writer_record(slots, common, body, body_size, tail, tail_size);
    if (count == 0) {
        errno = EMSGSIZE;
        return false;
    }
    if (fwrite(slots, SOCKATLAS_SLOT_SIZE, count, writer->stream) != count)
        return false;
    writer->slots += count;
    return true;
}

bool writer_flush(struct writer *writer)
{
    if (fflush(writer->stream) != 0)
        return false;
    ssize_t wrote =
        pwrite(fileno(writer->stream), &writer->slots, sizeof writer->slots, offsetof(struct sockatlas_header, cursor));
    return wrote == sizeof writer->slots;
}

bool writer_lost(struct writer *writer, uint64_t lost, enum sockatlas_loss why, uint64_t first_ns, uint64_t last_ns)
{
    const uint32_t reason = why;
    const struct {
        uint64_t value;
        off_t at;
    } members[] = {{lost, offsetof(struct sockatlas_header, lost)},
                   {first_ns, offsetof(struct sockatlas_header, lost_first)},
                   {last_ns, offsetof(struct sockatlas_header, lost_last)}};
    bool good = pwrite(fileno(writer->stream), &reason, sizeof reason,
                       offsetof(struct sockatlas_header, lost_reason)) == sizeof reason;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        good &= pwrite(fileno(writer->stream), &members[i].value, sizeof members[i].value, members[i].at) ==
                sizeof members[i].value;
    return good;
}

bool writer_close(struct writer *writer)
{
    bool good = writer_flush(writer);
    good = fclose(writer->stream) == 0 && good;
    free(writer);
    return good;
}
