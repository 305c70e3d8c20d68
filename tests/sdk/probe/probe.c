/* SPDX-License-Identifier: MIT */
/*
 * Asks chatd.kv, chatd.log and chatd.bus what a test wants to know: each call is a GET with the
 * arguments in its query, answered with what the callback got as JSON, "err" first.
 */
#include <chatd/chatd.h>
#include <chatd/json.h>
#include <chatd/svc/bus.h>
#include <chatd/svc/kv.h>
#include <chatd/svc/log.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const struct chatd_need needs[] = {
    {CHATD_KV_SERVICE, CHATD_KV_MAJOR, CHATD_KV_MINOR, CHATD_NEED_OPTIONAL},
    {CHATD_LOG_SERVICE, CHATD_LOG_MAJOR, CHATD_LOG_MINOR, CHATD_NEED_OPTIONAL},
    {CHATD_BUS_SERVICE, CHATD_BUS_MAJOR, CHATD_BUS_MINOR, CHATD_NEED_OPTIONAL},
    {NULL, 0, 0, 0},
};

static json_t *heard; /* what came over the bus, of all topics */

/* --- arguments and answers --------------------------------------------------------------------- */

static chatd_str text(chatd_plugin *self, chatd_req req, const char *name)
{
    chatd_str value = CHATD_STR("");

    chatd_req_query(self, req, name, &value);
    return value;
}

static long long number(chatd_plugin *self, chatd_req req, const char *name)
{
    return strtoll(text(self, req, name).p, NULL, 10);
}

static json_t *json_of(chatd_str value)
{
    return json_stringn_nocheck(value.n > 0 ? value.p : "", value.n);
}

/* Takes `answer` over, and `arg`, which holds the request's id. */
static void reply(chatd_plugin *self, void *arg, int err, json_t *answer)
{
    chatd_req req = *(chatd_req *)arg;

    free(arg);
    json_object_set_new(answer, "err", json_integer(err));
    char *body = json_dumps(answer, 0);

    chatd_reply_json(self, req, 200, (chatd_str){body, strlen(body)});
    free(body);
    json_decref(answer);
}

/* A call that was refused has no callback. */
static void called(chatd_plugin *self, void *arg, int rc)
{
    if (rc != CHATD_OK)
        reply(self, arg, rc, json_pack("{s:b}", "at_once", 1));
}

static void *keep(chatd_req req)
{
    chatd_req *kept = malloc(sizeof(*kept));

    *kept = req;
    return kept;
}

static bool is(chatd_str op, const char *name)
{
    return strcmp(op.p, name) == 0;
}

/* --- kv ---------------------------------------------------------------------------------------- */

static void on_kv(chatd_plugin *self, int err, const struct chatd_kv_reply *r, void *arg)
{
    json_t *answer = json_object();

    if (r != NULL) {
        json_object_set_new(answer, "value", json_of(r->value));
        json_object_set_new(answer, "number", json_integer(r->number));
    }
    reply(self, arg, err, answer);
}

static void on_scan(chatd_plugin *self, int err, const struct chatd_kv_scan *page, void *arg)
{
    json_t *answer = json_object(), *items = json_object();

    for (uint32_t i = 0; err == CHATD_OK && i < page->n; i++) {
        const void *at = (const char *)page->items + (size_t)i * page->stride;
        const struct chatd_kv_item *item = at;

        json_object_set_new_nocheck(items, item->key.p, json_of(item->value));
    }
    json_object_set_new(answer, "items", items);
    if (err == CHATD_OK)
        json_object_set_new(answer, "cursor", page->more ? json_of(page->cursor) : json_null());
    reply(self, arg, err, answer);
}

static void handle_kv(chatd_plugin *self, chatd_req req)
{
    const struct chatd_service *kv = chatd_service(self, CHATD_KV_SERVICE);
    chatd_str op = text(self, req, "op"), ns = text(self, req, "ns"), key = text(self, req, "key"),
              value = text(self, req, "value");
    int64_t ttl = number(self, req, "ttl"), n = number(self, req, "n");
    void *arg = keep(req);
    int rc = CHATD_E_INVAL;

    if (is(op, "get"))
        rc = chatd_kv_get(self, kv, ns, key, on_kv, arg);
    else if (is(op, "put"))
        rc = chatd_kv_put(self, kv, ns, key, value, ttl, on_kv, arg);
    else if (is(op, "put_absent"))
        rc = chatd_kv_put_absent(self, kv, ns, key, value, ttl, on_kv, arg);
    else if (is(op, "cas"))
        rc = chatd_kv_cas(self, kv, ns, key, text(self, req, "expected"), value, on_kv, arg);
    else if (is(op, "add"))
        rc = chatd_kv_add(self, kv, ns, key, n, ttl, on_kv, arg);
    else if (is(op, "del"))
        rc = chatd_kv_del(self, kv, ns, key, on_kv, arg);
    else if (is(op, "scan"))
        rc = chatd_kv_scan(self, kv, ns, text(self, req, "cursor"), (uint32_t)n, on_scan, arg);
    called(self, arg, rc);
}

