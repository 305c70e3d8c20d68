/* SPDX-License-Identifier: MIT */
/* What /register, /login and /api/v1/password do first. */
#include "entry.h"

#include "answer.h"
#include "network.h"
#include "tries.h"

#include <string.h>

static bool refuse(struct auth *a, const struct entry_kind *kind, enum auth_result result)
{
    auth_count(a, kind->metric, result);
    return false;
}

static bool is_able(struct auth *a, chatd_req req)
{
    if (a->kv == NULL) {
        answer_no_store(a, req);
        return false;
    }
    if (!key_ready(a)) {
        answer_failure(a, req, CHATD_E_BACKEND);
        return false;
    }
    return true;
}

/* Takes a try of the address, and one of all together. The address is asked first, so that a single one
 * cannot use up the others'. Half of what all have is for addresses that were let in for the last time
 * more than a minute ago: people log in once, a storm comes from the same addresses again and again. */
static bool take(struct auth *a, const struct entry_kind *kind, const struct entry *entry)
{
    const int64_t now_ms = chatd_mono_ms(a->self);
    char network[NETWORK_BYTES];
    uint32_t retry_ms;
    int64_t rest;

    network_of(entry->address, network);
    retry_ms = limit_ask(kind->limit, network, kind->per_minute, now_ms);
    if (retry_ms > 0) {
        chatd_log(a->self, CHATD_LOG_INFO, "%s: too many tries from %s", kind->what,
                  entry->address);
        answer_limited(a, entry->req, LIMIT_ADDRESS, retry_ms);
        return false;
    }
    rest = limit_met(kind->limit, network, now_ms) ? kind->total_per_minute / 2 : 0;
    retry_ms = limit_take_leaving(kind->total, "", kind->total_per_minute, rest, now_ms);
    if (retry_ms > 0) {
        chatd_log(a->self, CHATD_LOG_INFO, "%s: too many tries in all, the last from %s",
                  kind->what, entry->address);
        answer_busy(a, entry->req, LIMIT_SERVER, retry_ms);
        return false;
    }
    (void)limit_take(kind->limit, network, kind->per_minute, now_ms);
    if (kind->per_minute > 0 || kind->total_per_minute > 0)
        tries_tell(a, (enum try_kind)kind->try_kind, entry->address);
    return true;
}

bool entry_open(struct auth *a, chatd_req req, const struct entry_kind *kind,
                struct entry *entry_out)
{
    struct chatd_request info = {.size = sizeof(info)};
    char why[BODY_WHY_BYTES];

    if (chatd_request(a->self, req, &info) < 0)
        return false;
    if (!is_able(a, req))
        return refuse(a, kind, RESULT_ERROR);
    memset(entry_out, 0, sizeof(*entry_out));
    entry_out->req = req;
    if (info.address.n > 0)
        memcpy(entry_out->address, info.address.p,
               info.address.n < ENTRY_ADDRESS_BYTES ? info.address.n : ENTRY_ADDRESS_BYTES - 1);
    if (!take(a, kind, entry_out))
        return refuse(a, kind, RESULT_LIMITED);
    if (kind->parse(info.body, &entry_out->body, why) < 0) {
        answer_error(a, req, 400, "bad_request", why, 0);
        return refuse(a, kind, RESULT_BAD);
    }
    return true;
}

void entry_close(struct entry *entry)
{
    body_free(&entry->body);
}
