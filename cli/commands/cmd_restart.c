/* SPDX-License-Identifier: ISC */
/*
 * Owns: `stapleguard restart`: a graceful restart of Apache.
 * Runs in: command line.
 * Never: does it itself: the daemon does.
 */
#include "base/client.h"
#include "base/command.h"

static int run(const struct command *command, int argc, char **argv)
{
    const char *config_path;
    int code = client_options(command, argc, argv, 0, &config_path);

    return code >= 0 ? code : client_run(config_path, (const char *const[]){"restart"}, 1);
}

const struct command command_restart = {
    .name = "restart",
    .help = {
        .usage = "[-c FILE]",
        .summary = "Restart Apache gracefully without losing a staple",
        .note = "Apache tests its configuration first.  If the test fails, Apache keeps running and its message is shown.",
        .options = (const struct help_option[]){HELP_OPTION_CONFIG, {0}},
        .exits = (const struct help_exit[]){
            {NULL, "0", "Apache was restarted"},
            {NULL, "1", "Apache was not restarted"},
            {NULL, "3", "usage error, or stapleguardd is not running"},
            {0},
        },
    },
    .run = run,
};
