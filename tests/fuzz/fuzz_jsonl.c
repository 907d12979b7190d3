/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: an exported .jsonl, as standard input.
 */
#include "tests/fuzz/fuzz.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    FILE *former = stdin;
    stdin = fmemopen((void *)bytes, size, "r");
    if (stdin == NULL)
        abort();
    char name[] = "-";
    fuzz_read((char *[]){name}, 1, false);
    fclose(stdin);
    stdin = former;
    return 0;
}
