/* SPDX-License-Identifier: MIT */
/* Timers, posts, jobs and watches, one after the other: GET /NAME/tasks is answered by the last one. */
#define _GNU_SOURCE 1 /* nanosleep() */
#include "probe.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct chain {
    chatd_plugin *self; /* for run(), which is given nothing else */
    chatd_req req;
    struct text text;
    chatd_timer timer;
    chatd_watch watch;
    int fd[2];
    int ticks, events, in_thread;
};

static void fail(struct chain *chain, const char *what, int rc)
{
    text_add(&chain->text, ",\"failed\":\"%s\",\"rc\":%d}", what, rc);
    text_reply(chain->self, chain->req, &chain->text);
    free(chain);
}

/* --- 5: watches -------------------------------------------------------------------------------------------------- */

static void on_ready(chatd_plugin *self, int fd, int events, void *arg)
{
    struct chain *chain = arg;
    char byte = 0;

    chain->events |= events;
    if (events & CHATD_WATCH_READ) {
        int set_rc = read(fd, &byte, 1) == 1
                         ? chatd_watch_set(self, chain->watch, CHATD_WATCH_WRITE)
                         : CHATD_E_BACKEND;

        text_add(&chain->text, ",\"read\":%d,\"set\":%d", byte, set_rc);
        return;
    }
    text_add(&chain->text, ",\"rest\":%d", chatd_watch_set(self, chain->watch, 0));
    text_add(&chain->text, ",\"watch\":%d", chatd_watch_cancel(self, chain->watch));
    text_add(&chain->text, ",\"watch_gone\":%d", chatd_watch_cancel(self, chain->watch));
    text_add(&chain->text, ",\"watched\":%d}", chain->events);
    close(chain->fd[0]);
    close(chain->fd[1]);
    text_reply(self, chain->req, &chain->text);
    free(chain);
}

static void begin_watch(struct chain *chain)
{
    int rc;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, chain->fd) < 0) {
        fail(chain, "socketpair", CHATD_E_BACKEND);
        return;
    }
    rc = chatd_watch_start(chain->self, chain->fd[0], CHATD_WATCH_READ, on_ready, chain,
                           &chain->watch);
    if (rc < 0 || write(chain->fd[1], "\7", 1) != 1)
        fail(chain, "watch", rc);
}

/* --- 4: a job that is late, and lets its thread's plugin know ---------------------------------------------------- */

static int run_late(void *arg)
{
    const struct timespec nap = {0, 150000000};

    (void)arg;
    nanosleep(&nap, NULL);
    return 9;
}

static void late_done(chatd_plugin *self, int rc, void *arg)
{
    struct chain *chain = arg;

    (void)self;
    text_add(&chain->text, ",\"late\":%d", rc);
}

static void late_release(void *arg)
{
    seen("released late");
    begin_watch(arg);
}

static void begin_late(struct chain *chain)
{
    const struct chatd_job job = {
        .size = sizeof(job),
        .queue = CHATD_JOB_IO,
        .deadline_ms = 30,
        .run = run_late,
        .done = late_done,
        .release = late_release,
        .arg = chain,
    };
    int rc = chatd_job(chain->self, &job);

    if (rc < 0)
        fail(chain, "late job", rc);
}

/* --- 3: a job in a thread, with all that is tagged [any] --------------------------------------------------------- */

static void posted_by_thread(chatd_plugin *self, void *arg)
{
    (void)self;
    ((struct chain *)arg)->in_thread++;
}

static int run(void *arg)
{
    struct chain *chain = arg;
    unsigned char drawn[8];
    char *block = chatd_alloc(chain->self, 10);

    if (block == NULL)
        return CHATD_E_BUSY;
    block[0] = 1;
    chatd_free(chain->self, block);
    chatd_random(chain->self, drawn, sizeof(drawn));
    chatd_log(chain->self, CHATD_LOG_DEBUG, "in a thread");
    return chatd_mono_ms(chain->self) > 0 && chatd_wall_ms(chain->self) > 0 &&
                   chatd_post(chain->self, posted_by_thread, chain) == CHATD_OK
               ? 7
               : CHATD_E_BACKEND;
}

static void run_done(chatd_plugin *self, int rc, void *arg)
{
    struct chain *chain = arg;

    (void)self;
    text_add(&chain->text, ",\"job\":%d,\"posted\":%d", rc, chain->in_thread);
}

static void run_release(void *arg)
{
    seen("released");
    begin_late(arg);
}

static void on_post(chatd_plugin *self, void *arg)
{
    struct chain *chain = arg;
    struct chatd_job job = {
        .size = sizeof(job),
        .queue = 9,
        .run = run,
        .done = run_done,
        .release = run_release,
        .arg = chain,
    };
    int rc;

    text_add(&chain->text, ",\"no_queue\":%d", chatd_job(self, &job));
    job.queue = CHATD_JOB_CPU;
    rc = chatd_job(self, &job);
    if (rc < 0)
        fail(chain, "job", rc);
}

/* --- 2: a post, 1: a timer --------------------------------------------------------------------------------------- */

static void on_timer(chatd_plugin *self, void *arg)
{
    struct chain *chain = arg;
    int rc;

    if (++chain->ticks < 3)
        return;
    text_add(&chain->text, "{\"timer\":%d", chatd_timer_cancel(self, chain->timer));
    text_add(&chain->text, ",\"timer_gone\":%d", chatd_timer_cancel(self, chain->timer));
    rc = chatd_post(self, on_post, chain);
    if (rc < 0)
        fail(chain, "post", rc);
}

static void begin(chatd_plugin *self, chatd_req req)
{
    struct chain *chain = calloc(1, sizeof(*chain));
    int rc;

    if (chain == NULL)
        abort();
    chain->self = self;
    chain->req = req;
    rc = chatd_timer_start(self, 5, 5, on_timer, chain, &chain->timer);
    if (rc < 0)
        fail(chain, "timer", rc);
}

int tasks_init(chatd_plugin *self)
{
    return probe_get(self, "/" NAME "/tasks", 0, begin);
}
