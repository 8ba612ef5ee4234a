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

enum { OPTION_ALL = OPTION_OWN };

static int run(const struct command *command, int argc, char **argv)
{
    const char *config_path = CONF_DEFAULT_PATH;
    bool is_all = false;
    int code;

    while (command_option(command, argc, argv, &config_path, &code) == OPTION_ALL)
        is_all = true;
    if (code >= 0)
        return code;
    if (is_all != (optind == argc) || argc - optind > 1)
        return command_usage_error(command);
    return client_run(config_path, (const char *const[]){"refresh", is_all ? "--all" : argv[optind]}, 2);
}

const struct command command_refresh = {
    .name = "refresh",
    .help = {
        .usage = "[NAME | --all] [-c FILE]",
        .summary = "Request a staple now, regardless of the schedule",
        .options = (const struct help_option[]){
            {.argument = "NAME", .text = "the certificate, as stapleguard status names it"},
            {OPTION_ALL, 0, "all", NULL, "all certificates"},
            HELP_OPTION_CONFIG,
            {0},
        },
        .exits = (const struct help_exit[]){
            {NULL, "0", "the request is scheduled"},
            {NULL, "1", "no request can be made"},
            {NULL, "3", "usage error, or stapleguardd is not running"},
            {0},
        },
    },
    .run = run,
};
