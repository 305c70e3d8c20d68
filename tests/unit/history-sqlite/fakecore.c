/* SPDX-License-Identifier: MIT */
/* A core for one plugin instance, stepped by a test. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fakecore.h"

#include "fakebus.h"

#include <assert.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICES_MAX 4
#define METRICS_MAX  16
#define TIMERS_MAX   16
#define POSTS_MAX    16

struct fake_post {
    void (*cb)(chatd_plugin *self, void *arg);
    void *arg;
};

struct fake_timer {
    uint64_t id; /* 0: free */
    int64_t at_ms;
    uint32_t every_ms;
    void (*cb)(chatd_plugin *self, void *arg);
    void *arg;
};

struct fake_job {
    struct chatd_job job;
    pthread_t thread;
    bool there, running, done_called;
    int rc;
};

struct fakecore {
    struct chatd_plugin plugin; /* first: the functions get a pointer to it */
    struct chatd_core table;
    char instance[33];
    int64_t mono_ms, wall_ms;
    uint64_t random_state;
    struct chatd_service services[SERVICES_MAX];
    const char *service_names[SERVICES_MAX];
    struct chatd_service bus; /* provider NULL: there is none */
    int n_services;
    const char *metric_names[METRICS_MAX];
    int64_t metric_values[METRICS_MAX];
    int n_metrics;
    struct fake_post posts[POSTS_MAX];
    int n_posts;
    struct fake_timer timers[TIMERS_MAX];
    uint64_t last_timer;
    struct fake_job job; /* the plugin promises to have one under way at most */
    int refuse_jobs;
    enum fakecore_jobs mode;
    bool stopping;
    int ready;
    char ready_text[512];
    char log_lines[4][512];
};

static struct fakecore *core_of(chatd_plugin *self)
{
    return (struct fakecore *)self;
}

static void core_log(chatd_plugin *self, int level, chatd_conn conn, const char *fmt, ...)
    CHATD_PRINTF(4, 5);

static void core_log(chatd_plugin *self, int level, chatd_conn conn, const char *fmt, ...)
{
    struct fakecore *core = core_of(self);
    va_list args;

    (void)conn;
    va_start(args, fmt);
    vsnprintf(core->log_lines[level], sizeof(core->log_lines[level]), fmt, args);
    va_end(args);
}

static int64_t core_wall_ms(chatd_plugin *self)
{
    return core_of(self)->wall_ms;
}

static int64_t core_mono_ms(chatd_plugin *self)
{
    return core_of(self)->mono_ms;
}

static void core_random(chatd_plugin *self, void *buf, size_t n)
{
    struct fakecore *core = core_of(self);
    unsigned char *bytes = buf;

    for (size_t i = 0; i < n; i++) {
        core->random_state = core->random_state * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (unsigned char)(core->random_state >> 56);
    }
}

static void core_ready(chatd_plugin *self, int state, const char *text)
{
    struct fakecore *core = core_of(self);

    core->ready = state;
    snprintf(core->ready_text, sizeof(core->ready_text), "%s", text);
}

static chatd_str core_instance(chatd_plugin *self)
{
    struct fakecore *core = core_of(self);

    return (chatd_str){core->instance, strlen(core->instance)};
}

static int core_feature(chatd_plugin *self, const char *name)
{
    (void)self, (void)name;
    return CHATD_OK;
}

static int core_service_offer(chatd_plugin *self, const struct chatd_service_def *def)
{
    struct fakecore *core = core_of(self);

    assert(core->n_services < SERVICES_MAX);
    core->service_names[core->n_services] = def->name;
    core->services[core->n_services++] = (struct chatd_service){
        .size = sizeof(struct chatd_service), .api = def->api, .provider = self};
    return CHATD_OK;
}

static const struct chatd_service *core_service(chatd_plugin *self, const char *name)
{
    struct fakecore *core = core_of(self);

    return strcmp(name, CHATD_BUS_SERVICE) == 0 && core->bus.provider != NULL ? &core->bus : NULL;
}

static int32_t core_server_pid(chatd_plugin *self)
{
    (void)self;
    return 0;
}

