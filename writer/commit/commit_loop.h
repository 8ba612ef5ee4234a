/* SPDX-License-Identifier: ISC */
/*
 * Owns: commits in their time, looks at what Apache wrote, restarts seen and restarts asked for.
 * Runs in: writer.
 * Never: touches Apache's file but through commit.h and the keeper.
 */
#ifndef STAPLEGUARD_COMMIT_LOOP_H
#define STAPLEGUARD_COMMIT_LOOP_H

#include "commit/commit.h"

/* Begin to keep the file.  Without a keeper (--once) there is one commit: that of watch_end. */
void watch_begin(int64_t delay_msec);

/* News of the keeper.  Returns false when it is gone: the writer must end. */
bool watch_take_news(struct keeper *keeper);

/* Do what is due. */
void watch_tick(const struct commit_parts *parts);
/* For poll(2): until something is due; -1: nothing is. */
int watch_wait_msec(const struct commit_parts *parts);

/* RESTART: commit, then restart Apache. */
void watch_restart(const struct commit_parts *parts, uint32_t request);

/* The supervisor's channel has ended: put what is held into the file. */
void watch_end(const struct commit_parts *parts);

#endif
