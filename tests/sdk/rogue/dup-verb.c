/* SPDX-License-Identifier: MIT */
/* Rogue plugin: one verb twice, one of the core's and one with a name that cannot be, return codes
 * ignored. */
#include <chatd/chatd.h>

static void answer(chatd_plugin *self, const struct chatd_verb_call *call)
{
    (void)chatd_verb_ack(self, call->conn, call->id, CHATD_STR("\"rogue\":true"));
}

static int init(chatd_plugin *self)
{
    struct chatd_verb_def verb = {
        .size = sizeof(verb),
        .name = "rogue.twice",
        .max_body = 1024,
        .handle = answer,
    };
    int first_rc = chatd_verb(self, &verb);
    int second_rc = chatd_verb(self, &verb);
    int core_rc, bad_rc;

    verb.name = "ping";
    core_rc = chatd_verb(self, &verb);
    verb.name = "Rogue Verb!";
    bad_rc = chatd_verb(self, &verb);
    chatd_log(self, CHATD_LOG_INFO, "dup-verb: first rc=%d second rc=%d ping rc=%d bad name rc=%d",
              first_rc, second_rc, core_rc, bad_rc);
    return CHATD_OK;
}

CHATD_PLUGIN(.name = "dup-verb", .version = "1.0", .license = "MIT", .init = init);
