/* SPDX-License-Identifier: ISC */
/*
 * Owns: what a command is, and the exit codes that all commands share.
 * Runs in: command line.
 * Never: opens the store or Apache's file.
 */
#ifndef STAPLEGUARD_COMMAND_H
#define STAPLEGUARD_COMMAND_H

#include <stdbool.h>

/* Usage, or something that keeps a command from giving its answer at all.  The other codes are each command's own. */
#define CLI_EXIT_ERROR 3

struct command {
    const char *name;
    const char *arguments; /* as the usage shows them */
    const char *summary;
    const char *help; /* what --help adds: options and exit codes */
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

/* The whole of enable and disable, which have their options in common. */
int setup_command(const struct command *command, int argc, char **argv, bool is_enable);

/* Print the command's whole usage on standard output; returns 0. */
int command_print_help(const struct command *command);
/* Name its usage on standard error after what was wrong; returns CLI_EXIT_ERROR. */
int command_usage_error(const struct command *command);

#endif
