/* SPDX-License-Identifier: MIT */
/* A page of a room's records. */
#include "page.h"

#include "text.h"

#include <stdlib.h>

enum { EPOCH, PREVIOUS, COMMON, TOP, MORE, FIRST, HEAD_ELEMENTS };

struct range {
    struct request request;
    page_done done;
    void *arg;
};

static chatd_str str_of(const redisReply *reply)
{
    return (chatd_str){reply->str, reply->len};
}

static bool has_head(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < HEAD_ELEMENTS)
        return false;
    for (size_t i = 0; i < reply->elements; i++)
        if (reply->element[i]->type != (i == MORE ? REDIS_REPLY_INTEGER : REDIS_REPLY_STRING))
            return false;
    return reply->element[EPOCH]->len > 0 && reply->element[EPOCH]->len <= CHATD_LOG_EPOCH_MAX &&
           reply->element[PREVIOUS]->len <= CHATD_LOG_EPOCH_MAX;
}

bool page_read(redisReply *reply, struct chatd_log_record *records, struct page *out)
{
    uint64_t first;

    *out = (struct page){.records = records};
    if (!has_head(reply))
        return false;
    redisReply **element = reply->element;

    if (!text_number(str_of(element[COMMON]), &out->common) ||
        !text_number(str_of(element[TOP]), &out->top) ||
        !text_number(str_of(element[FIRST]), &first))
        return false;
    out->epoch = str_of(element[EPOCH]);
    out->previous = str_of(element[PREVIOUS]);
    out->more = element[MORE]->integer != 0;
    for (size_t i = HEAD_ELEMENTS; i < reply->elements; i++) {
        struct chatd_log_record *record = &records[out->n];

        record->seq = first + out->n++;
        record->record = text_entry(element[i]->str, element[i]->len, &record->ts);
    }
    return true;
}

static void range_answer(struct request *request, int err, redisReply *reply)
{
    struct range *range = (struct range *)request;
    struct chatd_log_record *records = NULL;
    struct page page;

    if (err == CHATD_OK) {
        records = calloc(reply->elements + 1, sizeof(*records));
        if (records == NULL)
            err = CHATD_E_BUSY;
        else if (!page_read(reply, records, &page))
            err = CHATD_E_BACKEND;
    }
    range->done(range->arg, err, err == CHATD_OK ? &page : NULL);
    free(records);
}

static void range_destroy(struct request *request)
{
    free(request);
}

static const struct request_class range_class = {.answer = range_answer, .destroy = range_destroy};

int page_ask(const struct page_source *source, const struct page_wish *wish, page_done done,
             void *arg)
{
    struct text list, meta, epoch;
    char fresh[TEXT_DIGITS], limit[TEXT_DIGITS], most[TEXT_DIGITS], seq[TEXT_DIGITS];
    uint64_t random;

    chatd_random(source->self, &random, sizeof(random));
    const chatd_str argv[] = {
        text_list(&list, wish->room),
        text_meta(&meta, wish->room),
        text_epoch(&epoch, wish->room),
        CHATD_STR(""), /* run_id: known when it is sent */
        wish->fresh.n > 0 ? wish->fresh : text_hex(fresh, random),
        text_decimal(seq, (int64_t)wish->seq),
        text_decimal(limit, wish->limit),
        wish->direction == CHATD_LOG_BEFORE ? CHATD_STR("before") : CHATD_STR("after"),
        text_decimal(most, wish->bytes > 0 ? wish->bytes : (uint32_t)PAGE_BYTES_MAX)};
    struct range *range = request_new(sizeof(*range), &range_class, SCRIPT_RANGE, 3, 9, argv);

    if (range == NULL)
        return CHATD_E_BUSY;
    range->request.repeats = true;
    range->request.patient = wish->patient;
    range->request.run_id_at = 3;
    range->done = done;
    range->arg = arg;
    return queue_submit(source->queue, &range->request);
}
