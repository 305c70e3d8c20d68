/* SPDX-License-Identifier: MIT */
/* Asks somebody over HTTP what to do with a message, and tells somebody what has happened. */
#include "events.h"
#include "options.h"
#include "webhook.h"

#include <chatd/svc/kv.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Where what waits outlives the worker. */
static const struct chatd_need needs[] = {
    {.service = CHATD_KV_SERVICE,
     .major = CHATD_KV_MAJOR,
     .minor = CHATD_KV_MINOR,
     .flags = CHATD_NEED_OPTIONAL},
    {.service = NULL},
};

static void webhook_free(struct webhook *w)
{
    deliver_deinit(&w->deliver);
    verdicts_deinit(&w->verdicts);
    address_list_free(&w->allow);
    free(w);
}

/* --- init: everything is checked and registered, nothing is asked of anybody ------------------- */

static int read_options(chatd_plugin *self, struct webhook *w)
{
    const struct options *options = self->config;
    const char *fault = options_fault(options), *word;

    if (fault != NULL) {
        chatd_log(self, CHATD_LOG_ERROR, "[webhook] %s", fault);
        return CHATD_E_INVAL;
    }
    word = address_list_parse(options->allow, &w->allow);
    if (word == NULL)
        return CHATD_OK;
    chatd_log(self, CHATD_LOG_ERROR,
              "[webhook] allow: \"%s\" is neither an address nor a network such as 10.0.0.0/8",
              word);
    return CHATD_E_INVAL;
}

static int parts_init(chatd_plugin *self, struct webhook *w)
{
    const struct options *options = self->config;
    char life[BATCH_LIFE_BYTES];
    uint64_t random;
    int rc = counters_register(&w->counters, self);

    chatd_random(self, &random, sizeof(random));
    snprintf(life, sizeof(life), "%016" PRIx64, random);
    health_init(&w->health, self);
    w->verdicts.web = w->deliver.web = &w->web;
    w->verdicts.health = w->deliver.health = &w->health;
    w->verdicts.counters = w->deliver.counters = &w->counters;
    snprintf(w->verdicts.life, sizeof(w->verdicts.life), "%s", life);
    if (rc == CHATD_OK)
        rc = verdicts_init(&w->verdicts, self);
    if (rc == CHATD_OK)
        rc = deliver_init(&w->deliver, self, life);
    if (rc == CHATD_OK && w->deliver.to.url != NULL)
        rc = events_register(self, options->events);
    return rc;
}

static int init(chatd_plugin *self)
{
    struct webhook *w = calloc(1, sizeof(*w));
    int rc = CHATD_E_BUSY;

    if (w == NULL) {
        chatd_log(self, CHATD_LOG_ERROR, "there is no memory");
        return rc;
    }
    rc = read_options(self, w);
    if (rc == CHATD_OK)
        rc = parts_init(self, w);
    if (rc == CHATD_OK)
        self->data = w;
    else
        webhook_free(w);
    return rc;
}

/* --- from start to stop ------------------------------------------------------------------------ */

static int start(chatd_plugin *self)
{
    const struct options *options = self->config;
    struct webhook *w = self->data;
    int rc = web_open(&w->web, self, &w->allow);

    if (rc < 0)
        return rc;
    if (options->verdict_url == NULL && options->events_url == NULL)
        chatd_log(self, CHATD_LOG_WARN,
                  "neither verdict_url nor events_url is set: there is nothing to do");
    else if (options->secret == NULL)
        chatd_log(self, CHATD_LOG_WARN,
                  "no secret is set: receivers cannot tell requests of this server from others");
    verdicts_start(&w->verdicts);
    deliver_start(&w->deliver);
    return CHATD_OK;
}

static void drain(chatd_plugin *self)
{
    struct webhook *w = self->data;

    deliver_drain(&w->deliver);
}

/* Who waited for a verdict has been told already; nobody is connected any more. */
static void cancel(chatd_plugin *self)
{
    struct webhook *w = self->data;

    deliver_end(&w->deliver);
}

static void stop(chatd_plugin *self)
{
    struct webhook *w = self->data;

    if (w == NULL)
        return;
    web_close(&w->web);
    self->data = NULL;
    webhook_free(w);
}

/* All of it is read where it is needed, so the next request has it. */
static int reload(chatd_plugin *self, const void *fresh)
{
    const char *fault = options_fault(fresh);

    if (fault == NULL)
        return CHATD_OK;
    chatd_log(self, CHATD_LOG_ERROR, "[webhook] %s", fault);
    return CHATD_E_INVAL;
}

CHATD_PLUGIN(.name = "webhook", .version = "1.0", .license = "MIT", .config = options_fields,
             .config_size = sizeof(struct options), .needs = needs, .init = init, .start = start,
             .drain = drain, .stop = stop, .reload = reload, .cancel = cancel);
