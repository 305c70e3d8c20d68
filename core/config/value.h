/* SPDX-License-Identifier: MIT */
/* The types of options: what text is a value of which, what to say when it is not, how to store
 * it. */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include <chatd/config.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_value {
    int64_t num;      /* INT SIZE DURATION BOOL ENUM; STR SECRET: the length */
    const char *text; /* STR PATH SECRET, NULL if there is none */
    char **list;      /* LIST: one block from mem_alloc() with all its words, or NULL */
    size_t list_bytes;
};

/* Bytes of the member a type needs; 0 if there is no such type. Its alignment is the same. */
size_t config_value_size(uint32_t type);

/* "number", "switch", ... */
const char *config_value_type_name(uint32_t type);

/* Checks `text` against a row. NULL and *out if it passes (out->text is `text`); else the rest of a
 * sentence that began with the key, from mem_alloc(): " = 99 is out of range; write 10 to 14
 * (default 12)". */
char *config_value_parse(const struct chatd_cfg_field *row, const char *text,
                         struct config_value *out);

/* What a row takes, from mem_alloc(): "10 to 14 (default 12)". */
char *config_value_wanted(const struct chatd_cfg_field *row);

/* Writes the member of a row. */
void config_value_store(const struct chatd_cfg_field *row, const struct config_value *, void *out);

#endif
