/* SPDX-License-Identifier: ISC */
/*
 * Owns: taking in responses that somebody offers: judged, stored in batches, then answered and reported.
 * Runs in: writer.
 * Never: acknowledges what the store has not committed; believes anything that came with an offer.
 */
#ifndef STAPLEGUARD_OFFER_INTAKE_H
#define STAPLEGUARD_OFFER_INTAKE_H

#include "offers/offers.h"
#include "store/store_access.h"

/* Offers in one transaction: a sync costs milliseconds, so what has come meanwhile shares one. */
#define INTAKE_BATCH_MAX 64u

enum intake_source {
    INTAKE_FETCHER, /* hostile by assumption; gets an answer */
    INTAKE_APACHE,  /* found in Apache's file: hostile too; nobody waits for an answer */
};

struct intake_item {
    uint32_t cert_no;
    enum intake_source source;
    enum accept_action action;
    enum reason reason;
    bool is_withdrawn_now;
    bool is_told;       /* a refusal that is worth an event */
    struct held before; /* what was held, should the commit fail */
    struct held after;
    uint32_t der_len;
    char detail[DETAIL_MAX + 1];
};

struct intake {
    struct offers *offers;
    struct store_access *access;
    int64_t now;
    bool has_transaction;
    bool has_failed;       /* nothing of this batch can be stored */
    bool has_write_failed; /* because the store just failed, not because it had failed before */
    size_t count;
    size_t done_count; /* after intake_end: how many of items tell what became of the batch */
    struct intake_item items[INTAKE_BATCH_MAX];
};

/* One batch: begin, up to INTAKE_BATCH_MAX offers (intake_is_full), end. */
void intake_begin(struct intake *intake, struct offers *offers, struct store_access *access, int64_t now);
bool intake_is_full(const struct intake *intake);
void intake_offer(struct intake *intake, enum intake_source source, uint32_t cert_no, const uint8_t *der, size_t der_len);
void intake_end(struct intake *intake);

#endif
