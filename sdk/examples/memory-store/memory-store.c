/* SPDX-License-Identifier: MIT */
/* Offers chatd.kv from this worker's memory: a whole service provider, for tests and trials. */
#include <chatd/chatd.h>
#include <chatd/svc/kv.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 256u     /* of a namespace or key, by the contract */
#define PAGE_BYTES     1048576u /* a page of scan() ends early above this */
#define SWEEP_MS       10000u

struct store_config {
    int64_t entries_max;
};

static const struct chatd_cfg_field fields[] = {
    {.key = "entries_max",
     .type = CHATD_CFG_INT,
     .def = "10000",
     .min = 1,
     .max = 1000000,
     .offset = offsetof(struct store_config, entries_max),
     .help = "entries kept at most; further ones are refused"},
    {.key = NULL},
};

/* `bytes` holds namespace, key and value, a NUL after each. The list is in the order of `serial`,
 * which an entry keeps for its life, so that a scan can go on where it was. */
struct entry {
    struct entry *chain;       /* the next one in the bucket */
    struct entry *prev, *next; /* all entries */
    uint64_t hash, serial;
    int64_t expires_ms; /* monotonic; 0: never */
    chatd_str ns, key, value;
    char *value_bytes; /* what `value` points to */
    char names[];
};

struct store {
    uint64_t seed; /* drawn at the start: nobody outside can choose colliding keys */
    size_t n_buckets, n_entries;
    uint64_t serial;
    int64_t swept_ms;
    struct entry **buckets;
    struct entry *first, *last;
    struct answer *answers; /* posted and not called yet */
};

/* What a callback will be told: copied when the call is made, since the entry may change before. */
struct answer {
    struct answer *prev, *next;
    struct store *store;
    chatd_plugin *caller;
    chatd_kv_cb cb;
    chatd_kv_scan_cb scan_cb;
    void *arg;
    int err;
    struct chatd_kv_reply reply;
    struct chatd_kv_scan page;
    struct chatd_kv_item *items;
    char *bytes; /* what the strings above point to */
    char cursor[24];
};

/* ------------------------------------------------------------------------------ the table --- */

