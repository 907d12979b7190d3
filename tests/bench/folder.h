/* SPDX-License-Identifier: MIT
 *
 * The folders that traces are written to while they are measured.
 */
#ifndef TESTS_BENCH_FOLDER_H
#define TESTS_BENCH_FOLDER_H

#include <stdint.h>

struct folder {
    char path[4096];
};

/* Makes a new folder below `parent`. Ends the program with a line when that cannot be. */
void folder_make(struct folder *out, const char *parent);
/* Removes it with all that is in it. */
void folder_remove(const struct folder *folder);

/* What the traces in a folder hold, by their headers. */
struct folder_content {
    unsigned files;
    uint64_t slots, lost;
    uint64_t cached; /* bytes of them in the page cache */
};
struct folder_content folder_content(const struct folder *folder);
/* Removes the files in it. */
void folder_clear(const struct folder *folder);

/* The file system's name: tmpfs, ext4, ... or its magic number. */
const char *folder_file_system(const char *path);

#endif
