/* SPDX-License-Identifier: MIT */
/* The limits: which buckets something takes from, what is said when one is empty, and the end of patience. */
#include "limits.h"

#include "member.h"

#include <chatd/bucket.h>
#include <chatd/network.h>

/* Refusals of one connection at once, and how many are forgiven a second: who waits as told has few. */
#define PATIENCE       100
#define PATIENCE_A_SEC 2
#define CHARGES_MAX    5

/* One bucket, and what is to be taken from it. */
struct charge {
    enum limit limit;
    int64_t *bucket;
    int64_t n;
};

static const char *const names[LIMIT_COUNT + 1] = {
    [LIMIT_MESSAGE] = "message_rate",
    [LIMIT_MESSAGE_USER] = "message_rate_user",
    [LIMIT_MESSAGE_ADDRESS] = "message_rate_address",
    [LIMIT_MESSAGE_ROOM] = "message_rate_room",
    [LIMIT_BYTE_USER] = "byte_rate_user",
    [LIMIT_JOIN_USER] = "join_rate_user",
    [LIMIT_JOIN_ADDRESS] = "join_rate_address",
    [LIMIT_SIGNAL_USER] = "signal_rate_user",
};

static const char *const texts[LIMIT_COUNT] = {
    [LIMIT_MESSAGE] = "You send too many messages. Please wait.",
    [LIMIT_MESSAGE_USER] = "You send too many messages. Please wait.",
    [LIMIT_MESSAGE_ADDRESS] = "Too many messages come from your address. Please wait.",
    [LIMIT_MESSAGE_ROOM] = "This room gets too many messages. Please wait.",
    [LIMIT_BYTE_USER] = "You send too much text. Please wait.",
    [LIMIT_JOIN_USER] = "You join too many rooms at once. Please wait.",
    [LIMIT_JOIN_ADDRESS] = "Too many joins come from your address. Please wait.",
};
static const struct refusal no_memory = {"unavailable", "The server is short of memory.", 1000};

static int64_t rate_of(const struct rooms *rooms, enum limit limit)
{
    return config_of(rooms)->rate[limit];
}

/* Takes all the charges, or none: then the milliseconds until it could, and *empty_out is the first limit that
 * it is over. */
static uint32_t take(struct rooms *rooms, const struct charge *charges, size_t n,
                     enum limit *empty_out)
{
    const int64_t now = chatd_mono_ms(rooms->self);
    uint32_t wait_ms = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        const struct charge *c = &charges[i];
        int64_t rate = rate_of(rooms, c->limit), burst = rate * LIMITS_BURST;
        /* What is more than a burst passes when the bucket is full, and leaves a debt. */
        uint32_t ms = chatd_bucket_wait(*c->bucket, rate, burst, c->n < burst ? c->n : burst, now);

        if (ms > wait_ms) {
            wait_ms = ms;
            *empty_out = c->limit;
        }
    }
    for (i = 0; i < n && wait_ms == 0; i++)
        chatd_bucket_charge(charges[i].bucket, rate_of(rooms, charges[i].limit), charges[i].n, now);
    return wait_ms;
}

/* Who is behind a connection does not change any more. */
static void look_up(struct rooms *rooms, struct pace *pace, chatd_conn conn)
{
    struct chatd_conn_info info = {.size = sizeof(info)};
    uint8_t network[CHATD_NETWORK_BYTES];

    if (pace->user != 0 || chatd_conn_info(rooms->self, conn, &info) < 0)
        return;
    pace->user = quota_key(rooms->limits.key, info.user);
    if (chatd_network(info.address, network))
        pace->address =
            quota_key(rooms->limits.key, (chatd_str){(const char *)network, sizeof(network)});
}

/* The buckets of a user or of an address: NULL if they are not counted, or there is no memory for it. */
static int64_t *buckets_of(struct quota *quota, uint64_t number)
{
    struct quota_row *row = number != 0 ? quota_row(quota, number) : NULL;

    return row != NULL ? row->bucket : NULL;
}

static void add(struct charge *charges, size_t *n, enum limit limit, int64_t *bucket,
                int64_t tokens)
{
    charges[(*n)++] = (struct charge){limit, bucket, tokens};
}

static void note(struct rooms *rooms, enum limit limit)
{
    chatd_metric_add(rooms->self, rooms->limits.metric, (int)limit, 1);
}

/* What is kept of it from now on. NULL: no memory. */
static struct pace *kept(struct seat *seat)
{
    if (seat->pace == NULL)
        seat->pace = calloc(1, sizeof(*seat->pace));
    return seat->pace;
}

