/* SPDX-License-Identifier: MIT */
/* Each message waits in the core, which goes on with everything else, until its answer, its deadline, or its author's leaving. */
#include "verdict.h"

#include "options.h"
#include "text.h"
#include "webhook.h"

#include <chatd/fields.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The core's own limit, which denies, only comes into play when the loop stood still. After it the message is not there any
 * more, and nobody says so: it must not come before ours. */
#define SLACK_MS 10000u

/* In a row, before it is told. */
#define FAILURES 3u

struct verdict {
    struct verdicts *verdicts;
    struct chatd_ev_message *msg; /* the core keeps it in place while the wait lasts */
    chatd_wait wait;
    struct web_request *request;
    struct text body;
    int64_t until_ms;
    char id[40];
};

static void count(struct verdicts *vs, enum counter_verdict outcome)
{
    chatd_metric_add(vs->self, vs->counters->verdicts, (int)outcome, 1);
}

static const struct options *options_of(const struct verdicts *vs)
{
    return vs->self->config;
}

static bool is_open(const struct verdicts *vs)
{
    return options_of(vs)->fail == FAIL_OPEN;
}

/* --- the question ----------------------------------------------------------------------------- */

static void write_question(struct verdict *v)
{
    const struct chatd_ev_message *msg = v->msg;

    text_puts(&v->body, "{\"event\":\"message\"");
    text_member(&v->body, "id", (chatd_str){v->id, strlen(v->id)});
    text_member(&v->body, "room", msg->room);
    text_member(&v->body, "user", msg->user);
    if (msg->cid.n > 0)
        text_member(&v->body, "cid", msg->cid);
    text_member(&v->body, "text", msg->text);
    text_puts(&v->body, "}");
}

static struct verdict *verdict_new(struct verdicts *vs, struct chatd_ev_message *msg)
{
    struct verdict *v = calloc(1, sizeof(*v));

    if (v == NULL)
        return NULL;
    v->verdicts = vs;
    v->msg = msg;
    v->until_ms = chatd_mono_ms(vs->self) + options_of(vs)->deadline_ms;
    snprintf(v->id, sizeof(v->id), "%s-%" PRIu64, vs->life, ++vs->asked);
    write_question(v);
    if (v->body.has_failed) {
        text_free(&v->body);
        free(v);
        return NULL;
    }
    return v;
}

static void verdict_free(struct verdict *v)
{
    text_free(&v->body);
    free(v);
}

static void waiting(struct verdicts *vs, int by)
{
    vs->waiting += by;
    chatd_metric_set(vs->self, vs->counters->waiting, 0, vs->waiting);
}

/* --- without a verdict ------------------------------------------------------------------------ */

/* One may be lost on the way; the third in a row is told to the operator. */
static void failed(struct verdicts *vs, enum counter_verdict outcome, const char *why)
{
    count(vs, outcome);
    if (++vs->failures == 1)
        chatd_log(vs->self, CHATD_LOG_INFO, "verdict_url (%s): %s", vs->to.where, why);
    if (vs->failures >= FAILURES)
        health_set(vs->health, HEALTH_VERDICTS, CHATD_DEGRADED, "verdict_url (%s): %s; messages %s",
                   vs->to.where, why,
                   is_open(vs) ? "pass unseen (fail = open)" : "are refused (fail = closed)");
}

#define FAILED_CODE  "webhook.unavailable"
#define FAILED_TEXT  "Messages cannot be checked at the moment. Please try again."
#define FAILED_RETRY 2000u

static enum chatd_verdict without(struct verdicts *vs, struct chatd_ev_message *msg)
{
    if (is_open(vs))
        return CHATD_NEXT;
    return chatd_deny_for(vs->self, &msg->ev, FAILED_CODE, FAILED_TEXT, FAILED_RETRY);
}

static void resume_without(struct verdicts *vs, chatd_wait wait)
{
    if (is_open(vs))
        chatd_resume(vs->self, wait, CHATD_NEXT, NULL, NULL);
    else
        chatd_resume_deny_for(vs->self, wait, FAILED_CODE, FAILED_TEXT, FAILED_RETRY);
}

/* --- the answer ------------------------------------------------------------------------------- */

/* A 200. NULL: it was understood, and the message is as it says; else what is wrong with it. */
static const char *rewrite(struct verdict *v, chatd_str body, enum counter_verdict *outcome_out)
{
    struct chatd_ev_message *msg = v->msg;
    struct chatd_fields fields;
    const char *why = NULL;
    chatd_str text;

    if (chatd_fields_open(body, &fields, &why) != CHATD_OK)
        return why;
    if (chatd_fields_str(&fields, "text", &text) != CHATD_OK) {
        why = "it has no string \"text\"";
    } else if (text.n == msg->text.n && memcmp(text.p, msg->text.p, text.n) == 0) {
        *outcome_out = VERDICT_UNCHANGED;
    } else if (chatd_set_text(v->verdicts->self, msg, text.p, text.n) < 0) {
        why = "its text is too large";
    } else {
        *outcome_out = VERDICT_REWRITTEN;
    }
    chatd_fields_close(&fields);
    return why;
}

/* As rewrite(), for any answer. */
static const char *judge(struct verdict *v, const struct web_answer *answer,
                         enum counter_verdict *outcome_out)
{
    switch (answer->status) {
    case 200:
        return rewrite(v, answer->body, outcome_out);
    case 204:
        *outcome_out = VERDICT_DROPPED;
        return NULL;
    case 304:
        *outcome_out = VERDICT_UNCHANGED;
        return NULL;
    case 0:
        return answer->why;
    default:
        return answer->status / 100 == 3 ? "redirects are not followed" : "that is no verdict";
    }
}

