/* SPDX-License-Identifier: ISC */
/*
 * Owns: the status (docs/status.md) as the commands see it.
 * Runs in: command line.
 * Never: believes that a member is there.
 */
#ifndef STAPLEGUARD_STATUS_VIEW_H
#define STAPLEGUARD_STATUS_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Texts are borrowed from the view and never NULL; times are seconds since 1970, 0 for none. */
struct cert_view {
    const char *name;
    const char *state;
    const char *sha256;
    bool is_must_staple;
    int64_t not_after;
    int64_t served_until;
    int64_t this_update;
    int64_t next_update;
    int64_t next_refresh;
    int64_t last_attempt;
    int64_t failures;
    const char *error_reason; /* "": none */
    const char *error_detail;
};

struct status_view {
    void *json; /* owned */
    int64_t at;
    int64_t service_pid; /* 0: of a single pass */
    int64_t most_starts; /* of fetcher or writer since the service began: more than one: they ended before */
    const char *service_version;
    const char *reload_error;
    const char *discovery_error;
    int64_t apache_pid;
    const char *apache_lock;
    const char *shield;
    const char *shield_reason;
    int64_t restarts_seen;
    int64_t last_restart;
    int64_t last_away_usec; /* -1: it could not be put back at once */
    int64_t entries;
    int64_t foreign;
    int64_t committed;
    const char *file_error;
    const char *file_detail;
    struct cert_view *certs; /* owned */
    size_t cert_count;
};

/* Returns false when text is no status.  status_view_clear it. */
bool status_view_parse(const char *text, struct status_view *view);
void status_view_clear(struct status_view *view);

/* The certificate with this SHA-256 (lower-case hexadecimal), or NULL. */
const struct cert_view *status_view_find(const struct status_view *view, const char *sha256);

/* Does it need a staple and has none? */
bool cert_view_is_missing(const struct cert_view *cert);

#endif
