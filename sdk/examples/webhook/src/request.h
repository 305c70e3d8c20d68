/* SPDX-License-Identifier: MIT */
/* One request of web.h, from its options to its answer. */
#ifndef WEBHOOK_REQUEST_H
#define WEBHOOK_REQUEST_H

#include "web.h"

#include "text.h"

struct web_request {
    TAILQ_ENTRY(web_request) link;
    struct web *web;
    CURL *easy;
    struct curl_slist *headers, *resolved;
    struct text body;
    size_t head_bytes, body_max;
    bool is_too_large;
    char refused[ADDRESS_TEXT_BYTES]; /* an address that is not allowed; empty: none */
    char error[CURL_ERROR_SIZE];
    char why[CURL_ERROR_SIZE + 128];
    struct web_post post;
};

/* Calls `done` and ends the request. */
void request_finish(struct web_request *request, CURLcode code);

#endif
