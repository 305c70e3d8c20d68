/* SPDX-License-Identifier: MIT */
/* Options from lines of "key = value", by the core's own rules for each type. */
#include "config/nearest.h"
#include "config/value.h"
#include "host.h"

#include <stdio.h>

static const struct chatd_cfg_field *row_at(const struct testhost *t, size_t i)
{
    return (const void *)((const char *)t->desc.config + i * t->desc.field_stride);
}

static size_t count_rows(const struct testhost *t)
{
    size_t n = 0;

    while (t->desc.config != NULL && row_at(t, n)->key != NULL)
        n++;
    return n;
}

static void keep(struct testhost *t, void *p)
{
    t->config = mem_grow(t->config, t->n_config, sizeof(*t->config));
    t->config[t->n_config++] = p;
}

static const char *key_at(void *ctx, size_t i)
{
    return row_at(ctx, i)->key;
}

static char *trimmed(const char *from, const char *to)
{
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t' || to[-1] == '\r'))
        to--;
    return mem_strndup(from, (size_t)(to - from));
}

/* Sets *value_out, kept, for the option that a line is about. NULL, or what is wrong with it. */
static char *read_line(struct testhost *t, const char *line, const char *end, const char **value)
{
    const char *equals = memchr(line, '=', (size_t)(end - line));
    char *key, *why = NULL;
    size_t n = count_rows(t), i;

    if (equals == NULL)
        return mem_printf("\"%.*s\" is no line of \"key = value\"", (int)(end - line), line);
    key = trimmed(line, equals);
    for (i = 0; i < n && strcmp(row_at(t, i)->key, key) != 0;)
        i++;
    if (i < n && value[i] != NULL) {
        why = mem_printf("%s is given twice", key);
    } else if (i < n) {
        char *text = trimmed(equals + 1, end);

        keep(t, text);
        value[i] = text;
    } else {
        const char *near = config_nearest(key, key_at, t, n);

        why = near != NULL ? mem_printf("unknown option \"%s\"; did you mean \"%s\"?", key, near)
                           : mem_printf("unknown option \"%s\"", key);
    }
    mem_free(key);
    return why;
}

static char *read_lines(struct testhost *t, const char *options, const char **value)
{
    const char *line = options, *end;
    char *why = NULL;

    while (line != NULL && *line != '\0' && why == NULL) {
        end = line + strcspn(line, "\n");
        if (line[strspn(line, " \t")] != '\n' && end > line + strspn(line, " \t"))
            why = read_line(t, line, end, value);
        line = *end == '\n' ? end + 1 : end;
    }
    return why;
}

static char *store(struct testhost *t, const struct chatd_cfg_field *row, const char *text,
                   void *config)
{
    struct config_value value;
    char *fault, *why;

    if (text == NULL && (row->flags & CHATD_CFG_REQUIRED))
        return mem_printf("%s is required", row->key);
    if (text == NULL)
        text = row->def;
    if (text == NULL)
        return NULL;
    fault = config_value_parse(row, text, &value);
    if (value.list != NULL)
        keep(t, value.list);
    if (fault != NULL) {
        why = mem_printf("%s%s", row->key, fault);
        mem_free(fault);
        return why;
    }
    config_value_store(row, &value, config);
    return NULL;
}

void *options_fill(struct testhost *t, const char *options, char **why_out)
{
    size_t n = count_rows(t);
    const char **value = mem_alloc((n + 1) * sizeof(*value));
    void *config = mem_alloc(t->desc.config_size);

    keep(t, config);
    *why_out = read_lines(t, options, value);
    for (size_t i = 0; i < n && *why_out == NULL; i++)
        *why_out = store(t, row_at(t, i), value[i], config);
    mem_free(value);
    return *why_out == NULL ? config : NULL;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_list(const char *const *a, const char *const *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    while (*a != NULL && *b != NULL && strcmp(*a, *b) == 0) {
        a++;
        b++;
    }
    return *a == NULL && *b == NULL;
}

static bool is_same(const struct chatd_cfg_field *row, const void *was, const void *fresh)
{
    const void *a = (const char *)was + row->offset, *b = (const char *)fresh + row->offset;

    switch (row->type) {
    case CHATD_CFG_STR:
    case CHATD_CFG_PATH:
    case CHATD_CFG_SECRET:
        return same_text(*(const char *const *)a, *(const char *const *)b);
    case CHATD_CFG_LIST:
        return same_list(*(const char *const *const *)a, *(const char *const *const *)b);
    default:
        return memcmp(a, b, config_value_size(row->type)) == 0;
    }
}

bool options_mine(const struct testhost *t, const void *config)
{
    size_t i = 0;

    while (i < t->n_config && t->config[i] != config)
        i++;
    return i < t->n_config || config == NULL;
}

bool options_same(struct testhost *t, const void *was, const void *fresh)
{
    size_t n = count_rows(t), i = 0;

    while (i < n && is_same(row_at(t, i), was, fresh))
        i++;
    return i == n;
}

bool options_reloadable(struct testhost *t, const void *was, const void *fresh)
{
    size_t n = count_rows(t);

    for (size_t i = 0; i < n; i++) {
        const struct chatd_cfg_field *row = row_at(t, i);

        if (!(row->flags & CHATD_CFG_RELOADABLE) && !is_same(row, was, fresh)) {
            fprintf(stderr, "testhost: %s: %s is not RELOADABLE\n", t->plugin.name, row->key);
            return false;
        }
    }
    return true;
}

void options_free(struct testhost *t)
{
    for (size_t i = 0; i < t->n_config; i++)
        mem_free(t->config[i]);
    mem_free(t->config);
}
