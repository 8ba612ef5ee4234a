/* SPDX-License-Identifier: ISC */
/*
 * Owns: `stapleguard resume`: taking a withdrawn certificate up again.
 * Runs in: command line.
 * Never: does it itself: the daemon does.
 */
#include <getopt.h>

#include "base/client.h"
#include "base/command.h"

static int run(const struct command *command, int argc, char **argv)
{
    const char *config_path;
    int code = client_options(command, argc, argv, 1, &config_path);

    return code >= 0 ? code : client_run(config_path, (const char *const[]){"resume", argv[optind]}, 2);
}

const struct command command_resume = {
    .name = "resume",
    .help = {
        .usage = "NAME [-c FILE]",
        .summary = "Resume a certificate that was withdrawn (revoked or unknown)",
        .options = (const struct help_option[]){
            {.argument = "NAME", .text = "the certificate, as stapleguard status names it"},
            HELP_OPTION_CONFIG,
            {0},
        },
        .exits = (const struct help_exit[]){
            {NULL, "0", "the certificate is monitored again, and its responder is queried"},
            {NULL, "1", "the certificate cannot be resumed"},
            {NULL, "3", "usage error, or stapleguardd is not running"},
            {0},
        },
    },
    .run = run,
};
