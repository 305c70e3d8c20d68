/* SPDX-License-Identifier: MIT */
/* Timers, posts, jobs and watches. */
#include "host.h"

#include <poll.h>
#include <stdlib.h>

/* --- posts ---------------------------------------------------------------------------------------- */

void task_add(struct testhost *t, const struct task *task)
{
    struct task *copy = mem_alloc(sizeof(*copy));

    *copy = *task;
    pthread_mutex_lock(&t->lock);
    *t->last_task = copy;
    t->last_task = &copy->next;
    pthread_mutex_unlock(&t->lock);
}

int post(chatd_plugin *self, void (*cb)(chatd_plugin *self, void *arg), void *arg)
{
    struct testhost *t = host_of(self);

    if (t->life >= LIFE_CANCELLED)
        return CHATD_E_STATE;
    task_add(t, &(struct task){.what = "post", .post = cb, .arg = arg});
    return CHATD_OK;
}

void later(struct testhost *t, const char *what, void (*fn)(void *arg), void *arg)
{
    task_add(t, &(struct task){.what = what, .later = fn, .arg = arg});
}

void testhost_later(struct testhost *t, void (*fn)(void *arg), void *arg)
{
    later(t, "test", fn, arg);
}

static bool post_step(struct testhost *t)
{
    struct task *task;

    pthread_mutex_lock(&t->lock);
    task = t->first_task;
    if (task != NULL) {
        t->first_task = task->next;
        if (t->first_task == NULL)
            t->last_task = &t->first_task;
    }
    pthread_mutex_unlock(&t->lock);
    if (task == NULL)
        return false;
    t->stepped = task->what;
    enter(t);
    if (task->post != NULL)
        task->post(&t->plugin.pub, task->arg);
    else
        task->later(task->arg);
    leave(t);
    mem_free(task);
    return true;
}

/* --- jobs ----------------------------------------------------------------------------------------- */

static void *run(void *arg)
{
    struct job *job = arg;

    job->rc = job->def.run(job->def.arg);
    return NULL;
}

/* In a thread of its own, so that what it may not call there shows; one at a time. */
static void job_begin(struct job *job)
{
    if (job->is_begun)
        return;
    job->is_begun = true;
    if (pthread_create(&job->thread, NULL, run, job) != 0)
        abort();
}

static void job_begin_first(const struct testhost *t)
{
    if (t->overlap_jobs && !t->hold_jobs && t->first_job != NULL)
        job_begin(t->first_job);
}

int job_new(chatd_plugin *self, const struct chatd_job *in)
{
    struct testhost *t = loop_of(self, "chatd_job");
    struct chatd_job def;
    struct job *job;
    int rc = record_read(t, in, sizeof(def), &def, sizeof(def), "chatd_job");

    if (rc < 0)
        return rc;

    if (t->life >= LIFE_STOPPING) {
        fault(t, "begins a job while it is stopped");
        return CHATD_E_STATE;
    }
    if (def.run == NULL || def.queue > CHATD_JOB_IO) {
        fault(t, "begins a job without run(), or in a queue that does not exist");
        return CHATD_E_INVAL;
    }
    if (t->life >= LIFE_CANCELLING)
        return CHATD_E_STATE;
    if (t->refuse_jobs > 0) {
        t->refuse_jobs--;
        return CHATD_E_BUSY;
    }
    job = mem_alloc(sizeof(*job));
    job->def = def;
    job->at_ms = def.deadline_ms > 0 ? t->mono_ms + def.deadline_ms : INT64_MAX;
    *t->last_job = job;
    t->last_job = &job->next;
    job_begin_first(t);
    return CHATD_OK;
}

static void job_done(struct testhost *t, struct job *job, int rc)
{
    if (job->is_done)
        return;
    job->is_done = true;
    enter(t);
    if (job->def.done != NULL)
        job->def.done(&t->plugin.pub, rc, job->def.arg);
    leave(t);
}

static void job_release(struct testhost *t, struct job *job)
{
    enter(t);
    if (job->def.release != NULL)
        job->def.release(job->def.arg);
    leave(t);
    mem_free(job);
}

static void job_unlink(struct testhost *t, const struct job *job)
{
    struct job **at = &t->first_job;

    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    if (*at == NULL)
        t->last_job = at;
}

/* Whether a thread has it: while jobs are held, the first of the plugin's own thread, and all of those
 * that are for several. */
static bool job_is_taken(const struct testhost *t, const struct job *job)
{
    const struct job *first = t->first_job;

    while (first->def.queue != job->def.queue)
        first = first->next;
    return job->is_begun || first == job || job->def.queue != CHATD_JOB_IO;
}

