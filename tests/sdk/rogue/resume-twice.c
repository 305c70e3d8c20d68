/* SPDX-License-Identifier: MIT */
/* Rogue plugin: lets every message wait, resumes it from a timer, and then once more. */
#include <chatd/chatd.h>

#include <stdlib.h>

#define RESUME_MS 50u

struct pending {
    chatd_wait wait;
};

static void resume(chatd_plugin *self, void *arg)
{
    struct pending *p = arg;
    int first_rc = chatd_resume(self, p->wait, CHATD_NEXT, NULL, NULL);
    int second_rc = chatd_resume(self, p->wait, CHATD_DENY, "rogue.again", "This must not count.");

    chatd_log(self, CHATD_LOG_INFO, "resume-twice: first rc=%d second rc=%d", first_rc, second_rc);
    free(p);
}

/* The client left before the timer: the timer still comes and finds the wait gone. */
static void gone(chatd_plugin *self, void *arg)
{
    (void)arg;
    chatd_log(self, CHATD_LOG_INFO, "resume-twice: gone was called");
}

static enum chatd_verdict check(chatd_plugin *self, struct chatd_ev_message *msg)
{
    struct pending *p = calloc(1, sizeof(*p));
    chatd_timer timer;

    if (p == NULL || chatd_ev_wait(self, &msg->ev, 10000, gone, p, &p->wait) < 0) {
        free(p);
        return CHATD_NEXT;
    }
    if (chatd_timer_start(self, RESUME_MS, 0, resume, p, &timer) < 0)
        chatd_log(self, CHATD_LOG_ERROR, "resume-twice: no timer");
    return CHATD_WAIT;
}

static int init(chatd_plugin *self)
{
    return chatd_on_message(self, CHATD_CHECK, check);
}

CHATD_PLUGIN(.name = "resume-twice", .version = "1.0", .license = "MIT", .init = init);
