/* SPDX-License-Identifier: ISC */
/*
 * Owns: a policy with one of its rules on an argument left out, to see that an attempt is refused by just that rule.
 * Runs in: probes (tests only).
 * Never: changes the policy itself.
 */
#ifndef STAPLEGUARD_PROBE_LOOSEN_H
#define STAPLEGUARD_PROBE_LOOSEN_H

#include "sandbox/policy.h"

/*
 * Return policy without its rule on an argument number `number`, counted from 1 in the order of the table; 0: as it is.  In a list
 * of what is denied, the whole row goes.
 */
const struct sandbox_policy *policy_loosened(const struct sandbox_policy *policy, uint32_t number);

#endif
