/* SPDX-License-Identifier: MIT */
/*
 * A chatd that claims an older minor of the ABI: its table ends where that minor's ended, with nothing behind, and its
 * descriptor is as long as it was. All else is today's: it shows what a plugin gets from such a core, not how that core
 * worked.
 */
#include "older.h"

#include <chatd/chatd.h>

#include <stdlib.h>
#include <string.h>

/* host/host.h declares the first one const, and nobody but this file writes it. */
struct chatd_core host_table;
extern const struct chatd_core host_table_now;

int older_minor = CHATD_ABI_MINOR;

int host_record(const void *in, size_t min_bytes, void *out, size_t out_bytes);

int older_record(const void *in, size_t min_bytes, void *out, size_t out_bytes)
{
    struct chatd_plugin_desc *desc = out;
    size_t then = older_minor < 2 ? offsetof(struct chatd_plugin_desc, cancel) : out_bytes;

    memset(desc, 0, out_bytes);
    return host_record(in, min_bytes, desc, then);
}

static size_t table_bytes(void)
{
    if (older_minor < 2)
        return offsetof(struct chatd_core, channel_send_at);
    if (older_minor < 3)
        return offsetof(struct chatd_core, server_pid);
    return sizeof(struct chatd_core);
}

/* Before main(). */
__attribute__((constructor)) static void choose(void)
{
    const char *minor = getenv("OLDER_MINOR");

    if (minor != NULL)
        older_minor = minor[0] - '0';
    memcpy(&host_table, &host_table_now, table_bytes());
    host_table.size = (uint32_t)table_bytes();
    host_table.abi_minor = (uint16_t)older_minor;
}
