/* SPDX-License-Identifier: ISC */
/*
 * Owns: reading Apache's file, which Apache's children can write: hostile input for a library that was not made for it.
 * Runs in: writer, which forks the reader process for each look.
 * Never: lets the library touch the file in the writer itself; waits longer or keeps more than it was told.
 *
 * The reader process holds the file and a pipe and nothing else.  Its own alarm ends it: it can neither put that off nor
 * block it (sandbox_policy_reader), so the writer needs no right to kill.
 */
#ifndef STAPLEGUARD_DBM_READER_H
#define STAPLEGUARD_DBM_READER_H

#include <stdint.h>

#include "bounds.h"
#include "dbm/dbm_driver.h"

enum foreign_result {
    FOREIGN_OK,
    FOREIGN_DAMAGED, /* the library found the file damaged */
    FOREIGN_DIED,    /* the reader crashed, or used too much memory */
    FOREIGN_HUNG,    /* time was up */
    FOREIGN_JUNK,    /* the reader sent what no honest one sends */
    FOREIGN_STOPPED, /* take said so */
    FOREIGN_FAILED,  /* no process or no pipe could be had */
};

struct foreign_outcome {
    enum foreign_result result;
    uint32_t skipped;            /* records that no stapling record's bounds fit */
    char detail[DETAIL_MAX + 1]; /* what happened, in words; "" when FOREIGN_OK */
};

/*
 * Hand each record of the file behind fd (borrowed; its offset is changed) to take, in the library's order.  Gives up after
 * timeout_sec.  What was taken before anything but FOREIGN_OK comes back is not to be relied upon.
 */
void foreign_read(const struct dbm_driver *driver, int fd, unsigned timeout_sec, dbm_take_fn *take, void *context,
    struct foreign_outcome *outcome);

#endif
