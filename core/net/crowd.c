/* SPDX-License-Identifier: MIT */
/* Connections by the network they come from. */
#include "net/crowd.h"

#include "base/mem.h"

#include <chatd/network.h>
#include <string.h>
#include <uthash.h>

struct crowd_row {
    uint8_t network[CHATD_NETWORK_BYTES];
    int64_t n;
    UT_hash_handle hh;
};

bool crowd_enter(struct crowd *crowd, const char *address, int64_t max, struct crowd_row **row_out)
{
    struct crowd_row *row;
    uint8_t network[CHATD_NETWORK_BYTES];

    *row_out = NULL;
    if (!chatd_network((chatd_str){address, strlen(address)}, network))
        return true;
    HASH_FIND(hh, crowd->rows, network, sizeof(network), row);
    if (row != NULL && max > 0 && row->n >= max)
        return false;
    if (row == NULL) {
        row = mem_alloc(sizeof(*row));
        memcpy(row->network, network, sizeof(network));
        HASH_ADD(hh, crowd->rows, network, sizeof(row->network), row);
    }
    row->n++;
    *row_out = row;
    return true;
}

struct crowd_row *crowd_row(const struct crowd *crowd, const char *address)
{
    struct crowd_row *row = NULL;
    uint8_t network[CHATD_NETWORK_BYTES];

    if (chatd_network((chatd_str){address, strlen(address)}, network))
        HASH_FIND(hh, crowd->rows, network, sizeof(network), row);
    return row;
}

void crowd_leave(struct crowd *crowd, struct crowd_row **row)
{
    if (*row != NULL && --(*row)->n == 0) {
        HASH_DEL(crowd->rows, *row);
        mem_free(*row);
    }
    *row = NULL;
}
