/*
 * Owns: `stapleguard resume`: taking a withdrawn certificate up again.
 * Runs in: command line.
 * Never: does it itself: the daemon does.
 */
#include <getopt.h>
#include <stdio.h>

#include "client.h"
#include "command.h"

static int run(const struct command *command, int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *config_path = CONF_DEFAULT_PATH;
    int option;

    while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
        if (option == 'c')
            config_path = optarg;
        else if (option == 'h')
            return command_print_help(command);
        else
            return command_usage_error(command);
    }
    if (argc - optind != 1)
        return command_usage_error(command);
    return client_run(config_path, (const char *const[]){"resume", argv[optind]}, 2);
}


const struct command command_resume = {
    .name = "resume",
    .arguments = "NAME [-c FILE]",
    .summary = "Look after a certificate again that was withdrawn (revoked or unknown)",
    .help = "  NAME               the certificate, as stapleguard status names it\n"
            "  -c, --config FILE  instead of " CONF_DEFAULT_PATH "\n"
            "\nexit codes: 0 its responder is asked again; 1 it cannot be; 3 usage, or stapleguardd does not run\n",
    .run = run,
};
