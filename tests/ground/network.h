/* SPDX-License-Identifier: MIT
 *
 * Network namespaces: one of the scenario's own, and more for actors that leave it. In each, loopback is up and has a
 * link-local address too (fe80::1, scope 1), and TCP Fast Open is on at both ends. ground.c and the steps.
 */
#ifndef TESTS_GROUND_NETWORK_H
#define TESTS_GROUND_NETWORK_H

#include <stdbool.h>

/* Enters a new one, in a new user namespace where that takes it; actors started later are in it. False: not allowed. */
bool network_own(void);
/* network_own() has been. */
bool network_is_own(void);
/* Makes the one that the actor on this channel has just entered as described above. */
void network_prepare(int channel);

#endif
