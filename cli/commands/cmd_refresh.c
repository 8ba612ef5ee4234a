/* SPDX-License-Identifier: ISC */
/*
 * Owns: `stapleguard refresh`: asking for staples out of turn.
 * Runs in: command line.
 * Never: does it itself: the daemon does.
 */
#include <getopt.h>
#include <stdio.h>

#include "base/client.h"
#include "base/command.h"

static int run(const struct command *command, int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"all", no_argument, NULL, 'a'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *config_path = CONF_DEFAULT_PATH;
    bool is_all = false;
    int option;

    while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
        if (option == 'c')
            config_path = optarg;
        else if (option == 'a')
            is_all = true;
        else if (option == 'h')
            return command_print_help(command);
        else
            return command_usage_error(command);
    }
    if (is_all != (optind == argc) || argc - optind > 1)
        return command_usage_error(command);
    return client_run(config_path, (const char *const[]){"refresh", is_all ? "--all" : argv[optind]}, 2);
}

const struct command command_refresh = {
    .name = "refresh",
    .arguments = "[NAME | --all] [-c FILE]",
    .summary = "Ask for a staple now, whatever the schedule says",
    .help
    = "  NAME               the certificate, as stapleguard status names it\n"
      "  --all              all of them\n"
      "  -c, --config FILE  instead of " CONF_DEFAULT_PATH
      "\n"
      "\nexit codes: 0 it is asked for; 1 it cannot be; 3 usage, or stapleguardd does not run\n",
    .run = run,
};
