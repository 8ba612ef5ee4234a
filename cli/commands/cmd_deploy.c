/* SPDX-License-Identifier: ISC */
/*
 * Owns: `stapleguard deploy`: a renewed certificate gets its staple before Apache uses it.
 * Runs in: command line.
 * Never: does it itself: the daemon does.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/client.h"
#include "base/command.h"
#include "system/log.h"
#include "text/duration.h"

#define LINEAGES_MAX 250u
#define WAIT_MAX_SEC 86400

static int run(const struct command *command, int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"lineage", required_argument, NULL, 'l'},
        {"wait", required_argument, NULL, 'w'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *config_path = CONF_DEFAULT_PATH;
    const char *words[LINEAGES_MAX + 2] = {"deploy", "0"};
    const char *renewed = getenv("RENEWED_LINEAGE");
    char wait_text[24];
    int64_t wait_sec = 0;
    size_t count = 2;
    int option;

    while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
        if (option == 'c')
            config_path = optarg;
        else if (option == 'l' && count < LINEAGES_MAX + 2)
            words[count++] = optarg;
        else if (option == 'w' && duration_parse(optarg, &wait_sec) && wait_sec <= WAIT_MAX_SEC)
            continue;
        else if (option == 'h')
            return command_print_help(command);
        else
            return command_usage_error(command);
    }
    if (optind < argc)
        return command_usage_error(command);
    if (count == 2 && renewed != NULL && renewed[0] != '\0')
        words[count++] = renewed;
    if (count == 2) {
        log_error("which lineage? name it with --lineage DIR, or run this as a deploy hook of certbot");
        return command_usage_error(command);
    }
    snprintf(wait_text, sizeof wait_text, "%lld", (long long)wait_sec);
    words[1] = wait_text;
    return client_run(config_path, words, count);
}

const struct command command_deploy = {
    .name = "deploy",
    .arguments = "[--lineage DIR...] [--wait DURATION] [-c FILE]",
    .summary = "Fetch for renewed certificates first, restart Apache after; a certbot deploy hook",
    .help
    = "  --lineage DIR      a directory with renewed certificates (certbot: /etc/letsencrypt/live/NAME); may be repeated.\n"
      "                     Without it the environment's RENEWED_LINEAGE, which certbot sets for deploy hooks\n"
      "  --wait DURATION    how long to go on asking a responder that does not know the new certificate yet (90s, 10m)\n"
      "  -c, --config FILE  instead of " CONF_DEFAULT_PATH
      "\n"
      "\nA lineage that is not looked after changes nothing.  exit codes: 0 done, or nothing to do; 1 restarted, but a\n"
      "  certificate has no staple yet; 2 not restarted; 3 usage, or stapleguardd does not run\n",
    .run = run,
};
