/* SPDX-License-Identifier: MIT */
/* Asks a service in drain(), and tells after the next start whether that was done. */
#include <chatd/chatd.h>
#include <chatd/svc/kv.h>

static void kept(chatd_plugin *self, int err, const struct chatd_kv_reply *reply, void *arg)
{
    (void)reply, (void)arg;
    chatd_log(self, CHATD_LOG_INFO, "the last word: %d", err);
}

static void found(chatd_plugin *self, int err, const struct chatd_kv_reply *reply, void *arg)
{
    (void)reply, (void)arg;
    chatd_log(self, CHATD_LOG_INFO, "%s", err == CHATD_OK ? "it was kept" : "it was not kept");
}

static int init(chatd_plugin *self)
{
    (void)self;
    return CHATD_OK;
}

static int start(chatd_plugin *self)
{
    return chatd_kv_get(self, chatd_service(self, CHATD_KV_SERVICE), CHATD_STR("drain"),
                        CHATD_STR("word"), found, NULL);
}

static void drain(chatd_plugin *self)
{
    chatd_kv_put(self, chatd_service(self, CHATD_KV_SERVICE), CHATD_STR("drain"), CHATD_STR("word"),
                 CHATD_STR("last"), 0, kept, NULL);
}

static const struct chatd_need needs[] = {{CHATD_KV_SERVICE, CHATD_KV_MAJOR, CHATD_KV_MINOR, 0},
                                          {NULL, 0, 0, 0}};

CHATD_PLUGIN(.name = "drain", .version = "1.0", .license = "MIT", .needs = needs, .init = init,
             .start = start, .drain = drain);