static void say_failed(struct verdicts *vs, const struct web_answer *answer, const char *why)
{
    char text[512];

    if (answer->status != 0)
        snprintf(text, sizeof(text), "it answers %d: %s", answer->status, why);
    failed(vs, answer->is_late ? VERDICT_LATE : VERDICT_FAILED, answer->status != 0 ? text : why);
}

static void on_answer(chatd_plugin *self, const struct web_answer *answer, void *arg)
{
    struct verdict *v = arg;
    struct verdicts *vs = v->verdicts;
    struct web_answer late = {.why = "the server was too busy to read its answer", .is_late = true};
    enum counter_verdict outcome = VERDICT_FAILED;
    chatd_wait wait = v->wait;
    const char *why;

    if (chatd_mono_ms(self) > v->until_ms + SLACK_MS / 2) /* the message may be gone */
        answer = answer->is_late ? answer : &late;
    why = judge(v, answer, &outcome);
    chatd_metric_observe(self, vs->counters->verdict_seconds, 0, answer->seconds);
    waiting(vs, -1);
    verdict_free(v);
    if (why != NULL) {
        say_failed(vs, answer, why);
        resume_without(vs, wait);
        return;
    }
    vs->failures = 0;
    count(vs, outcome);
    health_good(vs->health, HEALTH_VERDICTS);
    if (outcome == VERDICT_DROPPED)
        chatd_resume(self, wait, CHATD_DENY, "webhook.dropped", "This message was not accepted.");
    else
        chatd_resume(self, wait, CHATD_NEXT, NULL, NULL);
}

/* The client has left, or the server stops. */
static void on_gone(chatd_plugin *self, void *arg)
{
    struct verdict *v = arg;

    (void)self;
    count(v->verdicts, VERDICT_GONE);
    waiting(v->verdicts, -1);
    web_abort(v->request);
    verdict_free(v);
}

/* --- the hook --------------------------------------------------------------------------------- */

static bool is_wanted(const struct verdicts *vs, chatd_str room)
{
    const char *const *rooms = options_of(vs)->verdict_rooms;

    if (rooms == NULL || *rooms == NULL)
        return true;
    for (; *rooms != NULL; rooms++) {
        if (strlen(*rooms) == room.n && memcmp(*rooms, room.p, room.n) == 0)
            return true;
    }
    return false;
}

/* In this order, because after chatd_ev_wait() there is no way back but to wait. */
static enum chatd_verdict ask(struct verdicts *vs, struct chatd_ev_message *msg)
{
    uint32_t deadline_ms = (uint32_t)options_of(vs)->deadline_ms;
    struct verdict *v = verdict_new(vs, msg);
    struct web_post post = {.to = &vs->to, .timeout_ms = deadline_ms, .done = on_answer, .arg = v};

    if (v == NULL || chatd_ev_wait(vs->self, &msg->ev, deadline_ms + SLACK_MS, on_gone, v,
                                   &v->wait) != CHATD_OK) {
        if (v != NULL)
            verdict_free(v);
        failed(vs, VERDICT_FAILED, "no more messages can wait");
        return without(vs, msg);
    }
    post.id = v->id;
    post.body = text_str(&v->body);
    v->request = web_post(vs->web, &post);
    if (v->request == NULL) {
        failed(vs, VERDICT_FAILED, "there is no memory for a request");
        resume_without(vs, v->wait);
        verdict_free(v);
    } else {
        waiting(vs, 1);
    }
    return CHATD_WAIT;
}

static enum chatd_verdict on_message(chatd_plugin *self, struct chatd_ev_message *msg)
{
    struct webhook *w = self->data;
    struct verdicts *vs = &w->verdicts;

    if (!is_wanted(vs, msg->room))
        return CHATD_NEXT;
    if (vs->waiting >= options_of(vs)->inflight) {
        failed(vs, VERDICT_FULL, "it is too slow: as many messages as `inflight` wait for it");
        return without(vs, msg);
    }
    if (!endpoint_is_known(&vs->to)) {
        failed(vs, VERDICT_FAILED, vs->to.why);
        return without(vs, msg);
    }
    return ask(vs, msg);
}

/* --- life ------------------------------------------------------------------------------------- */

int verdicts_init(struct verdicts *vs, chatd_plugin *self)
{
    const struct options *options = self->config;
    int rc = endpoint_init(&vs->to, self, "verdict_url", options->verdict_url);

    vs->self = self;
    if (rc == CHATD_OK && vs->to.url != NULL)
        rc = chatd_on_message(self, CHATD_CHANGE, on_message);
    return rc;
}

void verdicts_deinit(struct verdicts *vs)
{
    endpoint_deinit(&vs->to);
}

/* Away until the name is known: the core then waits a moment before it listens. */
static void on_lookup(chatd_plugin *self, struct endpoint *to, bool is_news)
{
    struct verdicts *vs = &((struct webhook *)self->data)->verdicts;

    if (to->addresses == NULL) {
        health_set(vs->health, HEALTH_VERDICTS, CHATD_DEGRADED, "verdict_url (%s): %s", to->where,
                   to->why);
    } else if (is_news) {
        vs->failures = 0;
        health_good(vs->health, HEALTH_VERDICTS);
    }
}

void verdicts_start(struct verdicts *vs)
{
    endpoint_start(&vs->to, on_lookup);
    if (vs->to.url != NULL && !endpoint_is_known(&vs->to))
        health_set(vs->health, HEALTH_VERDICTS, CHATD_AWAY, "verdict_url (%s): %s", vs->to.where,
                   vs->to.why);
}
