/* SPDX-License-Identifier: MIT */
/* Assembles messages from frames and applies the rules that span frames (RFC 6455 section 5.4-5.6). */
#include "net/ws_reader.h"

#include "net/utf8.h"
#include "net/ws_frame.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(((struct ws_reader *)0)->u.spill) == WS_CLIENT_HEADER_MAX - 1,
               "the spill holds every header but a whole one");

/* Values of ws_reader.state. LENT_*: the last event's data lies in buf, which the next call gives back;
   it is not freed at once because the caller is reading it. */
enum { IN_HEADER, IN_PAYLOAD, LENT_MESSAGE, LENT_CONTROL, ENDED };

#define CLOSE_NORMAL      1000
#define CLOSE_PROTOCOL    1002
#define CLOSE_UNSUPPORTED 1003
#define CLOSE_NO_CODE     1005
#define CLOSE_BAD_DATA    1007
#define CLOSE_TOO_BIG     1009
#define CLOSE_INTERNAL    1011

static void release(struct ws_reader *r)
{
    free(r->buf);
    r->buf = NULL;
    r->buf_cap = 0;
    r->len = 0;
}

void ws_reader_init(struct ws_reader *r)
{
    memset(r, 0, sizeof *r);
    r->state = IN_HEADER;
}

void ws_reader_allow_compressed(struct ws_reader *r)
{
    r->may_be_compressed = true;
}

bool ws_reader_is_idle(const struct ws_reader *r)
{
    return r->state == IN_HEADER && r->spill_bytes == 0 && r->message_op == 0 && r->buf == NULL;
}

void ws_reader_deinit(struct ws_reader *r)
{
    release(r);
    ws_reader_init(r);
}

static enum ws_event_kind fail(struct ws_reader *r, uint16_t code, const char *reason,
                               struct ws_event *ev)
{
    release(r);
    r->state = ENDED;
    ev->kind = WS_ERROR;
    ev->code = code;
    ev->reason = reason;
    return WS_ERROR;
}

/* Gives back what the last event lent out. */
static void settle(struct ws_reader *r)
{
    if (r->state == LENT_CONTROL) {
        r->control_bytes = 0;
        r->state = IN_HEADER;
    } else if (r->state == LENT_MESSAGE) {
        r->len = 0;
        r->state = IN_HEADER;
    }
    /* Fragments may be in there that are not complete yet, unless no message is open. */
    if (r->buf != NULL && r->message_op == 0 && r->state != IN_PAYLOAD) {
        release(r);
    }
}

/* Takes one header from the spill and the input. A header is committed as a whole: short of that its
   bytes move to the spill and nothing else changes. */
static enum ws_header_result take_header(struct ws_reader *r, uint8_t **p, size_t *n,
                                         struct ws_header *h, const char **reason_out)
{
    const uint8_t rsv_allowed = r->may_be_compressed ? WS_RSV1 : 0;

    uint8_t joined[WS_CLIENT_HEADER_MAX];
    const uint8_t *head = *p;
    size_t head_bytes = *n;
    size_t spilled = r->spill_bytes;
    if (spilled > 0) {
        size_t more = sizeof joined - spilled < *n ? sizeof joined - spilled : *n;
        memcpy(joined, r->u.spill, spilled);
        if (more > 0) {
            memcpy(joined + spilled, *p, more);
        }
        head = joined;
        head_bytes = spilled + more;
    }

    enum ws_header_result result = ws_frame_parse(head, head_bytes, rsv_allowed, h, reason_out);
    if (result == WS_HEADER_MORE && *n > 0) {
        /* 14 bytes always suffice, so at most 13 are here and the input ends with them. */
        memcpy(r->u.spill + spilled, *p, *n);
        r->spill_bytes = (uint8_t)(spilled + *n);
        *p += *n;
        *n = 0;
    } else if (result == WS_HEADER_OK) {
        size_t taken = h->header_bytes - spilled;
        *p += taken;
        *n -= taken;
        r->spill_bytes = 0;
    }
    return result;
}

/* What `max` is on the wire: deflate makes noise longer, by less than this where its blocks are not absurdly
   short (deflateBound() of zlib). */
static size_t compressed_max(size_t max)
{
    size_t more = max / 8 + 64;
    return max > SIZE_MAX - more ? SIZE_MAX : max + more;
}

