/* SPDX-License-Identifier: MIT */
/* Tries, told to the other workers and heard from them. */
#include "tries.h"

#include <chatd/svc/bus.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TOPIC CHATD_STR("auth.tries")

#define SENDER_DIGITS (TRIES_SENDER_BYTES - 1)
#define WHOM_AT       (2 + SENDER_DIGITS + 1)

chatd_str tries_write(const struct try_news *news, char out[TRIES_DATA_BYTES])
{
    int n = snprintf(out, TRIES_DATA_BYTES, "%c %s %s", (int)news->kind, news->sender, news->whom);

    return (chatd_str){out, (size_t)n};
}

static bool is_hex(chatd_str text)
{
    size_t i;

    for (i = 0; i < text.n; i++)
        if (!((text.p[i] >= '0' && text.p[i] <= '9') || (text.p[i] >= 'a' && text.p[i] <= 'f')))
            return false;
    return true;
}

static bool is_address(chatd_str text)
{
    size_t i;

    for (i = 0; i < text.n; i++)
        if (text.p[i] <= ' ' || text.p[i] > '~')
            return false;
    return text.n > 0 && text.n < ENTRY_ADDRESS_BYTES;
}

/* The names in it are whatever somebody typed. */
static bool is_bucket(chatd_str text)
{
    return text.n > 0 && text.n < GUESS_KEY_BYTES && memchr(text.p, '\0', text.n) == NULL;
}

static bool is_kind(char c)
{
    return c == TRY_LOGIN || c == TRY_REGISTER || c == TRY_GUESS;
}

bool tries_read(chatd_str data, struct try_news *out)
{
    chatd_str sender, whom;

    if (data.n <= WHOM_AT || !is_kind(data.p[0]) || data.p[1] != ' ' || data.p[WHOM_AT - 1] != ' ')
        return false;
    sender = (chatd_str){data.p + 2, SENDER_DIGITS};
    whom = (chatd_str){data.p + WHOM_AT, data.n - WHOM_AT};
    if (!is_hex(sender) || !(data.p[0] == TRY_GUESS ? is_bucket(whom) : is_address(whom)))
        return false;
    memset(out, 0, sizeof(*out));
    out->kind = (enum try_kind)data.p[0];
    memcpy(out->sender, sender.p, sender.n);
    memcpy(out->whom, whom.p, whom.n);
    return true;
}

static void note(struct auth *a, const struct try_news *news)
{
    const struct auth_config *config = auth_config(a);
    int64_t now_ms = chatd_mono_ms(a->self);
    char network[NETWORK_BYTES];

    switch (news->kind) {
    case TRY_LOGIN:
        limit_note(&a->login_limit, network_of(news->whom, network), config->login_rate, now_ms);
        limit_note(&a->login_total, "", config->login_rate_total, now_ms);
        break;
    case TRY_REGISTER:
        limit_note(&a->register_limit, network_of(news->whom, network), config->register_rate,
                   now_ms);
        limit_note(&a->register_total, "", config->register_rate_total, now_ms);
        break;
    case TRY_GUESS:
        limit_note(&a->account_limit, news->whom, config->account_rate, now_ms);
        break;
    }
}

static void on_news(chatd_plugin *self, chatd_str topic, chatd_str data, uint32_t lost, void *arg)
{
    struct auth *a = arg;
    struct try_news news;

    (void)self;
    (void)topic;
    /* What was lost stays uncounted: too few are better than strangers shut out. */
    if (lost == 0 && tries_read(data, &news) && strcmp(news.sender, a->tries_sender) != 0)
        note(a, &news);
}

void tries_tell(struct auth *a, enum try_kind kind, const char *whom)
{
    struct try_news news = {.kind = kind};
    char data[TRIES_DATA_BYTES];

    if (a->bus == NULL)
        return;
    memcpy(news.sender, a->tries_sender, sizeof(news.sender));
    snprintf(news.whom, sizeof(news.whom), "%s", whom);
    (void)chatd_bus_publish(a->self, a->bus, TOPIC, tries_write(&news, data));
}

int tries_start(struct auth *a)
{
    uint64_t random;

    if (a->bus == NULL)
        return CHATD_OK;
    /* Not the instance: its workers have that in common. */
    chatd_random(a->self, &random, sizeof(random));
    snprintf(a->tries_sender, sizeof(a->tries_sender), "%016" PRIx64, random);
    return chatd_bus_subscribe(a->self, a->bus, TOPIC, on_news, a, &a->tries);
}

void tries_stop(struct auth *a)
{
    if (a->tries.v != 0)
        (void)chatd_bus_unsubscribe(a->self, a->bus, a->tries);
    a->tries.v = 0;
}
