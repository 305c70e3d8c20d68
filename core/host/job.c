/* SPDX-License-Identifier: MIT */
/*
 * Job threads. One queue for arithmetic with a few threads, one queue with one thread for each plugin
 * that asks for io. The loop owns every job; a thread only borrows it between "taken" and "returned",
 * which happen under the pool's lock. post() rides the same way back to the loop.
 */
#include "host/host.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "host/metric.h"
#include "host/work.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct job {
    struct chatd_job def;
    struct plugin *plugin;
    struct job *next;                 /* in a queue or in the list of returned ones */
    struct job *next_all, **prev_all; /* all jobs of the pool, for cancelling; loop only */
    struct event *deadline;
    struct work_queue *queue;
    int64_t took_ns; /* in run() */
    int kind;        /* of queue, which may end before it */
    int rc;
    bool taken, returned; /* by a thread; under the lock */
    bool done;            /* the callback was made; loop only */
};

struct work_queue {
    struct job *first, **last;
    size_t n, max;
    pthread_cond_t wake;
    pthread_t thread[16];
    int n_threads, max_threads;
    int kind; /* QUEUE_CPU or QUEUE_IO */
    bool stop;
    struct job_pool *pool;
};

struct io_queue {
    struct work_queue q;
};

struct posted {
    struct plugin *plugin;
    void (*cb)(chatd_plugin *self, void *arg);
    void *arg;
    struct posted *next;
};

struct job_pool {
    pthread_mutex_t lock;
    struct host *host;
    struct work_queue cpu;
    struct job *returned, **returned_last;
    struct posted *posted, **posted_last;
    struct job *all;
    struct event *wake;
    pthread_cond_t idle; /* n_busy became 0 */
    unsigned n_busy;     /* threads inside some run() */
    int64_t n_waiting[QUEUES];
    int fd;
    bool no_more_jobs; /* loop only */
    bool stopping;     /* nothing more is posted; under the lock */
};

static _Thread_local uint32_t running; /* the mark of what this thread runs */

uint32_t work_thread(void)
{
    return running;
}

static void wake_loop(struct job_pool *pool)
{
    uint64_t one = 1;
    ssize_t n = write(pool->fd, &one, sizeof(one));

    (void)n; /* a full counter wakes it just as well */
}

static void *thread_main(void *arg)
{
    struct work_queue *q = arg;
    struct job_pool *pool = q->pool;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        struct job *job;
        int64_t began;
        int rc;

        while (q->first == NULL && !q->stop)
            pthread_cond_wait(&q->wake, &pool->lock);
        if (q->first == NULL)
            break;
        job = q->first;
        q->first = job->next;
        if (q->first == NULL)
            q->last = &q->first;
        q->n--;
        pool->n_waiting[q->kind]--;
        job->taken = true;
        pool->n_busy++;
        pthread_mutex_unlock(&pool->lock);
        began = clock_mono_ns();
        running = work_pack(WORK_JOB, 0, job->plugin->row);
        rc = job->def.run(job->def.arg);
        running = 0;
        job->took_ns = clock_mono_ns() - began;
        pthread_mutex_lock(&pool->lock);
        if (--pool->n_busy == 0)
            pthread_cond_signal(&pool->idle);
        job->rc = rc;
        job->returned = true;
        job->next = NULL;
        *pool->returned_last = job;
        pool->returned_last = &job->next;
        /* Not under the lock, which the loop wants as soon as it is awake. */
        pthread_mutex_unlock(&pool->lock);
        wake_loop(pool);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void queue_init(struct work_queue *q, struct job_pool *pool, int kind, int threads,
                       size_t max)
{
    memset(q, 0, sizeof(*q));
    q->last = &q->first;
    q->pool = pool;
    q->kind = kind;
    q->max = max;
    q->max_threads = threads < 16 ? threads : 16;
    pthread_cond_init(&q->wake, NULL);
}

/* Threads take no signals: those are the loop's. But what a thread does to itself must find the handler
 * that says whose job it was. */
static int add_thread(struct work_queue *q)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP};
    sigset_t all, before;
    size_t i;
    int rc;

    if (q->n_threads == q->max_threads)
        return 0;
    sigfillset(&all);
    for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        sigdelset(&all, own[i]);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    rc = pthread_create(&q->thread[q->n_threads], NULL, thread_main, q);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        q->n_threads++;
    return rc;
}

/* --- on the loop -------------------------------------------------------------------------------- */

static void job_done(struct job *job, int rc)
{
    if (job->done)
        return;
    job->done = true;
    if (job->deadline != NULL)
        event_free(job->deadline);
    job->deadline = NULL;
    if (job->def.done != NULL) {
        struct work_before before = work_enter(job->plugin, WORK_JOB_DONE, 0);

        job->def.done(&job->plugin->pub, rc, job->def.arg);
        work_leave(job->plugin->host, before);
    }
}

