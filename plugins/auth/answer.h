/* SPDX-License-Identifier: MIT */
/* The replies of this plugin's routes. All are quiet when the client has left. */
#ifndef AUTH_ANSWER_H
#define AUTH_ANSWER_H

#include "auth.h"

/* {"error":{"code","message"}}; retry_ms > 0 adds Retry-After. */
void answer_error(struct auth *a, chatd_req req, int status, const char *code, const char *message,
                  uint32_t retry_ms);

/* A limit turns somebody away: 503 when it is not their doing, 429 when it may be. */
void answer_busy(struct auth *a, chatd_req req, enum auth_limit limit, uint32_t retry_ms);
void answer_limited(struct auth *a, chatd_req req, enum auth_limit limit, uint32_t retry_ms);

/* What a failed store call or job means to the client. */
void answer_failure(struct auth *a, chatd_req req, int err);

/* 400: a password that is easy to guess; `why` as in weak.h. */
void answer_weak(struct auth *a, chatd_req req, const char *why);

/* 503: no plugin offers the store that accounts live in. */
void answer_no_store(struct auth *a, chatd_req req);

/* A JSON body and a Set-Cookie that keeps `token` for max_age_s (0: clears it); retry_s > 0 adds
 * Retry-After. As chatd_reply(). */
int answer_cookie(struct auth *a, chatd_req req, unsigned status, const char *body,
                  const char *token, int64_t max_age_s, unsigned retry_s);

/* 403, or 429 where the plugin that refused said when to come back. */
void answer_denied(struct auth *a, chatd_req req, const struct chatd_ev *ev);

#endif
