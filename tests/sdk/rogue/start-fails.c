/* SPDX-License-Identifier: MIT */
/* Rogue plugin: its start begins a timer and a job, and then fails. */
#include <chatd/chatd.h>

#include <stdlib.h>

/* Both are freed by stop() and release(): who forgets to call them leaks. */
struct start_data {
    int unused;
};

static void on_timer(chatd_plugin *self, void *arg)
{
    (void)arg;
    chatd_log(self, CHATD_LOG_ERROR, "start-fails: its timer was called");
}

static int run(void *arg)
{
    (void)arg;
    return CHATD_OK;
}

static void done(chatd_plugin *self, int rc, void *arg)
{
    (void)arg;
    chatd_log(self, CHATD_LOG_INFO, "start-fails: its job ended rc=%d", rc);
}

static void release(void *arg)
{
    free(arg);
}

static int init(chatd_plugin *self)
{
    self->data = calloc(1, sizeof(struct start_data));
    return self->data != NULL ? CHATD_OK : CHATD_E_BUSY;
}

static int start(chatd_plugin *self)
{
    const struct chatd_job job = {
        .size = sizeof(job),
        .queue = CHATD_JOB_IO,
        .run = run,
        .done = done,
        .release = release,
        .arg = calloc(1, sizeof(struct start_data)),
    };
    chatd_timer timer;
    int timer_rc = chatd_timer_start(self, 1, 1, on_timer, NULL, &timer);
    int job_rc = chatd_job(self, &job);

    chatd_log(self, CHATD_LOG_INFO, "start-fails: timer rc=%d job rc=%d, now failing", timer_rc,
              job_rc);
    return CHATD_E_BACKEND;
}

static void stop(chatd_plugin *self)
{
    chatd_log(self, CHATD_LOG_INFO, "start-fails: stop was called");
    free(self->data);
    self->data = NULL;
}

CHATD_PLUGIN(.name = "start-fails", .version = "1.0", .license = "MIT", .init = init,
             .start = start, .stop = stop);
