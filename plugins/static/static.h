/* SPDX-License-Identifier: MIT */
/* What the parts of the plugin `static` share: its options and its state in one worker. */
#ifndef STATIC_STATIC_H
#define STATIC_STATIC_H

#include "cache.h"

#include <chatd/chatd.h>

struct static_config {
    const char *root; /* NULL: beside the running program, see static_root_default() */
    const char *index;
    int64_t cache_max; /* bytes */
    int64_t file_max;  /* bytes */
    int64_t max_age_ms;
    int32_t compress; /* 0 or 1 */
};

enum static_outcome {
    STATIC_SERVED = 0,
    STATIC_NOT_MODIFIED = 1,
    STATIC_NOT_FOUND = 2,
    STATIC_UNAVAILABLE = 3
};

/* self->data from init on. */
struct static_state {
    char *root;   /* absolute or relative to the working folder; set by start */
    int requests; /* metric, labelled by enum static_outcome */
    struct static_cache cache;
    struct static_load *loads; /* jobs under way, by path */
};

/* The folder share/chatd/static beside the folder of the running program; malloc'ed, NULL when the
 * program's place cannot be told. */
char *static_root_default(void);

/* Answers a request for `path`, now or from a job. [loop] */
void static_serve(chatd_plugin *self, chatd_req req, chatd_str path);

#endif
