/* SPDX-License-Identifier: MIT */
/* Rogue plugin: needs a newer minor version of the ABI than the core speaks. */
#include <chatd/chatd.h>

static int init(chatd_plugin *self)
{
    chatd_log(self, CHATD_LOG_INFO, "too-new-minor: init was called");
    return CHATD_OK;
}

/* Written out, because CHATD_PLUGIN states the right version. */
CHATD_EXPORT const struct chatd_plugin_desc chatd_plugin_v1 = {
    .size = sizeof(struct chatd_plugin_desc),
    .abi_major = CHATD_ABI_MAJOR,
    .abi_minor = CHATD_ABI_MINOR + 2,
    .abi_min_minor = CHATD_ABI_MINOR + 1,
    .field_stride = sizeof(struct chatd_cfg_field),
    .need_stride = sizeof(struct chatd_need),
    .name = "too-new-minor",
    .version = "1.0",
    .license = "MIT",
    .init = init,
};
