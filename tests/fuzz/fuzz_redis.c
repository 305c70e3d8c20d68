/* SPDX-License-Identifier: MIT */
/*
 * A Redis that says anything: the whole plugin history-redis, over real sockets, in virtual time. Each call
 * of its services is answered once, pages and subscriptions keep the order of a log, and after stop() nothing
 * is left. The first byte of the input chooses options; the rest are steps, each ended by a byte 0xff:
 *
 *   C bytes, S bytes    said by Redis on the link for commands, on the one that subscribes
 *   O bytes             an honest Redis answers all it was asked; a script's answer is `bytes`
 *   K, k                Redis closes the one, the other
 *   T c                 time goes on, by 2^(c % 16) ms
 *   A text, R, L c, U, B, b, G, P, X, N, D, H
 *                       append, range, subscribe to the log, the end of that, publish, subscribe to a topic,
 *                       and of chatd.kv: get, put_absent, cas, add, del, scan
 */
#include "check.h"

#include "history.h"

#include <chatd/chatd.h>
#include <chatd/svc/bus.h>
#include <chatd/svc/kv.h>

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { TIMERS = 64, POSTS = 64, WATCHES = 8, CALLS = 256, SUBS = 16, STEPS = 64, END = 0xff };

/* What Redis announces is not what it gets memory for. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "max_allocation_size_mb=256";
}

/* A call of a service. */
struct call {
    bool was_taken, is_answered;
};

struct sub {
    chatd_sub id;
    bool is_there, is_placed;
    uint64_t at;
    size_t epoch_n;
    char epoch[CHATD_LOG_EPOCH_MAX];
};

static struct {
    struct chatd_plugin plugin; /* first: the functions get a pointer to it */
    struct history_config config;
    int64_t now_ms;
    uint64_t random, last_id;
    struct {
        uint64_t id; /* 0: free */
        int64_t at_ms;
        uint32_t every_ms;
        void (*cb)(chatd_plugin *self, void *arg);
        void *arg;
    } timer[TIMERS];
    struct {
        void (*cb)(chatd_plugin *self, void *arg);
        void *arg;
    } post[POSTS];
    unsigned n_posts;
    struct {
        uint64_t id;
        int fd, events, server; /* `server`: Redis' end */
        void (*cb)(chatd_plugin *self, int fd, int events, void *arg);
        void *arg;
    } watch[WATCHES];
    struct call call[CALLS];
    unsigned n_calls;
    struct sub sub[SUBS];
    bool is_stopped;
} world;

static int listener = -1;
static char folder[] = "/tmp/chatd-fuzz-XXXXXX", path[64], address[80];

/* --- the core ------------------------------------------------------------------------------------ */

CHATD_PRINTF(4, 5)
static void core_log(chatd_plugin *self, int level, chatd_conn conn, const char *fmt, ...)
{
    char line[4096];
    va_list args;

    (void)self, (void)level, (void)conn;
    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
}

static int64_t core_ms(chatd_plugin *self)
{
    (void)self;
    return world.now_ms;
}

static void core_random(chatd_plugin *self, void *buf, size_t n)
{
    (void)self;
    memset(buf, (int)++world.random, n);
}

static void core_ready(chatd_plugin *self, int state, const char *text)
{
    (void)self;
    CHECK(state >= CHATD_READY && state <= CHATD_AWAY && strlen(text) < 4096);
}

static int core_feature(chatd_plugin *self, const char *name)
{
    (void)self, (void)name;
    return CHATD_OK;
}

static chatd_str core_instance(chatd_plugin *self)
{
    (void)self;
    return CHATD_STR("0123456789abcdef");
}

static int core_offer(chatd_plugin *self, const struct chatd_service_def *def)
{
    (void)self, (void)def;
    return CHATD_OK;
}

