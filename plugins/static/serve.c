/* SPDX-License-Identifier: MIT */
/* Answers requests: from the cache, or after a job has looked at the disk. */
#define _GNU_SOURCE 1 /* strdup() */
#include "encoding.h"
#include "path.h"
#include "static.h"
#include "types.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An entry is served unseen for this long; after that the disk is asked once for all who wait. */
#define FRESH_MS    1000
#define DEADLINE_MS 5000u
#define RETRY_MS    1000u

/* The web client is one's own code alone: no inline script, no foreign host, in nobody's frame; no
 * text ever becomes markup or script; forms are sent by scripts, so that a password goes nowhere
 * when they fail. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

/* One look at the disk, and the requests that wait for it. run() touches the first group alone. */
struct static_load {
    char *root; /* a copy: a disk that hangs may outlast the plugin */
    int64_t file_max;
    int compress, has_known;
    struct static_id known;
    struct static_file file; /* filled by run() */
    int error;               /* errno of a failure */

    struct static_entry *stale; /* what the cache had, or NULL; a reference */
    chatd_req *waiting;
    size_t n_waiting, room;
    UT_hash_handle hh;

    char path[STATIC_PATH_MAX]; /* also read by run(); constant */
};

static const struct static_config *config(const chatd_plugin *self)
{
    return self->config;
}

static void count(chatd_plugin *self, enum static_outcome outcome)
{
    const struct static_state *state = self->data;

    chatd_metric_add(self, state->requests, (int)outcome, 1);
}

static void reply_not_found(chatd_plugin *self, chatd_req req)
{
    count(self, STATIC_NOT_FOUND);
    (void)chatd_reply_error(self, req, 404, "not_found", "There is nothing here.", 0);
}

static void reply_unavailable(chatd_plugin *self, chatd_req req)
{
    count(self, STATIC_UNAVAILABLE);
    (void)chatd_reply_error(self, req, 503, "unavailable", "The file cannot be read right now.",
                            RETRY_MS);
}

/* HTML names the other files, so a browser asks for it each time and a new client is seen. It asks for
 * those too unless the operator says that their names change with their content: after an upgrade
 * old modules must not run beside new ones. */
static void cache_control(const chatd_plugin *self, int is_html, char *out, size_t out_size)
{
    int64_t max_age_s = config(self)->max_age_ms / 1000;

    if (is_html || max_age_s == 0)
        (void)snprintf(out, out_size, "no-cache");
    else
        (void)snprintf(out, out_size, "public, max-age=%" PRId64, max_age_s);
}

/* What an answer says besides its type and length; the core copies the rows. */
struct head {
    struct chatd_header row[8];
    uint32_t n;
};

static void add(struct head *head, const char *name, const char *value)
{
    head->row[head->n++] = (struct chatd_header){name, value};
}

/* Together with what the core puts on every answer: nosniff, no Referer, same origin only. */
static void add_html(struct head *head)
{
    add(head, "Content-Security-Policy", policy);
    add(head, "Cross-Origin-Opener-Policy", "same-origin");
    add(head, "Permissions-Policy", "camera=(), microphone=(), geolocation=()");
}

static int wants_gzip(chatd_plugin *self, chatd_req req)
{
    chatd_str accepted;

    return chatd_req_header(self, req, "Accept-Encoding", &accepted) == CHATD_OK &&
           static_accepts_gzip(accepted);
}

/* Adds what depends on the form, and returns the one to send. */
static const struct static_form *choose_form(chatd_plugin *self, chatd_req req,
                                             const struct static_file *file, struct head *head)
{
    if (!config(self)->compress || file->gzip.bytes == NULL)
        return &file->plain;
    add(head, "Vary", "Accept-Encoding");
    if (!wants_gzip(self, req))
        return &file->plain;
    add(head, "Content-Encoding", "gzip");
    return &file->gzip;
}

static int is_known(chatd_plugin *self, chatd_req req, const char *etag)
{
    chatd_str wanted;

    return chatd_req_header(self, req, "If-None-Match", &wanted) == CHATD_OK &&
           static_etag_matches(wanted, etag);
}

static void reply_file(chatd_plugin *self, chatd_req req, const struct static_entry *entry)
{
    int is_html = static_type_is_html(entry->type);
    struct head head = {.n = 0};
    const struct static_form *form = choose_form(self, req, &entry->file, &head);
    char control[48];
    struct chatd_reply reply = {
        .size = sizeof(reply),
        .status = 200,
        .content_type = entry->type,
        .body = {form->bytes, form->n},
        .headers = head.row,
        .header_stride = sizeof(head.row[0]),
    };

    cache_control(self, is_html, control, sizeof(control));
    add(&head, "ETag", form->etag);
    add(&head, "Cache-Control", control);
    if (is_html)
        add_html(&head);
    if (is_known(self, req, form->etag)) {
        reply.status = 304;
        reply.body = CHATD_STR("");
    }
    reply.n_headers = head.n;
    count(self, reply.status == 304 ? STATIC_NOT_MODIFIED : STATIC_SERVED);
    (void)chatd_reply(self, req, &reply);
}

/* [pool] */
static int load_run(void *arg)
{
    struct static_load *load = arg;
    int rc = static_file_read(load->root, load->path, load->file_max,
                              load->has_known ? &load->known : NULL, &load->file, &load->error);

    if (rc == CHATD_OK && load->compress && static_path_is_text(load->path))
        static_file_compress(&load->file);
    return rc;
}

