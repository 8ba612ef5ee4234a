/* SPDX-License-Identifier: ISC */
#include "control/control_outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct outbox_piece {
    struct outbox_piece *next;
    char *octets; /* owned */
    size_t len;
    size_t sent;
};

bool outbox_give(struct outbox *outbox, char *octets, size_t len)
{
    struct outbox_piece *piece = calloc(1, sizeof *piece);

    if (piece == NULL || len == 0) {
        free(piece);
        free(octets);
        return len == 0;
    }
    piece->octets = octets;
    piece->len = len;
    if (outbox->last == NULL)
        outbox->first = piece;
    else
        outbox->last->next = piece;
    outbox->last = piece;
    outbox->unread += len;
    return true;
}

bool outbox_put(struct outbox *outbox, const void *octets, size_t len)
{
    char *copy = malloc(len + 1);

    if (copy == NULL)
        return false;
    memcpy(copy, octets, len);
    return outbox_give(outbox, copy, len);
}

static void drop_first(struct outbox *outbox)
{
    struct outbox_piece *piece = outbox->first;

    outbox->unread -= piece->len - piece->sent;
    outbox->first = piece->next;
    if (outbox->first == NULL)
        outbox->last = NULL;
    free(piece->octets);
    free(piece);
}

int outbox_send(struct outbox *outbox, int fd)
{
    while (outbox->first != NULL) {
        struct outbox_piece *piece = outbox->first;
        ssize_t sent = send(fd, piece->octets + piece->sent, piece->len - piece->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -1;
        piece->sent += (size_t)sent;
        outbox->unread -= (size_t)sent;
        if (piece->sent < piece->len)
            return 0;
        drop_first(outbox);
    }
    return 0;
}

void outbox_clear(struct outbox *outbox)
{
    while (outbox->first != NULL)
        drop_first(outbox);
}
