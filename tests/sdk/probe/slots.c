/* SPDX-License-Identifier: MIT */
/*
 * Asks for slots of many sizes on connections and channels, fills each with a byte of its own and looks whether all kept theirs.
 * The first one is never asked for on an object.
 */
#include <chatd/chatd.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const size_t sizes[] = {8, 8, 32, 80, 8, 4, 24, 16, 1, 8, 3, 16, 40, 6};

enum { SLOTS = sizeof(sizes) / sizeof(sizes[0]), NEVER = 0 };

static int slot[2][SLOTS]; /* of CHATD_SLOT_CONN and CHATD_SLOT_CHANNEL */
static int ended;
static chatd_channel early;

static bool is_all(const uint8_t *p, size_t n, uint8_t value)
{
    while (n-- > 0) {
        if (p[n] != value)
            return false;
    }
    return true;
}

/* What a type of this size may want at most. */
static bool is_aligned(const void *p, size_t size)
{
    size_t align = 1;

    while (align < 16 && size % (align * 2) == 0)
        align *= 2;
    return (uintptr_t)p % align == 0;
}

static void fill(chatd_plugin *self, int kind, uint64_t id)
{
    int i;

    for (i = 0; i < SLOTS; i++) {
        uint8_t *p = i == NEVER ? NULL : chatd_slot_of(self, slot[kind][i], id);

        if (i == NEVER)
            continue;
        if (!is_all(p, sizes[i], 0) || !is_aligned(p, sizes[i]))
            chatd_log(self, CHATD_LOG_ERROR, "slot %d of kind %d is not new or not aligned", i,
                      kind);
        memset(p, i + 1, sizes[i]);
    }
    for (i = 0; i < SLOTS; i++) {
        if (i != NEVER &&
            !is_all(chatd_slot_of(self, slot[kind][i], id), sizes[i], (uint8_t)(i + 1)))
            chatd_log(self, CHATD_LOG_ERROR, "slot %d of kind %d was overwritten", i, kind);
    }
}

static void on_connected(chatd_plugin *self, const struct chatd_ev_connected *ev)
{
    fill(self, CHATD_SLOT_CONN, ev->ev.conn.v);
    fill(self, CHATD_SLOT_CHANNEL, early.v);
    chatd_log(self, CHATD_LOG_INFO, "filled");
}

static void destroy(chatd_plugin *self, void *block)
{
    const uint8_t *p = block;

    if (p[0] == 0 || p[0] > SLOTS || !is_all(p, sizes[p[0] - 1], p[0]))
        chatd_log(self, CHATD_LOG_ERROR, "a block is not as it was left");
    ended++;
}

static void on_tick(chatd_plugin *self, const struct chatd_ev_tick *ev)
{
    (void)ev;
    if (ended > 0)
        chatd_log(self, CHATD_LOG_INFO, "%d of %d ended", ended, SLOTS);
    ended = 0;
}

static int init(chatd_plugin *self)
{
    int rc = chatd_channel_open(self, CHATD_STR("early"), &early), i, kind;

    for (i = 0; rc == CHATD_OK && i < SLOTS; i++) {
        for (kind = 0; rc == CHATD_OK && kind < 2; kind++)
            rc = chatd_slot(self, (enum chatd_slot_kind)kind, sizes[i], destroy, &slot[kind][i]);
        if (chatd_slot_of(self, slot[CHATD_SLOT_CHANNEL][i], early.v) != NULL)
            chatd_log(self, CHATD_LOG_ERROR, "a block was made before all slots are known");
    }
    if (rc == CHATD_OK)
        rc = chatd_on_connected(self, on_connected);
    return rc < 0 ? rc : chatd_on_tick(self, on_tick);
}

CHATD_PLUGIN(.name = "slots", .version = "1.0", .license = "MIT", .init = init);
