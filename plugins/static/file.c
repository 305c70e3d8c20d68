/* SPDX-License-Identifier: MIT */
/* Files below the root: opening without leaving it, and reading whole; blocks, so for job threads. */
#define _GNU_SOURCE 1 /* O_PATH, syscall() */
#include "file.h"

#include "gzip.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* NONBLOCK: opening a pipe somebody put there must not hang the thread. */
#define FILE_FLAGS (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

/* Symbolic links are followed as long as they stay below the root. */
static int open_beneath(int root_fd, const char *path)
{
    struct open_how how;
    int fd, tries = 8;

    memset(&how, 0, sizeof(how));
    how.flags = FILE_FLAGS;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    do {
        fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
    } while (fd < 0 && (errno == EAGAIN || errno == EINTR) && --tries > 0); /* EAGAIN: a rename */
    return fd;
}

/* For kernels and sandboxes without openat2: segment by segment, no symbolic links at all. */
static int open_by_segment(int root_fd, const char *path)
{
    char name[256];
    int dir = root_fd, fd;

    for (;;) {
        const char *slash = strchr(path, '/');
        size_t n = slash != NULL ? (size_t)(slash - path) : strlen(path);

        if (n >= sizeof(name)) {
            fd = -1;
            errno = ENAMETOOLONG;
        } else {
            memcpy(name, path, n);
            name[n] = '\0';
            fd = openat(dir, name,
                        slash != NULL ? O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
                                      : FILE_FLAGS | O_NOFOLLOW);
        }
        if (dir != root_fd) {
            int saved = errno;

            (void)close(dir);
            errno = saved;
        }
        if (fd < 0 || slash == NULL)
            return fd;
        dir = fd;
        path = slash + 1;
    }
}

static int open_below(const char *root, const char *path)
{
    int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd, saved;

    if (root_fd < 0)
        return -1;
    fd = open_beneath(root_fd, path);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) /* EPERM: what some sandboxes answer */
        fd = open_by_segment(root_fd, path);
    saved = errno;
    (void)close(root_fd);
    errno = saved;
    return fd;
}

/* Errors that mean "there is no such file here" to the one who asked. ENXIO: a socket. */
static int is_absence(int error)
{
    return error == ENOENT || error == ENOTDIR || error == ELOOP || error == EXDEV ||
           error == ENAMETOOLONG || error == ENXIO;
}

static struct static_id id_of(const struct stat *st)
{
    struct static_id id = {
        .dev = (uint64_t)st->st_dev,
        .ino = (uint64_t)st->st_ino,
        .bytes = (int64_t)st->st_size,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
        .ctime_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec,
    };

    return id;
}

static int id_equal(const struct static_id *a, const struct static_id *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->bytes == b->bytes &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* The clock of file times ticks every few milliseconds, so that two changes may bear the same time. A
 * file changed just now gets an id that nothing equals: the next look reads it again. */
static void id_doubt(struct static_id *id)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if ((int64_t)now.tv_sec * 1000000000 + now.tv_nsec - id->ctime_ns < 100000000)
        id->ctime_ns = -1;
}

/* Reads `n` bytes, or less where the file became shorter. */
static ssize_t read_all(int fd, char *bytes, size_t n)
{
    size_t got = 0;

    while (got < n) {
        ssize_t r = read(fd, bytes + got, n - got);

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -1;
        if (r == 0)
            break;
        got += (size_t)r;
    }
    return (ssize_t)got;
}

/* A file that is written to meanwhile gives a mixture, but the id is the one from before: the next
 * look at it sees the difference and reads again. */
static int read_open(int fd, int64_t bytes_max, const struct static_id *known,
                     struct static_file *file_out)
{
    struct static_form *plain = &file_out->plain;
    struct stat st;
    ssize_t got;
    size_t n;

    if (fstat(fd, &st) < 0)
        return CHATD_E_BACKEND;
    if (!S_ISREG(st.st_mode))
        return CHATD_E_NOTFOUND;
    if ((int64_t)st.st_size > bytes_max)
        return CHATD_E_INVAL;
    file_out->id = id_of(&st);
    if (known != NULL && id_equal(known, &file_out->id))
        return STATIC_UNCHANGED;
    id_doubt(&file_out->id);
    n = (size_t)st.st_size;
    plain->bytes = malloc(n + 1);
    if (plain->bytes == NULL)
        return CHATD_E_BACKEND;
    got = read_all(fd, plain->bytes, n);
    if (got < 0) {
        int saved = errno;

        static_file_deinit(file_out);
        errno = saved;
        return CHATD_E_BACKEND;
    }
    plain->n = (size_t)got;
    plain->bytes[got] = '\0';
    static_etag(plain->bytes, plain->n, plain->etag);
    return CHATD_OK;
}

int static_file_read(const char *root, const char *path, int64_t bytes_max,
                     const struct static_id *known, struct static_file *file_out, int *errno_out)
{
    int fd = open_below(root, path);
    int rc;

    memset(file_out, 0, sizeof(*file_out));
    if (fd < 0) {
        if (errno_out != NULL)
            *errno_out = errno;
        return is_absence(errno) ? CHATD_E_NOTFOUND : CHATD_E_BACKEND;
    }
    errno = 0; /* so that "not a regular file" is told from a failure */
    rc = read_open(fd, bytes_max, known, file_out);
    if (errno_out != NULL)
        *errno_out = errno;
    (void)close(fd);
    return rc;
}

void static_file_compress(struct static_file *file)
{
    struct static_form *gzip = &file->gzip;

    if (static_gzip(file->plain.bytes, file->plain.n, &gzip->bytes, &gzip->n))
        static_etag(gzip->bytes, gzip->n, gzip->etag);
}

void static_file_deinit(struct static_file *file)
{
    free(file->plain.bytes);
    free(file->gzip.bytes);
    file->plain.bytes = NULL;
    file->gzip.bytes = NULL;
}
