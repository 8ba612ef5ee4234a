/* SPDX-License-Identifier: ISC */
/*
 * Owns: what Apache and its control command say about themselves: version, command line, environment, modules' files.
 * Runs in: command line (enable, disable), as root.
 * Never: reads Apache's configuration (apache_config/ does), or changes anything.
 */
#ifndef STAPLEGUARD_APACHE_FACTS_H
#define STAPLEGUARD_APACHE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "bounds.h"
#include "conf/conf.h"
#include "text/text_list.h"

struct apache_facts {
    pid_t pid;                       /* main process; 0: not running */
    char program[FILE_PATH_MAX + 1]; /* the running program; "" when not running */
    char version[32];                /* "2.4.71" */
    struct text_list options;        /* of its command line, for a dump of its configuration: -d, -f, -D, each with its value */
    struct text_list environment;
    struct text_list libraries; /* the modules' files that the process has mapped */
};

/*
 * Ask for the version and look at the running process.  Returns 0, or -1 with one sentence in error (cap bytes).
 * apache_facts_clear it always.
 */
int apache_facts_gather(const struct conf *conf, struct apache_facts *facts, char *error, size_t cap);
/* Without a running process: the environment that Debian's envvars would give it. */
bool apache_facts_read_envvars(struct apache_facts *facts, const char *server_root);
void apache_facts_clear(struct apache_facts *facts);

/* Pure, for the above.  Of `-V`: the version.  False when it is missing. */
bool apache_facts_parse_build(const char *output, struct apache_facts *facts);
/* Of /proc/PID/cmdline (len bytes): the options. */
bool apache_facts_parse_command(const char *words, size_t len, struct apache_facts *facts);
/* 2.4 or newer? */
bool apache_facts_is_new_enough(const struct apache_facts *facts);

#endif
