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
    .arguments = "NAME [-c FILE]",
    .summary = "Look after a certificate again that was withdrawn (revoked or unknown)",
    .help
    = "  NAME               the certificate, as stapleguard status names it\n"
      "  -c, --config FILE  instead of " CONF_DEFAULT_PATH
      "\n"
      "\nexit codes: 0 its responder is asked again; 1 it cannot be; 3 usage, or stapleguardd does not run\n",
    .run = run,
};
