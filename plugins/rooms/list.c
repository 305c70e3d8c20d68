/* SPDX-License-Identifier: MIT */
/*
 * One scan of kv `rooms` at a time; whoever asks while it is under way gets its answer, so that many
 * askers cost one scan and one list of names.
 */
#include "list.h"

#include "census.h"
#include "directory.h"
#include "out.h"

#include <chatd/json.h>

#include <stdlib.h>
#include <utlist.h>

#define SCAN_PAGE 500u

struct listed_room {
    uint32_t members;
    uint8_t name_n;
    char name[ROOM_NAME_MAX + 1];
};

struct asker {
    struct asker *prev, *next;
    chatd_req req;
};

/* Room names being collected, and who waits for them. */
struct listing {
    struct rooms *rooms;
    struct asker *askers;
    struct listed_room *found;
    size_t n, room, pages;
};

static int add(struct listing *listing, chatd_str name, uint32_t members)
{
    struct listed_room *found;

    if (listing->n == listing->room) {
        size_t room = listing->room == 0 ? 64 : listing->room * 2;

        found = realloc(listing->found, room * sizeof(*found));
        if (found == NULL)
            return CHATD_E_BUSY;
        listing->found = found;
        listing->room = room;
    }
    found = &listing->found[listing->n++];
    *found = (struct listed_room){.members = members, .name_n = (uint8_t)name.n};
    memcpy(found->name, name.p, name.n);
    return CHATD_OK;
}

static int by_name(const void *a, const void *b)
{
    const struct listed_room *x = a, *y = b;

    return strcmp(x->name, y->name); /* bytes of UTF-8 sort as code points do */
}

/* Sorts, and makes one of what is there twice: scans may repeat, and members are counted apart. */
static void sort(struct listing *listing)
{
    size_t i, n = 0;

    if (listing->n == 0)
        return;
    qsort(listing->found, listing->n, sizeof(*listing->found), by_name);
    for (i = 1; i < listing->n; i++) {
        if (strcmp(listing->found[n].name, listing->found[i].name) != 0)
            listing->found[++n] = listing->found[i];
        else if (listing->found[n].members < listing->found[i].members)
            listing->found[n].members = listing->found[i].members;
    }
    listing->n = n + 1;
}

/* Rooms with members in other workers; those with members here come twice, with the same number. */
static int add_elsewhere(void *arg, chatd_str name)
{
    struct listing *listing = arg;
    const struct room *room = room_find(listing->rooms, name);

    return add(listing, name,
               census_elsewhere(listing->rooms, name) + (room != NULL ? room->n_members : 0));
}

static int add_members(struct listing *listing)
{
    struct room *room, *next;
    int rc;

    HASH_ITER(hh, listing->rooms->table, room, next)
    {
        if (room->n_members == 0)
            continue;
        rc = add(listing, room_name(room),
                 room->n_members + census_elsewhere(listing->rooms, room_name(room)));
        if (rc < 0)
            return rc;
    }
    return census_each(listing->rooms, add_elsewhere, listing);
}

static int write_body(const struct listing *listing, struct out *out)
{
    static const char row[] = "{\"room\":,\"members\":},";
    size_t i;
    int rc = out_init(
        out, sizeof("{\"rooms\":[]}") +
                 listing->n * (sizeof(row) + chatd_json_quote_max(ROOM_NAME_MAX) + OUT_NUMBER_MAX));

    if (rc < 0)
        return rc;
    out_raw(out, CHATD_STR("{\"rooms\":["));
    for (i = 0; i < listing->n; i++) {
        const struct listed_room *found = &listing->found[i];

        out_raw(out, i > 0 ? CHATD_STR(",{\"room\":") : CHATD_STR("{\"room\":"));
        out_string(out, (chatd_str){found->name, found->name_n});
        out_raw(out, CHATD_STR(",\"members\":"));
        out_number(out, found->members);
        out_raw(out, CHATD_STR("}"));
    }
    out_raw(out, CHATD_STR("]}"));
    return CHATD_OK;
}