/* Puts what was read into the cache. The entry, with a reference, or NULL without memory. */
static struct static_entry *load_store(chatd_plugin *self, struct static_load *load)
{
    struct static_state *state = self->data;
    struct static_entry *entry = static_entry_new(load->path, &load->file, chatd_mono_ms(self));

    if (entry == NULL)
        return NULL;
    entry->is_tried = load->compress;
    static_cache_put(&state->cache, entry, config(self)->cache_max);
    return entry;
}

/* What all who wait are served, as a reference, or NULL: then *missing_out tells 404 from 503.
 * After CHATD_E_TIMEOUT run() may still be at work, so what it writes is not looked at. */
static struct static_entry *load_result(chatd_plugin *self, int rc, struct static_load *load,
                                        int *missing_out)
{
    struct static_state *state = self->data;

    *missing_out = 0;
    switch (rc) {
    case CHATD_OK:
        return load_store(self, load);
    case STATIC_UNCHANGED:
        load->stale->checked_ms = chatd_mono_ms(self);
        return static_entry_ref(load->stale);
    case CHATD_E_INVAL:
        chatd_log(self, CHATD_LOG_WARN,
                  "%s is larger than file_max (%" PRId64 " bytes) and is not served", load->path,
                  load->file_max);
        *missing_out = 1;
        break;
    case CHATD_E_NOTFOUND:
        *missing_out = 1;
        break;
    case CHATD_E_BACKEND:
        chatd_log(self, CHATD_LOG_ERROR, "%s/%s cannot be read: %s", load->root, load->path,
                  strerror(load->error));
        break;
    case CHATD_E_TIMEOUT:
        chatd_log(self, CHATD_LOG_WARN, "the disk did not give %s within %u ms", load->path,
                  DEADLINE_MS);
        break;
    default: /* CHATD_E_CANCELLED */
        break;
    }
    if (*missing_out)
        static_cache_drop(&state->cache, load->path);
    else if (load->stale != NULL)
        return static_entry_ref(load->stale); /* better an old page than none */
    return NULL;
}

/* [loop] */
static void load_done(chatd_plugin *self, int rc, void *arg)
{
    struct static_load *load = arg;
    struct static_state *state = self->data;
    int is_missing;
    struct static_entry *entry = load_result(self, rc, load, &is_missing);
    size_t i;

    HASH_DEL(state->loads, load);
    for (i = 0; i < load->n_waiting; i++) {
        if (entry != NULL)
            reply_file(self, load->waiting[i], entry);
        else if (is_missing)
            reply_not_found(self, load->waiting[i]);
        else
            reply_unavailable(self, load->waiting[i]);
    }
    static_entry_unref(&entry);
}

/* [loop] Both run() and load_done() are over. */
static void load_release(void *arg)
{
    struct static_load *load = arg;

    static_entry_unref(&load->stale);
    free(load->root);
    static_file_deinit(&load->file);
    free(load->waiting);
    free(load);
}

/* Adds a request to those that wait. Their number is bounded by the core's cap on connections. */
static int load_wait(struct static_load *load, chatd_req req)
{
    if (load->n_waiting == load->room) {
        size_t room = load->room > 0 ? load->room * 2 : 4;
        chatd_req *waiting = realloc(load->waiting, room * sizeof(*waiting));

        if (waiting == NULL)
            return CHATD_E_BUSY;
        load->waiting = waiting;
        load->room = room;
    }
    load->waiting[load->n_waiting++] = req;
    return CHATD_OK;
}

/* Starts a look at the disk for a request. CHATD_E_BUSY: there is no room for it. */
static int load_start(chatd_plugin *self, chatd_req req, const char *path,
                      struct static_entry *stale)
{
    struct static_state *state = self->data;
    struct static_load *load = calloc(1, sizeof(*load));
    struct chatd_job job = {
        .size = sizeof(job),
        .queue = CHATD_JOB_IO,
        .deadline_ms = DEADLINE_MS,
        .run = load_run,
        .done = load_done,
        .release = load_release,
        .arg = load,
    };
    int rc;

    if (load == NULL)
        return CHATD_E_BUSY;
    memcpy(load->path, path, strlen(path) + 1);
    load->root = strdup(state->root);
    load->file_max = config(self)->file_max;
    load->compress = config(self)->compress;
    if (stale != NULL) {
        load->stale = static_entry_ref(stale);
        load->known = stale->file.id;
        load->has_known = stale->is_tried || !load->compress; /* else compress was turned on */
    }
    rc = load->root != NULL ? load_wait(load, req) : CHATD_E_BUSY;
    if (rc == CHATD_OK)
        rc = chatd_job(self, &job);
    if (rc < 0) {
        load_release(load);
        return rc;
    }
    HASH_ADD_STR(state->loads, path, load);
    return CHATD_OK;
}

void static_serve(chatd_plugin *self, chatd_req req, chatd_str path)
{
    struct static_state *state = self->data;
    struct static_entry *entry;
    struct static_load *load;
    char name[STATIC_PATH_MAX];
    int rc;

    if (static_path_normal(path, name, sizeof(name)) < 0) {
        reply_not_found(self, req);
        return;
    }
    entry = static_cache_find(&state->cache, name);
    if (entry != NULL && chatd_mono_ms(self) - entry->checked_ms < FRESH_MS) {
        reply_file(self, req, entry);
        return;
    }
    HASH_FIND_STR(state->loads, name, load);
    rc = load != NULL ? load_wait(load, req) : load_start(self, req, name, entry);
    if (rc == CHATD_OK)
        return;
    if (entry != NULL)
        reply_file(self, req, entry); /* the queue is full: better an old page than none */
    else
        reply_unavailable(self, req);
}
