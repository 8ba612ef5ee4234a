/* SPDX-License-Identifier: ISC */
/*
 * Owns: the status of the service as JSON (docs/status.md is its contract).
 * Runs in: supervisor.
 * Never: decides; it writes down what the list and the facts say.
 */
#ifndef STAPLEGUARD_STATUS_JSON_H
#define STAPLEGUARD_STATUS_JSON_H

#include "certs/cert_list.h"
#include "status/service_facts.h"

/* A new text of *len octets, the caller's to free; NULL without memory. */
char *status_text(const struct facts *facts, const struct cert_list *list, size_t *len);

/*
 * Write it to path, beside and renamed into place, mode 0640 for group gid ((gid_t)-1: root's own, 0600).  Returns 0, or -1
 * with errno set.
 */
int status_save(const char *path, gid_t gid, const struct facts *facts, const struct cert_list *list);

#endif