static int core_metric(chatd_plugin *self, const struct chatd_metric_def *def, int *metric_out)
{
    struct fakecore *core = core_of(self);

    assert(core->n_metrics < METRICS_MAX);
    core->metric_names[core->n_metrics] = def->name;
    *metric_out = core->n_metrics++;
    return CHATD_OK;
}

static void core_metric_add(chatd_plugin *self, int metric, int label, int64_t n)
{
    (void)label;
    core_of(self)->metric_values[metric] += n;
}

static void core_metric_set(chatd_plugin *self, int metric, int label, int64_t value)
{
    (void)label;
    core_of(self)->metric_values[metric] = value;
}

static void core_metric_observe(chatd_plugin *self, int metric, int label, double value)
{
    (void)label;
    (void)value; /* used by the assertion alone */
    assert(value >= 0);
    core_of(self)->metric_values[metric]++;
}

static int core_timer(chatd_plugin *self, uint32_t after_ms, uint32_t every_ms,
                      void (*cb)(chatd_plugin *self, void *arg), void *arg, chatd_timer *timer_out)
{
    struct fakecore *core = core_of(self);

    if (core->stopping)
        return CHATD_E_STATE;
    for (int i = 0; i < TIMERS_MAX; i++)
        if (core->timers[i].id == 0) {
            core->timers[i] = (struct fake_timer){.id = ++core->last_timer,
                                                  .at_ms = core->mono_ms + after_ms,
                                                  .every_ms = every_ms,
                                                  .cb = cb,
                                                  .arg = arg};
            *timer_out = (chatd_timer){core->timers[i].id};
            return CHATD_OK;
        }
    return CHATD_E_BUSY;
}

static int core_timer_cancel(chatd_plugin *self, chatd_timer timer)
{
    struct fakecore *core = core_of(self);

    for (int i = 0; i < TIMERS_MAX; i++)
        if (timer.v != 0 && core->timers[i].id == timer.v) {
            core->timers[i].id = 0;
            return CHATD_OK;
        }
    return CHATD_E_GONE;
}

static int core_post(chatd_plugin *self, void (*cb)(chatd_plugin *self, void *arg), void *arg)
{
    struct fakecore *core = core_of(self);

    if (core->stopping)
        return CHATD_E_STATE;
    assert(core->n_posts < POSTS_MAX);
    core->posts[core->n_posts++] = (struct fake_post){.cb = cb, .arg = arg};
    return CHATD_OK;
}

static void *job_thread(void *arg)
{
    struct fake_job *job = arg;

    job->rc = job->job.run(job->job.arg);
    return NULL;
}

static void job_begin(struct fakecore *core)
{
    struct fake_job *job = &core->job;

    if (core->mode == FAKECORE_THREAD && !job->running) {
        job->running = true;
        if (pthread_create(&job->thread, NULL, job_thread, job) != 0)
            abort();
    }
}

static int core_job(chatd_plugin *self, const struct chatd_job *job)
{
    struct fakecore *core = core_of(self);

    if (core->stopping)
        return CHATD_E_STATE;
    if (core->refuse_jobs > 0) {
        core->refuse_jobs--;
        return CHATD_E_BUSY;
    }
    assert(job->queue == CHATD_JOB_IO && !core->job.there);
    core->job = (struct fake_job){.job = *job, .there = true};
    job_begin(core);
    return CHATD_OK;
}

struct fakecore *fakecore_new(const void *config, const char *instance)
{
    struct fakecore *core = calloc(1, sizeof(*core));

    assert(core != NULL);
    core->table = (struct chatd_core){.size = sizeof(core->table),
                                      .abi_minor = CHATD_ABI_MINOR,
                                      .log = core_log,
                                      .wall_ms = core_wall_ms,
                                      .mono_ms = core_mono_ms,
                                      .random = core_random,
                                      .ready = core_ready,
                                      .instance = core_instance,
                                      .feature = core_feature,
                                      .service_offer = core_service_offer,
                                      .service = core_service,
                                      .server_pid = core_server_pid,
                                      .timer = core_timer,
                                      .timer_cancel = core_timer_cancel,
                                      .post = core_post,
                                      .job = core_job,
                                      .metric = core_metric,
                                      .metric_add = core_metric_add,
                                      .metric_set = core_metric_set,
                                      .metric_observe = core_metric_observe};
    core->plugin =
        (struct chatd_plugin){.size = sizeof(core->plugin), .core = &core->table, .config = config};
    core->wall_ms = 1790000000000;
    core->ready = -1;
    snprintf(core->instance, sizeof(core->instance), "%s", instance);
    /* Every life of a server draws its own epoch. */
    static uint64_t lives;

