/* SPDX-License-Identifier: ISC */
#include "children/cert_feed.h"

#include <fcntl.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bounds.h"
#include "pem/pem_blocks.h"

#define END_COUNT 2

struct feed_item {
    struct feed_item *next;
    int fd; /* owned; -1 */
    size_t len;
    unsigned char msg[]; /* a struct msg up to the end of its member */
};

static size_t count_looks(const struct cert_list *list)
{
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++)
        count += list->certs[i].look.is_due ? 1 : 0;
    return count;
}

void feed_init(struct feed *feed, struct cert_list *list, struct child *fetcher, struct child *writer, struct msg_begin begin,
    feed_refused *refused, void *context)
{
    memset(feed, 0, sizeof *feed);
    feed->list = list;
    feed->ends[0].child = fetcher;
    feed->ends[1].child = writer;
    for (size_t i = 0; i < END_COUNT; i++)
        feed->ends[i].last = &feed->ends[i].first;
    feed->begin = begin;
    feed->refused = refused;
    feed->context = context;
    feed->looks = count_looks(list);
    feed->in_hand_no = CERT_NO_NONE;
    feed->memfd = -1;
}

static bool is_running(const struct feed_end *end)
{
    return end->child->ipc.fd >= 0;
}

static struct feed_end *end_of(struct feed *feed, const struct child *child)
{
    return &feed->ends[feed->ends[0].child == child ? 0 : 1];
}

static void put_down(struct feed *feed)
{
    if (feed->memfd >= 0)
        close(feed->memfd);
    feed->memfd = -1;
    feed->in_hand_no = CERT_NO_NONE;
}

/* What waits. */

static size_t msg_size(const struct msg *msg)
{
    switch (msg->type) {
#define MSG_SIZE(constant, msg_name, from, to, states, fds) \
    case MSG_##constant: \
        return offsetof(struct msg, msg_name) + sizeof msg->msg_name;
        MSG_TABLE(MSG_SIZE)
#undef MSG_SIZE
    default:
        return sizeof *msg;
    }
}

static void forget_first(struct feed_end *end)
{
    struct feed_item *item = end->first;

    end->first = item->next;
    if (end->first == NULL)
        end->last = &end->first;
    if (item->fd >= 0)
        close(item->fd);
    free(item);
}

static void append(struct feed_end *end, struct feed_item *item)
{
    item->next = NULL;
    *end->last = item;
    end->last = &item->next;
}

/* What is about a certificate is of use only to a child that has heard of it. */
static bool must_wait(const struct feed_end *end, const struct msg *msg)
{
    return !end->is_begun && (msg->type == MSG_REFRESH || msg->type == MSG_RESUME);
}

bool feed_say(struct feed *feed, const struct child *child, const struct msg *msg, int fd)
{
    struct feed_end *end = end_of(feed, child);
    bool is_late = must_wait(end, msg);
    struct feed_item *item = is_running(end) || is_late ? malloc(sizeof *item + msg_size(msg)) : NULL;

    if (item == NULL) {
        if (fd >= 0)
            close(fd);
        return !is_running(end) && !is_late;
    }
    item->fd = fd;
    item->len = msg_size(msg);
    memcpy(item->msg, msg, item->len);
    if (is_late) {
        item->next = end->late;
        end->late = item;
    } else {
        append(end, item);
    }
    return true;
}

/* The last one in comes first: for REFRESH and RESUME the order is all one. */
static void release_late(struct feed_end *end)
{
    while (end->late != NULL) {
        struct feed_item *item = end->late;

        end->late = item->next;
        append(end, item);
    }
}

/* Returns false when something still waits: for room, or until the child is ready.  Nothing waits for one that is gone. */
static bool say_waiting(struct feed_end *end)
{
    struct msg msg;

    while (end->first != NULL && !is_running(end))
        forget_first(end);
    while (end->first != NULL) {
        memset(&msg, 0, sizeof msg);
        memcpy(&msg, end->first->msg, end->first->len);
        if (!end->child->is_ready || ipc_send(&end->child->ipc, &msg, end->first->fd, IPC_NOWAIT) == IPC_AGAIN)
            return false;
        forget_first(end);
    }
    return true;
}

