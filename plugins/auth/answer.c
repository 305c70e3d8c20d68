/* SPDX-License-Identifier: MIT */
/* The replies of this plugin's routes. */
#define _DEFAULT_SOURCE 1 /* explicit_bzero */
#include "answer.h"

#include "cookie.h"

#include <stdio.h>
#include <string.h>

#define RETRY_MS 2000u
#define MANY     "Too many are at it; try again soon."

void answer_error(struct auth *a, chatd_req req, int status, const char *code, const char *message,
                  uint32_t retry_ms)
{
    if (!a->stopped)
        (void)chatd_reply_error(a->self, req, status, code, message, retry_ms);
}

void answer_busy(struct auth *a, chatd_req req, enum auth_limit limit, uint32_t retry_ms)
{
    auth_limited(a, limit);
    answer_error(a, req, 503, "unavailable", MANY, retry_ms);
}

void answer_limited(struct auth *a, chatd_req req, enum auth_limit limit, uint32_t retry_ms)
{
    auth_limited(a, limit);
    answer_error(a, req, 429, "rate_limited",
                 limit == LIMIT_ACCOUNT ? "Too many wrong passwords for this account."
                                        : "Too many tries from your address.",
                 retry_ms);
}

void answer_failure(struct auth *a, chatd_req req, int err)
{
    if (err == CHATD_E_TIMEOUT)
        answer_error(a, req, 503, "timeout",
                     "The server was too slow; whether it was done is not known.", RETRY_MS);
    else if (err == CHATD_E_BUSY)
        answer_error(a, req, 503, "unavailable", MANY, RETRY_MS);
    else
        answer_error(a, req, 503, "unavailable", "The account store does not answer.", RETRY_MS);
}

void answer_weak(struct auth *a, chatd_req req, const char *why)
{
    char message[192];

    snprintf(message, sizeof(message), "The password is easy to guess: %s.", why);
    answer_error(a, req, 400, "bad_password", message, 0);
}

void answer_no_store(struct auth *a, chatd_req req)
{
    answer_error(a, req, 503, "unavailable", "No plugin offers the service chatd.kv.", 0);
}

static bool cookie_is_secure(struct auth *a, chatd_req req)
{
    struct chatd_request info = {.size = sizeof(info)};

    if (auth_config(a)->cookie_secure != COOKIE_SECURE_AUTO)
        return auth_config(a)->cookie_secure == COOKIE_SECURE_ON;
    return chatd_request(a->self, req, &info) == CHATD_OK && info.is_secure != 0;
}

int answer_cookie(struct auth *a, chatd_req req, unsigned status, const char *body,
                  const char *token, int64_t max_age_s, unsigned retry_s)
{
    char cookie[COOKIE_BYTES_MAX];
    char retry[16];
    const struct chatd_header headers[] = {{"Set-Cookie", cookie}, {"Retry-After", retry}};
    const struct chatd_reply reply = {
        .size = sizeof(reply),
        .status = status,
        .body = {body, strlen(body)},
        .headers = headers,
        .n_headers = retry_s > 0 ? 2 : 1,
        .header_stride = sizeof(headers[0]),
    };
    int rc;

    if (a->stopped)
        return CHATD_E_GONE;
    rc = cookie_write(token, max_age_s, cookie_is_secure(a, req), cookie);
    if (rc == CHATD_OK) {
        snprintf(retry, sizeof(retry), "%u", retry_s);
        rc = chatd_reply(a->self, req, &reply);
    }
    explicit_bzero(cookie, sizeof(cookie));
    return rc;
}

void answer_denied(struct auth *a, chatd_req req, const struct chatd_ev *ev)
{
    const char *code = ev->code.n > 0 ? ev->code.p : "forbidden";
    const char *text = ev->text.n > 0 ? ev->text.p : "This is not allowed.";
    int status = ev->retry_ms > 0 ? 429 : 403;

    /* The core's own denials: a handler that did not come to an end is not the client's fault. */
    if (strcmp(code, "timeout") == 0 || strcmp(code, "unavailable") == 0)
        status = 503;
    else if (strcmp(code, "internal") == 0)
        status = 500;
    answer_error(a, req, status, code, text, ev->retry_ms);
}
