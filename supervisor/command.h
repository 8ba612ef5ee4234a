/*
 * Owns: running one fixed command of the configuration (apachectl) and keeping what it says.
 * Runs in: supervisor.
 * Never: uses a shell, passes its environment or descriptors on, or waits longer than it was told.
 */
#ifndef STAPLEGUARD_COMMAND_H
#define STAPLEGUARD_COMMAND_H

#include <stddef.h>

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

#endif
