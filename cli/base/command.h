/* SPDX-License-Identifier: ISC */
/*
 * Owns: what a command is, and reading its options.
 * Runs in: command line.
 * Never: opens the store or Apache's file.
 */
#ifndef STAPLEGUARD_COMMAND_H
#define STAPLEGUARD_COMMAND_H

#include <stdbool.h>

#include "base/output.h"
#include "text/help.h"

struct command {
    const char *name;
    struct help help;
    /* argv[0] is "stapleguard NAME", for messages; returns the exit code. */
    int (*run)(const struct command *command, int argc, char **argv);
};

extern const struct command command_audit;
extern const struct command command_cert;
extern const struct command command_check;
extern const struct command command_deploy;
extern const struct command command_disable;
extern const struct command command_enable;
extern const struct command command_metrics;
extern const struct command command_refresh;
extern const struct command command_restart;
extern const struct command command_resume;
extern const struct command command_status;
extern const struct command command_verify;

/* The options of enable, of which disable has some. */
enum {
    SETUP_OPTION_ALL = OPTION_OWN,
    SETUP_OPTION_DOMAIN,
    SETUP_OPTION_DRY_RUN,
    SETUP_OPTION_ALLOW_MISSING,
    SETUP_OPTION_RECOVER,
    SETUP_OPTION_QUIET,
    SETUP_OPTION_BOOT,
};

/* The whole of enable and disable. */
int setup_command(const struct command *command, int argc, char **argv, bool is_enable);

/* Print the command's usage on standard error, behind a message that names the mistake.  Returns CLI_EXIT_ERROR. */
int command_usage_error(const struct command *command);

/*
 * Read the next option of the command's own (its argument: optarg).  -c goes to *config_path; --help and an unknown option are answered
 * here.  Returns OPTION_END behind the last one, with *code -1, and after an answer, with *code the exit code.
 */
int command_option(const struct command *command, int argc, char **argv, const char **config_path, int *code);

#endif
