/* SPDX-License-Identifier: ISC */
/*
 * Owns: what becomes of a child's message: a line of the log, a record of the audit log, a fact in the list.
 * Runs in: supervisor.
 * Never: lets a child report an event that is not its own, or about a certificate that does not exist.
 */
#ifndef STAPLEGUARD_RELAY_H
#define STAPLEGUARD_RELAY_H

#include "audit/audit.h"
#include "certs/cert_known.h"
#include "certs/cert_list.h"
#include "children/spawn.h"
#include "children/throttle.h"
#include "status/service_facts.h"

/* What the daemon wants to hear of besides. */
struct relay_hooks {
    /* The state of a certificate, what is held for it or what it is may have changed, or an attempt ended. */
    void (*cert_changed)(void *context, struct listed_cert *cert);
    void (*committed)(void *context);        /* facts->commit */
    void (*progressed)(void *context);       /* facts->progress */
    void (*apache_restarted)(void *context); /* by whomever */
    void (*restart_answered)(void *context, const struct msg_restarted *restarted);
    void *context;
};

struct relay {
    struct cert_list *list;
    const struct known *known;
    struct audit *audit;
    struct facts *facts;
    const struct relay_hooks *hooks;
    bool is_summarised;      /* people read of failures in a summary, not in the log */
    struct throttle fetcher; /* what each of them may report; a child that is started anew gets no more for it */
    struct throttle writer;
};

/* Everything is borrowed; facts are filled in. */
void relay_init(struct relay *relay, struct cert_list *list, const struct known *known, struct audit *audit, struct facts *facts,
    const struct relay_hooks *hooks);

/* Take msg from child.  Returns NULL, or what is wrong with it (a constant): the channel is to be closed. */
const char *relay_message(struct relay *relay, struct child *child, const struct msg *msg);

/* A file (path) of cert could not be used.  One that is in use already stays so, unless its file is gone. */
void relay_file_refused(struct relay *relay, struct listed_cert *cert, enum reason reason, const char *path, const char *detail);

/* Record an event about the service, and log it. */
void relay_service_event(struct relay *relay, enum event event, enum party about, enum reason reason, const char *detail);
void relay_child_start(struct relay *relay, const struct child *child);
/* child->exit_status is set.  A death by the sandbox is an event of its own. */
void relay_child_exit(struct relay *relay, const struct child *child);

/* Record how much was suppressed of what children report, where it is time; now and then, whatever happens. */
void relay_tick(struct relay *relay);

#endif
