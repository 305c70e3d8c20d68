/* SPDX-License-Identifier: MIT */
/* WebSockets of its own: connections, frames, channels, slots; the verbs of chatd.v1; `upgrade` to `closed`. */
#include "probe.h"

#include <inttypes.h>
#include <string.h>

#define PATH      "/" NAME "/ws"
#define FRAMES    400
#define BIG_BYTES 32768

/* On each connection of the claim. */
struct mark {
    int frames;
    char last[16];
};

static chatd_channel members;
static int conn_slot, channel_slot;

static void say(chatd_plugin *self, chatd_conn conn, const struct text *text)
{
    if (chatd_conn_send(self, conn, CHATD_TEXT, (chatd_str){text->p, text->n}, 0) != CHATD_OK)
        seen("say failed");
}

/* --- commands ---------------------------------------------------------------------------------------------------- */

static void do_info(chatd_plugin *self, chatd_conn conn, chatd_str arg)
{
    struct chatd_conn_info info = {.size = sizeof(info)};
    const struct mark *mark = chatd_slot_of(self, conn_slot, conn.v);
    struct text text = {0};
    int rc = chatd_conn_info(self, conn, &info);

    (void)arg;
    text_add(&text, "{\"rc\":%d,\"open\":%u,\"user\":\"%s\",\"address\":\"%s\"", rc, info.is_open,
             text_plain(info.user), text_plain(info.address));
    text_add(&text, ",\"path\":\"%s\",\"subprotocol\":\"%s\",\"expires\":%" PRId64,
             text_plain(info.path), text_plain(info.subprotocol), info.expires_ms);
    text_add(&text, ",\"connected\":%" PRId64 ",\"frames\":%d,\"last\":\"%s\"}", info.connected_ms,
             mark->frames, mark->last);
    say(self, conn, &text);
}

/* One frame with three references, sent once. */
static void do_frame(chatd_plugin *self, chatd_conn conn, chatd_str arg)
{
    struct text text = {0};
    chatd_frame frame, again, stale;
    size_t bytes = 0;
    int new_rc = chatd_frame_new(self, CHATD_TEXT, arg, &frame);
    int ref_rc = chatd_frame_ref(self, frame);
    int bytes_rc = chatd_frame_bytes(self, frame, &bytes);
    int send_rc = chatd_conn_send_frame(self, conn, frame, 0);

    again = stale = frame;
    chatd_frame_unref(self, &frame);
    text_add(&text, "{\"new\":%d,\"ref\":%d,\"bytes_rc\":%d,\"bytes\":%zu,\"send\":%d", new_rc,
             ref_rc, bytes_rc, bytes, send_rc);
    text_add(&text, ",\"held\":%d", chatd_frame_bytes(self, again, &bytes));
    chatd_frame_unref(self, &again);
    text_add(&text, ",\"gone\":%d,\"cleared\":%d}", chatd_frame_ref(self, stale),
             frame.v == 0 && again.v == 0);
    say(self, conn, &text);
}

static int count_member(chatd_plugin *self, chatd_conn conn, void *arg)
{
    struct chatd_conn_info info = {.size = sizeof(info)};

    *(int *)arg += chatd_conn_info(self, conn, &info) == CHATD_OK;
    return 0;
}

/* To all others. */
static void do_all(chatd_plugin *self, chatd_conn conn, chatd_str arg)
{
    struct text text = {0};
    chatd_frame frame;
    int each = 0, rc, each_rc;

    if (chatd_frame_new(self, CHATD_TEXT, arg, &frame) != CHATD_OK)
        return;
    rc = chatd_channel_send(self, members, frame, conn, CHATD_SEND_EPHEMERAL);
    chatd_frame_unref(self, &frame);
    each_rc = chatd_channel_each(self, members, count_member, &each);
    text_add(&text, "{\"rc\":%d,\"count\":%d,\"each\":%d,\"each_rc\":%d}", rc,
             chatd_channel_count(self, members), each, each_rc);
    say(self, conn, &text);
}

