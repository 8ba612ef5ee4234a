/* SPDX-License-Identifier: ISC */
/*
 * Owns: the Landlock layer (landlock(7)): which directories stay usable, no TCP bind, no signals to others.
 * Runs in: fetcher, writer.
 * Never: fails because a kernel lacks it; says so instead.
 */
#ifndef STAPLEGUARD_LANDLOCK_H
#define STAPLEGUARD_LANDLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* What may be done below a directory.  Nobody executes a file, or makes a device, socket, FIFO or symbolic link. */
enum {
    LANDLOCK_MAY_READ = 1,     /* read files */
    LANDLOCK_MAY_WRITE = 2,    /* write and truncate files */
    LANDLOCK_MAY_NAME = 4,     /* make, rename and remove files */
    LANDLOCK_MAY_LIST = 8,     /* read directories */
    LANDLOCK_MAY_MKDIR = 16,   /* make and remove directories */
    LANDLOCK_MAY_REPARENT = 32 /* rename and link files from one directory to another */
};

struct landlock_directory {
    const char *path; /* NULL ends a list */
    unsigned rights;  /* LANDLOCK_MAY_* */
};

/* Which of what Landlock knows a process goes on being allowed. */
struct landlock_allowed {
    const struct landlock_directory *directories; /* what stays usable; NULL: nothing */
    bool may_connect;                             /* TCP to anywhere */
    bool may_signal_others;                       /* processes outside of its sandbox */
};

/*
 * Make a ruleset that allows no more than this.  Call it while the directories can still be opened by name.  Sets *missing
 * to the SANDBOX_LAYER_* that this kernel lacks.  Returns a descriptor for landlock_restrict, -1 with *missing containing
 * SANDBOX_LAYER_LANDLOCK_FS when there is no Landlock at all, or -1 without it and errno set.
 */
int landlock_prepare(const struct landlock_allowed *allowed, uint32_t *missing);

/* The SANDBOX_LAYER_LANDLOCK_* bits of what this kernel lacks. */
uint32_t landlock_missing_layers(void);

/* Lay the ruleset over the calling process; no_new_privs must be set.  Returns 0, or -1 with errno set. */
int landlock_restrict(int ruleset);

#endif
