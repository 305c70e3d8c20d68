/* SPDX-License-Identifier: MIT */
/*
 * The bus between the workers of a server: a stream of frames as a broken worker might send it, parsed,
 * written anew, read in pieces through a real socket, and passed on by the master's relay to two others.
 * The first byte of the input chooses the pieces, the second whether it is read or passed on,
 * and who listens.
 */
#include "check.h"

#include "board/board.h"
#include "link/pipe.h"
#include "master/master.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { QUEUE_BYTES = 1 << 20, STREAM_MAX = 65536, LISTENERS = 2 };

struct digest {
    uint64_t hash;
    unsigned frames, published, lost;
    bool ended;
};

static struct event_base *base;
static struct board *board;

static void add(struct digest *d, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    for (size_t i = 0; i < n; i++)
        d->hash = (d->hash ^ p[i]) * UINT64_C(0x100000001b3);
    d->hash = (d->hash ^ n) * UINT64_C(0x100000001b3);
}

static void on_frame(void *arg, const struct pipe_frame *f)
{
    struct digest *d = arg;
    uint8_t kind = (uint8_t)f->kind;

    CHECK(f->kind >= PIPE_PUBLISH && f->kind <= PIPE_LOST);
    CHECK(f->topic_n <= PIPE_TOPIC_MAX && f->data_n <= PIPE_DATA_MAX);
    d->frames++;
    d->published += f->kind == PIPE_PUBLISH;
    d->lost += f->kind == PIPE_LOST;
    add(d, &kind, 1);
    add(d, f->topic, f->topic_n);
    add(d, f->data, f->data_n);
}

static void on_ended(void *arg)
{
    struct digest *d = arg;

    CHECK(!d->ended);
    d->ended = true;
}

/* --- the parser alone --------------------------------------------------------------------------- */

static size_t write_frame(uint8_t *out, const struct pipe_frame *f)
{
    uint32_t length = (uint32_t)(4 + f->topic_n + f->data_n);
    uint16_t topic_n = (uint16_t)f->topic_n;

    memset(out, 0, PIPE_HEAD);
    memcpy(out, &length, sizeof(length));
    out[4] = (uint8_t)f->kind;
    memcpy(out + 6, &topic_n, sizeof(topic_n));
    if (f->topic_n > 0)
        memcpy(out + PIPE_HEAD, f->topic, f->topic_n);
    if (f->data_n > 0)
        memcpy(out + PIPE_HEAD + f->topic_n, f->data, f->data_n);
    return PIPE_HEAD + f->topic_n + f->data_n;
}

static void check_again(const uint8_t *frame, size_t n, const struct pipe_frame *f)
{
    uint8_t *again = malloc(n);
    struct pipe_frame g;

    CHECK(PIPE_HEAD + f->topic_n + f->data_n == n);
    CHECK(f->topic == (const char *)frame + PIPE_HEAD && f->data == f->topic + f->topic_n);
    CHECK(write_frame(again, f) == n);
    /* The byte behind the kind says nothing, and is written as 0. */
    CHECK(memcmp(again, frame, 5) == 0 && memcmp(again + 6, frame + 6, n - 6) == 0);
    CHECK(pipe_parse(again, n, &g) == (long)n && g.kind == f->kind);
    CHECK(pipe_parse(again, n - 1, &g) == 0); /* not all there */
    free(again);
}

/* What a reader that has everything at hand makes of the stream. */
static struct digest parse_all(const uint8_t *p, size_t n)
{
    struct digest d = {.hash = 1};
    struct pipe_frame f;
    long took;

    while (n > 0) {
        uint8_t *copy = (uint8_t *)exact(p, n);

        took = pipe_parse(copy, n, &f);
        CHECK(took >= -1 && took <= (long)n);
        if (took > 0) {
            check_again(copy, (size_t)took, &f);
            on_frame(&d, &f);
        }
        free(copy);
        if (took <= 0) {
            d.ended = took < 0;
            break;
        }
        p += took;
        n -= (size_t)took;
    }
    return d;
}

