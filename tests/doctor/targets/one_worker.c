/* SPDX-License-Identifier: MIT
 *
 * One of two workers accepts all of 60 connections that are open at once; nearly: each half.
 */
#include "tests/doctor/targets/doctor_target.h"

static void work(int listener, int count, int turn, int done)
{
    char byte;
    if (read(turn, &byte, 1) != 1)
        _exit(1);
    for (int i = 0; i < count; i++)
        accept_one(listener);
    if (write(done, "x", 1) != 1 || read(turn, &byte, 1) != 0)
        _exit(1);
    _exit(0);
}

int main(int argc, char **argv)
{
    bool nearly = is_nearly(argc, argv);

    struct sockaddr_in address;
    char byte;
    int listener = serve(&address), turns[2][2], done[2], share[2] = {nearly ? 30 : 60, nearly ? 30 : 0};
    pid_t workers[2];
    must(pipe(done), "pipe");
    must(pipe(turns[0]), "pipe");
    must(pipe(turns[1]), "pipe");
    for (int i = 0; i < 2; i++) {
        workers[i] = must(fork(), "fork");
        if (workers[i] == 0) {
            close(turns[0][1]);
            close(turns[1][1]);
            work(listener, share[i], turns[i][0], done[1]);
        }
    }
    int clients[60];
    for (int i = 0; i < 60; i++)
        clients[i] = connect_to(&address);
    for (int i = 0; i < 2; i++) /* one after the other */
        if (write(turns[i][1], "x", 1) != 1 || read(done[0], &byte, 1) != 1)
            return 1;
    close(turns[0][1]);
    close(turns[1][1]);
    wait_for(workers[0]);
    wait_for(workers[1]);
    for (int i = 0; i < 60; i++)
        close(clients[i]);
    return close(listener);
}
