/* SPDX-License-Identifier: MIT */
/* Calls chatd.kv, chatd.log and chatd.bus as its minor declares them; offers a service, and uses that of the minor before. */
#include "probe.h"

#include <chatd/svc/bus.h>
#include <chatd/svc/kv.h>
#include <chatd/svc/log.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const chatd_str space = {"probe", 5}, name = {"key", 3},
                       list = {NAME ".list", sizeof(NAME) + 4};

/* A row of steps, each with an answer of its own; the last one replies. */
struct steps {
    chatd_req req;
    struct text text;
    int step;
    chatd_sub sub;
    chatd_str room;
    char room_text[64];
};

static struct steps *steps_new(chatd_req req)
{
    struct steps *s = calloc(1, sizeof(*s));

    if (s == NULL)
        abort();
    s->req = req;
    text_add(&s->text, "{\"minor\":%d", CHATD_ABI_MINOR);
    return s;
}

static void steps_end(chatd_plugin *self, struct steps *s)
{
    text_add(&s->text, "}");
    text_reply(self, s->req, &s->text);
    free(s);
}

/* A call that was refused has no callback. */
static void stuck(chatd_plugin *self, struct steps *s, int rc)
{
    text_add(&s->text, ",\"refused\":%d,\"step\":%d", rc, s->step);
    steps_end(self, s);
}

/* --- kv ---------------------------------------------------------------------------------------------------------- */

static void kv_next(chatd_plugin *self, struct steps *s);

static void on_kv(chatd_plugin *self, int err, const struct chatd_kv_reply *reply, void *arg)
{
    struct steps *s = arg;

    text_add(&s->text, ",\"kv%d\":[%d,\"%s\",%" PRId64 "]", s->step, err,
             reply != NULL && reply->value.n > 0 ? text_plain(reply->value) : "",
             reply != NULL ? reply->number : 0);
    s->step++;
    kv_next(self, s);
}

static void on_scan(chatd_plugin *self, int err, const struct chatd_kv_scan *page, void *arg)
{
    struct steps *s = arg;
    uint32_t i;

    text_add(&s->text, ",\"scan\":[%d", err);
    for (i = 0; err == CHATD_OK && i < page->n; i++) {
        const void *at = (const char *)page->items + (size_t)i * page->stride;
        const struct chatd_kv_item *item = at;

        text_add(&s->text, ",\"%s=%s\"", text_plain(item->key), text_plain(item->value));
    }
    text_add(&s->text, "],\"more\":%u", err == CHATD_OK ? page->more : 9);
    s->step++;
    kv_next(self, s);
}

static void kv_next(chatd_plugin *self, struct steps *s)
{
    const struct chatd_service *kv = chatd_service(self, CHATD_KV_SERVICE);
    int rc = CHATD_OK;

    switch (s->step) {
    case 0:
        rc = chatd_kv_put(self, kv, space, name, CHATD_STR("one"), 60000, on_kv, s);
        break;
    case 1:
        rc = chatd_kv_get(self, kv, space, name, on_kv, s);
        break;
    case 2:
        rc = chatd_kv_put_absent(self, kv, space, name, CHATD_STR("two"), 60000, on_kv, s);
        break;
    case 3:
        rc = chatd_kv_del(self, kv, space, name, on_kv, s);
        break;
    case 4:
        rc = chatd_kv_get(self, kv, space, name, on_kv, s);
        break;
    case 5:
        rc = chatd_kv_add(self, kv, space, CHATD_STR("sum"), 5, 60000, on_kv, s);
        break;
    case 6:
        rc = chatd_kv_put(self, kv, list, name, CHATD_STR("kept"), 0, on_kv, s);
        break;
    case 7:
        rc = chatd_kv_cas(self, kv, list, name, CHATD_STR("kept"), CHATD_STR("new"), on_kv, s);
        break;
    case 8:
        rc = chatd_kv_cas(self, kv, list, name, CHATD_STR("kept"), CHATD_STR("newer"), on_kv, s);
        break;
    case 9:
        rc = chatd_kv_scan(self, kv, list, CHATD_STR(""), 10, on_scan, s);
        break;
    case 10:
        rc = chatd_kv_del(self, kv, space, CHATD_STR("sum"), on_kv, s);
        break;
    default:
        steps_end(self, s);
    }
    if (rc < 0)
        stuck(self, s, rc);
}

static void tell_kv(chatd_plugin *self, chatd_req req)
{
    kv_next(self, steps_new(req));
}

/* --- log --------------------------------------------------------------------------------------------------------- */

static void log_next(chatd_plugin *self, struct steps *s);

static void on_appended(chatd_plugin *self, int err, const struct chatd_log_appended *a, void *arg)
{
    struct steps *s = arg;

    text_add(&s->text, ",\"append%d\":[%d,%" PRIu64 ",%u,%d]", s->step, err,
             err == CHATD_OK ? a->seq : 0, err == CHATD_OK ? a->duplicate : 9,
             err == CHATD_OK && a->epoch.n > 0 && (a->ts > 0 || a->duplicate));
    s->step++;
    log_next(self, s);
}

