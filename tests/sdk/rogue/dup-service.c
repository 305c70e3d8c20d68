/* SPDX-License-Identifier: MIT */
/* Rogue plugin: offers chatd.kv beside whoever else does, and serves nothing. */
#include <chatd/chatd.h>
#include <chatd/svc/kv.h>

static int no_get(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, chatd_kv_cb cb,
                  void *arg)
{
    (void)self, (void)ns, (void)key, (void)cb, (void)arg;
    chatd_log(p, CHATD_LOG_WARN, "dup-service: get was called");
    return CHATD_E_BACKEND;
}

static int no_put(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, chatd_str value,
                  int64_t ttl_ms, chatd_kv_cb cb, void *arg)
{
    (void)self, (void)ns, (void)key, (void)value, (void)ttl_ms, (void)cb, (void)arg;
    chatd_log(p, CHATD_LOG_WARN, "dup-service: put was called");
    return CHATD_E_BACKEND;
}

static int no_cas(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key,
                  chatd_str expected, chatd_str value, chatd_kv_cb cb, void *arg)
{
    (void)self, (void)ns, (void)key, (void)expected, (void)value, (void)cb, (void)arg;
    chatd_log(p, CHATD_LOG_WARN, "dup-service: cas was called");
    return CHATD_E_BACKEND;
}

static int no_add(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, int64_t n,
                  int64_t ttl_ms, chatd_kv_cb cb, void *arg)
{
    (void)self, (void)ns, (void)key, (void)n, (void)ttl_ms, (void)cb, (void)arg;
    chatd_log(p, CHATD_LOG_WARN, "dup-service: add was called");
    return CHATD_E_BACKEND;
}

static int no_scan(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str cursor,
                   uint32_t limit, chatd_kv_scan_cb cb, void *arg)
{
    (void)self, (void)ns, (void)cursor, (void)limit, (void)cb, (void)arg;
    chatd_log(p, CHATD_LOG_WARN, "dup-service: scan was called");
    return CHATD_E_BACKEND;
}

static int init(chatd_plugin *self)
{
    static const struct chatd_kv_api api = {
        .size = sizeof(api),
        .get = no_get,
        .put = no_put,
        .put_absent = no_put,
        .cas = no_cas,
        .add = no_add,
        .del = no_get,
        .scan = no_scan,
    };
    static const struct chatd_service_def def = {
        .size = sizeof(def),
        .major = CHATD_KV_MAJOR,
        .minor = CHATD_KV_MINOR,
        .name = CHATD_KV_SERVICE,
        .api = &api,
    };

    chatd_log(self, CHATD_LOG_INFO, "dup-service: offer rc=%d", chatd_service_offer(self, &def));
    return CHATD_OK;
}

CHATD_PLUGIN(.name = "dup-service", .version = "1.0", .license = "MIT", .init = init);
