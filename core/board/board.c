/* SPDX-License-Identifier: MIT */
/* The memory itself: making, mapping, and who has which seat. */
#include "board/impl.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static size_t bytes_for(unsigned n_seats)
{
    return BOARD_HEAD_BYTES + ((size_t)n_seats + 1) * SEAT_BYTES;
}

static void __attribute__((noreturn)) cannot(const char *what)
{
    log_error("cannot %s: %s", what, strerror(errno));
    exit(1);
}

/* Nobody who has the descriptor can take the memory away from under the others. */
static int make_fd(size_t bytes)
{
    int fd = memfd_create("chatd-board", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        cannot("make shared memory for the board");
    return fd;
}

struct board *board_new(unsigned n_seats, bool shared)
{
    struct board *b = mem_alloc(sizeof(*b));
    struct board_head *head;
    void *map;

    if (n_seats > BOARD_SEATS_MAX)
        n_seats = BOARD_SEATS_MAX;
    b->n_seats = n_seats;
    b->own = shared ? n_seats : 0;
    b->map_bytes = bytes_for(n_seats);
    b->fd = shared ? make_fd(b->map_bytes) : -1;
    map = mmap(NULL, b->map_bytes, PROT_READ | PROT_WRITE,
               shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, b->fd, 0);
    if (map == MAP_FAILED)
        cannot("map memory for the board");
    b->map = map;
    head = board_head(b);
    head->layout = BOARD_LAYOUT;
    head->n_seats = n_seats;
    head->seat_bytes = SEAT_BYTES;
    board_own(b)->pid = (uint32_t)getpid();
    return b;
}

int board_fd(const struct board *b)
{
    return b->fd;
}

static bool fits(const struct board_head *head, size_t bytes, unsigned seat)
{
    return head->layout == BOARD_LAYOUT && head->seat_bytes == SEAT_BYTES &&
           head->n_seats <= BOARD_SEATS_MAX && bytes == bytes_for(head->n_seats) &&
           seat < head->n_seats;
}

struct board *board_attach(int fd, unsigned seat)
{
    struct board *b;
    struct stat st;
    void *map;

    if (fstat(fd, &st) < 0 || st.st_size < (off_t)bytes_for(1))
        return NULL;
    map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return NULL;
    if (!fits(map, (size_t)st.st_size, seat)) {
        munmap(map, (size_t)st.st_size);
        return NULL;
    }
    b = mem_alloc(sizeof(*b));
    b->map = map;
    b->map_bytes = (size_t)st.st_size;
    b->n_seats = board_head(b)->n_seats;
    b->own = seat;
    b->fd = -1;
    /* Its own part alone: a wild pointer into another's must crash here, not there. */
    if (mprotect(board_own(b), SEAT_BYTES, PROT_READ | PROT_WRITE) < 0) {
        board_free(b);
        return NULL;
    }
    board_own(b)->pid = (uint32_t)getpid();
    return b;
}

void board_free(struct board *b)
{
    if (b == NULL)
        return;
    munmap(b->map, b->map_bytes);
    if (b->fd >= 0)
        close(b->fd);
    mem_free(b);
}

struct board_head *board_head(struct board *b)
{
    return (struct board_head *)(void *)b->map;
}

struct seat *board_seat(struct board *b, unsigned index)
{
    if (index > b->n_seats)
        index = b->n_seats;
    return (struct seat *)(void *)(b->map + BOARD_HEAD_BYTES + (size_t)index * SEAT_BYTES);
}

struct seat *board_own(struct board *b)
{
    return board_seat(b, b->own);
}

unsigned board_own_index(const struct board *b)
{
    return b->own;
}

/* --- the sequence number -------------------------------------------------------------------------- */

void board_change_begin(struct board *b)
{
    uint32_t *seq = &board_head(b)->seq;

    if (b->depth++ > 0)
        return;
    __atomic_store_n(seq, *seq + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

void board_change_end(struct board *b)
{
    uint32_t *seq = &board_head(b)->seq;

    if (--b->depth == 0)
        __atomic_store_n(seq, *seq + 1, __ATOMIC_RELEASE);
}

uint32_t board_read_begin(struct board *b, unsigned *tries)
{
    static const struct timespec moment = {0, 100000};
    uint32_t seq;

    while (((seq = __atomic_load_n(&board_head(b)->seq, __ATOMIC_ACQUIRE)) & 1) != 0 &&
           ++*tries < BOARD_TRIES)
        nanosleep(&moment, NULL);
    return seq;
}

bool board_read_done(struct board *b, uint32_t seq, unsigned tries)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&board_head(b)->seq, __ATOMIC_RELAXED) == seq || tries >= BOARD_TRIES;
}

/* --- the master's seats --------------------------------------------------------------------------- */

unsigned board_take_seat(struct board *b, uint64_t generation)
{
    struct board_head *head = board_head(b);
    unsigned found = BOARD_NO_SEAT, i;

    /* By what the head says, which no worker can write. */
    for (i = 0; i < b->n_seats; i++) {
        if (head->generation[i] == 0 && (found == BOARD_NO_SEAT || b->freed[i] < b->freed[found]))
            found = i;
    }
    if (found == BOARD_NO_SEAT)
        return found;
    board_change_begin(b);
    board_seat(b, found)->generation = generation;
    head->generation[found] = generation;
    board_change_end(b);
    return found;
}

/* What of a series outlives its seat is added to the master's. False: there is no room for it. */
static bool keep(struct seat *retired, const struct seat *from, const struct series *series,
                 uint32_t *hint)
{
    const struct series *to = series_find(retired, series, hint);
    int64_t *value = to != NULL ? &retired->value[to->first] : NULL;
    uint32_t i;

    if (value == NULL) {
        const struct series_def def = {series->name, series->labels, series->help,
                                       (enum series_kind)series->kind,
                                       (enum series_unit)series->unit};

        value = seat_series_new(retired, &def);
    }
    for (i = 0; value != NULL && i < series->n; i++) {
        int64_t more = series_value(from, series->first + i), sum;

        /* A number that no counter can have is not one. */
        if (more > 0 && !__builtin_add_overflow(value[i], more, &sum))
            __atomic_store_n(&value[i], sum, __ATOMIC_RELAXED);
    }
    return value != NULL;
}

/* Zeros, and where it can be no memory either: seats take turns, and most of them are free. */
static void clear(struct seat *seat)
{
    if (madvise(seat, SEAT_BYTES, MADV_REMOVE) < 0)
        memset(seat, 0, sizeof(*seat));
}

void board_retire(struct board *b, unsigned index)
{
    struct seat *seat = board_seat(b, index), *retired = board_seat(b, b->n_seats);
    struct series series;
    uint32_t i, hint = 0, lost = 0;

    if (index >= b->n_seats)
        return;
    board_change_begin(b);
    for (i = 0; i < SEAT_SERIES_MAX; i++) {
        if (series_read(seat, i, &series) && series.kind != SERIES_GAUGE)
            lost += !keep(retired, seat, &series, &hint);
    }
    clear(seat);
    board_head(b)->generation[index] = 0;
    board_change_end(b);
    b->freed[index] = ++b->n_freed;
    if (lost > 0 && !b->told_full) {
        log_warn("the board has no room for %u more metrics of workers that are gone: they are "
                 "lost",
                 lost);
        b->told_full = true;
    }
}
