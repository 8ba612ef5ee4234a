/* SPDX-License-Identifier: ISC */
/*
 * Owns: as much of HTTP/1.1 as OCSP clients use: where a request ends, and what it asks for.
 * Runs in: the benchmark's responder.
 * Never: part of what is measured.
 */
#ifndef STAPLEGUARD_BENCH_RESPONDER_HTTP_H
#define STAPLEGUARD_BENCH_RESPONDER_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_request {
    size_t len;     /* what it takes of the input */
    int64_t number; /* of the certificate; -1: none of ours */
    bool is_last;   /* the client wants the connection closed */
};

enum http_parsed {
    HTTP_PARSED,
    HTTP_INCOMPLETE,
    HTTP_BAD,
};

/* The request at the beginning of data: a GET with the OCSPRequest in its path, or a POST with it as its body. */
enum http_parsed http_parse(const char *data, size_t len, struct http_request *request);

#endif
