/* SPDX-License-Identifier: ISC */
/*
 * Owns: STATE_DIR/setup/enabled: what enable did beside Apache's own files, for disable to take back.
 * Runs in: command line (enable, disable), as root.
 * Never: believes a name in it that is no module's.
 */
#ifndef STAPLEGUARD_ENABLED_RECORD_H
#define STAPLEGUARD_ENABLED_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "bounds.h"
#include "text/text_list.h"

struct record {
    struct text_list modules; /* loaded by a2enmod for us */
    bool is_service_ours;     /* we enabled and started stapleguard.service */
};

/* The path.  False: too long. */
bool record_path(const char *state_dir, char out[FILE_PATH_MAX + 1]);
/* Read it; a missing or unreadable one is an empty record.  record_clear it. */
void record_read(const char *path, struct record *record);
/* Its text; NULL: no memory.  The caller's to free. */
char *record_text(const struct record *record, size_t *len);
void record_clear(struct record *record);

#endif
