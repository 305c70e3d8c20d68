/* SPDX-License-Identifier: MIT */
/* Where the web client lies when no option says so: beside the program that runs. */
#define _GNU_SOURCE 1 /* readlink() */
#include "static.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *static_root_default(void)
{
    static const char tail[] = "/../share/chatd/static";
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe));
    char *root;

    if (n <= 0 || (size_t)n >= sizeof(exe)) /* as long as the buffer: it may be cut */
        return NULL;
    while (n > 0 && exe[n - 1] != '/')
        n--;
    if (n == 0)
        return NULL;
    root = malloc((size_t)n - 1 + sizeof(tail)); /* without the slash, with the tail's NUL */
    if (root == NULL)
        return NULL;
    memcpy(root, exe, (size_t)n - 1);
    memcpy(root + n - 1, tail, sizeof(tail));
    return root;
}
