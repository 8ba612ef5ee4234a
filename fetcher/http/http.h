/* SPDX-License-Identifier: ISC */
/*
 * Owns: libcurl's multi handle: what drives the transfers from the loop; kept-alive connections.
 * Runs in: fetcher.
 * Never: see http_transfer.h.
 */
#ifndef STAPLEGUARD_HTTP_H
#define STAPLEGUARD_HTTP_H

#include "http/http_transfer.h"

/* To be called once, before the process is locked in; settings are copied.  NULL without memory. */
struct http *http_new(struct loop *loop, const struct http_settings *settings);
void http_free(struct http *http);

#endif
