/* SPDX-License-Identifier: ISC */
/*
 * Owns: the control socket (run_dir/control.sock): who may ask what, requests, answers.
 * Runs in: supervisor (daemon).
 * Never: waits for a client, believes a length of its, or lets anybody but root act.
 *
 * SOCK_STREAM.  A request is one line of words, each percent-encoded (RFC 3986), separated by a space and ended by a
 * newline; at most CONTROL_REQUEST_MAX octets.  An answer is lines:
 *   "say TEXT"    a sentence for people, as it happens
 *   "data N"      N octets follow, raw (JSON or metrics)
 *   "end CODE"    the last line; CODE is the exit code of the command
 * Requests: "status", "metrics" (root and the group may look); "refresh NAME" / "refresh --all", "resume NAME", "restart",
 * "reload", "deploy WAIT_SEC DIR..." (root alone: SO_PEERCRED).  The command line's end of it is cli/client.c.
 */
#ifndef STAPLEGUARD_CONTROL_H
#define STAPLEGUARD_CONTROL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CONTROL_REQUEST_MAX 65536u
#define CONTROL_CLIENTS_MAX 32u

struct control;
struct control_request; /* one that is being worked on; the client may be gone, which is not the worker's business */

/* What the daemon does for a client.  Each answers with control_say and control_end, now or later. */
struct control_actions {
    void (*status)(void *context, struct control_request *request);
    void (*metrics)(void *context, struct control_request *request);
    void (*refresh)(void *context, struct control_request *request, const char *name); /* NULL: all */
    void (*resume)(void *context, struct control_request *request, const char *name);
    void (*restart)(void *context, struct control_request *request);
    void (*reload)(void *context, struct control_request *request);
    void (*deploy)(void *context, struct control_request *request, char *const *directories, size_t count, int64_t wait_sec);
    void *context;
};

/*
 * Make the socket (a stale one is replaced) with mode 0660 for group gid, or 0600 when gid is (gid_t)-1.  NULL: error (cap
 * bytes) says why.  actions: borrowed.
 */
struct control *control_open(const char *run_dir, gid_t gid, const struct control_actions *actions, char *error, size_t cap);
void control_close(struct control *control); /* also removes the socket; requests still open are ended */

/* What to poll; returns how many were filled (at most CONTROL_CLIENTS_MAX + 1; none of NULL). */
size_t control_poll(const struct control *control, struct pollfd *polled);
/* After poll, with the same array; now_msec: monotonic; clients that stall are closed. */
void control_ready(struct control *control, const struct pollfd *polled, size_t count, int64_t now_msec);

/* When to come back even if nothing is ready; INT64_MAX: no such time. */
int64_t control_next_msec(const struct control *control);

/* A sentence (printf); cleaned. */
void control_say(struct control_request *request, const char *format, ...) __attribute__((format(printf, 2, 3)));
/*
 * Octets (malloc'ed), taken over in every case.  False: they do not fit beside what other clients have not read yet
 * (CONTROL_DATA_MAX; root's apart from the others'), and the client is not told anything yet.
 */
bool control_data(struct control_request *request, char *octets, size_t len);
/* The answer is complete; request must not be used any more. */
void control_end(struct control_request *request, int exit_code);

#endif
