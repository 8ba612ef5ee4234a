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
        log_error("`%s` is not a site's name; write it as in ServerName, without scheme and port", name);
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
    static const char *domains[DOMAINS_MAX];
    struct setup_options setup = {.request = {.config_path = CONF_DEFAULT_PATH, .domains = domains}};
    bool is_recovery = false, is_quiet = false, is_boot = false;
    struct conf *conf;
    int option, code;

    while ((option = command_option(command, argc, argv, &setup.request.config_path, &code)) != OPTION_END) {
        if (option == SETUP_OPTION_ALL)
            setup.request.is_all = true;
        else if (option == SETUP_OPTION_DOMAIN && take_domain(optarg, domains, &setup.request.domain_count))
            continue;
        else if (option == SETUP_OPTION_DRY_RUN)
            setup.is_dry_run = true;
        else if (option == SETUP_OPTION_ALLOW_MISSING)
            setup.is_missing_allowed = true;
        else if (option == SETUP_OPTION_RECOVER)
            is_recovery = true;
        else if (option == SETUP_OPTION_QUIET)
            is_quiet = true;
        else if (option == SETUP_OPTION_BOOT)
            is_boot = true;
        else
            return command_usage_error(command);
    }
    if (code >= 0)
        return code;
    while (optind < argc && setup.request.domain_count > 0)
        if (!take_domain(argv[optind++], domains, &setup.request.domain_count))
            return command_usage_error(command);
    if (optind < argc || setup.request.is_all + (setup.request.domain_count > 0) + is_recovery != 1
        || ((is_quiet || is_boot) && !is_recovery) || (is_recovery && (setup.is_dry_run || setup.is_missing_allowed)))
        return command_usage_error(command);
    if (geteuid() != 0) {
        log_error("%s needs root, because it %s Apache's configuration%s", command->name, setup.is_dry_run ? "reads" : "changes",
            setup.is_dry_run ? "" : " and restarts Apache");
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
    .help = {
        .usage = "--all [--dry-run] [--allow-missing] [-c FILE]\n"
                 "--domain NAME... [--dry-run] [--allow-missing] [-c FILE]\n"
                 "--recover [--quiet] [--boot] [-c FILE]",
        .summary = "Configure Apache to staple from stapleguard's cache",
        .note = "enable fetches the staples, writes the configuration, lets Apache test it, restarts Apache, and makes a handshake with "
                "every site.  If any step fails, everything is restored.  The former files are kept in state_dir/setup/backup-TIME.",
        .options = (const struct help_option[]){
            {SETUP_OPTION_ALL, 0, "all", NULL, "at server level: every TLS site that does not set SSLUseStapling off itself"},
            {SETUP_OPTION_DOMAIN, 0, "domain", "NAME...", "only the TLS virtual hosts that serve these names"},
            {SETUP_OPTION_DRY_RUN, 0, "dry-run", NULL, "show the findings and the changes, and change nothing"},
            {SETUP_OPTION_ALLOW_MISSING, 0, "allow-missing", NULL,
                "continue when a certificate's responder gives no staple now"},
            {SETUP_OPTION_RECOVER, 0, "recover", NULL,
                "undo the changes of an interrupted enable or disable; the service does so when it starts"},
            {SETUP_OPTION_QUIET, 0, "quiet", NULL, "with --recover: print nothing when there is nothing to undo"},
            {SETUP_OPTION_BOOT, 0, "boot", NULL, "with --recover: do not restart Apache, which starts later"},
            HELP_OPTION_CONFIG,
            {0},
        },
        .exits = (const struct help_exit[]){
            {NULL, "0", "done, or nothing to do"},
            {NULL, "1", "failed; everything was restored"},
            {NULL, "2", "failed, and something could not be restored (the message says what to do)"},
            {NULL, "3", "usage error, configuration error, or not run as root"},
            {0},
        },
    },
    .run = run,
};
