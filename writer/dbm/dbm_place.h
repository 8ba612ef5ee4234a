/* SPDX-License-Identifier: ISC */
/*
 * Owns: the directory entry of Apache's DBM file: what stands there, and putting a finished file there instead.
 * Runs in: writer.
 * Never: follows a link, waits on a FIFO, or writes to a file that is in place.
 *
 * Names are relative to the working directory, which is the file's own directory.
 */
#ifndef STAPLEGUARD_DBM_PLACE_H
#define STAPLEGUARD_DBM_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "bounds.h"
#include "words/reason.h"

struct dbm_place {
    bool is_there;               /* a file that may be replaced */
    bool is_unread;              /* one that is there and cannot be read */
    int fd;                      /* owned, for reading; -1: nothing that is worth reading */
    struct stat st;              /* of fd, before it was read */
    char detail[DETAIL_MAX + 1]; /* what is there, when that is worth saying */
};

/*
 * Look at what stands at name.  REASON_NONE: a Berkeley DB hash file (fd is open), or something that a new file may
 * replace: nothing, an empty file, a file that cannot be read.  REASON_NOT_BERKELEY_DB: another kind of DBM file, also
 * SDBM's pair beside the name. REASON_DBM_UNWRITABLE: not a file at all.  A symbolic link, FIFO, device or directory is
 * refused although renaming would replace the name itself: somebody put it there for a purpose that we do not know.  One that may
 * not even be opened is taken for a file that cannot be read.
 */
enum reason dbm_place_open(const char *name, struct dbm_place *place);

/* True when the file was written to since dbm_place_open. */
bool dbm_place_is_changed(const struct dbm_place *place);

/* True when group and mode are what dbm_place_prepare gives; Apache gives the file to its own user at each start. */
bool dbm_place_is_ours(const struct dbm_place *place);

void dbm_place_close(struct dbm_place *place);

/* The name a new file is built under: beside name.  Returns false when name is too long for that. */
bool dbm_place_temporary(const char *name, char out[NAME_MAX + 1]);

/* The same for a file that the keeper puts in place: DBM_PLACE_NEW in its own directory. */
void dbm_place_staging(char out[NAME_MAX + 1]);
#define DBM_PLACE_NEW "new"

/*
 * Remove what a run that was killed left behind, also Berkeley DB's own temporary file.  Returns false, with errno set,
 * when something stays in the way: Berkeley DB would try again for minutes.
 */
bool dbm_place_clean(const char *temporary);

/*
 * Give the finished file its group and mode (0660: Apache's children must be able to read and write it).  On REASON_NONE
 * *placed is that file, as it is before Apache can see it; dbm_place_close it.  Else REASON_DBM_UNWRITABLE, placed->fd is -1
 * and placed->detail says why.
 */
enum reason dbm_place_prepare(const char *temporary, struct dbm_place *placed);

/* The same, and rename it over name. */
enum reason dbm_place_put(const char *temporary, const char *name, struct dbm_place *placed);

/* What the file takes on disk, holes apart. */
uint64_t dbm_place_disk_bytes(const struct dbm_place *place);

#endif
