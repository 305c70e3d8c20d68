/* SPDX-License-Identifier: MIT */
/* Redis' channels, and who listens to them. */
#include "channels.h"

#include "hash.h"

#include <chatd/log.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BATCH 100 /* channels of one SUBSCRIBE */

static const char topic_room[] = "room/";

struct channel {
    UT_hash_handle hh;
    uint32_t users;
    uint32_t pins; /* events under way */
    bool listening;
    uint64_t confirm_at; /* it is confirmed when so many are */
    size_t room_at, room_n;
    size_t topic_at, topic_n;
    size_t name_n;
    char text[]; /* name NUL topic NUL; the room is the end of its topic */
};

void channels_init(struct channels *channels, chatd_plugin *self, struct link *link,
                   int64_t database, const struct channels_events *events, void *arg)
{
    uint64_t random;

    *channels = (struct channels){
        .self = self, .link = link, .events = events, .arg = arg, .database = database};
    chatd_random(self, &random, sizeof(random));
    snprintf(channels->canary, sizeof(channels->canary), "chatd:canary:%016" PRIx64, random);
}

static chatd_str name_of(const struct channel *channel)
{
    return (chatd_str){channel->text, channel->name_n};
}

static chatd_str room_of(const struct channel *channel)
{
    return (chatd_str){channel->text + channel->room_at, channel->room_n};
}

static chatd_str topic_of(const struct channel *channel)
{
    return (chatd_str){channel->text + channel->topic_at, channel->topic_n};
}

static struct channel *find(const struct channels *channels, chatd_str name)
{
    struct channel *channel;

    HASH_FIND(hh, channels->table, name.p, name.n, channel);
    return channel;
}

/* --- what is sent ------------------------------------------------------------------------------ */

static void send_words(struct channels *channels, const char *verb, const chatd_str *names, int n)
{
    const char *argv[BATCH + 1] = {verb};
    size_t argn[BATCH + 1] = {strlen(verb)};

    for (int i = 0; i < n; i++) {
        argv[i + 1] = names[i].p;
        argn[i + 1] = names[i].n;
    }
    if (!link_send(channels->link, n + 1, argv, argn) && link_is_up(channels->link))
        link_drop(channels->link, "there is no memory to subscribe");
}

static void subscribe_one(struct channels *channels, struct channel *channel)
{
    chatd_str name = name_of(channel);

    if (!link_is_up(channels->link))
        return;
    channel->confirm_at = ++channels->asked;
    send_words(channels, "SUBSCRIBE", &name, 1);
}

void channels_up(struct channels *channels)
{
    chatd_str names[BATCH] = {{channels->canary, strlen(channels->canary)}};
    struct channel *channel, *next;
    int n = 1;

    channels->confirmed = 0;
    channels->asked = 1;
    HASH_ITER(hh, channels->table, channel, next)
    {
        channel->listening = false;
        channel->confirm_at = ++channels->asked;
        names[n++] = name_of(channel);
        if (n == BATCH) {
            send_words(channels, "SUBSCRIBE", names, n);
            n = 0;
        }
    }
    if (n > 0)
        send_words(channels, "SUBSCRIBE", names, n);
}

void channels_down(struct channels *channels)
{
    struct channel *channel, *next;

    HASH_ITER(hh, channels->table, channel, next)
    {
        channel->listening = false;
    }
}

/* --- who listens ------------------------------------------------------------------------------- */

static struct channel *channel_new(struct channels *channels, chatd_str name, chatd_str topic,
                                   size_t room_n)
{
    struct channel *channel = calloc(1, sizeof(*channel) + name.n + topic.n + 2);

    if (channel == NULL)
        return NULL;
    channel->name_n = name.n;
    channel->topic_at = name.n + 1;
    channel->topic_n = topic.n;
    channel->room_n = room_n;
    channel->room_at = channel->topic_at + topic.n - room_n;
    memcpy(channel->text, name.p, name.n);
    memcpy(channel->text + channel->topic_at, topic.p, topic.n);
    HASH_ADD_KEYPTR(hh, channels->table, channel->text, channel->name_n, channel);
    return channel;
}

static int add(struct channels *channels, chatd_str name, chatd_str topic, size_t room_n,
               bool *is_listening_out)
{
    struct channel *channel = find(channels, name);

    if (channel == NULL) {
        channel = channel_new(channels, name, topic, room_n);
        if (channel == NULL)
            return CHATD_E_BUSY;
        subscribe_one(channels, channel);
    }
    channel->users++;
    *is_listening_out = channel->listening;
    return CHATD_OK;
}

