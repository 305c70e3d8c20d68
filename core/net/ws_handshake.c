/* SPDX-License-Identifier: MIT */
/* Computes the accept key and reads the token lists of the WebSocket handshake. */
#include "net/ws_handshake.h"

#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define KEY_CHARS  24
#define KEY_BYTES  16
#define ACCEPT_LEN 28

_Static_assert(BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE) == ACCEPT_LEN, "28 and a NUL are 29");

void ws_accept_key(const char *key, char out[29])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* section 1.3 */
    uint8_t digest[SHA1_DIGEST_SIZE];
    struct sha1_ctx sha1;
    sha1_init(&sha1);
    sha1_update(&sha1, strlen(key), (const uint8_t *)key);
    sha1_update(&sha1, sizeof guid - 1, (const uint8_t *)guid);
    sha1_digest(&sha1, sizeof digest, digest);
    base64_encode_raw(out, sizeof digest, digest);
    out[ACCEPT_LEN] = '\0';
}

bool ws_key_valid(const char *key)
{
    /* The decoder passes over white space, but 24 characters with some in it are less than 16 bytes. */
    if (key == NULL || strlen(key) != KEY_CHARS) {
        return false;
    }
    struct base64_decode_ctx base64;
    uint8_t bytes[BASE64_DECODE_LENGTH(KEY_CHARS)];
    size_t bytes_len = 0;
    base64_decode_init(&base64);
    return base64_decode_update(&base64, &bytes_len, bytes, KEY_CHARS, key) == 1 &&
           base64_decode_final(&base64) == 1 && bytes_len == KEY_BYTES;
}

static char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same(const char *a, const char *b, size_t n, bool fold)
{
    for (size_t i = 0; i < n; i++) {
        if (a[i] != b[i] && !(fold && ascii_lower(a[i]) == ascii_lower(b[i]))) {
            return false;
        }
    }
    return true;
}

/* Lists are elements between commas, each with optional blanks around, and some of them may be empty
   (RFC 9110 section 5.6.1). An element counts only as a whole. */
static bool list_has(const char *list, const char *word, bool fold)
{
    size_t word_len = strlen(word);
    while (list != NULL && word_len > 0) {
        list += strspn(list, " \t");
        size_t len = strcspn(list, ",");
        const char *next = list[len] == ',' ? list + len + 1 : NULL;
        while (len > 0 && (list[len - 1] == ' ' || list[len - 1] == '\t')) {
            len--;
        }
        if (len == word_len && same(list, word, len, fold)) {
            return true;
        }
        list = next;
    }
    return false;
}

bool http_token_list_has(const char *header, const char *token)
{
    return list_has(header, token, true);
}

bool ws_subprotocol_offered(const char *header, const char *name)
{
    return list_has(header, name, false);
}
