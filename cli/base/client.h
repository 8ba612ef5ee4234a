/* SPDX-License-Identifier: ISC */
/*
 * Owns: the command line's end of the control socket (supervisor/control.h has the protocol), and the status that was saved
 *       for when nobody answers.
 * Runs in: command line.
 * Never: waits for ever for a daemon that hangs, or believes a length of its beyond a bound.
 */
#ifndef STAPLEGUARD_CLIENT_H
#define STAPLEGUARD_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/command.h"
#include "bounds.h"
#include "conf/conf.h"

enum client_result {
    CLIENT_ANSWERED,
    CLIENT_DOWN,    /* nobody listens: the daemon does not run */
    CLIENT_REFUSED, /* no right to the socket, or it hung up: error says what to do */
};

struct client_answer {
    int code;   /* the command's exit code */
    char *data; /* owned, terminated; NULL: none came */
    size_t data_len;
    char error[DETAIL_MAX + 1];
};

/*
 * Ask; words[0] is the request's name.  Sentences are printed on standard output as they come (is_quiet: not).  Without an
 * answer, error says why.  client_clear it.
 */
enum client_result client_ask(
    const char *run_dir, const char *const words[], size_t count, bool is_quiet, struct client_answer *answer);
void client_clear(struct client_answer *answer);

/*
 * The status, as JSON: the daemon's, or what was saved last (*is_saved).  NULL: error (cap bytes) says why there is none.
 * The caller's to free.
 */
char *client_status(const struct conf *conf, bool *is_saved, char *error, size_t cap);

/* Read the configuration for a command that needs its paths; NULL: said. */
struct conf *client_conf(const char *path);

/*
 * The options of a command that has none of its own: -c and --help, then `words` further words, from optind on.  Returns -1
 * to go on, or the exit code.
 */
int client_options(const struct command *command, int argc, char **argv, int words, const char **config_path);

/* A whole command that only passes a request on: returns its exit code. */
int client_run(const char *config_path, const char *const words[], size_t count);

#endif
