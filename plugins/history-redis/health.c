/* SPDX-License-Identifier: MIT */
/* The state for /readyz and the log, and the canary. */
#include "health.h"

#include "trouble.h"

#include <chatd/log.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CANARY_TTL_MS "60000"

static void probe(struct health *health);

/* --- what is reported -------------------------------------------------------------------------- */

static void report(struct health *health, enum chatd_ready state, const char *text)
{
    if (state == health->state && strcmp(text, health->text) == 0)
        return;
    health->state = state;
    if (text != health->text)
        snprintf(health->text, sizeof(health->text), "%s", text);
    chatd_ready(health->self, state, health->text);
}

/* A connection that is gone. Before the first canary nothing has worked yet. */
static void report_link(struct health *health, const struct link *link, const char *what)
{
    bool is_new = health->well_ms == 0;
    char text[LINK_TEXT_SIZE];

    if (link->trouble[0] != '\0')
        snprintf(text, sizeof(text), "%s%.*s", what, (int)(sizeof(text) - 40), link->trouble);
    else
        snprintf(text, sizeof(text), "connecting to Redis at %s", link->options->where);
    report(health, is_new || link_away_ms(link) >= HEALTH_GRACE_MS ? CHATD_AWAY : CHATD_DEGRADED,
           text);
}

static void look(struct health *health)
{
    int64_t now = chatd_mono_ms(health->self);
    bool is_late = health->well_ms == 0 || now - health->well_ms >= HEALTH_AWAY_MS;
    char text[LINK_TEXT_SIZE];

    if (!link_is_up(health->commands)) {
        report_link(health, health->commands, "");
    } else if (!link_is_up(health->subscriber)) {
        report_link(health, health->subscriber, "no messages of others: ");
    } else if (health->failure[0] != '\0') {
        report(health, is_late ? CHATD_AWAY : CHATD_DEGRADED, health->failure);
    } else if (is_late && health->oddity[0] != '\0') {
        report(health, CHATD_AWAY, health->oddity);
    } else if (is_late) {
        /* After a long absence the canary says in a moment what holds now. */
        if (health->state == CHATD_AWAY && health->probing &&
            now - health->probed_ms < HEALTH_GRACE_MS)
            return;
        if (health->well_ms == 0)
            snprintf(text, sizeof(text), "connecting to Redis at %s",
                     health->commands->options->where);
        else
            snprintf(text, sizeof(text), "%s: no write and read came through for %d s",
                     health->commands->options->where, HEALTH_AWAY_MS / 1000);
        report(health, CHATD_AWAY, text);
    } else if (health->oddity[0] != '\0') {
        report(health, CHATD_DEGRADED, health->oddity);
    } else {
        snprintf(text, sizeof(text), "Redis at %s works", health->commands->options->where);
        report(health, CHATD_READY, text);
    }
}

void health_refused(struct health *health, const char *error, chatd_str key)
{
    const char *where = health->commands->options->where;
    char named[LINK_TEXT_SIZE / 2], text[LINK_TEXT_SIZE];

    /* The scripts name the key themselves, commands do not. */
    if (strncmp(error, "WRONGTYPE Operation", 19) == 0) {
        snprintf(named, sizeof(named), "WRONGTYPE key %.*s is of another type", (int)key.n, key.p);
        error = named;
    }
    trouble_text(where, error, text, sizeof(text));
    if (trouble_of(error)->kind == TROUBLE_STORE) {
        snprintf(health->failure, sizeof(health->failure), "%s", text);
    } else {
        bool is_new = strcmp(health->oddity, text) != 0;

        if (is_new)
            snprintf(health->oddity, sizeof(health->oddity), "%s", text);
        if (is_new && health->state == CHATD_AWAY)
            chatd_log(health->self, CHATD_LOG_WARN, "%s", text);
        health->oddity_ms = chatd_mono_ms(health->self);
    }
    look(health);
}

/* --- the canary -------------------------------------------------------------------------------- */

struct canary {
    struct request request;
    struct health *health;
    uint64_t round;
    bool is_read;
};

/* All of it is done: what follows now is the truth of its time. */
static void came_home(struct health *health)
{
    if (!health->probing || !health->written || !health->seen)
        return;
    health->probing = false;
    health->well_ms = health->probed_ms;
    health->failure[0] = '\0';
    look(health);
}

