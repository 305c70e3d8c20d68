/* SPDX-License-Identifier: MIT */
/* Rogue plugin: a row of its options has a member that the core does not know, and uses it. */
#include <chatd/chatd.h>

struct config {
    const char *word;
};

/* What a row of some later SDK would look like. */
struct later_field {
    struct chatd_cfg_field known;
    uint64_t unknown;
};

static const struct later_field fields[] = {
    {.known = {.key = "plain",
               .type = CHATD_CFG_STR,
               .offset = offsetof(struct config, word),
               .help = "as every other"}},
    {.known = {.key = "word",
               .type = CHATD_CFG_STR,
               .offset = offsetof(struct config, word),
               .help = "a word"},
     .unknown = 1},
    {.known = {.key = NULL}},
};

static int init(chatd_plugin *self)
{
    chatd_log(self, CHATD_LOG_INFO, "later-option: init was called");
    return CHATD_OK;
}

CHATD_EXPORT const struct chatd_plugin_desc chatd_plugin_v1 = {
    .size = sizeof(struct chatd_plugin_desc),
    .abi_major = CHATD_ABI_MAJOR,
    .abi_minor = CHATD_ABI_MINOR + 1,
    .abi_min_minor = CHATD_ABI_MINOR,
    .field_stride = sizeof(struct later_field),
    .need_stride = sizeof(struct chatd_need),
    .name = "later-option",
    .version = "1.0",
    .license = "MIT",
    .config = &fields[0].known,
    .config_size = sizeof(struct config),
    .init = init,
};
