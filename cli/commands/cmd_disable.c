/* SPDX-License-Identifier: ISC */
/*
 * Owns: `stapleguard disable`: its name; its options are enable's.
 * Runs in: command line, as root.
 * Never: decides what Apache's configuration means (setup/ and httpd/ do).
 */
#include "base/client.h"
#include "base/command.h"

static int run(const struct command *command, int argc, char **argv)
{
    return setup_command(command, argc, argv, false);
}

const struct command command_disable = {
    .name = "disable",
    .arguments = "--all | --domain NAME...  [--dry-run] [-c FILE]",
    .summary = "Take everything of stapleguard's out of Apache again",
    .help
    = "  --all              all that enable put there; what it replaced comes back\n"
      "  --domain NAME...   only the TLS virtual hosts that serve these names\n"
      "  --dry-run          show what would change, and change nothing\n"
      "  -c, --config FILE  instead of " CONF_DEFAULT_PATH
      "\n"
      "\nexit codes: 0 done, or nothing to do; 1 failed, and everything is as it was; 2 failed, and something could not be\n"
      "  put back (the message says what to do); 3 usage, configuration, or not root\n",
    .run = run,
};