/* --- through a socket --------------------------------------------------------------------------- */

static void turn(struct master *m)
{
    int i;

    for (i = 0; i < 3; i++) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        if (m != NULL)
            relay_flush(m);
    }
}

static void pair(int fd[2])
{
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0);
}

/* The pieces go in with a turn of the loop after each; all but `p` is read by whoever has the other end. */
static void send_pieces(int fd, const uint8_t *p, size_t n, size_t step, struct master *m)
{
    size_t at = 0;

    while (at < n) {
        ssize_t sent = send(fd, p + at, n - at < step ? n - at : step, MSG_NOSIGNAL);

        if (sent > 0)
            at += (size_t)sent;
        turn(m);
        if (sent < 0)
            return; /* nobody reads any more */
    }
}

static struct digest read_pieces(const uint8_t *p, size_t n, size_t step)
{
    struct digest d = {.hash = 1};
    const struct pipe_calls calls = {.frame = on_frame, .ended = on_ended, .arg = &d};
    struct pipe *pipe;
    int fd[2];

    pair(fd);
    pipe = pipe_new(base, fd[0], QUEUE_BYTES, &calls);
    send_pieces(fd[1], p, n, step, NULL);
    pipe_free(pipe);
    close(fd[1]);
    return d;
}

/* --- through the relay -------------------------------------------------------------------------- */

struct listener {
    struct digest heard;
    struct pipe *pipe;
};

static void relay_all(const uint8_t *p, size_t n, size_t step, const struct digest *said,
                      unsigned choice)
{
    static const char *const topics[] = {"a", "room/a", "room/b", ""};
    struct listener listener[LISTENERS] = {0};
    struct master m = {.base = base, .opt = {.bus_queue = QUEUE_BYTES}};
    int fd[2], i;

    m.board = board;
    relay_init(&m);
    for (i = 0; i < LISTENERS; i++) {
        const struct pipe_calls calls = {
            .frame = on_frame, .ended = on_ended, .arg = &listener[i].heard};
        const char *topic = topics[choice >> (2 * i) & 3];

        pair(fd);
        listener[i].pipe = pipe_new(base, fd[0], QUEUE_BYTES, &calls);
        relay_join(&m, fd[1]);
        pipe_put(
            listener[i].pipe,
            &(struct pipe_frame){.kind = PIPE_SUBSCRIBE, .topic = topic, .topic_n = strlen(topic)});
        pipe_flush(listener[i].pipe);
    }
    turn(&m);
    pair(fd);
    relay_join(&m, fd[1]);
    send_pieces(fd[0], p, n, step, &m);
    turn(&m);
    /* Nobody hears more than was said; the rest are marks: one's own subscription, and what was lost. */
    for (i = 0; i < LISTENERS; i++) {
        const struct digest *heard = &listener[i].heard;

        CHECK(heard->published <= said->published);
        CHECK(heard->frames == heard->published + heard->lost && heard->lost <= said->lost + 1);
        CHECK(!heard->ended);
        pipe_free(listener[i].pipe);
    }
    close(fd[0]);
    relay_deinit(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct digest whole, cut;
    size_t step;

    if (base == NULL) {
        base = event_base_new();
        board = board_new(1, true);
    }
    if (size < 2 || size > STREAM_MAX)
        return 0;
    step = (data[0] > 0 ? (size_t)data[0] * 3 : size) + size / 32;
    whole = parse_all(data + 2, size - 2);
    if (data[1] & 0x80) {
        relay_all(data + 2, size - 2, step, &whole, data[1]);
        return 0;
    }
    cut = read_pieces(data + 2, size - 2, step);
    CHECK(cut.hash == whole.hash && cut.frames == whole.frames && cut.ended == whole.ended);
    return 0;
}