static void job_free(struct job *job)
{
    *job->prev_all = job->next_all;
    if (job->next_all != NULL)
        job->next_all->prev_all = job->prev_all;
    if (job->def.release != NULL) {
        struct work_before before = work_enter(job->plugin, WORK_JOB_DONE, 0);

        job->def.release(job->def.arg);
        work_leave(job->plugin->host, before);
    }
    mem_free(job);
}

static bool dequeue(struct job *job)
{
    struct work_queue *q = job->queue;
    struct job **p;

    for (p = &q->first; *p != NULL; p = &(*p)->next) {
        if (*p != job)
            continue;
        *p = job->next;
        if (q->last == &job->next)
            q->last = p;
        q->n--;
        q->pool->n_waiting[q->kind]--;
        return true;
    }
    return false;
}

/* Ends a job early. One that no thread took yet is over altogether. */
static void end_early(struct job *job, int rc)
{
    struct job_pool *pool = job->queue->pool;
    bool was_queued;

    pthread_mutex_lock(&pool->lock);
    was_queued = !job->taken && dequeue(job);
    pthread_mutex_unlock(&pool->lock);
    job_done(job, rc);
    if (was_queued)
        job_free(job);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    end_early(arg, CHATD_E_TIMEOUT);
}

static void run_returned(struct job_pool *pool)
{
    struct job *job;
    struct posted *post;

    pthread_mutex_lock(&pool->lock);
    job = pool->returned;
    pool->returned = NULL;
    pool->returned_last = &pool->returned;
    post = pool->posted;
    pool->posted = NULL;
    pool->posted_last = &pool->posted;
    pthread_mutex_unlock(&pool->lock);

    while (post != NULL) {
        struct posted *next = post->next;

        if (post->plugin->state < PLUGIN_STOPPED) {
            struct work_before before = work_enter(post->plugin, WORK_POST, 0);

            post->cb(&post->plugin->pub, post->arg);
            work_leave(pool->host, before);
        }
        mem_free(post);
        post = next;
    }
    while (job != NULL) {
        struct job *next = job->next;

        series_observe(pool->host->job_seconds[job->kind], job->took_ns);
        job_done(job, job->rc);
        job_free(job);
        job = next;
    }
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    uint64_t n;
    ssize_t got = read((int)fd, &n, sizeof(n));

    (void)got;
    (void)what;
    run_returned(arg);
}

void job_init(struct host *h)
{
    struct job_pool *pool = mem_alloc(sizeof(*pool));

    h->jobs = pool;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->idle, NULL);
    pool->host = h;
    pool->returned_last = &pool->returned;
    pool->posted_last = &pool->posted;
    queue_init(&pool->cpu, pool, QUEUE_CPU, (int)h->opt.cpu_threads, (size_t)h->opt.job_queue_max);
    pool->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pool->fd < 0)
        host_cannot("make an eventfd");
    pool->wake = event_new(h->base, pool->fd, EV_READ | EV_PERSIST, on_wake, pool);
    event_add(pool->wake, NULL);
}

static struct work_queue *queue_for(struct plugin *p, uint32_t kind)
{
    struct job_pool *pool = p->host->jobs;

    if (kind == CHATD_JOB_CPU)
        return &pool->cpu;
    if (kind != CHATD_JOB_IO)
        return NULL;
    if (p->io == NULL) {
        p->io = mem_alloc(sizeof(*p->io));
        queue_init(&p->io->q, pool, QUEUE_IO, 1, (size_t)p->host->opt.job_queue_max);
    }
    return &p->io->q;
}

int job_submit(chatd_plugin *self, const struct chatd_job *in)
{
    struct plugin *p = plugin_of(self);
    struct job_pool *pool = p->host->jobs;
    struct chatd_job def;
    struct work_queue *q;
    struct job *job;
    int rc = host_record(in, sizeof(def), &def, sizeof(def));

    if (rc < 0)
        return rc;
    if (p->state >= PLUGIN_STOPPED || pool->no_more_jobs)
        return CHATD_E_STATE;
    q = queue_for(p, def.queue);
    if (q == NULL || def.run == NULL)
        return CHATD_E_INVAL;
    pthread_mutex_lock(&pool->lock);
    rc = q->n >= q->max ? CHATD_E_BUSY : CHATD_OK;
    pthread_mutex_unlock(&pool->lock);
    if (rc < 0)
        return rc;
    if (q->n_threads < q->max_threads && add_thread(q) != 0 && q->n_threads == 0)
        return CHATD_E_BUSY;
    job = mem_alloc(sizeof(*job));
    job->def = def;
    job->plugin = p;
    job->queue = q;
    job->kind = q->kind;
    job->next_all = pool->all;
    job->prev_all = &pool->all;
    if (pool->all != NULL)
        pool->all->prev_all = &job->next_all;
    pool->all = job;
    if (def.deadline_ms > 0) {
        struct timeval tv = {def.deadline_ms / 1000, def.deadline_ms % 1000 * 1000L};

        job->deadline = evtimer_new(p->host->base, on_deadline, job);
        event_add(job->deadline, &tv);
    }
    pthread_mutex_lock(&pool->lock);
    *q->last = job;
    q->last = &job->next;
    q->n++;
    pool->n_waiting[q->kind]++;
    pthread_mutex_unlock(&pool->lock);
    pthread_cond_signal(&q->wake); /* it wants the lock first thing */
    p->host->values->jobs[q->kind]++;
    return CHATD_OK;
}

