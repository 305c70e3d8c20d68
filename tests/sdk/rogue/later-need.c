/* SPDX-License-Identifier: MIT */
/* Rogue plugin: a row of its needs has a member that the core does not know, and uses it. */
#include <chatd/chatd.h>

/* What a row of some later SDK would look like. */
struct later_need {
    struct chatd_need known;
    uint64_t unknown;
};

static const struct later_need needs[] = {
    {.known = {.service = "chatd.bus", .major = 1}},
    {.known = {.service = "chatd.kv", .major = 1, .flags = CHATD_NEED_OPTIONAL}, .unknown = 1},
    {.known = {.service = NULL}},
};

static int init(chatd_plugin *self)
{
    chatd_log(self, CHATD_LOG_INFO, "later-need: init was called");
    return CHATD_OK;
}

CHATD_EXPORT const struct chatd_plugin_desc chatd_plugin_v1 = {
    .size = sizeof(struct chatd_plugin_desc),
    .abi_major = CHATD_ABI_MAJOR,
    .abi_minor = CHATD_ABI_MINOR + 1,
    .abi_min_minor = CHATD_ABI_MINOR,
    .field_stride = sizeof(struct chatd_cfg_field),
    .need_stride = sizeof(struct later_need),
    .name = "later-need",
    .version = "1.0",
    .license = "MIT",
    .needs = &needs[0].known,
    .init = init,
};
