/* SPDX-License-Identifier: ISC */
/*
 * Owns: what Apache and its control command say about themselves: version, paths, modules, command line, environment.
 * Runs in: command line (enable, disable), as root.
 * Never: reads Apache's configuration (httpd/ does), or changes anything.
 */
#ifndef STAPLEGUARD_APACHE_FACTS_H
#define STAPLEGUARD_APACHE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "bounds.h"
#include "conf/conf.h"

/* A list of texts, ended by NULL; all owned. */
struct text_list {
    char **items;
    size_t count;
};

struct apache_facts {
    pid_t pid;                           /* main process; 0: not running */
    char program[FILE_PATH_MAX + 1];     /* the running program; "" when not running */
    char version[32];                    /* "2.4.71" */
    char server_root[FILE_PATH_MAX + 1]; /* absolute */
    char conf_file[FILE_PATH_MAX + 1];   /* absolute */
    struct text_list modules;            /* loaded or compiled in: "ssl_module" */
    struct text_list static_modules;     /* compiled in: "mod_so.c" */
    struct text_list defines;            /* of the command line */
    struct text_list environment;
    struct text_list libraries; /* the modules' files that the process has mapped */
};

bool text_list_add(struct text_list *list, const char *text, size_t len);
bool text_list_has(const struct text_list *list, const char *text);
void text_list_clear(struct text_list *list);

/*
 * Ask the control command and look at the running process.  Returns 0, or -1 with one sentence in error (cap bytes).
 * apache_facts_clear it always.
 */
int apache_facts_gather(const struct conf *conf, struct apache_facts *facts, char *error, size_t cap);
void apache_facts_clear(struct apache_facts *facts);

/* Is the module loaded?  name: "socache_dbm". */
bool apache_facts_has_module(const struct apache_facts *facts, const char *name);

/* Pure, for the above.  Of `-V`: the version, HTTPD_ROOT and SERVER_CONFIG_FILE.  False when one is missing. */
bool apache_facts_parse_build(const char *output, struct apache_facts *facts);
/* Of `-t -D DUMP_INCLUDES -D DUMP_RUN_CFG`: the configuration file and ServerRoot.  False when one is missing. */
bool apache_facts_parse_files(const char *output, struct apache_facts *facts);
/* Of `-M` and `-l`: words "NAME_module", and "mod_NAME.c". */
bool apache_facts_parse_modules(const char *output, const char *ending, struct text_list *modules);
/* Of /proc/PID/cmdline (len bytes): -d, -f and -D. */
bool apache_facts_parse_command(const char *words, size_t len, struct apache_facts *facts);
/* 2.4 or newer? */
bool apache_facts_is_new_enough(const struct apache_facts *facts);

#endif
