/* SPDX-License-Identifier: MIT */
/* A clock and timers, moved by the test. */
#include "fakecore.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct fakecore *core_of(chatd_plugin *self)
{
    return (struct fakecore *)self;
}

static int64_t core_mono_ms(chatd_plugin *self)
{
    return core_of(self)->now_ms;
}

static void core_random(chatd_plugin *self, void *buf, size_t n)
{
    memset(buf, (int)++core_of(self)->random, n);
}

static int core_timer(chatd_plugin *self, uint32_t after_ms, uint32_t every_ms,
                      void (*cb)(chatd_plugin *self, void *arg), void *arg, chatd_timer *timer_out)
{
    struct fakecore *core = core_of(self);
    int i = 0;

    while (i < FAKE_TIMERS && core->timers[i].id != 0)
        i++;
    assert(i < FAKE_TIMERS);
    core->timers[i].id = ++core->last_timer;
    core->timers[i].at_ms = core->now_ms + after_ms;
    core->timers[i].every_ms = every_ms;
    core->timers[i].cb = cb;
    core->timers[i].arg = arg;
    timer_out->v = core->timers[i].id;
    return CHATD_OK;
}

static int core_timer_cancel(chatd_plugin *self, chatd_timer timer)
{
    struct fakecore *core = core_of(self);

    for (int i = 0; i < FAKE_TIMERS; i++)
        if (timer.v != 0 && core->timers[i].id == timer.v)
            core->timers[i].id = 0;
    return CHATD_OK;
}

void fakecore_init(struct fakecore *core)
{
    *core = (struct fakecore){.now_ms = 1000000};
    core->table = (struct chatd_core){.size = sizeof(core->table),
                                      .mono_ms = core_mono_ms,
                                      .random = core_random,
                                      .timer = core_timer,
                                      .timer_cancel = core_timer_cancel};
    core->plugin = (struct chatd_plugin){.size = sizeof(core->plugin), .core = &core->table};
}

/* The timer that is due first, until `end_ms`; -1: none. */
static int next_timer(const struct fakecore *core, int64_t end_ms)
{
    int due = -1;

    for (int i = 0; i < FAKE_TIMERS; i++)
        if (core->timers[i].id != 0 && core->timers[i].at_ms <= end_ms &&
            (due < 0 || core->timers[i].at_ms < core->timers[due].at_ms))
            due = i;
    return due;
}

void fakecore_advance(struct fakecore *core, int64_t ms)
{
    int64_t end_ms = core->now_ms + ms;
    int i;

    while ((i = next_timer(core, end_ms)) >= 0) {
        if (core->timers[i].at_ms > core->now_ms)
            core->now_ms = core->timers[i].at_ms;
        if (core->timers[i].every_ms > 0)
            core->timers[i].at_ms += core->timers[i].every_ms;
        else
            core->timers[i].id = 0;
        core->timers[i].cb(&core->plugin, core->timers[i].arg);
    }
    core->now_ms = end_ms;
}

void fakecore_tell(struct fakecore *core, const char *format, ...)
{
    size_t n = strlen(core->story);
    va_list args;

    if (n > 0)
        core->story[n++] = ' ';
    va_start(args, format);
    vsnprintf(core->story + n, sizeof(core->story) - n, format, args);
    va_end(args);
}
