/* SPDX-License-Identifier: ISC */
#include "http/http_transfer.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "http/http_header.h"
#include "http/http_reason.h"
#include "http/retry_rules.h"

/* How long libcurl's own table keeps a transfer's addresses: longer than any timeout, so that it never looks one up. */
#define ADDRESS_TABLE_SEC 3600L

/* A response is rarely longer; more room is made as it comes. */
#define BODY_ROOM_MIN 4096u

/* "+HOST:PORT:" and the addresses with a comma each. */
#define RESOLVE_LINE_LEN (HOST_NAME_MAX_LEN + 16 + NAME_ADDRESSES_MAX * (ADDRESS_TEXT_LEN + 1))

struct http_transfer {
    struct http *http;
    CURL *easy;
    http_done *done;
    void *owner;
    struct curl_slist *addresses; /* libcurl reads it during the transfer */
    struct http_trace trace;
    bool is_under_way;
    bool is_literal; /* libcurl has to read the address itself, which needs no look-up */
    uint8_t *body;   /* owned; grows up to settings.body_max */
    size_t body_len;
    size_t body_room;
    char error[CURL_ERROR_SIZE];
};

/* libcurl's callbacks of one transfer ------------------------------------------------------------------------------- */

static void note_field(struct http_transfer *transfer, const char *line, size_t len)
{
    struct http_trace *trace = &transfer->trace;
    const char *value;
    size_t value_len;

    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        /* The status line of another answer: an interim one came before. */
        trace->retry_after_sec = -1;
        trace->max_age_sec = -1;
    } else if (http_header_is(line, len, "Retry-After", &value, &value_len)) {
        trace->retry_after_sec = http_header_retry_after(value, value_len, loop_now_sec());
    } else if (http_header_is(line, len, "Cache-Control", &value, &value_len)) {
        trace->max_age_sec = http_header_max_age(value, value_len);
    }
}

static void note_end_of_header(struct http_transfer *transfer)
{
    struct http_trace *trace = &transfer->trace;
    const char *content_type = NULL;
    long status = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200)
        return;
    curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &content_type);
    trace->is_ocsp_response = http_header_is_ocsp_response(content_type);
    snprintf(trace->content_type, sizeof trace->content_type, "%.*s", (int)sizeof trace->content_type - 1,
        content_type == NULL ? "" : content_type);
    trace->http_status = (unsigned)status;
}

static size_t header_came(char *line, size_t size, size_t count, void *owner)
{
    struct http_transfer *transfer = owner;
    size_t len = size * count;

    transfer->trace.header_len += len;
    if (transfer->trace.header_len > HTTP_HEADER_MAX)
        return 0;
    if (transfer->trace.http_status != 0) /* trailer fields after a chunked body mean nothing to us */
        return len;
    if (len <= 2 && (line[0] == '\r' || line[0] == '\n'))
        note_end_of_header(transfer);
    else
        note_field(transfer, line, len);
    return len;
}

/* Room for len more bytes, which body_max was found to allow. */
static bool make_room(struct http_transfer *transfer, size_t len)
{
    size_t room = transfer->body_room < BODY_ROOM_MIN ? BODY_ROOM_MIN : transfer->body_room;
    uint8_t *body;

    while (room < transfer->body_len + len)
        room *= 2;
    if (room == transfer->body_room)
        return true;
    body = realloc(transfer->body, room);
    if (body == NULL)
        return false;
    transfer->body = body;
    transfer->body_room = room;
    return true;
}

static size_t body_came(char *data, size_t size, size_t count, void *owner)
{
    struct http_transfer *transfer = owner;
    size_t len = size * count;

    if (len > transfer->http->settings.body_max - transfer->body_len) {
        transfer->trace.is_body_too_large = true;
        return 0;
    }
    if (!make_room(transfer, len))
        return 0;
    memcpy(transfer->body + transfer->body_len, data, len);
    transfer->body_len += len;
    return len;
}

