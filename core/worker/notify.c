/* SPDX-License-Identifier: MIT */
/* Tells systemd how the server is, as sd_notify(3) describes the protocol. */
#include "worker/notify.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/num.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify(const char *fmt, ...)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = path != NULL ? strlen(path) : 0;
    struct buf text = {0};
    va_list ap;
    int fd;

    if (n == 0 || n >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(to.sun_path, path, n);
    if (path[0] == '@')
        to.sun_path[0] = '\0'; /* not a file */
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || sendto(fd, text.p, text.n, MSG_NOSIGNAL, (const struct sockaddr *)&to,
                         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
        log_debug("NOTIFY_SOCKET takes no message");
    if (fd >= 0)
        close(fd);
    buf_deinit(&text);
}

int64_t notify_watchdog_ms(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    uint64_t n;

    if (usec == NULL || !num_parse_u64(usec, strlen(usec), &n))
        return 0;
    if (pid != NULL) {
        uint64_t whom;

        if (!num_parse_u64(pid, strlen(pid), &whom) || (pid_t)whom != getpid())
            return 0;
    }
    return (int64_t)(n / 1000);
}
