/* SPDX-License-Identifier: MIT */
/*
 * Passes what is posted to /feed/posts on to all who listen at the WebSocket /feed. Who reads too slowly is told what it
 * missed and goes on listening; a chatd before 0.2 cannot do that, and closes it.
 *
 * One file for every chatd from 0.1 on: it is built with the present headers, says that 0.1 is enough, and asks the
 * core before each call that came later.
 */
#define CHATD_ABI_MIN_MINOR 1
#include <chatd/chatd.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX 4096

struct feed {
    chatd_channel listeners;
    uint64_t n; /* posts so far */
    int slot;
};

/* Of each connection. */
struct listener {
    uint64_t missed_from; /* the first post that it did not get */
};

/* --- slow listeners: 0.2 ----------------------------------------------------------------------------------------- */

static void drained(chatd_plugin *self, chatd_conn conn, void *arg)
{
    struct feed *feed = self->data;
    const struct listener *listener = chatd_slot_of(self, feed->slot, conn.v);
    char text[96];
    int n;

    (void)arg;
    if (listener == NULL)
        return; /* it left */
    n = snprintf(text, sizeof(text), "{\"missed\":{\"from\":%" PRIu64 ",\"to\":%" PRIu64 "}}",
                 listener->missed_from, feed->n);
    if (chatd_conn_send(self, conn, CHATD_TEXT, (chatd_str){text, (size_t)n}, 0) == CHATD_OK)
        (void)chatd_channel_join(self, feed->listeners, conn);
}

/* The core took it out of the channel: it comes back when it has read what it was sent. */
static void behind(chatd_plugin *self, chatd_channel channel, chatd_conn conn, uint64_t mark,
                   void *arg)
{
    const struct feed *feed = self->data;
    struct listener *listener = chatd_slot_of(self, feed->slot, conn.v);

    (void)channel, (void)arg;
    if (listener == NULL)
        return;
    listener->missed_from = mark;
    (void)chatd_conn_when_drained(self, conn, drained, NULL);
}

static int pass_on(chatd_plugin *self, const struct feed *feed, chatd_frame frame)
{
    if (CHATD_HAS(self->core, channel_send_at))
        return chatd_channel_send_at(self, feed->listeners, frame, feed->n);
    /* Before 0.2: who is too slow is closed with 4001, and may come back. */
    return chatd_channel_send(self, feed->listeners, frame, CHATD_NO_CONN, 0);
}

/* --- posts and listeners ----------------------------------------------------------------------------------------- */

static void post(chatd_plugin *self, chatd_req req)
{
    struct feed *feed = self->data;
    struct chatd_request info = {.size = sizeof(info)};
    chatd_frame frame;
    char text[96];
    int n;

    if (chatd_request(self, req, &info) != CHATD_OK)
        return; /* the client left */
    /* Binary: nobody has checked whether it is text. */
    if (chatd_frame_new(self, CHATD_BINARY, info.body, &frame) != CHATD_OK) {
        (void)chatd_reply_error(self, req, 503, "unavailable", "Try again.", 1000);
        return;
    }
    feed->n++;
    (void)pass_on(self, feed, frame);
    chatd_frame_unref(self, &frame);
    n = snprintf(text, sizeof(text), "{\"n\":%" PRIu64 ",\"listeners\":%d}", feed->n,
                 chatd_channel_count(self, feed->listeners));
    (void)chatd_reply_json(self, req, 202, (chatd_str){text, (size_t)n});
}

static void ignore(chatd_plugin *self, chatd_conn conn, enum chatd_opcode opcode, chatd_str data)
{
    (void)self, (void)conn, (void)opcode, (void)data;
}

static void connected(chatd_plugin *self, const struct chatd_ev_connected *ev)
{
    const struct feed *feed = self->data;

    if (strcmp(ev->path.p, "/feed") == 0)
        (void)chatd_channel_join(self, feed->listeners, ev->ev.conn);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static int init(chatd_plugin *self)
{
    static const struct chatd_ws_def ws = {
        .size = sizeof(ws),
        .flags = CHATD_WS_ANONYMOUS,
        .path = "/feed",
        .handle = ignore,
    };
    static const struct chatd_route_def route = {
        .size = sizeof(route),
        .flags = CHATD_ROUTE_LOGIN,
        .method = "POST",
        .pattern = "/feed/posts",
        .max_body = BODY_MAX,
        .handle = post,
    };
    struct feed *feed = calloc(1, sizeof(*feed));
    int rc;

    if (feed == NULL)
        return CHATD_E_BUSY;
    self->data = feed;
    rc = chatd_ws(self, &ws);
    if (rc == CHATD_OK)
        rc = chatd_route(self, &route);
    if (rc == CHATD_OK)
        rc = chatd_slot(self, CHATD_SLOT_CONN, sizeof(struct listener), NULL, &feed->slot);
    if (rc == CHATD_OK)
        rc = chatd_on_connected(self, connected);
    if (rc == CHATD_OK && CHATD_HAS(self->core, limit)) /* 0.2 */
        rc = chatd_limit(self, "feed_bytes", BODY_MAX);
    if (rc < 0) {
        self->data = NULL;
        free(feed);
    }
    return rc;
}

static int start(chatd_plugin *self)
{
    struct feed *feed = self->data;
    int rc = chatd_channel_open(self, CHATD_STR("listeners"), &feed->listeners);

    if (rc == CHATD_OK && CHATD_HAS(self->core, channel_on_behind)) /* 0.2 */
        rc = chatd_channel_on_behind(self, feed->listeners, behind, NULL);
    return rc;
}

static void stop(chatd_plugin *self)
{
    free(self->data);
    self->data = NULL;
}

/* Without .cancel, which is 0.2: an older core refuses a descriptor that has something where it knows nothing. */
CHATD_PLUGIN(.name = "feed", .version = "1.0", .license = "MIT", .init = init, .start = start,
             .stop = stop);
