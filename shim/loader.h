/* SPDX-License-Identifier: MIT
 *
 * What attaching needs of the wrappers of the loader's calls.
 */
#ifndef SHIM_LOADER_H
#define SHIM_LOADER_H

/* Lets got_redirect() send dlsym(3) here too, by which it is known that a library that was loaded is about to be used.
 */
void loader_watch(void);

#endif
