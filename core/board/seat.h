/* SPDX-License-Identifier: MIT */
/*
 * What lies in a seat, and how its owner writes it. Any change here is a new BOARD_LAYOUT.
 *
 * Everything is of fixed size, so that a reader can check what it finds; text always ends with a NUL.
 * Values are whole numbers, and one writer adds to them with plain `++`: nobody else writes, and an
 * aligned number of 8 bytes is stored in one step, so a reader needs no lock and sees an old or a new
 * one. Rows of the directory are written before their count, and stay.
 */
#ifndef BOARD_SEAT_H
#define BOARD_SEAT_H

#include "board/board.h"

#include <stdalign.h>

enum {
    SEAT_BYTES = 262144, /* of which a page is memory only when it is written */
    SEAT_SERIES_MAX = 640,
    SEAT_VALUES_MAX = 6144,
    SEAT_CONNECTIONS = 0, /* the place of the gauge that other workers add up: the first value */
    SEAT_CACHE_LINE = 64,
    SERIES_NAME_BYTES = 80,
    SERIES_LABELS_BYTES = 96,
    SERIES_HELP_BYTES = 80,
    SERIES_BUCKETS = 13,                    /* from 100 us to 10 s, and above */
    SERIES_VALUES_MAX = SERIES_BUCKETS + 1, /* a histogram: its counts, then the sum */
    WORK_PLUGIN_BITS = 12,
    WORK_EVENT_BITS = 12
};

/* Counters, histograms and summaries add up over seats and outlive theirs; gauges add up over those in
 * use. */
enum series_kind {
    SERIES_HIDDEN,
    SERIES_COUNTER,
    SERIES_GAUGE,
    SERIES_HISTOGRAM, /* SERIES_BUCKETS counts, not added up, and a sum in ns */
    SERIES_SUMMARY,   /* a count, and a sum in ns */
    SERIES_KINDS
};

/* What a value is a number of; the text knows no nanoseconds, and shared memory no doubles. */
enum series_unit { SERIES_ONE, SERIES_NS };

struct series {
    char name[SERIES_NAME_BYTES];
    char labels[SERIES_LABELS_BYTES]; /* as in the text: a="b",c="d" */
    char help[SERIES_HELP_BYTES];
    uint8_t kind, unit;
    uint16_t reserved;
    uint32_t first, n; /* places in `value` */
    uint32_t reserved2;
};

struct seat {
    uint64_t generation;
    uint32_t pid;
    uint32_t n_plugins, n_events, n_series, n_values, reserved;

    /* Written all the time. */
    alignas(SEAT_CACHE_LINE) uint32_t work; /* of the loop's thread; 0: none of a plugin runs */
    uint32_t reserved2;
    int64_t since_ms; /* when the outermost call of `work` began; clock_mono_ms() */
    uint64_t conn;    /* whom `work` is about; 0: nobody */
    int64_t beat_ms;  /* the last tick; clock_mono_ms() */

    alignas(SEAT_CACHE_LINE) struct board_crash crash;
    struct board_plugin plugin[BOARD_PLUGINS_MAX];
    char event[BOARD_EVENTS_MAX][BOARD_NAME_BYTES];
    struct series series[SEAT_SERIES_MAX];
    alignas(SEAT_CACHE_LINE) int64_t value[SEAT_VALUES_MAX];
};

_Static_assert(sizeof(struct seat) <= SEAT_BYTES, "a seat has its size");

/* --- whose code runs ------------------------------------------------------------------------------ */

/* `plugin` is what seat_plugin() returned, plus 1; 0: not known. */
static inline uint32_t work_pack(enum work_kind kind, uint32_t event, uint32_t plugin)
{
    return (uint32_t)kind << (WORK_EVENT_BITS + WORK_PLUGIN_BITS) | event << WORK_PLUGIN_BITS |
           plugin;
}

static inline uint32_t work_kind_of(uint32_t work)
{
    return work >> (WORK_EVENT_BITS + WORK_PLUGIN_BITS);
}

static inline uint32_t work_event_of(uint32_t work)
{
    return work >> WORK_PLUGIN_BITS & ((1u << WORK_EVENT_BITS) - 1);
}

static inline uint32_t work_plugin_of(uint32_t work)
{
    return work & ((1u << WORK_PLUGIN_BITS) - 1);
}

/* --- the owner writes: seat.c, series.c ----------------------------------------------------------- */

/* A row for a plugin, which reports nothing yet. Its index, or -1: there is no room. */
int seat_plugin(struct seat *s, const char *name);
void seat_plugin_version(struct seat *s, int plugin, const char *version);
void seat_plugin_state(struct seat *s, int plugin, uint32_t state, const char *text);
void seat_event(struct seat *s, uint32_t event, const char *name); /* above the maximum: dropped */

struct series_def {
    const char *name, *labels, *help; /* without labels: "" */
    enum series_kind kind;
    enum series_unit unit; /* of a counter or gauge */
};

enum series_result { SERIES_ADDED = 0, SERIES_FULL = -1, SERIES_BAD = -2 };

unsigned series_values(uint32_t kind); /* how many it has; 0: no such kind */
/* That many zeros side by side; NULL: there is no room. */
int64_t *seat_values(struct seat *s, unsigned n);
bool seat_has_room(const struct seat *s, unsigned series, unsigned values);
/* A row over values from seat_values(). SERIES_BAD: a name or labels that are too long or that no
 * reader would take. Help that is too long is cut. */
enum series_result seat_series(struct seat *s, const struct series_def *def, const int64_t *value);
/* Both in one; NULL: it was refused. */
int64_t *seat_series_new(struct seat *s, const struct series_def *def);
void seat_hide(struct seat *s,
               const int64_t *value); /* the rows of these values are shown no more */

/* One observation of a histogram. Negative counts as 0. */
void series_observe(int64_t *value, int64_t ns);
extern const char *const series_le[SERIES_BUCKETS]; /* the text of each bucket's upper bound */

/* --- readers -------------------------------------------------------------------------------------- */

/* A checked copy of row `i`; false: there is none, it is hidden, or it is broken. */
bool series_read(const struct seat *s, uint32_t i, struct series *out);
int64_t series_value(const struct seat *s, uint32_t place);
/* One that is the same in the rows of `s`, looked for from *hint on; NULL: none. */
struct series *series_find(struct seat *s, const struct series *like, uint32_t *hint);
/* Copies text that may be without its end. */
void seat_text(char *out, size_t out_bytes, const char *in, size_t in_bytes);

#endif
