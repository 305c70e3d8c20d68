/* SPDX-License-Identifier: MIT */
/* X-Forwarded-For: the client is who a slower reading from left to right says, what is left of it changes
 * nothing, and whoever adds an address at the right is believed. */
#include "net/forwarded.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): this must hold in every build type. */
#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                  \
        }                                                                             \
    } while (0)

static struct ip ip_of(const char *text)
{
    struct ip ip;

    CHECK(ip_parse(text, strlen(text), &ip));
    return ip;
}

static bool same(const struct ip *a, const struct ip *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static struct ip client(const char *list, size_t n, const struct cidr_list *trusted)
{
    struct ip ip = ip_of("127.0.0.1");

    forwarded_client(list, n, trusted, &ip);
    return ip;
}

static struct ip client_of_both(const char *left, size_t left_n, const char *right, size_t right_n,
                                const struct cidr_list *trusted)
{
    char *list = malloc(left_n + right_n + 1);
    struct ip ip;

    memcpy(list, left, left_n);
    list[left_n] = ',';
    memcpy(list + left_n + 1, right, right_n);
    ip = client(list, left_n + 1 + right_n, trusted);
    free(list);
    return ip;
}

static size_t elements(const char *list, size_t n)
{
    size_t count = 1, i;

    for (i = 0; i < n; i++)
        count += list[i] == ',';
    return count;
}

/* The same with all elements at hand. */
static struct ip slowly(const char *list, size_t n, const struct cidr_list *trusted)
{
    size_t *begin = malloc((n + 2) * sizeof(*begin)), count = 1, i, seen;
    struct ip ip = ip_of("127.0.0.1");

    begin[0] = 0;
    for (i = 0; i < n; i++) {
        if (list[i] == ',')
            begin[count++] = i + 1;
    }
    begin[count] = n + 1;
    for (seen = 0; seen < count && seen < FORWARDED_ENTRIES_MAX; seen++) {
        const char *p = list + begin[count - 1 - seen];
        size_t len = begin[count - seen] - 1 - begin[count - 1 - seen];

        for (; len > 0 && (*p == ' ' || *p == '\t'); len--)
            p++;
        while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == '\t'))
            len--;
        if (len > 0 && (!forwarded_entry(p, len, &ip) || !cidr_list_has(trusted, &ip)))
            break;
    }
    free(begin);
    return ip;
}

/* An element that is taken is an address with nothing but brackets and a port around it. */
static void check_entry(const char *text, size_t n)
{
    char again[IP_TEXT_BYTES];
    struct ip ip, other;

    if (!forwarded_entry(text, n, &ip))
        return;
    ip_text(&ip, again);
    CHECK(forwarded_entry(again, strlen(again), &other) && same(&ip, &other));
    CHECK(n > 0 && n <= IP_TEXT_BYTES + 8);
    for (size_t i = 0; i < n; i++)
        CHECK(strchr("0123456789abcdefABCDEF.:[]", text[i]) != NULL && text[i] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char spoof[] = "198.51.100.9", real[] = "203.0.113.77", proxy[] = "10.9.9.9";
    const char *list = (const char *)data;
    const struct ip there = ip_of(real), peer = ip_of("127.0.0.1");
    struct cidr_list trusted = {0};
    struct ip ip, other;

    CHECK(cidr_list_add(&trusted, "private") == NULL);
    ip = client(list, size, &trusted);
    other = slowly(list, size, &trusted);
    CHECK(same(&ip, &other));
    if (!cidr_list_has(&trusted, &ip)) {
        other = client_of_both(spoof, sizeof(spoof) - 1, list, size, &trusted);
        CHECK(same(&ip, &other));
    }
    other = client_of_both(list, size, real, sizeof(real) - 1, &trusted);
    CHECK(same(&other, &there));
    other = client_of_both(list, size, proxy, sizeof(proxy) - 1, &trusted);
    if (elements(list, size) < FORWARDED_ENTRIES_MAX)
        CHECK(same(&other, &ip) || same(&ip, &peer));
    check_entry(list, size);
    forwarded_is_https(list, size);
    cidr_list_deinit(&trusted);
    return 0;
}
