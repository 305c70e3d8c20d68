/* SPDX-License-Identifier: MIT */
/* Options, life, metrics, and what is left of the core's table. */
#include "probe.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) .offset = offsetof(struct probe_config, member)

static const char *const colours[] = {"red", "green", "blue", NULL};

static const struct chatd_cfg_field fields[] = {
    {.key = "word",
     .type = CHATD_CFG_STR,
     .flags = CHATD_CFG_RELOADABLE,
     AT(word),
     .def = "first",
     .min = 1,
     .max = 9,
     .help = "a word"},
    {.key = "number",
     .type = CHATD_CFG_INT,
     AT(number),
     .def = "7",
     .min = -9,
     .max = 99,
     .help = "a number"},
    {.key = "is_on", .type = CHATD_CFG_BOOL, AT(is_on), .def = "off", .help = "on or off"},
    {.key = "bytes", .type = CHATD_CFG_SIZE, AT(bytes), .def = "2k", .help = "a size"},
    {.key = "span", .type = CHATD_CFG_DURATION, AT(span_ms), .def = "3s", .help = "a time"},
    {.key = "colour",
     .type = CHATD_CFG_ENUM,
     AT(colour),
     .def = "green",
     .choices = colours,
     .help = "one of three"},
    {.key = "list", .type = CHATD_CFG_LIST, AT(list), .def = "a, b", .help = "words"},
    {.key = "path", .type = CHATD_CFG_PATH, AT(path), .def = "/nowhere", .help = "a path"},
    {.key = "secret", .type = CHATD_CFG_SECRET, AT(secret), .def = "hidden", .help = "a secret"},
#if CHATD_ABI_MINOR >= 2
    {.key = "from_env",
     .type = CHATD_CFG_STR,
     AT(from_env),
     .def = "not set",
     .help = "what a variable has",
#if CHATD_ABI_MIN_MINOR >= 2 /* as cancel() below */
     .env = "PROBE_FROM_ENV_" TEXT(CHATD_ABI_MINOR)
#endif
    },
#endif
    {.key = NULL},
};

int probe_counter, probe_gauge, probe_histogram;

/* --- texts ------------------------------------------------------------------------------------------------------- */

void text_add(struct text *text, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text->p + text->n, sizeof(text->p) - text->n, fmt, ap);
    va_end(ap);
    if (n > 0 && text->n + (size_t)n < sizeof(text->p))
        text->n += (size_t)n;
}

void text_reply(chatd_plugin *self, chatd_req req, const struct text *text)
{
    (void)chatd_reply_json(self, req, 200, (chatd_str){text->p, text->n});
}

const char *text_plain(chatd_str s)
{
    static char kept[4][256];
    static unsigned turn;
    char *p = kept[turn++ % 4];
    size_t i;

    for (i = 0; i < s.n && i < sizeof(kept[0]) - 1; i++)
        p[i] = (char)(s.p[i] < ' ' || s.p[i] == '"' || s.p[i] == '\\' ? '?' : s.p[i]);
    p[i] = '\0';
    return p;
}

