/* SPDX-License-Identifier: MIT */
/* The keys that the options name. */
#define _DEFAULT_SOURCE 1 /* explicit_bzero */
#include "keyload.h"

#include "pem.h"
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX ((size_t)64 * 1024)

/* Empty is as good as absent: compose files pass variables on that nobody set. */
static bool is_set(const char *option)
{
    return option != NULL && option[0] != '\0';
}

bool keyload_has_signer(const struct auth_config *config)
{
    return is_set(config->jwt_secret) || is_set(config->jwt_key_file);
}

static int add_secret(struct auth *a, struct ring *ring, const char *option, const char *secret,
                      bool signs)
{
    if (ring_add_secret(ring, store_str(secret), signs) != CHATD_E_INVAL)
        return CHATD_OK;
    chatd_log(a->self, CHATD_LOG_ERROR,
              "%s has %zu bytes; it needs %u to %u: make one with `openssl rand -base64 48`",
              option, strlen(secret), RING_SECRET_MIN, RING_SECRET_MAX);
    return CHATD_E_INVAL;
}

/* Fills `text`, with a NUL. Bytes, or a negative errno. */
static ssize_t read_all(const char *path, char text[FILE_BYTES_MAX + 1], struct stat *st_out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    size_t n = 0;
    ssize_t got = 1;

    if (fd < 0 || fstat(fd, st_out) < 0)
        got = -errno;
    else if (!S_ISREG(st_out->st_mode))
        got = -EINVAL;
    while (got > 0 && n < FILE_BYTES_MAX) {
        got = read(fd, text + n, FILE_BYTES_MAX - n);
        if (got > 0)
            n += (size_t)got;
        else if (got < 0)
            got = -errno;
    }
    if (fd >= 0)
        close(fd);
    text[n] = '\0';
    return got < 0 ? got : (ssize_t)n;
}

static void warn_of_mode(struct auth *a, const char *option, const char *path, const char *text,
                         const struct stat *st)
{
    if ((st->st_mode & S_IROTH) != 0 && strstr(text, "PRIVATE KEY-----") != NULL)
        chatd_log(a->self, CHATD_LOG_WARN,
                  "%s: everybody on this machine may read %s (mode %04o): `chmod o= %s`", option,
                  path, (unsigned)st->st_mode & 07777, path);
}

static int add_file(struct auth *a, struct ring *ring, const char *option, const char *path,
                    bool signs)
{
    char *text = auth_alloc(FILE_BYTES_MAX + 1);
    char why[PEM_WHY_BYTES];
    struct stat st = {0};
    ssize_t n = read_all(path, text, &st);
    int rc = CHATD_E_INVAL;

    if (n == -EINVAL)
        chatd_log(a->self, CHATD_LOG_ERROR, "%s: %s is no file", option, path);
    else if (n < 0)
        chatd_log(a->self, CHATD_LOG_ERROR, "%s: %s cannot be read: %s", option, path,
                  strerror((int)-n));
    else if (n == (ssize_t)FILE_BYTES_MAX)
        chatd_log(a->self, CHATD_LOG_ERROR, "%s: %s has more than %zu bytes; keys are smaller",
                  option, path, FILE_BYTES_MAX - 1);
    else if (pem_read(ring, (chatd_str){text, (size_t)n}, signs, why) < 0)
        chatd_log(a->self, CHATD_LOG_ERROR, "%s: %s %s", option, path, why);
    else
        rc = CHATD_OK;
    if (rc == CHATD_OK)
        warn_of_mode(a, option, path, text, &st);
    explicit_bzero(text, FILE_BYTES_MAX);
    free(text);
    return rc;
}

static int load(struct auth *a, const struct auth_config *config, struct ring *ring)
{
    int rc = CHATD_OK;

    if (is_set(config->jwt_secret) && is_set(config->jwt_key_file)) {
        chatd_log(a->self, CHATD_LOG_ERROR,
                  "jwt_secret and jwt_key_file are both set, and one key signs: for tokens of the "
                  "other to stay good, move it to jwt_old_secret or jwt_old_key_file");
        return CHATD_E_INVAL;
    }
    if (is_set(config->jwt_secret))
        rc = add_secret(a, ring, "jwt_secret", config->jwt_secret, true);
    if (rc == CHATD_OK && is_set(config->jwt_key_file))
        rc = add_file(a, ring, "jwt_key_file", config->jwt_key_file, true);
    if (rc == CHATD_OK && is_set(config->jwt_old_secret))
        rc = add_secret(a, ring, "jwt_old_secret", config->jwt_old_secret, false);
    if (rc == CHATD_OK && is_set(config->jwt_old_key_file))
        rc = add_file(a, ring, "jwt_old_key_file", config->jwt_old_key_file, false);
    return rc;
}

int keyload(struct auth *a, const struct auth_config *config, struct ring *ring_out)
{
    struct ring ring = {.n = 0};
    int rc = load(a, config, &ring);

    if (rc < 0) {
        ring_deinit(&ring);
        return rc;
    }
    *ring_out = ring;
    return CHATD_OK;
}
