/* SPDX-License-Identifier: MIT */
/* The plugin `static`: serves the web client from a folder when no NGINX does. */
#define _GNU_SOURCE 1 /* strdup() */
#include "static.h"

#include "path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct chatd_cfg_field fields[] = {
    {.key = "root",
     .type = CHATD_CFG_PATH,
     .offset = offsetof(struct static_config, root),
     .help = "folder of the web client; unset: ../share/chatd/static beside the program's folder"},
    {.key = "index",
     .type = CHATD_CFG_STR,
     .def = "index.html",
     .min = 1,
     .max = 255,
     .offset = offsetof(struct static_config, index),
     .help = "file served at /"},
    {.key = "cache_max",
     .type = CHATD_CFG_SIZE,
     .flags = CHATD_CFG_RELOADABLE,
     .def = "16m",
     .min = 0,
     .max = INT64_C(1) << 30,
     .offset = offsetof(struct static_config, cache_max),
     .help = "memory for files, in each worker; 0 keeps none"},
    {.key = "file_max",
     .type = CHATD_CFG_SIZE,
     .flags = CHATD_CFG_RELOADABLE,
     .def = "4m",
     .min = 1,
     .max = INT64_C(64) << 20,
     .offset = offsetof(struct static_config, file_max),
     .help = "larger files are not served"},
    {.key = "max_age",
     .type = CHATD_CFG_DURATION,
     .flags = CHATD_CFG_RELOADABLE,
     .def = "0",
     .min = 0,
     .max = INT64_C(365) * 24 * 3600 * 1000,
     .offset = offsetof(struct static_config, max_age_ms),
     .help = "how long browsers may use files without asking, HTML excepted; 0: they always ask"},
    {.key = "compress",
     .type = CHATD_CFG_BOOL,
     .flags = CHATD_CFG_RELOADABLE,
     .def = "on",
     .offset = offsetof(struct static_config, compress),
     .help = "send text files as gzip to clients that take it"},
    {.key = NULL},
};

static void serve_path(chatd_plugin *self, chatd_req req)
{
    chatd_str path;

    /* What does not decode to UTF-8 without NUL is a name no file of the client has. */
    if (chatd_req_param(self, req, "path", &path) < 0)
        path = CHATD_STR("");
    static_serve(self, req, path);
}

static void serve_index(chatd_plugin *self, chatd_req req)
{
    const struct static_config *cfg = self->config;
    chatd_str path = {cfg->index, strlen(cfg->index)};

    static_serve(self, req, path);
}

static int register_routes(chatd_plugin *self)
{
    static const struct chatd_route_def index = {
        .size = sizeof(index), .method = "GET", .pattern = "/", .handle = serve_index};
    static const struct chatd_route_def rest = {
        .size = sizeof(rest), .method = "GET", .pattern = "/{path...}", .handle = serve_path};
    int rc = chatd_route(self, &index);

    return rc < 0 ? rc : chatd_route(self, &rest);
}

static int init(chatd_plugin *self)
{
    static const char *const outcomes[] = {"served", "not_modified", "not_found", "unavailable",
                                           NULL};
    static const struct chatd_metric_def requests = {
        .size = sizeof(requests),
        .kind = CHATD_COUNTER,
        .name = "requests_total",
        .help = "requests for files by outcome",
        .label = "outcome",
        .values = outcomes,
    };
    const struct static_config *cfg = self->config;
    chatd_str index = {cfg->index, strlen(cfg->index)};
    struct static_state *state;
    char name[STATIC_PATH_MAX];
    int rc;

    if (static_path_normal(index, name, sizeof(name)) < 0) {
        chatd_log(self, CHATD_LOG_ERROR,
                  "index = %s is no path of a visible file below root; write for example "
                  "index = index.html",
                  cfg->index);
        return CHATD_E_INVAL;
    }
    state = calloc(1, sizeof(*state));
    if (state == NULL)
        return CHATD_E_BUSY;
    self->data = state;
    rc = chatd_metric(self, &requests, &state->requests);
    if (rc == CHATD_OK)
        rc = register_routes(self);
    if (rc < 0) {
        self->data = NULL;
        free(state);
    }
    return rc;
}

/* Everything the operator could have meant otherwise is found here, before anybody asks. */
static int check_root(chatd_plugin *self, const char *root)
{
    const struct static_config *cfg = self->config;
    struct static_file file;
    struct stat st;
    int error = 0, rc;

    errno = 0;
    if (stat(root, &st) < 0 || !S_ISDIR(st.st_mode)) {
        chatd_log(self, CHATD_LOG_ERROR,
                  "root %s is not a folder that can be opened (%s): set root in [static] to the "
                  "folder of the web client, or turn the plugin off",
                  root, strerror(errno != 0 ? errno : ENOTDIR));
        return CHATD_E_NOTFOUND;
    }
    rc = static_file_read(root, cfg->index, cfg->file_max, NULL, &file, &error);
    static_file_deinit(&file);
    if (rc == CHATD_OK)
        return CHATD_OK;
    if (rc == CHATD_E_INVAL)
        chatd_log(self, CHATD_LOG_ERROR, "the index %s in root %s is larger than file_max",
                  cfg->index, root);
    else
        chatd_log(self, CHATD_LOG_ERROR,
                  "root %s has no index %s that can be read (%s): set root in [static] to the "
                  "folder of the web client",
                  root, cfg->index, error != 0 ? strerror(error) : "not a regular file");
    return CHATD_E_NOTFOUND;
}

static int start(chatd_plugin *self)
{
    const struct static_config *cfg = self->config;
    struct static_state *state = self->data;

    state->root = cfg->root != NULL ? strdup(cfg->root) : static_root_default();
    if (state->root == NULL) {
        chatd_log(self, CHATD_LOG_ERROR,
                  "the place of the running program cannot be told: set root in [static]");
        return CHATD_E_NOTFOUND;
    }
    return check_root(self, state->root);
}

/* Options are read where they are used, so there is nothing to do but agree. */
static int reload(chatd_plugin *self, const void *fresh)
{
    (void)self;
    (void)fresh;
    return CHATD_OK;
}

static void stop(chatd_plugin *self)
{
    struct static_state *state = self->data;

    if (state == NULL)
        return;
    self->data = NULL;
    static_cache_deinit(&state->cache);
    free(state->root);
    free(state);
}

CHATD_PLUGIN(.name = "static", .version = "0.1.0", .license = "MIT", .config = fields,
             .config_size = sizeof(struct static_config), .init = init, .start = start,
             .stop = stop, .reload = reload);
