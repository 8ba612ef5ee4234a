/* SPDX-License-Identifier: ISC */
/*
 * Owns: what was done to a log where its chain does not go on.
 * Runs in: command line.
 * Never: looks further than the window.
 */
#ifndef STAPLEGUARD_REVIEW_DIAGNOSE_H
#define STAPLEGUARD_REVIEW_DIAGNOSE_H

#include "audit/review_item.h"

/* A record that was found to follow. */
struct review_accepted {
    struct review_place place;
    struct audit_chain before;
    struct audit_chain after;
};

/* Around the place where the chain does not go on. */
struct review_scene {
    bool has_chain;                       /* false: no record was found yet */
    struct audit_chain start;             /* where the log's first record begins */
    struct audit_chain chain;             /* the end of what is sound */
    const struct review_item *items;      /* what comes, the first of which does not follow */
    size_t count;                         /* at least 1 */
    bool is_end;                          /* nothing comes behind them */
    const struct review_accepted *recent; /* the last ones, the newest first */
    size_t recent_count;
};

/*
 * Either a fault, of which verdict gets fault, place, seq and sentence; or REVIEW_SOUND: the first *skip items are lines that
 * were not finished, which is no fault (verdict counts them); they are to be passed over.
 */
enum review_fault review_diagnose(const struct review_scene *scene, struct review_verdict *verdict, size_t *skip);

/* May the first item be the log's first record?  REVIEW_SOUND, or what is wrong with it. */
enum review_fault review_diagnose_start(const struct review_scene *scene, struct review_verdict *verdict);

#endif
