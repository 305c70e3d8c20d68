/* SPDX-License-Identifier: MIT */
/* One row of functions per option type, and the sentences for what they refuse. */
#include "config/value.h"

#include "base/mem.h"
#include "base/num.h"

#include <string.h>
#include <strings.h>

#define SHOWN_BYTES 48 /* of a wrong value in a message */

struct type {
    const char *name;
    size_t size;
    /* NULL if `text` is a value, else what it is not: "is not a number". */
    const char *(*parse)(const struct chatd_cfg_field *row, const char *text,
                         struct config_value *out);
    /* A bound as one would write it, from mem_alloc(); NULL: the type has no bounds. */
    char *(*bound)(int64_t value);
    const char *unit;   /* behind the bounds */
    bool bounds_length; /* min and max are for the length of the text */
    const char *wanted; /* instead of bounds */
};

static const char *parse_text(const struct chatd_cfg_field *row, const char *text,
                              struct config_value *out)
{
    (void)row;
    out->num = (int64_t)strlen(text);
    out->text = text;
    return NULL;
}

static const char *parse_int(const struct chatd_cfg_field *row, const char *text,
                             struct config_value *out)
{
    (void)row;
    return num_parse_i64(text, strlen(text), &out->num) ? NULL : "is not a number";
}

static const char *parse_size(const struct chatd_cfg_field *row, const char *text,
                              struct config_value *out)
{
    (void)row;
    return num_parse_size(text, strlen(text), &out->num) ? NULL : "is not a size";
}

static const char *parse_duration(const struct chatd_cfg_field *row, const char *text,
                                  struct config_value *out)
{
    (void)row;
    return num_parse_duration_ms(text, strlen(text), &out->num) ? NULL : "is not a duration";
}

static const char *parse_bool(const struct chatd_cfg_field *row, const char *text,
                              struct config_value *out)
{
    static const char *const words[] = {"off", "on", "no", "yes", "false", "true", "0", "1"};
    (void)row;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i]) == 0) {
            out->num = (int64_t)(i % 2);
            return NULL;
        }
    }
    return "is not a switch";
}

static const char *parse_enum(const struct chatd_cfg_field *row, const char *text,
                              struct config_value *out)
{
    for (int64_t i = 0; row->choices[i] != NULL; i++) {
        if (strcmp(text, row->choices[i]) == 0) {
            out->num = i;
            return NULL;
        }
    }
    return "is not one of the choices";
}

/* Pointers and words in one block: NULL-terminated array first, then the text cut into words. */
static const char *parse_list(const struct chatd_cfg_field *row, const char *text,
                              struct config_value *out)
{
    static const char separators[] = ", \t";
    (void)row;
    size_t words = 0;
    for (const char *s = text + strspn(text, separators); *s != '\0'; words++) {
        s += strcspn(s, separators);
        s += strspn(s, separators);
    }
    size_t head = (words + 1) * sizeof(char *);
    size_t len = strlen(text);
    out->list_bytes = head + len + 1;
    out->list = mem_alloc(out->list_bytes);
    char *s = memcpy((char *)out->list + head, text, len + 1);
    for (size_t i = 0; i < words; i++) {
        s += strspn(s, separators);
        out->list[i] = s;
        s += strcspn(s, separators);
        if (*s != '\0')
            *s++ = '\0';
    }
    return NULL;
}

static const char *parse_path(const struct chatd_cfg_field *row, const char *text,
                              struct config_value *out)
{
    (void)row;
    out->text = text;
    return text[0] != '\0' ? NULL : "is no path";
}

static char *show_int(int64_t value)
{
    return mem_printf("%lld", (long long)value);
}

static char *show_size(int64_t value)
{
    static const char units[] = {'k', 'm', 'g'};
    size_t unit = 0;
    while (unit < sizeof(units) && value != 0 && value % 1024 == 0) {
        value /= 1024;
        unit++;
    }
    return unit > 0 ? mem_printf("%lld%c", (long long)value, units[unit - 1]) : show_int(value);
}

static char *show_duration(int64_t value)
{
    static const struct {
        const char *name;
        int64_t factor;
    } units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (value != 0 && value % units[i].factor == 0)
            return mem_printf("%lld%s", (long long)(value / units[i].factor), units[i].name);
    }
    return value == 0 ? mem_strdup("0") : mem_printf("%lldms", (long long)value);
}

static const struct type types[] = {
    [CHATD_CFG_STR] = {.name = "text",
                       .size = sizeof(const char *),
                       .parse = parse_text,
                       .bound = show_int,
                       .unit = " bytes",
                       .bounds_length = true},
    [CHATD_CFG_INT] = {.name = "number",
                       .size = sizeof(int64_t),
                       .parse = parse_int,
                       .bound = show_int,
                       .unit = ""},
    [CHATD_CFG_BOOL] = {.name = "switch",
                        .size = sizeof(int32_t),
                        .parse = parse_bool,
                        .wanted = "on or off"},
    [CHATD_CFG_SIZE] = {.name = "size",
                        .size = sizeof(int64_t),
                        .parse = parse_size,
                        .bound = show_size,
                        .unit = ", units k m g"},
    [CHATD_CFG_DURATION] = {.name = "duration",
                            .size = sizeof(int64_t),
                            .parse = parse_duration,
                            .bound = show_duration,
                            .unit = ", units ms s m h d"},
    [CHATD_CFG_ENUM] = {.name = "choice", .size = sizeof(int32_t), .parse = parse_enum},
    [CHATD_CFG_LIST] = {.name = "list",
                        .size = sizeof(const char *const *),
                        .parse = parse_list,
                        .wanted = "words separated by commas or blanks"},
    [CHATD_CFG_PATH] = {.name = "path",
                        .size = sizeof(const char *),
                        .parse = parse_path,
                        .wanted = "a path"},
    [CHATD_CFG_SECRET] = {.name = "secret",
                          .size = sizeof(const char *),
                          .parse = parse_text,
                          .bound = show_int,
                          .unit = " bytes",
                          .bounds_length = true},
};

