/* SPDX-License-Identifier: MIT */
/*
 * Service chatd.bus 1.0: ephemeral messages by topic, to every subscriber of every worker, the
 * sender's own included. At most once, in no order between senders: a hint, never the truth.
 * The core itself offers it between the workers of one server while no plugin does.
 */
#ifndef CHATD_SVC_BUS_H
#define CHATD_SVC_BUS_H

#include <chatd/service.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CHATD_BUS_SERVICE   "chatd.bus"
#define CHATD_BUS_MAJOR     1
#define CHATD_BUS_MINOR     0
#define CHATD_BUS_TOPIC_MAX 256u
#define CHATD_BUS_DATA_MAX  65536u

/* `lost` is 1 and `data` empty when messages may have been missed, also between subscribe() and the
 * moment from which a topic is really heard: check what you rely on. */
typedef void (*chatd_bus_cb)(chatd_plugin *self, chatd_str topic, chatd_str data, uint32_t lost,
                             void *arg);

struct chatd_bus_api {
    uint32_t size;
    uint32_t reserved;
    int (*publish)(chatd_plugin *p, chatd_plugin *self, chatd_str topic, chatd_str data);
    int (*subscribe)(chatd_plugin *p, chatd_plugin *self, chatd_str topic, chatd_bus_cb cb,
                     void *arg, chatd_sub *sub_out);
    int (*unsubscribe)(chatd_plugin *p, chatd_plugin *self, chatd_sub sub);
};

/* [loop] Sends bytes; never waits. Delivered in a later loop turn. */
static inline int chatd_bus_publish(chatd_plugin *self, const struct chatd_service *bus,
                                    chatd_str topic, chatd_str data)
{
    return ((const struct chatd_bus_api *)bus->api)->publish(bus->provider, self, topic, data);
}

/* [loop] Calls `cb` for each message of exactly this topic. */
static inline int chatd_bus_subscribe(chatd_plugin *self, const struct chatd_service *bus,
                                      chatd_str topic, chatd_bus_cb cb, void *arg,
                                      chatd_sub *sub_out)
{
    return ((const struct chatd_bus_api *)bus->api)
        ->subscribe(bus->provider, self, topic, cb, arg, sub_out);
}

/* [loop] No call comes after this. */
static inline int chatd_bus_unsubscribe(chatd_plugin *self, const struct chatd_service *bus,
                                        chatd_sub sub)
{
    return ((const struct chatd_bus_api *)bus->api)->unsubscribe(bus->provider, self, sub);
}

#ifdef __cplusplus
}
#endif
#endif
