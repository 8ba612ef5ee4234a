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

enum { OPTION_LINEAGE = OPTION_OWN, OPTION_WAIT };

static int run(const struct command *command, int argc, char **argv)
{
    const char *config_path = CONF_DEFAULT_PATH;
    const char *words[LINEAGES_MAX + 2] = {"deploy", "0"};
    const char *renewed = getenv("RENEWED_LINEAGE");
    char wait_text[24];
    int64_t wait_sec = 0;
    size_t count = 2;
    int option, code;

    while ((option = command_option(command, argc, argv, &config_path, &code)) != OPTION_END) {
        if (option == OPTION_LINEAGE && count < LINEAGES_MAX + 2)
            words[count++] = optarg;
        else if (option == OPTION_WAIT && duration_parse(optarg, &wait_sec) && wait_sec <= WAIT_MAX_SEC)
            continue;
        else
            return command_usage_error(command);
    }
    if (code >= 0)
        return code;
    if (optind < argc)
        return command_usage_error(command);
    if (count == 2 && renewed != NULL && renewed[0] != '\0')
        words[count++] = renewed;
    if (count == 2) {
        log_error("no lineage given; name it with --lineage DIR, or run this command as a deploy hook of certbot");
        return command_usage_error(command);
    }
    snprintf(wait_text, sizeof wait_text, "%lld", (long long)wait_sec);
    words[1] = wait_text;
    return client_run(config_path, words, count);
}

const struct command command_deploy = {
    .name = "deploy",
    .help = {
        .usage = "[--lineage DIR...] [--wait DURATION] [-c FILE]",
        .summary = "Fetch staples for renewed certificates, then restart Apache",
        .note = "The command serves as a deploy hook of certbot.  A lineage that stapleguard does not manage changes nothing.",
        .options = (const struct help_option[]){
            {OPTION_LINEAGE, 0, "lineage", "DIR",
                "a directory with renewed certificates (certbot: /etc/letsencrypt/live/NAME); may be repeated.  Without this option, "
                "the environment variable RENEWED_LINEAGE is used, which certbot sets for deploy hooks"},
            {OPTION_WAIT, 0, "wait", "DURATION",
                "how long to retry while a responder does not know the new certificate yet (90s, 10m)"},
            HELP_OPTION_CONFIG,
            {0},
        },
        .exits = (const struct help_exit[]){
            {NULL, "0", "Apache was restarted, or there was nothing to do"},
            {NULL, "1", "Apache was restarted, but a certificate has no staple yet"},
            {NULL, "2", "Apache was not restarted"},
            {NULL, "3", "usage error, or stapleguardd is not running"},
            {0},
        },
    },
    .run = run,
};
