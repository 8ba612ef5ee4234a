/*
 * Owns: `stapleguard metrics`: the service in numbers.
 * Runs in: command line.
 * Never: does it itself: the daemon does.
 */
#include <getopt.h>
#include <stdio.h>

#include "client.h"
#include "command.h"
#include "log.h"
#include "output.h"

#define METRICS_EXIT_DOWN 2

static int run(const struct command *command, int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *config_path = CONF_DEFAULT_PATH;
    struct client_answer answer;
    enum client_result result;
    struct conf *conf;
    int code = 0;
    int option;

    while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
        if (option == 'c')
            config_path = optarg;
        else if (option == 'h')
            return command_print_help(command);
        else
            return command_usage_error(command);
    }
    conf = optind < argc ? NULL : client_conf(config_path);
    if (conf == NULL)
        return optind < argc ? command_usage_error(command) : CLI_EXIT_ERROR;
    result = client_ask(conf->run_dir, (const char *const[]){"metrics"}, 1, true, &answer);
    if (result == CLIENT_ANSWERED && answer.data != NULL) {
        fwrite(answer.data, 1, answer.data_len, stdout);
    } else if (result == CLIENT_DOWN) {
        fputs("# TYPE stapleguard_up gauge\n# HELP stapleguard_up Whether the service runs.\nstapleguard_up 0\n# EOF\n", stdout);
        code = METRICS_EXIT_DOWN;
    } else {
        log_error("%s", answer.error);
        code = CLI_EXIT_ERROR;
    }
    client_clear(&answer);
    conf_free(conf);
    return output_end(code);
}


const struct command command_metrics = {
    .name = "metrics",
    .arguments = "[-c FILE]",
    .summary = "The service in numbers (OpenMetrics)",
    .help = "  -c, --config FILE  instead of " CONF_DEFAULT_PATH "\n"
            "\nexit codes: 0 all numbers; 2 stapleguardd does not run: stapleguard_up 0 and nothing else; 3 usage or no answer\n",
    .run = run,
};