static void canary_answer(struct request *request, int err, redisReply *reply)
{
    const struct canary *canary = (const struct canary *)request;
    struct health *health = canary->health;

    if (err == CHATD_E_CANCELLED || canary->round != health->round)
        return;
    if (err != CHATD_OK) {
        health->probing = false; /* Redis' error was told to health_refused() */
        return;
    }
    /* Whatever a canary of this key wrote is good to read. One that is gone at once did not come through:
     * the next one may. */
    if (canary->is_read && reply->type == REDIS_REPLY_STRING)
        health->written = true;
    else if (canary->is_read)
        health->probing = false;
    came_home(health);
}

static void canary_destroy(struct request *request)
{
    free(request);
}

static void ask(struct health *health, int argc, const chatd_str *argv, bool is_read)
{
    static const struct request_class class = {.answer = canary_answer, .destroy = canary_destroy};
    struct canary *canary = request_new(sizeof(*canary), &class, SCRIPT_NONE, 0, argc, argv);

    if (canary == NULL)
        return;
    canary->request.patient = true;
    canary->health = health;
    canary->round = health->round;
    canary->is_read = is_read;
    queue_submit(health->queue, &canary->request);
}

static void probe(struct health *health)
{
    char round[24];
    int n = snprintf(round, sizeof(round), "%" PRIu64, ++health->round);
    chatd_str text = {round, (size_t)n}, key = {health->key, strlen(health->key)};
    chatd_str channel = {health->channels->canary, strlen(health->channels->canary)};
    const chatd_str set[] = {CHATD_STR("SET"), key, text, CHATD_STR("PX"),
                             CHATD_STR(CANARY_TTL_MS)};
    const chatd_str get[] = {CHATD_STR("GET"), key};
    const chatd_str publish[] = {CHATD_STR("PUBLISH"), channel, text};

    health->probing = true;
    health->written = health->seen = false;
    health->subscribed = channels_are_ready(health->channels);
    health->heard = health->subscriber->wire.received;
    health->probed_ms = chatd_mono_ms(health->self);
    ask(health, 5, set, false);
    ask(health, 2, get, true);
    ask(health, 3, publish, false);
}

void health_canary(struct health *health, chatd_str payload)
{
    uint64_t round;

    if (!text_number(payload, &round) || round != health->round)
        return;
    health->seen = true;
    came_home(health);
}

static void on_timer(chatd_plugin *self, void *arg)
{
    struct health *health = arg;

    if (health->oddity[0] != '\0' && chatd_mono_ms(self) - health->oddity_ms >= HEALTH_KEY_MS)
        health->oddity[0] = '\0';
    /* The other half is the queue's to find: it sees when nothing is answered. */
    if (health->probing && health->written && !health->seen && health->subscribed &&
        channels_are_ready(health->channels) && health->subscriber->wire.received == health->heard)
        link_drop(health->subscriber, "what is published does not come back");
    look(health);
    if (link_is_up(health->commands) && (!health->probing || health->written ||
                                         chatd_mono_ms(self) - health->probed_ms >= HEALTH_AWAY_MS))
        probe(health);
}

void health_link(struct health *health)
{
    bool is_whole = link_is_up(health->commands) && channels_are_ready(health->channels);

    if (!is_whole)
        health->probing = false;
    /* What works again should be known at once. */
    if (is_whole && !health->probing)
        probe(health);
    look(health);
}

int health_start(struct health *health, chatd_plugin *self, struct link *commands,
                 struct link *subscriber, struct queue *queue, struct channels *channels,
                 uint32_t every_ms)
{
    chatd_timer timer;
    uint64_t random;

    *health = (struct health){.self = self,
                              .commands = commands,
                              .subscriber = subscriber,
                              .queue = queue,
                              .channels = channels,
                              .every_ms = every_ms,
                              .state = CHATD_READY};
    chatd_random(self, &random, sizeof(random));
    snprintf(health->key, sizeof(health->key), "kv:chatd:canary%%3A%016" PRIx64, random);
    look(health);
    return chatd_timer_start(self, every_ms, every_ms, on_timer, health, &timer);
}
