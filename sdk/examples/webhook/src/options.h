/* SPDX-License-Identifier: MIT */
/* The section [webhook] of the INI. README.md says what each of them does. */
#ifndef WEBHOOK_OPTIONS_H
#define WEBHOOK_OPTIONS_H

#include <chatd/chatd.h>

enum options_fail { FAIL_CLOSED, FAIL_OPEN };

struct options {
    const char *verdict_url;
    const char *const *verdict_rooms;
    int64_t deadline_ms, inflight, answer_max;
    int32_t fail; /* enum options_fail */

    const char *events_url;
    const char *const *events;
    int64_t batch_max, batch_time_ms, timeout_ms, retry_min_ms, retry_max_ms, give_up_ms;
    int64_t queue_max, queue_bytes, lease_ms, stop_wait_ms;

    const char *secret, *ca_file;
    const char *const *allow;
};

extern const struct chatd_cfg_field options_fields[];

/* What the table cannot say. NULL: all is well; else a sentence. */
const char *options_fault(const struct options *options);

#endif
