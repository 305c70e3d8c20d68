/* SPDX-License-Identifier: MIT */
/* Answers GET /hello with a configured greeting and logs every WebSocket that opens. */
#include <chatd/chatd.h>
#include <string.h>

struct hello_config {
    const char *greeting;
};

static const struct chatd_cfg_field fields[] = {
    {.key = "greeting",
     .type = CHATD_CFG_STR,
     .def = "Hello from chatd",
     .min = 1,
     .max = 200,
     .offset = offsetof(struct hello_config, greeting),
     .help = "what GET /hello answers"},
    {.key = NULL},
};

static void greet(chatd_plugin *self, chatd_req req)
{
    const struct hello_config *cfg = self->config;
    struct chatd_reply reply = {
        .size = sizeof(reply),
        .status = 200,
        .content_type = "text/plain; charset=utf-8",
        .header_stride = sizeof(struct chatd_header),
    };

    reply.body.p = cfg->greeting;
    reply.body.n = strlen(cfg->greeting);
    /* The only failure is that the client left, and then nobody is there to be told. */
    (void)chatd_reply(self, req, &reply);
}

static void connected(chatd_plugin *self, const struct chatd_ev_connected *ev)
{
    chatd_log_conn(self, CHATD_LOG_INFO, ev->ev.conn, "hello, %s on %s", ev->user.p, ev->path.p);
}

static int init(chatd_plugin *self)
{
    static const struct chatd_route_def route = {
        .size = sizeof(route),
        .method = "GET",
        .pattern = "/hello",
        .handle = greet,
    };
    int rc = chatd_route(self, &route);

    return rc < 0 ? rc : chatd_on_connected(self, connected);
}

CHATD_PLUGIN(.name = "hello", .version = "1.0", .license = "MIT", .config = fields,
             .config_size = sizeof(struct hello_config), .init = init);
