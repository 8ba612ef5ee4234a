/*
 * Owns: the list of certificates that are looked after, and what the children said of each.
 * Runs in: supervisor.
 * Never: looks into a certificate; what it knows of one, the writer told it.
 */
#ifndef STAPLEGUARD_POOL_H
#define STAPLEGUARD_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf.h"
#include "msg.h"
#include "reason.h"

struct pool_cert {
    const char *name;  /* borrowed from the configuration or the pool's list of paths */
    const char *path;
    const char *chain; /* or NULL */
    const char *responder; /* or NULL */
    const struct conf_cert_policy *policy;
    bool is_known; /* the writer told what it is: the two that follow */
    uint8_t sha256[32];
    uint8_t serial[CERT_SERIAL_MAX];
    size_t serial_len;
    enum cert_state state;
    enum reason told_reason; /* why it cannot be looked after, as first told; NONE when it can */
    enum reason reason; /* of the state, or of the last failure */
    bool is_must_staple;
    int64_t not_after; /* seconds since 1970, as all times */
    int64_t next_update;
    int64_t expiry;     /* until when Apache serves the staple; 0: it has none */
    bool is_refreshed;  /* in this pass: a response was accepted */
    bool has_failed;    /* in this pass: a responder gave none, or one that was refused */
    char *detail;       /* owned: the last failure in a sentence; or NULL */
};

struct pool {
    struct pool_cert *certs; /* owned */
    size_t count;
    uint32_t *by_cert_no; /* owned: cert_no -> index; numbers are given when a certificate is sent to the children */
    uint32_t sent_count;
    char **paths; /* owned: names of discovered certificates */
    size_t path_count;
};

/*
 * Make the pool of the configured certificates and of discovered ones (path_count paths; taken over with the strings).  A
 * file that is named twice is taken once, and said so.  Returns NULL when memory ends.  conf is borrowed for the pool's
 * life.
 */
struct pool *pool_new(const struct conf *conf, char **paths, size_t path_count);
void pool_free(struct pool *pool);

/* The certificate that was sent as cert_no, or NULL. */
struct pool_cert *pool_find(struct pool *pool, uint32_t cert_no);

/* Keep reason and a copy of detail ("" for none) as the certificate's last failure. */
void pool_cert_fail(struct pool_cert *cert, enum reason reason, const char *detail);

#endif