/* The last gate before a connection, on the address that is really connected to. */
static curl_socket_t open_socket(void *owner, curlsocktype purpose, struct curl_sockaddr *wanted)
{
    static const struct address_policy for_proxy = {.is_private_allowed = true, .is_loopback_allowed = true};
    struct http_transfer *transfer = owner;
    const struct http_settings *settings = &transfer->http->settings;
    struct address address;

    address_of_sockaddr(&wanted->addr, (socklen_t)wanted->addrlen, &address);
    if (purpose != CURLSOCKTYPE_IPCXN
        || !address_is_allowed(&address, settings->proxy != NULL ? &for_proxy : &settings->policy)) {
        transfer->trace.is_address_refused = true;
        transfer->trace.refused = address;
        return CURL_SOCKET_BAD;
    }
    /* Protocol 0: TCP by its own name is one that the sandbox need not know. */
    return socket(wanted->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* libcurl would start a thread for a name.  It gets every name's addresses with the transfer; this is the proof. */
static int refuse_look_up(void *state, void *reserved, void *owner)
{
    const struct http_transfer *transfer = owner;

    (void)state;
    (void)reserved;
    return transfer->is_literal ? 0 : 1;
}

static CURLcode set_trust(CURL *easy, void *ssl_ctx, void *owner)
{
    const struct http *http = owner;

    (void)easy;
    SSL_CTX_set1_cert_store(ssl_ctx, http->settings.trust);
    return CURLE_OK;
}

/* Setting up -------------------------------------------------------------------------------------------------------- */

/* The options that never change.  False when this libcurl lacks one. */
static bool set_fixed_options(struct http_transfer *transfer)
{
    const struct http *http = transfer->http;
    const char *proxy = http->settings.proxy == NULL ? "" : http->settings.proxy->text;
    CURL *easy = transfer->easy;
    CURLcode bad = CURLE_OK;

#define SET(option, value) \
    if (bad == CURLE_OK) \
    bad = curl_easy_setopt(easy, option, value)
    SET(CURLOPT_PRIVATE, (void *)transfer);
    SET(CURLOPT_ERRORBUFFER, transfer->error);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_USERAGENT, "stapleguard/" STAPLEGUARD_VERSION);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_PROXY, proxy); /* "" also keeps the environment out */
    SET(CURLOPT_NOPROXY, "");
    SET(CURLOPT_PROXYTYPE, (long)CURLPROXY_HTTP);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
    SET(CURLOPT_DNS_CACHE_TIMEOUT, ADDRESS_TABLE_SEC);
    SET(CURLOPT_HEADERFUNCTION, header_came);
    SET(CURLOPT_HEADERDATA, (void *)transfer);
    SET(CURLOPT_WRITEFUNCTION, body_came);
    SET(CURLOPT_WRITEDATA, (void *)transfer);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, (void *)transfer);
    SET(CURLOPT_RESOLVER_START_FUNCTION, refuse_look_up);
    SET(CURLOPT_RESOLVER_START_DATA, (void *)transfer);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_CAINFO, NULL); /* the built-in defaults are files, opened lazily */
    SET(CURLOPT_CAPATH, NULL);
    SET(CURLOPT_SSL_CTX_FUNCTION, set_trust);
    SET(CURLOPT_SSL_CTX_DATA, (void *)(uintptr_t)http);
#undef SET
    return bad == CURLE_OK;
}

struct http_transfer *http_transfer_new(struct http *http, http_done *done, void *owner)
{
    struct http_transfer *transfer = calloc(1, sizeof *transfer);

    if (transfer == NULL)
        return NULL;
    transfer->http = http;
    transfer->done = done;
    transfer->owner = owner;
    transfer->easy = curl_easy_init();
    if (transfer->easy == NULL || !set_fixed_options(transfer)) {
        http_transfer_free(transfer);
        return NULL;
    }
    return transfer;
}

void http_transfer_free(struct http_transfer *transfer)
{
    if (transfer == NULL)
        return;
    http_transfer_cancel(transfer);
    curl_easy_cleanup(transfer->easy);
    free(transfer->body);
    free(transfer);
}

/* "+host:port:address,address" for the host that libcurl will connect to.  NULL without memory. */
static struct curl_slist *address_lines(const struct url *peer, const struct address *addresses, size_t count)
{
    char line[RESOLVE_LINE_LEN];
    size_t len = (size_t)snprintf(line, sizeof line, "+%s:%u:", peer->host, peer->port);

