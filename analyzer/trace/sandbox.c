/* SPDX-License-Identifier: MIT
 *
 * The sources that both halves are linked with make system calls by shim/sys.h, which asks whether it may. The analyzer
 * always may.
 */
#include "shim/sandbox.h"

enum sandbox_state sandbox_state = SANDBOX_NONE;

bool sandbox_inside_slowly(void)
{
    return false;
}
