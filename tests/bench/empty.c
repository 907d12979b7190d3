/* SPDX-License-Identifier: MIT
 *
 * A preloaded object that does nothing: what any preload costs.
 */
extern int empty_preload;
int empty_preload;
