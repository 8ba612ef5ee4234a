/* SPDX-License-Identifier: ISC */
/*
 * Owns: the place of our store on disk: opening it safely, and setting a damaged one aside.
 * Runs in: writer.
 * Never: throws a store away; opens one in the writer itself that was not tried out in a child before, because Berkeley
 *        DB may crash or hang on damaged files.
 */
#ifndef STAPLEGUARD_STORE_HOME_H
#define STAPLEGUARD_STORE_HOME_H

#include "store/store.h"

/* So many damaged stores are kept, for whoever wants to look into them; older ones are removed. */
#define STORE_HOME_KEPT 3u

/* Recovery takes milliseconds (the log is short); a library that is not done by then turns in circles. */
#define STORE_HOME_TRIAL_SEC 60u

struct store_home_outcome {
    bool is_set_aside;
    char aside[64];              /* the new name of the damaged one, in root */
    char reason[DETAIL_MAX + 1]; /* why it was set aside */
    char detail[DETAIL_MAX + 1]; /* why there is no store now */
};

/* Room that there must be before a store that could not be written is opened anew: a log file, and some pages. */
#define STORE_HOME_ROOM_LEN (1536u * 1024u)

/*
 * Open root/store (root exists), making it if it is missing.  A store that cannot be used is renamed to
 * root/store.corrupt-<UTC time> and an empty one made in its place.  Returns STORE_OK, or STORE_UNWRITABLE: then nothing
 * was set aside, detail says why, and trying again later may succeed; *out is the store opened to be read, or NULL where
 * not even that can be done.
 */
enum store_result store_home_open(const char *root, int64_t now, struct store **out, struct store_home_outcome *outcome);

/* Can root be written to, and is there STORE_HOME_ROOM_LEN?  By trying. */
bool store_home_has_room(const char *root);

#endif
