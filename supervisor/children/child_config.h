/* SPDX-License-Identifier: ISC */
/*
 * Owns: the first message to each child: what of the configuration it needs.
 * Runs in: supervisor.
 * Never: tells a child more than that.
 */
#ifndef STAPLEGUARD_CHILD_CONFIG_H
#define STAPLEGUARD_CHILD_CONFIG_H

#include <stdbool.h>
#include <sys/types.h>

#include "conf/conf.h"
#include "proto/msg.h"

/* Whom the children become. */
struct ids {
    uid_t fetch_uid;
    gid_t fetch_gid;
    uid_t write_uid;
    gid_t apache_gid;
};

/* Fill *msg, of which every octet is set: two of them may be compared. */
void configure_fetcher(const struct conf *conf, const struct ids *ids, struct msg *msg);
/* is_once: without a keeper, and with one commit. */
void configure_writer(const struct conf *conf, const struct ids *ids, bool is_once, struct msg *msg);

#endif
