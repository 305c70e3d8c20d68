/* SPDX-License-Identifier: MIT */
/* Rogue plugin: goes on with a message from a job's thread, where only what is tagged [any] may be called. */
#include <chatd/chatd.h>

#include <stdlib.h>

struct pending {
    chatd_plugin *self;
    chatd_wait wait;
};

static int run(void *arg)
{
    struct pending *p = arg;

    chatd_log(p->self, CHATD_LOG_INFO, "job-resume: resuming in a thread");
    return chatd_resume(p->self, p->wait, CHATD_NEXT, NULL, NULL);
}

static enum chatd_verdict check(chatd_plugin *self, struct chatd_ev_message *msg)
{
    struct pending *p = calloc(1, sizeof(*p));
    const struct chatd_job job = {
        .size = sizeof(job),
        .queue = CHATD_JOB_CPU,
        .run = run,
        .release = free,
        .arg = p,
    };

    if (p == NULL || chatd_ev_wait(self, &msg->ev, 10000, NULL, NULL, &p->wait) < 0) {
        free(p);
        return CHATD_NEXT;
    }
    p->self = self;
    if (chatd_job(self, &job) < 0)
        chatd_log(self, CHATD_LOG_ERROR, "job-resume: no job");
    return CHATD_WAIT;
}

static int init(chatd_plugin *self)
{
    return chatd_on_message(self, CHATD_CHECK, check);
}

CHATD_PLUGIN(.name = "job-resume", .version = "1.0", .license = "MIT", .init = init);
