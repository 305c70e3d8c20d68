/* SPDX-License-Identifier: MIT */
/* Key, type, default, bounds and help of every option of [chatd]. */
#include "config/core_options.h"

#include "base/cidr.h"
#include "base/hostport.h"
#include "base/mem.h"
#include "base/num.h"

#include <stddef.h>
#include <string.h>

#define AT(member) .offset = offsetof(struct core_options, member)

static const char *const log_formats[] = {"text", "json", NULL};
static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const metrics_choices[] = {"off", "local", "on", NULL};

const struct chatd_cfg_field core_option_rows[] = {
    {.key = "listen",
     .type = CHATD_CFG_STR,
     AT(listen),
     .def = "0.0.0.0:8080",
     .min = 1,
     .max = 255,
     .help = "address and port: 0.0.0.0:8080, [::]:8080, 127.0.0.1:0 (0: any free port)"},
    {.key = "workers",
     .type = CHATD_CFG_STR,
     AT(workers_text),
     .def = "auto",
     .min = 1,
     .max = 8,
     .help =
         "processes that serve: auto (as many as this machine or container has CPUs), 1 to 64, or "
         "0: all in one process"},
    {.key = "plugin_dir",
     .type = CHATD_CFG_PATH,
     AT(plugin_dir),
     .help = "where NAME.so is looked for; unset: ../lib/chatd beside the binary"},
    {.key = "allowed_origins",
     .type = CHATD_CFG_LIST,
     AT(allowed_origins),
     .help = "origins other than the server's own that browsers may come from, "
             "like https://chat.example; * allows all"},
    {.key = "cors_origins",
     .type = CHATD_CFG_LIST,
     AT(cors_origins),
     .help = "origins whose pages may also read what the server answers, with the user's login "
             "(CORS), like https://app.example; each is one of allowed_origins as well"},
    {.key = "trusted_proxies",
     .type = CHATD_CFG_LIST,
     AT(trusted_proxies),
     .flags = CHATD_CFG_RELOADABLE,
     .help = "addresses and networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are "
             "believed, like 10.0.0.0/8; private: all private and local networks"},
    {.key = "log_format",
     .type = CHATD_CFG_ENUM,
     AT(log_format),
     .flags = CHATD_CFG_RELOADABLE,
     .def = "text",
     .choices = log_formats,
     .help = "text or JSON lines, to stderr"},
    {.key = "log_level",
     .type = CHATD_CFG_ENUM,
     AT(log_level),
     .flags = CHATD_CFG_RELOADABLE,
     .def = "info",
     .choices = log_levels,
     .help = "the least level that is written"},
    {.key = "metrics",
     .type = CHATD_CFG_ENUM,
     AT(metrics),
     .flags = CHATD_CFG_RELOADABLE,
     .def = "local",
     .choices = metrics_choices,
     .help = "who may read /metrics: nobody, requests from this machine, everybody"},
    {.key = "max_connections",
     .type = CHATD_CFG_INT,
     AT(max_connections),
     .def = "10000",
     .min = 1,
     .max = 1000000,
     .help = "WebSocket connections; more are answered 503"},
    {.key = "max_http_connections",
     .type = CHATD_CFG_INT,
     AT(max_http_connections),
     .def = "2000",
     .min = 1,
     .max = 1000000,
     .help = "connections that speak HTTP at one time, of each worker; for a newer one the one "
             "waited for longest is closed"},
    {.key = "max_connections_per_address",
     .type = CHATD_CFG_INT,
     AT(max_connections_per_address),
     .flags = CHATD_CFG_RELOADABLE,
     .def = "1000",
     .min = 0,
     .max = 1000000,
     .help = "WebSocket connections of one client address on one worker, and as many that speak "
             "HTTP; more are answered 429; 0: any number; private addresses are not counted"},
    {.key = "message_max",
     .type = CHATD_CFG_SIZE,
     AT(message_max),
     .def = "64k",
     .min = 1024,
     .max = 16777216,
     .help = "a WebSocket message; a larger one closes with 1009"},
    {.key = "queue_soft",
     .type = CHATD_CFG_SIZE,
     AT(queue_soft),
     .def = "256k",
     .min = 4096,
     .max = 1073741824,
     .help = "waiting for one connection: above it, ephemeral frames are dropped"},
    {.key = "queue_hard",
     .type = CHATD_CFG_SIZE,
     AT(queue_hard),
     .def = "1m",
     .min = 8192,
     .max = 1073741824,
     .help =
         "waiting for one connection: above it, it is closed with 4001, or skips messages and is told"},
    {.key = "unsent_max",
     .type = CHATD_CFG_SIZE,
     AT(unsent_max),
     .def = "128k",
     .min = 16384,
     .max = 1073741824,
     .help =
         "given to the kernel for one connection before its peer has room for it; the rest is queued"},
    {.key = "io_uring",
     .type = CHATD_CFG_BOOL,
     AT(io_uring),
     .def = "on",
     .help =
         "messages go to the members of a room in one call of the kernel, where it allows that"},
    {.key = "deflate",
     .type = CHATD_CFG_BOOL,
     AT(deflate),
     .def = "on",
     .help = "permessage-deflate for clients that offer it: messages are compressed, both ways"},
    {.key = "deflate_min",
     .type = CHATD_CFG_SIZE,
     AT(deflate_min),
     .def = "256",
     .min = 0,
     .max = 1048576,
     .help = "a shorter message goes as it is"},
    {.key = "deflate_level",
     .type = CHATD_CFG_INT,
     AT(deflate_level),
     .def = "3",
     .min = 1,
     .max = 9,
     .help = "how hard to compress: 1 is fastest, 9 smallest"},
    {.key = "write_timeout",
     .type = CHATD_CFG_DURATION,
     AT(write_timeout),
     .def = "30s",
     .min = 1000,
     .max = 3600000,
     .help = "no progress in writing for so long closes with 4001; an HTTP client that takes less "
             "than 32k of an answer in it is closed too"},
    {.key = "ping_interval",
     .type = CHATD_CFG_DURATION,
     AT(ping_interval),
     .def = "25s",
     .min = 1000,
     .max = 3600000,
     .help = "silence after which a ping is sent"},
    {.key = "pong_timeout",
     .type = CHATD_CFG_DURATION,
     AT(pong_timeout),
     .def = "10s",
     .min = 1000,
     .max = 3600000,
     .help = "no answer to a ping for so long closes with 4002"},
    {.key = "close_timeout",
     .type = CHATD_CFG_DURATION,
     AT(close_timeout),
     .def = "5s",
     .min = 1000,
     .max = 60000,
     .help = "wait for the other side's close frame"},
    {.key = "http_head_max",
     .type = CHATD_CFG_SIZE,
     AT(http_head_max),
     .def = "16k",
     .min = 1024,
     .max = 1048576,
     .help = "request line and headers; more is answered 431"},
    {.key = "http_body_max",
     .type = CHATD_CFG_SIZE,
     AT(http_body_max),
     .def = "1m",
     .min = 1024,
     .max = 67108864,
     .help = "a body, or less where its route or all routes take less; more is answered 413"},
    {.key = "http_head_timeout",
     .type = CHATD_CFG_DURATION,
     AT(http_head_timeout),
     .def = "10s",
     .min = 100,
     .max = 600000,
     .help = "from a request's first byte to the end of its head"},
    {.key = "http_body_timeout",
     .type = CHATD_CFG_DURATION,
     AT(http_body_timeout),
     .def = "30s",
     .min = 100,
     .max = 600000,
     .help = "from the end of the head to the end of the body"},
    {.key = "http_idle_timeout",
     .type = CHATD_CFG_DURATION,
     AT(http_idle_timeout),
     .def = "60s",
     .min = 100,
     .max = 600000,
     .help = "an HTTP connection without a request is closed after it"},
    {.key = "http_timeout",
     .type = CHATD_CFG_DURATION,
     AT(http_timeout),
     .def = "30s",
     .min = 100,
     .max = 600000,
     .help = "a request that a plugin does not answer in time is answered 504"},
    {.key = "start_time",
     .type = CHATD_CFG_DURATION,
     AT(start_time),
     .def = "30s",
     .min = 1000,
     .max = 600000,
     .help =
         "how long a worker may take until it serves; in a roll it waits so long for its store"},
    {.key = "stop_time",
     .type = CHATD_CFG_DURATION,
     AT(stop_time),
     .def = "10s",
     .min = 0,
     .max = 600000,
     .help = "at a stop: the server is gone after it; clients have half of it, plugins the rest"},
    {.key = "roll_time",
     .type = CHATD_CFG_DURATION,
     AT(roll_time),
     .def = "30s",
     .min = 0,
     .max = 3600000,
     .flags = CHATD_CFG_RELOADABLE,
     .help = "in a roll: the old workers' clients are asked to come back spread over it"},
    {.key = "hang_limit",
     .type = CHATD_CFG_DURATION,
     AT(hang_limit),
     .def = "10s",
     .min = 0,
     .max = 3600000,
     .flags = CHATD_CFG_RELOADABLE,
     .help =
         "a worker that a plugin keeps busy longer in one call is killed and replaced; 0: never"},
    {.key = "bus_queue",
     .type = CHATD_CFG_SIZE,
     AT(bus_queue),
     .def = "8m",
     .min = 131072,
     .max = 1073741824,
     .help = "waiting between workers: above it a worker misses messages of the bus, and is told"},
    {.key = "user",
     .type = CHATD_CFG_STR,
     AT(user),
     .min = 1,
     .max = 64,
     .help = "started by root: the user to become once the port is bound"},
    {.key = "runtime_dir",
     .type = CHATD_CFG_PATH,
     AT(runtime_dir),
     .help = "a folder for chatd.pid, made when it is missing; unset: no such file"},
    {.key = "core_dumps",
     .type = CHATD_CFG_BOOL,
     AT(core_dumps),
     .def = "off",
     .help =
         "a crash may leave a core file, and the user chatd runs as may attach a debugger: both "
         "show keys, passwords and messages"},
    {.key = "slow_hook",
     .type = CHATD_CFG_DURATION,
     AT(slow_hook),
     .flags = CHATD_CFG_RELOADABLE,
     .def = "50ms",
     .min = 1,
     .max = 60000,
     .help = "a handler that holds the loop longer is named in the log"},
    {.key = "cpu_threads",
     .type = CHATD_CFG_INT,
     AT(cpu_threads),
     .def = "2",
     .min = 1,
     .max = 16,
     .help = "threads for password hashes and the like"},
    {.key = "job_queue_max",
     .type = CHATD_CFG_INT,
     AT(job_queue_max),
     .def = "256",
     .min = 1,
     .max = 100000,
     .help = "jobs that may wait for a thread, per queue"},
    {.key = "verb_rate",
     .type = CHATD_CFG_INT,
     AT(verb_rate),
     .flags = CHATD_CFG_RELOADABLE,
     .def = "50",
     .min = 0,
     .max = 100000,
     .help = "chatd.v1 messages a second of one connection, twice that at once; 0: any number"},
    {.key = "frame_rate",
     .type = CHATD_CFG_INT,
     AT(frame_rate),
     .flags = CHATD_CFG_RELOADABLE,
     .def = "1000",
     .min = 0,
     .max = 1000000,
     .help = "WebSocket frames a second of one connection, twice that at once; more close with "
             "4003; 0: any number"},
    {.key = NULL},
};