static void do_leave(chatd_plugin *self, chatd_conn conn, chatd_str arg)
{
    struct text text = {0};
    int again = chatd_channel_join(self, members, conn);
    int first = chatd_channel_leave(self, members, conn);
    int second = chatd_channel_leave(self, members, conn);

    (void)arg;
    text_add(&text, "{\"join\":%d,\"first\":%d,\"second\":%d}", again, first, second);
    say(self, conn, &text);
}

/* A second channel, from its opening to its end. */
static void do_channel(chatd_plugin *self, chatd_conn conn, chatd_str arg)
{
    struct text text = {0};
    chatd_channel one, two;
    int *block;
    int open_rc = chatd_channel_open(self, CHATD_STR("second"), &one);
    int twice_rc = chatd_channel_open(self, CHATD_STR("second"), &two);
    int join_rc = chatd_channel_join(self, one, conn);
    int close_rc;

    (void)arg;
    block = chatd_slot_of(self, channel_slot, one.v);
    if (block != NULL)
        *block = 1;
    close_rc = chatd_channel_close(self, one);
    text_add(&text, "{\"open\":%d,\"twice\":%d,\"same\":%d,\"join\":%d,\"slot\":%d", open_rc,
             twice_rc, one.v == two.v, join_rc, block != NULL);
    text_add(&text, ",\"close\":%d,\"gone\":%d,\"slot_gone\":%d}", close_rc,
             chatd_channel_close(self, one), chatd_slot_of(self, channel_slot, one.v) == NULL);
    say(self, conn, &text);
}

static void say_drained(chatd_plugin *self, chatd_conn conn, void *arg)
{
    struct text text = {0};

    text_add(&text, "{\"drained\":\"%s\"}", (const char *)arg);
    say(self, conn, &text);
}

static void do_drained(chatd_plugin *self, chatd_conn conn, chatd_str arg)
{
    static char told[] = "as asked";
    struct text text = {0};
    size_t bytes = 1;
    int backlog_rc = chatd_conn_backlog(self, conn, &bytes);
    int first = chatd_conn_when_drained(self, conn, say_drained, told);
    int second = chatd_conn_when_drained(self, conn, say_drained, told);

    (void)arg;
    text_add(&text, "{\"rc\":%d,\"bytes\":%zu,\"first\":%d,\"second\":%d}", backlog_rc, bytes,
             first, second);
    say(self, conn, &text);
}

/* The end of the session moves; the name does not. */
static void do_extend(chatd_plugin *self, chatd_conn conn, chatd_str arg)
{
    struct chatd_conn_info info = {.size = sizeof(info)};
    struct text text = {0};
    int rc, other_rc;

    (void)arg;
    (void)chatd_conn_info(self, conn, &info);
    rc = chatd_conn_identify(self, conn, info.user, chatd_wall_ms(self) + 3600000);
    other_rc = chatd_conn_identify(self, conn, CHATD_STR("somebody-else"), 0);
    text_add(&text, "{\"rc\":%d,\"other\":%d}", rc, other_rc);
    say(self, conn, &text);
}

static void do_close(chatd_plugin *self, chatd_conn conn, chatd_str arg)
{
    int rc = chatd_conn_close(self, conn, 4321, arg.p);

    seen(rc == CHATD_OK ? "close" : "close failed");
    seen(chatd_conn_send(self, conn, CHATD_TEXT, arg, 0) == CHATD_E_GONE ? "close is gone"
                                                                         : "close is open");
}

#if CHATD_ABI_MINOR >= 2
static void on_behind(chatd_plugin *self, chatd_channel channel, chatd_conn conn, uint64_t mark,
                      void *arg)
{
    static char told[] = "after behind";

    (void)arg;
    if (mark > 1 && mark <= FRAMES && chatd_channel_leave(self, channel, conn) == CHATD_E_NOTFOUND)
        seen("behind");
    (void)chatd_conn_when_drained(self, conn, say_drained, told);
}