static const struct type *type_of(uint32_t type)
{
    bool exists = type < sizeof(types) / sizeof(types[0]) && types[type].size > 0;
    return exists ? &types[type] : NULL;
}

size_t config_value_size(uint32_t type)
{
    const struct type *t = type_of(type);
    return t != NULL ? t->size : 0;
}

const char *config_value_type_name(uint32_t type)
{
    const struct type *t = type_of(type);
    return t != NULL ? t->name : "unknown";
}

static int64_t upper_bound(const struct chatd_cfg_field *row)
{
    return row->min == 0 && row->max == 0 ? INT64_MAX : row->max;
}

/* "10 to 14 bytes", "0 or more" */
static char *describe_bounds(const struct chatd_cfg_field *row, const struct type *t)
{
    char *low = t->bound(row->min);
    char *high = t->bound(upper_bound(row));
    char *text = upper_bound(row) == INT64_MAX ? mem_printf("%s or more%s", low, t->unit)
                                               : mem_printf("%s to %s%s", low, high, t->unit);
    mem_free(low);
    mem_free(high);
    return text;
}

/* "a, b or c" */
static char *describe_choices(const char *const *choices)
{
    char *text = mem_strdup(choices[0]);
    for (size_t i = 1; choices[i] != NULL; i++) {
        const char *between = choices[i + 1] != NULL ? ", " : " or ";
        char *longer = mem_printf("%s%s%s", text, between, choices[i]);
        mem_free(text);
        text = longer;
    }
    return text;
}

static char *describe(const struct chatd_cfg_field *row, const struct type *t)
{
    if (t->wanted != NULL)
        return mem_strdup(t->wanted);
    return t->bound != NULL ? describe_bounds(row, t) : describe_choices(row->choices);
}

char *config_value_wanted(const struct chatd_cfg_field *row)
{
    char *what = describe(row, type_of(row->type));
    char *text;
    if ((row->flags & CHATD_CFG_REQUIRED) != 0)
        text = mem_printf("%s (required)", what);
    else if (row->def != NULL && row->type != CHATD_CFG_SECRET)
        text = mem_printf("%s (default %s)", what, row->def);
    else
        text = mem_strdup(what);
    mem_free(what);
    return text;
}

/* A wrong value as a message shows it: not too much of it, and nothing a terminal would obey. */
static char *printable(const char *text)
{
    size_t n = strlen(text);
    bool cut = n > SHOWN_BYTES;
    if (cut) {
        n = SHOWN_BYTES;
        while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
            n--; /* not into the middle of a UTF-8 sequence */
    }
    char *shown = mem_printf("%.*s%s", (int)n, text, cut ? "..." : "");
    for (char *c = shown; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
    return shown;
}

static char *complaint(const struct chatd_cfg_field *row, const char *text, const char *fault)
{
    char *wanted = config_value_wanted(row);
    char *sentence;
    if (text[0] == '\0') {
        sentence = mem_printf(" is empty; write %s", wanted);
    } else if (row->type == CHATD_CFG_SECRET) {
        sentence = mem_printf(" %s; write %s", fault, wanted);
    } else {
        char *shown = printable(text);
        sentence = mem_printf(" = %s %s; write %s", shown, fault, wanted);
        mem_free(shown);
    }
    mem_free(wanted);
    return sentence;
}

char *config_value_parse(const struct chatd_cfg_field *row, const char *text,
                         struct config_value *out)
{
    const struct type *t = type_of(row->type);
    *out = (struct config_value){0};
    const char *fault = t->parse(row, text, out);
    if (fault != NULL)
        return complaint(row, text, fault);
    if (t->bound == NULL || (out->num >= row->min && out->num <= upper_bound(row)))
        return NULL;
    if (!t->bounds_length)
        return complaint(row, text, "is out of range");
    return complaint(row, text, out->num < row->min ? "is too short" : "is too long");
}

void config_value_store(const struct chatd_cfg_field *row, const struct config_value *value,
                        void *out)
{
    /* memcpy, as only the plugin knows what type its member was declared with. */
    char *member = (char *)out + row->offset;
    int32_t narrow = (int32_t)value->num;
    switch (row->type) {
    case CHATD_CFG_INT:
    case CHATD_CFG_SIZE:
    case CHATD_CFG_DURATION:
        memcpy(member, &value->num, sizeof(value->num));
        break;
    case CHATD_CFG_BOOL:
    case CHATD_CFG_ENUM:
        memcpy(member, &narrow, sizeof(narrow));
        break;
    case CHATD_CFG_LIST:
        memcpy(member, &value->list, sizeof(value->list));
        break;
    default:
        memcpy(member, &value->text, sizeof(value->text));
        break;
    }
}
