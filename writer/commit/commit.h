/* SPDX-License-Identifier: ISC */
/*
 * Owns: bringing Apache's file up to date: adopt, prune, merge, build, put in place; then everybody is told.
 * Runs in: writer.
 * Never: calls a staple good that is not in the file in place.
 */
#ifndef STAPLEGUARD_COMMIT_H
#define STAPLEGUARD_COMMIT_H

#include "dbm/apache_dbm.h"
#include "offers/offers.h"
#include "store/store_access.h"

/* What a commit brings together. */
struct commit_parts {
    struct apache_file *file;
    struct offers *offers;
    struct store_access *access;
};

struct commit_result {
    bool is_well;           /* what belongs into the file is in place */
    bool is_changed;        /* it was not before */
    int64_t next_change_at; /* seconds since 1970: what belongs into the file changes by itself; INT64_MAX: not */
    int64_t duration_msec;
};

/*
 * Look at the file, and make a new one where the one in place is not as it should be.  Then tell CERT_STATE for the
 * certificates whose state is another now, and WRITE_DONE unless nothing changed; is_first: both in any case.
 */
void commit_run(const struct commit_parts *parts, bool is_first, int64_t now, struct commit_result *result);

#endif