/* More than the connection can take in a turn: it falls behind, and stays. */
static void do_behind(chatd_plugin *self, chatd_conn conn, chatd_str arg)
{
    static char big[BIG_BYTES];
    chatd_frame frame;
    int i, rc = CHATD_OK;

    (void)conn, (void)arg;
    memset(big, '.', sizeof(big));
    if (chatd_frame_new(self, CHATD_TEXT, (chatd_str){big, sizeof(big)}, &frame) != CHATD_OK)
        return;
    for (i = 1; rc == CHATD_OK && i <= FRAMES; i++)
        rc = chatd_channel_send_at(self, members, frame, (uint64_t)i);
    chatd_frame_unref(self, &frame);
    if (rc == CHATD_E_ABI)
        seen("no send_at");
}

static void do_skip(chatd_plugin *self, chatd_conn conn, chatd_str arg)
{
    if (chatd_conn_send(self, conn, CHATD_TEXT, arg, CHATD_SEND_OR_SKIP) != CHATD_OK)
        seen("skip failed");
}
#endif

static const struct {
    const char *word;
    void (*run)(chatd_plugin *self, chatd_conn conn, chatd_str arg);
} command[] = {
    {"info", do_info},       {"frame ", do_frame},    {"all ", do_all},      {"leave", do_leave},
    {"channel", do_channel}, {"drained", do_drained}, {"extend", do_extend}, {"close ", do_close},
#if CHATD_ABI_MINOR >= 2
    {"behind", do_behind},   {"skip ", do_skip},
#endif
};

static void handle(chatd_plugin *self, chatd_conn conn, enum chatd_opcode opcode, chatd_str data)
{
    struct mark *mark = chatd_slot_of(self, conn_slot, conn.v);
    size_t i, n;

    mark->frames++;
    if (opcode == CHATD_BINARY) {
        (void)chatd_conn_send(self, conn, CHATD_BINARY, data, 0);
        return;
    }
    for (i = 0; i < sizeof(command) / sizeof(command[0]); i++) {
        n = strlen(command[i].word);
        if (begins(data, command[i].word)) {
            command[i].run(self, conn, (chatd_str){data.p + n, data.n - n});
            return;
        }
    }
    seen("unknown command");
}

/* --- from the upgrade to the end --------------------------------------------------------------------------------- */

static enum chatd_verdict check_upgrade(chatd_plugin *self, struct chatd_ev_upgrade *ev)
{
    chatd_str value;

    if (!is_text(ev->path, PATH))
        return CHATD_NEXT;
    if (chatd_req_query(self, ev->ev.req, "deny", &value) == CHATD_OK)
        return chatd_deny(self, &ev->ev, "conflict", "The probe lets nobody in.");
    if (chatd_req_header(self, ev->ev.req, "X-Probe-User", &value) == CHATD_OK &&
        chatd_conn_identify(self, ev->ev.conn, value, chatd_wall_ms(self) + 60000) != CHATD_OK)
        seen("identify failed");
    return CHATD_NEXT;
}

static enum chatd_verdict change_upgrade(chatd_plugin *self, struct chatd_ev_upgrade *ev)
{
    struct mark *mark = chatd_slot_of(self, conn_slot, ev->ev.conn.v);

    if (!is_text(ev->path, PATH) || !(ev->ws_flags & CHATD_WS_ANONYMOUS))
        return CHATD_NEXT;
    memcpy(mark->last, "upgraded", 9);
    return probe_wait(self, &ev->ev, CHATD_NEXT);
}

static enum chatd_verdict watch_upgrade(chatd_plugin *self, struct chatd_ev_upgrade *ev)
{
    (void)self;
    if (is_text(ev->path, PATH))
        seen("upgrade");
    return CHATD_NEXT;
}

static void connected(chatd_plugin *self, const struct chatd_ev_connected *ev)
{
    if (!is_text(ev->path, PATH) || ev->user.n == 0)
        return;
    seen("connected");
    if (chatd_channel_join(self, members, ev->ev.conn) != CHATD_OK)
        seen("join failed");
}

