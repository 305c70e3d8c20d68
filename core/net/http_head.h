/* SPDX-License-Identifier: MIT */
/* Checks a connection's raw HTTP/1.x requests, byte by byte, before a laxer parser gets to see them. */
#ifndef CHATD_NET_HTTP_HEAD_H
#define CHATD_NET_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* evhttp (libevent 2.1.12) accepts bare LF, folded headers, several Content-Length headers, a space
   before the colon, NUL in values and a missing Host. This checker stands in front of it and passes on
   only what both read the same way (RFC 9112). It follows heads and bodies, so that it knows where each
   next head begins.
   Three things are legal and of no use here, and evhttp gets them wrong, each version in its own way:
   a tab before a value (no blank to it), chunk extensions (an error) and trailers (headers of the
   request, to be believed like those that were judged). They are blanked out where they stand. */

enum http_head_result {
    HTTP_HEAD_MORE, /* all bytes are good and passed on; nothing happened yet */
    HTTP_HEAD_DONE, /* a head is complete; its facts are in the struct until the next head begins */
    HTTP_BODY_DONE, /* the body of a request that has one is complete */
    HTTP_HEAD_ERROR, /* answer `status` with `reason` and close; stays so */
};

struct http_head_limits {
    size_t max_head_bytes; /* request line and headers together, line ends included */
    size_t max_line_bytes; /* one line without its end */
    unsigned max_headers;  /* trailers count too */
    uint64_t max_body_bytes;
};

struct http_head {
    /* Of an error: 400 (malformed), 413 (body), 414 (request line), 417 (Expect), 431 (headers), 501
       (method or transfer coding), 505 (version). `reason` is a static sentence. */
    unsigned status;
    const char *reason;

    /* Of the latest head. */
    bool upgrade;        /* it has an Upgrade header, whatever for; then it has no body */
    bool websocket;      /* a GET whose Upgrade header names websocket */
    bool known_method;   /* one that a route may have, or HEAD or OPTIONS */
    bool has_body;       /* HTTP_BODY_DONE will follow */
    bool in_head;        /* at least one byte of a head was seen and it is not complete */
    bool in_body;        /* between the head of a request with a body and HTTP_BODY_DONE */
    uint64_t body_bytes; /* of the latest body, without chunk framing, so far */

    /* The rest is the checker's own. */
    uint8_t state;
    uint8_t field;      /* the header whose value is being read */
    uint8_t host_state; /* see host_byte() */
    uint8_t match;      /* characters of "websocket" matched in the Upgrade element */
    uint8_t seen;       /* bits of the headers that may come once */
    char word[280];     /* the first bytes of the method, target, version or header name */
    size_t word_bytes;  /* all of them */
    size_t value_bytes; /* of a header value, without blanks around */
    bool value_gap;     /* a blank followed the value */
    bool is_get;
    bool may_have_body;
    bool is_options;
    bool is_http11;
    bool is_star;    /* the target is `*` */
    bool in_trailer; /* header lines are those behind the last chunk */
    bool chunked;
    unsigned headers;
    size_t head_bytes;
    size_t line_bytes;
    uint64_t length; /* of Content-Length */
    uint64_t left;   /* of the body or the chunk */
};

void http_head_init(struct http_head *h);

/* Looks at data[0..n) and returns at the first event; call again with the rest. What must not be read is
   blanked out in `data`. *used is how many bytes may be passed on: with MORE all of them, with DONE up to
   the end of head or body, with ERROR those before the offending byte (never a complete head that has a
   fault). The events do not depend on how the stream is cut. With n = 0 it says MORE, or the state that stays.
   Behind the head of a request to upgrade the next bytes are a request again: a caller that has not
   decided yet feeds nothing, and one that takes the connection over feeds nothing more. */
enum http_head_result http_head_feed(struct http_head *h, const struct http_head_limits *lim,
                                     uint8_t *data, size_t n, size_t *used);

#endif
