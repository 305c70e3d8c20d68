/* SPDX-License-Identifier: MIT */
/* What answers look like. */
#include "host/answer.h"

#include <stdbool.h>
#include <string.h>

unsigned answer_status(const char *code)
{
    static const struct {
        const char *code;
        unsigned status;
    } row[] = {{"bad_request", 400},  {"unauthorized", 401}, {"forbidden", 403},
               {"not_found", 404},    {"conflict", 409},     {"too_large", 413},
               {"rate_limited", 429}, {"internal", 500},     {"unavailable", 503},
               {"full", 503},         {"timeout", 504}};
    size_t i;

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        if (strcmp(code, row[i].code) == 0)
            return row[i].status;
    }
    return 403;
}

void answer_ack(struct buf *out, chatd_str id, chatd_str members)
{
    buf_puts(out, "{\"type\":\"ack\",\"id\":");
    buf_json(out, id.p, id.n);
    if (members.n > 0)
        buf_puts(out, ",");
    buf_add(out, members.p, members.n);
    buf_puts(out, "}");
}

static bool is_temporary(const char *code, uint32_t retry_ms)
{
    static const char *const codes[] = {"unavailable", "timeout", "rate_limited", "internal"};
    size_t i;

    for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (strcmp(code, codes[i]) == 0)
            return true;
    }
    return retry_ms > 0;
}

void answer_error(struct buf *out, chatd_str id, const char *code, const char *message,
                  uint32_t retry_ms)
{
    buf_puts(out, "{\"type\":\"error\",");
    if (id.n > 0) {
        buf_puts(out, "\"id\":");
        buf_json(out, id.p, id.n);
        buf_puts(out, ",");
    }
    buf_puts(out, "\"code\":");
    buf_json(out, code, strlen(code));
    buf_puts(out, ",\"message\":");
    buf_json(out, message, strlen(message));
    buf_printf(out, ",\"temporary\":%s", is_temporary(code, retry_ms) ? "true" : "false");
    if (retry_ms > 0)
        buf_printf(out, ",\"retry_ms\":%u", retry_ms);
    buf_puts(out, "}");
}
