/* SPDX-License-Identifier: MIT */
/* The example feed in a core of its own time and in one of 0.1, whose table is shorter: what it calls in each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants those above */

#include <chatd/chatd.h>

#include <stdio.h>
#include <string.h>

static struct chatd_core core;
static struct chatd_plugin plugin;
static chatd_plugin *const self = &plugin;
static char trace[1024];

/* What the plugin registered. */
static struct chatd_route_def route;
static struct chatd_ws_def ws;
static chatd_thunk connected_thunk;
static chatd_fn connected_fn;
static void (*behind)(chatd_plugin *self, chatd_channel channel, chatd_conn conn, uint64_t mark,
                      void *arg);
static void (*drained)(chatd_plugin *self, chatd_conn conn, void *arg);
static uint64_t block[4]; /* of the slot */

static void note(const char *fmt, ...) CHATD_PRINTF(1, 2);

static void note(const char *fmt, ...)
{
    size_t n = strlen(trace);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(trace + n, sizeof(trace) - n, fmt, ap);
    va_end(ap);
}

static void expect(const char *want)
{
    assert_string_equal(trace, want);
    trace[0] = '\0';
}

/* --- the core ---------------------------------------------------------------------------------------------------- */

static int core_ws(chatd_plugin *p, const struct chatd_ws_def *def)
{
    assert_ptr_equal(p, self);
    ws = *def;
    return CHATD_OK;
}

static int core_route(chatd_plugin *p, const struct chatd_route_def *def)
{
    assert_ptr_equal(p, self);
    route = *def;
    return CHATD_OK;
}

static int core_slot(chatd_plugin *p, int kind, size_t bytes,
                     void (*destroy)(chatd_plugin *self, void *b), int *slot_out)
{
    (void)p;
    assert_int_equal(kind, CHATD_SLOT_CONN);
    assert_true(bytes <= sizeof(block));
    assert_null(destroy);
    *slot_out = 3;
    return CHATD_OK;
}

static void *core_slot_of(chatd_plugin *p, int slot, uint64_t id)
{
    (void)p;
    assert_int_equal(slot, 3);
    return id == 7 ? block : NULL;
}

static int core_on(chatd_plugin *p, uint32_t event, int band, chatd_thunk thunk, chatd_fn fn)
{
    (void)p;
    assert_int_equal(event, CHATD_EV_connected);
    assert_int_equal(band, CHATD_WATCH);
    connected_thunk = thunk;
    connected_fn = fn;
    return CHATD_OK;
}

static int core_channel_open(chatd_plugin *p, chatd_str name, chatd_channel *channel_out)
{
    (void)p;
    assert_string_equal(name.p, "listeners");
    channel_out->v = 5;
    return CHATD_OK;
}

static int core_channel_join(chatd_plugin *p, chatd_channel channel, chatd_conn conn)
{
    (void)p;
    assert_int_equal(channel.v, 5);
    note("join %d ", (int)conn.v);
    return CHATD_OK;
}

static int core_channel_send(chatd_plugin *p, chatd_channel channel, chatd_frame frame,
                             chatd_conn except, int flags)
{
    (void)p;
    assert_int_equal(channel.v, 5);
    assert_int_equal(frame.v, 9);
    note("send except %d flags %d ", (int)except.v, flags);
    return CHATD_OK;
}

static int core_channel_count(chatd_plugin *p, chatd_channel channel)
{
    (void)p, (void)channel;
    return 2;
}

static int core_frame_new(chatd_plugin *p, int opcode, chatd_str data, chatd_frame *frame_out)
{
    (void)p;
    assert_int_equal(opcode, CHATD_BINARY);
    note("frame %s ", data.p);
    frame_out->v = 9;
    return CHATD_OK;
}

static void core_frame_unref(chatd_plugin *p, chatd_frame *frame)
{
    (void)p;
    assert_int_equal(frame->v, 9);
    note("unref ");
    frame->v = 0;
}

static int core_conn_send(chatd_plugin *p, chatd_conn conn, int opcode, chatd_str data, int flags)
{
    (void)p;
    assert_int_equal(opcode, CHATD_TEXT);
    assert_int_equal(flags, 0);
    note("to %d %.*s ", (int)conn.v, (int)data.n, data.p);
    return CHATD_OK;
}

static int core_when_drained(chatd_plugin *p, chatd_conn conn,
                             void (*cb)(chatd_plugin *self, chatd_conn conn, void *arg), void *arg)
{
    (void)p, (void)arg;
    assert_int_equal(conn.v, 7);
    drained = cb;
    return CHATD_OK;
}

static int core_req_info(chatd_plugin *p, chatd_req req, struct chatd_request *info)
{
    (void)p, (void)req;
    info->body = CHATD_STR("news");
    return CHATD_OK;
}

static int core_reply(chatd_plugin *p, chatd_req req, const struct chatd_reply *reply)
{
    (void)p, (void)req;
    note("%u %.*s", reply->status, (int)reply->body.n, reply->body.p);
    return CHATD_OK;
}

/* --- 0.2 --------------------------------------------------------------------------------------------------------- */

static int core_send_at(chatd_plugin *p, chatd_channel channel, chatd_frame frame, uint64_t mark)
{
    (void)p;
    assert_int_equal(channel.v, 5);
    assert_int_equal(frame.v, 9);
    note("send at %d ", (int)mark);
    return CHATD_OK;
}