static const struct chatd_service *core_service(chatd_plugin *self, const char *name)
{
    static struct chatd_service kv;

    (void)self;
    kv = (struct chatd_service){
        .size = sizeof(kv), .provider = &world.plugin, .api = &history_kv_api};
    return strcmp(name, CHATD_KV_SERVICE) == 0 ? &kv : NULL;
}

static int core_timer(chatd_plugin *self, uint32_t after_ms, uint32_t every_ms,
                      void (*cb)(chatd_plugin *self, void *arg), void *arg, chatd_timer *timer_out)
{
    int i = 0;

    (void)self;
    while (i < TIMERS && world.timer[i].id != 0)
        i++;
    CHECK(i < TIMERS);
    world.timer[i].id = ++world.last_id;
    world.timer[i].at_ms = world.now_ms + after_ms;
    world.timer[i].every_ms = every_ms;
    world.timer[i].cb = cb;
    world.timer[i].arg = arg;
    timer_out->v = world.timer[i].id;
    return CHATD_OK;
}

static int core_timer_cancel(chatd_plugin *self, chatd_timer timer)
{
    (void)self;
    for (int i = 0; i < TIMERS; i++)
        if (timer.v != 0 && world.timer[i].id == timer.v)
            world.timer[i].id = 0;
    return CHATD_OK;
}

static int core_post(chatd_plugin *self, void (*cb)(chatd_plugin *self, void *arg), void *arg)
{
    (void)self;
    if (world.n_posts == POSTS || world.is_stopped)
        return CHATD_E_BUSY;
    world.post[world.n_posts].cb = cb;
    world.post[world.n_posts++].arg = arg;
    return CHATD_OK;
}

static int core_job(chatd_plugin *self, const struct chatd_job *job)
{
    (void)self, (void)job;
    return CHATD_E_BUSY; /* names are looked up in them, and here is none */
}

static int core_watch(chatd_plugin *self, int fd, int events,
                      void (*cb)(chatd_plugin *self, int fd, int events, void *arg), void *arg,
                      chatd_watch *watch_out)
{
    int i = 0;

    (void)self;
    while (i < WATCHES && world.watch[i].id != 0)
        i++;
    CHECK(i < WATCHES);
    world.watch[i].id = ++world.last_id;
    world.watch[i].fd = fd;
    world.watch[i].events = events;
    world.watch[i].cb = cb;
    world.watch[i].arg = arg;
    world.watch[i].server = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    CHECK(world.watch[i].server >= 0);
    watch_out->v = world.watch[i].id;
    return CHATD_OK;
}

static int watch_at(chatd_watch watch)
{
    int i = 0;

    while (i < WATCHES && (watch.v == 0 || world.watch[i].id != watch.v))
        i++;
    return i;
}

static int core_watch_set(chatd_plugin *self, chatd_watch watch, int events)
{
    int i = watch_at(watch);

    (void)self;
    CHECK(i < WATCHES);
    world.watch[i].events = events;
    return CHATD_OK;
}

static int core_watch_cancel(chatd_plugin *self, chatd_watch watch)
{
    int i = watch_at(watch);

    (void)self;
    if (i == WATCHES)
        return CHATD_E_GONE;
    world.watch[i].id = 0;
    if (world.watch[i].server >= 0)
        close(world.watch[i].server);
    return CHATD_OK;
}

static int core_metric(chatd_plugin *self, const struct chatd_metric_def *def, int *metric_out)
{
    (void)self, (void)def;
    *metric_out = 1;
    return CHATD_OK;
}

static void core_metric_add(chatd_plugin *self, int metric, int label, int64_t n)
{
    (void)self, (void)metric, (void)label, (void)n;
}

static void core_metric_observe(chatd_plugin *self, int metric, int label, double value)
{
    (void)self, (void)metric, (void)label;
    CHECK(value >= 0);
}

