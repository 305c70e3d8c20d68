/* SPDX-License-Identifier: MIT */
/* Tries, told to the other workers and heard from them. */
#include "tries.h"

#include <chatd/svc/bus.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TOPIC CHATD_STR("auth.tries")

#define SENDER_DIGITS (TRIES_SENDER_BYTES - 1)
#define ADDRESS_AT    (2 + SENDER_DIGITS + 1)

chatd_str tries_write(const struct try_news *news, char out[TRIES_DATA_BYTES])
{
    int n =
        snprintf(out, TRIES_DATA_BYTES, "%c %s %s", (int)news->kind, news->sender, news->address);

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

bool tries_read(chatd_str data, struct try_news *out)
{
    chatd_str sender, address;

    if (data.n <= ADDRESS_AT || (data.p[0] != TRY_LOGIN && data.p[0] != TRY_REGISTER) ||
        data.p[1] != ' ' || data.p[ADDRESS_AT - 1] != ' ')
        return false;
    sender = (chatd_str){data.p + 2, SENDER_DIGITS};
    address = (chatd_str){data.p + ADDRESS_AT, data.n - ADDRESS_AT};
    if (!is_hex(sender) || !is_address(address))
        return false;
    memset(out, 0, sizeof(*out));
    out->kind = data.p[0] == TRY_LOGIN ? TRY_LOGIN : TRY_REGISTER;
    memcpy(out->sender, sender.p, sender.n);
    memcpy(out->address, address.p, address.n);
    return true;
}

static void on_news(chatd_plugin *self, chatd_str topic, chatd_str data, uint32_t lost, void *arg)
{
    struct auth *a = arg;
    const struct auth_config *config = auth_config(a);
    int64_t now_ms = chatd_mono_ms(self);
    struct try_news news;

    (void)topic;
    /* What was lost stays uncounted: too few are better than strangers shut out. */
    if (lost != 0 || !tries_read(data, &news) || strcmp(news.sender, a->tries_sender) == 0)
        return;
    if (news.kind == TRY_LOGIN)
        limit_note(&a->login_limit, news.address, config->login_rate, now_ms);
    else
        limit_note(&a->register_limit, news.address, config->register_rate, now_ms);
}

void tries_tell(struct auth *a, enum try_kind kind, const char *address)
{
    struct try_news news = {.kind = kind};
    char data[TRIES_DATA_BYTES];

    if (a->bus == NULL || !is_address((chatd_str){address, strlen(address)}))
        return;
    memcpy(news.sender, a->tries_sender, sizeof(news.sender));
    memcpy(news.address, address, strlen(address));
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
