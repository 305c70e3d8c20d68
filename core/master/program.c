/* SPDX-License-Identifier: MIT */
/* Starts this program again, in another role. */
#include "base/log.h"
#include "base/mem.h"
#include "master/master.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHILD_FD = 3 };

static char *in_path(const char *name)
{
    const char *p = getenv("PATH");

    while (p != NULL && *p != '\0') {
        size_t n = strcspn(p, ":");
        char *at = mem_printf("%.*s/%s", (int)n, p, name);

        if (n > 0 && *p == '/' && access(at, X_OK) == 0)
            return at;
        mem_free(at);
        p += n + (p[n] == ':');
    }
    return NULL;
}

/* Links stay links: what they lead to may be another version by the time of a roll. */
char *program_path(const char *argv0)
{
    char folder[PATH_MAX];
    char *found = NULL;
    ssize_t n;

    if (argv0[0] == '/')
        return mem_strdup(argv0);
    if (strchr(argv0, '/') != NULL && getcwd(folder, sizeof(folder)) != NULL)
        return mem_printf("%s/%s", folder, argv0);
    found = in_path(argv0);
    if (found != NULL)
        return found;
    n = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
    return n > 0 ? mem_strndup(folder, (size_t)n) : mem_strdup(argv0);
}

static void become(const struct master *m, const char *role, int fd)
{
    static const int handled[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGCHLD, SIGPIPE};
    const char *argv[] = {m->program, role, "-c", m->file, NULL};
    sigset_t none;
    size_t i;

    for (i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
        signal(handled[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    unsetenv("NOTIFY_SOCKET"); /* what systemd hears is the master's to say */
    unsetenv("WATCHDOG_USEC");
    if (fd == CHILD_FD)
        fcntl(fd, F_SETFD, 0);
    else if (fd >= 0)
        dup2(fd, CHILD_FD);
    if (m->file == NULL)
        argv[2] = NULL;
    /* Whatever program lies there now: a check that does not end must not hold up a roll. It survives exec;
     * chatd's own check gives up a second earlier, and says on whom. */
    if (strcmp(role, ROLE_WORKER) != 0)
        alarm((unsigned)(m->opt.start_time / 1000) + 1);
    execv(m->program, (char *const *)(uintptr_t)argv);
    log_error("cannot run %s: %s", m->program, strerror(errno));
    _exit(127);
}

/* `fd`, which may be -1, is its descriptor 3. */
static pid_t start(const struct master *m, const char *role, int fd)
{
    sigset_t all, before;
    pid_t pid;

    /* A signal between fork and exec would be handled in the child, for the master. */
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0)
        become(m, role, fd);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (pid < 0)
        log_error("cannot start a process: %s", strerror(errno));
    return pid;
}

pid_t program_worker(const struct master *m, int *fd_out)
{
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        log_error("cannot make a socket pair: %s", strerror(errno));
        return -1;
    }
    pid = start(m, ROLE_WORKER, pair[1]);
    close(pair[1]);
    if (pid < 0)
        close(pair[0]);
    *fd_out = pair[0];
    return pid;
}

pid_t program_check(const struct master *m, int copy)
{
    return start(m, copy >= 0 ? ROLE_CHECK_COPY : ROLE_CHECK, copy);
}
