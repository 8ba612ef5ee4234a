/* SPDX-License-Identifier: ISC */
/*
 * Owns: opening a file that a configuration names, writing all of a buffer, and syncing a directory.
 * Runs in: every process.
 * Never: waits in open, or hands out what is not a regular file.
 */
#ifndef STAPLEGUARD_FILE_H
#define STAPLEGUARD_FILE_H

#include <stddef.h>

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

/*
 * Write len bytes, in one write where the kernel takes them at once.  Returns how many were written; errno is set when they are fewer
 * than len.
 */
size_t file_write_all(int fd, const void *data, size_t len);

#endif
