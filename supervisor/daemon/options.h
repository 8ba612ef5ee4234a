/* SPDX-License-Identifier: ISC */
/*
 * Owns: stapleguardd's command line.
 * Runs in: supervisor.
 * Never: acts on it.
 */
#ifndef STAPLEGUARD_OPTIONS_H
#define STAPLEGUARD_OPTIONS_H

#include <stdbool.h>

struct options {
    const char *config_path;
    bool is_once;
    bool is_forced;
    bool is_config_test;
    bool is_verbose;
};

enum options_result {
    OPTIONS_RUN,
    OPTIONS_ANSWERED, /* --help or --version was printed */
    OPTIONS_WRONG,    /* said on standard error */
};

enum options_result options_parse(int argc, char **argv, struct options *options);

#endif
