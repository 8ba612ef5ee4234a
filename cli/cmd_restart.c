/*
 * Owns: `stapleguard restart`: a graceful restart of Apache.
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
    if (optind < argc)
        return command_usage_error(command);
    return client_run(config_path, (const char *const[]){"restart"}, 1);
}


const struct command command_restart = {
    .name = "restart",
    .arguments = "[-c FILE]",
    .summary = "Restart Apache gracefully without losing a staple",
    .help = "  -c, --config FILE  instead of " CONF_DEFAULT_PATH "\n"
            "\nApache tests its configuration first; a broken one changes nothing, and its words are shown.\n"
            "exit codes: 0 restarted; 1 not; 3 usage, or stapleguardd does not run\n",
    .run = run,
};
