/* SPDX-License-Identifier: MIT */
/* The user, the runtime folder and the pid file. */
#include "worker/place.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/secrecy.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- the pid file ------------------------------------------------------------------------------- */

static int refuse_second(int fd, const char *path)
{
    char text[32] = "";
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

    text[n > 0 ? strcspn(text, "\n") : 0] = '\0';
    log_error("%s is locked by another chatd (pid %s): stop that one, or set another runtime_dir",
              path, text[0] != '\0' ? text : "unknown");
    close(fd);
    return -1;
}

static int open_pid_file(struct place *p, const char *folder, const struct passwd *pw)
{
    bool is_made = mkdir(folder, 0755) == 0 && chmod(folder, 0755) == 0; /* whatever the umask */
    char *path;
    int fd;

    if (!is_made && errno != EEXIST) {
        log_error("runtime_dir = %s cannot be made: %s", folder, strerror(errno));
        return -1;
    }
    /* One that was there stays whose it is: it may be /run. */
    if (is_made && pw != NULL && chown(folder, pw->pw_uid, pw->pw_gid) < 0)
        log_warn("runtime_dir = %s cannot be given to %s: %s", folder, pw->pw_name,
                 strerror(errno));
    path = mem_printf("%s/chatd.pid", folder);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        log_error("%s cannot be written: %s", path, strerror(errno));
    else if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        fd = refuse_second(fd, path);
    if (fd < 0) {
        mem_free(path);
        return -1;
    }
    if (fchmod(fd, 0644) < 0 || ftruncate(fd, 0) < 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0)
        log_warn("%s cannot be written: %s", path, strerror(errno));
    p->pid_fd = fd;
    p->pid_path = path;
    return 0;
}

void place_leave(struct place *p)
{
    if (p->pid_fd >= 0) {
        if (unlink(p->pid_path) < 0 && ftruncate(p->pid_fd, 0) < 0)
            log_debug("%s cannot be removed: %s", p->pid_path, strerror(errno));
        close(p->pid_fd);
    }
    mem_free(p->pid_path);
    *p = (struct place){.pid_fd = -1};
}

/* --- the user ----------------------------------------------------------------------------------- */

/* NULL: nobody to become. False: there is no such user. */
static bool find_user(const char *name, struct passwd **pw_out)
{
    *pw_out = NULL;
    if (geteuid() != 0) {
        const struct passwd *own = getpwuid(geteuid());

        if (name != NULL && (own == NULL || strcmp(own->pw_name, name) != 0))
            log_warn("user = %s: only root can become somebody else; going on as %s", name,
                     own != NULL ? own->pw_name : "the present user");
        return true;
    }
    if (name == NULL) {
        log_warn("running as root: write user = NAME in [chatd], or start chatd as somebody else");
        return true;
    }
    *pw_out = getpwnam(name);
    if (*pw_out == NULL)
        log_error("user = %s: there is no such user", name);
    return *pw_out != NULL;
}

static int become(const struct passwd *pw)
{
    if (pw->pw_uid == 0)
        return 0;
    if (initgroups(pw->pw_name, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 ||
        setuid(pw->pw_uid) < 0) {
        log_error("cannot become %s: %s", pw->pw_name, strerror(errno));
        return -1;
    }
    return 0;
}

int place_take(struct place *p, const struct core_options *opt)
{
    struct passwd *pw;

    *p = (struct place){.pid_fd = -1};
    if (!find_user(opt->user, &pw))
        return -1;
    if (opt->runtime_dir != NULL && open_pid_file(p, opt->runtime_dir, pw) < 0)
        return -1;
    if (pw != NULL && become(pw) < 0) {
        place_leave(p);
        return -1;
    }
    secrecy_cores(opt->core_dumps); /* a change of user has set it anew */
    return 0;
}
