/* SPDX-License-Identifier: MIT */
/* Content types by file name. */
#include "types.h"

#include <string.h>
#include <strings.h>

static const char html[] = "text/html; charset=utf-8";

struct row {
    const char *ext, *type;
};

static const struct row rows[] = {
    {"html", html},
    {"htm", html},
    {"css", "text/css; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"}, /* RFC 9239 */
    {"mjs", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"map", "application/json"},
    {"webmanifest", "application/manifest+json"},
    {"txt", "text/plain; charset=utf-8"},
    {"md", "text/markdown; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"xml", "application/xml; charset=utf-8"},
    {"svg", "image/svg+xml; charset=utf-8"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"avif", "image/avif"},
    {"ico", "image/vnd.microsoft.icon"},
    {"woff2", "font/woff2"},
    {"woff", "font/woff"},
    {"ttf", "font/ttf"},
    {"otf", "font/otf"},
    {"mp3", "audio/mpeg"},
    {"ogg", "audio/ogg"},
    {"wav", "audio/wav"},
    {"mp4", "video/mp4"},
    {"webm", "video/webm"},
    {"pdf", "application/pdf"},
    {"wasm", "application/wasm"},
};

const char *static_type(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    size_t i;

    if (dot != NULL) {
        for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            if (strcasecmp(dot + 1, rows[i].ext) == 0)
                return rows[i].type;
        }
    }
    return "application/octet-stream";
}

int static_type_is_html(const char *type)
{
    return strcmp(type, html) == 0;
}
