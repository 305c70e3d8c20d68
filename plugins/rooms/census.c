/* SPDX-License-Identifier: MIT */
/* Counts of members that workers tell each other. */
#include "census.h"

#include <stdio.h>
#include <stdlib.h>

enum { MESSAGE_BYTES = 32768 };

/* A room of another worker, or one of ours that is to be told. */
struct entry {
    UT_hash_handle hh;
    uint32_t members;
    uint8_t name_n;
    char name[];
};

struct sender {
    UT_hash_handle hh;
    char id[CENSUS_SENDER_BYTES];
    int64_t heard_ms;
    struct entry *entries;
};

struct census {
    struct rooms *rooms;
    chatd_sub sub;
    char id[CENSUS_SENDER_BYTES + 1];
    struct sender *senders;
    size_t n; /* entries of all senders */
    struct entry *changed;
    chatd_timer tell, all;
    bool tells_all; /* somebody asked */
};

/* --- the text ----------------------------------------------------------------------------------- */

static chatd_str take_line(chatd_str *rest)
{
    const char *end = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;
    chatd_str line = {rest->p, end != NULL ? (size_t)(end - rest->p) : 0};

    if (end == NULL) {
        rest->n = 0;
        return line;
    }
    rest->p += line.n + 1;
    rest->n -= line.n + 1;
    return line;
}

bool census_next(chatd_str *rest, struct census_line *line_out)
{
    chatd_str line = take_line(rest);
    uint32_t members = 0;
    size_t i;

    for (i = 0; i < line.n && i < 9 && line.p[i] >= '0' && line.p[i] <= '9'; i++)
        members = members * 10 + (uint32_t)(line.p[i] - '0');
    if (i == 0 || i >= line.n || line.p[i] != ' ' || line.n - i - 1 == 0 ||
        line.n - i - 1 > ROOM_NAME_MAX) {
        rest->n = 0;
        return false;
    }
    *line_out = (struct census_line){members, {line.p + i + 1, line.n - i - 1}};
    return true;
}

/* --- entries ------------------------------------------------------------------------------------ */

static struct entry *entry_find(struct entry *entries, chatd_str name)
{
    struct entry *entry;

    HASH_FIND(hh, entries, name.p, name.n, entry);
    return entry;
}

static struct entry *entry_add(struct entry **entries, chatd_str name)
{
    struct entry *entry = malloc(sizeof(*entry) + name.n);

    if (entry == NULL)
        return NULL;
    entry->name_n = (uint8_t)name.n;
    memcpy(entry->name, name.p, name.n);
    HASH_ADD_KEYPTR(hh, *entries, entry->name, entry->name_n, entry);
    return entry;
}

static void entries_free(struct entry **entries)
{
    struct entry *entry, *next;

    HASH_ITER(hh, *entries, entry, next)
    {
        /* NOLINTNEXTLINE(clang-analyzer-*): uthash frees an empty table, and forgets it */
        HASH_DEL(*entries, entry);
        free(entry);
    }
}

static void sender_free(struct census *census, struct sender *sender)
{
    /* NOLINTNEXTLINE(clang-analyzer-*): uthash frees an empty table, and forgets it */
    HASH_DEL(census->senders, sender);
    census->n -= HASH_COUNT(sender->entries);
    entries_free(&sender->entries);
    free(sender);
}

static void forget_all(struct census *census)
{
    struct sender *sender, *next;

    HASH_ITER(hh, census->senders, sender, next)
    {
        sender_free(census, sender);
    }
}

/* --- telling ------------------------------------------------------------------------------------ */

struct message {
    size_t n;
    char text[MESSAGE_BYTES];
};

static void message_begin(const struct census *census, struct message *message)
{
    message->n = (size_t)snprintf(message->text, sizeof(message->text), "%s\n", census->id);
}

/* What a full bus drops is told again with everything else. */
static void message_send(struct census *census, struct message *message)
{
    struct rooms *rooms = census->rooms;

    if (message->n > CENSUS_SENDER_BYTES + 1)
        (void)chatd_bus_publish(rooms->self, rooms->bus, CHATD_STR(CENSUS_TOPIC),
                                (chatd_str){message->text, message->n});
    message_begin(census, message);
}

static void message_add(struct census *census, struct message *message, chatd_str room,
                        uint32_t members)
{
    if (message->n + room.n + 16 > sizeof(message->text))
        message_send(census, message);
    message->n += (size_t)snprintf(message->text + message->n, sizeof(message->text) - message->n,
                                   "%u %.*s\n", members, (int)room.n, room.p);
}

static void add_all(struct census *census, struct message *message)
{
    struct room *room, *next;

    HASH_ITER(hh, census->rooms->table, room, next)
    {
        if (room->n_members > 0)
            message_add(census, message, room_name(room), room->n_members);
    }
}

static void tell(struct census *census)
{
    struct message *message = malloc(sizeof(*message));
    struct entry *entry;

    if (message == NULL)
        return;
    message_begin(census, message);
    for (entry = census->changed; entry != NULL; entry = entry->hh.next) {
        chatd_str name = {entry->name, entry->name_n};
        const struct room *room = room_find(census->rooms, name);

        message_add(census, message, name, room != NULL ? room->n_members : 0);
    }
    if (census->tells_all)
        add_all(census, message);
    message_send(census, message);
    entries_free(&census->changed);
    census->tells_all = false;
    free(message);
}

static void on_tell(chatd_plugin *self, void *arg)
{
    struct census *census = arg;

    (void)self;
    census->tell.v = 0;
    tell(census);
}

static void tell_soon(struct census *census)
{
    if (census->tell.v == 0)
        (void)chatd_timer_start(census->rooms->self, CENSUS_TELL_MS, 0, on_tell, census,
                                &census->tell);
}