static int core_on_behind(chatd_plugin *p, chatd_channel channel,
                          void (*cb)(chatd_plugin *self, chatd_channel channel, chatd_conn conn,
                                     uint64_t mark, void *arg),
                          void *arg)
{
    (void)p, (void)arg;
    assert_int_equal(channel.v, 5);
    behind = cb;
    return CHATD_OK;
}

static int core_limit(chatd_plugin *p, const char *name, int64_t value)
{
    (void)p;
    note("limit %s %d ", name, (int)value);
    return CHATD_OK;
}

/* --- behind the end of a table of 0.1 ---------------------------------------------------------------------------- */

static int no_send_at(chatd_plugin *p, chatd_channel channel, chatd_frame frame, uint64_t mark)
{
    (void)p, (void)channel, (void)frame, (void)mark;
    fail_msg("channel_send_at() is not there");
    return CHATD_E_ABI;
}

static int no_on_behind(chatd_plugin *p, chatd_channel channel,
                        void (*cb)(chatd_plugin *self, chatd_channel channel, chatd_conn conn,
                                   uint64_t mark, void *arg),
                        void *arg)
{
    (void)p, (void)channel, (void)cb, (void)arg;
    fail_msg("channel_on_behind() is not there");
    return CHATD_E_ABI;
}

static int no_limit(chatd_plugin *p, const char *name, int64_t value)
{
    (void)p, (void)name, (void)value;
    fail_msg("limit() is not there");
    return CHATD_E_ABI;
}

static void make_core(size_t bytes)
{
    memset(&core, 0, sizeof(core));
    core.ws = core_ws;
    core.route = core_route;
    core.slot = core_slot;
    core.slot_of = core_slot_of;
    core.on = core_on;
    core.channel_open = core_channel_open;
    core.channel_join = core_channel_join;
    core.channel_send = core_channel_send;
    core.channel_count = core_channel_count;
    core.frame_new = core_frame_new;
    core.frame_unref = core_frame_unref;
    core.conn_send = core_conn_send;
    core.conn_when_drained = core_when_drained;
    core.req_info = core_req_info;
    core.reply = core_reply;
    core.channel_send_at = core_send_at;
    core.channel_on_behind = core_on_behind;
    core.limit = core_limit;
    if (bytes <= offsetof(struct chatd_core, channel_send_at)) {
        core.channel_send_at = no_send_at;
        core.channel_on_behind = no_on_behind;
        core.limit = no_limit;
    }
    core.size = (uint32_t)bytes;
    plugin = (struct chatd_plugin){sizeof(plugin), &core, NULL, NULL};
    memset(block, 0, sizeof(block));
    behind = NULL;
    drained = NULL;
    trace[0] = '\0';
}

static void connect_to(const char *path)
{
    struct chatd_ev_connected ev = {.ev = {.size = sizeof(ev), .conn = {7}},
                                    .path = {path, strlen(path)}};

    connected_thunk(connected_fn, self, &ev);
}

static void begin(size_t bytes)
{
    make_core(bytes);
    assert_int_equal(chatd_plugin_v1.init(self), CHATD_OK);
    assert_int_equal(chatd_plugin_v1.start(self), CHATD_OK);
}

static void end(void)
{
    chatd_plugin_v1.stop(self);
    assert_null(self->data);
}

/* --- cases ------------------------------------------------------------------------------------------------------- */

static void an_older_core_would_load_it(void **state)
{
    (void)state;
    assert_int_equal(chatd_plugin_v1.abi_major, CHATD_ABI_MAJOR);
    assert_int_equal(chatd_plugin_v1.abi_minor, CHATD_ABI_MINOR);
    assert_int_equal(chatd_plugin_v1.abi_min_minor, 1);
    assert_null(chatd_plugin_v1.cancel);
}

static void in_a_core_of_0_2_slow_ones_are_told(void **state)
{
    (void)state;
    begin(offsetof(struct chatd_core, server_pid));
    expect("limit feed_bytes 4096 ");
    assert_non_null(behind);
    connect_to("/feed");
    connect_to("/feeds");
    connect_to("/fee");
    expect("join 7 ");
    route.handle(self, (chatd_req){1});
    expect("frame news send at 1 unref 202 {\"n\":1,\"listeners\":2}");
    route.handle(self, (chatd_req){1});
    behind(self, (chatd_channel){5}, (chatd_conn){7}, 2, NULL);
    route.handle(self, (chatd_req){1});
    trace[0] = '\0';
    drained(self, (chatd_conn){7}, NULL);
    expect("to 7 {\"missed\":{\"from\":2,\"to\":3}} join 7 ");
    behind(self, (chatd_channel){5}, (chatd_conn){8}, 3, NULL); /* has left */
    drained(self, (chatd_conn){8}, NULL);
    expect("");
    end();
}

static void in_a_core_of_0_1_it_uses_what_is_there(void **state)
{
    (void)state;
    begin(offsetof(struct chatd_core, channel_send_at));
    expect("");
    assert_null(behind);
    connect_to("/feed");
    expect("join 7 ");
    route.handle(self, (chatd_req){1});
    expect("frame news send except 0 flags 0 unref 202 {\"n\":1,\"listeners\":2}");
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_older_core_would_load_it),
        cmocka_unit_test(in_a_core_of_0_2_slow_ones_are_told),
        cmocka_unit_test(in_a_core_of_0_1_it_uses_what_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
