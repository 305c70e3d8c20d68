/* SPDX-License-Identifier: MIT */
/*
 * Rate limits: a bucket is one int64_t, zero is a full one that was never used, and nothing has to fill it.
 *
 * It is the generic cell rate algorithm (ITU-T I.371, annex A, the virtual scheduling form): a bucket that gains
 * `rate` tokens a second and holds `burst` is the time, in nanoseconds, at which it is full again. Who takes moves that
 * time on, and may while it is not further away than filling a whole bucket takes. So a bucket whose time is not
 * after now is full, and can be forgotten: one that is made anew says the same.
 *
 *     static int64_t bucket; // of a connection: in its slot
 *     uint32_t retry_ms = chatd_bucket_take(&bucket, 10, 50, 1, chatd_mono_ms(self));
 *     if (retry_ms > 0)
 *         return chatd_deny_for(self, &ev->ev, "rate_limited", "Please wait.", retry_ms);
 *
 * `rate` 0 is no limit: nothing is ever refused. `rate`, `burst` and `n` are at most UINT32_MAX, so that nothing
 * overflows. `now_ms` is monotonic. Where several limits must agree ask all with chatd_bucket_wait() before
 * chatd_bucket_charge() takes from any of them.
 */
#ifndef CHATD_BUCKET_H
#define CHATD_BUCKET_H

#include <chatd/abi.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 0: there are `n` tokens now; else in how many milliseconds there are, rounded up. More than `burst` there never are:
 * UINT32_MAX. */
static inline uint32_t chatd_bucket_wait(int64_t bucket, int64_t rate, int64_t burst, int64_t n,
                                         int64_t now_ms)
{
    int64_t wait_ms;

    if (rate <= 0)
        return 0;
    if (n > burst)
        return UINT32_MAX;
    wait_ms =
        (bucket - now_ms * 1000000 - (burst - n) * INT64_C(1000000000) / rate + 999999) / 1000000;
    return wait_ms <= 0 ? 0 : wait_ms >= UINT32_MAX ? UINT32_MAX : (uint32_t)wait_ms;
}

/* Takes `n` tokens, whether they are there or not: what is missing is a debt, and has to come first. */
static inline void chatd_bucket_charge(int64_t *bucket, int64_t rate, int64_t n, int64_t now_ms)
{
    if (rate <= 0)
        return;
    if (*bucket < now_ms * 1000000)
        *bucket = now_ms * 1000000;
    *bucket += n * INT64_C(1000000000) / rate;
}

/* Takes `n` tokens if they are there: 0. Else takes none; as chatd_bucket_wait(). */
static inline uint32_t chatd_bucket_take(int64_t *bucket, int64_t rate, int64_t burst, int64_t n,
                                         int64_t now_ms)
{
    uint32_t wait_ms = chatd_bucket_wait(*bucket, rate, burst, n, now_ms);

    if (wait_ms == 0)
        chatd_bucket_charge(bucket, rate, n, now_ms);
    return wait_ms;
}

#ifdef __cplusplus
}
#endif
#endif
