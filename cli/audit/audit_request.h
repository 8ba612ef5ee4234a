/* SPDX-License-Identifier: ISC */
/*
 * Owns: what was asked of `stapleguard audit`: its options, taken apart and checked.
 * Runs in: command line.
 * Never: opens the log.
 */
#ifndef STAPLEGUARD_AUDIT_REQUEST_H
#define STAPLEGUARD_AUDIT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/review_anchors.h"
#include "audit/review_filter.h"
#include "audit/review_seals.h"
#include "base/command.h"

/* The command's table (cmd_audit.c) has them in this order. */
enum {
    AUDIT_OPTION_SINCE = OPTION_OWN,
    AUDIT_OPTION_UNTIL,
    AUDIT_OPTION_CERT,
    AUDIT_OPTION_EVENT,
    AUDIT_OPTION_PROCESS,
    AUDIT_OPTION_SEVERITY,
    AUDIT_OPTION_JSON,
    AUDIT_OPTION_SUMMARY,
    AUDIT_OPTION_VERIFY,
    AUDIT_OPTION_KEY,
    AUDIT_OPTION_KEY_FILE,
    AUDIT_OPTION_ANCHOR,
    AUDIT_OPTION_JOURNAL,
    AUDIT_OPTION_SETUP_SEAL,
    AUDIT_OPTION_REPLACE,
    AUDIT_OPTION_COUNT
};

enum audit_mode {
    AUDIT_MODE_SHOW,
    AUDIT_MODE_SUMMARY,
    AUDIT_MODE_VERIFY,
    AUDIT_MODE_SETUP_SEAL,
};

struct audit_request {
    enum audit_mode mode;
    const char *config_path;
    bool is_config_named; /* by -c */
    bool is_json;
    bool replaces; /* --replace */
    int64_t now_sec;
    int64_t since_usec; /* 0: from the beginning */
    int64_t until_usec; /* 0: to the end */
    struct review_filter filter;
    struct review_anchors anchors; /* --anchor */
    const char *journal;           /* --journal; NULL: that of this machine */
    struct audit_key keys[REVIEW_KEYS_MAX];
    size_t key_count;
    char *const *paths; /* FILE...; none: the configuration's log and what was rotated from it */
    size_t path_count;
};

/* Take argv apart.  Returns -1 to go on, or the exit code: everything is said.  audit_request_clear it in either case. */
int audit_request_parse(const struct command *command, int argc, char **argv, struct audit_request *request);
void audit_request_clear(struct audit_request *request);

#endif