/* Who it is: as it is kept, or in *fresh, which is zeroed. */
static const struct pace *known(struct rooms *rooms, const struct seat *seat, chatd_conn conn,
                                struct pace *fresh)
{
    struct pace *pace = seat->pace != NULL ? seat->pace : fresh;

    look_up(rooms, pace, conn);
    return pace;
}

static bool refuse(struct rooms *rooms, struct seat *seat, chatd_conn conn, enum limit limit,
                   uint32_t wait_ms, struct refusal *why_out)
{
    struct pace *pace = kept(seat);

    note(rooms, limit);
    *why_out = (struct refusal){"rate_limited", texts[limit], wait_ms};
    if (pace != NULL && chatd_bucket_take(&pace->patience, PATIENCE_A_SEC, PATIENCE, 1,
                                          chatd_mono_ms(rooms->self)) > 0)
        chatd_conn_close(rooms->self, conn, CHATD_CLOSE_TOO_MANY, "too many messages");
    return false;
}

bool limits_message(struct rooms *rooms, struct seat *seat, chatd_conn conn, struct room *room,
                    size_t bytes, struct refusal *why_out)
{
    struct pace *pace = kept(seat);
    struct charge charges[CHARGES_MAX];
    enum limit empty = LIMIT_MESSAGE;
    int64_t *user, *address;
    uint32_t wait_ms;
    size_t n = 0;

    if (pace == NULL) {
        *why_out = no_memory;
        return false;
    }
    look_up(rooms, pace, conn);
    user = buckets_of(&rooms->limits.users, pace->user);
    address = buckets_of(&rooms->limits.addresses, pace->address);
    add(charges, &n, LIMIT_MESSAGE, &pace->messages, 1);
    add(charges, &n, LIMIT_MESSAGE_ROOM, &room->messages, 1);
    if (user != NULL) {
        add(charges, &n, LIMIT_MESSAGE_USER, user + QUOTA_MESSAGES, 1);
        add(charges, &n, LIMIT_BYTE_USER, user + QUOTA_BYTES, (int64_t)bytes);
    }
    if (address != NULL)
        add(charges, &n, LIMIT_MESSAGE_ADDRESS, address + QUOTA_MESSAGES, 1);
    wait_ms = take(rooms, charges, n, &empty);
    return wait_ms == 0 || refuse(rooms, seat, conn, empty, wait_ms, why_out);
}

bool limits_join(struct rooms *rooms, struct seat *seat, chatd_conn conn, struct refusal *why_out)
{
    struct pace fresh = {0};
    const struct pace *pace = known(rooms, seat, conn, &fresh);
    struct charge charges[CHARGES_MAX];
    enum limit empty = LIMIT_JOIN_USER;
    int64_t *user, *address;
    uint32_t wait_ms;
    size_t n = 0;

    user = buckets_of(&rooms->limits.users, pace->user);
    address = buckets_of(&rooms->limits.addresses, pace->address);
    if (user != NULL)
        add(charges, &n, LIMIT_JOIN_USER, user + QUOTA_JOINS, 1);
    if (address != NULL)
        add(charges, &n, LIMIT_JOIN_ADDRESS, address + QUOTA_JOINS, 1);
    wait_ms = take(rooms, charges, n, &empty);
    return wait_ms == 0 || refuse(rooms, seat, conn, empty, wait_ms, why_out);
}

bool limits_signal(struct rooms *rooms, struct seat *seat, chatd_conn conn)
{
    enum limit empty = LIMIT_SIGNAL_USER;
    struct pace fresh = {0};
    struct charge charge;
    int64_t *user;
    size_t n = 0;

    user = buckets_of(&rooms->limits.users, known(rooms, seat, conn, &fresh)->user);
    if (user == NULL)
        return true;
    add(&charge, &n, LIMIT_SIGNAL_USER, user + QUOTA_SIGNALS, 1);
    if (take(rooms, &charge, n, &empty) == 0)
        return true;
    note(rooms, empty);
    return false;
}

int limits_register(struct rooms *rooms)
{
    static const struct chatd_metric_def def = {
        .size = sizeof(def),
        .kind = CHATD_COUNTER,
        .name = "limited_total",
        .help = "messages, joins and signals refused, by the option whose limit they were over",
        .label = "limit",
        .values = names};

    chatd_random(rooms->self, rooms->limits.key, sizeof(rooms->limits.key));
    return chatd_metric(rooms->self, &def, &rooms->limits.metric);
}

void limits_deinit(struct rooms *rooms)
{
    quota_deinit(&rooms->limits.users);
    quota_deinit(&rooms->limits.addresses);
}