/* As the core: what no thread has taken is over altogether. */
static void job_end_early(struct testhost *t, struct job *job, int rc)
{
    bool is_taken = job_is_taken(t, job);

    if (!is_taken)
        job_unlink(t, job);
    job_done(t, job, rc);
    if (!is_taken)
        job_release(t, job);
}

static bool job_step(struct testhost *t)
{
    struct job *job = t->first_job;

    if (job == NULL || (t->hold_jobs && !job->is_begun))
        return false;
    job_begin(job);
    pthread_join(job->thread, NULL);
    job_unlink(t, job);
    t->stepped = job->def.queue == CHATD_JOB_CPU ? "cpu job" : "io job";
    job_begin_first(t);
    job_done(t, job, job->rc);
    job_release(t, job);
    return true;
}

void testhost_hold_jobs(struct testhost *t, int hold)
{
    t->hold_jobs = hold != 0;
    if (!t->hold_jobs)
        testhost_turn(t);
}

void testhost_overlap_jobs(struct testhost *t, int overlap)
{
    t->overlap_jobs = overlap != 0;
    job_begin_first(t);
}

void testhost_refuse_jobs(struct testhost *t, int n)
{
    t->refuse_jobs = n;
}

/* --- timers --------------------------------------------------------------------------------------- */

int timer_new(chatd_plugin *self, uint32_t after_ms, uint32_t every_ms,
              void (*cb)(chatd_plugin *self, void *arg), void *arg, chatd_timer *timer_out)
{
    struct testhost *t = loop_of(self, "chatd_timer_start");
    struct timer *timer;

    if (t->life >= LIFE_STOPPING) {
        fault(t, "starts a timer while it is stopped");
        return CHATD_E_STATE;
    }
    if (cb == NULL)
        return CHATD_E_INVAL;
    timer = mem_alloc(sizeof(*timer));
    *timer = (struct timer){.id = table_add(&t->timers, KIND_TIMER, timer),
                            .is_on = true,
                            .at_ms = t->mono_ms + after_ms,
                            .every_ms = every_ms,
                            .cb = cb,
                            .arg = arg};
    if (timer_out != NULL)
        timer_out->v = timer->id;
    return CHATD_OK;
}

int timer_cancel(chatd_plugin *self, chatd_timer id)
{
    struct timer *timer = table_get(&loop_of(self, "chatd_timer_cancel")->timers, KIND_TIMER, id.v);

    if (timer == NULL || !timer->is_on)
        return CHATD_E_GONE;
    timer->is_on = false;
    return CHATD_OK;
}

static struct timer *first_timer(const struct testhost *t)
{
    struct timer *first = NULL;

    for (size_t i = 0; i < t->timers.n && t->life < LIFE_CANCELLING; i++) {
        struct timer *timer = t->timers.row[i];

        if (timer->is_on && (first == NULL || timer->at_ms < first->at_ms))
            first = timer;
    }
    return first;
}

/* What has no end of its own is due when the clock says so. */
int64_t task_due(const struct testhost *t)
{
    const struct timer *timer = first_timer(t);
    int64_t due = timer != NULL ? timer->at_ms : INT64_MAX;

    for (const struct job *job = t->first_job; job != NULL; job = job->next) {
        if (!job->is_done && job->at_ms < due)
            due = job->at_ms;
    }
    return due;
}

static bool timer_step(struct testhost *t)
{
    struct timer *timer = first_timer(t);

    if (timer == NULL || timer->at_ms > t->mono_ms)
        return false;
    if (timer->every_ms > 0)
        timer->at_ms = t->mono_ms + timer->every_ms;
    else
        timer->is_on = false;
    t->stepped = "timer";
    enter(t);
    timer->cb(&t->plugin.pub, timer->arg);
    leave(t);
    return true;
}

bool task_expire(struct testhost *t)
{
    for (struct job *job = t->first_job; job != NULL; job = job->next) {
        if (!job->is_done && job->at_ms <= t->mono_ms) {
            t->stepped = "deadline";
            job_end_early(t, job, CHATD_E_TIMEOUT);
            return true;
        }
    }
    return timer_step(t);
}

bool task_step(struct testhost *t)
{
    return post_step(t) || job_step(t);
}

/* --- watches -------------------------------------------------------------------------------------- */

struct watch {
    uint64_t id;
    bool is_on;
    int fd, events;
    void (*cb)(chatd_plugin *self, int fd, int events, void *arg);
    void *arg;
};

