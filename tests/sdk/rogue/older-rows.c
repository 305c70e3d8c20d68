/* SPDX-License-Identifier: MIT */
/* No rogue, but as seldom seen: a plugin built with the SDK 0.1, whose option rows end before `env`. */
#include <chatd/chatd.h>

struct config {
    const char *word;
    int64_t n;
};

/* struct chatd_cfg_field as 0.1 had it. */
struct field_0_1 {
    const char *key;
    uint32_t type, flags;
    size_t offset;
    const char *def;
    int64_t min, max;
    const char *const *choices;
    const char *help;
};

_Static_assert(sizeof(struct field_0_1) == offsetof(struct chatd_cfg_field, env), "0.1 grew");

static const struct field_0_1 fields[] = {
    {.key = "word",
     .type = CHATD_CFG_STR,
     .offset = offsetof(struct config, word),
     .def = "first",
     .help = "a word"},
    {.key = "n",
     .type = CHATD_CFG_INT,
     .offset = offsetof(struct config, n),
     .def = "7",
     .min = 1,
     .max = 9,
     .help = "a number"},
    {.key = NULL},
};

static int init(chatd_plugin *self)
{
    const struct config *config = self->config;

    chatd_log(self, CHATD_LOG_INFO, "older-rows: word=%s n=%d", config->word, (int)config->n);
    return CHATD_OK;
}

CHATD_EXPORT const struct chatd_plugin_desc chatd_plugin_v1 = {
    .size = sizeof(struct chatd_plugin_desc),
    .abi_major = CHATD_ABI_MAJOR,
    .abi_minor = 1,
    .abi_min_minor = 1,
    .field_stride = sizeof(struct field_0_1),
    .need_stride = sizeof(struct chatd_need),
    .name = "older-rows",
    .version = "1.0",
    .license = "MIT",
    .config = (const struct chatd_cfg_field *)(const void *)fields,
    .config_size = sizeof(struct config),
    .init = init,
};
