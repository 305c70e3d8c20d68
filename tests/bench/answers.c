/* SPDX-License-Identifier: MIT */
/* Keeps a short list of error codes; there are few, so it is searched from its beginning. */
#include "answers.h"

#include <string.h>

void answers_add_ack(struct answers *answers, uint64_t latency_ns)
{
    answers->acks++;
    hist_add(&answers->hist, latency_ns);
}

static void code_copy(char *out, const char *code, size_t bytes)
{
    if (bytes > ANSWERS_CODE_MAX)
        bytes = ANSWERS_CODE_MAX;
    for (size_t i = 0; i < bytes; i++)
        out[i] =
            code[i] > ' ' && code[i] < 127 && code[i] != '"' && code[i] != '\\' ? code[i] : '?';
    out[bytes] = '\0';
}

bool answers_add_error(struct answers *answers, const char *code, size_t code_bytes)
{
    char name[ANSWERS_CODE_MAX + 1];
    unsigned i = 0;

    code_copy(name, code, code_bytes);
    while (i < answers->codes && strcmp(answers->error[i].code, name) != 0)
        i++;
    bool is_new = i == answers->codes && i < ANSWERS_CODES_MAX;
    if (is_new) {
        memcpy(answers->error[i].code, name, sizeof(name));
        answers->codes++;
    }
    answers->error[i < ANSWERS_CODES_MAX ? i : ANSWERS_CODES_MAX - 1].count++;
    return is_new;
}
