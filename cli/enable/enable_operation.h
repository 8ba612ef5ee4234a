/* SPDX-License-Identifier: ISC */
/*
 * Owns: the frame of enable and disable: tidy up after a killed run, plan, show, and then refuse, stop, or do it or go back.
 * Runs in: command line (enable, disable), as root.
 * Never: knows what either changes.
 */
#ifndef STAPLEGUARD_ENABLE_OPERATION_H
#define STAPLEGUARD_ENABLE_OPERATION_H

#include "enable/enable_steps.h"

/* What one of them is.  All take the plan that `make` filled, and what they print is for people. */
struct operation {
    void (*make)(const struct plan_request *request, struct conf *conf, struct plan *plan); /* takes conf over */
    void (*say_scope)(const struct plan *plan);
    void (*say_diff)(const struct plan *plan);
    bool (*is_nothing)(const struct plan *plan);
    void (*say_nothing)(const struct plan *plan);
    /* Returns 0; or -1 with run->error: operation_run then undoes what the run's journal has. */
    int (*carry_out)(struct setup_run *run, struct plan *plan, const struct setup_options *options);
    void (*say_end)(const struct setup_run *run, const struct plan *plan);
};

/* conf: taken over. */
enum setup_code operation_run(const struct operation *operation, const struct setup_options *options, struct conf *conf);

#endif