static void free_unused(struct channels *channels, struct channel *channel)
{
    if (channel->users > 0 || channel->pins > 0)
        return;
    chatd_str name = name_of(channel);

    if (link_is_up(channels->link))
        send_words(channels, "UNSUBSCRIBE", &name, 1);
    HASH_DELETE(hh, channels->table, channel);
    free(channel);
}

static void remove_one(struct channels *channels, chatd_str name)
{
    struct channel *channel = find(channels, name);

    if (channel == NULL)
        return;
    channel->users--;
    free_unused(channels, channel);
}

/* A topic's room part, in bytes; 0: it is no room's. */
static size_t room_bytes(chatd_str topic)
{
    const size_t n = sizeof(topic_room) - 1;

    return topic.n > n && memcmp(topic.p, topic_room, n) == 0 ? topic.n - n : 0;
}

int channels_add_room(struct channels *channels, chatd_str room, bool *is_listening_out)
{
    char topic[sizeof(topic_room) + TEXT_NAME_MAX];
    const size_t n = sizeof(topic_room) - 1;
    struct text name;

    memcpy(topic, topic_room, n);
    memcpy(topic + n, room.p, room.n);

    return add(channels, text_room_channel(&name, channels->database, room),
               (chatd_str){topic, n + room.n}, room.n, is_listening_out);
}

int channels_add_topic(struct channels *channels, chatd_str topic, bool *is_listening_out)
{
    struct text name;

    return add(channels, text_topic_channel(&name, channels->database, topic), topic,
               room_bytes(topic), is_listening_out);
}

void channels_remove_room(struct channels *channels, chatd_str room)
{
    struct text name;

    remove_one(channels, text_room_channel(&name, channels->database, room));
}

void channels_remove_topic(struct channels *channels, chatd_str topic)
{
    struct text name;

    remove_one(channels, text_topic_channel(&name, channels->database, topic));
}

/* --- what comes -------------------------------------------------------------------------------- */

static void confirmed(struct channels *channels, struct channel *channel)
{
    /* One that was left and asked for again has an older confirmation on its way. */
    if (channel->listening || channels->confirmed < channel->confirm_at)
        return;
    channel->listening = true;
    channel->pins++;
    channels->events->listening(channels->arg, room_of(channel), topic_of(channel));
    channel->pins--;
    free_unused(channels, channel);
}

static void came(struct channels *channels, struct channel *channel, chatd_str payload)
{
    channel->pins++;
    channels->events->message(channels->arg, room_of(channel), topic_of(channel), payload);
    channel->pins--;
    free_unused(channels, channel);
}

static bool is_push(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
           reply->element[0]->type == REDIS_REPLY_STRING &&
           reply->element[1]->type == REDIS_REPLY_STRING;
}

void channels_reply(struct channels *channels, redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        link_refuse(channels->link, reply->str);
        return;
    }
    if (!is_push(reply))
        return;
    const char *kind = reply->element[0]->str;
    chatd_str name = {reply->element[1]->str, reply->element[1]->len};
    const redisReply *data = reply->element[2];
    struct channel *channel;

    /* Who hears of it may end the use of any channel: it is looked up afterwards. */
    if (strcmp(kind, "subscribe") == 0 && channels->confirmed++ == 0)
        channels->events->ready(channels->arg);
    channel = find(channels, name);
    if (strcmp(kind, "subscribe") == 0) {
        if (channel != NULL)
            confirmed(channels, channel);
    } else if (strcmp(kind, "message") == 0 && data->type == REDIS_REPLY_STRING) {
        if (strcmp(name.p, channels->canary) == 0)
            channels->events->canary(channels->arg, (chatd_str){data->str, data->len});
        else if (channel != NULL)
            came(channels, channel, (chatd_str){data->str, data->len});
    }
}

void channels_deinit(struct channels *channels)
{
    struct channel *channel, *next;

    HASH_ITER(hh, channels->table, channel, next)
    {
        /* NOLINTNEXTLINE(clang-analyzer-*): uthash frees an empty table, and forgets it */
        HASH_DELETE(hh, channels->table, channel);
        free(channel);
    }
}
