/* SPDX-License-Identifier: ISC */
/*
 * Owns: the service in numbers, in the OpenMetrics text format 1.0.
 * Runs in: supervisor (daemon).
 * Never: decides; it writes down what the list and the facts say.
 */
#ifndef STAPLEGUARD_METRICS_TEXT_H
#define STAPLEGUARD_METRICS_TEXT_H

#include "certs/cert_list.h"
#include "status/service_facts.h"

/* A new text of *len octets, the caller's to free; NULL without memory. */
char *metrics_text(const struct facts *facts, const struct cert_list *list, size_t *len);

/* Write it to path for node_exporter's textfile collector, mode 0644.  Returns 0, or -1 with errno set. */
int metrics_save(const char *path, const struct facts *facts, const struct cert_list *list);

#endif
