/* SPDX-License-Identifier: MIT */
/* Rogue plugin: lets every message wait and never resumes it. */
#include <chatd/chatd.h>

struct wait_config {
    int64_t deadline_ms;
};

static const struct chatd_cfg_field fields[] = {
    {.key = "deadline",
     .type = CHATD_CFG_DURATION,
     .def = "60s",
     .min = 1,
     .max = 60000,
     .offset = offsetof(struct wait_config, deadline_ms),
     .help = "how long the wait may take; the message is denied then"},
    {.key = NULL},
};

static void gone(chatd_plugin *self, void *arg)
{
    chatd_log(self, CHATD_LOG_INFO, "wait-gone: gone was called, arg %s",
              arg == self ? "as given" : "wrong");
}

static enum chatd_verdict check(chatd_plugin *self, struct chatd_ev_message *msg)
{
    const struct wait_config *cfg = self->config;
    chatd_wait wait = {0};
    int rc = chatd_ev_wait(self, &msg->ev, (uint32_t)cfg->deadline_ms, gone, self, &wait);

    chatd_log_conn(self, CHATD_LOG_INFO, msg->ev.conn, "wait-gone: waiting rc=%d", rc);
    return rc < 0 ? CHATD_NEXT : CHATD_WAIT;
}

static int init(chatd_plugin *self)
{
    return chatd_on_message(self, CHATD_CHECK, check);
}

CHATD_PLUGIN(.name = "wait-gone", .version = "1.0", .license = "MIT", .config = fields,
             .config_size = sizeof(struct wait_config), .init = init);
