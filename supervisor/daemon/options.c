/* SPDX-License-Identifier: ISC */
#include "daemon/options.h"

#include <getopt.h>
#include <stdio.h>

#include "conf/conf.h"
#include "text/help.h"

enum { OPTION_ONCE = OPTION_OWN, OPTION_FORCE, OPTION_FOREGROUND, OPTION_TEST, OPTION_VERBOSE };

static const struct help help = {
    .usage = "[-f] [-v] [-c FILE]\n"
             "--once [--force] [-v] [-c FILE]\n"
             "-n [-c FILE]",
    .summary = "Keep Apache's OCSP stapling cache fresh, as a service or in a single run",
    .options = (const struct help_option[]){
        {OPTION_ONCE, 0, "once", NULL, "process the certificates that are due, then exit"},
        {OPTION_FORCE, 0, "force", NULL, "with --once: process all certificates, due or not"},
        HELP_OPTION_CONFIG,
        {OPTION_FOREGROUND, 'f', NULL, NULL, "stay in the foreground (the default; accepted for compatibility)"},
        {OPTION_TEST, 'n', NULL, NULL, "check the configuration and exit"},
        {OPTION_VERBOSE, 'v', NULL, NULL, "log each message between the processes"},
        {OPTION_VERSION, 0, "version", NULL, "print the version"},
        {0},
    },
    .exits = (const struct help_exit[]){
        {"--once", "0", "all staples are fresh"},
        {"--once", "1", "a fetch failed, but every certificate still has a valid staple"},
        {"--once", "2", "a certificate has no staple"},
        {"--once", "3", "usage error or configuration error"},
        {"--once", "4", "stapleguardd is already running"},
        {0},
    },
};

static enum options_result refuse(void)
{
    help_print_usage(stderr, "stapleguardd", &help);
    return OPTIONS_WRONG;
}

enum options_result options_parse(int argc, char **argv, struct options *options)
{
    int option;

    *options = (struct options){.config_path = CONF_DEFAULT_PATH};
    while ((option = help_next_option(&help, argc, argv)) != OPTION_END) {
        switch (option) {
        case OPTION_CONFIG:
            options->config_path = optarg;
            break;
        case OPTION_FOREGROUND:
            break;
        case OPTION_TEST:
            options->is_config_test = true;
            break;
        case OPTION_VERBOSE:
            options->is_verbose = true;
            break;
        case OPTION_ONCE:
            options->is_once = true;
            break;
        case OPTION_FORCE:
            options->is_forced = true;
            break;
        case OPTION_HELP:
            help_print(stdout, "stapleguardd", &help);
            return OPTIONS_ANSWERED;
        case OPTION_VERSION:
            puts("stapleguardd " STAPLEGUARD_VERSION);
            return OPTIONS_ANSWERED;
        default:
            return refuse();
        }
    }
    if (optind < argc) {
        fprintf(stderr, "stapleguardd: unexpected argument `%s`\n", argv[optind]);
        return refuse();
    }
    if (options->is_forced && !options->is_once) {
        fprintf(stderr, "stapleguardd: --force requires --once\n");
        return refuse();
    }
    return OPTIONS_RUN;
}
