/* SPDX-License-Identifier: MIT */
/* The side file: locks by byte range and two lines of text. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* F_OFD_SETLK */
#endif
#include "lockfile.h"

#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum lock_byte { BYTE_STARTERS = 0, BYTE_INSTANCE = 1, BYTE_WRITERS = 2, BYTE_DOOR = 3 };

/* Both lines have a fixed width, so that each is replaced by one small write in place. */
#define INSTANCE_LINE 64
#define NOTE_LINE     56
#define NOTE_OFFSET   INSTANCE_LINE
#define TEXT_END      (NOTE_OFFSET + NOTE_LINE)

/* Whole blocks of their own, on every file system. */
#define ROOM_OFFSET 65536
#define ROOM_BYTES  8192

/* 0 or an errno. */
static int lock_set(int fd, short type, enum lock_byte byte, bool wait)
{
    struct flock range = {.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1};

    while (fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &range) != 0)
        if (errno != EINTR)
            return errno;
    return 0;
}

/* Reads a line of fixed width; false: the file does not hold it. */
static bool line_read(int fd, off_t offset, char *line, size_t width)
{
    if (pread(fd, line, width, offset) != (ssize_t)width || line[width - 1] != '\n')
        return false;
    line[width - 1] = '\0';
    return true;
}

/* Pads `line` (room for `width` + 1 bytes) with blanks and writes it. */
static bool line_write(int fd, off_t offset, char *line, size_t width)
{
    size_t n = strlen(line);

    memset(line + n, ' ', width - 1 - n);
    line[width - 1] = '\n';
    return pwrite(fd, line, width, offset) == (ssize_t)width;
}

static bool instance_read(int fd, char id[LOCKFILE_INSTANCE_MAX + 1], long *pid_out)
{
    char line[INSTANCE_LINE + 1];

    return line_read(fd, 0, line, INSTANCE_LINE) &&
           /* The width keeps the number small: NOLINTNEXTLINE(cert-err34-c) */
           sscanf(line, "instance %32s pid %10ld", id, pid_out) == 2;
}

static int refuse(struct lockfile *lock, int err, char *sentence, char **err_out)
{
    *err_out = sentence;
    lockfile_close(lock);
    return err;
}

static bool is_held(int failed)
{
    return failed == EAGAIN || failed == EACCES;
}

/* A master that was killed leaves workers behind, which end as soon as they notice. */
static bool is_gone(long pid)
{
    return pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static void tell_wait(const struct lockfile_options *options, long pid)
{
    char *text = options->notice == NULL
                     ? NULL
                     : text_format("%s is still held by workers of a chatd that is gone (pid %ld): "
                                   "waiting for their end, %u s at most",
                                   options->database, pid, options->patience_ms / 1000);

    if (text != NULL)
        options->notice(options->arg, text);
    free(text);
}

/* 0 when the last process of the other instance has ended. */
static int outlive(struct lockfile *lock, const struct lockfile_options *options, long pid)
{
    int failed = EAGAIN;

    tell_wait(options, pid);
    for (uint32_t ms = 0; is_held(failed) && ms < options->patience_ms; ms += LOCKFILE_POLL_MS) {
        poll(NULL, 0, (int)LOCKFILE_POLL_MS);
        failed = lock_set(lock->fd, F_WRLCK, BYTE_INSTANCE, false);
    }
    return failed;
}

static int refuse_held(struct lockfile *lock, const char *database, long pid, char **err_out)
{
    const char *who =
        is_gone(pid) ? "held by workers of a chatd that is gone" : "in use by another chatd";

    return refuse(lock, CHATD_E_BUSY,
                  text_format("%s is %s (pid %ld): stop that one, or set another path in "
                              "[history-sqlite].",
                              database, who, pid),
                  err_out);
}

/* Takes a share of the instance lock; all of it when nobody of our instance is there. */
static int instance_enter(struct lockfile *lock, const struct lockfile_options *options,
                          char **err_out)
{
    char id[LOCKFILE_INSTANCE_MAX + 1];
    long pid = 0;
    bool ours = instance_read(lock->fd, id, &pid) && strcmp(id, lock->instance) == 0;
    int failed = lock_set(lock->fd, F_WRLCK, BYTE_INSTANCE, false);

    if (is_held(failed) && !ours && is_gone(pid))
        failed = outlive(lock, options, pid);
    lock->alone = failed == 0;
    if (is_held(failed) && !ours)
        return refuse_held(lock, options->database, pid, err_out);
    if (is_held(failed))
        failed = lock_set(lock->fd, F_RDLCK, BYTE_INSTANCE, true);
    if (failed != 0)
        return refuse(lock, CHATD_E_BACKEND,
                      text_format("%s cannot be locked: %s; set path in [history-sqlite] to a file "
                                  "on a local disk.",
                                  lock->path, strerror(failed)),
                      err_out);
    return CHATD_OK;
}

int lockfile_join(struct lockfile *lock, const struct lockfile_options *options, char **err_out)
{
    const chatd_str instance = options->instance;

    *lock = (struct lockfile){.fd = -1,
                              .path = text_format("%s.lock", options->database),
                              .server_pid =
                                  options->server_pid > 0 ? options->server_pid : (long)getpid()};
    if (lock->path == NULL || instance.n == 0 || instance.n > LOCKFILE_INSTANCE_MAX)
        return refuse(
            lock, CHATD_E_INVAL,
            text_format("%s cannot be opened: this server has no instance id.", options->database),
            err_out);
    memcpy(lock->instance, instance.p, instance.n);
    lock->fd = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock->fd < 0)
        return refuse(lock, CHATD_E_BACKEND,
                      text_format("%s cannot be opened: %s; set path in [history-sqlite] to a file "
                                  "in a folder that chatd may write.",
                                  lock->path, strerror(errno)),
                      err_out);
    int failed = lock_set(lock->fd, F_WRLCK, BYTE_STARTERS, true);

    if (failed != 0)
        return refuse(lock, CHATD_E_BACKEND,
                      text_format("%s cannot be locked: %s; set path in [history-sqlite] to a file "
                                  "on a local disk.",
                                  lock->path, strerror(failed)),
                      err_out);
    return instance_enter(lock, options, err_out);
}

