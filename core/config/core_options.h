/* SPDX-License-Identifier: MIT */
/* The options of [chatd], as a table like a plugin's. */
#ifndef CONFIG_CORE_OPTIONS_H
#define CONFIG_CORE_OPTIONS_H

#include "config/config.h"

#include <stdint.h>

enum metrics_access { METRICS_OFF, METRICS_LOCAL, METRICS_ON };

struct core_options {
    const char *listen, *plugin_dir;
    const char *const *allowed_origins;
    int64_t workers;
    int32_t log_format, log_level, metrics;
    int64_t max_connections, max_http_connections, message_max, queue_soft, queue_hard,
        write_timeout;
    int64_t ping_interval, pong_timeout, close_timeout;
    int64_t http_head_max, http_body_max, http_head_timeout, http_body_timeout, http_idle_timeout;
    int64_t http_timeout, drain_time, slow_hook, cpu_threads, job_queue_max, verb_rate;
};

extern const struct chatd_cfg_field core_option_rows[];

#endif
