/* SPDX-License-Identifier: MIT */
/* Content types by file name. */
#include "types.h"

#include <string.h>
#include <strings.h>

static const char html[] = "text/html; charset=utf-8";

struct row {
    const char *ext, *type;
    int is_text;
};

static const struct row rows[] = {
    {"html", html, 1},
    {"htm", html, 1},
    {"css", "text/css; charset=utf-8", 1},
    {"js", "text/javascript; charset=utf-8", 1}, /* RFC 9239 */
    {"mjs", "text/javascript; charset=utf-8", 1},
    {"json", "application/json", 1},
    {"map", "application/json", 1},
    {"webmanifest", "application/manifest+json", 1},
    {"txt", "text/plain; charset=utf-8", 1},
    {"md", "text/markdown; charset=utf-8", 1},
    {"csv", "text/csv; charset=utf-8", 1},
    {"xml", "application/xml; charset=utf-8", 1},
    {"svg", "image/svg+xml; charset=utf-8", 1},
    {"png", "image/png", 0},
    {"jpg", "image/jpeg", 0},
    {"jpeg", "image/jpeg", 0},
    {"gif", "image/gif", 0},
    {"webp", "image/webp", 0},
    {"avif", "image/avif", 0},
    {"ico", "image/vnd.microsoft.icon", 0},
    {"woff2", "font/woff2", 0},
    {"woff", "font/woff", 0},
    {"ttf", "font/ttf", 0},
    {"otf", "font/otf", 0},
    {"mp3", "audio/mpeg", 0},
    {"ogg", "audio/ogg", 0},
    {"wav", "audio/wav", 0},
    {"mp4", "video/mp4", 0},
    {"webm", "video/webm", 0},
    {"pdf", "application/pdf", 0},
    {"wasm", "application/wasm", 0},
};

static const struct row *row_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    size_t i;

    if (dot != NULL) {
        for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            if (strcasecmp(dot + 1, rows[i].ext) == 0)
                return &rows[i];
        }
    }
    return NULL;
}

const char *static_type(const char *path)
{
    const struct row *row = row_of(path);

    return row != NULL ? row->type : "application/octet-stream";
}

int static_path_is_text(const char *path)
{
    const struct row *row = row_of(path);

    return row != NULL && row->is_text;
}

int static_type_is_html(const char *type)
{
    return strcmp(type, html) == 0;
}
