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
    .arguments = "[-c FILE]",
    .summary = "Restart Apache gracefully without losing a staple",
    .help = "  -c, --config FILE  instead of " CONF_DEFAULT_PATH
            "\n"
            "\nApache tests its configuration first; a broken one changes nothing, and its words are shown.\n"
            "exit codes: 0 restarted; 1 not; 3 usage, or stapleguardd does not run\n",
    .run = run,
};
