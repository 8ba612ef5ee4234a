/* SPDX-License-Identifier: ISC */
/*
 * Owns: what is known of the service as a whole while it runs; what status and metrics show besides the list.
 * Runs in: supervisor.
 * Never: decides; the daemon's parts fill it in.
 */
#ifndef STAPLEGUARD_SERVICE_FACTS_H
#define STAPLEGUARD_SERVICE_FACTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/msg.h"

struct facts_child {
    pid_t pid;             /* -1: not running */
    uint32_t starts;       /* in this run of the service */
    int64_t started_at;    /* seconds since 1970, as all times here; 0: never */
    int64_t next_start_at; /* 0: it runs */
};

struct facts {
    const char *config_path;
    pid_t pid; /* of the supervisor; 0: --once */
    int64_t started_at;
    int64_t reloaded_at;               /* the last reload that was asked for; 0: none */
    char reload_error[DETAIL_MAX + 1]; /* "": it worked */
    int64_t discovered_at;
    char discovery_error[DETAIL_MAX + 1]; /* Apache's words; "": it told its certificates */
    struct facts_child fetcher;
    struct facts_child writer;
    pid_t apache_pid; /* 0: not running */
    enum apache_lock_kind apache_lock;
    struct msg_file_state file;
    struct msg_progress progress; /* of --once */
    struct msg_write_done commit; /* the last one */
    int64_t committed_at;
    uint64_t commits; /* in this run */
    uint64_t fetches; /* attempts that ended, in this run */
    uint64_t fetch_failures;
};

#endif
