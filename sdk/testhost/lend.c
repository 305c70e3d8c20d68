/* SPDX-License-Identifier: MIT */
/*
 * Memory that is lent for a call. Afterwards it is filled with 0xA5 and kept to the end, so that a
 * pointer that somebody kept shows; with AddressSanitizer its use is reported where it happens.
 */
#include "host.h"

enum { RETURNED = 0xA5 };

struct lent {
    struct lent *next;
    size_t n;
    max_align_t bytes[];
};

/* There only in a program that is built with AddressSanitizer. */
void __asan_poison_memory_region(const volatile void *p, size_t n) __attribute__((weak));
void __asan_unpoison_memory_region(const volatile void *p, size_t n) __attribute__((weak));

static struct lent *take(struct loan *loan, size_t n)
{
    struct lent *lent = mem_alloc(sizeof(*lent) + n);

    lent->n = n;
    lent->next = loan->first;
    loan->first = lent;
    return lent;
}

void *lend(struct loan *loan, const void *bytes, size_t n)
{
    return memcpy(take(loan, n)->bytes, bytes, n);
}

chatd_str lend_bytes(struct loan *loan, chatd_str bytes)
{
    char *copy = (char *)take(loan, bytes.n + 1)->bytes;

    if (bytes.n > 0)
        memcpy(copy, bytes.p, bytes.n);
    return (chatd_str){copy, bytes.n};
}

chatd_str lend_str(struct loan *loan, const char *text)
{
    return lend_bytes(loan, (chatd_str){text, text != NULL ? strlen(text) : 0});
}

void lend_spoil(void *bytes, size_t n)
{
    memset(bytes, RETURNED, n);
    if (__asan_poison_memory_region != NULL)
        __asan_poison_memory_region(bytes, n);
}

void loan_end(struct testhost *t, struct loan *loan)
{
    struct lent *lent;

    while ((lent = loan->first) != NULL) {
        loan->first = lent->next;
        lend_spoil(lent->bytes, lent->n);
        lent->next = t->returned;
        t->returned = lent;
    }
}

static bool is_untouched(const struct lent *lent)
{
    const unsigned char *p = (const unsigned char *)lent->bytes;

    for (size_t i = 0; i < lent->n; i++) {
        if (p[i] != RETURNED)
            return false;
    }
    return true;
}

void lend_check(struct testhost *t)
{
    for (const struct lent *lent = t->returned; lent != NULL; lent = lent->next) {
        if (__asan_unpoison_memory_region != NULL)
            __asan_unpoison_memory_region(lent->bytes, lent->n);
        if (!is_untouched(lent))
            fault(t, "wrote to memory that was lent for a call, after the call");
    }
}

void lend_free(struct testhost *t)
{
    struct lent *lent;

    while ((lent = t->returned) != NULL) {
        t->returned = lent->next;
        mem_free(lent);
    }
}
