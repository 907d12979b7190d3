/* SPDX-License-Identifier: MIT
 *
 * Connections that are reset while two processes hold them: one reads, or takes the error, and the other closes last.
 * It knows of neither, yet how many bytes were received is right, with a FIN before the reset and without.
 */
#include "tests/targets/target.h"

static int client, server, listener;
static struct sockaddr_in address;
static char bytes[5000];

static void begin(int size, int fin)
{
    struct linger reset = {.l_onoff = 1};
    client = connect_to(&address);
    must(setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), "setsockopt");
    server = must(accept(listener, NULL, NULL), "accept");
    must((int)send(client, bytes, (size_t)size, 0), "send");
    if (fin)
        must(shutdown(client, SHUT_WR), "shutdown");
}

static void read_elsewhere(int size)
{
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        must((int)recv(server, bytes, (size_t)size, 0), "recv");
        _exit(0);
    }
    wait_for(child);
}

static void take_error_elsewhere(void)
{
    pid_t child = must(fork(), "fork");
    if (child == 0) {
        int error = 0;
        socklen_t size = sizeof error;
        must(getsockopt(server, SOL_SOCKET, SO_ERROR, &error, &size), "getsockopt");
        _exit(error != ECONNRESET && error != EPIPE);
    }
    wait_for(child);
}

int main(void)
{
    listener = listen_loopback(&address);
    for (int fin = 0; fin < 2; fin++) {
        begin(3, fin); /* all of it, or all but one byte, read by the other */
        read_elsewhere(3 - fin);
        must(close(client), "close");
        take_error_elsewhere();
        must(close(server), "close");
        begin(sizeof bytes, fin); /* more than a page is left */
        must(close(client), "close");
        take_error_elsewhere();
        must(close(server), "close");
    }
    return 0;
}