/* Certificates. */

/* A descriptor that nobody can change any more, the children least of all: they share one file. */
static int seal_text(const char *text, size_t len)
{
    int fd = memfd_create("certificates", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return -1;
    if (write(fd, text, len) != (ssize_t)len
        || fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void describe(struct msg *msg, const struct listed_cert *cert, unsigned leaf_blocks)
{
    struct msg_cert_add *add = &msg->cert_add;

    memset(msg, 0, sizeof *msg);
    msg->type = MSG_CERT_ADD;
    add->flags = cert->policy->is_sha1_allowed ? MSG_FLAG_ALLOW_SHA1 : 0;
    add->leaf_blocks = (uint16_t)leaf_blocks;
    add->safety_margin_sec = (uint32_t)cert->policy->safety_margin_sec;
    add->min_ttl_sec = (uint32_t)cert->policy->min_ttl_sec;
    add->refresh_every_sec = (uint32_t)cert->policy->refresh_every_sec;
    add->unknown_grace_sec = (uint32_t)cert->policy->unknown_grace_sec;
    snprintf(add->name, sizeof add->name, "%s", cert->name);
    if (cert->responder != NULL)
        snprintf(add->responder, sizeof add->responder, "%s", cert->responder);
}

static void digest_text(const struct pem_blocks *blocks, unsigned leaf_blocks, uint8_t digest[32])
{
    SHA2_CTX context;

    SHA256Init(&context);
    SHA256Update(&context, (const uint8_t *)&leaf_blocks, sizeof leaf_blocks);
    SHA256Update(&context, (const uint8_t *)blocks->text, blocks->len);
    SHA256Final(digest, &context);
}

/* Read the certificate's files, take in hand what may leave them, and tell its digest. */
static enum reason take_text(
    struct feed *feed, const struct listed_cert *cert, uint8_t digest[32], const char **path, char *detail)
{
    struct pem_blocks blocks = {0};
    enum reason reason = pem_blocks_read(cert->path, &blocks, detail);
    unsigned leaf_blocks = blocks.count;

    put_down(feed);
    *path = cert->path;
    if (reason == REASON_NONE && cert->chain != NULL) {
        *path = cert->chain;
        reason = pem_blocks_read(cert->chain, &blocks, detail);
    }
    if (reason == REASON_NONE) {
        feed->memfd = seal_text(blocks.text, blocks.len);
        reason = feed->memfd < 0 ? REASON_INTERNAL : REASON_NONE;
    }
    if (reason == REASON_NONE) {
        describe(&feed->msg, cert, leaf_blocks);
        digest_text(&blocks, leaf_blocks, digest);
    }
    pem_blocks_clear(&blocks);
    return reason;
}

static void drop_number(struct feed *feed, uint32_t cert_no)
{
    struct msg msg = {.type = MSG_CERT_DROP, .cert_drop = {.cert_no = cert_no}};

    for (size_t i = 0; i < END_COUNT; i++)
        if (cert_no < feed->ends[i].next_no)
            feed_say(feed, feed->ends[i].child, &msg, -1);
    if (feed->in_hand_no == cert_no)
        put_down(feed);
}

static void drop(struct feed *feed, struct listed_cert *cert)
{
    uint32_t cert_no = cert->sent.cert_no;

    if (cert_no == CERT_NO_NONE)
        return;
    cert_list_drop_number(feed->list, cert);
    drop_number(feed, cert_no);
}

/* Only the writer holds anything of a certificate that is gone. */
static void tell_gone(struct feed *feed, struct listed_cert *cert)
{
    struct msg msg = {.type = MSG_CERT_GONE};

    drop(feed, cert);
    snprintf(msg.cert_gone.name, sizeof msg.cert_gone.name, "%s", cert->name);
    feed_say(feed, feed->ends[1].child, &msg, -1);
}

void feed_look(struct feed *feed, struct listed_cert *cert)
{
    feed->looks += cert->look.is_due ? 0 : 1;
    cert->look.is_due = true;
}

static struct listed_cert *next_to_look_at(struct feed *feed)
{
    struct cert_list *list = feed->list;

    for (size_t i = 0; i < list->count; i++) {
        struct listed_cert *cert = &list->certs[(feed->scan + i) % list->count];

        if (cert->look.is_due) {
            feed->scan = (size_t)(cert - list->certs) + 1;
            return cert;
        }
    }
    return NULL;
}

/* Everybody has every number: the next certificate may get one.  It is then in hand. */
static void look(struct feed *feed)
{
    struct listed_cert *cert = next_to_look_at(feed);
    char detail[DETAIL_MAX + 1] = "";
    uint8_t digest[32];
    const char *path = NULL;
    enum reason reason;

    if (cert == NULL) {
        feed->looks = 0;
        return;
    }
    cert->look.is_due = false;
    feed->looks--;
    listed_cert_stamp(cert); /* before reading: what is written meanwhile is seen at the next look */
    reason = take_text(feed, cert, digest, &path, detail);
    if (reason == REASON_NONE) {
        if (cert->sent.cert_no != CERT_NO_NONE && memcmp(digest, cert->sent.text_sha256, sizeof digest) == 0) {
            put_down(feed);
            return;
        }
        drop(feed, cert);
        if (cert_list_number(feed->list, (size_t)(cert - feed->list->certs))) {
            memcpy(cert->sent.text_sha256, digest, sizeof digest);
            feed->in_hand_no = cert->sent.cert_no;
            return;
        }
        reason = REASON_TOO_MANY;
    }
    put_down(feed);
    feed->refused(feed->context, cert, reason, path, detail);
    if (reason == REASON_FILE_MISSING && path == cert->path)
        tell_gone(feed, cert);
}

/* Take a number in hand that one of the children still needs.  Returns false when it is none any more. */
static bool take_again(struct feed *feed, uint32_t cert_no)
{
    struct listed_cert *cert = cert_list_find(feed->list, cert_no);
    char detail[DETAIL_MAX + 1];
    uint8_t digest[32];
    const char *path;

    if (cert == NULL)
        return false;
    if (take_text(feed, cert, digest, &path, detail) == REASON_NONE
        && memcmp(digest, cert->sent.text_sha256, sizeof digest) == 0) {
        feed->in_hand_no = cert_no;
        return true;
    }
    put_down(feed);
    drop(feed, cert);
    feed_look(feed, cert);
    return false;
}

/* The lowest number that somebody who runs was not told of.  CERT_NO_NONE when nobody runs. */
static uint32_t lowest_untold(const struct feed *feed)
{
    uint32_t lowest = CERT_NO_NONE;

    for (size_t i = 0; i < END_COUNT; i++)
        if (is_running(&feed->ends[i]) && feed->ends[i].next_no < lowest)
            lowest = feed->ends[i].next_no;
    return lowest;
}

/* Returns true when everybody who needs it has the certificate in hand. */
static bool send_in_hand(struct feed *feed)
{
    bool is_done = true;

    feed->msg.cert_add.cert_no = feed->in_hand_no;
    for (size_t i = 0; i < END_COUNT; i++) {
        struct feed_end *end = &feed->ends[i];

        if (!is_running(end) || end->next_no != feed->in_hand_no)
            continue;
        if (!end->child->is_ready || end->first != NULL
            || ipc_send(&end->child->ipc, &feed->msg, feed->memfd, IPC_NOWAIT) == IPC_AGAIN) {
            is_done = false;
            continue;
        }
        end->next_no++;
    }
    return is_done;
}

/* Returns false when somebody has to make room first. */
static bool pass_on(struct feed *feed, uint32_t cert_no)
{
    if (feed->in_hand_no != cert_no && !take_again(feed, cert_no)) {
        for (size_t i = 0; i < END_COUNT; i++)
            feed->ends[i].next_no += feed->ends[i].next_no == cert_no ? 1 : 0;
        return true;
    }
    if (!send_in_hand(feed))
        return false;
    put_down(feed);
    return true;
}

static void say_begin(struct feed *feed)
{
    for (size_t i = 0; i < END_COUNT; i++) {
        const struct msg msg = {.type = MSG_BEGIN, .begin = feed->begin};
        struct feed_end *end = &feed->ends[i];

        if (end->is_begun || !is_running(end))
            continue;
        end->is_begun
            = end->child->is_ready && end->first == NULL && ipc_send(&end->child->ipc, &msg, -1, IPC_NOWAIT) != IPC_AGAIN;
        if (end->is_begun)
            release_late(end);
    }
}

void feed_continue(struct feed *feed)
{
    for (;;) {
        bool is_said = say_waiting(&feed->ends[0]);
        uint32_t cert_no = lowest_untold(feed);

        is_said = say_waiting(&feed->ends[1]) && is_said;
        if (cert_no == CERT_NO_NONE)
            return;
        if (cert_no < feed->list->sent_count) {
            if (!pass_on(feed, cert_no))
                return;
        } else if (feed->looks > 0) {
            look(feed);
        } else {
            say_begin(feed);
            if (feed->ends[0].first == NULL && feed->ends[1].first == NULL)
                return;
            if (!say_waiting(&feed->ends[0]) || !say_waiting(&feed->ends[1]))
                return;
        }
    }
}

bool feed_waits_for(const struct feed *feed, const struct child *child)
{
    const struct feed_end *end = &feed->ends[feed->ends[0].child == child ? 0 : 1];

    if (!is_running(end) || !child->is_ready)
        return false;
    if (end->first != NULL || (feed->in_hand_no != CERT_NO_NONE && end->next_no == feed->in_hand_no))
        return true;
    return !end->is_begun && feed->looks == 0 && lowest_untold(feed) >= feed->list->sent_count;
}

bool feed_is_idle(const struct feed *feed)
{
    for (size_t i = 0; i < END_COUNT; i++)
        if (is_running(&feed->ends[i]) && (feed->ends[i].first != NULL || !feed->ends[i].is_begun))
            return false;
    return feed->looks == 0 && (lowest_untold(feed) >= feed->list->sent_count);
}

void feed_change_list(struct feed *feed, struct cert_list *list, struct cert_list *old)
{
    feed->list = list;
    feed->scan = 0;
    feed->looks = count_looks(list);
    if (feed->in_hand_no != CERT_NO_NONE && cert_list_find(list, feed->in_hand_no) == NULL)
        put_down(feed);
    for (size_t i = 0; i < old->count; i++)
        if (old->certs[i].sent.cert_no != CERT_NO_NONE)
            drop_number(feed, old->certs[i].sent.cert_no);
}

void feed_start_over(struct feed *feed, const struct child *child)
{
    struct feed_end *end = end_of(feed, child);

    while (end->first != NULL)
        forget_first(end);
    end->next_no = 0;
    end->is_begun = false;
}

void feed_renumber(struct feed *feed)
{
    put_down(feed);
    cert_list_forget_numbers(feed->list);
    feed->looks = count_looks(feed->list);
    for (size_t i = 0; i < END_COUNT; i++)
        feed_start_over(feed, feed->ends[i].child);
}

void feed_cut_short(struct feed *feed)
{
    for (size_t i = 0; i < feed->list->count; i++)
        feed->list->certs[i].look.is_due = false;
    feed->looks = 0;
}

void feed_clear(struct feed *feed)
{
    for (size_t i = 0; i < END_COUNT; i++) {
        release_late(&feed->ends[i]);
        while (feed->ends[i].first != NULL)
            forget_first(&feed->ends[i]);
    }
    put_down(feed);
}
