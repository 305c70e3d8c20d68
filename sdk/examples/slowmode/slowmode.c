/* SPDX-License-Identifier: MIT */
/* Lets each connection say one thing in a while, and counts what it refused. */
#include <chatd/chatd.h>
#include <stdlib.h>

struct slowmode_config {
    int64_t every_ms;
};

static const struct chatd_cfg_field fields[] = {
    {.key = "every",
     .type = CHATD_CFG_DURATION,
     .def = "10s",
     .min = 100,
     .max = 3600000,
     .offset = offsetof(struct slowmode_config, every_ms),
     .help = "how long a connection has to wait after a message"},
    {.key = NULL},
};

/* What is kept on each connection: zeroed when it begins, and gone with it. */
struct pace {
    int64_t bucket;
};

struct slowmode {
    int slot, refused;
};

static enum chatd_verdict check(chatd_plugin *self, struct chatd_ev_message *msg)
{
    const struct slowmode_config *cfg = self->config;
    const struct slowmode *s = self->data;
    struct pace *pace = chatd_slot_of(self, s->slot, msg->ev.conn.v);
    uint32_t retry_ms;

    if (pace == NULL) /* a plugin speaks, without a connection */
        return CHATD_NEXT;
    /* A thousand tokens a second; a message takes as many as are gained in `every`. */
    retry_ms =
        chatd_bucket_take(&pace->bucket, 1000, cfg->every_ms, cfg->every_ms, chatd_mono_ms(self));
    if (retry_ms == 0)
        return CHATD_NEXT;
    chatd_metric_add(self, s->refused, 0, 1);
    return chatd_deny_for(self, &msg->ev, "slowmode.wait", "Please wait a moment.", retry_ms);
}

static int init(chatd_plugin *self)
{
    static const struct chatd_metric_def refused = {
        .size = sizeof(refused),
        .kind = CHATD_COUNTER,
        .name = "refused_total",
        .help = "messages that came too early",
    };
    struct slowmode *s = calloc(1, sizeof(*s));
    int rc;

    if (s == NULL)
        return CHATD_E_BUSY;
    self->data = s;
    rc = chatd_slot(self, CHATD_SLOT_CONN, sizeof(struct pace), NULL, &s->slot);
    if (rc == CHATD_OK)
        rc = chatd_metric(self, &refused, &s->refused);
    if (rc == CHATD_OK)
        rc = chatd_on_message(self, CHATD_CHECK, check);
    if (rc < 0)
        free(s); /* stop() is for those whose init() went well */
    return rc;
}

static void stop(chatd_plugin *self)
{
    free(self->data);
}

CHATD_PLUGIN(.name = "slowmode", .version = "1.0", .license = "MIT", .config = fields,
             .config_size = sizeof(struct slowmode_config), .init = init, .stop = stop);
