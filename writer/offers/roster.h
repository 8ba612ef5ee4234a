/* SPDX-License-Identifier: ISC */
/*
 * Owns: the certificates that the supervisor told of, by number, and what is held for each.
 * Runs in: writer.
 * Never: touches the store or a message; forgets a number.
 *
 * One certificate may be told under several numbers (two files with the same certificate): they share one holding.
 */
#ifndef STAPLEGUARD_ROSTER_H
#define STAPLEGUARD_ROSTER_H

#include "cert/cert.h"
#include "offers/offer_decision.h"
#include "store/store_record.h"

struct holding {
    uint8_t id[STORE_ID_LEN];
    uint8_t apache_key[DBM_KEY_LEN];
    bool is_usable;   /* told in a state in which a response can be verified */
    uint32_t cert_no; /* the first number it was told under in that state */
    struct held held;
};

/* Offers that were counted since the hour began. */
struct offer_count {
    uint32_t count;
    int64_t since; /* seconds since 1970 */
};

/* Each member by the module that writes it. */
struct roster_entry {
    struct cert cert;        /* cert_intake; its issuer belongs to the roster */
    struct holding *holding; /* roster; NULL: the certificate could not be read */
    bool is_dropped;         /* roster; not looked after any more, or a number that we never heard of */
    struct {
        uint8_t name_id[GONE_NAME_ID_LEN]; /* of the name it was told under */
        struct ocsp_policy policy;
        int64_t unknown_grace_sec;
        enum cert_state state; /* MISSING: a response can be asked for; else NO_OCSP, EXPIRED, UNUSABLE */
        enum reason reason;
    } told; /* cert_intake: what the supervisor told of it */
    struct {
        struct offer_count counted;
        enum reason last_reason; /* why the last one was refused */
        bool is_accepted;        /* one was since the last commit */
    } offers;                    /* offer_intake */
    struct {
        bool is_due;
        uint8_t kind; /* enum answer_kind */
        uint16_t reason;
        uint32_t next;              /* in the queue */
    } answer;                       /* offer_answers: the one for the fetcher */
    struct msg_cert_state reported; /* commit: the last one that the supervisor was sent */
};

struct roster;

/* NULL: no memory. */
struct roster *roster_new(void);
void roster_free(struct roster *roster);

size_t roster_count(const struct roster *roster);

/* Where the issuers of all certificates live. */
struct issuer_table *roster_issuers(struct roster *roster);

/*
 * The entry of cert_no, which is not below roster_count, zeroed; numbers in between are dropped ones.  NULL: no memory, or
 * CERTS_MAX is reached.  Pointers to entries live until the next roster_add; holdings live as long as the roster.
 */
struct roster_entry *roster_add(struct roster *roster, uint32_t cert_no);

/* The number is not looked after any more.  What is held stays. */
void roster_drop(struct roster *roster, uint32_t cert_no);

/* Give the last entry its holding once its certificate is read.  Returns false when memory ends. */
bool roster_settle(struct roster *roster, struct roster_entry *entry);

/* NULL: nobody told of such a number. */
struct roster_entry *roster_at(struct roster *roster, uint32_t cert_no);

/* Nothing is held any more: the store was set aside. */
void roster_forget_held(struct roster *roster);

/* By identity, and by the key that Apache uses. */
struct holding *roster_find_id(const struct roster *roster, const uint8_t id[STORE_ID_LEN]);
struct holding *roster_find_key(const struct roster *roster, const uint8_t key[DBM_KEY_LEN]);

#endif
