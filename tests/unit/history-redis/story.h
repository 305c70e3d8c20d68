/* SPDX-License-Identifier: MIT */
/* What callbacks told, in order, separated by blanks; and a host for parts that only know time. */
#ifndef STORY_H
#define STORY_H

#include <chatd/testhost.h>

struct story {
    char text[4096];
};

/* Adds a word to the story. */
void story_tell(struct story *story, const char *format, ...) CHATD_PRINTF(2, 3);

/* Compares the story and begins a new one. */
#define story_expect(story, expected)                 \
    do {                                              \
        assert_string_equal((story)->text, expected); \
        (story)->text[0] = '\0';                      \
    } while (0)

/* A host that was started, of a plugin that does nothing: its `self` is for the part under test. */
struct testhost *host_for(const char *part);

#endif
