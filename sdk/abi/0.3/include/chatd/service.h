/* SPDX-License-Identifier: MIT */
/*
 * Services: what one plugin offers to the others. The contracts of chatd's own are in chatd/svc/.
 *
 * Rules for every contract: a call never blocks; a callback comes exactly once, on the loop, never
 * before the call returned, by a deadline the contract names; what it is given is borrowed for the
 * callback. If the call itself returns an error, there is no callback. When the server stops,
 * pending calls are called back with CHATD_E_CANCELLED, before the first stop() (see plugin.h).
 */
#ifndef CHATD_SERVICE_H
#define CHATD_SERVICE_H

#include <chatd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

enum chatd_service_flag {
    CHATD_SERVICE_SHARED = 1 /* hosts that are configured alike share what it keeps; else it is this
                              * host's alone. 0.2 */
};

/* What a provider exports. `api` points to the contract's struct of functions, which starts with
 * `uint32_t size`; it must live as long as the plugin. */
struct chatd_service_def {
    uint32_t size;
    uint16_t major, minor;
    const char *name; /* "chatd.kv" */
    const void *api;
    uint32_t flags; /* enum chatd_service_flag; 0.2 */
    uint32_t reserved;
};

/* What a consumer gets: the functions, and the provider to pass as their first argument. */
struct chatd_service {
    uint32_t size;
    uint16_t major, minor;
    const void *api;
    chatd_plugin *provider;
    const char *provider_name;
};

/* [init] Offers a service. Two providers of one name need a line in [services]. */
static inline int chatd_service_offer(chatd_plugin *self, const struct chatd_service_def *def)
{
    return self->core->service_offer(self, def);
}

/* [loop, from start on] The service `name` as picked by the INI; the plugin must have it in its
 * needs. NULL: nobody offers it (and the need is optional). Good until stop() returns. */
static inline const struct chatd_service *chatd_service(chatd_plugin *self, const char *name)
{
    return self->core->service(self, name);
}

#ifdef __cplusplus
}
#endif
#endif