static const struct chatd_core core = {.size = sizeof(core),
                                       .log = core_log,
                                       .wall_ms = core_ms,
                                       .mono_ms = core_ms,
                                       .random = core_random,
                                       .ready = core_ready,
                                       .feature = core_feature,
                                       .instance = core_instance,
                                       .service_offer = core_offer,
                                       .service = core_service,
                                       .timer = core_timer,
                                       .timer_cancel = core_timer_cancel,
                                       .post = core_post,
                                       .job = core_job,
                                       .watch = core_watch,
                                       .watch_set = core_watch_set,
                                       .watch_cancel = core_watch_cancel,
                                       .metric = core_metric,
                                       .metric_add = core_metric_add,
                                       .metric_set = core_metric_add,
                                       .metric_observe = core_metric_observe};

/* --- the loop ------------------------------------------------------------------------------------ */

static bool run_posts(void)
{
    unsigned n = world.n_posts;

    for (unsigned i = 0; i < n; i++)
        world.post[i].cb(&world.plugin, world.post[i].arg);
    memmove(world.post, world.post + n, (world.n_posts - n) * sizeof(world.post[0]));
    world.n_posts -= n;
    return n > 0;
}

static int events_of(const struct pollfd *p)
{
    return (p->revents & (POLLIN | POLLHUP | POLLERR) ? CHATD_WATCH_READ : 0) |
           (p->revents & POLLOUT ? CHATD_WATCH_WRITE : 0);
}

static bool run_watches(void)
{
    struct pollfd poll_of[WATCHES];
    uint64_t id[WATCHES];
    bool any = false;

    for (int i = 0; i < WATCHES; i++) {
        id[i] = world.watch[i].id;
        poll_of[i].fd = id[i] != 0 ? world.watch[i].fd : -1;
        poll_of[i].events = (short)((world.watch[i].events & CHATD_WATCH_READ ? POLLIN : 0) |
                                    (world.watch[i].events & CHATD_WATCH_WRITE ? POLLOUT : 0));
    }
    if (poll(poll_of, WATCHES, 0) <= 0)
        return false;
    for (int i = 0; i < WATCHES; i++) {
        int events = events_of(&poll_of[i]) & world.watch[i].events;

        /* One that another's callback ended, or began anew, is none of these. */
        if (id[i] == 0 || poll_of[i].revents == 0 || world.watch[i].id != id[i] || events == 0)
            continue;
        any = true;
        world.watch[i].cb(&world.plugin, world.watch[i].fd, events, world.watch[i].arg);
    }
    return any;
}

static void turn(void)
{
    bool any = true;

    for (int i = 0; i < 16 && any; i++) {
        any = run_posts();
        any = run_watches() || any;
    }
}

static void go_on(int64_t ms)
{
    int64_t end_ms = world.now_ms + ms;

    for (unsigned n = 0; n < 300; n++) {
        int due = -1;

        for (int i = 0; i < TIMERS; i++)
            if (world.timer[i].id != 0 && world.timer[i].at_ms <= end_ms &&
                (due < 0 || world.timer[i].at_ms < world.timer[due].at_ms))
                due = i;
        if (due < 0)
            break;
        if (world.timer[due].at_ms > world.now_ms)
            world.now_ms = world.timer[due].at_ms;
        if (world.timer[due].every_ms > 0)
            world.timer[due].at_ms = world.now_ms + world.timer[due].every_ms;
        else
            world.timer[due].id = 0;
        world.timer[due].cb(&world.plugin, world.timer[due].arg);
        turn();
    }
    world.now_ms = world.now_ms < end_ms ? end_ms : world.now_ms;
}

/* --- Redis --------------------------------------------------------------------------------------- */

static struct history *history(void)
{
    return world.plugin.data;
}

/* Redis' end of a link; -1: it is not there. */
static int *server_of(const struct link *link)
{
    static int none;

    none = -1;
    for (int i = 0; i < WATCHES; i++)
        if (world.watch[i].id != 0 && world.watch[i].fd == link->wire.fd)
            return &world.watch[i].server;
    return &none;
}

