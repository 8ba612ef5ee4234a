/* SPDX-License-Identifier: ISC */
/*
 * Owns: testing Apache's configuration, restarting Apache through its control command, and seeing that it did.
 * Runs in: command line (enable, disable), as root.
 * Never: signals Apache itself, or restarts one whose configuration is broken.
 */
#ifndef STAPLEGUARD_APACHE_CONTROL_H
#define STAPLEGUARD_APACHE_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"

/* All: return 0, or -1 with one sentence in error (cap bytes), in Apache's own words where it has any. */

int apache_configtest(const struct conf *conf, char *error, size_t cap);

bool apache_is_running(const struct conf *conf);

/*
 * Graceful: until the first process of the new generation is there.  Full: a stop, the end of the main process, a start.
 * A graceful restart that leaves no SSLStaplingCache where one was ends Apache with a segmentation fault (seen with 2.4.71; test_enable
 * goes through it on each way back), and one does not change a mutex that is in use: both take a full one.
 * Starts an Apache that does not run.  A broken configuration changes nothing.
 */
int apache_restart(const struct conf *conf, bool is_full, char *error, size_t cap);

#endif
