/* SPDX-License-Identifier: MIT */
/* Feeds inih line by line, counts the lines and refuses what inih would cut or reinterpret. */
#include "config/ini.h"

#include "base/mem.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Both the stream inih reads from and the user data of its handler. */
struct reader {
    struct ini *ini;
    const char *next, *end; /* the bytes not yet handed out */
    unsigned line;          /* number of the line inih works on; it passes none itself */
    bool awaits_entry;      /* that line must make inih call on_entry() */
    bool skips_section;     /* its header was refused: its keys would only add noise */
    bool failed;
    void (*report)(void *arg, const char *text);
    void *arg;
};

__attribute__((format(printf, 2, 3))) static void problem(struct reader *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *what = mem_vprintf(fmt, args);
    va_end(args);
    char *text = r->line > 0 ? mem_printf("%s:%u: %s", r->ini->file, r->line, what)
                             : mem_printf("%s: %s", r->ini->file, what);
    r->report(r->arg, text);
    r->failed = true;
    mem_free(text);
    mem_free(what);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_comment(char c)
{
    return c == ';' || c == '#';
}

static bool is_control(char c)
{
    unsigned char u = (unsigned char)c;
    return (u < 0x20 && u != '\t') || u == 0x7f;
}

/* Names are what an environment variable can be made of, in both directions. */
static bool is_name(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_' || c == '.';
        if (!fine)
            return false;
    }
    return n > 0;
}

static const char *skip_blanks(const char *s, const char *end)
{
    while (s < end && is_blank(*s))
        s++;
    return s;
}

/* The complaint about a "[section]" line, or NULL; where its name ends otherwise. */
static const char *header_fault(const char *s, const char *end, const char **name_end)
{
    const char *close = memchr(s, ']', (size_t)(end - s));
    if (close == NULL)
        return "the section has no closing ']'";
    *name_end = close;
    if (close - (s + 1) > INI_SECTION_BYTES)
        return "the section's name is longer than 49 bytes";
    if (!is_name(s + 1, (size_t)(close - (s + 1))))
        return "the name of a section is made of letters, digits, '-', '_' and '.'";
    const char *rest = skip_blanks(close + 1, end);
    if (rest < end && !is_comment(*rest))
        return "nothing but a comment may follow the ']' of a section";
    return NULL;
}

static bool take_header(struct reader *r, const char *s, const char *end)
{
    const char *close;
    const char *fault = header_fault(s, end, &close);
    r->skips_section = fault != NULL;
    if (fault != NULL) {
        problem(r, "%s", fault);
        return false;
    }
    struct ini *ini = r->ini;
    ini->section = mem_grow(ini->section, ini->sections, sizeof(*ini->section));
    ini->section[ini->sections++] = (struct ini_section){
        .name = mem_strndup(s + 1, (size_t)(close - (s + 1))),
        .line = r->line,
    };
    return true;
}

/* inih takes ':' for '=' as well. Here a key has one spelling. */
static bool has_colon_first(const char *s, const char *end)
{
    while (s < end && *s != '=' && *s != ':' && *s != ';')
        s++;
    return s < end && *s == ':';
}

/* Reports what is wrong with the line; true if inih shall see it. */
static bool take_line(struct reader *r, const char *s, const char *end)
{
    if (end - s > INI_LINE_BYTES) {
        problem(r, "the line is %zu bytes long; %d is the limit", (size_t)(end - s),
                INI_LINE_BYTES);
        return false;
    }
    for (const char *c = s; c < end; c++) {
        if (is_control(*c)) {
            problem(r, "the line holds the control character 0x%02x", (unsigned char)*c);
            return false;
        }
    }
    const char *first = skip_blanks(s, end);
    if (first == end || is_comment(*first))
        return false;
    if (first > s) {
        problem(r, "the line begins with a blank; keys and sections start in the first column, "
                   "and no value goes on in a second line");
        return false;
    }
    if (*s == '[')
        return take_header(r, s, end);
    if (has_colon_first(s, end)) {
        problem(r, "':' stands where '=' is expected; write key = value");
        return false;
    }
    r->awaits_entry = true;
    return true;
}

/* A key line inih had no entry in is one without '='; it tells only once the next line is asked
 * for. */
static void settle_line(struct reader *r)
{
    if (r->awaits_entry)
        problem(r, "the line has no '='; write key = value");
    r->awaits_entry = false;
}

/* inih's ini_reader: one line, without its end, into `buf` of `size` bytes. */
static char *next_line(char *buf, int size, void *stream)
{
    struct reader *r = stream;
    settle_line(r);
    if (r->next == r->end) {
        mem_wipe(buf, (size_t)size); /* inih frees it as it is, with the last secret in it */
        return NULL;
    }
    const char *s = r->next;
    const char *newline = memchr(s, '\n', (size_t)(r->end - s));
    const char *end = newline != NULL ? newline : r->end;
    r->next = newline != NULL ? newline + 1 : r->end;
    r->line++;
    if (end > s && end[-1] == '\r')
        end--;

    /* The limit on lines keeps this below size - 1, from where on inih would ask for the rest. */
    size_t n = take_line(r, s, end) ? (size_t)(end - s) : 0;
    memcpy(buf, s, n);
    buf[n] = '\0';
    return buf;
}

