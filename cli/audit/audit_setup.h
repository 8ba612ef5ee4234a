/* SPDX-License-Identifier: ISC */
/*
 * Owns: `stapleguard audit --setup-seal`: the first key of the seals, and the verification key that is shown once.
 * Runs in: command line, as root.
 * Never: writes the verification key into a file, or puts a new key over one that is there unless it is told to.
 */
#ifndef STAPLEGUARD_AUDIT_SETUP_H
#define STAPLEGUARD_AUDIT_SETUP_H

#include <stdbool.h>

#include "conf/conf.h"

/*
 * Make a random key, put it into state_dir for the service, and print the verification key with what to do with it.
 * replace: also when there is one (--replace).  Returns the exit code: 0; 1 there is a key already; 3 it cannot be done: said.
 */
int audit_setup_seal(const struct conf *conf, bool replace);

#endif