int lockfile_settle(struct lockfile *lock, char **err_out)
{
    char line[INSTANCE_LINE + 1];

    snprintf(line, sizeof(line), "instance %-32s pid %-10ld", lock->instance, lock->server_pid);
    if (!line_write(lock->fd, 0, line, INSTANCE_LINE)) {
        *err_out = text_format("%s cannot be written: %s; make room, or set another path in "
                               "[history-sqlite].",
                               lock->path, strerror(errno));
        return CHATD_E_BACKEND;
    }
    /* From all of the lock to a share of it in one step: nobody slips in between. */
    lock_set(lock->fd, F_RDLCK, BYTE_INSTANCE, false);
    lock_set(lock->fd, F_UNLCK, BYTE_STARTERS, false);
    lock->alone = false;
    return CHATD_OK;
}

/* The kernel wakes all who wait, and gives the lock to whoever comes first: mostly the process that
 * had it, which runs already and wants it again. So one waits at the door with the door shut, and the
 * one that was inside stands in line behind. */
int lockfile_turn_begin(struct lockfile *lock)
{
    int failed = lock_set(lock->fd, F_WRLCK, BYTE_DOOR, true);

    if (failed != 0)
        return CHATD_E_BACKEND;
    failed = lock_set(lock->fd, F_WRLCK, BYTE_WRITERS, true);
    lock_set(lock->fd, F_UNLCK, BYTE_DOOR, false);
    return failed == 0 ? CHATD_OK : CHATD_E_BACKEND;
}

void lockfile_turn_end(struct lockfile *lock)
{
    lock_set(lock->fd, F_UNLCK, BYTE_WRITERS, false);
}

bool lockfile_note_read(const struct lockfile *lock, struct lockfile_note *note_out)
{
    char line[NOTE_LINE + 1];

    return line_read(lock->fd, NOTE_OFFSET, line, NOTE_LINE) &&
           /* As lockfile_note_write() wrote it: NOLINTNEXTLINE(cert-err34-c) */
           sscanf(line, "epoch %16s generation %20" SCNu64, note_out->epoch,
                  &note_out->generation) == 2;
}

bool lockfile_note_write(struct lockfile *lock, const struct lockfile_note *note)
{
    char line[NOTE_LINE + 1];

    snprintf(line, sizeof(line), "epoch %-16s generation %020" PRIu64, note->epoch,
             note->generation);
    return line_write(lock->fd, NOTE_OFFSET, line, NOTE_LINE);
}

int lockfile_room(struct lockfile *lock)
{
    static const char zeros[ROOM_BYTES];
    ssize_t n = pwrite(lock->fd, zeros, ROOM_BYTES, ROOM_OFFSET);
    int failed = n < 0 ? errno : n < ROOM_BYTES ? ENOSPC : 0;

    if (n > 0 && ftruncate(lock->fd, TEXT_END) != 0 && failed == 0)
        failed = errno;
    return failed;
}

void lockfile_close(struct lockfile *lock)
{
    if (lock->fd >= 0)
        close(lock->fd);
    free(lock->path);
    *lock = (struct lockfile){.fd = -1};
}