int is_text(chatd_str s, const char *text)
{
    return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

int begins(chatd_str s, const char *text)
{
    return s.n >= strlen(text) && memcmp(s.p, text, strlen(text)) == 0;
}

/* --- what was seen ----------------------------------------------------------------------------------------------- */

static struct {
    const char *what;
    unsigned n;
} counts[64];

void seen(const char *what)
{
    size_t i = 0;

    while (i < sizeof(counts) / sizeof(counts[0]) && counts[i].what != NULL &&
           strcmp(counts[i].what, what) != 0)
        i++;
    if (i == sizeof(counts) / sizeof(counts[0]))
        abort(); /* the table is too small */
    counts[i].what = what;
    counts[i].n++;
}

static void tell_seen(chatd_plugin *self, chatd_req req)
{
    struct text text = {0};
    size_t i;

    text_add(&text, "{\"minor\":%d", CHATD_ABI_MINOR);
    for (i = 0; i < sizeof(counts) / sizeof(counts[0]) && counts[i].what != NULL; i++)
        text_add(&text, ",\"%s\":%u", counts[i].what, counts[i].n);
    text_add(&text, "}");
    text_reply(self, req, &text);
}

/* --- routes about the rest --------------------------------------------------------------------------------------- */

int probe_get(chatd_plugin *self, const char *pattern, uint32_t flags,
              void (*handle)(chatd_plugin *self, chatd_req req))
{
    const struct chatd_route_def route = {
        .size = sizeof(route),
        .flags = flags,
        .method = "GET",
        .pattern = pattern,
        .handle = handle,
    };

    return chatd_route(self, &route);
}

static void tell_options(chatd_plugin *self, chatd_req req)
{
    const struct probe_config *c = self->config;
    struct text text = {0};
    size_t i;

    text_add(&text, "{\"word\":\"%s\",\"number\":%" PRId64 ",\"is_on\":%" PRId32, c->word,
             c->number, c->is_on);
    text_add(&text, ",\"bytes\":%" PRId64 ",\"span\":%" PRId64 ",\"colour\":\"%s\"", c->bytes,
             c->span_ms, colours[c->colour]);
    text_add(&text, ",\"path\":\"%s\",\"secret\":\"%s\",\"list\":[", c->path, c->secret);
    for (i = 0; c->list[i] != NULL; i++)
        text_add(&text, "%s\"%s\"", i > 0 ? "," : "", c->list[i]);
    text_add(&text, "]");
#if CHATD_ABI_MINOR >= 2
    text_add(&text, ",\"from_env\":\"%s\"", c->from_env);
#endif
    text_add(&text, "}");
    text_reply(self, req, &text);
}

static void tell_core(chatd_plugin *self, chatd_req req)
{
    struct text text = {0};
    unsigned char drawn[2][16];
    char *block = chatd_alloc(self, 1000);
    chatd_str instance = chatd_instance(self);

    if (block != NULL)
        memset(block, 1, 1000);
    chatd_free(self, block);
    chatd_free(self, NULL);
    chatd_random(self, drawn[0], sizeof(drawn[0]));
    chatd_random(self, drawn[1], sizeof(drawn[1]));
    text_add(&text, "{\"abi\":\"%u.%u\",\"bytes\":%u", self->core->abi_major, self->core->abi_minor,
             self->core->size);
    text_add(&text, ",\"wall\":%" PRId64 ",\"mono\":%" PRId64, chatd_wall_ms(self),
             chatd_mono_ms(self));
    text_add(&text, ",\"differ\":%d,\"instance\":\"%s\"", memcmp(drawn[0], drawn[1], 16) != 0,
             text_plain(instance));
    text_add(&text, ",\"hooked\":%d,\"unknown\":%d", chatd_hooked(self, CHATD_EV_message),
             chatd_hooked(self, 999));
#if CHATD_ABI_MINOR >= 2
    text_add(&text, ",\"limit\":%d", chatd_limit(self, NAME ".max", 43));
#endif
#if CHATD_ABI_MINOR >= 3
    text_add(&text, ",\"pid\":%" PRId32, chatd_server_pid(self));
#endif
    text_add(&text, "}");
    text_reply(self, req, &text);
}

/* ?state=0|1|2 */
static void set_ready(chatd_plugin *self, chatd_req req)
{
    chatd_str state = CHATD_STR("0");

    (void)chatd_req_query(self, req, "state", &state);
    chatd_ready(self, (enum chatd_ready)(state.p[0] - '0'), NAME " was told so");
    (void)chatd_reply_json(self, req, 200, CHATD_STR("{}"));
}

static void count(chatd_plugin *self, chatd_req req)
{
    chatd_metric_add(self, probe_counter, 1, 3);
    chatd_metric_add(self, probe_counter, 9, 3); /* there is no such row */
    chatd_metric_set(self, probe_gauge, 0, 5);
    chatd_metric_observe(self, probe_histogram, 0, 0.25);
    (void)chatd_reply_json(self, req, 200, CHATD_STR("{}"));
}

static int metrics_init(chatd_plugin *self)
{
    static const char *const values[] = {"one", "two", NULL};
    static const struct chatd_metric_def defs[] = {
        {.size = sizeof(defs[0]),
         .kind = CHATD_COUNTER,
         .name = "things_total",
         .help = "things",
         .label = "kind",
         .values = values},
        {.size = sizeof(defs[0]), .kind = CHATD_GAUGE, .name = "level", .help = "a level"},
        {.size = sizeof(defs[0]), .kind = CHATD_HISTOGRAM, .name = "seconds", .help = "a time"},
    };
    int rc = chatd_metric(self, &defs[0], &probe_counter);

    if (rc == CHATD_OK)
        rc = chatd_metric(self, &defs[1], &probe_gauge);
    return rc < 0 ? rc : chatd_metric(self, &defs[2], &probe_histogram);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static int init(chatd_plugin *self)
{
    int (*const part[])(chatd_plugin *) = {metrics_init, http_init,     ws_init,   events_init,
                                           tasks_init,   services_init, rooms_init};
    int rc = chatd_feature(self, NAME);
    size_t i;

    for (i = 0; rc == CHATD_OK && i < sizeof(part) / sizeof(part[0]); i++)
        rc = part[i](self);
#if CHATD_ABI_MINOR >= 2
    if (rc == CHATD_OK) {
        int limit_rc = chatd_limit(self, NAME ".max", 42);

        rc = limit_rc == CHATD_E_ABI ? CHATD_OK : limit_rc; /* an older core has no limits */
    }
#endif
    if (rc == CHATD_OK)
        rc = probe_get(self, "/" NAME "/seen", 0, tell_seen);
    if (rc == CHATD_OK)
        rc = probe_get(self, "/" NAME "/options", 0, tell_options);
    if (rc == CHATD_OK)
        rc = probe_get(self, "/" NAME "/core", 0, tell_core);
    if (rc == CHATD_OK)
        rc = probe_get(self, "/" NAME "/ready", 0, set_ready);
    if (rc == CHATD_OK)
        rc = probe_get(self, "/" NAME "/count", 0, count);
    if (rc < 0)
        chatd_log(self, CHATD_LOG_ERROR, "a part of init failed (%d)", rc);
    return rc;
}

static int start(chatd_plugin *self)
{
    chatd_log(self, CHATD_LOG_INFO, "start");
    self->data = malloc(1); /* a leak shows that stop() was not called */
    return ws_start(self);
}

static void drain(chatd_plugin *self)
{
    chatd_log(self, CHATD_LOG_INFO, "drain");
}

static void stop(chatd_plugin *self)
{
    chatd_log(self, CHATD_LOG_INFO, "stop");
    free(self->data);
    self->data = NULL;
}

static int reload(chatd_plugin *self, const void *fresh)
{
    const struct probe_config *now = self->config, *later = fresh;

    if (strcmp(later->word, "bad") == 0)
        return CHATD_E_INVAL;
    chatd_log(self, CHATD_LOG_INFO, "reload: %s becomes %s", now->word, later->word);
    return CHATD_OK;
}

/* A core of 0.1 refuses a descriptor whose end it does not know, unless it is zero. */
#if CHATD_ABI_MINOR >= 2 && (CHATD_ABI_MIN_MINOR >= 2 || defined(PROBE_CANCEL))
static void cancel(chatd_plugin *self)
{
    chatd_log(self, CHATD_LOG_INFO, "cancel");
}
#define AND_CANCEL , .cancel = cancel
#else
#define AND_CANCEL
#endif

CHATD_PLUGIN(.name = NAME, .version = TEXT(CHATD_ABI_MAJOR) "." TEXT(CHATD_ABI_MINOR),
             .license = "MIT", .config = fields, .config_size = sizeof(struct probe_config),
             .needs = probe_needs, .init = init, .start = start, .drain = drain, .stop = stop,
             .reload = reload AND_CANCEL);