static void listing_free(struct listing *listing)
{
    struct asker *asker, *next;

    DL_FOREACH_SAFE(listing->askers, asker, next)
    free(asker);
    free(listing->found);
    free(listing);
}

/* The names are all here, or `err` says why not: answers everybody. */
static void finish(struct listing *listing, int err)
{
    struct rooms *rooms = listing->rooms;
    struct asker *asker;
    struct out body = {.p = NULL};

    rooms->listing = NULL;
    if (err == CHATD_OK && rooms->kv != NULL) {
        sort(listing);
        rooms->listed = listing->n;
        rooms->listed_at_ms = chatd_mono_ms(rooms->self);
    }
    if (err == CHATD_OK && listing->askers != NULL) {
        err = add_members(listing);
        sort(listing);
        if (err == CHATD_OK)
            err = write_body(listing, &body);
    }
    DL_FOREACH(listing->askers, asker)
    {
        if (err == CHATD_OK)
            chatd_reply_json(rooms->self, asker->req, 200, (chatd_str){body.p, body.n});
        else
            chatd_reply_error(rooms->self, asker->req, 503, "unavailable",
                              "The list of rooms cannot be read now.", 1000);
    }
    out_free(&body);
    listing_free(listing);
}

static void scan(struct listing *listing, chatd_str cursor);

static void on_scanned(chatd_plugin *self, int err, const struct chatd_kv_scan *page, void *arg)
{
    struct listing *listing = arg;
    size_t max = (size_t)config_of(listing->rooms)->rooms_max;
    uint32_t i;

    (void)self;
    for (i = 0; err == CHATD_OK && i < page->n && listing->n < max; i++) {
        const void *at = (const char *)page->items + (size_t)i * page->stride;
        const struct chatd_kv_item *item = at;

        if (rules_room_name(item->key) == NULL)
            err = add(listing, item->key, 0);
    }
    /* Pages are counted too: a scan may give empty ones, and must end. */
    if (err == CHATD_OK && page->more && listing->n < max && ++listing->pages < max)
        scan(listing, page->cursor);
    else
        finish(listing, err);
}

/* Asks for the next page; when that cannot be asked for, everybody is answered. */
static void scan(struct listing *listing, chatd_str cursor)
{
    struct rooms *rooms = listing->rooms;
    int rc =
        chatd_kv_scan(rooms->self, rooms->kv, DIRECTORY_NS, cursor, SCAN_PAGE, on_scanned, listing);

    if (rc < 0)
        finish(listing, rc);
}

static struct listing *listing_new(struct rooms *rooms)
{
    struct listing *listing = calloc(1, sizeof(*listing));

    if (listing != NULL)
        listing->rooms = rooms;
    return listing;
}

static void begin(struct listing *listing)
{
    if (listing->rooms->kv == NULL) {
        finish(listing, CHATD_OK);
        return;
    }
    listing->rooms->listing = listing;
    scan(listing, CHATD_STR(""));
}

void list_count(struct rooms *rooms)
{
    struct listing *listing;

    if (rooms->kv == NULL || rooms->listing != NULL)
        return;
    listing = listing_new(rooms);
    if (listing != NULL)
        begin(listing);
}

static void handle(chatd_plugin *self, chatd_req req)
{
    struct rooms *rooms = self->data;
    struct listing *listing = rooms->listing != NULL ? rooms->listing : listing_new(rooms);
    struct asker *asker = calloc(1, sizeof(*asker));
    bool is_new = listing != rooms->listing;

    if (listing == NULL || asker == NULL) {
        if (listing != NULL && is_new)
            listing_free(listing);
        free(asker);
        chatd_reply_error(self, req, 503, "unavailable", "The server is short of memory.", 1000);
        return;
    }
    asker->req = req;
    DL_APPEND(listing->askers, asker);
    if (is_new)
        begin(listing);
}

int list_register(struct rooms *rooms)
{
    static const struct chatd_route_def route = {.size = sizeof(route),
                                                 .flags = CHATD_ROUTE_LOGIN,
                                                 .method = "GET",
                                                 .pattern = "/api/v1/rooms",
                                                 .handle = handle};

    return chatd_route(rooms->self, &route);
}
