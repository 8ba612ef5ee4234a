/* SPDX-License-Identifier: ISC */
#include "http/http.h"

#include <stdlib.h>

static void collect(struct http *http)
{
    const CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
        char *owner = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
        http_transfer_finish((struct http_transfer *)(void *)owner, message->data.result);
    }
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *owner, void *socket_owner)
{
    struct http *http = owner;
    unsigned wanted = (what == CURL_POLL_IN || what == CURL_POLL_INOUT ? LOOP_READABLE : 0u)
        | (what == CURL_POLL_OUT || what == CURL_POLL_INOUT ? LOOP_WRITABLE : 0u);

    (void)easy;
    (void)socket_owner;
    return loop_watch(http->loop, LOOP_HTTP, fd, wanted);
}

static int set_timer(CURLM *multi, long timeout_msec, void *owner)
{
    struct http *http = owner;

    (void)multi;
    loop_set_timer(http->loop, LOOP_HTTP, timeout_msec < 0 ? LOOP_NO_TIMER : loop_now_msec() + timeout_msec);
    return 0;
}

static void socket_ready(void *owner, int fd, unsigned ready)
{
    struct http *http = owner;
    int what = (ready & LOOP_READABLE ? CURL_CSELECT_IN : 0) | (ready & LOOP_WRITABLE ? CURL_CSELECT_OUT : 0)
        | (ready & LOOP_BROKEN ? CURL_CSELECT_ERR : 0);
    int running;

    curl_multi_socket_action(http->multi, fd, what, &running);
    /* A connection attempt failed.  libcurl 7.88 would begin with the next address only at its next timer, up to half of
       the deadline later; this looks at every transfer now.  It is called deprecated for its cost, which is small here. */
    if ((ready & LOOP_BROKEN) != 0 && (ready & LOOP_WRITABLE) != 0)
        CURL_IGNORE_DEPRECATION(curl_multi_socket_all(http->multi, &running);)
    collect(http);
}

static void timer_expired(void *owner, int64_t now_msec)
{
    struct http *http = owner;
    int running;

    (void)now_msec;
    curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(http);
}

static struct curl_slist *make_headers(const char *const *lines)
{
    struct curl_slist *list = NULL;

    for (; *lines != NULL; lines++) {
        struct curl_slist *longer = curl_slist_append(list, *lines);

        if (longer == NULL) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

struct http *http_new(struct loop *loop, const struct http_settings *settings)
{
    /* RFC 6960 A.1; "Expect:" alone takes away the wait for 100 Continue. */
    static const char *const get_lines[] = {"Accept: application/ocsp-response", NULL};
    static const char *const post_lines[]
        = {"Accept: application/ocsp-response", "Content-Type: application/ocsp-request", "Expect:", NULL};
    struct http *http = calloc(1, sizeof *http);

    if (http == NULL)
        return NULL;
    http->loop = loop;
    http->settings = *settings;
    http->get_headers = make_headers(get_lines);
    http->post_headers = make_headers(post_lines);
    http->multi = curl_multi_init();
    if (http->get_headers == NULL || http->post_headers == NULL || http->multi == NULL) {
        http_free(http);
        return NULL;
    }
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, (void *)http);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, (void *)http);
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)settings->connections);
    curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    loop_set_owner(loop, LOOP_HTTP, http, socket_ready, timer_expired);
    return http;
}

void http_free(struct http *http)
{
    if (http == NULL)
        return;
    if (http->multi != NULL)
        curl_multi_cleanup(http->multi);
    curl_slist_free_all(http->get_headers);
    curl_slist_free_all(http->post_headers);
    free(http);
}
