/* SPDX-License-Identifier: ISC */
/*
 * Owns: running one fixed command of the configuration (apachectl) and keeping what it says.
 * Runs in: supervisor; command line (enable, disable).
 * Never: uses a shell, passes its environment or descriptors on, or waits longer than it was told.
 */
#ifndef STAPLEGUARD_SUBPROCESS_H
#define STAPLEGUARD_SUBPROCESS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct subprocess_result {
    int status; /* as of waitpid(2); -1: not started, not ended in time, or too much output: see errno_value */
    int errno_value;
    char *out;   /* owned, terminated; what it wrote to standard output, cut at the bound */
    char *error; /* owned, terminated; to standard error */
};

/*
 * Run argv (NULL-terminated, argv[0] an absolute path) as root with a minimal environment and wait for at most timeout_sec.
 * Fills *result, which subprocess_clear ends.  Returns 0 when it exited with 0, else -1.
 */
int subprocess_run(const char *const argv[], unsigned timeout_sec, struct subprocess_result *result);
void subprocess_clear(struct subprocess_result *result);

/*
 * The same without waiting, for the daemon's loop.  subprocess_start: NULL without memory; a command that could not be started
 * is over at once.  Poll what subprocess_poll fills in, at most until subprocess_next_msec; then call subprocess_ready, which tells
 * when it is over (or its time is, and it was killed).  subprocess_take ends it, in any case, and returns what subprocess_run
 * would.  now_msec: of the monotonic clock.
 */
struct subprocess;

#define SUBPROCESS_POLL_MAX 2

struct subprocess *subprocess_start(const char *const argv[], unsigned timeout_sec, int64_t now_msec);
size_t subprocess_poll(const struct subprocess *command, struct pollfd *polled);  /* NULL: 0 */
int64_t subprocess_next_msec(const struct subprocess *command, int64_t now_msec); /* NULL: INT64_MAX */
bool subprocess_ready(struct subprocess *command, int64_t now_msec);
int subprocess_take(struct subprocess *command, struct subprocess_result *result);

/* What it said, as one clean line: its standard error, or else its output; "" when it said nothing. */
void subprocess_words(const struct subprocess_result *result, char *out, size_t cap);

#endif
