/* SPDX-License-Identifier: MIT */
/* chatd/fields.h against jansson: both take the same texts, and say the same of every member. */
#include "check.h"

#include <chatd/fields.h>

static void check_members(const struct chatd_fields *fields, json_t *json)
{
    const char *key;
    json_t *v;

    json_object_foreach(json, key, v)
    {
        struct chatd_fields inner;
        chatd_str s = CHATD_STR("");
        int64_t number = 0;
        bool flag = false;

        CHECK(chatd_fields_has(fields, key));
        CHECK((chatd_fields_str(fields, key, &s) == CHATD_OK) == json_is_string(v));
        CHECK(!json_is_string(v) || (s.n == json_string_length(v) && s.p[s.n] == '\0' &&
                                     memcmp(s.p, json_string_value(v), s.n) == 0));
        CHECK((chatd_fields_int(fields, key, &number) == CHATD_OK) == json_is_integer(v));
        CHECK(!json_is_integer(v) || number == json_integer_value(v));
        CHECK((chatd_fields_bool(fields, key, &flag) == CHATD_OK) == json_is_boolean(v));
        CHECK(!json_is_boolean(v) || flag == json_is_true(v));
        CHECK((chatd_fields_str(fields, key, &s) == CHATD_E_NOTFOUND) == json_is_null(v));
        if (chatd_fields_object(fields, key, &inner) == CHATD_OK) {
            CHECK(json_is_object(v));
            check_members(&inner, v);
            chatd_fields_close(&inner);
        } else {
            CHECK(!json_is_object(v));
        }
    }
    CHECK(fields->json != NULL || fields->n == json_object_size(json));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = exact(data, size);
    const char *why = NULL, *tree_why = NULL;
    chatd_str text = {copy, size};
    json_t *json = chatd_json_object(text, &tree_why);
    struct chatd_fields fields;
    int rc = chatd_fields_open(text, &fields, &why);

    CHECK((rc == CHATD_OK) == (json != NULL));
    if (json != NULL) {
        check_members(&fields, json);
        chatd_fields_close(&fields);
    } else {
        CHECK(strcmp(why, tree_why) == 0);
    }
    json_decref(json);
    free(copy);
    return 0;
}
