/* SPDX-License-Identifier: ISC */
#include "base/command.h"

#include <getopt.h>
#include <stdio.h>

#define NAME_MAX_LEN 32

int command_usage_error(const struct command *command)
{
    char name[NAME_MAX_LEN];

    snprintf(name, sizeof name, "stapleguard %s", command->name);
    help_print_usage(stderr, name, &command->help);
    return CLI_EXIT_ERROR;
}

static int print_help(const struct command *command)
{
    char name[NAME_MAX_LEN];

    snprintf(name, sizeof name, "stapleguard %s", command->name);
    help_print(stdout, name, &command->help);
    return output_end(0);
}

int command_option(const struct command *command, int argc, char **argv, const char **config_path, int *code)
{
    int option;

    *code = -1;
    while ((option = help_next_option(&command->help, argc, argv)) == OPTION_CONFIG)
        *config_path = optarg;
    if (option == OPTION_HELP)
        *code = print_help(command);
    else if (option == OPTION_WRONG)
        *code = command_usage_error(command);
    return *code < 0 ? option : OPTION_END;
}
