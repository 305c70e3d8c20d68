/* SPDX-License-Identifier: MIT */
/* The options of [chatd], as a table like a plugin's. */
#ifndef CONFIG_CORE_OPTIONS_H
#define CONFIG_CORE_OPTIONS_H

#include "config/config.h"

#include <stdint.h>

enum { CORE_WORKERS_AUTO = -1, CORE_WORKERS_MAX = 64 };

enum metrics_access { METRICS_OFF, METRICS_LOCAL, METRICS_ON };

struct core_options {
    const char *listen, *plugin_dir, *user, *runtime_dir;
    const char *workers_text;
    const char *const *allowed_origins, *const *cors_origins, *const *trusted_proxies;
    int workers; /* read from workers_text; CORE_WORKERS_AUTO: as many as there are CPUs */
    int32_t log_format, log_level, metrics, io_uring, deflate, core_dumps;
    int64_t max_connections, max_http_connections, max_connections_per_address, message_max,
        queue_soft, queue_hard, unsent_max, write_timeout, deflate_min, deflate_level;
    int64_t ping_interval, pong_timeout, close_timeout;
    int64_t http_head_max, http_body_max, http_head_timeout, http_body_timeout, http_idle_timeout;
    int64_t http_timeout, slow_hook, cpu_threads, job_queue_max, verb_rate, frame_rate;
    int64_t start_time, stop_time, roll_time, hang_limit, bus_queue;
};

extern const struct chatd_cfg_field core_option_rows[];

/* Fills the options of [chatd] and says what is wrong with them; sets the plugins that are on where the
 * configuration names none. Errors are counted in rep. */
void core_options_read(struct config *config, struct core_options *opt, struct config_report *rep);

#endif
