/* SPDX-License-Identifier: MIT
 *
 * What the files that find sites share. For sites*.c.
 */
#ifndef ANALYZER_PATCH_INTERNAL_H
#define ANALYZER_PATCH_INTERNAL_H

#include "analyzer/patch/patch.h"

#include <elf.h>

/* A program's file. */
struct image {
    const unsigned char *bytes;
    size_t size;
    const Elf64_Ehdr *head;
    const Elf64_Phdr *segments; /* each that is loaded is in the file */
};

/* ---- sites_kept.c ---- */

bool sites_add(struct sites *sites, const struct site *site);

/* ---- sites_go.c, sites_static.c ---- */

bool sites_find_go(const struct image *image, struct sites *sites);
bool sites_find_static(const struct image *image, struct sites *sites);

#endif
