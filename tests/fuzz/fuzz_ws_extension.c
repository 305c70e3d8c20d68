/* SPDX-License-Identifier: MIT */
/* Sec-WebSocket-Extensions: what is taken can be kept to, its answer is an offer of the same, and a list without
 * quotes is taken, if not before, at a good offer behind it. */
#include "net/ws_extension.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): this must hold in every build type. */
#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                  \
        }                                                                             \
    } while (0)

static bool same(const struct ws_deflate_terms *a, const struct ws_deflate_terms *b)
{
    return a->window_bits == b->window_bits && a->is_demanded == b->is_demanded;
}

static void check_answer(const struct ws_deflate_terms *terms)
{
    char answer[WS_EXTENSION_ANSWER_BYTES];
    struct ws_deflate_terms again;

    CHECK(terms->window_bits >= WS_WINDOW_BITS_MIN && terms->window_bits <= WS_WINDOW_BITS_MAX);
    CHECK(terms->is_demanded || terms->window_bits == WS_WINDOW_BITS_MAX);
    ws_extension_answer(terms, answer);
    CHECK(strlen(answer) < sizeof(answer) - 1);
    CHECK(ws_extension_take(answer, &again) && same(terms, &again));
}

/* The same with another offer before or behind. */
static void check_neighbours(const char *list, bool is_taken, const struct ws_deflate_terms *terms)
{
    size_t bytes = strlen(list) + 64;
    char *longer = malloc(bytes);
    struct ws_deflate_terms again;

    snprintf(longer, bytes, "permessage-deflate; x, %s", list);
    CHECK(ws_extension_take(longer, &again) == is_taken && (!is_taken || same(terms, &again)));
    snprintf(longer, bytes, "%s,permessage-deflate", list);
    if (is_taken)
        CHECK(ws_extension_take(longer, &again) && same(terms, &again));
    else if (strchr(list, '"') == NULL)
        CHECK(ws_extension_take(longer, &again) && !again.is_demanded);
    free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ws_deflate_terms terms;
    char *list = malloc(size + 1);
    bool is_taken;

    if (size > 0)
        memcpy(list, data, size);
    list[size] = '\0';
    is_taken = ws_extension_take(list, &terms);
    CHECK(!is_taken || strstr(list, "permessage-deflate") != NULL);
    if (is_taken)
        check_answer(&terms);
    check_neighbours(list, is_taken, &terms);
    free(list);
    return 0;
}
