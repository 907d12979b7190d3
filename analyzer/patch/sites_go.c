/* SPDX-License-Identifier: MIT
 *
 * The sites of Go programs, in their file: shim/site.c knows what they are like.
 */
#include "analyzer/patch/internal.h"

bool sites_find_go(const struct image *image, struct sites *sites)
{
    unsigned found[SITE_GO_FORMS] = {0};
    for (unsigned i = 0; i < image->head->e_phnum; i++) {
        const Elf64_Phdr *segment = &image->segments[i];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
            continue;
        struct site site;
        for (size_t at = 0; site_find_go(image->bytes + segment->p_offset, segment->p_filesz, &at, &site, found);) {
            site.address += segment->p_vaddr;
            if (!sites_add(sites, &site))
                return false;
        }
    }
    return site_go_complete(found);
}
