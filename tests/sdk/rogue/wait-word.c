/* SPDX-License-Identifier: MIT */
/* Rogue plugin: lets a message wait as long as its text says ("wait 50" or "wait 50 deny"), and a join as
 * long as the room's name says ("wait-50"). */
#include <chatd/chatd.h>

#include <stdlib.h>
#include <string.h>

struct nap {
    chatd_wait wait;
    chatd_timer timer;
    int denies;
};

static void gone(chatd_plugin *self, void *arg)
{
    struct nap *nap = arg;

    chatd_timer_cancel(self, nap->timer);
    free(nap);
}

static void wake(chatd_plugin *self, void *arg)
{
    struct nap *nap = arg;

    chatd_resume(self, nap->wait, nap->denies ? CHATD_DENY : CHATD_NEXT, "wait-word.denied",
                 "Refused after a wait.");
    free(nap);
}

static enum chatd_verdict take_a_nap(chatd_plugin *self, struct chatd_ev *ev, chatd_str text,
                                     const char *word)
{
    const char *at = strncmp(text.p, word, strlen(word)) == 0 ? text.p + strlen(word) : NULL;
    struct nap *nap;

    if (at == NULL)
        return CHATD_NEXT;
    nap = calloc(1, sizeof(*nap));
    if (nap == NULL || chatd_ev_wait(self, ev, 60000, gone, nap, &nap->wait) < 0) {
        free(nap);
        return CHATD_NEXT;
    }
    nap->denies = strstr(at, "deny") != NULL;
    chatd_timer_start(self, (uint32_t)strtoul(at, NULL, 10), 0, wake, nap, &nap->timer);
    return CHATD_WAIT;
}

static enum chatd_verdict on_message(chatd_plugin *self, struct chatd_ev_message *msg)
{
    return take_a_nap(self, &msg->ev, msg->text, "wait ");
}

static enum chatd_verdict on_join(chatd_plugin *self, struct chatd_ev_join *join)
{
    return take_a_nap(self, &join->ev, join->room, "wait-");
}

static int init(chatd_plugin *self)
{
    int rc = chatd_on_message(self, CHATD_CHECK, on_message);

    return rc < 0 ? rc : chatd_on_join(self, CHATD_CHECK, on_join);
}

CHATD_PLUGIN(.name = "wait-word", .version = "1.0", .license = "MIT", .init = init);
