/* SPDX-License-Identifier: MIT
 *
 * Included before all else in each file of the shim: what it takes from libc is weak, so that it can be loaded into a
 * dynamic program without a libc too (Go's linker makes such), where load.c sees that there is none and nothing of ours
 * is ever called. Strong, the loader would refuse to start that program. tests/check/structure.sh holds the list to
 * what is imported.
 */
__asm__(".weak __errno_location, __h_errno_location, dl_iterate_phdr, environ, getauxval, memchr, memcmp, bcmp, "
        "memcpy, memmove, "
        "memset, strchr, strcmp, strcspn, strlen, strncmp, strnlen, strrchr, strspn, strstr");
