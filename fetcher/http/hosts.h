/* SPDX-License-Identifier: ISC */
/*
 * Owns: the names of /etc/hosts, in memory, because no file can be opened once the process is locked in.
 * Runs in: fetcher.
 * Never: asks DNS; reads the file again (a change takes effect when the fetcher starts anew).
 */
#ifndef STAPLEGUARD_HOSTS_H
#define STAPLEGUARD_HOSTS_H

#include <stddef.h>

#include "bounds.h"
#include "http/address.h"

struct hosts;

/*
 * Make a table of text (len bytes, hosts(5): address, name, aliases; `#` begins a comment).  A line that is not
 * understood is passed over, as libc does.  Never NULL except without memory.  hosts_free ends it.
 */
struct hosts *hosts_parse(const char *text, size_t len);

/* The same from a file of at most HOSTS_FILE_MAX bytes (what lies beyond is not read).  A missing file is an empty table. */
struct hosts *hosts_read(const char *path);
void hosts_free(struct hosts *hosts);

/*
 * The addresses of name (any case), in the file's order, at most NAME_ADDRESSES_MAX.  Returns how many; 0: not in the file.
 * "localhost" and names below it are always known, ::1 and 127.0.0.1 unless the file says otherwise: they must never be
 * asked of DNS (RFC 6761 6.3).
 */
size_t hosts_find(const struct hosts *hosts, const char *name, struct address out[NAME_ADDRESSES_MAX]);

#endif
