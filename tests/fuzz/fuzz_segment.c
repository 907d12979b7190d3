/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: collected logs, as compressed segments beside the log or without it. An input is a plan and a log: the
 * log's sections are packed into segments as the plan says, so that what is changed in a slot comes through compression
 * and checksums, as it would from somebody who makes such files; then bytes of the segments are damaged. With
 * PLAN_RAW what follows the plan is a segment as it is, with PLAN_COLLECT the log is collected, before it is read.
 */
#include "analyzer/cmd/collect.h"
#include "analyzer/trace/segment.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/slots.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PLAN_LOG = 1,
    PLAN_NAMED = 2,
    PLAN_COLLECTED = 4,
    PLAN_TWICE = 8,
    PLAN_BACKWARDS = 16,
    PLAN_COLLECT = 32,
    PLAN_RAW = 128
};
enum { FILES_MAX = 9, SECTIONS_MAX = 8 };

struct plan {
    uint8_t way;      /* PLAN_* */
    uint8_t begins;   /* a bit for each section: a segment begins with it */
    uint8_t dropped;  /* ... it is in none */
    uint8_t cut;      /* bytes off the end of the last segment */
    uint16_t damaged; /* where in it a byte is changed */
    uint8_t damage;   /* how: exclusive or */
    uint8_t reserved;
    uint64_t moved;               /* the sections' positions: exclusive or */
    struct segment_counts before; /* what the first frame says of those before it */
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t capacity, unsigned seed);

static char folder[64];
static char paths[FILES_MAX][sizeof folder + NAME_MAX + 2];
static unsigned files;

/* ---- The files ---- */

static void remove_folder(void)
{
    rmdir(folder);
}

static void make_folder(void)
{
    if (folder[0])
        return;
    snprintf(folder, sizeof folder, "fuzz_segment.%d", (int)getpid());
    if (mkdir(folder, 0700) != 0)
        abort();
    atexit(remove_folder);
}

/* Adds `size` bytes to a file; the same name is the same file. */
static void put(const char *name, const void *bytes, size_t size)
{
    char path[sizeof paths[0]];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
        abort();
    close(fd);
    for (unsigned i = 0; i < files; i++)
        if (strcmp(paths[i], path) == 0)
            return;
    if (files == FILES_MAX)
        abort();
    memcpy(paths[files++], path, sizeof path);
}

static void damage(const struct plan *plan)
{
    uint8_t byte;
    struct stat status;
    int fd = open(paths[files - 1], O_RDWR | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0)
        abort();
    if (plan->cut && plan->cut < status.st_size && ftruncate(fd, status.st_size - plan->cut) != 0)
        abort();
    if (plan->damage && pread(fd, &byte, 1, plan->damaged) == 1) {
        byte ^= plan->damage;
        if (pwrite(fd, &byte, 1, plan->damaged) != 1)
            abort();
    }
    close(fd);
}

/* ---- From a log to segments ---- */

static void put_frame(const char *name, struct segment_head *head, const void *content)
{
    char *frame = malloc(segment_frame_most());
    if (!frame)
        abort();
    put(name, frame, segment_pack(frame, head, content));
    free(frame);
}

/* The section that stands at `slots`, `count` of which are there. */
static void put_section(const struct plan *plan, char *name, const struct sockatlas_header *header,
                        const uint8_t *slots, unsigned index, uint32_t count)
{
    struct sockatlas_section section;
    memcpy(&section, slots, sizeof section);
    uint64_t sequence = (section.state >> SOCKATLAS_USES_BITS) - 1;
    uint64_t position = (sequence * header->section_slots ^ plan->moved) % (UINT64_MAX / SOCKATLAS_SLOT_SIZE / 2);
    struct segment_head head = {.content = SEGMENT_SLOTS, .slots = count, .position = position, .before = plan->before};
    if (!name[0] || (plan->begins >> index & 1)) {
        struct segment_head of_header = {.content = SEGMENT_HEADER, .position = position, .before = plan->before};
        segment_name(name, NAME_MAX + 1, "log.atlas", position);
        put_frame(name, &of_header, header);
    }
    put_frame(name, &head, slots);
    if (plan->way & PLAN_TWICE)
        put_frame(name, &head, slots);
}

