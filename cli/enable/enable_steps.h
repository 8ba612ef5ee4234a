/* SPDX-License-Identifier: ISC */
/*
 * Owns: what the steps of enable and disable share: counting them, interruption, changes to files, the way back.
 * Runs in: command line (enable, disable), as root.
 * Never: goes back over a change that is not in the journal.
 */
#ifndef STAPLEGUARD_ENABLE_STEPS_H
#define STAPLEGUARD_ENABLE_STEPS_H

#include <stdbool.h>
#include <stddef.h>

#include "enable/plan_request.h"
#include "enable/preflight.h"
#include "transaction/transaction.h"

#define SETUP_ERROR_MAX (FILE_PATH_MAX + 4u * DETAIL_MAX)

/* One enable or disable under way. */
struct setup_run {
    struct transaction transaction;
    bool is_begun;               /* the journal is on disk */
    bool is_recovery;            /* of a run that was killed: that it is undone is good news */
    bool is_apache_touched;      /* a restart was begun: the way back takes one, too */
    char error[SETUP_ERROR_MAX]; /* the first cause */
};

/* From here on SIGINT, SIGTERM and SIGHUP do not end us, they are asked about. */
void setup_catch_signals(void);
bool setup_is_interrupted(void);
/* True when interrupted: then that is the run's error. */
bool setup_must_stop(struct setup_run *run);

/* "3. text", flushed. */
void setup_say_step(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "   text" */
void setup_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Lock; undo what a killed run left (is_boot: its files alone).  SETUP_DONE: go on.  Else it was said why not. */
enum setup_code setup_open(struct setup_run *run, bool is_boot, const struct conf *conf);

/* The same, and unlock: what an earlier run left must be put right before anything is computed from the files. */
enum setup_code setup_tidy(bool is_dry_run, const struct conf *conf);

/* With errors among its findings: says so. */
bool setup_is_refused(const struct plan *plan);

/* Announce every change of the set to the transaction. */
int setup_announce(struct setup_run *run, const struct change_set *set);
/* Make them, saying so. */
int setup_apply(struct setup_run *run, const struct change_set *set);

/* Put everything back, Apache too; says what came of it together with run->error. */
enum setup_code setup_go_back(struct setup_run *run, const struct conf *conf);

#endif
