/*
 * Owns: handing the certificates of the pool to both children, one after the other, as fast as the slower one takes them.
 * Runs in: supervisor.
 * Never: waits for a child, holds more than one certificate's text at a time, or hands out anything but CERTIFICATE blocks.
 */
#include "feed.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bounds.h"
#include "pem_blocks.h"

void feed_init(struct feed *feed, struct pool *pool, struct child *fetcher, struct child *writer, bool is_forced,
    feed_refused *refused, void *context)
{
    memset(feed, 0, sizeof *feed);
    feed->pool = pool;
    feed->children[0] = fetcher;
    feed->children[1] = writer;
    feed->is_forced = is_forced;
    feed->refused = refused;
    feed->context = context;
    feed->memfd = -1;
    feed->end = pool->count;
}

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

static void describe(struct msg *msg, const struct pool_cert *cert, uint32_t cert_no, unsigned leaf_blocks)
{
    struct msg_cert_add *add = &msg->cert_add;

    memset(msg, 0, sizeof *msg);
    msg->type = MSG_CERT_ADD;
    add->cert_no = cert_no;
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

/* Read the certificate's files and seal what may leave them. */
static enum reason seal_cert(struct feed *feed, const struct pool_cert *cert, const char **path, char *detail)
{
    struct pem_blocks blocks = {0};
    enum reason reason = pem_blocks_read(cert->path, &blocks, detail);
    unsigned leaf_blocks = blocks.count;

    *path = cert->path;
    if (reason == REASON_NONE && cert->chain != NULL) {
        *path = cert->chain;
        reason = pem_blocks_read(cert->chain, &blocks, detail);
    }
    if (reason == REASON_NONE && feed->pool->sent_count >= CERTS_MAX)
        reason = REASON_TOO_MANY;
    if (reason == REASON_NONE) {
        feed->memfd = seal_text(blocks.text, blocks.len);
        reason = feed->memfd < 0 ? REASON_INTERNAL : REASON_NONE;
    }
    if (reason == REASON_NONE)
        describe(&feed->msg, cert, feed->pool->sent_count, leaf_blocks);
    pem_blocks_clear(&blocks);
    return reason;
}

/* Only the writer holds anything of a certificate that is gone. */
static void tell_gone(struct feed *feed, const struct pool_cert *cert)
{
    memset(&feed->msg, 0, sizeof feed->msg);
    feed->msg.type = MSG_CERT_GONE;
    snprintf(feed->msg.cert_gone.name, sizeof feed->msg.cert_gone.name, "%s", cert->name);
    feed->is_sent[0] = true;
    feed->is_sent[1] = false;
    feed->is_in_hand = true;
}

/* Take the next certificate in hand.  One of which a file cannot be used is told of, and passed over. */
static void take_next(struct feed *feed)
{
    struct pool_cert *cert = &feed->pool->certs[feed->next];
    char detail[DETAIL_MAX + 1] = "";
    const char *path;
    enum reason reason = seal_cert(feed, cert, &path, detail);

    if (reason == REASON_NONE) {
        feed->pool->by_cert_no[feed->pool->sent_count++] = (uint32_t)feed->next;
        feed->is_sent[0] = feed->is_sent[1] = false;
        feed->is_in_hand = true;
        return;
    }
    feed->refused(feed->context, cert, reason, path, detail);
    if (reason == REASON_FILE_MISSING && path == cert->path)
        tell_gone(feed, cert);
    else
        feed->next++;
}

/* Returns true when both children have the message in hand; one that is gone has all it will ever have. */
static bool send_to_both(struct feed *feed)
{
    for (size_t i = 0; i < 2; i++) {
        if (feed->is_sent[i])
            continue;
        if (!feed->children[i]->is_ready && feed->children[i]->ipc.fd >= 0)
            continue;
        feed->is_sent[i] = ipc_send(&feed->children[i]->ipc, &feed->msg, feed->memfd, IPC_NOWAIT) != IPC_AGAIN;
    }
    return feed->is_sent[0] && feed->is_sent[1];
}

static void begin_pass(struct feed *feed)
{
    memset(&feed->msg, 0, sizeof feed->msg);
    feed->msg.type = MSG_PASS_BEGIN;
    feed->msg.pass_begin.is_forced = feed->is_forced;
    feed->msg.pass_begin.cert_count = feed->pool->sent_count;
    feed->is_sent[0] = feed->is_sent[1] = false;
}

void feed_continue(struct feed *feed)
{
    while (!feed->is_over) {
        if (feed->msg.type == MSG_PASS_BEGIN) {
            feed->is_over = send_to_both(feed);
            return;
        }
        if (feed->is_in_hand) {
            if (!send_to_both(feed))
                return;
            feed_clear(feed);
            feed->next++;
        }
        if (feed->next >= feed->end)
            begin_pass(feed);
        else
            take_next(feed);
    }
}

bool feed_waits_for(const struct feed *feed, const struct child *child)
{
    if (feed->is_over || !child->is_ready)
        return false;
    return !feed->is_sent[child == feed->children[0] ? 0 : 1];
}

void feed_cut_short(struct feed *feed)
{
    /* The certificate in hand goes out whole, so that both children count the same. */
    if (feed->msg.type != MSG_PASS_BEGIN)
        feed->end = feed->is_in_hand ? feed->next + 1 : feed->next;
}

void feed_clear(struct feed *feed)
{
    if (feed->memfd >= 0)
        close(feed->memfd);
    feed->memfd = -1;
    feed->is_in_hand = false;
}