/* The rules that a data frame has because of the frames before it. */
static enum ws_event_kind begin_data(struct ws_reader *r, const struct ws_header *h, size_t max,
                                     struct ws_event *ev)
{
    if (h->opcode == WS_OP_CONT && r->message_op == 0) {
        return fail(r, CLOSE_PROTOCOL, "A continuation frame has no message to continue.", ev);
    }
    if (h->opcode != WS_OP_CONT && r->message_op != 0) {
        return fail(r, CLOSE_PROTOCOL, "A new message began inside a fragmented one.", ev);
    }
    if (h->opcode != WS_OP_CONT) {
        r->is_compressed = h->rsv != 0;
    }
    size_t most = r->is_compressed ? compressed_max(max) : max;
    if (h->payload_bytes > most || r->len > most - h->payload_bytes) {
        return fail(r, CLOSE_TOO_BIG, "The message is longer than allowed.", ev);
    }
    if (h->opcode != WS_OP_CONT) {
        r->message_op = h->opcode;
        r->utf8 = (uint8_t)utf8_init();
    }
    return WS_MORE;
}

static enum ws_event_kind begin_frame(struct ws_reader *r, const struct ws_header *h, size_t max,
                                      struct ws_event *ev)
{
    if (h->rsv != 0 && h->opcode != WS_OP_TEXT && h->opcode != WS_OP_BINARY) {
        return fail(r, CLOSE_PROTOCOL, "RSV1 is set beyond the first frame of a message.", ev);
    }
    if (!ws_opcode_is_control(h->opcode) && begin_data(r, h, max, ev) == WS_ERROR) {
        return WS_ERROR;
    }
    /* Fits: a message is at most `max`, a size_t, and a control payload 125. */
    r->frames++;
    r->left = (size_t)h->payload_bytes;
    memcpy(r->u.mask, h->mask, sizeof r->u.mask);
    r->mask_position = 0;
    r->first = (uint8_t)((h->fin ? WS_FIN : 0) | h->rsv | h->opcode);
    r->state = IN_PAYLOAD;
    return WS_MORE;
}

/* Appends to buf. Its size doubles with what arrived and stops at what can still come, so a peer gets
   no more memory than it has paid for in bytes. */
static bool keep(struct ws_reader *r, const uint8_t *p, size_t n, size_t max)
{
    size_t used = r->len + r->control_bytes;
    if (r->buf_cap - used < n) {
        size_t need = used + n;
        size_t whole = r->is_compressed ? compressed_max(max) : max;
        size_t most = r->len + r->left > whole ? r->len + r->left : whole;
        if (ws_opcode_is_control(r->first & WS_OPCODE_MASK) || (r->first & WS_FIN) != 0) {
            most = used + r->left;
        }
        size_t cap = need > most / 2 ? most : need * 2;
        /* One to spare: see ws_event.data. A message's bytes are far from the end of size_t. */
        uint8_t *grown =
            realloc(r->buf, cap + 1); /* NOLINT(clang-analyzer-optin.portability.UnixAPI) */
        if (grown == NULL) {
            return false;
        }
        r->buf = grown;
        r->buf_cap = cap;
    }
    memcpy(r->buf + used, p, n);
    return true;
}

/* Section 7.4: codes that may stand in a frame. 1004, 1005, 1006 and 1015 never do, 1016-2999 are not
   defined, 0-999 and what is above 4999 is nobody's. */
static bool close_code_is_valid(unsigned code)
{
    return (code >= CLOSE_NORMAL && code <= CLOSE_UNSUPPORTED) ||
           (code >= CLOSE_BAD_DATA && code <= 1014) || (code >= 3000 && code <= 4999);
}

static enum ws_event_kind end_close(struct ws_reader *r, uint8_t *data, size_t len,
                                    struct ws_event *ev)
{
    if (len == 1) {
        return fail(r, CLOSE_PROTOCOL, "A close frame carries half a code.", ev);
    }
    uint16_t code = CLOSE_NO_CODE;
    if (len >= 2) {
        code = (uint16_t)(data[0] << 8 | data[1]);
        if (!close_code_is_valid(code)) {
            return fail(r, CLOSE_PROTOCOL, "The close code must not be used in a frame.", ev);
        }
        data += 2;
        len -= 2;
    }
    if (!utf8_valid(data, len)) {
        return fail(r, CLOSE_BAD_DATA, "The reason in the close frame is not UTF-8.", ev);
    }
    /* An open message dies with the connection, but its buffer holds the reason until the next call. */
    r->message_op = 0;
    r->control_bytes = 0;
    r->state = ENDED;
    ev->kind = WS_CLOSE;
    ev->code = code;
    ev->data = data;
    ev->len = len;
    return WS_CLOSE;
}