    for (size_t i = 0; i < count && i < NAME_ADDRESSES_MAX; i++) {
        char text[ADDRESS_TEXT_LEN];

        address_format(&addresses[i], true, text);
        len += (size_t)snprintf(line + len, sizeof line - len, "%s%s", i == 0 ? "" : ",", text);
    }
    return curl_slist_append(NULL, line);
}

static CURLcode set_request(struct http_transfer *transfer, const struct http_request *request)
{
    const struct http *http = transfer->http;
    CURL *easy = transfer->easy;
    CURLcode bad = curl_easy_setopt(easy, CURLOPT_URL, request->text);

    if (bad == CURLE_OK)
        bad = curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_msec);
    if (bad == CURLE_OK)
        bad = curl_easy_setopt(easy, CURLOPT_RESOLVE, transfer->addresses);
    if (bad == CURLE_OK)
        bad = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->post == NULL ? http->get_headers : http->post_headers);
    if (bad != CURLE_OK || request->post == NULL)
        return bad == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) : bad;
    bad = curl_easy_setopt(easy, CURLOPT_POST, 1L);
    if (bad == CURLE_OK)
        bad = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)request->post_len);
    return bad == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->post) : bad;
}

static void forget_transfer(struct http_transfer *transfer)
{
    curl_slist_free_all(transfer->addresses);
    transfer->addresses = NULL;
    transfer->is_under_way = false;
}

bool http_transfer_start(struct http_transfer *transfer, const struct http_request *request)
{
    const struct url *proxy = transfer->http->settings.proxy;
    const struct url *peer = proxy != NULL ? proxy : request->target;

    memset(&transfer->trace, 0, sizeof transfer->trace);
    transfer->trace.has_proxy = proxy != NULL;
    transfer->trace.retry_after_sec = -1;
    transfer->trace.max_age_sec = -1;
    transfer->body_len = 0;
    transfer->error[0] = '\0';
    transfer->is_literal = peer->is_literal;
    if (!peer->is_literal) {
        transfer->addresses = address_lines(peer, request->addresses, request->address_count);
        if (transfer->addresses == NULL)
            return false;
    }
    if (set_request(transfer, request) != CURLE_OK || curl_multi_add_handle(transfer->http->multi, transfer->easy) != CURLM_OK) {
        forget_transfer(transfer);
        return false;
    }
    transfer->is_under_way = true;
    return true;
}

void http_transfer_cancel(struct http_transfer *transfer)
{
    if (!transfer->is_under_way)
        return;
    curl_multi_remove_handle(transfer->http->multi, transfer->easy);
    forget_transfer(transfer);
}

/* The end of a transfer --------------------------------------------------------------------------------------------- */

void http_transfer_finish(struct http_transfer *transfer, CURLcode code)
{
    struct http_result result = {
        .retry_after_sec = transfer->trace.retry_after_sec,
        .max_age_sec = transfer->trace.max_age_sec,
    };
    char *redirect_url = NULL;
    long connect_code = 0;
    curl_off_t first_byte_usec = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &connect_code);
    curl_easy_getinfo(transfer->easy, CURLINFO_STARTTRANSFER_TIME_T, &first_byte_usec);
    transfer->trace.has_first_byte = first_byte_usec > 0;
    transfer->trace.connect_status = (unsigned)connect_code;
    transfer->trace.body_len = transfer->body_len;
    transfer->trace.error = transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(code);
    transfer->trace.body_max = transfer->http->settings.body_max;
    result.reason = http_reason_of(&transfer->trace, code);
    http_reason_detail(&transfer->trace, result.reason, result.detail);
    result.http_status = transfer->trace.http_status;
    result.body = transfer->body;
    result.body_len = transfer->body_len;
    if (rules_is_redirect(result.http_status))
        curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_URL, &redirect_url);
    result.redirect_url = redirect_url;
    curl_multi_remove_handle(transfer->http->multi, transfer->easy);
    forget_transfer(transfer);
    transfer->done(transfer->owner, &result);
}
