/* SPDX-License-Identifier: ISC */
/*
 * Owns: the certificates of this Apache by number: what we must know of each, what the writer holds for it, how far it
 *       got.
 * Runs in: fetcher.
 * Never: keeps a whole certificate (below 2 KiB each; issuers are shared), or uses a number again.
 */
#ifndef STAPLEGUARD_FETCH_LIST_H
#define STAPLEGUARD_FETCH_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "cert/cert.h"
#include "proto/msg.h"
#include "schedule/schedule.h"

/* How far a certificate got. */
enum pool_stage {
    POOL_IDLE,
    POOL_WAITING, /* in a responder's line */
    POOL_ASKING,  /* an exchange is under way */
    POOL_OFFERED, /* the writer has the response, its answer is due */
};

/* Each member by the module that writes it; the first ones are fetch_list's. */
struct pool_entry {
    struct cert cert;
    struct schedule_policy policy;
    struct schedule_record held; /* state MISSING: nothing, or not known yet */
    uint8_t state;               /* enum cert_state, of the certificate itself: MISSING when it can be asked for */
    bool is_added;
    bool is_held_known;
    bool is_sha1_allowed;
    struct {
        uint8_t stage;         /* enum pool_stage */
        uint8_t url_no;        /* which of its URLs is asked */
        uint32_t next_waiting; /* the next in the responder's line, CERT_NO_NONE at its end */
    } asking;                  /* fetch_queue, with its responders */
    struct {
        struct schedule_history history; /* fetch_queue notes what an answer asked for */
        bool has_slot;                   /* its request was put off once, to a time of its own */
        bool is_wanted_now;              /* somebody asked for it */
    } plan;                              /* scheduler */
};

struct pool;

struct pool *pool_new(void);
void pool_free(struct pool *pool);

/* The certificate of this number, or NULL when nothing was ever said about it.  The pointer stays good. */
struct pool_entry *pool_at(const struct pool *pool, uint32_t cert_no);

/* One more than the highest number; how many are there, and of how many the writer said what it holds. */
uint32_t pool_count(const struct pool *pool);
uint32_t pool_added(const struct pool *pool);
uint32_t pool_held_known(const struct pool *pool);

/*
 * A CERT_ADD and its memfd (not closed).  False for a number that is not higher than all before, or without memory.  A
 * certificate that cannot be asked for is kept with its state: the supervisor hears of it from the writer.
 */
bool pool_add(struct pool *pool, const struct msg_cert_add *add, int fd, int64_t now);

/*
 * What the writer holds for cert_no.  It may come before our own CERT_ADD, which travels on another channel; may_repeat: and
 * more than once.  False for an impossible number, a second time that must not be, or without memory.
 */
bool pool_set_held(struct pool *pool, const struct msg_answer *answer, bool may_repeat);

/* CERT_DROP.  One that stands in a responder's line keeps its place there until pool_forget. */
void pool_drop(struct pool *pool, uint32_t cert_no);
void pool_forget(struct pool_entry *entry);

/* Another writer: what the one before said counts no more. */
void pool_forget_held(struct pool *pool);

/* The same times and state, from the answer to an offer. */
void pool_update_held(struct pool_entry *entry, const struct msg_answer *answer);

#endif