static enum ws_event_kind end_control(struct ws_reader *r, uint8_t *data, size_t len, bool lent,
                                      struct ws_event *ev)
{
    uint8_t opcode = r->first & WS_OPCODE_MASK;
    if (opcode == WS_OP_CLOSE) {
        return end_close(r, data, len, ev);
    }
    r->state = lent ? LENT_CONTROL : IN_HEADER;
    ev->kind = opcode == WS_OP_PING ? WS_PING : WS_PONG;
    ev->data = data;
    ev->len = len;
    return ev->kind;
}

static enum ws_event_kind end_message(struct ws_reader *r, uint8_t *data, size_t len, bool lent,
                                      struct ws_event *ev)
{
    if (r->message_op == WS_OP_TEXT && !utf8_is_complete(r->utf8)) {
        return fail(r, CLOSE_BAD_DATA, "The text message ends inside a character.", ev);
    }
    ev->kind = WS_MESSAGE;
    ev->opcode = r->message_op;
    ev->is_compressed = r->is_compressed;
    ev->data = data;
    ev->len = len;
    r->message_op = 0;
    r->state = lent ? LENT_MESSAGE : IN_HEADER;
    return WS_MESSAGE;
}

/* Takes payload of the current frame; WS_MORE here means that the frame ended without an event, or
   that the input did. */
static enum ws_event_kind take_payload(struct ws_reader *r, uint8_t **p, size_t *n, size_t max,
                                       struct ws_event *ev)
{
    bool control = ws_opcode_is_control(r->first & WS_OPCODE_MASK);
    bool fin = (r->first & WS_FIN) != 0;
    uint8_t *data = *p;
    size_t len = r->left < *n ? r->left : *n;
    if (len > 0) {
        r->mask_position = (uint8_t)ws_unmask(data, len, r->u.mask, r->mask_position);
        *p += len;
        *n -= len;
    }
    if (!control && r->message_op == WS_OP_TEXT && !r->is_compressed) {
        r->utf8 = (uint8_t)utf8_feed(r->utf8, data, len);
        if (utf8_is_broken(r->utf8)) {
            return fail(r, CLOSE_BAD_DATA, "The text message is not UTF-8.", ev);
        }
    }

    /* A payload that began in this very input and ends in it needs no copy. */
    size_t kept = control ? r->control_bytes : r->len;
    bool whole = len == r->left && fin && kept == 0;
    if (!whole && len > 0) {
        if (!keep(r, data, len, max)) {
            return fail(r, CLOSE_INTERNAL, "There is no memory for the message.", ev);
        }
        if (control) {
            r->control_bytes = (uint8_t)(r->control_bytes + len);
        } else {
            r->len += len;
        }
    }
    r->left -= len;
    if (r->left > 0) {
        return WS_MORE;
    }
    if (!whole && control) {
        return end_control(r, r->buf + r->len, r->control_bytes, true, ev);
    }
    if (!whole && fin) {
        return end_message(r, r->buf, r->len, true, ev);
    }
    if (!whole) {
        r->state = IN_HEADER;
        return WS_MORE;
    }
    return control ? end_control(r, data, len, false, ev) : end_message(r, data, len, false, ev);
}

enum ws_event_kind ws_reader_next(struct ws_reader *r, uint8_t **p, size_t *n,
                                  size_t max_message_bytes, struct ws_event *ev)
{
    memset(ev, 0, sizeof *ev);
    settle(r);
    while (r->state != ENDED) {
        enum ws_event_kind kind = WS_MORE;
        if (r->state == IN_HEADER) {
            struct ws_header h;
            const char *reason = NULL;
            enum ws_header_result result = take_header(r, p, n, &h, &reason);
            if (result == WS_HEADER_MORE) {
                return WS_MORE;
            }
            if (result == WS_HEADER_BAD) {
                return fail(r, CLOSE_PROTOCOL, reason, ev);
            }
            kind = begin_frame(r, &h, max_message_bytes, ev);
            if (kind == WS_MORE && r->left > 0 && *n == 0) {
                return WS_MORE;
            }
        } else if (*n == 0) {
            return WS_MORE;
        }
        if (kind == WS_MORE) {
            kind = take_payload(r, p, n, max_message_bytes, ev);
        }
        if (kind != WS_MORE) {
            return kind;
        }
    }
    return WS_MORE;
}
