/* SPDX-License-Identifier: MIT
 *
 * Constructor: what must be known before main(). A program that never opens a socket pays for this and nothing else, so
 * it makes no system call unless SOCKATLAS_DIR has to be made absolute or checked.
 */
#include "shim/load.h"

#include "shim/config.h"

void load_now(void)
{
    config_read();
    real_resolve();
}

__attribute__((constructor)) static void load_begin(void)
{
    load_ready();
}
