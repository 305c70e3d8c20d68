/* SPDX-License-Identifier: MIT */
/* The directory of what a seat counts: registering, finding, and reading with distrust. */
#include "board/impl.h"

#include <string.h>

const char *const series_le[SERIES_BUCKETS] = {"0.0001", "0.00025", "0.001", "0.0025", "0.01",
                                               "0.025",  "0.1",     "0.25",  "1",      "2.5",
                                               "5",      "10",      "+Inf"};

static const int64_t le_ns[SERIES_BUCKETS - 1] = {100000,     250000,     1000000,    2500000,
                                                  10000000,   25000000,   100000000,  250000000,
                                                  1000000000, 2500000000, 5000000000, 10000000000};

void series_observe(int64_t *value, int64_t ns)
{
    unsigned i;

    if (ns < 0)
        ns = 0;
    for (i = 0; i < SERIES_BUCKETS - 1 && ns > le_ns[i]; i++)
        continue;
    value[i]++;
    value[SERIES_BUCKETS] += ns;
}

unsigned series_values(uint32_t kind)
{
    static const unsigned n[SERIES_KINDS] = {[SERIES_COUNTER] = 1,
                                             [SERIES_GAUGE] = 1,
                                             [SERIES_HISTOGRAM] = SERIES_VALUES_MAX,
                                             [SERIES_SUMMARY] = 2};

    return kind < SERIES_KINDS ? n[kind] : 0;
}

/* As Prometheus has it. */
static bool name_ok(const char *name)
{
    return name[0] != '\0' && (name[0] < '0' || name[0] > '9') &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:") ==
               strlen(name);
}

/* One line; what is in quotes is the writer's. */
static bool line_ok(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 127)
            return false;
    }
    return true;
}

/* --- the owner ------------------------------------------------------------------------------------ */

bool seat_has_room(const struct seat *s, unsigned series, unsigned values)
{
    return s->n_series <= SEAT_SERIES_MAX && series <= SEAT_SERIES_MAX - s->n_series &&
           s->n_values <= SEAT_VALUES_MAX && values <= SEAT_VALUES_MAX - s->n_values;
}

int64_t *seat_values(struct seat *s, unsigned n)
{
    int64_t *value;

    if (!seat_has_room(s, 0, n))
        return NULL;
    value = &s->value[s->n_values];
    memset(value, 0, n * sizeof(*value));
    s->n_values += n;
    return value;
}

enum series_result seat_series(struct seat *s, const struct series_def *def, const int64_t *value)
{
    struct series *row;

    if (strlen(def->name) >= SERIES_NAME_BYTES || !name_ok(def->name) ||
        strlen(def->labels) >= SERIES_LABELS_BYTES || !line_ok(def->labels))
        return SERIES_BAD;
    if (!seat_has_room(s, 1, 0))
        return SERIES_FULL;
    row = &s->series[s->n_series];
    memset(row, 0, sizeof(*row));
    memcpy(row->name, def->name, strlen(def->name));
    memcpy(row->labels, def->labels, strlen(def->labels));
    seat_text(row->help, sizeof(row->help), def->help, strcspn(def->help, "\n"));
    row->unit = (uint8_t)def->unit;
    row->first = (uint32_t)(value - s->value);
    row->n = series_values(def->kind);
    row->kind = (uint8_t)def->kind;
    __atomic_store_n(&s->n_series, s->n_series + 1, __ATOMIC_RELEASE);
    return SERIES_ADDED;
}

int64_t *seat_series_new(struct seat *s, const struct series_def *def)
{
    int64_t *value = seat_values(s, series_values(def->kind));

    return value != NULL && seat_series(s, def, value) == SERIES_ADDED ? value : NULL;
}

void seat_hide(struct seat *s, const int64_t *value)
{
    uint32_t place = (uint32_t)(value - s->value), i;

    for (i = 0; i < s->n_series && i < SEAT_SERIES_MAX; i++) {
        if (s->series[i].first == place)
            s->series[i].kind = SERIES_HIDDEN;
    }
}

static int64_t *find_or_new(struct board *b, const struct series_def *def)
{
    struct seat *own = board_own(b);
    struct series like = {.kind = (uint8_t)def->kind, .unit = (uint8_t)def->unit};
    const struct series *row;
    uint32_t hint = 0;

    seat_text(like.name, sizeof(like.name), def->name, strlen(def->name));
    seat_text(like.labels, sizeof(like.labels), def->labels, strlen(def->labels));
    row = series_find(own, &like, &hint);
    return row != NULL ? &own->value[row->first] : seat_series_new(own, def);
}

int64_t *board_counter(struct board *b, const char *name, const char *labels, const char *help)
{
    return find_or_new(b, &(struct series_def){name, labels, help, SERIES_COUNTER, SERIES_ONE});
}

int64_t *board_gauge(struct board *b, const char *name, const char *labels, const char *help)
{
    return find_or_new(b, &(struct series_def){name, labels, help, SERIES_GAUGE, SERIES_ONE});
}

/* --- readers -------------------------------------------------------------------------------------- */

bool series_read(const struct seat *s, uint32_t i, struct series *out)
{
    if (i >= SEAT_SERIES_MAX || i >= __atomic_load_n(&s->n_series, __ATOMIC_ACQUIRE))
        return false;
    memcpy(out, &s->series[i], sizeof(*out));
    return series_values(out->kind) > 0 && out->n == series_values(out->kind) &&
           out->unit <= SERIES_NS && out->first <= SEAT_VALUES_MAX - out->n &&
           memchr(out->name, '\0', sizeof(out->name)) != NULL && name_ok(out->name) &&
           memchr(out->labels, '\0', sizeof(out->labels)) != NULL && line_ok(out->labels) &&
           memchr(out->help, '\0', sizeof(out->help)) != NULL && line_ok(out->help);
}

int64_t series_value(const struct seat *s, uint32_t place)
{
    return place < SEAT_VALUES_MAX ? __atomic_load_n(&s->value[place], __ATOMIC_RELAXED) : 0;
}

/* Workers register in the same order, so the row after the last one found is nearly always it. */
struct series *series_find(struct seat *s, const struct series *like, uint32_t *hint)
{
    uint32_t n = s->n_series < SEAT_SERIES_MAX ? s->n_series : SEAT_SERIES_MAX, i;

    for (i = 0; i < n; i++) {
        struct series *row = &s->series[(*hint + i) % n];

        if (row->kind == like->kind && row->unit == like->unit &&
            strcmp(row->name, like->name) == 0 && strcmp(row->labels, like->labels) == 0) {
            *hint = (*hint + i + 1) % n;
            return row;
        }
    }
    return NULL;
}
