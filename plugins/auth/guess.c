/* SPDX-License-Identifier: MIT */
/* Wrong passwords by account. */
#include "guess.h"

#include "store.h"
#include "tries.h"

#include <stdio.h>
#include <stdlib.h>

/* How long an address is known after a login. */
#define KNOWN_MS (INT64_C(30) * 86400 * 1000)

/* Whether an address is known is being looked up. */
struct question {
    struct guess *guess;
    guess_cb cb;
    void *arg;
};

/* Buckets of accounts and of places have letters of their own: whoever types a network and a name as
 * the name gets at nobody's place. */
enum kind { OF_ACCOUNT = 'a', OF_PLACE = 'p' };

static uint32_t take(struct auth *a, struct guess *guess, enum kind kind, const char *whose)
{
    char bucket[GUESS_KEY_BYTES];
    uint32_t retry_ms;

    snprintf(bucket, sizeof(bucket), "%c %s", (int)kind, whose);
    retry_ms =
        limit_take(&a->account_limit, bucket, auth_config(a)->account_rate, chatd_mono_ms(a->self));
    if (retry_ms == 0)
        snprintf(guess->bucket, sizeof(guess->bucket), "%s", bucket);
    return retry_ms;
}

static void on_known(struct auth *a, int err, chatd_str value, void *arg)
{
    struct question *q = arg;

    (void)value;
    if (err == CHATD_OK)
        q->guess->retry_ms = take(a, q->guess, OF_PLACE, q->guess->place);
    q->cb(a, q->guess->retry_ms, q->arg);
    free(q);
}

static void ask(struct auth *a, struct guess *guess, guess_cb cb, void *arg)
{
    struct question *q = auth_alloc(sizeof(*q));
    int rc = CHATD_E_INVAL;

    q->guess = guess;
    q->cb = cb;
    q->arg = arg;
    /* What does not fit a key was never written. */
    if (strlen(guess->place) <= NAME_FIELD_MAX)
        rc = store_get(a, NS_KNOWN, store_str(guess->place), on_known, q);
    if (rc < 0)
        on_known(a, rc, CHATD_STR(""), q);
}

void guess_begin(struct auth *a, chatd_str name, const char *address, struct guess *guess,
                 guess_cb cb, void *arg)
{
    char account[NAME_FIELD_MAX + 1] = "", network[NETWORK_BYTES];
    char folded[NAME_BYTES_MAX + 1];
    const char *why;

    memset(guess, 0, sizeof(*guess));
    if (auth_config(a)->account_rate == 0) {
        cb(a, 0, arg);
        return;
    }
    if (name_fold(name, folded, &why) >= 0)
        snprintf(account, sizeof(account), "%s", folded);
    else if (name.n > 0)
        memcpy(account, name.p, name.n < NAME_FIELD_MAX ? name.n : NAME_FIELD_MAX);
    snprintf(guess->place, sizeof(guess->place), "%s %s", network_of(address, network), account);
    guess->retry_ms = take(a, guess, OF_ACCOUNT, account);
    if (guess->retry_ms == 0)
        cb(a, 0, arg);
    else
        ask(a, guess, cb, arg);
}

void guess_right(struct auth *a, struct guess *guess)
{
    if (guess->bucket[0] != '\0' && strlen(guess->place) <= NAME_FIELD_MAX)
        (void)store_put(a, NS_KNOWN, store_str(guess->place), CHATD_STR("1"), KNOWN_MS, NULL, NULL);
    guess_end(a, guess);
}

void guess_wrong(struct auth *a, struct guess *guess)
{
    if (guess->bucket[0] != '\0')
        tries_tell(a, TRY_GUESS, guess->bucket);
    guess->bucket[0] = '\0';
}

void guess_end(struct auth *a, struct guess *guess)
{
    if (guess->bucket[0] != '\0' && !a->stopped)
        limit_give(&a->account_limit, guess->bucket, auth_config(a)->account_rate,
                   chatd_mono_ms(a->self));
    guess->bucket[0] = '\0';
}