/* --- log --------------------------------------------------------------------------------------- */

static void on_appended(chatd_plugin *self, int err, const struct chatd_log_appended *appended,
                        void *arg)
{
    json_t *answer = json_object();

    if (err == CHATD_OK) {
        json_object_set_new(answer, "epoch", json_of(appended->epoch));
        json_object_set_new(answer, "seq", json_integer((json_int_t)appended->seq));
        json_object_set_new(answer, "ts", json_integer(appended->ts));
        json_object_set_new(answer, "duplicate", json_boolean(appended->duplicate));
    }
    reply(self, arg, err, answer);
}

static void on_page(chatd_plugin *self, int err, const struct chatd_log_page *page, void *arg)
{
    json_t *answer = json_object(), *records = json_array();

    for (uint32_t i = 0; err == CHATD_OK && i < page->n; i++) {
        const void *at = (const char *)page->records + (size_t)i * page->stride;
        const struct chatd_log_record *record = at;

        json_array_append_new(records, json_pack("[I, I, o]", (json_int_t)record->seq,
                                                 (json_int_t)record->ts, json_of(record->record)));
    }
    json_object_set_new(answer, "records", records);
    if (err == CHATD_OK) {
        json_object_set_new(answer, "epoch", json_of(page->epoch));
        json_object_set_new(answer, "previous", json_of(page->previous));
        json_object_set_new(answer, "common", json_integer((json_int_t)page->common));
        json_object_set_new(answer, "top", json_integer((json_int_t)page->top));
        json_object_set_new(answer, "more", json_boolean(page->more));
    }
    reply(self, arg, err, answer);
}

static void handle_log(chatd_plugin *self, chatd_req req)
{
    const struct chatd_service *log = chatd_service(self, CHATD_LOG_SERVICE);
    chatd_str op = text(self, req, "op"), room = text(self, req, "room");
    const struct chatd_log_entry entry = {.size = sizeof(entry),
                                          .dedup_ms = (uint32_t)number(self, req, "dedup"),
                                          .room = room,
                                          .user = text(self, req, "user"),
                                          .cid = text(self, req, "cid"),
                                          .record = text(self, req, "record")};
    void *arg = keep(req);
    int rc = CHATD_E_INVAL;

    if (is(op, "append"))
        rc = chatd_log_append(self, log, &entry, on_appended, arg);
    else if (is(op, "before") || is(op, "after"))
        rc = chatd_log_range(self, log, room, (uint64_t)number(self, req, "seq"),
                             (uint32_t)number(self, req, "limit"),
                             is(op, "before") ? CHATD_LOG_BEFORE : CHATD_LOG_AFTER, on_page, arg);
    called(self, arg, rc);
}

/* --- bus --------------------------------------------------------------------------------------- */

static void on_bus(chatd_plugin *self, chatd_str topic, chatd_str data, uint32_t lost, void *arg)
{
    (void)self, (void)arg;
    json_array_append_new(heard, json_pack("[o, o, b]", json_of(topic), json_of(data), (int)lost));
}

static void handle_bus(chatd_plugin *self, chatd_req req)
{
    const struct chatd_service *bus = chatd_service(self, CHATD_BUS_SERVICE);
    chatd_str op = text(self, req, "op"), topic = text(self, req, "topic");
    chatd_sub sub = {(uint64_t)number(self, req, "sub")};
    json_t *answer = json_object();
    int rc = CHATD_OK;

    if (is(op, "publish"))
        rc = chatd_bus_publish(self, bus, topic, text(self, req, "data"));
    else if (is(op, "subscribe"))
        rc = chatd_bus_subscribe(self, bus, topic, on_bus, NULL, &sub);
    else if (is(op, "unsubscribe"))
        rc = chatd_bus_unsubscribe(self, bus, sub);
    json_object_set_new(answer, "sub", json_integer((json_int_t)sub.v));
    json_object_set(answer, "heard", heard);
    reply(self, keep(req), rc, answer);
}

/* --- life -------------------------------------------------------------------------------------- */

static int init(chatd_plugin *self)
{
    static const struct chatd_route_def routes[] = {
        {sizeof(routes[0]), 0, "GET", "/probe/kv", 0, handle_kv},
        {sizeof(routes[0]), 0, "GET", "/probe/log", 0, handle_log},
        {sizeof(routes[0]), 0, "GET", "/probe/bus", 0, handle_bus},
    };
    int rc = CHATD_OK;

    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]) && rc == CHATD_OK; i++)
        rc = chatd_route(self, &routes[i]);
    heard = json_array();
    return rc;
}

static void stop(chatd_plugin *self)
{
    (void)self;
    json_decref(heard);
    heard = NULL;
}

CHATD_PLUGIN(.name = "probe", .version = "1.0", .license = "MIT", .needs = needs, .init = init,
             .stop = stop);
