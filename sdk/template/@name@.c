/* SPDX-License-Identifier: MIT */
/*
 * @name@: refuses messages that are too long, tells clients how long they may be, and counts.
 *
 * A plugin to begin with. It has one of each thing that most plugins have: options, a hook, a message
 * type, a route, a metric and a counter of its own. Take out what you do not need. The headers are the
 * reference: what chatd_on_message() or chatd_route() does stands in <chatd/event.h> and <chatd/http.h>.
 */
#include <chatd/chatd.h>
#include <stdio.h>
#include <stdlib.h>

/* --- options: the section [@name@] of chatd.ini --------------------------------------------------- */

struct config {
    int64_t longest;
};

static const struct chatd_cfg_field fields[] = {
    {.key = "longest",
     .type = CHATD_CFG_INT,
     .flags = CHATD_CFG_RELOADABLE,
     .def = "200",
     .min = 1,
     .max = 4000,
     .offset = offsetof(struct config, longest),
     .help = "the most bytes of a message's text"},
    {.key = NULL},
};

/* What one instance keeps: there is one in each worker process, so no globals and no locks. */
struct state {
    uint64_t passed;
    int refused; /* metric */
};

static const struct config *config_of(chatd_plugin *self)
{
    return self->config;
}

static struct state *state_of(chatd_plugin *self)
{
    return self->data;
}

/* --- a hook: before a message is stored ----------------------------------------------------------- */

static enum chatd_verdict check_length(chatd_plugin *self, struct chatd_ev_message *msg)
{
    if (msg->text.n > (size_t)config_of(self)->longest) {
        chatd_metric_add(self, state_of(self)->refused, 0, 1);
        return chatd_deny(self, &msg->ev, "@name@.too_long", "This message is too long.");
    }
    state_of(self)->passed++;
    return CHATD_NEXT;
}

/* --- a verb: {"type":"@name@.ask","id":"1"} on a chatd.v1 connection ------------------------------ */

static void on_ask(chatd_plugin *self, const struct chatd_verb_call *call)
{
    char members[40];
    int n =
        snprintf(members, sizeof(members), "\"longest\":%lld", (long long)config_of(self)->longest);

    chatd_verb_ack(self, call->conn, call->id, (chatd_str){members, (size_t)n});
}

/* --- a route: GET /api/v1/@name@ ------------------------------------------------------------------ */

static void on_get(chatd_plugin *self, chatd_req req)
{
    char body[80];
    int n =
        snprintf(body, sizeof(body), "{\"longest\":%lld,\"passed\":%llu}",
                 (long long)config_of(self)->longest, (unsigned long long)state_of(self)->passed);

    chatd_reply_json(self, req, 200, (chatd_str){body, (size_t)n});
}

/* --- life ----------------------------------------------------------------------------------------- */

/* Registers everything. A registration that fails has said why in the log; chatd then does not start. */
static int init(chatd_plugin *self)
{
    static const struct chatd_verb_def ask = {.size = sizeof(ask),
                                              .flags = CHATD_VERB_RATE,
                                              .name = "@name@.ask",
                                              .max_body = 200,
                                              .handle = on_ask};
    static const struct chatd_route_def route = {
        .size = sizeof(route), .method = "GET", .pattern = "/api/v1/@name@", .handle = on_get};
    static const struct chatd_metric_def refused = {.size = sizeof(refused),
                                                    .kind = CHATD_COUNTER,
                                                    .name = "refused_total",
                                                    .help = "Messages that were too long."};
    struct state *state = calloc(1, sizeof(*state));
    int err;

    if (state == NULL)
        return CHATD_E_BUSY;
    self->data = state;
    if ((err = chatd_on_message(self, CHATD_CHECK, check_length)) < 0 ||
        (err = chatd_verb(self, &ask)) < 0 || (err = chatd_route(self, &route)) < 0 ||
        (err = chatd_metric(self, &refused, &state->refused)) < 0) {
        free(state);
        return err;
    }
    return CHATD_OK;
}

/* SIGHUP has brought another value: self->config is replaced when this returns. */
static int reload(chatd_plugin *self, const void *fresh)
{
    chatd_log(self, CHATD_LOG_INFO, "messages may now have %lld bytes",
              (long long)((const struct config *)fresh)->longest);
    return CHATD_OK;
}

static void stop(chatd_plugin *self)
{
    free(self->data);
}

CHATD_PLUGIN(.name = "@name@", .version = "0.1", .license = "MIT", .config = fields,
             .config_size = sizeof(struct config), .init = init, .stop = stop, .reload = reload);