int job_post(chatd_plugin *self, void (*cb)(chatd_plugin *self, void *arg), void *arg)
{
    struct job_pool *pool = plugin_of(self)->host->jobs; /* [any] */
    struct posted *post = mem_alloc(sizeof(*post));
    int rc = CHATD_OK;

    post->plugin = plugin_of(self);
    post->cb = cb;
    post->arg = arg;
    pthread_mutex_lock(&pool->lock);
    if (pool->stopping) {
        rc = CHATD_E_STATE;
    } else {
        *pool->posted_last = post;
        pool->posted_last = &post->next;
        wake_loop(pool);
    }
    pthread_mutex_unlock(&pool->lock);
    if (rc < 0)
        mem_free(post);
    return rc;
}

void job_cancel(struct host *h, const struct plugin *p)
{
    struct job *job = h->jobs->all;

    while (job != NULL) {
        if (job->plugin == p && !job->done) {
            end_early(job, CHATD_E_CANCELLED);
            job = h->jobs->all; /* done() may have changed the list */
        } else {
            job = job->next_all;
        }
    }
}

void job_refuse(struct host *h)
{
    h->jobs->no_more_jobs = true;
}

void job_flush(struct host *h)
{
    /* First, so that whatever a post was told CHATD_OK for is run, one made in a callback too. */
    pthread_mutex_lock(&h->jobs->lock);
    h->jobs->stopping = true;
    pthread_mutex_unlock(&h->jobs->lock);
    run_returned(h->jobs);
}

bool job_rests(struct host *h)
{
    struct job_pool *pool = h->jobs;
    bool rests;

    pthread_mutex_lock(&pool->lock);
    rests = pool->posted == NULL && pool->returned == NULL && pool->n_busy == 0;
    for (int i = 0; i < QUEUES; i++)
        rests = rests && pool->n_waiting[i] == 0;
    pthread_mutex_unlock(&pool->lock);
    return rests;
}

void job_waiting(struct host *h, int64_t waiting_out[2])
{
    pthread_mutex_lock(&h->jobs->lock);
    memcpy(waiting_out, h->jobs->n_waiting, sizeof(h->jobs->n_waiting));
    pthread_mutex_unlock(&h->jobs->lock);
}

bool job_idle(struct host *h, int64_t wait_ms)
{
    struct job_pool *pool = h->jobs;
    struct timespec until;
    int rc = 0;
    bool idle;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)(wait_ms / 1000);
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&pool->lock);
    while (pool->n_busy > 0 && rc == 0)
        rc = pthread_cond_timedwait(&pool->idle, &pool->lock, &until);
    idle = pool->n_busy == 0;
    pthread_mutex_unlock(&pool->lock);
    return idle;
}

const char *job_busy(struct host *h)
{
    struct job_pool *pool = h->jobs;
    const char *name = NULL;
    const struct job *job;

    pthread_mutex_lock(&pool->lock);
    for (job = pool->all; job != NULL && name == NULL; job = job->next_all) {
        if (job->taken && !job->returned)
            name = job->plugin->name;
    }
    pthread_mutex_unlock(&pool->lock);
    return name != NULL ? name : "a plugin";
}

static void queue_stop(struct work_queue *q)
{
    int i;

    pthread_mutex_lock(&q->pool->lock);
    q->stop = true;
    pthread_cond_broadcast(&q->wake);
    pthread_mutex_unlock(&q->pool->lock);
    for (i = 0; i < q->n_threads; i++)
        pthread_join(q->thread[i], NULL);
    pthread_cond_destroy(&q->wake);
}

static void io_stop(struct plugin *p)
{
    if (p->io == NULL)
        return;
    queue_stop(&p->io->q);
    mem_free(p->io);
    p->io = NULL;
}

/* Waits for what still runs: run() was promised its argument until it returns. */
void job_deinit(struct host *h)
{
    struct job_pool *pool = h->jobs;
    struct plugin *p;
    size_t i;

    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_mutex_unlock(&pool->lock);
    queue_stop(&pool->cpu);
    for (i = 0; i < h->n_plugins; i++)
        io_stop(h->plugin[i]);
    for (p = h->dropped; p != NULL; p = p->next_dropped)
        io_stop(p);
    run_returned(pool);
    event_free(pool->wake);
    close(pool->fd);
    pthread_cond_destroy(&pool->idle);
    pthread_mutex_destroy(&pool->lock);
    mem_free(pool);
}
