/* SPDX-License-Identifier: MIT */
/* Overflow-checked integers, sizes and durations from text. */
#include "base/num.h"

struct unit {
    const char *name;
    int64_t factor;
};

bool num_parse_u64(const char *s, size_t n, uint64_t *out)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s[i] - '0');
        if (sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    if (n == 0)
        return false;
    *out = sum;
    return true;
}

bool num_parse_i64(const char *s, size_t n, int64_t *out)
{
    bool negative = n > 0 && s[0] == '-';
    uint64_t sum;
    if (!num_parse_u64(s + negative, n - negative, &sum))
        return false;
    if (sum > (uint64_t)INT64_MAX + negative)
        return false;
    /* -INT64_MIN does not exist, hence the detour over sum - 1. */
    *out = negative && sum > 0 ? -(int64_t)(sum - 1) - 1 : (int64_t)sum;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The factor of the unit that is exactly the `n` bytes at `s`, or 0. `table` ends with factor 0. */
static int64_t unit_factor(const struct unit *table, bool fold, const char *s, size_t n)
{
    for (; table->factor != 0; table++) {
        size_t i = 0;
        while (i < n && table->name[i] != '\0' && table->name[i] == (fold ? lower(s[i]) : s[i]))
            i++;
        if (i == n && table->name[i] == '\0')
            return table->factor;
    }
    return 0;
}

static bool parse_with_unit(const struct unit *table, bool fold, const char *s, size_t n,
                            int64_t *out)
{
    size_t digits = 0;
    while (digits < n && is_digit(s[digits]))
        digits++;

    uint64_t count;
    int64_t factor = unit_factor(table, fold, s + digits, n - digits);
    if (factor == 0 || !num_parse_u64(s, digits, &count))
        return false;
    if (count > (uint64_t)(INT64_MAX / factor))
        return false;
    *out = (int64_t)count * factor;
    return true;
}

bool num_parse_size(const char *s, size_t n, int64_t *out)
{
    static const struct unit units[] = {
        {"", 1}, {"k", 1024}, {"m", INT64_C(1) << 20}, {"g", INT64_C(1) << 30}, {NULL, 0},
    };
    return parse_with_unit(units, true, s, n, out);
}

bool num_parse_duration_ms(const char *s, size_t n, int64_t *out)
{
    static const struct unit units[] = {
        {"", 1000},     {"ms", 1},       {"s", 1000}, {"m", 60000},
        {"h", 3600000}, {"d", 86400000}, {NULL, 0},
    };
    return parse_with_unit(units, false, s, n, out);
}
