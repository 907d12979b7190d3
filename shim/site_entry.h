/* SPDX-License-Identifier: MIT
 *
 * Where the stubs of redirected instructions (site.h) go with a watched number. For those who write the stubs: the
 * piece (piece/), and the shim in a dynamic Go program (site_redirect.c). x86-64 only.
 */
#ifndef SHIM_SITE_ENTRY_H
#define SHIM_SITE_ENTRY_H

/* No function: code, to be jumped to. */
extern const char site_enter[] __attribute__((visibility("hidden")));
/* The stubs, one behind another; the first is none. Set before any is reached. */
extern const unsigned char *site_stubs __attribute__((visibility("hidden")));

#endif
