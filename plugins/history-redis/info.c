/* SPDX-License-Identifier: MIT */
/* Reading what INFO tells: lines of name:value. */
#include "info.h"

#include <stdio.h>
#include <string.h>

bool info_get(const char *text, const char *name, char *out, size_t size)
{
    size_t n = strlen(name);

    out[0] = '\0';
    while (text != NULL && *text != '\0') {
        if (strncmp(text, name, n) == 0 && text[n] == ':') {
            text += n + 1;
            snprintf(out, size, "%.*s", (int)strcspn(text, "\r\n"), text);
            return true;
        }
        text = strchr(text, '\n');
        text = text != NULL ? text + 1 : NULL;
    }
    return false;
}
