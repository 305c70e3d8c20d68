/* SPDX-License-Identifier: MIT */
/* Rogue plugin: begins new work in its last call. */
#include <chatd/chatd.h>

static void late_call(chatd_plugin *self, void *arg)
{
    (void)arg;
    chatd_log(self, CHATD_LOG_ERROR, "timer-in-stop: called after stop");
}

static int late_run(void *arg)
{
    (void)arg;
    return CHATD_OK;
}

static void late_done(chatd_plugin *self, int rc, void *arg)
{
    (void)rc;
    late_call(self, arg);
}

static int init(chatd_plugin *self)
{
    (void)self;
    return CHATD_OK;
}

static void stop(chatd_plugin *self)
{
    struct chatd_job job = {
        .size = sizeof(job), .queue = CHATD_JOB_CPU, .run = late_run, .done = late_done};
    chatd_timer timer = {0};
    int timer_rc = chatd_timer_start(self, 0, 1, late_call, NULL, &timer);
    int post_rc = chatd_post(self, late_call, NULL);
    int job_rc = chatd_job(self, &job);

    chatd_log(self, CHATD_LOG_INFO, "timer-in-stop: timer rc=%d post rc=%d job rc=%d", timer_rc,
              post_rc, job_rc);
}

CHATD_PLUGIN(.name = "timer-in-stop", .version = "1.0", .license = "MIT", .init = init,
             .stop = stop);