static void say(const struct link *link, const void *p, size_t n)
{
    int *server = server_of(link);

    /* More than the socket holds is not needed for anything. */
    if (*server >= 0 && n > 0 && send(*server, p, n, MSG_NOSIGNAL) < 0)
        return;
}

static void say_text(const struct link *link, const char *text)
{
    say(link, text, strlen(text));
}

static void hang_up(const struct link *link)
{
    int *server = server_of(link);

    if (*server >= 0)
        close(*server);
    *server = -1;
}

static void answer_subscribe(const struct link *link, const redisReply *command)
{
    for (size_t i = 1; i < command->elements; i++) {
        const redisReply *name = command->element[i];
        char head[64];

        snprintf(head, sizeof(head), "*3\r\n$9\r\nsubscribe\r\n$%zu\r\n", (size_t)name->len);
        say_text(link, head);
        say(link, name->str, name->len);
        say_text(link, "\r\n:1\r\n");
    }
}

static void answer(const struct link *link, const redisReply *command, const void *p, size_t n)
{
    const char *verb = command->element[0]->str;

    if (strcmp(verb, "INFO") == 0)
        say_text(link, "$26\r\nredis_version:7\r\nrun_id:r1\r\n");
    else if (strcmp(verb, "SUBSCRIBE") == 0)
        answer_subscribe(link, command);
    else if (strncmp(verb, "EVAL", 4) == 0)
        say(link, p, n);
    else if (strcmp(verb, "SCRIPT") == 0)
        say_text(link, "$4\r\nhash\r\n");
    else if (strcmp(verb, "SCAN") == 0)
        say_text(link, "*2\r\n$1\r\n0\r\n*1\r\n$14\r\nchat_history:a\r\n");
    else if (strcmp(verb, "HSCAN") == 0)
        say_text(link, "*2\r\n$1\r\n0\r\n*2\r\n$1\r\nk\r\n$1\r\nv\r\n");
    else if (strcmp(verb, "GET") == 0 || strcmp(verb, "HGET") == 0)
        say_text(link, "$1\r\n1\r\n");
    else if (strcmp(verb, "PUBLISH") == 0 || strcmp(verb, "HSET") == 0)
        say_text(link, ":1\r\n");
    else if (strcmp(verb, "HMGET") == 0)
        say_text(link, "*3\r\n$1\r\n2\r\n$2\r\ne1\r\n$2\r\nr1\r\n");
    else if (strcmp(verb, "UNSUBSCRIBE") != 0)
        say_text(link, "+OK\r\n");
}

/* Reads the commands that came, which must be whole ones, and answers. */
static void answer_all(const struct link *link, const void *p, size_t n)
{
    static char buf[1 << 18];
    redisReader *reader;
    void *command = NULL;
    ssize_t got = *server_of(link) >= 0 ? recv(*server_of(link), buf, sizeof(buf), 0) : -1;

    if (got <= 0)
        return;
    reader = redisReaderCreate();
    redisReaderFeed(reader, buf, (size_t)got);
    while (redisReaderGetReply(reader, &command) == REDIS_OK && command != NULL) {
        const redisReply *reply = command;

        CHECK(reply->type == REDIS_REPLY_ARRAY && reply->elements > 0);
        for (size_t i = 0; i < reply->elements; i++)
            CHECK(reply->element[i]->type == REDIS_REPLY_STRING);
        answer(link, reply, p, n);
        freeReplyObject(command);
        command = NULL;
    }
    CHECK(reader->err == 0);
    redisReaderFree(reader);
}

static void honest(const void *p, size_t n)
{
    for (int i = 0; i < 3; i++) {
        turn();
        answer_all(&history()->commands, p, n);
        answer_all(&history()->subscriber, p, n);
    }
}

/* --- callers ------------------------------------------------------------------------------------- */

