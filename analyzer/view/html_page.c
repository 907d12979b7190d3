/* SPDX-License-Identifier: MIT
 *
 * The page that map_html() fills, see html_page.h. The Makefile makes it in two files and names them.
 */
#include "analyzer/view/html_page.h"

#include <stddef.h>

#ifdef SOCKATLAS_PAGE
/* Global, as link-time optimization may compile what refers to them apart from this. */
__asm__(".pushsection .rodata\n"
        ".globl html_page_begin_text, html_page_end_text\n"
        ".hidden html_page_begin_text, html_page_end_text\n"
        "html_page_begin_text:\n"
        ".incbin \"" SOCKATLAS_PAGE "/begin.html\"\n"
        ".byte 0\n"
        "html_page_end_text:\n"
        ".incbin \"" SOCKATLAS_PAGE "/end.html\"\n"
        ".byte 0\n"
        ".popsection\n");

extern const char html_page_begin_text[], html_page_end_text[];

const char *html_page_begin(void)
{
    return html_page_begin_text;
}

const char *html_page_end(void)
{
    return html_page_end_text;
}
#else
const char *html_page_begin(void)
{
    return NULL;
}

const char *html_page_end(void)
{
    return NULL;
}
#endif
