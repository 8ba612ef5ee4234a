/* SPDX-License-Identifier: ISC */
/*
 * Owns: the list of certificates that are looked after, and what the children said of each.
 * Runs in: supervisor.
 * Never: looks into a certificate; what it knows of one, the writer told it.
 */
#ifndef STAPLEGUARD_CERT_LIST_H
#define STAPLEGUARD_CERT_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "proto/msg.h"
#include "words/reason.h"

/* A certificate that the children do not know. */
#define POOL_NO_NUMBER UINT32_MAX

/* What tells that a file may have changed, without reading it. */
struct pool_stamp {
    uint64_t device;
    uint64_t inode;
    int64_t size; /* -1: it was not there */
    int64_t mtime_nsec;
    int64_t ctime_nsec;
};

struct pool_cert {
    const char *name; /* borrowed from the configuration or the pool's sources */
    const char *path;
    const char *chain;     /* or NULL */
    const char *responder; /* or NULL */
    const struct conf_cert_policy *policy;
    uint32_t cert_no;            /* under which the children know it, or POOL_NO_NUMBER */
    bool needs_look;             /* its files are to be read */
    uint8_t text_sha256[32];     /* of what was sent under cert_no */
    struct pool_stamp stamps[2]; /* of path and chain, as last looked at */
    uint32_t told_no;            /* under which the writer last told what it is */
    bool is_known;               /* the writer told what it is: the two that follow */
    uint8_t sha256[32];
    uint8_t serial[CERT_SERIAL_MAX];
    size_t serial_len;
    bool is_told; /* the audit log has what it is, since the service started */
    enum cert_state state;
    enum reason told_reason; /* why it cannot be looked after, as first told; NONE when it can */
    enum reason reason;      /* of the state, or of the last failure */
    bool is_must_staple;
    int64_t not_after; /* seconds since 1970, as all times */
    int64_t this_update;
    int64_t next_update;
    int64_t fetched_at;   /* when what is held came */
    int64_t expiry;       /* until when Apache serves the staple; 0: it has none */
    int64_t asked_at;     /* the last attempt that ended; 0: none */
    int64_t next_at;      /* the next attempt; 0: not before something changes */
    uint32_t failures;    /* attempts in a row */
    bool is_refreshed;    /* in this pass: a response was accepted */
    bool has_failed;      /* in this pass: a responder gave none, or one that was refused */
    bool is_trouble_said; /* the daemon told people that it fails, and has not yet told that it works again */
    char *detail;         /* owned: the last failure in a sentence; or NULL */
};

/* A certificate that Apache names; both owned. */
struct pool_source {
    char *path;
    char *chain; /* Apache's chain file; NULL: the rest of path's file */
};

void pool_sources_free(struct pool_source *sources, size_t count);

struct pool {
    struct pool_cert *certs; /* owned */
    size_t count;
    struct pool_cert **by_name; /* owned: sorted; the certificates themselves keep their places */
    uint32_t *by_cert_no;       /* owned: cert_no -> index, or POOL_NO_NUMBER for one that was dropped */
    uint32_t number_cap;
    uint32_t sent_count;         /* numbers given so far: 0 .. sent_count - 1 */
    struct pool_source *sources; /* owned: discovered certificates, whose paths are their names */
    size_t source_count;
};

/*
 * Make the pool of the configured certificates and of discovered ones (source_count sources, taken over).  A
 * file that is named twice is taken once, and said so.  Returns NULL when memory ends.  conf is borrowed for the pool's
 * life.
 */
struct pool *pool_new(const struct conf *conf, struct pool_source *sources, size_t source_count);
void pool_free(struct pool *pool);

/* The certificate that was sent as cert_no, or NULL: none was, or it was dropped. */
struct pool_cert *pool_find(struct pool *pool, uint32_t cert_no);

/* The certificate of this name, or NULL. */
struct pool_cert *pool_find_name(struct pool *pool, const char *name);

/* Give the certificate at index the next number.  Returns false when there are no more (CERTS_MAX), or memory ends. */
bool pool_number(struct pool *pool, size_t index);
/* Take its number away; nobody gets that number again. */
void pool_drop_number(struct pool *pool, struct pool_cert *cert);

/* Three quarters of CERTS_MAX are used, half of what the certificates themselves do not need among them: begin at 0 again. */
bool pool_is_short_of_numbers(const struct pool *pool);

/*
 * pool is to take the place of old: a certificate that both have alike (name, files, responder, policy) keeps its number and
 * all that is known of it; the others of pool need a look.  Numbers of certificates that pool does not have are dropped in
 * both.  old may be freed afterwards.  Returns false, with nothing changed, when memory ends.
 */
bool pool_take_over(struct pool *pool, struct pool *old);

/* Look at the certificate's files from outside.  True when they are not as they were at the last such look. */
bool pool_stamp(struct pool_cert *cert);

/* No number is known to anybody any more: all children were ended.  Every certificate needs a look. */
void pool_forget_numbers(struct pool *pool);

/* Keep reason and a copy of detail ("" for none) as the certificate's last failure. */
void pool_cert_fail(struct pool_cert *cert, enum reason reason, const char *detail);

#endif
