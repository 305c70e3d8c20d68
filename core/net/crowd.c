/* SPDX-License-Identifier: MIT */
/* Connections by the network they come from. */
#include "net/crowd.h"

#include "base/cidr.h"
#include "base/mem.h"

#include <string.h>
#include <uthash.h>

struct crowd_row {
    struct ip network;
    int64_t n;
    UT_hash_handle hh;
};

static bool network_of(const char *address, struct ip *out)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    /* A link-local one comes with its interface, and is not counted anyway. */
    if (!ip_parse(address, strcspn(address, "%"), out) || ip_is_private(out))
        return false;
    if (memcmp(out->byte, mapped, sizeof(mapped)) != 0)
        memset(out->byte + 8, 0, 8);
    return true;
}

bool crowd_enter(struct crowd *crowd, const char *address, int64_t max, struct crowd_row **row_out)
{
    struct crowd_row *row;
    struct ip network;

    *row_out = NULL;
    if (!network_of(address, &network))
        return true;
    HASH_FIND(hh, crowd->rows, &network, sizeof(network), row);
    if (row != NULL && max > 0 && row->n >= max)
        return false;
    if (row == NULL) {
        row = mem_alloc(sizeof(*row));
        row->network = network;
        HASH_ADD(hh, crowd->rows, network, sizeof(row->network), row);
    }
    row->n++;
    *row_out = row;
    return true;
}

void crowd_leave(struct crowd *crowd, struct crowd_row **row)
{
    if (*row != NULL && --(*row)->n == 0) {
        HASH_DEL(crowd->rows, *row);
        mem_free(*row);
    }
    *row = NULL;
}