static void on_page(chatd_plugin *self, int err, const struct chatd_log_page *page, void *arg)
{
    struct steps *s = arg;
    uint32_t i;

    text_add(&s->text, ",\"page\":[%d", err);
    for (i = 0; err == CHATD_OK && i < page->n; i++) {
        const void *at = (const char *)page->records + (size_t)i * page->stride;
        const struct chatd_log_record *record = at;

        text_add(&s->text, ",\"%" PRIu64 " %s\"", record->seq, text_plain(record->record));
    }
    text_add(&s->text, "]");
    if (err == CHATD_OK)
        text_add(&s->text, ",\"top\":%" PRIu64 ",\"page_more\":%u", page->top, page->more);
#if CHATD_ABI_MINOR >= 2
    if (err == CHATD_OK)
        text_add(&s->text, ",\"previous\":%zu,\"common\":%" PRIu64,
                 CHATD_HAS(page, common) ? page->previous.n : 0,
                 CHATD_HAS(page, common) ? page->common : 0);
#endif
    s->step++;
    log_next(self, s);
}

/* After the position that was asked for come two records, then the one that is appended last. */
static void on_record(chatd_plugin *self, chatd_sub sub, chatd_str epoch,
                      const struct chatd_log_record *record, void *arg)
{
    struct steps *s = arg;
    const struct chatd_service *log = chatd_service(self, CHATD_LOG_SERVICE);

    text_add(&s->text, ",\"record%" PRIu64 "\":%d", record->seq, epoch.n > 0 && record->ts > 0);
    if (record->seq == 2)
        log_next(self, s);
    if (record->seq < 3)
        return;
    text_add(&s->text, ",\"unsubscribe\":%d", chatd_log_unsubscribe(self, log, sub));
    text_add(&s->text, ",\"unsubscribed\":%d", chatd_log_unsubscribe(self, log, sub));
    steps_end(self, s);
}

static void on_reset(chatd_plugin *self, chatd_sub sub, chatd_str epoch, uint64_t seq, void *arg)
{
    (void)self, (void)sub, (void)epoch, (void)seq, (void)arg;
    seen("reset");
}

static void on_trimmed(chatd_plugin *self, chatd_sub sub, uint64_t from, uint64_t to, void *arg)
{
    (void)self, (void)sub, (void)from, (void)to, (void)arg;
    seen("trimmed");
}

#if CHATD_ABI_MINOR >= 4
static void on_forgotten(chatd_plugin *self, chatd_sub sub, uint64_t first, void *arg)
{
    (void)self, (void)sub, (void)arg;
    if (first > 0)
        seen("forgotten");
}
#endif

/* What was appended last comes both as an answer and as a record, in any order. */
static void on_last(chatd_plugin *self, int err, const struct chatd_log_appended *a, void *arg)
{
    (void)self, (void)a, (void)arg; /* the record may have ended the steps already */
    seen(err == CHATD_OK ? "appended last" : "append failed");
}

static const struct chatd_log_listener listener = {
    .size = sizeof(listener),
    .record = on_record,
    .reset = on_reset,
    .trimmed = on_trimmed,
#if CHATD_ABI_MINOR >= 4
    .forgotten = on_forgotten,
#endif
};

static void log_next(chatd_plugin *self, struct steps *s)
{
    const struct chatd_service *log = chatd_service(self, CHATD_LOG_SERVICE);
    const struct chatd_log_position none = {.epoch = CHATD_STR("elsewhere"), .seq = 0};
    struct chatd_log_entry entry = {
        .size = sizeof(entry),
        .dedup_ms = 60000,
        .room = s->room,
        .user = CHATD_STR("probe"),
        .cid = CHATD_STR("first"),
        .record = CHATD_STR("{}"),
    };
    int rc = CHATD_OK;

    switch (s->step) {
    case 0:
    case 1: /* the same once more: a double */
        rc = chatd_log_append(self, log, &entry, on_appended, s);
        break;
    case 2:
        entry.cid = CHATD_STR("second");
        rc = chatd_log_append(self, log, &entry, on_appended, s);
        break;
    case 3:
        rc = chatd_log_range(self, log, s->room, 0, 10, CHATD_LOG_BEFORE, on_page, s);
        break;
    case 4: /* a position of another epoch: reset comes first, then all there is */
        s->step++;
        rc = chatd_log_subscribe(self, log, s->room, &none, &listener, s, &s->sub);
        break;
    default:
        entry.cid = CHATD_STR("third");
        rc = chatd_log_append(self, log, &entry, on_last, NULL);
    }
    if (rc < 0)
        stuck(self, s, rc);
}

