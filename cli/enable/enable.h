/* SPDX-License-Identifier: ISC */
/*
 * Owns: enable and disable from their plan to their end, or back to the beginning: the steps, and the way back from each.
 * Runs in: command line (enable, disable), as root.
 * Never: leaves Apache with a half of either: what it cannot finish it undoes, now or at the next start.
 */
#ifndef STAPLEGUARD_ENABLE_H
#define STAPLEGUARD_ENABLE_H

#include "conf/conf.h"
#include "enable/plan_request.h"

/* conf: taken over.  All print what they do on standard output, and one error on standard error. */
enum setup_code setup_enable(const struct setup_options *options, struct conf *conf);
enum setup_code setup_disable(const struct setup_options *options, struct conf *conf);

/*
 * Undo what a run that was killed left behind.  is_quiet: says nothing when there is nothing.  is_boot: Apache is not running yet
 * and is started by others: its files alone are put back.
 */
enum setup_code setup_recover(bool is_quiet, bool is_boot, struct conf *conf);

#endif
