/* SPDX-License-Identifier: ISC */
/*
 * Owns: what a configuration says, in the units that the program reckons with.
 * Runs in: supervisor, command line.
 * Never: holds a value that its key's rule (conf_keys.c) does not allow.
 */
#ifndef STAPLEGUARD_CONF_SETTINGS_H
#define STAPLEGUARD_CONF_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Keys of [fetch] that may also stand in a [certificate] section. */
struct conf_cert_policy {
    int64_t safety_margin_sec;
    int64_t min_ttl_sec;
    int64_t refresh_every_sec;
    int64_t unknown_grace_sec;
    bool is_sha1_allowed; /* allow_sha1_signatures */
};

struct conf_cert {
    char *name;
    char *cert;      /* path */
    char *chain;     /* path, or NULL: the rest of cert's file */
    char *responder; /* URL, or NULL: the certificate's own */
    struct conf_cert_policy policy;
    unsigned line; /* of the section's header */
};

struct conf {
    /* [stapleguard] */
    char *state_dir;
    char *run_dir;
    char *audit_log;
    char *fetch_user; /* a name or a numeric uid */
    char *write_user;
    char *metrics_file;              /* for node_exporter's textfile collector; NULL: none */
    bool is_sandbox_required;        /* require_sandbox */
    bool is_journal_on;              /* journal: events go to the system journal, where there is one */
    bool is_audit_sealed;            /* audit_seal */
    int64_t audit_seal_interval_sec; /* of the next key that --setup-seal makes */
    /* [apache] */
    char *dbm;
    char *pid_file;
    char *control; /* apachectl's path */
    char *program; /* what is asked instead where apachectl refuses options; NULL: control */
    char *lock_dir;
    char *apache_user;
    bool is_discovery_on; /* discover = apache */
    bool is_scan_guard_on;
    bool is_shield_auto;
    int64_t commit_delay_sec;
    /* [fetch] */
    struct conf_cert_policy policy;
    int64_t timeout_sec;
    unsigned concurrency;
    unsigned per_responder;
    unsigned max_body; /* bytes */
    char *proxy;       /* "" for none */
    char *ca_file;     /* for https responders */
    bool is_private_allowed;
    bool is_loopback_allowed;
    /* [certificate NAME], in the file's order */
    struct conf_cert *certs;
    size_t cert_count;
};

#endif
