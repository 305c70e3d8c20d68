/* SPDX-License-Identifier: MIT */
/* What callbacks told, and a host for parts of the plugin. */
#include "story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void story_tell(struct story *story, const char *format, ...)
{
    size_t n = strlen(story->text);
    va_list args;

    if (n > 0)
        n += (size_t)snprintf(story->text + n, sizeof(story->text) - n, " ");
    va_start(args, format);
    vsnprintf(story->text + n, sizeof(story->text) - n, format, args);
    va_end(args);
}

static int init(chatd_plugin *self)
{
    (void)self;
    return CHATD_OK;
}

struct testhost *host_for(const char *part)
{
    const struct chatd_plugin_desc desc = {.size = sizeof(desc),
                                           .abi_major = CHATD_ABI_MAJOR,
                                           .abi_minor = CHATD_ABI_MINOR,
                                           .name = part,
                                           .init = init};
    struct testhost *t = testhost_new(&desc);

    assert_int_equal(testhost_init(t, NULL), CHATD_OK);
    assert_int_equal(testhost_start(t), CHATD_OK);
    return t;
}
