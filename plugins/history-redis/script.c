/* SPDX-License-Identifier: MIT */
/* Makes the scripts known to Redis, which answers with the hash each is called by. */
#include "script.h"

#include "queue.h"

#include <stdlib.h>
#include <string.h>

struct load {
    struct request request;
    struct queue *queue;
    enum script script;
};

/* Where it may not be loaded its text is sent with every call. */
static void load_answer(struct request *request, int err, redisReply *reply)
{
    const struct load *load = (const struct load *)request;
    char *hash = load->queue->hash[load->script];

    if (err == CHATD_OK && reply->type == REDIS_REPLY_STRING &&
        reply->len < sizeof(load->queue->hash[0]))
        memcpy(hash, reply->str, reply->len + 1);
}

static void load_destroy(struct request *request)
{
    free(request);
}

void scripts_load(struct queue *queue)
{
    static const struct request_class class = {.answer = load_answer, .destroy = load_destroy};

    for (int i = 0; i < SCRIPTS; i++) {
        const char *text = script_text((enum script)i);
        const chatd_str argv[] = {CHATD_STR("SCRIPT"), CHATD_STR("LOAD"), {text, strlen(text)}};

        if (queue->hash[i][0] != '\0')
            continue;
        struct load *load = request_new(sizeof(*load), &class, SCRIPT_NONE, 0, 3, argv);

        if (load == NULL)
            return;
        load->request.patient = true;
        load->queue = queue;
        load->script = (enum script)i;
        queue_submit(queue, &load->request);
    }
}
