/* SPDX-License-Identifier: MIT */
/* The state machine behind http_head.h: one byte in, one verdict out; bodies are passed over in bulk. */
#include "net/http_head.h"

#include <arpa/inet.h>
#include <string.h>

enum state {
    IN_METHOD,
    IN_TARGET,
    IN_VERSION,
    REQUEST_LF, /* CR seen, as in all states named so */
    IN_NAME,    /* the start of a header line, too */
    IN_VALUE,
    VALUE_LF,
    HEAD_LF,
    IN_BODY,
    IN_SIZE,
    SIZE_BLANK, /* blanks between the chunk's size and ';' */
    IN_EXTENSION,
    SIZE_LF,
    IN_CHUNK,
    CHUNK_CR,
    CHUNK_LF,
    FAILED,
};

enum field { OTHER, HOST, LENGTH, CODING, UPGRADE, EXPECT };

#define SEEN(field)      (1u << (field))
#define CHUNK_DIGITS_MAX 16
#define MISMATCH         0xff /* of http_head.match */

static enum http_head_result fail(struct http_head *h, unsigned status, const char *reason)
{
    h->state = FAILED;
    h->in_head = false;
    h->in_body = false;
    h->status = status;
    h->reason = reason;
    return HTTP_HEAD_ERROR;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(uint8_t c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* RFC 9110 section 5.6.2 */
static bool is_token(uint8_t c)
{
    return is_digit(c) || is_alpha(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static bool is_visible(uint8_t c)
{
    return c > ' ' && c < 0x7f;
}

/* What may stand in a value: blanks, visible ASCII and bytes above ASCII (RFC 9110 section 5.5). */
static bool is_text(uint8_t c)
{
    return is_blank(c) || is_visible(c) || c >= 0x80;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static int hex_value(uint8_t c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void word_add(struct http_head *h, uint8_t c)
{
    if (h->word_bytes < sizeof h->word) {
        h->word[h->word_bytes] = (char)c;
    }
    h->word_bytes++;
}

static bool word_is(const struct http_head *h, const char *text)
{
    return h->word_bytes == strlen(text) && memcmp(h->word, text, h->word_bytes) == 0;
}

/* `text` in lower case; compares without case. */
static bool word_starts(const struct http_head *h, const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++) {
        if (i >= h->word_bytes || lower((uint8_t)h->word[i]) != (uint8_t)text[i]) {
            return false;
        }
    }
    return true;
}

/* --- request line: METHOD SP target SP HTTP/1.x CRLF (RFC 9112 section 3) --- */

static void begin_head(struct http_head *h)
{
    memset(h, 0, sizeof *h);
    h->in_head = true;
}

static enum http_head_result method_byte(struct http_head *h, uint8_t c)
{
    if (is_token(c)) {
        word_add(h, c);
        return HTTP_HEAD_MORE;
    }
    if (c != ' ' || h->word_bytes == 0) {
        return fail(h, 400, "The request does not begin with a method.");
    }
    if (word_is(h, "CONNECT")) {
        return fail(h, 501, "This server is not a proxy.");
    }
    h->is_get = word_is(h, "GET");
    h->is_options = word_is(h, "OPTIONS");
    /* evhttp does not read a body behind any other method but takes it for the next request. */
    h->may_have_body = word_is(h, "POST") || word_is(h, "PUT") || word_is(h, "PATCH");
    h->known_method = h->is_get || h->is_options || h->may_have_body || word_is(h, "HEAD") ||
                      word_is(h, "DELETE");
    h->word_bytes = 0;
    h->state = IN_TARGET;
    return HTTP_HEAD_MORE;
}

/* host [":" port] of an absolute target. Stricter than evhttp, which answers what it dislikes there with a
   page of its own: no user, no percent signs, a port that exists, brackets around an address. */
static bool authority_is_good(const char *text, size_t n)
{
    char literal[INET6_ADDRSTRLEN];
    unsigned char address[16];
    size_t i = 0;
    unsigned port = 0;

    if (n > 0 && text[0] == '[') {
        const char *end = memchr(text, ']', n);
        i = end != NULL ? (size_t)(end - text) : 0;
        if (i < 2 || i > sizeof literal) {
            return false;
        }
        memcpy(literal, text + 1, i - 1);
        literal[i - 1] = '\0';
        if (inet_pton(AF_INET6, literal, address) != 1) {
            return false;
        }
        i++;
    } else {
        while (i < n && (is_alpha((uint8_t)text[i]) || is_digit((uint8_t)text[i]) ||
                         strchr("-._~", text[i]) != NULL)) {
            i++;
        }
    }
    if (i == 0 || i == n) {
        return i > 0;
    }
    if (text[i] != ':' || n - i > 6 || n - i == 1) {
        return false;
    }
    while (++i < n && is_digit((uint8_t)text[i])) {
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    return i == n && port <= 65535;
}

static bool target_is_absolute(const struct http_head *h)
{
    size_t scheme = word_starts(h, "http://") ? 7 : word_starts(h, "https://") ? 8 : 0;
    size_t n = h->word_bytes < sizeof h->word ? h->word_bytes : sizeof h->word;
    size_t end = scheme;

    while (end < n && h->word[end] != '/' && h->word[end] != '?') {
        end++;
    }
    return scheme > 0 && (end < n || n == h->word_bytes) &&
           authority_is_good(h->word + scheme, end - scheme);
}

static enum http_head_result target_byte(struct http_head *h, uint8_t c)
{
    if (is_visible(c) && c != '#') {
        word_add(h, c);
        return HTTP_HEAD_MORE;
    }
    if (c != ' ' || h->word_bytes == 0) {
        return fail(h, 400, "The request target has a byte that must be encoded.");
    }
    /* evhttp, and whoever resolves it against an address, takes what follows for a host. */
    if (word_starts(h, "//")) {
        return fail(h, 400, "The request target begins with two slashes.");
    }
    h->is_star = word_is(h, "*");
    if (h->word[0] != '/' && !h->is_star && !target_is_absolute(h)) {
        return fail(h, 400, "The request target is neither a path nor an http address.");
    }
    h->word_bytes = 0;
    h->state = IN_VERSION;
    return HTTP_HEAD_MORE;
}

static enum http_head_result version_byte(struct http_head *h, uint8_t c)
{
    if (is_visible(c)) {
        word_add(h, c);
        return HTTP_HEAD_MORE;
    }
    if (c != '\r' || h->word_bytes != 8 || memcmp(h->word, "HTTP/", 5) != 0 ||
        !is_digit((uint8_t)h->word[5]) || h->word[6] != '.' || !is_digit((uint8_t)h->word[7])) {
        return fail(h, 400, "The request line does not end with one space, HTTP/1.1 and CRLF.");
    }
    h->is_http11 = word_is(h, "HTTP/1.1");
    if (!h->is_http11 && !word_is(h, "HTTP/1.0")) {
        return fail(h, 505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.");
    }
    if (h->is_star && !h->is_options) {
        return fail(h, 400, "The target * is for OPTIONS.");
    }
    h->state = REQUEST_LF;
    return HTTP_HEAD_MORE;
}

static enum http_head_result begin_line(struct http_head *h)
{
    h->line_bytes = 0;
    h->word_bytes = 0;
    h->state = IN_NAME;
    return HTTP_HEAD_MORE;
}

/* --- header lines (RFC 9112 section 5) --- */

static enum http_head_result name_end(struct http_head *h, const struct http_head_limits *lim)
{
    if (h->word_bytes == 0) {
        return fail(h, 400, "A header has no name.");
    }
    if (++h->headers > lim->max_headers) {
        return fail(h, 431, "The request has too many headers.");
    }
    h->field = word_is(h, "host")                ? HOST
               : word_is(h, "content-length")    ? LENGTH
               : word_is(h, "transfer-encoding") ? CODING
               : word_is(h, "upgrade")           ? UPGRADE
               : word_is(h, "expect")            ? EXPECT
                                                 : OTHER;
    /* Nobody gets to read them, but who writes these there means no good. */
    if (h->in_trailer && h->field != OTHER) {
        return fail(h, 400, "A trailer must not say how to read or route the request.");
    }
    if (h->field != OTHER && h->field != UPGRADE && (h->seen & SEEN(h->field)) != 0) {
        return fail(h, 400, "Host, Content-Length, Transfer-Encoding or Expect is there twice.");
    }
    h->seen |= (uint8_t)SEEN(h->field);
    h->value_bytes = 0;
    h->value_gap = false;
    h->host_state = 0;
    h->match = 0;
    h->state = IN_VALUE;
    return HTTP_HEAD_MORE;
}

static enum http_head_result name_byte(struct http_head *h, const struct http_head_limits *lim,
                                       uint8_t c)
{
    if (is_token(c)) {
        word_add(h, lower(c));
        return HTTP_HEAD_MORE;
    }
    if (c == ':') {
        return name_end(h, lim);
    }
    if (c == '\r' && h->word_bytes == 0) {
        h->state = HEAD_LF;
        return HTTP_HEAD_MORE;
    }
    if (is_blank(c) && h->word_bytes == 0) {
        return fail(h, 400, "A header is folded or begins with a blank.");
    }
    return fail(h, 400,
                "A header name has a byte that is not allowed, or no colon directly behind.");
}

/* uri-host [":" port] (RFC 9110 section 7.2). Sub-delimiters, which RFC 3986 allows and no name uses,
   are left out: they have a meaning in lists, quotes and shells further on. */
enum { HOST_START, HOST_NAME, HOST_BRACKET, HOST_LITERAL, HOST_LITERAL_END, HOST_PORT };

static bool host_byte(struct http_head *h, uint8_t c)
{
    switch (h->host_state) {
    case HOST_START:
        if (c == '[') {
            h->host_state = HOST_BRACKET;
            return true;
        }
        h->host_state = HOST_NAME;
        return c != ':' && host_byte(h, c);
    case HOST_NAME:
        if (c == ':') {
            h->host_state = HOST_PORT;
            return true;
        }
        return is_alpha(c) || is_digit(c) || (c != '\0' && strchr("-._~%", c) != NULL);
    case HOST_BRACKET:
    case HOST_LITERAL:
        if (c == ']') {
            bool filled = h->host_state == HOST_LITERAL;
            h->host_state = HOST_LITERAL_END;
            return filled;
        }
        h->host_state = HOST_LITERAL;
        return hex_value(c) >= 0 || c == ':' || c == '.';
    case HOST_LITERAL_END:
        h->host_state = HOST_PORT;
        return c == ':';
    default:
        return is_digit(c);
    }
}

/* The list in Upgrade: one element must be exactly "websocket", in any case. */
static void upgrade_byte(struct http_head *h, uint8_t c)
{
    static const char name[] = "websocket";
    if (c == ',') {
        h->websocket |= h->match == sizeof name - 1;
        h->match = 0;
        return;
    }
    bool apart = h->value_gap && h->match > 0;
    if (!apart && h->match < sizeof name - 1 && lower(c) == (uint8_t)name[h->match]) {
        h->match++;
    } else {
        h->match = MISMATCH;
    }
}

static enum http_head_result bad_value(struct http_head *h)
{
    static const char *const reasons[] = {
        [HOST] = "The Host header is not a host name or address.",
        [LENGTH] = "Content-Length is not one decimal number.",
        [CODING] = "The only transfer coding known here is chunked.",
        [EXPECT] = "The only expectation known here is 100-continue.",
    };
    return fail(h, h->field == CODING ? 501 : h->field == EXPECT ? 417 : 400, reasons[h->field]);
}

static const char chunked_name[] = "chunked";
static const char continue_name[] = "100-continue";

/* Whether the value's next character is the one that `name` has there. */
static bool spells(const struct http_head *h, const char *name, uint8_t c)
{
    return !h->value_gap && h->value_bytes < strlen(name) &&
           lower(c) == (uint8_t)name[h->value_bytes];
}

static enum http_head_result field_byte(struct http_head *h, uint8_t c)
{
    bool one_word = !h->value_gap;
    bool good = true;
    switch (h->field) {
    case HOST:
        good = one_word && host_byte(h, c);
        break;
    case LENGTH:
        good = one_word && is_digit(c);
        /* Saturates: a number that does not fit is beyond any limit. */
        h->length = h->length > (UINT64_MAX - 9) / 10 ? UINT64_MAX : h->length * 10 + (c & 0x0f);
        break;
    case CODING:
        good = spells(h, chunked_name, c);
        break;
    case EXPECT:
        good = spells(h, continue_name, c);
        break;
    case UPGRADE:
        upgrade_byte(h, c);
        h->value_gap = false;
        break;
    default:
        break;
    }
    h->value_bytes++;
    return good ? HTTP_HEAD_MORE : bad_value(h);
}

static enum http_head_result value_end(struct http_head *h, const struct http_head_limits *lim)
{
    bool good = true;
    switch (h->field) {
    case HOST:
        good = h->host_state != HOST_START && h->host_state != HOST_BRACKET &&
               h->host_state != HOST_LITERAL;
        break;
    case LENGTH:
        good = h->value_bytes > 0;
        if (h->length > lim->max_body_bytes || h->length == UINT64_MAX) {
            return fail(h, 413, "The body is longer than allowed.");
        }
        break;
    case CODING:
        good = h->value_bytes == sizeof chunked_name - 1;
        h->chunked = true;
        break;
    case EXPECT:
        good = h->value_bytes == sizeof continue_name - 1;
        break;
    case UPGRADE:
        h->upgrade = true;
        upgrade_byte(h, ',');
        break;
    default:
        break;
    }
    h->state = VALUE_LF;
    return good ? HTTP_HEAD_MORE : bad_value(h);
}

static enum http_head_result value_byte(struct http_head *h, const struct http_head_limits *lim,
                                        uint8_t c)
{
    if (c == '\r') {
        return value_end(h, lim);
    }
    if (!is_text(c)) {
        return fail(h, 400, "A header value has a control character.");
    }
    if (is_blank(c)) {
        h->value_gap = h->value_bytes > 0;
        return HTTP_HEAD_MORE;
    }
    return field_byte(h, c);
}

/* The rules over all headers. They are judged with the last LF, which is held back when one is broken,
   so the parser behind never sees that head end. */
static enum http_head_result head_end(struct http_head *h)
{
    h->has_body = h->chunked || h->length > 0;
    h->websocket = h->websocket && h->is_get;
    if (h->is_http11 && (h->seen & SEEN(HOST)) == 0) {
        return fail(h, 400, "The Host header is missing.");
    }
    if (h->chunked && (h->seen & SEEN(LENGTH)) != 0) {
        return fail(h, 400, "Content-Length and Transfer-Encoding exclude each other.");
    }
    if (h->chunked && !h->is_http11) {
        return fail(h, 400, "HTTP/1.0 has no Transfer-Encoding.");
    }
    if (h->upgrade && h->has_body) {
        return fail(h, 400, "An upgrade must not have a body.");
    }
    if (h->has_body && !h->may_have_body) {
        return fail(h, 400, "A request of this method must not have a body.");
    }
    h->in_head = false;
    h->in_body = h->has_body;
    h->left = h->length;
    h->line_bytes = 0;
    h->word_bytes = 0;
    h->state = h->chunked ? IN_SIZE : h->has_body ? IN_BODY : IN_METHOD;
    h->head_bytes = 0; /* from here on the bytes of chunk extensions and trailers */
    return HTTP_HEAD_DONE;
}

static enum http_head_result body_end(struct http_head *h)
{
    h->in_body = false;
    h->word_bytes = 0;
    h->state = IN_METHOD;
    return HTTP_BODY_DONE;
}

/* --- chunks (RFC 9112 section 7.1) --- */

static enum http_head_result size_digit(struct http_head *h, const struct http_head_limits *lim,
                                        unsigned digit)
{
    if (h->word_bytes++ == 0) {
        h->left = 0;
    }
    if (h->word_bytes > CHUNK_DIGITS_MAX) {
        return fail(h, 400, "A chunk size has too many digits.");
    }
    /* body_bytes never passes the limit, and a size that does is refused with the digit that does it. */
    uint64_t room = lim->max_body_bytes > h->body_bytes ? lim->max_body_bytes - h->body_bytes : 0;
    if (h->left > (UINT64_MAX - digit) / 16 || h->left * 16 + digit > room) {
        return fail(h, 413, "The body is longer than allowed.");
    }
    h->left = h->left * 16 + digit;
    return HTTP_HEAD_MORE;
}

static enum http_head_result size_byte(struct http_head *h, const struct http_head_limits *lim,
                                       uint8_t c)
{
    int digit = hex_value(c);
    if (digit >= 0) {
        return size_digit(h, lim, (unsigned)digit);
    }
    if (h->word_bytes == 0 || (c != '\r' && c != ';' && !is_blank(c))) {
        return fail(h, 400, "A chunk size is not a hexadecimal number.");
    }
    h->state = c == '\r' ? SIZE_LF : c == ';' ? IN_EXTENSION : SIZE_BLANK;
    return HTTP_HEAD_MORE;
}

static enum http_head_result extension_byte(struct http_head *h, uint8_t c)
{
    if (h->state == SIZE_BLANK && !is_blank(c) && c != ';') {
        return fail(h, 400, "A chunk size is not a hexadecimal number.");
    }
    if (c == '\r') {
        h->state = SIZE_LF;
    } else if (!is_text(c)) {
        return fail(h, 400, "A chunk extension has a control character.");
    } else if (c == ';') {
        h->state = IN_EXTENSION;
    }
    return HTTP_HEAD_MORE;
}

static enum http_head_result size_end(struct http_head *h)
{
    if (h->left == 0) {
        h->in_trailer = true;
        return begin_line(h);
    }
    h->line_bytes = 0;
    h->state = IN_CHUNK;
    return HTTP_HEAD_MORE;
}

/* --- */

/* Lines are held to their limits with the byte that goes too far. Line ends count for the head only;
   in a body chunk extensions and trailers share one allowance of max_head_bytes, else a peer could
   send mostly framing for as long as it likes. */
static bool within_limits(struct http_head *h, const struct http_head_limits *lim, uint8_t c)
{
    bool line_end = c == '\r' || c == '\n';
    bool extra = h->in_head || h->in_trailer || h->state == SIZE_BLANK || h->state == IN_EXTENSION;
    if (extra && ++h->head_bytes > lim->max_head_bytes) {
        return false;
    }
    return line_end || ++h->line_bytes <= lim->max_line_bytes;
}

static enum http_head_result too_long(struct http_head *h)
{
    if (h->in_head && h->state <= REQUEST_LF) {
        return fail(h, 414, "The request line is too long.");
    }
    if (h->in_head || h->in_trailer) {
        return fail(h, 431, "The headers are too long.");
    }
    return fail(h, 413, "The chunks have too much framing.");
}

static enum http_head_result lf_byte(struct http_head *h, uint8_t c)
{
    if (c != '\n') {
        return fail(h, 400, "A line does not end with CRLF.");
    }
    switch (h->state) {
    case HEAD_LF:
        return h->in_trailer ? body_end(h) : head_end(h);
    case SIZE_LF:
        return size_end(h);
    case CHUNK_LF:
        h->word_bytes = 0;
        h->state = IN_SIZE;
        return HTTP_HEAD_MORE;
    default: /* REQUEST_LF, VALUE_LF */
        return begin_line(h);
    }
}

/* A byte of a head, of chunk framing or of a trailer. */
static enum http_head_result line_byte(struct http_head *h, const struct http_head_limits *lim,
                                       uint8_t c)
{
    if (!within_limits(h, lim, c)) {
        return too_long(h);
    }
    switch (h->state) {
    case IN_METHOD:
        return method_byte(h, c);
    case IN_TARGET:
        return target_byte(h, c);
    case IN_VERSION:
        return version_byte(h, c);
    case IN_NAME:
        return name_byte(h, lim, c);
    case IN_VALUE:
        return value_byte(h, lim, c);
    case IN_SIZE:
        return size_byte(h, lim, c);
    case SIZE_BLANK:
    case IN_EXTENSION:
        return extension_byte(h, c);
    case CHUNK_CR:
        if (c != '\r') {
            return fail(h, 400, "A chunk is longer than its size.");
        }
        h->state = CHUNK_LF;
        return HTTP_HEAD_MORE;
    default:
        return lf_byte(h, c);
    }
}

/* Passes over payload; the caller gives at least one byte. */
static enum http_head_result payload(struct http_head *h, size_t n, size_t *used)
{
    size_t taken = h->left < n ? (size_t)h->left : n;
    *used += taken;
    h->left -= taken;
    h->body_bytes += taken;
    if (h->left > 0) {
        return HTTP_HEAD_MORE;
    }
    if (h->state == IN_BODY) {
        return body_end(h);
    }
    h->state = CHUNK_CR;
    return HTTP_HEAD_MORE;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Bytes of a header's name or of a value that no rule looks at, such as a cookie: most of a head. Those at `data` that
   line_byte() would take one by one, with the same outcome; it gets the next. */
static size_t plain_run(struct http_head *h, const struct http_head_limits *lim,
                        const uint8_t *data, size_t n)
{
    bool is_name = h->state == IN_NAME;
    size_t i = 0;
    if (!(is_name || (h->state == IN_VALUE && h->field == OTHER)) || h->in_trailer ||
        h->head_bytes >= lim->max_head_bytes || h->line_bytes >= lim->max_line_bytes) {
        return 0;
    }
    n = least(n, lim->max_head_bytes - h->head_bytes);
    n = least(n, lim->max_line_bytes - h->line_bytes);
    if (is_name) {
        for (; i < n && (is_alpha(data[i]) || data[i] == '-'); i++) {
            word_add(h, lower(data[i]));
        }
    } else {
        while (i < n && (is_visible(data[i]) || data[i] >= 0x80)) {
            i++;
        }
        h->value_bytes += i;
    }
    h->head_bytes += i;
    h->line_bytes += i;
    return i;
}

void http_head_init(struct http_head *h)
{
    memset(h, 0, sizeof *h);
    h->state = IN_METHOD;
}

/* What stands for a byte that was good: itself, or what says nothing. A trailer becomes a header whose name is of X
   alone, with an empty value. */
static uint8_t passed_on(const struct http_head *h, uint8_t state_before, uint8_t c)
{
    if (state_before == IN_NAME && h->state == IN_NAME) {
        return h->in_trailer ? 'X' : c;
    }
    if (state_before == IN_VALUE && h->state == IN_VALUE) {
        return h->in_trailer || (c == '\t' && h->value_bytes == 0) ? ' ' : c;
    }
    return h->state == SIZE_BLANK || h->state == IN_EXTENSION ? ' ' : c;
}

enum http_head_result http_head_feed(struct http_head *h, const struct http_head_limits *lim,
                                     uint8_t *data, size_t n, size_t *used)
{
    *used = 0;
    if (h->state == FAILED) {
        return HTTP_HEAD_ERROR;
    }
    enum http_head_result result = HTTP_HEAD_MORE;
    while (result == HTTP_HEAD_MORE && *used < n) {
        if (h->state == IN_BODY || h->state == IN_CHUNK) {
            result = payload(h, n - *used, used);
            continue;
        }
        if (h->state == IN_METHOD && !h->in_head) {
            begin_head(h);
        }
        *used += plain_run(h, lim, data + *used, n - *used);
        if (*used == n) {
            break;
        }
        uint8_t state_before = h->state;
        result = line_byte(h, lim, data[*used]);
        if (result != HTTP_HEAD_ERROR) {
            data[*used] = passed_on(h, state_before, data[*used]);
            ++*used;
        }
    }
    return result;
}
