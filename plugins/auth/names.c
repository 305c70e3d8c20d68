/* SPDX-License-Identifier: MIT */
/* User names: the rules of the wire's "Users" paragraph over utf8proc's Unicode tables. */
#include "names.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static const utf8proc_option_t nfkc_casefold =
    UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;

static const char name_rule[] =
    "A name has 1 to 32 letters, digits or marks of any script, or any of . _ -";

static bool is_name_char(utf8proc_int32_t c)
{
    if (c == '.' || c == '_' || c == '-')
        return true;
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
        return true;
    default:
        return false;
    }
}

/* The number of characters, or -1 when one of them has no place in a name or is not UTF-8. */
static long count_name_chars(const utf8proc_uint8_t *p, utf8proc_ssize_t n)
{
    long count = 0;

    while (n > 0) {
        utf8proc_int32_t c;
        utf8proc_ssize_t used = utf8proc_iterate(p, n, &c);

        if (used <= 0 || !is_name_char(c))
            return -1;
        p += used;
        n -= used;
        count++;
    }
    return count;
}

int name_fold(chatd_str name, char out[NAME_BYTES_MAX + 1], const char **why_out)
{
    const utf8proc_uint8_t *typed = (const utf8proc_uint8_t *)name.p;
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t n;
    long count;
    int rc = CHATD_E_INVAL;

    *why_out = name_rule;
    if (name.n == 0 || name.n > NAME_FIELD_MAX)
        return CHATD_E_INVAL;
    if (count_name_chars(typed, (utf8proc_ssize_t)name.n) < 0)
        return CHATD_E_INVAL;
    n = utf8proc_map(typed, (utf8proc_ssize_t)name.n, &folded, nfkc_casefold);
    /* Checked again: some letters fold to a text with spaces, others to nothing at all. Counted
     * here, because this is the name that others see. */
    count = n < 0 ? -1 : count_name_chars(folded, n);
    if (count >= 1 && count <= (long)NAME_CHARS_MAX && n <= (utf8proc_ssize_t)NAME_BYTES_MAX) {
        memcpy(out, folded, (size_t)n);
        out[n] = '\0';
        rc = (int)n;
    }
    free(folded);
    return rc;
}

char *name_fold_text(chatd_str text)
{
    utf8proc_uint8_t *folded = NULL;

    if (utf8proc_map((const utf8proc_uint8_t *)text.p, (utf8proc_ssize_t)text.n, &folded,
                     nfkc_casefold) < 0)
        return NULL;
    return (char *)folded;
}

bool name_reserved(const char *folded)
{
    static const char guest[] = "guest-";

    return strncmp(folded, guest, sizeof(guest) - 1) == 0;
}

bool name_listed(const char *folded, const char *const *words)
{
    char word[NAME_BYTES_MAX + 1];
    const char *why;

    for (; words != NULL && *words != NULL; words++) {
        if (name_fold((chatd_str){*words, strlen(*words)}, word, &why) >= 0 &&
            strcmp(word, folded) == 0)
            return true;
    }
    return false;
}

static bool is_printable(utf8proc_int32_t c)
{
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return false;
    default:
        return true;
    }
}

void name_for_log(chatd_str name, char out[NAME_LOG_BYTES])
{
    const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)name.p;
    size_t left = name.n, n = 0;

    while (left > 0) {
        utf8proc_int32_t c;
        utf8proc_ssize_t used = utf8proc_iterate(p, (utf8proc_ssize_t)left, &c);
        bool shown = used > 0 && is_printable(c);
        size_t take = used > 0 ? (size_t)used : 1;
        size_t need = shown ? take : 1;

        if (n + need >= NAME_LOG_BYTES)
            break;
        if (shown)
            memcpy(out + n, p, take);
        else
            out[n] = '?';
        n += need;
        p += take;
        left -= take;
    }
    out[n] = '\0';
}
