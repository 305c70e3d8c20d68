/* SPDX-License-Identifier: MIT */
/* Rogue plugin: its descriptor is larger than the core's and asks for something in the tail. */
#include <chatd/chatd.h>

static int init(chatd_plugin *self)
{
    chatd_log(self, CHATD_LOG_INFO, "big-tail: init was called");
    return CHATD_OK;
}

/* What a descriptor of some later SDK would look like. */
struct later_desc {
    struct chatd_plugin_desc known;
    uint64_t unknown[2];
};

/* The header declares the symbol with its own type, so this one takes the name at assembler level. */
CHATD_EXPORT extern const struct later_desc later __asm__("chatd_plugin_v1");
const struct later_desc later = {
    .known =
        {
            .size = sizeof(struct later_desc),
            .abi_major = CHATD_ABI_MAJOR,
            .abi_minor = CHATD_ABI_MINOR + 1,
            .abi_min_minor = CHATD_ABI_MINOR,
            .field_stride = sizeof(struct chatd_cfg_field),
            .need_stride = sizeof(struct chatd_need),
            .name = "big-tail",
            .version = "1.0",
            .license = "MIT",
            .init = init,
        },
    .unknown = {0, 1},
};
