/* SPDX-License-Identifier: ISC */
/*
 * Owns: what stands at one path, remembered so that it can be put there again; and putting it there in one step.
 * Runs in: command line (enable, disable), as root.
 * Never: follows a symbolic link at the path itself, or leaves half a file behind.
 */
#ifndef STAPLEGUARD_SNAPSHOT_H
#define STAPLEGUARD_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The name, in the same directory, under which a file or link is made before it is renamed into place. */
#define SNAPSHOT_STAGING ".stapleguard-new"

/* Nobody's configuration is longer; what is, is no file of a configuration. */
#define SNAPSHOT_FILE_MAX (64u * 1024u * 1024u)

enum snapshot_kind {
    SNAPSHOT_ABSENT,
    SNAPSHOT_FILE,
    SNAPSHOT_LINK,
    SNAPSHOT_OTHER, /* a directory, a device …: never written over */
};

struct snapshot {
    enum snapshot_kind kind;
    mode_t mode; /* permission bits of a file */
    uid_t uid;
    gid_t gid;
    int64_t mtime_sec;
    long mtime_nsec;
    char *data; /* owned, terminated: a file's bytes, or a link's target; else NULL */
    size_t len;
    char *xattrs; /* owned: extended attributes (ACLs, labels) as snapshot_take wrote them down; NULL: none */
    size_t xattrs_len;
};

/* Look.  A missing path is ABSENT.  Returns 0, or -1 with errno (EFBIG over the bound).  snapshot_clear it. */
int snapshot_take(const char *path, struct snapshot *snapshot);
void snapshot_clear(struct snapshot *snapshot);

/* The same kind and the same bytes. */
bool snapshot_has_content(const struct snapshot *snapshot, enum snapshot_kind kind, const char *data, size_t len);
/* The same in everything but the time. */
bool snapshot_is_same(const struct snapshot *a, const struct snapshot *b);

/*
 * Make path be what the snapshot says: bytes, mode, owner, time and attributes, by one rename, synced to disk with its
 * directory; ABSENT: removed.  Returns 0, or -1 with errno; then path is as it was.
 */
int snapshot_put(const char *path, const struct snapshot *snapshot);

/* So that the names in it are on disk.  Returns 0, or -1 with errno. */
int snapshot_sync_directory(const char *directory);

/* Take away what a snapshot_put that was killed left beside path.  Returns 0, or -1 with errno. */
int snapshot_tidy(const char *path);

#endif
