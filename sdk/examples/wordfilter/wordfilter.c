/* SPDX-License-Identifier: MIT */
/* Refuses messages that contain one configured word. */
#include <chatd/chatd.h>
#include <string.h>

struct wordfilter_config {
    const char *word;
};

static const struct chatd_cfg_field fields[] = {
    {.key = "word",
     .type = CHATD_CFG_STR,
     .flags = CHATD_CFG_REQUIRED | CHATD_CFG_RELOADABLE,
     .min = 1,
     .max = 200,
     .offset = offsetof(struct wordfilter_config, word),
     .help = "word to refuse"},
    {.key = NULL},
};

/* CHECK may refuse but not rewrite. Whoever has no opinion says CHATD_NEXT. */
static enum chatd_verdict check_text(chatd_plugin *self, struct chatd_ev_message *msg)
{
    const struct wordfilter_config *cfg = self->config;

    if (strstr(msg->text.p, cfg->word) == NULL)
        return CHATD_NEXT;
    return chatd_deny(self, &msg->ev, "wordfilter.refused", "this word is not welcome here");
}

/* The core has checked `fresh` against the table and puts it in place of self->config once this
 * returns CHATD_OK. The word itself stays out of the log. */
static int reload(chatd_plugin *self, const void *fresh)
{
    const struct wordfilter_config *cfg = fresh;

    chatd_log(self, CHATD_LOG_INFO, "the word to refuse is now one of %zu bytes",
              strlen(cfg->word));
    return CHATD_OK;
}

static int init(chatd_plugin *self)
{
    return chatd_on_message(self, CHATD_CHECK, check_text);
}

CHATD_PLUGIN(.name = "wordfilter", .version = "1.0", .license = "MIT", .config = fields,
             .config_size = sizeof(struct wordfilter_config), .init = init, .reload = reload);