static uint64_t hash_bytes(uint64_t h, chatd_str s)
{
    size_t i;

    for (i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
    return (h ^ s.n) * UINT64_C(0x100000001b3);
}

static int same(chatd_str a, chatd_str b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static struct entry **place(struct store *s, uint64_t hash, chatd_str ns, chatd_str key)
{
    struct entry **at = &s->buckets[hash % s->n_buckets];

    while (*at != NULL && ((*at)->hash != hash || !same((*at)->key, key) || !same((*at)->ns, ns)))
        at = &(*at)->chain;
    return at;
}

static void entry_remove(struct store *s, struct entry *e)
{
    *place(s, e->hash, e->ns, e->key) = e->chain;
    *(e->prev != NULL ? &e->prev->next : &s->first) = e->next;
    *(e->next != NULL ? &e->next->prev : &s->last) = e->prev;
    s->n_entries--;
    free(e->value_bytes);
    free(e);
}

static int expired(const struct entry *e, int64_t now_ms)
{
    return e->expires_ms != 0 && e->expires_ms <= now_ms;
}

/* The entry, or NULL; one whose time is over is removed first. */
static struct entry *entry_find(chatd_plugin *p, chatd_str ns, chatd_str key)
{
    struct store *s = p->data;
    struct entry *e = *place(s, hash_bytes(hash_bytes(s->seed, ns), key), ns, key);

    if (e != NULL && expired(e, chatd_mono_ms(p))) {
        entry_remove(s, e);
        e = NULL;
    }
    return e;
}

static void sweep(chatd_plugin *p)
{
    struct store *s = p->data;
    struct entry *e, *next;

    s->swept_ms = chatd_mono_ms(p);
    for (e = s->first; e != NULL; e = next) {
        next = e->next;
        if (expired(e, s->swept_ms))
            entry_remove(s, e);
    }
}

static int entry_set(struct entry *e, chatd_str value)
{
    char *copy = malloc(value.n + 1);

    if (copy == NULL)
        return CHATD_E_BACKEND;
    memcpy(copy, value.p, value.n);
    copy[value.n] = '\0';
    free(e->value_bytes);
    e->value_bytes = copy;
    e->value.p = copy;
    e->value.n = value.n;
    return CHATD_OK;
}

static chatd_str copy_name(char **at, chatd_str name)
{
    chatd_str copy = {*at, name.n};

    memcpy(*at, name.p, name.n);
    (*at)[name.n] = '\0';
    *at += name.n + 1;
    return copy;
}

/* Adds an entry that is not there. CHATD_E_BACKEND: the table is full, or memory is. */
static int entry_add(chatd_plugin *p, chatd_str ns, chatd_str key, chatd_str value, int64_t ttl_ms)
{
    const struct store_config *cfg = p->config;
    struct store *s = p->data;
    struct entry *e;
    struct entry **at;
    char *names;

    if (s->n_entries >= (size_t)cfg->entries_max && chatd_mono_ms(p) - s->swept_ms >= 1000)
        sweep(p);
    if (s->n_entries >= (size_t)cfg->entries_max) {
        chatd_log(p, CHATD_LOG_WARN, "full: entries_max (%" PRId64 ") is reached",
                  cfg->entries_max);
        return CHATD_E_BACKEND;
    }
    e = calloc(1, sizeof(*e) + ns.n + key.n + 2);
    if (e == NULL || entry_set(e, value) < 0) {
        free(e);
        return CHATD_E_BACKEND;
    }
    names = e->names;
    e->ns = copy_name(&names, ns);
    e->key = copy_name(&names, key);
    e->hash = hash_bytes(hash_bytes(s->seed, ns), key);
    e->serial = ++s->serial;
    e->expires_ms = ttl_ms > 0 ? chatd_mono_ms(p) + ttl_ms : 0;
    at = place(s, e->hash, e->ns, e->key);
    *at = e;
    e->prev = s->last;
    *(s->last != NULL ? &s->last->next : &s->first) = e;
    s->last = e;
    s->n_entries++;
    return CHATD_OK;
}

/* ---------------------------------------------------------------------------- the answers --- */

static void answer_free(struct answer *a)
{
    *(a->prev != NULL ? &a->prev->next : &a->store->answers) = a->next;
    if (a->next != NULL)
        a->next->prev = a->prev;
    free(a->items);
    free(a->bytes);
    free(a);
}

static void answer_deliver(chatd_plugin *p, void *arg)
{
    struct answer *a = arg;

    (void)p;
    if (a->cb != NULL)
        a->cb(a->caller, a->err, &a->reply, a->arg);
    if (a->scan_cb != NULL)
        a->scan_cb(a->caller, a->err, &a->page, a->arg);
    answer_free(a);
}

/* Posts an answer before the work is done, so that a call which cannot be answered does nothing.
 * It is filled in afterwards: the callback runs in a later turn of this same thread. */
static int answer_new(chatd_plugin *p, chatd_plugin *caller, void *arg, struct answer **answer_out)
{
    struct store *s = p->data;
    struct answer *a = calloc(1, sizeof(*a));
    int rc;

    if (a == NULL)
        return CHATD_E_BUSY;
    a->store = s;
    a->caller = caller;
    a->arg = arg;
    a->reply.size = sizeof(a->reply);
    a->reply.value = CHATD_STR("");
    a->page.size = sizeof(a->page);
    a->page.stride = sizeof(struct chatd_kv_item);
    a->page.cursor = CHATD_STR("");
    a->next = s->answers;
    if (a->next != NULL)
        a->next->prev = a;
    s->answers = a;
    rc = chatd_post(p, answer_deliver, a);
    if (rc < 0) {
        answer_free(a);
        return rc;
    }
    *answer_out = a;
    return CHATD_OK;
}

/* Ends a call: `err`, and the value of `e` if there is one. */
static int answer_with(struct answer *a, int err, const struct entry *e)
{
    a->err = err;
    if (e == NULL)
        return CHATD_OK;
    a->bytes = malloc(e->value.n + 1);
    if (a->bytes == NULL) {
        a->err = CHATD_E_BACKEND;
        return CHATD_OK;
    }
    memcpy(a->bytes, e->value.p, e->value.n + 1);
    a->reply.value.p = a->bytes;
    a->reply.value.n = e->value.n;
    return CHATD_OK;
}

/* ------------------------------------------------------------------------------ the calls --- */

static int bad_name(chatd_str s)
{
    return s.n == 0 || s.n > NAME_MAX_BYTES || memchr(s.p, '\0', s.n) != NULL;
}

/* Checks the arguments and posts the answer: what all calls but scan() begin with. */
static int begin(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, size_t value_n,
                 int64_t ttl_ms, chatd_kv_cb cb, void *arg, struct answer **answer_out)
{
    int rc;

    if (bad_name(ns) || bad_name(key) || value_n > CHATD_KV_VALUE_MAX || ttl_ms < 0)
        return CHATD_E_INVAL;
    rc = answer_new(p, self, arg, answer_out);
    if (rc == CHATD_OK)
        (*answer_out)->cb = cb;
    return rc;
}

static int kv_get(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, chatd_kv_cb cb,
                  void *arg)
{
    struct answer *a;
    struct entry *e;
    int rc = begin(p, self, ns, key, 0, 0, cb, arg, &a);

    if (rc < 0)
        return rc;
    e = entry_find(p, ns, key);
    return answer_with(a, e != NULL ? CHATD_OK : CHATD_E_NOTFOUND, e);
}

static int kv_put(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, chatd_str value,
                  int64_t ttl_ms, chatd_kv_cb cb, void *arg)
{
    struct answer *a;
    struct entry *e;
    int rc = begin(p, self, ns, key, value.n, ttl_ms, cb, arg, &a);

    if (rc < 0)
        return rc;
    e = entry_find(p, ns, key);
    if (e == NULL)
        return answer_with(a, entry_add(p, ns, key, value, ttl_ms), NULL);
    rc = entry_set(e, value);
    if (rc == CHATD_OK)
        e->expires_ms = ttl_ms > 0 ? chatd_mono_ms(p) + ttl_ms : 0;
    return answer_with(a, rc, NULL);
}

static int kv_put_absent(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key,
                         chatd_str value, int64_t ttl_ms, chatd_kv_cb cb, void *arg)
{
    struct answer *a;
    struct entry *e;
    int rc = begin(p, self, ns, key, value.n, ttl_ms, cb, arg, &a);

    if (rc < 0)
        return rc;
    e = entry_find(p, ns, key);
    if (e != NULL)
        return answer_with(a, CHATD_E_EXISTS, e);
    return answer_with(a, entry_add(p, ns, key, value, ttl_ms), NULL);
}

static int kv_cas(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key,
                  chatd_str expected, chatd_str value, chatd_kv_cb cb, void *arg)
{
    struct answer *a;
    struct entry *e;
    int rc = begin(p, self, ns, key, value.n, 0, cb, arg, &a);

    if (rc < 0)
        return rc;
    e = entry_find(p, ns, key);
    if (e == NULL || e->expires_ms != 0) /* the contract has cas for entries without ttl */
        return answer_with(a, CHATD_E_NOTFOUND, NULL);
    if (!same(e->value, expected))
        return answer_with(a, CHATD_E_EXISTS, e);
    return answer_with(a, entry_set(e, value), NULL);
}

/* Decimal digits with at most a minus before them, as add() itself writes. */
static int number_of(chatd_str text, int64_t *number_out)
{
    const char *digits = text.p + (text.n > 0 && text.p[0] == '-');
    long long number;
    char *end;

    if (*digits < '0' || *digits > '9')
        return CHATD_E_INVAL;
    errno = 0;
    number = strtoll(text.p, &end, 10);
    if (errno != 0 || end != text.p + text.n)
        return CHATD_E_INVAL;
    *number_out = number;
    return CHATD_OK;
}

static int sum_of(int64_t a, int64_t b, int64_t *sum_out)
{
    if ((b > 0 && a > INT64_MAX - b) || (b < 0 && a < INT64_MIN - b))
        return CHATD_E_INVAL;
    *sum_out = a + b;
    return CHATD_OK;
}

static int kv_add(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, int64_t n,
                  int64_t ttl_ms, chatd_kv_cb cb, void *arg)
{
    struct answer *a;
    struct entry *e;
    int64_t before = 0, sum = 0;
    char digits[24];
    chatd_str text = {digits, 0};
    int rc = begin(p, self, ns, key, 0, ttl_ms, cb, arg, &a);

    if (rc < 0)
        return rc;
    e = entry_find(p, ns, key);
    if ((e != NULL && number_of(e->value, &before) < 0) || sum_of(before, n, &sum) < 0)
        return answer_with(a, CHATD_E_INVAL, NULL);
    text.n = (size_t)snprintf(digits, sizeof(digits), "%" PRId64, sum);
    rc = e != NULL ? entry_set(e, text) : entry_add(p, ns, key, text, ttl_ms);
    a->reply.number = rc == CHATD_OK ? sum : 0;
    return answer_with(a, rc, NULL);
}

static int kv_del(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str key, chatd_kv_cb cb,
                  void *arg)
{
    struct answer *a;
    struct entry *e;
    int rc = begin(p, self, ns, key, 0, 0, cb, arg, &a);

    if (rc < 0)
        return rc;
    e = entry_find(p, ns, key);
    if (e == NULL)
        return answer_with(a, CHATD_E_NOTFOUND, NULL);
    entry_remove(p->data, e);
    return answer_with(a, CHATD_OK, NULL);
}

/* The first entry of a page: of this namespace, without ttl, after the cursor. */
static const struct entry *scan_next(const struct entry *e, chatd_str ns, uint64_t after)
{
    while (e != NULL && (e->serial <= after || e->expires_ms != 0 || !same(e->ns, ns)))
        e = e->next;
    return e;
}

/* Copies the page's entries: sizes first, so that one block holds them all. */
static int scan_fill(struct answer *a, const struct entry *from, chatd_str ns, uint32_t limit)
{
    const struct entry *e;
    size_t bytes = 0;
    uint32_t n = 0;
    char *at;

    for (e = from; e != NULL && n < limit && bytes < PAGE_BYTES; e = scan_next(e->next, ns, 0)) {
        bytes += e->key.n + e->value.n + 2;
        n++;
    }
    a->page.more = e != NULL;
    if (n == 0)
        return CHATD_OK;
    a->items = calloc(n, sizeof(*a->items));
    a->bytes = at = malloc(bytes);
    if (a->items == NULL || at == NULL)
        return CHATD_E_BACKEND;
    for (e = from; a->page.n < n; e = scan_next(e->next, ns, 0)) {
        a->items[a->page.n].key = copy_name(&at, e->key);
        a->items[a->page.n].value = copy_name(&at, e->value);
        a->page.n++;
        a->page.cursor.n = (size_t)snprintf(a->cursor, sizeof(a->cursor), "%" PRIu64, e->serial);
    }
    a->page.items = a->items;
    a->page.cursor.p = a->cursor;
    return CHATD_OK;
}

static int kv_scan(chatd_plugin *p, chatd_plugin *self, chatd_str ns, chatd_str cursor,
                   uint32_t limit, chatd_kv_scan_cb cb, void *arg)
{
    const struct store *s = p->data;
    struct answer *a;
    int64_t after = 0;
    int rc;

    if (bad_name(ns) || limit == 0 || limit > CHATD_KV_SCAN_MAX ||
        (cursor.n > 0 && number_of(cursor, &after) < 0))
        return CHATD_E_INVAL;
    rc = answer_new(p, self, arg, &a);
    if (rc < 0)
        return rc;
    a->scan_cb = cb;
    a->err = scan_fill(a, scan_next(s->first, ns, (uint64_t)after), ns, limit);
    return CHATD_OK;
}

/* ------------------------------------------------------------------------------- the life --- */

static void sweep_timer(chatd_plugin *self, void *arg)
{
    (void)arg;
    sweep(self);
}

static int init(chatd_plugin *self)
{
    static const struct chatd_kv_api api = {
        .size = sizeof(api),
        .get = kv_get,
        .put = kv_put,
        .put_absent = kv_put_absent,
        .cas = kv_cas,
        .add = kv_add,
        .del = kv_del,
        .scan = kv_scan,
    };
    static const struct chatd_service_def def = {
        .size = sizeof(def),
        .major = CHATD_KV_MAJOR,
        .minor = CHATD_KV_MINOR,
        .name = CHATD_KV_SERVICE,
        .api = &api,
    };

    return chatd_service_offer(self, &def);
}

static int start(chatd_plugin *self)
{
    const struct store_config *cfg = self->config;
    struct store *s = calloc(1, sizeof(*s));
    chatd_timer timer;

    if (s == NULL)
        return CHATD_E_BACKEND;
    s->n_buckets = (size_t)cfg->entries_max;
    s->buckets = calloc(s->n_buckets, sizeof(struct entry *));
    if (s->buckets == NULL) {
        free(s);
        return CHATD_E_BACKEND;
    }
    chatd_random(self, &s->seed, sizeof(s->seed));
    self->data = s;
    chatd_log(self, CHATD_LOG_WARN,
              "values are kept in the memory of each worker: run one worker, and expect them to "
              "be gone after a restart");
    return chatd_timer_start(self, SWEEP_MS, SWEEP_MS, sweep_timer, NULL, &timer);
}

/* Callers stop before their provider does, so an answer that is still posted has nobody left to go
 * to: it is freed, not delivered. */
static void stop(chatd_plugin *self)
{
    struct store *s = self->data;

    if (s == NULL)
        return;
    while (s->answers != NULL)
        answer_free(s->answers); /* NOLINT(clang-analyzer-*): the head moves on */
    while (s->first != NULL)
        entry_remove(s, s->first); /* NOLINT(clang-analyzer-*): the head moves on */
    free(s->buckets);
    free(s);
    self->data = NULL;
}

CHATD_PLUGIN(.name = "memory-store", .version = "1.0", .license = "MIT", .config = fields,
             .config_size = sizeof(struct store_config), .init = init, .start = start,
             .stop = stop);
