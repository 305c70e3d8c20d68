/* SPDX-License-Identifier: MIT */
/* A connection to Redis that is kept up. */
#include "link.h"

#include "info.h"
#include "trouble.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define STEADY_MS 1000 /* up for so long: the next failure is a first one */

/* What is said at the beginning, in this order; the bits of link->steps that are asked for. */
enum { STEP_AUTH, STEP_SELECT, STEP_NAME, STEP_INFO, STEPS };

static void attempt(struct link *link);
static void resolved(void *arg, const struct resolved *found, const char *why);

/* --- failing and trying again ------------------------------------------------------------------ */

static void on_retry(chatd_plugin *self, void *arg)
{
    struct link *link = arg;

    (void)self;
    link->retry.v = 0;
    attempt(link);
}

/* Between half and the whole of a time that doubles: many instances come back one by one. */
static uint32_t pause_ms(const struct link *link)
{
    uint32_t whole = LINK_RETRY_MIN_MS, random;

    for (uint32_t i = 1; i < link->failures && whole < LINK_RETRY_MAX_MS; i++)
        whole *= 2;
    if (whole > LINK_RETRY_MAX_MS)
        whole = LINK_RETRY_MAX_MS;
    chatd_random(link->self, &random, sizeof(random));
    return whole / 2 + random % (whole / 2 + 1);
}

static void give_up(struct link *link)
{
    bool was_up = link->state == LINK_UP;
    int64_t now = chatd_mono_ms(link->self);

    chatd_timer_cancel(link->self, link->limit);
    wire_close(&link->wire);
    link->state = LINK_RESTS;
    if (was_up) {
        link->down_ms = now;
        if (now - link->up_ms >= STEADY_MS)
            link->failures = 0;
    }
    link->failures++;
    if (!link->closed && link->retry.v == 0)
        chatd_timer_start(link->self, pause_ms(link), 0, on_retry, link, &link->retry);
    if (was_up)
        link->events->down(link->arg);
    else
        link->events->failed(link->arg);
}

/* Nobody is there: the one thing that an operator can do something about. */
static bool is_nobody(const char *why)
{
    return strcmp(why, strerror(ECONNREFUSED)) == 0 || strcmp(why, strerror(ENOENT)) == 0 ||
           strcmp(why, strerror(EHOSTUNREACH)) == 0;
}

void link_drop(struct link *link, const char *why)
{
    const char *advice =
        is_nobody(why) ? ": start Redis there, or correct [history-redis] address" : "";

    if (link->state == LINK_RESTS)
        return;
    snprintf(link->trouble, sizeof(link->trouble), "%s: %s%s", link->options->where, why, advice);
    give_up(link);
}

void link_refuse(struct link *link, const char *error)
{
    if (link->state == LINK_RESTS)
        return;
    trouble_text(link->options->where, error, link->trouble, sizeof(link->trouble));
    give_up(link);
}

/* --- look-up and connecting -------------------------------------------------------------------- */

static void connect_next(struct link *link)
{
    const char *why = NULL;

    while (link->next < link->resolved.n) {
        size_t i = link->next++;

        link->state = LINK_CONNECTING;
        why = wire_connect(&link->wire, (const struct sockaddr *)&link->resolved.at[i].address,
                           link->resolved.at[i].bytes);
        if (why == NULL)
            return;
    }
    link_drop(link, why != NULL ? why : "the name has no address");
}

static void on_limit(chatd_plugin *self, void *arg)
{
    struct link *link = arg;
    char why[96];

    (void)self;
    link->limit.v = 0;
    snprintf(why, sizeof(why), "no answer within %" PRIu32 " ms (connect_timeout)",
             link->options->connect_timeout_ms);
    if (link->state == LINK_CONNECTING && link->next < link->resolved.n) {
        wire_close(&link->wire); /* a name may have several addresses */
        chatd_timer_start(self, link->options->connect_timeout_ms, 0, on_limit, link, &link->limit);
        connect_next(link);
        return;
    }
    link_drop(link, why);
}

static void resolved(void *arg, const struct resolved *found, const char *why)
{
    struct link *link = arg;
    char text[LINK_TEXT_SIZE / 2];

    if (link->closed || link->state != LINK_RESOLVING)
        return;
    if (found == NULL) {
        snprintf(text, sizeof(text), "the name cannot be resolved: %s", why);
        link_drop(link, text);
        return;
    }
    if (found != &link->resolved)
        link->resolved = *found;
    link->next = 0;
    chatd_timer_start(link->self, link->options->connect_timeout_ms, 0, on_limit, link,
                      &link->limit);
    connect_next(link);
}

static void attempt(struct link *link)
{
    const struct link_options *options = link->options;

    if (link->closed || link->state != LINK_RESTS)
        return;
    link->state = LINK_RESOLVING;
    /* Asked anew each time: a failover may have moved the name. */
    if (resolve_now(options->address, &link->resolved))
        resolved(link, &link->resolved, NULL);
    else if (resolve_start(link->self, options->address, options->connect_timeout_ms, resolved,
                           link) != CHATD_OK)
        link_drop(link, "its name cannot be looked up now");
}

/* --- greeting ---------------------------------------------------------------------------------- */

static bool say(struct link *link, uint32_t step, int argc, const char *const *argv)
{
    const char *copy[4];
    size_t bytes[4];

    for (int i = 0; i < argc; i++) {
        copy[i] = argv[i];
        bytes[i] = strlen(argv[i]);
    }
    link->steps |= 1u << step;
    return wire_send(&link->wire, argc, copy, bytes);
}

