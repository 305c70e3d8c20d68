/* SPDX-License-Identifier: MIT */
/* The worse of two states, with both sentences. */
#include "health.h"

#include <stdarg.h>
#include <stdio.h>

#define CALM_MS 5000

static void tell(struct health *h)
{
    const struct health_of *one = &h->part[HEALTH_VERDICTS], *two = &h->part[HEALTH_EVENTS];
    const char *between = one->text[0] != '\0' && two->text[0] != '\0' ? "; " : "";
    char both[2 * sizeof(one->text) + 2];

    snprintf(both, sizeof(both), "%s%s%s", one->text, between, two->text);
    chatd_ready(h->self, one->state > two->state ? one->state : two->state, both);
}

static void end_calm(struct health *h, struct health_of *of)
{
    if (of->is_calming)
        chatd_timer_cancel(h->self, of->calm);
    of->is_calming = false;
}

static void set_good(struct health *h, struct health_of *of)
{
    end_calm(h, of);
    of->state = CHATD_READY;
    of->text[0] = '\0';
    tell(h);
}

static void on_calm(chatd_plugin *self, void *arg)
{
    struct health_of *of = arg;

    (void)self;
    of->is_calming = false;
    set_good(of->health, of);
}

void health_init(struct health *h, chatd_plugin *self)
{
    h->self = self;
    h->part[HEALTH_VERDICTS].health = h->part[HEALTH_EVENTS].health = h;
}

void health_set(struct health *h, enum health_part part, enum chatd_ready state, const char *fmt,
                ...)
{
    struct health_of *of = &h->part[part];
    va_list args;

    va_start(args, fmt);
    vsnprintf(of->text, sizeof(of->text), fmt, args);
    va_end(args);
    end_calm(h, of);
    of->state = state;
    of->told_ms = chatd_mono_ms(h->self);
    tell(h);
}

void health_good(struct health *h, enum health_part part)
{
    struct health_of *of = &h->part[part];
    int64_t left_ms = of->told_ms + CALM_MS - chatd_mono_ms(h->self);

    if (of->state == CHATD_READY || of->is_calming)
        return;
    if (of->state == CHATD_AWAY || left_ms <= 0)
        set_good(h, of);
    else
        of->is_calming =
            chatd_timer_start(h->self, (uint32_t)left_ms, 0, on_calm, of, &of->calm) == CHATD_OK;
}
