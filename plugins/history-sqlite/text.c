/* SPDX-License-Identifier: MIT */
/* A formatted string on the heap, for the sentences an operator reads. */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

char *text_format(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args); /* NOLINT(clang-analyzer-valist*): it was begun */
    va_end(args);
    if (n < 0)
        return NULL;
    char *text = malloc((size_t)n + 1);

    if (text == NULL)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    return text;
}
