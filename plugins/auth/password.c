/* SPDX-License-Identifier: MIT */
/* Passwords: bcrypt through the re-entrant calls of libxcrypt. */
#define _DEFAULT_SOURCE 1 /* explicit_bzero */
#include "password.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

bool password_new_ok(chatd_str password)
{
    return password.n >= PASSWORD_NEW_MIN && password.n <= PASSWORD_NEW_MAX;
}

bool password_try_ok(chatd_str password)
{
    return password.n >= 1 && password.n <= PASSWORD_TRY_MAX;
}

static bool is_bcrypt_char(char c)
{
    return (c >= '.' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool password_hash_known(chatd_str hash, unsigned *cost_out)
{
    const char *h = hash.p;
    unsigned cost;
    size_t i;

    if (hash.n != PASSWORD_HASH_CHARS || h[0] != '$' || h[1] != '2' || h[3] != '$' || h[6] != '$')
        return false;
    if ((h[2] != 'a' && h[2] != 'b' && h[2] != 'y') || !is_digit(h[4]) || !is_digit(h[5]))
        return false;
    for (i = 7; i < hash.n; i++)
        if (!is_bcrypt_char(h[i]))
            return false;
    cost = (unsigned)(h[4] - '0') * 10u + (unsigned)(h[5] - '0');
    if (cost < PASSWORD_COST_MIN || cost > PASSWORD_COST_MAX)
        return false;
    *cost_out = cost;
    return true;
}

bool password_needs_rehash(const char *hash, unsigned cost)
{
    unsigned stored = (unsigned)(hash[4] - '0') * 10u + (unsigned)(hash[5] - '0');

    return hash[2] != 'b' || stored != cost;
}

/* One run of bcrypt; `out` gets the hash. struct crypt_data is 32 KiB: too much for the stack of a
 * thread that somebody else sized. */
static int bcrypt(const char *password, const char *setting, char out[PASSWORD_HASH_CHARS + 1])
{
    struct crypt_data *work = calloc(1, sizeof(*work));
    const char *hash;
    int rc = CHATD_E_INVAL;

    if (work == NULL)
        return CHATD_E_BUSY;
    hash = crypt_rn(password, setting, work, (int)sizeof(*work));
    if (hash != NULL && strlen(hash) == PASSWORD_HASH_CHARS) {
        memcpy(out, hash, PASSWORD_HASH_CHARS + 1);
        rc = CHATD_OK;
    }
    explicit_bzero(work, sizeof(*work));
    free(work);
    return rc;
}

int password_hash(const char *password, unsigned cost, const unsigned char *salt,
                  char out[PASSWORD_HASH_CHARS + 1])
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    char bytes[PASSWORD_SALT_BYTES];

    memcpy(bytes, salt, sizeof(bytes));
    if (crypt_gensalt_rn("$2b$", cost, bytes, (int)sizeof(bytes), setting, (int)sizeof(setting)) ==
        NULL)
        return CHATD_E_INVAL;
    return bcrypt(password, setting, out);
}

/* Equal or not, in a time that does not tell where they differ. */
static bool same_hash(const char *a, const char *b)
{
    unsigned char diff = 0;
    size_t i;

    for (i = 0; i < PASSWORD_HASH_CHARS; i++)
        diff |= (unsigned char)((unsigned char)a[i] ^ (unsigned char)b[i]);
    return diff == 0;
}

bool password_verify(const char *password, const char *hash)
{
    char computed[PASSWORD_HASH_CHARS + 1];
    bool same = bcrypt(password, hash, computed) == CHATD_OK && same_hash(computed, hash);

    explicit_bzero(computed, sizeof(computed));
    return same;
}

void password_spend(const char *password, unsigned from, unsigned to)
{
    static const unsigned char salt[PASSWORD_SALT_BYTES];
    char unused[PASSWORD_HASH_CHARS + 1];
    unsigned cost;

    if (from == 0) {
        (void)password_hash(password, to, salt, unused);
    } else {
        for (cost = from; cost < to; cost++)
            (void)password_hash(password, cost, salt, unused);
    }
    explicit_bzero(unused, sizeof(unused));
}
