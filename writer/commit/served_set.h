/* SPDX-License-Identifier: ISC */
/*
 * Owns: which records of our store belong into Apache's file now, and which have no use any more.
 * Runs in: writer.
 * Never: puts anything into the file that was not verified, revoked, or past its expiry.
 */
#ifndef STAPLEGUARD_SERVED_SET_H
#define STAPLEGUARD_SERVED_SET_H

#include "dbm/dbm_plan.h"
#include "offers/roster.h"
#include "store/gone_names.h"
#include "store/store_access.h"

struct own_entry {
    uint8_t key[DBM_KEY_LEN];
    uint8_t id[STORE_ID_LEN];
    int64_t expiry;     /* seconds since 1970: what Apache is told */
    uint16_t value_len; /* in Apache's file */
    uint8_t value_sha256[32];
    bool is_served;   /* belongs into the file; else it is only known as ours */
    bool is_extended; /* expiry lies in safety_margin, because no newer response could be had */
};

/* A record that has no use any more. */
struct own_ended {
    uint8_t id[STORE_ID_LEN];
    bool is_bad;      /* cannot be decoded */
    const char *gone; /* the name of the certificate whose file does not exist any more; or NULL */
};

struct own {
    const struct roster *roster;
    const struct gone *gone;
    struct store_access *access;
    int64_t now;
    bool is_time_judged;
    bool has_no_memory;
    struct own_entry *entries; /* every record of the store; those that are served first, each part sorted by key */
    size_t count;
    size_t served;
    struct own_ended *ended; /* gone, damaged, or of certificates that nobody told of and past their end */
    size_t ended_count;
    int64_t next_change_at; /* when what belongs into the file changes by itself; INT64_MAX: not */
};

/*
 * A held response goes on being served after the expiry that safety_margin gave it, as long as it is valid and there is
 * no newer one: Apache would ask the responder itself, in the handshake, and staple its error.  From OWN_EXTEND_SEC before
 * that expiry on, Apache is told the effective end less OWN_LAST_MARGIN_SEC.
 */
#define OWN_EXTEND_SEC 3600
#define OWN_LAST_MARGIN_SEC 600

/*
 * Look through the store, which is open.  Returns false when it cannot be read (the store has failed) or memory ends.
 * own_clear in any case.
 */
bool own_collect(struct own *own, const struct roster *roster, const struct gone *gone, struct store_access *access, int64_t now,
    bool is_time_judged);

/* Remove from the store what has ended, with an event each (PARITY P5). */
void own_prune(struct own *own);

bool own_has_key(const struct own *own, const uint8_t key[DBM_KEY_LEN]);

/* The served entry of this key, or NULL. */
const struct own_entry *own_find_served(const struct own *own, const uint8_t key[DBM_KEY_LEN]);

/* For apache_dbm_commit; lives as long as own. */
struct apache_dbm_own own_for_file(struct own *own);

void own_clear(struct own *own);

#endif
