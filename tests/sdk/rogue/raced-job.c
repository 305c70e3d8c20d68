/* SPDX-License-Identifier: MIT */
/* Rogue plugin: counts messages in a job's thread and on the loop, in the same number and without a lock. */
#include <chatd/chatd.h>

static int count;

static int run(void *arg)
{
    (void)arg;
    count++;
    return CHATD_OK;
}

static void done(chatd_plugin *self, int rc, void *arg)
{
    (void)arg;
    chatd_log(self, CHATD_LOG_INFO, "done rc=%d", rc);
}

static enum chatd_verdict check(chatd_plugin *self, struct chatd_ev_message *msg)
{
    const struct chatd_job job = {
        .size = sizeof(job), .queue = CHATD_JOB_IO, .run = run, .done = done};

    (void)msg;
    (void)chatd_job(self, &job);
    count++;
    return CHATD_NEXT;
}

static int init(chatd_plugin *self)
{
    return chatd_on_message(self, CHATD_CHECK, check);
}

CHATD_PLUGIN(.name = "raced-job", .version = "1.0", .license = "MIT", .init = init);