/* What the table of options cannot say. */
static void tell(struct config *config, const char *key, struct config_report *rep, int severity,
                 char *text)
{
    char *line = mem_printf("%s: %s", config_origin(config, "chatd", key), text);

    if (rep->line != NULL)
        rep->line(rep->arg, severity, line);
    rep->errors += severity == CONFIG_ERROR;
    rep->warnings += severity == CONFIG_WARNING;
    mem_free(line);
    mem_free(text);
}

static void complain(struct config *config, const char *key, struct config_report *rep, char *text)
{
    tell(config, key, rep, CONFIG_ERROR, text);
}

/* The words themselves stay: who uses them parses them again (http_trust). */
static void check_proxies(struct config *config, const struct core_options *opt,
                          struct config_report *rep)
{
    const char *const *word = opt->trusted_proxies;

    for (; word != NULL && *word != NULL; word++) {
        struct cidr_list list = {0};
        char *error = cidr_list_add(&list, *word);

        if (error != NULL)
            complain(config, "trusted_proxies", rep,
                     mem_printf("[chatd] trusted_proxies: %s", error));
        else if (list.n == 1 && cidr_is_all(&list.row[0]))
            tell(config, "trusted_proxies", rep, CONFIG_WARNING,
                 mem_printf("[chatd] trusted_proxies: %s trusts everybody: any client may say that "
                            "it is any other",
                            *word));
        mem_free(error);
        cidr_list_deinit(&list);
    }
}

