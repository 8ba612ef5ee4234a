/* SPDX-License-Identifier: ISC */
/*
 * Owns: from the text that travels with a CERT_ADD to a certificate and its first state: may a response be asked for?
 * Runs in: fetcher, writer (which must come to the same answer); command line, from files.
 * Never: opens a file, or moves the descriptor's offset (fetcher and writer share it).
 */
#ifndef STAPLEGUARD_CERT_LOAD_H
#define STAPLEGUARD_CERT_LOAD_H

#include "cert/cert.h"
#include "proto/msg.h"

/*
 * Read the sealed memfd (not closed), parse, apply the responder override (one URL, "" = none), look at not_after
 * against now.
 * Returns CERT_STATE_MISSING when the certificate can be asked for (*reason REASON_NONE), else NO_OCSP, EXPIRED or
 * UNUSABLE with *reason and detail.  Where several are true: damaged, expired, no responder, no issuer, in this order; so
 * neither an expired certificate nor one without a responder needs its chain.  detail may be filled with MISSING too.
 * *out: as far as known; cert_clear it always.  System calls: pread64 alone.
 */
enum cert_state cert_load(int fd, const struct msg_cert_add *add, int64_t now, struct issuer_table *issuers, struct cert *out,
    enum reason *reason, char detail[DETAIL_MAX + 1]);

/* The same from text at hand (cert_parse's pem, pem_len and leaf_blocks). */
enum cert_state cert_load_text(const char *pem, size_t pem_len, unsigned leaf_blocks, const char *responder, int64_t now,
    struct issuer_table *issuers, struct cert *out, enum reason *reason, char detail[DETAIL_MAX + 1]);

#endif
