/* SPDX-License-Identifier: MIT */
/* Rogue plugin: dies in a timer soon after each start, while a file is there. */
#define _GNU_SOURCE 1 /* access() */
#include <chatd/chatd.h>

#include <stdlib.h>
#include <unistd.h>

struct crash_config {
    const char *while_file;
    int64_t after_ms;
};

static const struct chatd_cfg_field fields[] = {
    {.key = "while",
     .type = CHATD_CFG_PATH,
     .flags = CHATD_CFG_REQUIRED,
     .offset = offsetof(struct crash_config, while_file),
     .help = "crashes only while this file is there"},
    {.key = "after",
     .type = CHATD_CFG_DURATION,
     .def = "300ms",
     .min = 1,
     .max = 60000,
     .offset = offsetof(struct crash_config, after_ms),
     .help = "so long after the start"},
    {.key = NULL},
};

static void crash(chatd_plugin *self, void *arg)
{
    const struct crash_config *config = self->config;

    (void)arg;
    if (access(config->while_file, F_OK) == 0)
        abort();
}

static int init(chatd_plugin *self)
{
    (void)self;
    return CHATD_OK;
}

static int start(chatd_plugin *self)
{
    const struct crash_config *config = self->config;

    return chatd_timer_start(self, (uint32_t)config->after_ms, 0, crash, NULL, NULL);
}

CHATD_PLUGIN(.name = "crash-soon", .version = "1.0", .license = "MIT", .config = fields,
             .config_size = sizeof(struct crash_config), .init = init, .start = start);
