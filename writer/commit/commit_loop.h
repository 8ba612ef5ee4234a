/* SPDX-License-Identifier: ISC */
/*
 * Owns: commits in their time, looks at what Apache wrote, restarts seen and restarts asked for.
 * Runs in: writer.
 * Never: touches Apache's file but through commit.h and the keeper.
 */
#ifndef STAPLEGUARD_COMMIT_LOOP_H
#define STAPLEGUARD_COMMIT_LOOP_H

#include "state/writer_state.h"

/* Begin to keep the file.  Without a keeper (--once) there is one commit: that of watch_end. */
void watch_begin(struct writer *writer);

/* Something is held, or has gone, that the file does not know (writer->has_changes). */
void watch_note_changes(struct writer *writer);

/* News of the keeper.  Returns false when it is gone: the writer must end. */
bool watch_take_news(struct writer *writer);

/* Do what is due. */
void watch_tick(struct writer *writer);
/* For poll(2): until something is due; -1: nothing is. */
int watch_wait_msec(const struct writer *writer);

/* APACHE, APACHE_LOCK (fd stays the caller's), RESTART. */
void watch_apache(struct writer *writer, int pidfd);
void watch_apache_lock(struct writer *writer, const struct msg_apache_lock *lock, int fd);
void watch_restart(struct writer *writer, uint32_t request);

/* The supervisor's channel has ended: put what is held into the file. */
void watch_end(struct writer *writer);

#endif
