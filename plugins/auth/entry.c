/* SPDX-License-Identifier: MIT */
/* What /register, /login and /api/v1/password do first. */
#include "entry.h"

#include "answer.h"
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
    if (key_get(a).n == 0) {
        answer_failure(a, req, CHATD_E_BACKEND);
        return false;
    }
    return true;
}

bool entry_open(struct auth *a, chatd_req req, const struct entry_kind *kind,
                struct entry *entry_out)
{
    struct chatd_request info = {.size = sizeof(info)};
    char why[BODY_WHY_BYTES];
    uint32_t retry_ms;

    if (chatd_request(a->self, req, &info) < 0)
        return false;
    if (!is_able(a, req))
        return refuse(a, kind, RESULT_ERROR);
    memset(entry_out, 0, sizeof(*entry_out));
    entry_out->req = req;
    if (info.address.n > 0)
        memcpy(entry_out->address, info.address.p,
               info.address.n < ENTRY_ADDRESS_BYTES ? info.address.n : ENTRY_ADDRESS_BYTES - 1);
    retry_ms =
        limit_take(kind->limit, entry_out->address, kind->per_minute, chatd_mono_ms(a->self));
    if (retry_ms > 0) {
        chatd_log(a->self, CHATD_LOG_INFO, "%s: too many tries from %s", kind->what,
                  entry_out->address);
        answer_error(a, req, 429, "rate_limited", "Too many tries from your address.", retry_ms);
        return refuse(a, kind, RESULT_LIMITED);
    }
    if (kind->per_minute > 0)
        tries_tell(a, (enum try_kind)kind->try_kind, entry_out->address);
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
