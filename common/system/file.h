/* SPDX-License-Identifier: ISC */
/*
 * Owns: opening a file that somebody named in a configuration, and making what happened in a directory last.
 * Runs in: supervisor (as root), command line.
 * Never: waits in open, or hands out what is not a regular file.
 */
#ifndef STAPLEGUARD_FILE_H
#define STAPLEGUARD_FILE_H

/*
 * See to it that what was made, renamed or removed at path is so after a power loss, too: sync the directory that it is in.  Returns
 * 0, or -1 with errno set.
 */
int file_sync_directory(const char *path);

/*
 * Open the regular file at path for reading (symbolic links are followed; close-on-exec).  Returns the descriptor, the
 * caller's, or -1 with errno set and *why a short text ("Permission denied", "Not a regular file"), valid until the next
 * call.  A missing file is ENOENT; a directory EISDIR; a FIFO, socket or device EINVAL.
 */
int file_open_regular(const char *path, const char **why);

#endif
