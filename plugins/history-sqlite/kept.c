/* SPDX-License-Identifier: MIT */
/* Records that were heard of while a page is on its way. */
#include "kept.h"

#include <stdlib.h>
#include <string.h>

struct kept_record {
    TAILQ_ENTRY(kept_record) link;
    uint64_t seq;
    int64_t ts;
    size_t n;
    char text[];
};

void kept_init(struct kept *kept)
{
    *kept = (struct kept){0};
    TAILQ_INIT(&kept->records);
}

void kept_add(struct kept *kept, const struct chatd_log_record *record)
{
    struct kept_record *before = TAILQ_LAST(&kept->records, kept_list), *fresh;

    /* They come nearly in order, so the place is near the end. */
    while (before != NULL && before->seq > record->seq)
        before = TAILQ_PREV(before, kept_list, link);
    if ((before != NULL && before->seq == record->seq) || kept->n == KEPT_RECORDS_MAX ||
        kept->bytes + record->record.n > KEPT_BYTES_MAX)
        return;
    fresh = malloc(sizeof(*fresh) + record->record.n + 1);
    if (fresh == NULL)
        return;
    fresh->seq = record->seq;
    fresh->ts = record->ts;
    fresh->n = record->record.n;
    memcpy(fresh->text, record->record.p, fresh->n);
    fresh->text[fresh->n] = '\0';
    if (before != NULL)
        TAILQ_INSERT_AFTER(&kept->records, before, fresh, link);
    else
        TAILQ_INSERT_HEAD(&kept->records, fresh, link);
    kept->n++;
    kept->bytes += fresh->n;
}

struct chatd_log_record kept_get(const struct kept *kept, uint64_t seq)
{
    const struct kept_record *record = TAILQ_FIRST(&kept->records);

    while (record != NULL && record->seq < seq)
        record = TAILQ_NEXT(record, link);
    if (record == NULL || record->seq != seq)
        return (struct chatd_log_record){.seq = seq, .record = CHATD_STR("")};
    return (struct chatd_log_record){
        .seq = seq, .ts = record->ts, .record = {record->text, record->n}};
}

void kept_clear(struct kept *kept)
{
    struct kept_record *record;

    while ((record = TAILQ_FIRST(&kept->records)) != NULL) {
        TAILQ_REMOVE(&kept->records, record, link);
        free(record);
    }
    kept->n = 0;
    kept->bytes = 0;
}
