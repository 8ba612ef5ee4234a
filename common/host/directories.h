/* SPDX-License-Identifier: ISC */
/*
 * Owns: the directories the service needs: made where they may be missing, looked at where they stand.
 * Runs in: supervisor, before the children start; command line (enable).
 * Never: changes a directory that it did not make, except below run_dir.
 */
#ifndef STAPLEGUARD_DIRECTORIES_H
#define STAPLEGUARD_DIRECTORIES_H

#include <stddef.h>
#include <sys/types.h>

#include "conf/conf.h"

/* The fetcher's root: an empty directory that nobody can write to.  out: cap bytes. */
void directories_fetcher_root(const struct conf *conf, char *out, size_t cap);

/*
 * Make sure that state_dir, run_dir, the fetcher's empty root, the audit log's and the DBM file's directory exist; the last
 * belongs to write_uid and apache_gid, so that Apache's children can reach the file but not make one of their own.
 * Returns 0, or -1 and one sentence in error that names the directory and what to do.
 */
int directories_prepare(const struct conf *conf, uid_t write_uid, gid_t apache_gid, char *error, size_t cap);

#endif
