/* SPDX-License-Identifier: MIT */
/*
 * The contract wants pending calls answered before the first stop(). The core tells jobs of that
 * moment, and nothing else: so one is under way, which does nothing but wait until it is told.
 */
#include "farewell.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* The job's own: run() may return when the plugin is gone. */
struct farewell {
    int fd[2]; /* a pipe */
    void (*over)(void *arg);
    void *arg;
};

static int job_run(void *arg)
{
    const struct farewell *farewell = arg;
    char byte;

    (void)!read(farewell->fd[0], &byte, 1); /* until the other end is closed */
    return CHATD_OK;
}

static void job_done(chatd_plugin *self, int rc, void *arg)
{
    const struct farewell *farewell = arg;

    (void)self, (void)rc;
    close(farewell->fd[1]);
    farewell->over(farewell->arg);
}

static void job_release(void *arg)
{
    struct farewell *farewell = arg;

    close(farewell->fd[0]);
    free(farewell);
}

int farewell_wait(chatd_plugin *self, void (*over)(void *arg), void *arg)
{
    struct farewell *farewell = calloc(1, sizeof(*farewell));

    if (farewell == NULL || pipe2(farewell->fd, O_CLOEXEC) < 0) {
        free(farewell);
        return CHATD_E_BUSY;
    }
    farewell->over = over;
    farewell->arg = arg;
    const struct chatd_job job = {.size = sizeof(job),
                                  .queue = CHATD_JOB_IO,
                                  .run = job_run,
                                  .done = job_done,
                                  .release = job_release,
                                  .arg = farewell};
    int err = chatd_job(self, &job);

    if (err != CHATD_OK) {
        close(farewell->fd[1]);
        job_release(farewell);
    }
    return err;
}
