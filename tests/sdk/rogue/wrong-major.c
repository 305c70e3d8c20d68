/* SPDX-License-Identifier: MIT */
/* Rogue plugin: built for another major version of the ABI. */
#include <chatd/chatd.h>

static int init(chatd_plugin *self)
{
    chatd_log(self, CHATD_LOG_INFO, "wrong-major: init was called");
    return CHATD_OK;
}

/* Written out, because CHATD_PLUGIN states the right version. */
CHATD_EXPORT const struct chatd_plugin_desc chatd_plugin_v1 = {
    .size = sizeof(struct chatd_plugin_desc),
    .abi_major = CHATD_ABI_MAJOR + 1,
    .abi_minor = 0,
    .abi_min_minor = 0,
    .field_stride = sizeof(struct chatd_cfg_field),
    .need_stride = sizeof(struct chatd_need),
    .name = "wrong-major",
    .version = "1.0",
    .license = "MIT",
    .init = init,
};