void census_changed(struct rooms *rooms, chatd_str room)
{
    struct census *census = rooms->census;

    if (census == NULL)
        return;
    if (entry_find(census->changed, room) == NULL)
        (void)entry_add(&census->changed, room);
    tell_soon(census);
}

static void ask(struct census *census)
{
    char text[CENSUS_SENDER_BYTES + 4];
    int n = snprintf(text, sizeof(text), "%s\n?\n", census->id);

    (void)chatd_bus_publish(census->rooms->self, census->rooms->bus, CHATD_STR(CENSUS_TOPIC),
                            (chatd_str){text, (size_t)n});
}

static void on_all(chatd_plugin *self, void *arg)
{
    struct census *census = arg;
    int64_t now = chatd_mono_ms(self);
    struct sender *sender, *next;

    HASH_ITER(hh, census->senders, sender, next)
    {
        if (now - sender->heard_ms > CENSUS_DEAD_MS)
            sender_free(census, sender);
    }
    census->tells_all = true;
    tell(census);
}

/* --- hearing ------------------------------------------------------------------------------------ */

static struct sender *sender_get(struct census *census, const char *id)
{
    struct sender *sender;

    HASH_FIND(hh, census->senders, id, CENSUS_SENDER_BYTES, sender);
    if (sender == NULL) {
        sender = calloc(1, sizeof(*sender));
        if (sender == NULL)
            return NULL;
        memcpy(sender->id, id, CENSUS_SENDER_BYTES);
        HASH_ADD(hh, census->senders, id, CENSUS_SENDER_BYTES, sender);
    }
    sender->heard_ms = chatd_mono_ms(census->rooms->self);
    return sender;
}

static void note(struct census *census, struct sender *sender, const struct census_line *line)
{
    struct entry *entry = entry_find(sender->entries, line->room);

    if (entry != NULL && line->members == 0) {
        /* NOLINTNEXTLINE(clang-analyzer-*): a row has its table */
        HASH_DEL(sender->entries, entry);
        free(entry);
        census->n--;
    } else if (entry != NULL) {
        entry->members = line->members;
    } else if (line->members > 0 && census->n < CENSUS_ROOMS_MAX) {
        entry = entry_add(&sender->entries, line->room);
        if (entry == NULL)
            return;
        entry->members = line->members;
        census->n++;
    }
}

static void hear(struct census *census, chatd_str text)
{
    chatd_str id = take_line(&text);
    struct census_line line;
    struct sender *sender;

    if (id.n != CENSUS_SENDER_BYTES || memcmp(id.p, census->id, id.n) == 0)
        return; /* one's own */
    if (text.n == 2 && memcmp(text.p, "?\n", 2) == 0) {
        census->tells_all = true;
        tell_soon(census);
        return;
    }
    sender = sender_get(census, id.p);
    while (sender != NULL && census_next(&text, &line))
        note(census, sender, &line);
}

/* Missed something, or somebody died: what is known may be wrong, and is asked for again. */
static void on_bus(chatd_plugin *self, chatd_str topic, chatd_str data, uint32_t lost, void *arg)
{
    struct census *census = arg;

    (void)self, (void)topic;
    if (!lost) {
        hear(census, data);
        return;
    }
    forget_all(census);
    census->tells_all = true;
    tell_soon(census);
    ask(census);
}

/* --- answers ------------------------------------------------------------------------------------ */

uint32_t census_elsewhere(struct rooms *rooms, chatd_str room)
{
    const struct sender *sender;
    uint32_t members = 0;

    for (sender = rooms->census != NULL ? rooms->census->senders : NULL; sender != NULL;
         sender = sender->hh.next) {
        const struct entry *entry = entry_find(sender->entries, room);

        members += entry != NULL ? entry->members : 0;
    }
    return members;
}

int census_each(struct rooms *rooms, int (*each)(void *arg, chatd_str room), void *arg)
{
    const struct sender *sender;
    const struct entry *entry;

    for (sender = rooms->census != NULL ? rooms->census->senders : NULL; sender != NULL;
         sender = sender->hh.next) {
        for (entry = sender->entries; entry != NULL; entry = entry->hh.next) {
            int rc = each(arg, (chatd_str){entry->name, entry->name_n});

            if (rc < 0)
                return rc;
        }
    }
    return CHATD_OK;
}

/* --- life --------------------------------------------------------------------------------------- */

int census_start(struct rooms *rooms)
{
    struct census *census = calloc(1, sizeof(*census));
    uint64_t random = 0;
    int rc;

    if (census == NULL)
        return CHATD_E_BUSY;
    chatd_random(rooms->self, &random, sizeof(random));
    snprintf(census->id, sizeof(census->id), "%016llx", (unsigned long long)random);
    census->rooms = rooms;
    rooms->census = census;
    rc = chatd_bus_subscribe(rooms->self, rooms->bus, CHATD_STR(CENSUS_TOPIC), on_bus, census,
                             &census->sub);
    if (rc >= 0)
        rc = chatd_timer_start(rooms->self, CENSUS_ALL_MS, CENSUS_ALL_MS, on_all, census,
                               &census->all);
    if (rc < 0)
        census_stop(rooms);
    return rc;
}

void census_stop(struct rooms *rooms)
{
    struct census *census = rooms->census;

    if (census == NULL)
        return;
    rooms->census = NULL;
    if (census->sub.v != 0)
        (void)chatd_bus_unsubscribe(rooms->self, rooms->bus, census->sub);
    if (census->tell.v != 0)
        (void)chatd_timer_cancel(rooms->self, census->tell);
    if (census->all.v != 0)
        (void)chatd_timer_cancel(rooms->self, census->all);
    forget_all(census);
    entries_free(&census->changed);
    free(census);
}
