/* SPDX-License-Identifier: MIT
 *
 * A program of one socket, which load_once.c starts.
 */
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
    return close(socket(AF_INET, SOCK_STREAM, 0)) == 0 ? 0 : 1;
}
