/* SPDX-License-Identifier: MIT
 *
 * The sender's half, see report.h. Who it is, the kernel says.
 */
#include "shim/report.h"

#include "shim/sys.h"

#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

void report_unreachable(const char run[SOCKATLAS_REPORT_RUN_SIZE])
{
    enum { NAME = sizeof(SOCKATLAS_REPORT_NAME) - 1 };
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct sockatlas_report report = {.magic = SOCKATLAS_REPORT_MAGIC};
    memcpy(to.sun_path + 1, SOCKATLAS_REPORT_NAME, NAME);
    memcpy(to.sun_path + 1 + NAME, run, SOCKATLAS_REPORT_RUN_SIZE);
    sys(SYS_prctl, PR_GET_NAME, report.comm);
    long fd = sys(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    sys(SYS_sendto, fd, &report, sizeof(report), MSG_NOSIGNAL, &to,
        offsetof(struct sockaddr_un, sun_path) + 1 + NAME + SOCKATLAS_REPORT_RUN_SIZE);
    sys(SYS_close, fd);
}
