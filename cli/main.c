/* SPDX-License-Identifier: ISC */
/*
 * Owns: the command `stapleguard`: its table of commands, usage, version.
 * Runs in: command line, as the user who called it.
 * Never: does a command's work itself.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/command.h"
#include "base/output.h"
#include "system/log.h"

static const struct command *const commands[] = {
    &command_enable,
    &command_disable,
    &command_status,
    &command_check,
    &command_refresh,
    &command_restart,
    &command_deploy,
    &command_resume,
    &command_metrics,
    &command_audit,
    &command_cert,
    &command_verify,
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void print_commands(FILE *stream)
{
    fprintf(stream, "usage: stapleguard COMMAND [ARGUMENT...]\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(stream, "  %-9s%s\n", commands[i]->name, commands[i]->help.summary);
    fprintf(stream,
        "\n  stapleguard COMMAND --help    arguments, options and exit codes of a command\n"
        "  stapleguard --version\n");
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static int run_command(int argc, char **argv)
{
    const struct command *command = find_command(argv[0]);
    char full_name[64];

    if (command == NULL) {
        log_error("unknown command \"%s\"", argv[0]);
        print_commands(stderr);
        return CLI_EXIT_ERROR;
    }
    snprintf(full_name, sizeof full_name, "stapleguard %s", command->name);
    argv[0] = full_name;
    optind = 0; /* glibc: start again, with another argv */
    return command->run(command, argc, argv);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };

    log_init("stapleguard", false);
    switch (getopt_long(argc, argv, "+hV", options, NULL)) {
    case -1:
        break;
    case 'h':
        print_commands(stdout);
        return output_end(0);
    case 'V':
        printf("stapleguard %s\n", STAPLEGUARD_VERSION);
        return output_end(0);
    default:
        print_commands(stderr);
        return CLI_EXIT_ERROR;
    }
    if (optind == argc) {
        log_error("no command given");
        print_commands(stderr);
        return CLI_EXIT_ERROR;
    }
    return run_command(argc - optind, argv + optind);
}
