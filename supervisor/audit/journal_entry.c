/* SPDX-License-Identifier: ISC */
#include "audit/journal_entry.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bounds.h"
#include "system/log.h"
#include "text/hex.h"
#include "text/text.h"

/* The longest value: a path; every text of an event behind the other is shorter. */
#define VALUE_MAX FILE_PATH_MAX

struct journal {
    int fd;
    struct sockaddr_un address;
    uint64_t dropped; /* since it last took one */
};

void journal_entry_begin(struct journal_entry *entry)
{
    entry->len = 0;
}

static void put(struct journal_entry *entry, const void *data, size_t len)
{
    memcpy(entry->data + entry->len, data, len);
    entry->len += len;
}

static void put_field(struct journal_entry *entry, const char *name, const char *value, size_t len)
{
    uint64_t wire_len = htole64(len);

    if (strlen(name) + 1 + sizeof wire_len + len + 1 > sizeof entry->data - entry->len)
        return;
    put(entry, name, strlen(name));
    put(entry, "\n", 1);
    put(entry, &wire_len, sizeof wire_len);
    put(entry, value, len);
    put(entry, "\n", 1);
}

void journal_entry_text(struct journal_entry *entry, const char *name, const char *text)
{
    char clean[VALUE_MAX + 1];

    if (text != NULL && text[0] != '\0')
        put_field(entry, name, clean, text_clean_copy(clean, sizeof clean, text, strlen(text)));
}

void journal_entry_number(struct journal_entry *entry, const char *name, int64_t value)
{
    char text[24];

    put_field(entry, name, text, (size_t)snprintf(text, sizeof text, "%" PRId64, value));
}

void journal_entry_hex(struct journal_entry *entry, const char *name, const uint8_t *data, size_t len)
{
    char text[VALUE_MAX];

    if (data == NULL || len == 0 || 2 * len > sizeof text)
        return;
    hex_write(data, len, text);
    put_field(entry, name, text, 2 * len);
}

struct journal *journal_open(const char *path)
{
    struct journal *journal = calloc(1, sizeof *journal);

    if (journal == NULL || strlen(path) >= sizeof journal->address.sun_path || access(path, F_OK) != 0) {
        free(journal);
        return NULL;
    }
    journal->address.sun_family = AF_UNIX;
    strcpy(journal->address.sun_path, path);
    journal->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (journal->fd >= 0)
        return journal;
    free(journal);
    return NULL;
}

void journal_close(struct journal *journal)
{
    if (journal == NULL)
        return;
    if (journal->dropped > 0)
        log_warning("the system journal did not take %" PRIu64 " events; the audit log has them", journal->dropped);
    close(journal->fd);
    free(journal);
}

bool journal_send(struct journal *journal, const struct journal_entry *entry)
{
    uint64_t dropped = journal->dropped;

    /* To the address each time: a journald that was started anew has another socket there. */
    if (sendto(journal->fd, entry->data, entry->len, MSG_NOSIGNAL, (const struct sockaddr *)&journal->address,
            sizeof journal->address)
        == (ssize_t)entry->len) {
        journal->dropped = 0;
        if (dropped > 0)
            log_info("the system journal takes events again; it did not take %" PRIu64 ", the audit log has them", dropped);
        return true;
    }
    if (journal->dropped++ == 0)
        log_warning("the system journal takes no events: %s; the audit log has them, the service goes on",
            errno == EAGAIN ? "it is full" : strerror(errno));
    return false;
}