static const struct ini_entry *find_entry(const struct ini *ini, const char *section,
                                          const char *key)
{
    for (size_t i = 0; i < ini->n; i++) {
        const struct ini_entry *e = &ini->entry[i];
        if (strcmp(e->key, key) == 0 && strcmp(e->section, section) == 0)
            return e;
    }
    return NULL;
}

/* inih's ini_handler. Nonzero is "go on": problems are counted by the reader. */
static int on_entry(void *user, const char *section, const char *key, const char *value)
{
    struct reader *r = user;
    struct ini *ini = r->ini;
    r->awaits_entry = false;
    if (r->skips_section)
        return 1;
    if (!is_name(key, strlen(key))) {
        problem(r, "a key is made of letters, digits, '-', '_' and '.'");
        return 1;
    }
    if (section[0] == '\0') {
        problem(r, "\"%s\" stands before the first [section]", key);
        return 1;
    }
    const struct ini_entry *earlier = find_entry(ini, section, key);
    if (earlier != NULL) {
        problem(r, "[%s] %s is given a second time; the first is in line %u", section, key,
                earlier->line);
        return 1;
    }
    ini->entry = mem_grow(ini->entry, ini->n, sizeof(*ini->entry));
    ini->entry[ini->n++] = (struct ini_entry){
        .section = mem_strdup(section),
        .key = mem_strdup(key),
        .value = mem_strdup(value),
        .line = r->line,
    };
    return 1;
}

static struct reader reader_new(const char *file, void (*report)(void *arg, const char *text),
                                void *arg)
{
    struct ini *ini = mem_alloc(sizeof(*ini));
    ini->file = mem_strdup(file);
    return (struct reader){.ini = ini, .report = report, .arg = arg};
}

static void parse(struct reader *r, const char *data, size_t n)
{
    static const char bom[] = {'\xef', '\xbb', '\xbf'};
    bool has_bom = n >= sizeof(bom) && memcmp(data, bom, sizeof(bom)) == 0;
    r->next = has_bom ? data + sizeof(bom) : data;
    r->end = data + n;

    /* Debian builds these knobs into variables. Its line buffer needs room for "\r\n" and NUL. */
    ini_use_stack = false;
    ini_allow_realloc = false;
    ini_initial_alloc = ini_max_line = INI_LINE_BYTES + 3;
    ini_allow_multiline = false;
    ini_allow_bom = false;
    ini_allow_inline_comments = true;
    ini_allow_no_value = false;
    ini_stop_on_first_error = false;
    /* Its verdict is the first bad line's number, which was reported by then, or out of memory. */
    if (ini_parse_stream(next_line, r, on_entry, r) != 0 && !r->failed) {
        r->line = 0;
        problem(r, "cannot be read: out of memory");
    }
}

int ini_read_mem(const char *name, const uint8_t *data, size_t n, struct ini **out,
                 void (*report)(void *arg, const char *text), void *arg)
{
    struct reader r = reader_new(name, report, arg);
    parse(&r, (const char *)data, n);
    *out = r.ini;
    return r.failed ? -1 : 0;
}

int ini_read(const char *file, struct ini **out, void (*report)(void *arg, const char *text),
             void *arg)
{
    struct reader r = reader_new(file, report, arg);
    char *data = NULL;
    size_t n = 0;
    FILE *f = fopen(file, "re");
    if (f != NULL) {
        data = mem_alloc(INI_FILE_BYTES + 1);
        n = fread(data, 1, INI_FILE_BYTES + 1, f);
    }
    if (f == NULL || ferror(f))
        problem(&r, "cannot be read: %s", strerror(errno));
    else if (n > INI_FILE_BYTES)
        problem(&r, "is larger than %d bytes", INI_FILE_BYTES);
    else
        parse(&r, data, n);

    if (f != NULL)
        fclose(f);
    if (data != NULL)
        mem_wipe(data, n);
    mem_free(data);
    *out = r.ini;
    return r.failed ? -1 : 0;
}

bool ini_can_hold(const char *key, const char *value)
{
    size_t n = strlen(value);
    if (!is_name(key, strlen(key)) || strlen(key) + 3 + n > INI_LINE_BYTES)
        return false;
    if (n > 0 && (is_blank(value[0]) || is_blank(value[n - 1])))
        return false;
    char before = ' ';
    for (const char *c = value; *c != '\0'; before = *c++) {
        if (is_control(*c) || (*c == ';' && is_blank(before)))
            return false;
    }
    return true;
}

void ini_free(struct ini *ini)
{
    if (ini == NULL)
        return;
    for (size_t i = 0; i < ini->n; i++) {
        struct ini_entry *e = &ini->entry[i];
        mem_wipe(e->value, strlen(e->value));
        mem_free(e->section);
        mem_free(e->key);
        mem_free(e->value);
    }
    for (size_t i = 0; i < ini->sections; i++)
        mem_free(ini->section[i].name);
    mem_free(ini->section);
    mem_free(ini->entry);
    mem_free(ini->file);
    mem_free(ini);
}