    core->random_state = ++lives;
    return core;
}

void fakecore_bus(struct fakecore *core, struct fakebus *bus)
{
    core->bus = (struct chatd_service){
        .size = sizeof(core->bus), .api = &fakebus_api, .provider = fakebus_plugin(bus)};
}

void fakecore_free(struct fakecore *core)
{
    free(core);
}

chatd_plugin *fakecore_plugin(struct fakecore *core)
{
    return &core->plugin;
}

const struct chatd_service *fakecore_service(struct fakecore *core, const char *name)
{
    for (int i = 0; i < core->n_services; i++)
        if (strcmp(core->service_names[i], name) == 0)
            return &core->services[i];
    return NULL;
}

static bool step_post(struct fakecore *core)
{
    struct fake_post post = core->posts[0];

    if (core->n_posts == 0)
        return false;
    core->n_posts--;
    memmove(&core->posts[0], &core->posts[1], sizeof(post) * (size_t)core->n_posts);
    post.cb(&core->plugin, post.arg);
    return true;
}

static bool step_timer(struct fakecore *core)
{
    struct fake_timer *due = NULL;

    for (int i = 0; i < TIMERS_MAX; i++) {
        struct fake_timer *timer = &core->timers[i];

        if (timer->id != 0 && timer->at_ms <= core->mono_ms &&
            (due == NULL || timer->at_ms < due->at_ms))
            due = timer;
    }
    if (due == NULL)
        return false;
    struct fake_timer fired = *due;

    if (due->every_ms > 0)
        due->at_ms += due->every_ms;
    else
        due->id = 0;
    fired.cb(&core->plugin, fired.arg);
    return true;
}

static bool step_job(struct fakecore *core)
{
    struct fake_job *job = &core->job;

    if (!job->there || core->mode == FAKECORE_HOLD)
        return false;
    job_begin(core);
    if (job->running)
        pthread_join(job->thread, NULL);
    else
        job->rc = job->job.run(job->job.arg);
    if (!job->done_called)
        job->job.done(&core->plugin, job->rc, job->job.arg);
    job->there = false; /* release may queue the next one */
    job->job.release(job->job.arg);
    return true;
}

bool fakecore_step(struct fakecore *core)
{
    return step_post(core) || step_timer(core) || step_job(core);
}

void fakecore_run(struct fakecore *core)
{
    while (fakecore_step(core))
        continue;
}

void fakecore_advance(struct fakecore *core, int64_t ms)
{
    core->mono_ms += ms;
    core->wall_ms += ms;
    fakecore_run(core);
}

void fakecore_jobs(struct fakecore *core, enum fakecore_jobs mode)
{
    core->mode = mode;
}

void fakecore_refuse_jobs(struct fakecore *core, int n)
{
    core->refuse_jobs = n;
}

void fakecore_cancel_jobs(struct fakecore *core)
{
    core->stopping = true;
    memset(core->timers, 0, sizeof(core->timers));
    if (!core->job.there || core->job.done_called)
        return;
    core->job.done_called = true;
    core->job.job.done(&core->plugin, CHATD_E_CANCELLED, core->job.job.arg);
}

int fakecore_ready(const struct fakecore *core)
{
    return core->ready;
}

const char *fakecore_ready_text(const struct fakecore *core)
{
    return core->ready_text;
}

const char *fakecore_log(const struct fakecore *core, enum chatd_log_level level)
{
    return core->log_lines[level];
}

int64_t fakecore_metric(const struct fakecore *core, const char *name)
{
    for (int i = 0; i < core->n_metrics; i++)
        if (strcmp(core->metric_names[i], name) == 0)
            return core->metric_values[i];
    assert(!"no such metric");
    return -1;
}
