/* SPDX-License-Identifier: MIT */
/* A POST: what libcurl is told of it, what is read of its answer, and what is said when there is none. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#endif
#include "request.h"

#include "options.h"
#include "sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_MAX 16384u /* bytes of an answer's headers */

/* --- what libcurl calls ----------------------------------------------------------------------- */

/* The one place through which every connection goes, whatever name it was made for. */
static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct web_request *r = arg;

    if (purpose == CURLSOCKTYPE_IPCXN && address_is_allowed(r->web->allow, &a->addr))
        return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
    address_text(&a->addr, r->refused);
    return CURL_SOCKET_BAD;
}

/* Anything but `n` fails the request. */
static size_t on_head(char *p, size_t size, size_t n, void *arg)
{
    struct web_request *r = arg;

    (void)p;
    r->head_bytes += size * n;
    r->is_too_large = r->is_too_large || r->head_bytes > HEAD_MAX;
    return r->is_too_large ? 0 : size * n;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct web_request *r = arg;

    if (r->body.n + size * n > r->body_max) {
        r->is_too_large = true;
        return 0;
    }
    text_add(&r->body, p, size * n);
    return r->body.has_failed ? 0 : size * n;
}

/* --- making one ------------------------------------------------------------------------------- */

static bool add_header(struct web_request *r, const char *line)
{
    struct curl_slist *more = curl_slist_append(r->headers, line);

    if (more != NULL)
        r->headers = more;
    return more != NULL;
}

static bool add_headers(struct web_request *r, const char *secret, int64_t unix_s)
{
    char line[SIGN_BYTES + 64], signature[SIGN_BYTES];

    snprintf(line, sizeof(line), "X-Chatd-Delivery: %s", r->post.id);
    if (!add_header(r, "Content-Type: application/json") || !add_header(r, line) ||
        !add_header(r, "Expect:")) /* no round trip before a large body */
        return false;
    if (secret == NULL)
        return true;
    sign(secret, unix_s, r->post.body, signature);
    snprintf(line, sizeof(line), "X-Chatd-Signature: %s", signature);
    return add_header(r, line);
}

/* False: one of them was refused. */
static bool set_options(struct web_request *r, const struct options *options)
{
    CURL *easy = r->easy;
    int rc = 0;

    rc |= curl_easy_setopt(easy, CURLOPT_PRIVATE, r);
    rc |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, r->error);
    rc |= curl_easy_setopt(easy, CURLOPT_URL, r->post.to->url);
    rc |= curl_easy_setopt(easy, CURLOPT_RESOLVE, r->resolved);
    rc |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, r->headers);
    rc |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->post.body.n);
    rc |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r->post.body.p);
    rc |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "chatd-webhook/1.0");
    rc |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)r->post.timeout_ms);
    rc |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* Nothing but HTTP to where the URL says: no redirects, and no proxy that the environment names. */
    rc |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    rc |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    rc |= curl_easy_setopt(easy, CURLOPT_PROXY, "");
    rc |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    rc |= curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (options->ca_file != NULL) {
        rc |= curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
        rc |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* these and no others */
    }
    rc |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    rc |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, r);
    rc |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
    rc |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, r);
    rc |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    rc |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, r);
    return rc == 0;
}

static void request_free(struct web_request *r)
{
    curl_easy_cleanup(r->easy);
    curl_slist_free_all(r->headers);
    curl_slist_free_all(r->resolved);
    text_free(&r->body);
    free(r);
}

/* Of one that web.c knows. */
static void request_end(struct web_request *r)
{
    TAILQ_REMOVE(&r->web->requests, r, link);
    curl_multi_remove_handle(r->web->multi, r->easy);
    request_free(r);
}

struct web_request *web_post(struct web *web, const struct web_post *post)
{
    const struct options *options = web->self->config;
    struct web_request *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->web = web;
    r->post = *post;
    r->body_max = (size_t)options->answer_max;
    r->easy = curl_easy_init();
    r->resolved = endpoint_resolved(post->to);
    if (r->easy == NULL || (r->resolved == NULL && !post->to->is_literal) ||
        !add_headers(r, options->secret, chatd_wall_ms(web->self) / 1000) ||
        !set_options(r, options) || curl_multi_add_handle(web->multi, r->easy) != CURLM_OK) {
        request_free(r);
        return NULL;
    }
    TAILQ_INSERT_TAIL(&web->requests, r, link);
    return r;
}

void web_abort(struct web_request *request)
{
    request_end(request);
}

/* --- its end ---------------------------------------------------------------------------------- */

/* Why there is no answer, as the end of a sentence that has named the option. */
static void explain(struct web_request *r, CURLcode code)
{
    const char *text = r->error[0] != '\0' ? r->error : curl_easy_strerror(code);

    if (r->refused[0] != '\0')
        snprintf(r->why, sizeof(r->why),
                 "%s is a private or local address; if it is meant, name it in `allow`",
                 r->refused);
    else if (r->is_too_large)
        snprintf(r->why, sizeof(r->why), "its answer is larger than answer_max");
    else if (code == CURLE_OPERATION_TIMEDOUT)
        snprintf(r->why, sizeof(r->why), "no answer within %u ms", r->post.timeout_ms);
    else
        snprintf(r->why, sizeof(r->why), "%s", text);
}

void request_finish(struct web_request *r, CURLcode code)
{
    struct web_answer answer = {.body = text_str(&r->body), .why = ""};
    curl_off_t micro = 0, retry_s = 0;
    long status = 0;

    curl_easy_getinfo(r->easy, CURLINFO_TOTAL_TIME_T, &micro);
    answer.seconds = (double)micro / 1e6;
    answer.is_late = code == CURLE_OPERATION_TIMEDOUT;
    if (code == CURLE_OK || (r->is_too_large && r->post.is_status_enough)) {
        curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(r->easy, CURLINFO_RETRY_AFTER, &retry_s);
        answer.status = (int)status;
        answer.retry_after_ms = (int64_t)(retry_s < 86400 ? retry_s : 86400) * 1000;
    }
    if (answer.status == 0) {
        explain(r, code);
        answer.why = r->why;
    }
    r->post.done(r->web->self, &answer, r->post.arg);
    request_end(r);
}
