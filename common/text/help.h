/* SPDX-License-Identifier: ISC */
/*
 * Owns: the form of a --help text, and reading the options that it describes: one table serves both.
 * Runs in: supervisor, command line.
 * Never: acts on an option.
 */
#ifndef STAPLEGUARD_HELP_H
#define STAPLEGUARD_HELP_H

#include <stdio.h>

/* What help_next_option returns; a program's own options begin at OPTION_OWN. */
enum {
    OPTION_END = -1,
    OPTION_WRONG = '?', /* getopt has named it on standard error */
    OPTION_HELP = 256,
    OPTION_VERSION,
    OPTION_CONFIG,
    OPTION_OWN,
};

/* --help, which every table has implicitly, included. */
#define HELP_OPTIONS_MAX 24u

/* An option; or, without name and letter, an argument that is described with the options. */
struct help_option {
    int value;
    char letter;          /* 'c': -c; 0: none */
    const char *name;     /* "config": --config; NULL: none */
    const char *argument; /* "FILE"; NULL: none */
    const char *text;
};

/* Where conf/conf.h is included. */
#define HELP_OPTION_CONFIG \
    { \
        OPTION_CONFIG, 'c', "config", "FILE", "read FILE instead of " CONF_DEFAULT_PATH \
    }

struct help_exit {
    const char *option; /* "--verify": with that option; NULL: always */
    const char *code;
    const char *text;
};

/* Both tables end with a row of zeros. */
struct help {
    const char *usage; /* behind the program's name; '\n' separates the forms of a call */
    const char *summary;
    const char *note; /* more sentences; NULL: none */
    const struct help_option *options;
    const struct help_exit *exits;
};

/* program: "stapleguard status". */
void help_print(FILE *out, const char *program, const struct help *help);
void help_print_usage(FILE *out, const char *program, const struct help *help);

/* getopt_long(3) with the options of the table.  Returns the value of a row, OPTION_HELP, OPTION_WRONG or OPTION_END. */
int help_next_option(const struct help *help, int argc, char **argv);

#endif
