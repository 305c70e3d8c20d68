/* SPDX-License-Identifier: MIT */
/* What a token's claims must say. */
#include "claims.h"

/* jti becomes a key of chatd.kv and a message on the bus: visible ASCII, nothing else. */
bool claims_jti_ok(chatd_str jti)
{
    size_t i;

    if (jti.n < 1 || jti.n > TOKEN_JTI_MAX)
        return false;
    for (i = 0; i < jti.n; i++)
        if (jti.p[i] < 0x21 || jti.p[i] > 0x7e)
            return false;
    return true;
}

bool claims_user_ok(chatd_str user)
{
    return user.n >= 1 && user.n <= NAME_FIELD_MAX && memchr(user.p, '\0', user.n) == NULL;
}

/* The integer claim `name`, or -1: not there, of another type, or out of reason. */
static int64_t time_claim(const struct chatd_fields *claims, const char *name)
{
    int64_t time_s;

    if (chatd_fields_int(claims, name, &time_s) < 0 || time_s < 0 || time_s > CLAIMS_TIME_MAX_S)
        return -1;
    return time_s;
}

/* 0: not there. -1: it is there (null is), and no time. */
static int64_t time_if_there(const struct chatd_fields *claims, const char *name)
{
    return chatd_fields_has(claims, name) ? time_claim(claims, name) : 0;
}

/* See token.h. -1: it is there, and no time. */
static int64_t since_claim(const struct chatd_fields *claims, int64_t issued_s, int64_t leeway_s)
{
    int64_t since_ms;

    if (!chatd_fields_has(claims, CLAIM_SINCE))
        return issued_s > leeway_s ? (issued_s - leeway_s) * 1000 : 0;
    if (chatd_fields_int(claims, CLAIM_SINCE, &since_ms) < 0 || since_ms < 0 ||
        since_ms > CLAIMS_TIME_MAX_S * 1000)
        return -1;
    return since_ms;
}

static int text_claim(const struct chatd_fields *claims, const char *name, bool (*ok)(chatd_str),
                      char *out)
{
    chatd_str text;

    if (chatd_fields_str(claims, name, &text) < 0 || !ok(text))
        return CHATD_E_INVAL;
    memcpy(out, text.p, text.n);
    out[text.n] = '\0';
    return CHATD_OK;
}

const char *claims_read(const struct chatd_fields *claims, const struct token_clock *clock,
                        struct token_claims *out)
{
    int64_t not_before_s = time_if_there(claims, "nbf");

    if (text_claim(claims, "sub", claims_user_ok, out->user) < 0)
        return "sub is missing or not a name";
    if (text_claim(claims, "jti", claims_jti_ok, out->jti) < 0)
        return "jti is missing or not visible ASCII";
    out->expires_s = time_claim(claims, "exp");
    if (out->expires_s < 0)
        return "exp is missing or not a time";
    out->issued_s = time_if_there(claims, "iat");
    out->renew_s = time_if_there(claims, CLAIM_RENEW);
    if (out->issued_s < 0 || not_before_s < 0 || out->renew_s < 0)
        return "iat, nbf or " CLAIM_RENEW " is not a time";
    out->is_own = chatd_fields_has(claims, CLAIM_SINCE);
    out->since_ms = since_claim(claims, out->issued_s, clock->leeway_s);
    if (out->since_ms < 0)
        return CLAIM_SINCE " is not a time";
    /* RFC 7519, 4.1.4 and 4.1.5. One made in the future has been made up, or by a wrong clock. */
    out->expires_s += clock->leeway_s;
    if (out->expires_s <= clock->now_s)
        return "it has expired";
    if (not_before_s > clock->now_s + clock->leeway_s)
        return "it is not valid yet";
    if (out->issued_s > clock->now_s + clock->leeway_s)
        return "it was made in the future";
    return NULL;
}