static void put_sections(const struct plan *plan, const struct sockatlas_header *header, const uint8_t *slots,
                         uint64_t count)
{
    char name[NAME_MAX + 1] = "";
    uint64_t size = header->section_slots;
    uint64_t sections = (count + size - 1) / size;
    sections = sections < SECTIONS_MAX ? sections : SECTIONS_MAX;
    for (unsigned i = 0; i < sections; i++) {
        unsigned at = (unsigned)(plan->way & PLAN_BACKWARDS ? sections - 1 - i : i);
        uint64_t rest = count - at * size;
        if (!(plan->dropped >> at & 1))
            put_section(plan, name, header, slots + at * size * SOCKATLAS_SLOT_SIZE, at,
                        (uint32_t)(rest < size ? rest : size));
    }
}

/* False: no log that could have been collected. */
static bool make_files(const struct plan *plan, const uint8_t *log, size_t size)
{
    struct sockatlas_header header;
    if (plan->way & PLAN_RAW)
        put("log.0000000000000000.atlas.zst", log, size);
    if (plan->way & PLAN_RAW)
        return size > 0;
    if (size < sizeof header + SOCKATLAS_SLOT_SIZE)
        return false;
    memcpy(&header, log, sizeof header);
    if (header.section_slots == 0 || header.section_slots > SEGMENT_SLOTS_MAX)
        return false;
    if (plan->way & PLAN_COLLECTED)
        header.collected = header.cursor;
    if (plan->way & PLAN_LOG) {
        put("log.atlas", &header, sizeof header);
        put("log.atlas", log + sizeof header, size - sizeof header);
    }
    put_sections(plan, &header, log + sizeof header, (size - sizeof header) / SOCKATLAS_SLOT_SIZE);
    return files > 0;
}

/* The folder's files. */
static void find_files(void)
{
    DIR *entries = opendir(folder);
    char path[sizeof paths[0]];
    files = 0;
    for (const struct dirent *entry; entries && (entry = readdir(entries));) {
        if (entry->d_name[0] == '.' || files == FILES_MAX)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        memcpy(paths[files++], path, sizeof path);
    }
    if (entries)
        closedir(entries);
}

static void collect(void)
{
    const struct collect_rules rules = {.quiet = true};
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct collect_folder *collected = collect_folder_new(fd, folder, &rules);
    collect_folder_step(collected, false);
    collect_folder_step(collected, true);
    collect_folder_free(collected);
    close(fd);
    find_files();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct plan plan;
    char *traces[FILES_MAX];
    if (size < sizeof plan)
        return 0;
    memcpy(&plan, bytes, sizeof plan);
    make_folder();
    files = 0;
    if (make_files(&plan, bytes + sizeof plan, size - sizeof plan)) {
        damage(&plan);
        if (plan.way & PLAN_COLLECT)
            collect();
        for (unsigned i = 0; i < files; i++)
            traces[i] = paths[i];
        if (plan.way & PLAN_NAMED)
            fuzz_read(traces, (int)files, false);
        else
            fuzz_read((char *[]){folder}, 1, false);
    }
    for (unsigned i = 0; i < files; i++)
        unlink(paths[i]);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t capacity, unsigned seed)
{
    enum { PLAN = sizeof(struct plan) };
    if (size <= PLAN || capacity <= PLAN)
        return LLVMFuzzerMutate(bytes, size, capacity);
    if (seed % 4 == 0) {
        LLVMFuzzerMutate(bytes, PLAN, PLAN);
        return size;
    }
    if (bytes[0] & PLAN_RAW)
        return PLAN + LLVMFuzzerMutate(bytes + PLAN, size - PLAN, capacity - PLAN);
    return PLAN + slots_mutate(bytes + PLAN, size - PLAN, capacity - PLAN, seed / 4);
}