static struct call *call_new(void)
{
    CHECK(world.n_calls < CALLS);
    return &world.call[world.n_calls++];
}

static void taken(struct call *call, int rc)
{
    CHECK(rc <= 0);
    call->was_taken = rc == CHATD_OK;
    /* An answer comes later, and none where the call was refused. */
    CHECK(!call->is_answered);
}

static void answered(void *arg)
{
    struct call *call = arg;

    CHECK(!call->is_answered && !world.is_stopped);
    call->is_answered = true;
}

static void on_append(chatd_plugin *self, int err, const struct chatd_log_appended *result,
                      void *arg)
{
    (void)self;
    answered(arg);
    CHECK((err == CHATD_OK) == (result != NULL));
}

static void on_page(chatd_plugin *self, int err, const struct chatd_log_page *page, void *arg)
{
    (void)self;
    answered(arg);
    CHECK((err == CHATD_OK) == (page != NULL));
    if (page == NULL)
        return;
    CHECK(page->epoch.n > 0 && page->epoch.n <= CHATD_LOG_EPOCH_MAX);
    CHECK(page->previous.n <= CHATD_LOG_EPOCH_MAX);
    for (uint32_t i = 0; i < page->n; i++) {
        CHECK(page->records[i].record.p != NULL);
        CHECK(i == 0 || page->records[i].seq == page->records[i - 1].seq + 1);
        CHECK(page->records[i].seq > 0 && page->records[i].seq <= page->top);
    }
}

static void on_kv(chatd_plugin *self, int err, const struct chatd_kv_reply *reply, void *arg)
{
    (void)self;
    answered(arg);
    CHECK(err <= 0);
    if (reply != NULL && reply->value.n > 0)
        CHECK(memchr(reply->value.p, '\0', reply->value.n + 1) != NULL); /* all of it is there */
}

static void on_scan(chatd_plugin *self, int err, const struct chatd_kv_scan *page, void *arg)
{
    (void)self;
    answered(arg);
    CHECK((err == CHATD_OK) == (page != NULL));
    for (uint32_t i = 0; page != NULL && i < page->n; i++)
        CHECK(page->items[i].key.p != NULL && page->items[i].value.p != NULL);
}

static void on_bus(chatd_plugin *self, chatd_str topic, chatd_str data, uint32_t lost, void *arg)
{
    (void)self, (void)arg;
    CHECK(topic.n > 0 && data.p != NULL && data.p[data.n] == '\0' && lost <= 1);
}

static struct sub *sub_of(chatd_sub id, void *arg)
{
    struct sub *sub = arg;

    CHECK(sub->is_there && sub->id.v == id.v && !world.is_stopped);
    return sub;
}

static bool same_epoch(const struct sub *sub, chatd_str epoch)
{
    return sub->epoch_n == epoch.n && memcmp(sub->epoch, epoch.p, epoch.n) == 0;
}

static void take_epoch(struct sub *sub, chatd_str epoch)
{
    CHECK(epoch.n > 0 && epoch.n <= sizeof(sub->epoch));
    memcpy(sub->epoch, epoch.p, epoch.n);
    sub->epoch_n = epoch.n;
}

static void on_record(chatd_plugin *self, chatd_sub id, chatd_str epoch,
                      const struct chatd_log_record *record, void *arg)
{
    struct sub *sub = sub_of(id, arg);

    (void)self;
    if (sub->is_placed)
        CHECK(same_epoch(sub, epoch) && record->seq == sub->at + 1);
    take_epoch(sub, epoch);
    sub->is_placed = true;
    sub->at = record->seq;
    CHECK(record->record.p != NULL);
}

static void on_reset(chatd_plugin *self, chatd_sub id, chatd_str epoch, uint64_t seq, void *arg)
{
    struct sub *sub = sub_of(id, arg);

    (void)self;
    take_epoch(sub, epoch);
    if (sub->is_placed)
        sub->at = seq < sub->at ? seq : sub->at;
}

