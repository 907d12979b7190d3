/* SPDX-License-Identifier: MIT
 *
 * Connections that one end ends with a reset, each after other things: how many bytes the other was sent never depends
 * on how many of them it read, nor on how, nor by which descriptor, nor on a FIN that came before. The error, which it
 * does not ask for, stays where it is.
 */
#include "tests/targets/target.h"

static int client, server, listener;
static struct sockaddr_in address;
static char bytes[8];

static void open_pair(void)
{
    struct linger reset = {.l_onoff = 1};
    client = connect_to(&address);
    must(setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), "setsockopt");
    server = must(accept(listener, NULL, NULL), "accept");
}

/* The reset arrives before close() returns: loopback hands it over at once. */
static void close_pair(void)
{
    must(close(client), "close");
    must(close(server), "close");
}

static void send_bytes(int size)
{
    must((int)send(client, "abc", (size_t)size, 0), "send");
}

static void receive(int size, int flags)
{
    must((int)recv(server, bytes, (size_t)size, flags), "recv");
}

int main(void)
{
    listener = listen_loopback(&address);
    open_pair(); /* all read */
    send_bytes(3);
    receive(3, 0);
    close_pair();
    open_pair(); /* some read */
    send_bytes(3);
    receive(2, 0);
    close_pair();
    open_pair(); /* looked at before it was read, and a FIN, which the kernel counts as a byte */
    send_bytes(1);
    receive(1, MSG_PEEK);
    receive(1, 0);
    must(shutdown(client, SHUT_WR), "shutdown");
    close_pair();
    open_pair(); /* read up to the FIN */
    send_bytes(2);
    must(shutdown(client, SHUT_WR), "shutdown");
    receive(2, 0);
    receive(1, 0);
    close_pair();
    open_pair(); /* read by two descriptors */
    send_bytes(3);
    receive(1, 0);
    int other = must(dup(server), "dup");
    must((int)read(other, bytes, 2), "read");
    must(close(other), "close");
    close_pair();
    open_pair(); /* more than a page is not read */
    static char much[5000];
    must((int)send(client, much, sizeof much, 0), "send");
    close_pair();
    open_pair(); /* the one that connected is reset */
    must(setsockopt(server, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)), "setsockopt");
    must((int)send(server, "abc", 3, 0), "send");
    must(close(server), "close");
    must(close(client), "close");
    must(close(listener), "close");
    return 0;
}
