/* SPDX-License-Identifier: ISC */
/*
 * Owns: a graceful restart of Apache on somebody's behalf: configuration test, word to the writer, its answer.
 * Runs in: supervisor (daemon).
 * Never: restarts an Apache whose configuration is broken; signals it (the writer's keeper does).
 */
#ifndef STAPLEGUARD_APACHE_RESTART_H
#define STAPLEGUARD_APACHE_RESTART_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "host/subprocess.h"
#include "proto/msg.h"
#include "words/reason.h"

#define RESTART_POLL_MAX SUBPROCESS_POLL_MAX

/* How it ended.  reason NONE: Apache restarted, and its file was away for away_usec.  detail: in words. */
typedef void restart_done(void *owner, enum reason reason, uint32_t away_usec, const char *detail);

struct restart_hooks {
    /* Tell the writer (MSG_RESTART).  False: there is no writer now. */
    bool (*send)(void *context, uint32_t request);
    /* Apache runs, as far as is known. */
    bool (*is_apache_running)(void *context);
    /* detail: Apache's words. */
    void (*configtest_failed)(void *context, const char *detail);
    void *context;
};

struct restart;

/* hooks: borrowed.  NULL without memory. */
struct restart *restart_new(const struct restart_hooks *hooks);
void restart_free(struct restart *restart); /* whoever waits is told */

/*
 * Begin one, or join the one under way.  done is called exactly once, perhaps from within; false without memory (then it is
 * not called).
 */
bool restart_begin(struct restart *restart, const struct conf *conf, int64_t now_msec, restart_done *done, void *owner);

/* RESTARTED came. */
void restart_answered(struct restart *restart, const struct msg_restarted *restarted);
/* The writer ended: nobody will answer. */
void restart_writer_gone(struct restart *restart);

size_t restart_poll(const struct restart *restart, struct pollfd *polled);
int64_t restart_next_msec(const struct restart *restart, int64_t now_msec);
void restart_ready(struct restart *restart, int64_t now_msec);

#endif
