/* SPDX-License-Identifier: MIT
 *
 * The page that map_html() fills: made from html/ at build time, held in the program.
 */
#ifndef ANALYZER_VIEW_HTML_PAGE_H
#define ANALYZER_VIEW_HTML_PAGE_H

/* What stands before and after the data. NULL when the program was built without the page's library. */
const char *html_page_begin(void);
const char *html_page_end(void);

#endif
