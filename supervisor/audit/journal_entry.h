/* SPDX-License-Identifier: ISC */
/*
 * Owns: the system journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): an entry's bytes, and sending it.
 * Runs in: supervisor.
 * Never: waits for the journal, or lets a value become a field of its own.
 *
 * Every value goes in the form with a length before it, so that no byte in it has a meaning.  An entry is at most JOURNAL_ENTRY_MAX
 * bytes, far below what a datagram may be (net.core.wmem_default), so the protocol's way for larger ones, a memfd, is not needed.
 */
#ifndef STAPLEGUARD_JOURNAL_ENTRY_H
#define STAPLEGUARD_JOURNAL_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* The longest event: a message with every text of it, and each text in its field once more. */
#define JOURNAL_ENTRY_MAX 12288u

/* Fields that do not fit are left out whole. */
struct journal_entry {
    size_t len;
    char data[JOURNAL_ENTRY_MAX];
};

void journal_entry_begin(struct journal_entry *entry);
/* name: upper case, digits, _.  text: cleaned (text.h); NULL or "": no field. */
void journal_entry_text(struct journal_entry *entry, const char *name, const char *text);
void journal_entry_number(struct journal_entry *entry, const char *name, int64_t value);
void journal_entry_hex(struct journal_entry *entry, const char *name, const uint8_t *data, size_t len);

struct journal;

/* path: JOURNAL_SOCKET.  NULL: there is no journal, or no memory. */
struct journal *journal_open(const char *path);
void journal_close(struct journal *journal);

/*
 * Returns whether the journal has it.  When it is full or gone the entry is counted, and that is logged once, as is how many there
 * were when it takes entries again.
 */
bool journal_send(struct journal *journal, const struct journal_entry *entry);

#endif
