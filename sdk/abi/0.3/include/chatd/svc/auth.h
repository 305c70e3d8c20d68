/* SPDX-License-Identifier: MIT */
/*
 * Service chatd.auth 1.0: credentials to identity. While a provider is loaded the core answers 401 to
 * upgrades and CHATD_ROUTE_LOGIN routes that nobody identified; the provider does so in `http` and
 * `upgrade`. The provider owns the events `register` and `login`.
 */
#ifndef CHATD_SVC_AUTH_H
#define CHATD_SVC_AUTH_H

#include <chatd/service.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CHATD_AUTH_SERVICE "chatd.auth"
#define CHATD_AUTH_MAJOR   1
#define CHATD_AUTH_MINOR   0

struct chatd_auth_identity {
    uint32_t size;
    uint32_t reserved;
    chatd_str user;
    int64_t expires_ms; /* wall clock; 0: never */
};

/* err: CHATD_OK; CHATD_E_NOTFOUND (not a valid token: forged, expired, revoked);
 * CHATD_E_BACKEND, CHATD_E_TIMEOUT. */
typedef void (*chatd_auth_cb)(chatd_plugin *self, int err,
                              const struct chatd_auth_identity *identity, void *arg);

struct chatd_auth_api {
    uint32_t size;
    uint32_t reserved;
    int (*check_token)(chatd_plugin *p, chatd_plugin *self, chatd_str token, chatd_auth_cb cb,
                       void *arg);
};

/* [loop] Checks a token, revocation included. Answered within CHATD_KV_DEADLINE_MS. */
static inline int chatd_auth_check_token(chatd_plugin *self, const struct chatd_service *auth,
                                         chatd_str token, chatd_auth_cb cb, void *arg)
{
    return ((const struct chatd_auth_api *)auth->api)
        ->check_token(auth->provider, self, token, cb, arg);
}

#ifdef __cplusplus
}
#endif
#endif