int watch_new(chatd_plugin *self, int fd, int events,
              void (*cb)(chatd_plugin *self, int fd, int events, void *arg), void *arg,
              chatd_watch *watch_out)
{
    struct testhost *t = loop_of(self, "chatd_watch_start");
    struct watch *watch;

    if (t->life >= LIFE_STOPPING) {
        fault(t, "starts a watch while it is stopped");
        return CHATD_E_STATE;
    }
    if (fd < 0 || cb == NULL || watch_out == NULL)
        return CHATD_E_INVAL;
    watch = mem_alloc(sizeof(*watch));
    *watch = (struct watch){.id = table_add(&t->watches, KIND_WATCH, watch),
                            .is_on = true,
                            .fd = fd,
                            .events = events,
                            .cb = cb,
                            .arg = arg};
    watch_out->v = watch->id;
    return CHATD_OK;
}

int watch_set(chatd_plugin *self, chatd_watch id, int events)
{
    struct watch *watch = table_get(&loop_of(self, "chatd_watch_set")->watches, KIND_WATCH, id.v);

    if (watch == NULL || !watch->is_on)
        return CHATD_E_GONE;
    watch->events = events;
    return CHATD_OK;
}

int watch_cancel(chatd_plugin *self, chatd_watch id)
{
    struct watch *watch =
        table_get(&loop_of(self, "chatd_watch_cancel")->watches, KIND_WATCH, id.v);

    if (watch == NULL || !watch->is_on)
        return CHATD_E_GONE;
    watch->is_on = false;
    return CHATD_OK;
}

static int ready_events(const struct watch *watch, short revents)
{
    int events = 0;

    if (revents & (POLLIN | POLLHUP | POLLERR))
        events |= CHATD_WATCH_READ;
    if (revents & (POLLOUT | POLLHUP | POLLERR))
        events |= CHATD_WATCH_WRITE;
    return events & watch->events;
}

/* Calls one that is ready, in turn: level triggered. A turn would never end with a descriptor that
 * can always be written, so what was called in a turn waits for the next. */
bool watch_step(struct testhost *t, int real_ms)
{
    struct pollfd *fds = mem_alloc((t->watches.n + 1) * sizeof(*fds));
    bool found = false;
    size_t n = 0;

    for (size_t i = 0; i < t->watches.n && t->life < LIFE_CANCELLING; i++) {
        const struct watch *watch = t->watches.row[i];
        bool is_watched = watch->is_on && watch->events != 0;

        fds[n++] =
            (struct pollfd){.fd = is_watched ? watch->fd : -1,
                            .events = (short)((watch->events & CHATD_WATCH_READ ? POLLIN : 0) |
                                              (watch->events & CHATD_WATCH_WRITE ? POLLOUT : 0))};
    }
    if (n > 0 && poll(fds, n, real_ms) > 0) {
        for (size_t i = 0; i < n; i++) {
            struct watch *watch = t->watches.row[i];
            int events = watch->is_on ? ready_events(watch, fds[i].revents) : 0;

            if (watch->is_on && (fds[i].revents & POLLNVAL)) {
                fault(t, "closed a descriptor before chatd_watch_cancel()");
                watch->is_on = false;
            }

            if (events == 0)
                continue;
            found = true;
            enter(t);
            watch->cb(&t->plugin.pub, watch->fd, events, watch->arg);
            leave(t);
        }
    }
    mem_free(fds);
    return found;
}

/* --- the end -------------------------------------------------------------------------------------- */

void task_unwind(struct testhost *t)
{
    for (size_t i = 0; i < t->timers.n; i++)
        ((struct timer *)t->timers.row[i])->is_on = false;
    for (size_t i = 0; i < t->watches.n; i++)
        ((struct watch *)t->watches.row[i])->is_on = false;
}

void task_cancel(struct testhost *t)
{
    struct job *job = t->first_job;

    while (job != NULL) {
        if (job->is_done) {
            job = job->next;
            continue;
        }
        job_end_early(t, job, CHATD_E_CANCELLED);
        job = t->first_job; /* its callback may have changed the list */
    }
}

/* Jobs that were held return at last. */
void task_free(struct testhost *t)
{
    struct job *job;
    struct task *task;

    while ((job = t->first_job) != NULL) {
        t->first_job = job->next;
        if (job->is_begun)
            pthread_join(job->thread, NULL);
        job_release(t, job);
    }
    while ((task = t->first_task) != NULL) {
        t->first_task = task->next;
        mem_free(task);
    }
    table_free(&t->timers);
    table_free(&t->watches);
}
