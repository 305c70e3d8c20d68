/* SPDX-License-Identifier: MIT */
/* The keys of tokens. */
#define _DEFAULT_SOURCE 1 /* explicit_bzero */
#include "ring.h"

#include "auth.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *ring_alg_name(enum ring_alg alg)
{
    static const char *const names[] = {"HS256", "RS256", "ES256"};

    return names[alg];
}

void ring_kid(const unsigned char *digest, char out[RING_KID_CHARS + 1])
{
    size_t i;

    for (i = 0; i < RING_KID_CHARS / 2; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static void wipe(char **text)
{
    if (*text == NULL)
        return;
    explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

void ring_key_deinit(struct ring_key *key)
{
    wipe(&key->signs);
    wipe(&key->verifies);
    if (key->hmac != NULL)
        explicit_bzero(key->hmac, sizeof(*key->hmac));
    free(key->hmac);
    memset(key, 0, sizeof(*key));
}

void ring_deinit(struct ring *ring)
{
    unsigned i;

    for (i = 0; i < ring->n; i++)
        ring_key_deinit(&ring->key[i]);
    memset(ring, 0, sizeof(*ring));
}

static int index_of(const struct ring *ring, chatd_str kid)
{
    unsigned i;

    for (i = 0; i < ring->n; i++)
        if (strlen(ring->key[i].kid) == kid.n && memcmp(ring->key[i].kid, kid.p, kid.n) == 0)
            return (int)i;
    return -1;
}

const struct ring_key *ring_find(const struct ring *ring, chatd_str kid)
{
    int i = index_of(ring, kid);

    return i >= 0 ? &ring->key[i] : NULL;
}

static void remove_at(struct ring *ring, unsigned i)
{
    ring_key_deinit(&ring->key[i]);
    ring->n--;
    memmove(&ring->key[i], &ring->key[i + 1], (ring->n - i) * sizeof(ring->key[0]));
    memset(&ring->key[ring->n], 0, sizeof(ring->key[0]));
}

void ring_remove_signer(struct ring *ring)
{
    if (ring->has_signer)
        remove_at(ring, 0);
    ring->has_signer = false;
}

static int add(struct ring *ring, const struct ring_key *key, bool signs)
{
    int there = index_of(ring, (chatd_str){key->kid, strlen(key->kid)});

    if (signs && (ring->has_signer || key->signs == NULL))
        return CHATD_E_INVAL;
    if (there >= 0 && !signs)
        return CHATD_E_EXISTS;
    if (there >= 0) /* an old one that signs again */
        remove_at(ring, (unsigned)there);
    /* One place is kept for the current key, which chatd.kv may bring later. */
    if (ring->n + (signs || ring->has_signer ? 0 : 1) >= RING_KEYS_MAX)
        return CHATD_E_BUSY;
    if (signs)
        memmove(&ring->key[1], &ring->key[0], ring->n * sizeof(ring->key[0]));
    ring->key[signs ? 0 : ring->n] = *key;
    ring->n++;
    return CHATD_OK;
}

int ring_add_pair(struct ring *ring, struct ring_key *key, bool signs)
{
    int rc;

    if (!signs)
        wipe(&key->signs);
    rc = add(ring, key, signs);
    if (rc < 0)
        ring_key_deinit(key);
    else if (signs)
        ring->has_signer = true;
    memset(key, 0, sizeof(*key));
    return rc;
}

static char *copy(chatd_str text)
{
    char *p = auth_alloc(text.n + 1);

    memcpy(p, text.p, text.n);
    return p;
}

bool ring_secret_ok(chatd_str secret)
{
    return secret.n >= RING_SECRET_MIN && secret.n <= RING_SECRET_MAX &&
           memchr(secret.p, '\0', secret.n) == NULL;
}

/* nettle makes the padded key on the stack and leaves it there: the part of it that nobody uses now is wiped. */
static void __attribute__((noinline)) wipe_stack(void)
{
    char left[1024];

    explicit_bzero(left, sizeof(left));
}

int ring_add_secret(struct ring *ring, chatd_str secret, bool signs)
{
    /* A digest that only its owner can make: who has a token learns nothing new from its kid. */
    static const unsigned char label[] = "chatd kid";
    unsigned char digest[EVP_MAX_MD_SIZE];
    struct ring_key key = {.alg = RING_HS256};

    if (!ring_secret_ok(secret))
        return CHATD_E_INVAL;
    if (HMAC(EVP_sha256(), secret.p, (int)secret.n, label, sizeof(label) - 1, digest, NULL) == NULL)
        abort();
    ring_kid(digest, key.kid);
    key.signs = copy(secret);
    key.verifies = copy(secret);
    key.hmac = auth_alloc(sizeof(*key.hmac));
    hmac_sha256_set_key(key.hmac, secret.n, (const uint8_t *)secret.p);
    wipe_stack();
    return ring_add_pair(ring, &key, signs);
}