static void on_opened(void *arg)
{
    struct link *link = arg;
    const struct link_options *options = link->options;
    const char *password = options->password != NULL ? options->password : "";
    bool has_user = options->user != NULL && options->user[0] != '\0';
    chatd_str instance = chatd_instance(link->self);
    char database[24], name[64];
    bool sent = true;

    link->state = LINK_GREETING;
    link->steps = link->step = 0;
    link->warning[0] = '\0';
    if (has_user)
        sent = say(link, STEP_AUTH, 3, (const char *[]){"AUTH", options->user, password});
    else if (password[0] != '\0')
        sent = say(link, STEP_AUTH, 2, (const char *[]){"AUTH", password});
    snprintf(database, sizeof(database), "%" PRId64, options->database);
    if (options->database != 0)
        sent = sent && say(link, STEP_SELECT, 2, (const char *[]){"SELECT", database});
    snprintf(name, sizeof(name), "chatd-%.*s-%s", (int)instance.n, instance.p, options->role);
    sent = sent && say(link, STEP_NAME, 3, (const char *[]){"CLIENT", "SETNAME", name});
    sent = sent && say(link, STEP_INFO, 1, (const char *[]){"INFO"});
    if (!sent)
        link_drop(link, "there is no memory");
}

/* Chat data that Redis may throw away when its memory is full. */
static void look_at_memory(struct link *link, const char *info)
{
    char max[32], policy[32];

    if (info_get(info, "maxmemory", max, sizeof(max)) && strcmp(max, "0") != 0 &&
        info_get(info, "maxmemory_policy", policy, sizeof(policy)) &&
        strcmp(policy, "noeviction") != 0)
        snprintf(link->warning, sizeof(link->warning),
                 "%s: maxmemory-policy is %s: Redis may throw away messages and accounts when its "
                 "memory is full; set it to noeviction",
                 link->options->where, policy);
}

static void take_info(struct link *link, const char *info)
{
    char value[LINK_TEXT_SIZE / 4], why[LINK_TEXT_SIZE / 2];

    if (info_get(info, "loading", value, sizeof(value)) && strcmp(value, "1") == 0) {
        link_refuse(link, "LOADING");
        return;
    }
    if (info_get(info, "role", value, sizeof(value)) && strcmp(value, "master") != 0) {
        char host[128] = "", port[8] = "";

        info_get(info, "master_host", host, sizeof(host));
        info_get(info, "master_port", port, sizeof(port));
        snprintf(why, sizeof(why),
                 "this is a read-only replica: let [history-redis] address name its master, %s:%s",
                 host, port);
        link_drop(link, why);
        return;
    }
    if (info_get(info, "cluster_enabled", value, sizeof(value)) && strcmp(value, "1") == 0) {
        link_refuse(link, "CLUSTERDOWN");
        return;
    }
    if (!info_get(info, "run_id", link->run_id, sizeof(link->run_id))) {
        link_drop(link, "its INFO names no run_id: it is not Redis, or forbids to ask");
        return;
    }
    look_at_memory(link, info);
    chatd_timer_cancel(link->self, link->limit);
    link->state = LINK_UP;
    link->up_ms = chatd_mono_ms(link->self);
    link->events->up(link->arg);
}

static void on_reply(void *arg, redisReply *reply)
{
    struct link *link = arg;

    if (link->state == LINK_UP) {
        link->events->reply(link->arg, reply);
        return;
    }
    while (link->step < STEPS && (link->steps & 1u << link->step) == 0)
        link->step++;
    uint32_t step = link->step++;

    /* A name is a courtesy: it is no matter if it cannot be set, unless nothing can be done here. */
    if (reply->type == REDIS_REPLY_ERROR &&
        (step != STEP_NAME || trouble_of(reply->str)->kind == TROUBLE_PLACE ||
         strncmp(reply->str, "NOAUTH", 6) == 0))
        link_refuse(link, reply->str);
    else if (step == STEP_INFO)
        take_info(link, reply->str != NULL ? reply->str : "");
}

static void on_closed(void *arg, const char *why)
{
    struct link *link = arg;
    char text[LINK_TEXT_SIZE / 2];

    if (link->state == LINK_UP && link->options->hint != NULL) {
        snprintf(text, sizeof(text), "%s; %s", why, link->options->hint);
        link_drop(link, text);
        return;
    }

    /* The next address of a name, while the time lasts. */
    if (link->state == LINK_CONNECTING && link->next < link->resolved.n)
        connect_next(link);
    else
        link_drop(link, why);
}

/* --- life -------------------------------------------------------------------------------------- */

void link_init(struct link *link, chatd_plugin *self, const struct link_options *options,
               const struct link_events *events, void *arg)
{
    static const struct wire_events wire = {
        .opened = on_opened, .reply = on_reply, .closed = on_closed};

    *link = (struct link){.self = self, .options = options, .events = events, .arg = arg};
    wire_init(&link->wire, self, &wire, link);
}

void link_start(struct link *link)
{
    link->down_ms = chatd_mono_ms(link->self);
    attempt(link);
}

void link_hurry(struct link *link)
{
    if (link->state != LINK_RESTS || link->closed || link->retry.v == 0)
        return;
    chatd_timer_cancel(link->self, link->retry);
    link->retry.v = 0;
    attempt(link);
}

void link_close(struct link *link)
{
    link->closed = true;
    link->state = LINK_RESTS;
    chatd_timer_cancel(link->self, link->retry);
    chatd_timer_cancel(link->self, link->limit);
    wire_close(&link->wire);
}

int64_t link_away_ms(const struct link *link)
{
    return link->state == LINK_UP ? 0 : chatd_mono_ms(link->self) - link->down_ms;
}

bool link_send(struct link *link, int argc, const char **argv, const size_t *bytes)
{
    return link->state == LINK_UP && wire_send(&link->wire, argc, argv, bytes);
}
