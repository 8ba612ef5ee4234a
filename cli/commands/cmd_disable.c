/* SPDX-License-Identifier: ISC */
/*
 * Owns: `stapleguard disable`: its name; its options are enable's.
 * Runs in: command line, as root.
 * Never: decides what Apache's configuration means (setup/ and httpd/ do).
 */
#include "base/client.h"
#include "base/command.h"

static int run(const struct command *command, int argc, char **argv)
{
    return setup_command(command, argc, argv, false);
}

const struct command command_disable = {
    .name = "disable",
    .help = {
        .usage = "--all [--dry-run] [-c FILE]\n"
                 "--domain NAME... [--dry-run] [-c FILE]",
        .summary = "Remove stapleguard's settings from Apache's configuration",
        .options = (const struct help_option[]){
            {SETUP_OPTION_ALL, 0, "all", NULL, "everything that enable added; settings that it replaced are restored"},
            {SETUP_OPTION_DOMAIN, 0, "domain", "NAME...", "only the TLS virtual hosts that serve these names"},
            {SETUP_OPTION_DRY_RUN, 0, "dry-run", NULL, "show the changes, and change nothing"},
            HELP_OPTION_CONFIG,
            {0},
        },
        .exits = (const struct help_exit[]){
            {NULL, "0", "done, or nothing to do"},
            {NULL, "1", "failed; everything was restored"},
            {NULL, "2", "failed, and something could not be restored (the message says what to do)"},
            {NULL, "3", "usage error, configuration error, or not run as root"},
            {0},
        },
    },
    .run = run,
};