/* scheme://host or scheme://host:port, as a browser writes it (RFC 6454, 6.2). */
static bool is_origin(const char *word)
{
    size_t scheme = strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789+.-"), host;

    if (scheme == 0 || strncmp(word + scheme, "://", 3) != 0)
        return false;
    word += scheme + 3;
    host = strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789.:[]_-");
    return host > 0 && word[host] == '\0';
}

/* Of all pages of the world none may read with a user's login; null is no page one could name. */
static void check_cors(struct config *config, const struct core_options *opt,
                       struct config_report *rep)
{
    const char *const *word = opt->cors_origins;

    for (; word != NULL && *word != NULL; word++) {
        if (!is_origin(*word))
            complain(
                config, "cors_origins", rep,
                mem_printf("[chatd] cors_origins: %s is not an origin; write each one out, like "
                           "https://app.example, in lower case and without a path",
                           *word));
    }
}

/* False: it is no number of workers. */
static bool read_workers(struct core_options *opt)
{
    uint64_t n = 0;

    if (strcmp(opt->workers_text, "auto") == 0) {
        opt->workers = CORE_WORKERS_AUTO;
        return true;
    }
    if (!num_parse_u64(opt->workers_text, strlen(opt->workers_text), &n) || n > CORE_WORKERS_MAX)
        return false;
    opt->workers = (int)n;
    return true;
}

void core_options_read(struct config *config, struct core_options *opt, struct config_report *rep)
{
    static const char *const standard[] = {"auth", "rooms", "history-sqlite", "typing", "static"};
    struct config_item item;
    char *host = NULL, *port = NULL;
    size_t i;

    config_fill(config, "chatd", core_option_rows, sizeof(core_option_rows[0]), opt, sizeof(*opt),
                rep);
    if (!read_workers(opt))
        complain(
            config, "workers", rep,
            mem_printf("[chatd] workers = %s is not a number of workers; write auto, or 0 to %d",
                       opt->workers_text, CORE_WORKERS_MAX));
    if (!hostport_split(opt->listen, &host, &port))
        complain(config, "listen", rep,
                 mem_printf("[chatd] listen = %s is not an address; write like 0.0.0.0:8080 or "
                            "[::]:8080",
                            opt->listen));
    mem_free(host);
    mem_free(port);
    check_proxies(config, opt, rep);
    check_cors(config, opt, rep);
    /* Without an INI that says otherwise, everything that needs no other service. */
    if (config_items(config, "plugins", &item, 0) == 0) {
        for (i = 0; i < sizeof(standard) / sizeof(standard[0]); i++)
            config_set_default(config, "plugins", standard[i], "on");
    }
}
