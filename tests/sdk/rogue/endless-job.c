/* SPDX-License-Identifier: MIT */
/* Rogue plugin: a job that sleeps far beyond its deadline. */
#define _GNU_SOURCE 1 /* nanosleep() */
#include <chatd/chatd.h>

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define DEADLINE_MS 200u

struct job_config {
    int64_t sleep_ms;
};

static const struct chatd_cfg_field fields[] = {
    {.key = "sleep",
     .type = CHATD_CFG_DURATION,
     .def = "30s",
     .min = 1,
     .max = 3600000,
     .offset = offsetof(struct job_config, sleep_ms),
     .help = "how long the job takes; its deadline is 200 ms"},
    {.key = NULL},
};

/* The job's own memory, which release() frees. */
struct sleeper {
    chatd_plugin *self; /* for chatd_log(), which is tagged [any] */
    int64_t sleep_ms;
};

static int sleep_long(void *arg)
{
    const struct sleeper *s = arg;
    struct timespec left = {(time_t)(s->sleep_ms / 1000), (long)(s->sleep_ms % 1000) * 1000000};

    chatd_log(s->self, CHATD_LOG_INFO, "endless-job: run begins");
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        continue;
    chatd_log(s->self, CHATD_LOG_INFO, "endless-job: run returns");
    return CHATD_OK;
}

static void done(chatd_plugin *self, int rc, void *arg)
{
    (void)arg;
    chatd_log(self, CHATD_LOG_INFO, "endless-job: done rc=%d", rc);
}

static void release(void *arg)
{
    struct sleeper *s = arg;

    chatd_log(s->self, CHATD_LOG_INFO, "endless-job: released");
    free(s);
}

static int init(chatd_plugin *self)
{
    (void)self;
    return CHATD_OK;
}

static int start(chatd_plugin *self)
{
    const struct job_config *cfg = self->config;
    struct sleeper *s = calloc(1, sizeof(*s));
    struct chatd_job job = {
        .size = sizeof(job),
        .queue = CHATD_JOB_IO,
        .deadline_ms = DEADLINE_MS,
        .run = sleep_long,
        .done = done,
        .release = release,
        .arg = s,
    };
    int rc;

    if (s == NULL)
        return CHATD_E_BUSY;
    s->self = self;
    s->sleep_ms = cfg->sleep_ms;
    rc = chatd_job(self, &job);
    chatd_log(self, CHATD_LOG_INFO, "endless-job: queued rc=%d", rc);
    if (rc < 0)
        free(s);
    return rc;
}

CHATD_PLUGIN(.name = "endless-job", .version = "1.0", .license = "MIT", .config = fields,
             .config_size = sizeof(struct job_config), .init = init, .start = start);