/* GET /NAME/log?room=R: R is to be empty. */
static void tell_log(chatd_plugin *self, chatd_req req)
{
    struct steps *s = steps_new(req);
    chatd_str room;

    if (chatd_req_query(self, req, "room", &room) == CHATD_OK && room.n < sizeof(s->room_text)) {
        memcpy(s->room_text, room.p, room.n);
        s->room = (chatd_str){s->room_text, room.n};
    }
    log_next(self, s);
}

/* GET /NAME/follow?room=R: is told what becomes of R, until the server ends. */
static void follow_record(chatd_plugin *self, chatd_sub sub, chatd_str epoch,
                          const struct chatd_log_record *record, void *arg)
{
    (void)self, (void)sub, (void)epoch, (void)record, (void)arg;
    seen("followed");
}

static void follow(chatd_plugin *self, chatd_req req)
{
    static chatd_sub sub;
    struct chatd_log_listener all = listener;
    const struct chatd_log_position top = {.epoch = CHATD_STR(""), .seq = 0};
    chatd_str room = CHATD_STR("");
    struct text text = {0};

    all.record = follow_record;
    (void)chatd_req_query(self, req, "room", &room);
    text_add(&text, "{\"rc\":%d}",
             chatd_log_subscribe(self, chatd_service(self, CHATD_LOG_SERVICE), room, &top, &all,
                                 NULL, &sub));
    text_reply(self, req, &text);
}

/* --- bus --------------------------------------------------------------------------------------------------------- */

static void on_bus(chatd_plugin *self, chatd_str topic, chatd_str data, uint32_t lost, void *arg)
{
    struct steps *s = arg;
    const struct chatd_service *bus = chatd_service(self, CHATD_BUS_SERVICE);

    if (lost)
        return; /* one is told so at the beginning, where there are other workers */
    text_add(&s->text, ",\"topic\":\"%s\",\"data\":\"%s\"", text_plain(topic), text_plain(data));
    text_add(&s->text, ",\"unsubscribe\":%d", chatd_bus_unsubscribe(self, bus, s->sub));
    text_add(&s->text, ",\"unsubscribed\":%d", chatd_bus_unsubscribe(self, bus, s->sub));
    steps_end(self, s);
}

static void tell_bus(chatd_plugin *self, chatd_req req)
{
    const struct chatd_service *bus = chatd_service(self, CHATD_BUS_SERVICE);
    struct steps *s = steps_new(req);
    const chatd_str topic = CHATD_STR(NAME ".topic");
    int rc = chatd_bus_subscribe(self, bus, topic, on_bus, s, &s->sub);

    text_add(&s->text, ",\"subscribe\":%d", rc);
    if (rc == CHATD_OK)
        rc = chatd_bus_publish(self, bus, topic, CHATD_STR("heard"));
    if (rc < 0)
        stuck(self, s, rc);
}

/* --- a service of its own ---------------------------------------------------------------------------------------- */

struct thing_api {
    uint32_t size;
    uint32_t reserved;
    int (*twice)(chatd_plugin *p, chatd_plugin *self, int n);
};

static int twice(chatd_plugin *p, chatd_plugin *self, int n)
{
    return p != self ? 2 * n : CHATD_E_STATE;
}

/* GET /NAME/previous */
static void tell_previous(chatd_plugin *self, chatd_req req)
{
    const struct chatd_service *s = chatd_service(self, PREVIOUS ".thing");
    struct text text = {0};

    if (s == NULL)
        text_add(&text, "{\"there\":0}");
    else
        text_add(&text, "{\"there\":1,\"twice\":%d,\"of\":\"%s\",\"version\":\"%u.%u\"}",
                 ((const struct thing_api *)s->api)->twice(s->provider, self, 21), s->provider_name,
                 s->major, s->minor);
    text_reply(self, req, &text);
}

int services_init(chatd_plugin *self)
{
    static const struct thing_api api = {.size = sizeof(api), .twice = twice};
    static const struct chatd_service_def def = {
        .size = sizeof(def),
        .major = 1,
        .minor = CHATD_ABI_MINOR,
        .name = NAME ".thing",
        .api = &api,
#if CHATD_ABI_MINOR >= 2 && CHATD_ABI_MIN_MINOR >= 2
        .flags = CHATD_SERVICE_SHARED,
#endif
    };
    const int rcs[] = {
        chatd_service_offer(self, &def),
        probe_get(self, "/" NAME "/kv", 0, tell_kv),
        probe_get(self, "/" NAME "/log", 0, tell_log),
        probe_get(self, "/" NAME "/follow", 0, follow),
        probe_get(self, "/" NAME "/bus", 0, tell_bus),
        probe_get(self, "/" NAME "/previous", 0, tell_previous),
    };
    size_t i;

    for (i = 0; i < sizeof(rcs) / sizeof(rcs[0]); i++) {
        if (rcs[i] < 0)
            return rcs[i];
    }
    return CHATD_OK;
}