/* Its slot is there for the last time. */
static void closed(chatd_plugin *self, const struct chatd_ev_closed *ev)
{
    const struct mark *mark = chatd_slot_of(self, conn_slot, ev->ev.conn.v);

    if (mark == NULL || mark->frames == 0)
        return;
    seen("closed");
    chatd_log_conn(self, CHATD_LOG_INFO, ev->ev.conn, "closed %u (%s) of %s after %d frames",
                   ev->code, text_plain(ev->reason), text_plain(ev->user), mark->frames);
}

static enum chatd_verdict check_frame(chatd_plugin *self, struct chatd_ev_frame *ev)
{
    if (is_text(ev->data, NAME " refuse") && ev->opcode == CHATD_TEXT)
        return chatd_deny(self, &ev->ev, NAME ".frame", "refused by the probe");
    if (is_text(ev->data, "info"))
        return probe_wait(self, &ev->ev, CHATD_NEXT);
    return CHATD_NEXT;
}

static enum chatd_verdict watch_frame(chatd_plugin *self, struct chatd_ev_frame *ev)
{
    (void)self, (void)ev;
    seen("frame");
    return CHATD_NEXT;
}

static void destroy_mark(chatd_plugin *self, void *block)
{
    (void)self;
    if (memcmp(((struct mark *)block)->last, "upgraded", 9) == 0)
        seen("connection slot");
}

static void destroy_channel(chatd_plugin *self, void *block)
{
    (void)self;
    if (*(int *)block == 1)
        seen("channel slot");
}

/* --- verbs ------------------------------------------------------------------------------------------------------- */

static void echo_verb(chatd_plugin *self, const struct chatd_verb_call *call)
{
    struct text text = {0};

    if (strstr(call->json.p, "\"fail\"") != NULL) {
        (void)chatd_verb_error(self, call->conn, call->id, NAME ".failed", "Failed as asked.", 250);
        return;
    }
    text_add(&text, "\"minor\":%d,\"kind\":\"%s\"", CHATD_ABI_MINOR, text_plain(call->type));
    (void)chatd_verb_ack(self, call->conn, call->id, (chatd_str){text.p, text.n});
}

int ws_init(chatd_plugin *self)
{
    static const struct chatd_ws_def plain = {
        .size = sizeof(plain), .flags = CHATD_WS_ANONYMOUS, .path = PATH, .handle = handle};
    static const struct chatd_ws_def named = {
        .size = sizeof(named), .path = PATH, .subprotocol = "probe", .handle = handle};
    static const struct chatd_verb_def echo = {
        .size = sizeof(echo),
        .flags = CHATD_VERB_LOGIN | CHATD_VERB_RATE,
        .name = NAME ".echo",
        .max_body = 200,
        .handle = echo_verb,
    };
    const int rcs[] = {
        chatd_ws(self, &plain),
        chatd_ws(self, &named),
        chatd_verb(self, &echo),
        chatd_slot(self, CHATD_SLOT_CONN, sizeof(struct mark), destroy_mark, &conn_slot),
        chatd_slot(self, CHATD_SLOT_CHANNEL, sizeof(int), destroy_channel, &channel_slot),
        chatd_on_upgrade(self, CHATD_CHECK, check_upgrade),
        chatd_on_upgrade(self, CHATD_CHANGE, change_upgrade),
        chatd_on_upgrade(self, CHATD_WATCH, watch_upgrade),
        chatd_on_connected(self, connected),
        chatd_on_frame(self, CHATD_CHECK, check_frame),
        chatd_on_frame(self, CHATD_WATCH, watch_frame),
        chatd_on_closed(self, closed),
    };
    size_t i;

    for (i = 0; i < sizeof(rcs) / sizeof(rcs[0]); i++) {
        if (rcs[i] < 0)
            return rcs[i];
    }
    return CHATD_OK;
}

int ws_start(chatd_plugin *self)
{
    int rc = chatd_channel_open(self, CHATD_STR("members"), &members);

#if CHATD_ABI_MINOR >= 2
    if (rc == CHATD_OK && chatd_channel_on_behind(self, members, on_behind, NULL) == CHATD_E_ABI)
        seen("no on_behind");
#endif
    return rc;
}
