/* SPDX-License-Identifier: MIT */
/* The Prometheus text of all seats: rows of one name and the same labels are added up. */
#include "board/impl.h"

#include "base/buf.h"
#include "base/mem.h"

#include <string.h>
#include <uthash.h>

/* One series: what has the same name and labels in several seats. */
struct line {
    char labels[SERIES_LABELS_BYTES];
    int64_t value[SERIES_VALUES_MAX];
    UT_hash_handle hh;
};

/* All series of a name; the first row that was found says what it is. */
struct family {
    struct series row;
    struct line *lines;
    UT_hash_handle hh;
};

static void forget(struct family **all)
{
    struct family *f, *next_f;
    struct line *line, *next_line;

    HASH_ITER(hh, *all, f, next_f)
    {
        HASH_ITER(hh, f->lines, line, next_line)
        {
            HASH_DEL(f->lines, line);
            mem_free(line);
        }
        HASH_DEL(*all, f);
        mem_free(f);
    }
}

static void add(struct family **all, const struct seat *seat, const struct series *row)
{
    struct family *f;
    struct line *line;
    uint32_t i;

    HASH_FIND_STR(*all, row->name, f);
    if (f == NULL) {
        f = mem_alloc(sizeof(*f));
        f->row = *row;
        HASH_ADD_STR(*all, row.name, f);
    }
    /* One of another kind under a name that is taken would be a number of something else. */
    if (f->row.kind != row->kind || f->row.unit != row->unit)
        return;
    HASH_FIND_STR(f->lines, row->labels, line);
    if (line == NULL) {
        line = mem_alloc(sizeof(*line));
        memcpy(line->labels, row->labels, sizeof(line->labels));
        HASH_ADD_STR(f->lines, labels, line);
    }
    for (i = 0; i < row->n; i++) /* as unsigned: a broken number may be any */
        line->value[i] =
            (int64_t)((uint64_t)line->value[i] + (uint64_t)series_value(seat, row->first + i));
}

static void add_seat(struct family **all, const struct seat *seat)
{
    struct series row;
    uint32_t i;

    for (i = 0; i < SEAT_SERIES_MAX; i++) {
        if (series_read(seat, i, &row))
            add(all, seat, &row);
    }
}

static void collect(struct board *b, struct family **all)
{
    unsigned i;

    for (i = 0; i < b->n_seats; i++) {
        if (board_head(b)->generation[i] != 0)
            add_seat(all, board_seat(b, i));
    }
    add_seat(all, board_seat(b, b->n_seats));
}

/* --- writing -------------------------------------------------------------------------------------- */

/* Nanoseconds as seconds, exactly: a double would lose the small steps of a large sum. */
static void put_seconds(struct buf *out, int64_t ns)
{
    uint64_t abs = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    unsigned digits = 9, rest = (unsigned)(abs % 1000000000);

    buf_printf(out, "%s%llu", ns < 0 ? "-" : "", (unsigned long long)(abs / 1000000000));
    if (rest == 0)
        return;
    while (rest % 10 == 0) {
        rest /= 10;
        digits--;
    }
    buf_printf(out, ".%0*u", (int)digits, rest);
}

static void put_value(struct buf *out, int64_t value, uint32_t unit)
{
    if (unit == SERIES_NS)
        put_seconds(out, value);
    else
        buf_printf(out, "%lld", (long long)value);
    buf_puts(out, "\n");
}

static void put_name(struct buf *out, const char *name, const char *suffix, const char *labels,
                     const char *le)
{
    buf_puts(out, name);
    buf_puts(out, suffix);
    if (labels[0] != '\0' || le != NULL)
        buf_printf(out, "{%s%s", labels, labels[0] != '\0' && le != NULL ? "," : "");
    if (le != NULL)
        buf_printf(out, "le=\"%s\"", le);
    buf_puts(out, labels[0] != '\0' || le != NULL ? "} " : " ");
}

static void put_sum_and_count(struct buf *out, const char *name, const char *labels, int64_t sum,
                              int64_t count)
{
    put_name(out, name, "_sum", labels, NULL);
    put_value(out, sum, SERIES_NS);
    put_name(out, name, "_count", labels, NULL);
    put_value(out, count, SERIES_ONE);
}

static void put_line(struct buf *out, const struct series *row, const struct line *line)
{
    int64_t total = 0;
    unsigned i;

    switch (row->kind) {
    case SERIES_HISTOGRAM:
        for (i = 0; i < SERIES_BUCKETS; i++) {
            total += line->value[i];
            put_name(out, row->name, "_bucket", line->labels, series_le[i]);
            put_value(out, total, SERIES_ONE);
        }
        put_sum_and_count(out, row->name, line->labels, line->value[SERIES_BUCKETS], total);
        break;
    case SERIES_SUMMARY:
        put_sum_and_count(out, row->name, line->labels, line->value[1], line->value[0]);
        break;
    default:
        put_name(out, row->name, "", line->labels, NULL);
        put_value(out, line->value[0], row->unit);
    }
}

void board_text(struct board *b, struct buf *out)
{
    static const char *const kind[SERIES_KINDS] = {"untyped", "counter", "gauge", "histogram",
                                                   "summary"};
    struct family *all = NULL, *f, *next_f;
    struct line *line, *next_line;
    unsigned tries = 0;
    uint32_t seq;

    for (;;) {
        seq = board_read_begin(b, &tries);
        collect(b, &all);
        if (board_read_done(b, seq, ++tries))
            break;
        forget(&all);
    }
    HASH_ITER(hh, all, f, next_f)
    {
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", f->row.name, f->row.help, f->row.name,
                   kind[f->row.kind]);
        HASH_ITER(hh, f->lines, line, next_line)
        {
            put_line(out, &f->row, line);
        }
    }
    forget(&all);
}
