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

/* What tells that a file may have changed, without reading it. */
struct file_stamp {
    uint64_t device;
    uint64_t inode;
    int64_t size; /* -1: it was not there */
    int64_t mtime_nsec;
    int64_t ctime_nsec;
};

/* One certificate.  Each part is filled in from what its first line names; times are seconds since 1970, 0: none. */
struct listed_cert {
    /* The configuration, or Apache. */
    const char *name; /* borrowed from the configuration or the list's sources */
    const char *path;
    const char *chain;     /* or NULL */
    const char *responder; /* or NULL */
    const struct conf_cert_policy *policy;
    /* Its files. */
    struct {
        bool is_due;                 /* they are to be read */
        struct file_stamp stamps[2]; /* of path and chain, as last looked at */
    } look;
    /* What the children were sent. */
    struct {
        uint32_t cert_no; /* under which they know it, or CERT_NO_NONE */
        uint8_t text_sha256[32];
    } sent;
    /* CERT_INFO: what it is. */
    struct {
        uint32_t cert_no; /* under which the writer last told it */
        bool is_known;    /* the writer told it */
        bool is_recorded; /* the audit log has it, since the service started */
        uint8_t sha256[32];
        uint8_t serial[CERT_SERIAL_MAX];
        size_t serial_len;
        enum reason reason; /* why it cannot be looked after, as first told; NONE when it can */
        bool is_must_staple;
        int64_t not_after;
    } told;
    enum cert_state state; /* CERT_INFO and CERT_STATE */
    /* CERT_STATE: what is held. */
    struct {
        int64_t this_update;
        int64_t next_update;
        int64_t fetched_at;
        int64_t expiry;    /* until when Apache serves it; 0: there is none */
        bool is_refreshed; /* a response was accepted before the last commit */
    } staple;
    /* CERT_NEXT. */
    struct {
        int64_t at;        /* the last attempt that ended */
        int64_t next_at;   /* the next one; 0: not before something changes */
        uint32_t failures; /* attempts in a row */
    } asked;
    /* EVENT. */
    struct {
        enum reason reason; /* of the state, or of the last failure */
        char *detail;       /* owned: the last failure in a sentence; or NULL */
        bool has_failed;    /* in this run: a responder gave none, or one that was refused */
        bool is_said;       /* the log has that it fails, and not yet that it works again */
    } trouble;
};

/* A certificate that Apache names; both owned. */
struct cert_source {
    char *path;
    char *chain; /* Apache's chain file; NULL: the rest of path's file */
};

void cert_sources_free(struct cert_source *sources, size_t count);

struct cert_list {
    struct listed_cert *certs; /* owned */
    size_t count;
    struct listed_cert **by_name; /* owned: sorted; the certificates themselves keep their places */
    uint32_t *by_cert_no;         /* owned: cert_no -> index, or CERT_NO_NONE for one that was dropped */
    uint32_t number_cap;
    uint32_t sent_count;         /* numbers given so far: 0 .. sent_count - 1 */
    struct cert_source *sources; /* owned: discovered certificates, whose paths are their names */
    size_t source_count;
};

/*
 * Make the list of the configured certificates and of discovered ones (source_count sources, taken over).  A
 * file that is named twice is taken once, and said so.  Returns NULL when memory ends.  conf is borrowed for the list's
 * life.
 */
struct cert_list *cert_list_new(const struct conf *conf, struct cert_source *sources, size_t source_count);
void cert_list_free(struct cert_list *list);

/* The certificate that was sent as cert_no, or NULL: none was, or it was dropped. */
struct listed_cert *cert_list_find(struct cert_list *list, uint32_t cert_no);

/* The certificate of this name, or NULL. */
struct listed_cert *cert_list_find_name(struct cert_list *list, const char *name);

/* Give the certificate at index the next number.  Returns false when there are no more (CERTS_MAX), or memory ends. */
bool cert_list_number(struct cert_list *list, size_t index);
/* Take its number away; nobody gets that number again. */
void cert_list_drop_number(struct cert_list *list, struct listed_cert *cert);

/* Three quarters of CERTS_MAX are used, half of what the certificates themselves do not need among them: begin at 0 again. */
bool cert_list_is_short_of_numbers(const struct cert_list *list);

/*
 * list is to take the place of old: a certificate that both have alike (name, files, responder, policy) keeps its number and
 * all that is known of it; the others of list need a look.  Numbers of certificates that list does not have are dropped in
 * both.  old may be freed afterwards.  Returns false, with nothing changed, when memory ends.
 */
bool cert_list_take_over(struct cert_list *list, struct cert_list *old);

/* Look at the certificate's files from outside.  True when they are not as they were at the last such look. */
bool listed_cert_stamp(struct listed_cert *cert);

/* No number is known to anybody any more: all children were ended.  Every certificate needs a look. */
void cert_list_forget_numbers(struct cert_list *list);

/* Keep reason and a copy of detail ("" for none) as the certificate's last failure. */
void listed_cert_fail(struct listed_cert *cert, enum reason reason, const char *detail);

#endif
