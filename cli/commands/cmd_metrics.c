/* SPDX-License-Identifier: ISC */
/*
 * Owns: `stapleguard metrics`: the service in numbers.
 * Runs in: command line.
 * Never: does it itself: the daemon does.
 */
#include <stdio.h>

#include "base/client.h"
#include "base/command.h"
#include "base/output.h"
#include "system/log.h"

#define METRICS_EXIT_DOWN 2

static int run(const struct command *command, int argc, char **argv)
{
    struct client_answer answer;
    enum client_result result;
    struct conf *conf;
    const char *config_path;
    int code = client_options(command, argc, argv, 0, &config_path);

    if (code >= 0)
        return code;
    conf = client_conf(config_path);
    if (conf == NULL)
        return CLI_EXIT_ERROR;
    code = 0;
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
    .help = {
        .usage = "[-c FILE]",
        .summary = "Print the service's metrics (OpenMetrics)",
        .options = (const struct help_option[]){HELP_OPTION_CONFIG, {0}},
        .exits = (const struct help_exit[]){
            {NULL, "0", "all metrics were printed"},
            {NULL, "2", "stapleguardd is not running; only stapleguard_up 0 was printed"},
            {NULL, "3", "usage error, or no answer"},
            {0},
        },
    },
    .run = run,
};
