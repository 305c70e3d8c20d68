/* SPDX-License-Identifier: MIT */
/* The message layer of RFC 6455: turns a client's bytes, split anywhere, into messages and controls. */
#ifndef CHATD_NET_WS_READER_H
#define CHATD_NET_WS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ws_event_kind {
    WS_MORE,    /* everything was taken (or the reader has ended); come back with the next read */
    WS_MESSAGE, /* a whole text or binary message, maybe a compressed one */
    WS_PING,    /* answer with a pong of the same payload */
    WS_PONG,
    WS_CLOSE, /* the peer's close frame; the last event */
    WS_ERROR, /* fail the connection with `code`; the last event */
};

struct ws_event {
    enum ws_event_kind kind;
    uint8_t opcode;     /* WS_MESSAGE: WS_OP_TEXT (then the data is UTF-8) or WS_OP_BINARY */
    bool is_compressed; /* WS_MESSAGE: the data is for ws_inflate(), nothing of it is checked */
    /* The payload, of WS_CLOSE the reason text. Borrowed: it lies in the input or in the reader, may
       be written to, and is gone with the next call. The byte behind it belongs to something else,
       but in the reader's own memory it may be written to for the time being; where the data lies in
       the input that is the input's affair. NULL or anything when `len` is 0. */
    uint8_t *data;
    size_t len;
    uint16_t code; /* WS_CLOSE: the code received, 1005 for none. WS_ERROR: the code to send. */
    const char *reason; /* WS_ERROR: a static sentence, else NULL */
};

/* Its members are the reader's own. */
struct ws_reader {
    uint8_t *buf;    /* the message so far, behind it a torn control payload; NULL unless needed */
    size_t buf_cap;  /* bytes allocated */
    size_t len;      /* bytes of the message in buf */
    size_t left;     /* payload bytes of the current frame still to come */
    uint32_t frames; /* that began; the owner may set it back */
    union {
        uint8_t spill[13]; /* between frames: the part of a header that came, never a whole one */
        uint8_t mask[4];   /* inside a payload */
    } u;
    uint8_t spill_bytes;
    uint8_t mask_position;
    uint8_t first;         /* FIN, RSV and opcode of the current frame */
    uint8_t message_op;    /* TEXT or BINARY while a message is open, else 0 */
    uint8_t utf8;          /* state of the open text message, over all its frames */
    uint8_t control_bytes; /* bytes of a torn control payload in buf */
    uint8_t state : 6;
    bool may_be_compressed : 1;
    bool is_compressed : 1; /* the open message is */
};

void ws_reader_init(struct ws_reader *r);

/* From here on RSV1 on the first frame of a message says that it is compressed (RFC 7692 section 6). */
void ws_reader_allow_compressed(struct ws_reader *r);

/* True between messages: a reader that was just initialised goes on as well as this one. */
bool ws_reader_is_idle(const struct ws_reader *r);

/* Frees what is held. The reader may be initialised again. */
void ws_reader_deinit(struct ws_reader *r);

/* Takes bytes from *p, *n (unmasking payload in place) up to the first event, which it describes in
   *ev and returns; call again, with the same *p and *n, until WS_MORE. The events do not depend on how
   the stream is cut into reads. After WS_CLOSE or WS_ERROR nothing is taken any more and WS_MORE is
   all it says. A message that lies whole in the input is handed out there, without a copy; otherwise
   what came of it is kept on the heap, at most twice as much as has arrived, never as much as was
   announced. `max_message_bytes` caps a message over all its fragments (1009), a compressed one with
   what compression may add to noise at the worst. When memory is short
   the connection fails with 1011. */
enum ws_event_kind ws_reader_next(struct ws_reader *r, uint8_t **p, size_t *n,
                                  size_t max_message_bytes, struct ws_event *ev);

#endif