static void on_trimmed(chatd_plugin *self, chatd_sub id, uint64_t from, uint64_t to, void *arg)
{
    struct sub *sub = sub_of(id, arg);

    (void)self;
    CHECK(from <= to);
    if (sub->is_placed)
        CHECK(from == sub->at + 1);
    sub->is_placed = sub->is_placed || sub->epoch_n > 0;
    sub->at = to;
}

static void on_forgotten(chatd_plugin *self, chatd_sub id, uint64_t first, void *arg)
{
    (void)self;
    sub_of(id, arg);
    CHECK(first > 0);
}

/* --- steps --------------------------------------------------------------------------------------- */

static void subscribe(const uint8_t *p, size_t n)
{
    static const struct chatd_log_listener listens = {.size = sizeof(listens),
                                                      .record = on_record,
                                                      .reset = on_reset,
                                                      .trimmed = on_trimmed,
                                                      .forgotten = on_forgotten};
    const struct chatd_log_position after = {.epoch = CHATD_STR("e1"), .seq = n > 0 ? p[0] & 7 : 0};
    int i = 0;

    while (i < SUBS && world.sub[i].is_there)
        i++;
    if (i == SUBS)
        return;
    world.sub[i] = (struct sub){.is_there = true};
    if (n > 0 && !(p[0] & 8)) {
        world.sub[i].is_placed = true;
        world.sub[i].at = after.seq;
        take_epoch(&world.sub[i], after.epoch);
    }
    if (history_log_api.subscribe(&world.plugin, &world.plugin, CHATD_STR("a"),
                                  world.sub[i].is_placed ? &after : NULL, &listens, &world.sub[i],
                                  &world.sub[i].id) != CHATD_OK)
        world.sub[i].is_there = false;
}

static void unsubscribe(void)
{
    int i = 0;

    while (i < SUBS && !world.sub[i].is_there)
        i++;
    if (i == SUBS)
        return;
    CHECK(history_log_api.unsubscribe(&world.plugin, &world.plugin, world.sub[i].id) == CHATD_OK);
    world.sub[i].is_there = false;
}

static void append(const uint8_t *p, size_t n)
{
    const struct chatd_log_entry entry = {.size = sizeof(entry),
                                          .dedup_ms = n > 0 && p[0] & 1 ? 60000 : 0,
                                          .room = CHATD_STR("a"),
                                          .user = CHATD_STR("alice"),
                                          .cid = CHATD_STR("c"),
                                          .record = CHATD_STR("{\"user\":\"alice\"}")};
    struct call *call = call_new();

    taken(call, history_log_api.append(&world.plugin, &world.plugin, &entry, on_append, call));
}

static void ask_kv(int what)
{
    const struct chatd_kv_api *kv = &history_kv_api;
    chatd_plugin *p = &world.plugin;
    chatd_str ns = CHATD_STR("n"), key = CHATD_STR("k"), v = CHATD_STR("1");
    struct call *call = call_new();

    switch (what) {
    case 'G':
        taken(call, kv->get(p, p, ns, key, on_kv, call));
        break;
    case 'P':
        taken(call, kv->put_absent(p, p, ns, key, v, 1000, on_kv, call));
        break;
    case 'X':
        taken(call, kv->cas(p, p, ns, key, v, CHATD_STR("2"), on_kv, call));
        break;
    case 'N':
        taken(call, kv->add(p, p, ns, key, 1, 0, on_kv, call));
        break;
    case 'D':
        taken(call, kv->del(p, p, ns, key, on_kv, call));
        break;
    default:
        taken(call, kv->scan(p, p, ns, CHATD_STR(""), 10, on_scan, call));
        break;
    }
}

