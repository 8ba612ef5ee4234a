/* SPDX-License-Identifier: ISC */
#include "daemon/options.h"

#include <getopt.h>
#include <stdio.h>

#include "conf/conf.h"

static const char usage[]
    = "usage: stapleguardd [-f] [-v] [-c FILE]\n"
      "       stapleguardd --once [--force] [-v] [-c FILE]\n"
      "       stapleguardd -n [-c FILE]\n"
      "Keeps Apache's OCSP stapling cache fresh: as a service until it is stopped, or with --once in one pass.\n"
      "  --once             one pass over the certificates that are due, then exit\n"
      "  --force            with --once: all certificates, due or not\n"
      "  -c, --config FILE  instead of " CONF_DEFAULT_PATH
      "\n"
      "  -f                 stay in the foreground (it always does)\n"
      "  -n                 check the configuration and exit\n"
      "  -v                 trace each message between the processes in one line\n"
      "  --help, --version\n"
      "exit codes of --once: 0 all staples are fresh; 1 a fetch failed, but every certificate still has a valid staple;\n"
      "  2 a certificate is without a staple; 3 usage or configuration; 4 already running\n";

enum options_result options_parse(int argc, char **argv, struct options *options)
{
    enum { OPTION_ONCE = 256, OPTION_FORCE, OPTION_HELP, OPTION_VERSION };
    static const struct option long_options[] = {
        {"once", no_argument, NULL, OPTION_ONCE},
        {"force", no_argument, NULL, OPTION_FORCE},
        {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, OPTION_HELP},
        {"version", no_argument, NULL, OPTION_VERSION},
        {NULL, 0, NULL, 0},
    };
    int option;

    *options = (struct options){.config_path = CONF_DEFAULT_PATH};
    while ((option = getopt_long(argc, argv, "c:fnv", long_options, NULL)) != -1) {
        switch (option) {
        case 'c':
            options->config_path = optarg;
            break;
        case 'f': /* it always stays there: systemd and everybody else wants it so */
            break;
        case 'n':
            options->is_config_test = true;
            break;
        case 'v':
            options->is_verbose = true;
            break;
        case OPTION_ONCE:
            options->is_once = true;
            break;
        case OPTION_FORCE:
            options->is_forced = true;
            break;
        case OPTION_HELP:
            fputs(usage, stdout);
            return OPTIONS_ANSWERED;
        case OPTION_VERSION:
            puts("stapleguardd " STAPLEGUARD_VERSION);
            return OPTIONS_ANSWERED;
        default:
            fputs(usage, stderr);
            return OPTIONS_WRONG;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "stapleguardd: `%s` is not understood\n%s", argv[optind], usage);
        return OPTIONS_WRONG;
    }
    if (options->is_forced && !options->is_once) {
        fprintf(stderr, "stapleguardd: --force goes with --once\n%s", usage);
        return OPTIONS_WRONG;
    }
    return OPTIONS_RUN;
}
