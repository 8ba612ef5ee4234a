/* SPDX-License-Identifier: ISC */
/*
 * Owns: how Berkeley DB touches the system in this process: opening, writing, syncing, and what went wrong last.
 * Runs in: writer, its reader of Apache's file.
 * Never: is included but by store.c and dbm_bdb.c; its state is the process's, as Berkeley DB's is.
 */
#ifndef STAPLEGUARD_BDB_HOOKS_H
#define STAPLEGUARD_BDB_HOOKS_H

#include <db.h>
#include <stdbool.h>

/* Before the first handle; any number of times. */
void bdb_hooks_install(void);

/*
 * false: Berkeley DB's own syncing does nothing (Apache's file, which Apache deletes at every start).  true, at first and
 * between two commits: it syncs (our store).  Berkeley DB has no such switch for one database.
 */
void bdb_hooks_set_durable(bool is_durable);

/*
 * From now on whatever Berkeley DB opens is this descriptor, whose holes are read without the kernel; for the reader
 * process, which may open nothing.  Returns 0, or -1 with errno set.
 */
int bdb_hooks_serve_only(int fd);

/* Forget the last error; call before an operation that is to be explained. */
void bdb_hooks_forget(void);

/* errno of the first system call that failed since then; 0: none did, so what is wrong is in the files. */
int bdb_hooks_errno(void);

/* Why the call that returned error failed (clean text): the system's reason, else Berkeley DB's first words since then. */
const char *bdb_hooks_explain(int error);

/* Can only the system be blamed for this errno: no room, no right, no memory? */
bool bdb_hooks_is_systems_fault(int error);

/* For DB_ENV->set_errcall and DB->set_errcall. */
void bdb_hooks_take_words(const DB_ENV *env, const char *prefix, const char *words);

#endif
