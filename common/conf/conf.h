/* SPDX-License-Identifier: ISC */
/*
 * Owns: /etc/stapleguard/stapleguard.conf: its keys, their defaults and bounds, and what is wrong with a file.
 * Runs in: supervisor; the command line reads the same file.
 * Never: guesses: an unknown section, key or value is an error that names file and line.
 */
#ifndef STAPLEGUARD_CONF_H
#define STAPLEGUARD_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONF_DEFAULT_PATH "/etc/stapleguard/stapleguard.conf"

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

/*
 * Read the configuration at path.  On success returns a new struct that conf_free ends.  On failure returns NULL, and error
 * (cap bytes, clean text) is one sentence, "PATH:LINE: what is wrong; what to do".
 */
struct conf *conf_read(const char *path, char *error, size_t cap);

/* The same from a stream; path only names it in errors. */
struct conf *conf_read_stream(FILE *stream, const char *path, char *error, size_t cap);

void conf_free(struct conf *conf);

/* A key that the file may have; all borrowed for ever.  section: "certificate" for a certificate's own. */
struct conf_key {
    const char *section;
    const char *name;
    const char *default_text; /* as it would stand in the file; NULL: the key must be there */
    bool is_per_certificate;  /* of [fetch], and may also stand in a certificate's section */
};

/* Fill *key with the index-th key, from 0; false when there are no more. */
bool conf_known_key(size_t index, struct conf_key *key);

#endif
