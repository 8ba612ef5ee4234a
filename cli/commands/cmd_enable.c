/* SPDX-License-Identifier: ISC */
/*
 * Owns: `stapleguard enable`: its options.
 * Runs in: command line, as root.
 * Never: decides what Apache's configuration means (setup/ and httpd/ do).
 */
#include <getopt.h>
#include <unistd.h>

#include "apache_config/config_match.h"
#include "base/client.h"
#include "base/command.h"
#include "base/output.h"
#include "enable/enable.h"
#include "system/log.h"

#define DOMAINS_MAX 1000u

static bool take_domain(const char *name, const char **domains, size_t *count)
{
    if (!config_match_name_is_valid(name)) {
        log_error("`%s` is no name of a site; write it as in ServerName, without scheme and port", name);
        return false;
    }
    if (*count == DOMAINS_MAX) {
        log_error("more than %u domains; use --all", DOMAINS_MAX);
        return false;
    }
    domains[(*count)++] = name;
    return true;
}

/* One of --all, --domain and --recover; names may follow --domain. */
int setup_command(const struct command *command, int argc, char **argv, bool is_enable)
{
    static const struct option options[] = {
        {"all", no_argument, NULL, 'a'},
        {"domain", required_argument, NULL, 'd'},
        {"dry-run", no_argument, NULL, 'n'},
        {"allow-missing", no_argument, NULL, 'm'},
        {"recover", no_argument, NULL, 'r'},
        {"quiet", no_argument, NULL, 'q'},
        {"boot", no_argument, NULL, 'b'},
        {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    static const char *domains[DOMAINS_MAX];
    struct setup_options setup = {.request = {.config_path = CONF_DEFAULT_PATH, .domains = domains}};
    bool is_recovery = false, is_quiet = false, is_boot = false;
    struct conf *conf;
    int option;

    while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
        if (option == 'a')
            setup.request.is_all = true;
        else if (option == 'd' && take_domain(optarg, domains, &setup.request.domain_count))
            continue;
        else if (option == 'n')
            setup.is_dry_run = true;
        else if (option == 'm' && is_enable)
            setup.is_missing_allowed = true;
        else if (option == 'r' && is_enable)
            is_recovery = true;
        else if (option == 'q' && is_enable)
            is_quiet = true;
        else if (option == 'b' && is_enable)
            is_boot = true;
        else if (option == 'c')
            setup.request.config_path = optarg;
        else if (option == 'h')
            return command_print_help(command);
        else
            return command_usage_error(command);
    }
    while (optind < argc && setup.request.domain_count > 0)
        if (!take_domain(argv[optind++], domains, &setup.request.domain_count))
            return command_usage_error(command);
    if (optind < argc || setup.request.is_all + (setup.request.domain_count > 0) + is_recovery != 1
        || ((is_quiet || is_boot) && !is_recovery) || (is_recovery && (setup.is_dry_run || setup.is_missing_allowed)))
        return command_usage_error(command);
    if (geteuid() != 0) {
        log_error("needs root: it %s Apache's configuration and restarts Apache", setup.is_dry_run ? "looks at" : "changes");
        return SETUP_USAGE;
    }
    conf = client_conf(setup.request.config_path);
    if (conf == NULL)
        return SETUP_USAGE;
    if (is_recovery)
        return (int)setup_recover(is_quiet, is_boot, conf);
    return (int)(is_enable ? setup_enable(&setup, conf) : setup_disable(&setup, conf));
}

static int run(const struct command *command, int argc, char **argv)
{
    return setup_command(command, argc, argv, true);
}

const struct command command_enable = {
    .name = "enable",
    .arguments = "--all | --domain NAME... | --recover [--quiet] [--boot]  [--dry-run] [--allow-missing] [-c FILE]",
    .summary = "Set Apache up for stapling from stapleguard's cache",
    .help
    = "  --all              at server level: every TLS site that does not say SSLUseStapling off itself\n"
      "  --domain NAME...   only the TLS virtual hosts that serve these names\n"
      "  --dry-run          show what is found and what would change, and change nothing\n"
      "  --allow-missing    go on when a certificate's responder gives no staple now\n"
      "  --recover          undo what an enable or disable left behind that was killed; the service does so when it starts\n"
      "  --quiet            with --recover: say nothing when there is nothing to undo\n"
      "  --boot             with --recover: leave Apache alone, which is started after this\n"
      "  -c, --config FILE  instead of " CONF_DEFAULT_PATH
      "\n"
      "\nFetches first, then writes, tests Apache's configuration, restarts Apache, and makes a handshake with every site.\n"
      "When any of it fails, everything is put back.  The former files stay in state_dir/setup/backup-TIME.\n"
      "exit codes: 0 done, or nothing to do; 1 failed, and everything is as it was; 2 failed, and something could not be\n"
      "  put back (the message says what to do); 3 usage, configuration, or not root\n",
    .run = run,
};
