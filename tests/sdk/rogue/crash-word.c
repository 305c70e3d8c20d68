/* SPDX-License-Identifier: MIT */
/* Rogue plugin: dies, or hangs, in its handler of a message, each kind by a word of its own. */
#include <chatd/chatd.h>

#include <stdlib.h>
#include <string.h>

/* Volatile, so that no compiler sees what comes of it. */
static int *volatile nowhere;
static void (*volatile nothing)(void);

/* A sanitizer would end the process in its own way, before the system does. */
__attribute__((no_sanitize("undefined"))) static int crash(void *arg)
{
    (void)arg;
    *nowhere = 1;
    return CHATD_OK;
}

__attribute__((no_sanitize("undefined"))) static void call_nothing(void)
{
    nothing();
}

static void begin_job(chatd_plugin *self)
{
    const struct chatd_job job = {.size = sizeof(job), .queue = CHATD_JOB_CPU, .run = crash};

    (void)chatd_job(self, &job);
}

static void crash_later(chatd_plugin *self, void *arg)
{
    (void)self;
    crash(arg);
}

static enum chatd_verdict check(chatd_plugin *self, struct chatd_ev_message *msg)
{
    const char *text = msg->text.p;

    if (strstr(text, "crash me") != NULL)
        crash(NULL);
    if (strstr(text, "call nothing") != NULL)
        call_nothing();
    if (strstr(text, "abort me") != NULL)
        abort();
    if (strstr(text, "exit please") != NULL)
        exit(7);
    if (strstr(text, "hang me") != NULL) {
        for (volatile unsigned turns = 0;; turns++)
            continue;
    }
    if (strstr(text, "job me") != NULL)
        begin_job(self);
    if (strstr(text, "timer me") != NULL)
        (void)chatd_timer_start(self, 1, 0, crash_later, NULL, NULL);
    return CHATD_NEXT;
}

static int init(chatd_plugin *self)
{
    return chatd_on_message(self, CHATD_CHECK, check);
}

CHATD_PLUGIN(.name = "crash-word", .version = "1.0", .license = "MIT", .init = init);