static void step(const uint8_t *p, size_t n)
{
    chatd_plugin *self = &world.plugin;
    struct call *call;
    chatd_sub id;

    switch (p[0]) {
    case 'C':
        say(&history()->commands, p + 1, n - 1);
        break;
    case 'S':
        say(&history()->subscriber, p + 1, n - 1);
        break;
    case 'O':
        honest(p + 1, n - 1);
        break;
    case 'K':
        hang_up(&history()->commands);
        break;
    case 'k':
        hang_up(&history()->subscriber);
        break;
    case 'T':
        go_on(INT64_C(1) << (n > 1 ? p[1] % 16 : 0));
        break;
    case 'A':
        append(p + 1, n - 1);
        break;
    case 'R':
        call = call_new();
        taken(call, history_log_api.range(self, self, CHATD_STR("a"), 3, 5, CHATD_LOG_BEFORE,
                                          on_page, call));
        break;
    case 'L':
        subscribe(p + 1, n - 1);
        break;
    case 'U':
        unsubscribe();
        break;
    case 'B':
        history_bus_api.publish(self, self, CHATD_STR("room/a"), CHATD_STR("data"));
        break;
    case 'b':
        history_bus_api.subscribe(self, self, n > 1 ? CHATD_STR("room/a") : CHATD_STR("topic"),
                                  on_bus, NULL, &id);
        break;
    default:
        if (strchr("GPXNDH", p[0]) != NULL && p[0] != '\0')
            ask_kv(p[0]);
        break;
    }
    turn();
}

/* --- life ---------------------------------------------------------------------------------------- */

static void take_away(void)
{
    unlink(path);
    rmdir(folder);
}

static void set_up(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/redis", folder);
    snprintf(address, sizeof(address), "unix:%s", path);
    memcpy(at.sun_path, path, strlen(path));
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(bind(listener, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(listener, 16) == 0);
    atexit(take_away);
}

static void begin(uint8_t options)
{
    memset(&world, 0, sizeof(world));
    world.now_ms = INT64_C(1790000000000);
    world.config = (struct history_config){.address = address,
                                           .password = options & 1 ? "secret" : NULL,
                                           .database = options & 2 ? 3 : 0,
                                           .log = 1,
                                           .history_max = 100,
                                           .history_age_ms = options & 4 ? 86400000 : 0,
                                           .queue_max = options & 8 ? 4 : 1000,
                                           .queue_bytes = 1 << 20,
                                           .canary_ms = 5000,
                                           .check_ms = 20000,
                                           .connect_timeout_ms = 5000};
    world.plugin =
        (struct chatd_plugin){.size = sizeof(world.plugin), .core = &core, .config = &world.config};
    CHECK(chatd_plugin_v1.init(&world.plugin) == CHATD_OK);
    CHECK(chatd_plugin_v1.start(&world.plugin) == CHATD_OK);
    turn();
}

static void end(void)
{
    /* Nobody waits longer than the deadline, whatever Redis does. */
    go_on(QUEUE_DEADLINE_MS + 1);
    for (unsigned i = 0; i < world.n_calls; i++)
        CHECK(world.call[i].is_answered == world.call[i].was_taken);
    append(NULL, 0);
    ask_kv('G');
    chatd_plugin_v1.cancel(&world.plugin);
    for (unsigned i = 0; i < world.n_calls; i++)
        CHECK(world.call[i].is_answered == world.call[i].was_taken);
    run_posts();
    world.is_stopped = true;
    chatd_plugin_v1.stop(&world.plugin);
    for (int i = 0; i < WATCHES; i++)
        CHECK(world.watch[i].id == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (listener < 0)
        set_up();
    if (size < 1)
        return 0;
    begin(data[0]);
    data++;
    size--;
    for (int i = 0; i < STEPS && size > 0; i++) {
        const uint8_t *after = memchr(data, END, size);
        size_t n = after != NULL ? (size_t)(after - data) : size;

        if (n > 0)
            step(data, n);
        size -= after != NULL ? n + 1 : n;
        data += after != NULL ? n + 1 : n;
    }
    end();
    return 0;
}
