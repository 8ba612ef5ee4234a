/*
 * Owns: running one fixed command of the configuration (apachectl) and keeping what it says.
 * Runs in: supervisor.
 * Never: uses a shell, passes its environment or descriptors on, or waits longer than it was told.
 */
#ifndef STAPLEGUARD_COMMAND_H
#define STAPLEGUARD_COMMAND_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command_result {
    int status;  /* as of waitpid(2); -1: it could not be started or did not end in time, see errno_value */
    int errno_value;
    char *out;   /* owned, terminated; what it wrote to standard output, cut at the bound */
    char *error; /* owned, terminated; to standard error */
};

/*
 * Run argv (NULL-terminated, argv[0] an absolute path) as root with a minimal environment and wait for at most timeout_sec.
 * Fills *result, which command_clear ends.  Returns 0 when it exited with 0, else -1.
 */
int command_run(const char *const argv[], unsigned timeout_sec, struct command_result *result);
void command_clear(struct command_result *result);

/*
 * The same without waiting, for the daemon's loop.  command_start: NULL without memory; a command that could not be started
 * is over at once.  Poll what command_poll fills in, at most until command_next_msec; then call command_ready, which tells
 * when it is over (or its time is, and it was killed).  command_take ends it, in any case, and returns what command_run
 * would.  now_msec: of the monotonic clock.
 */
struct command;

#define COMMAND_POLL_MAX 2

struct command *command_start(const char *const argv[], unsigned timeout_sec, int64_t now_msec);
size_t command_poll(const struct command *command, struct pollfd *polled); /* NULL: 0 */
int64_t command_next_msec(const struct command *command, int64_t now_msec); /* NULL: INT64_MAX */
bool command_ready(struct command *command, int64_t now_msec);
int command_take(struct command *command, struct command_result *result);

/* What it said, as one clean line: its standard error, or else its output; "" when it said nothing. */
void command_words(const struct command_result *result, char *out, size_t cap);

#endif
