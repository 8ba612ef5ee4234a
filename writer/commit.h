/*
 * Owns: the end of a pass: Apache's file is brought up to date once, and everybody is told how each certificate stands.
 * Runs in: writer.
 * Never: calls a staple good that is not in the file in place.
 */
#ifndef STAPLEGUARD_COMMIT_H
#define STAPLEGUARD_COMMIT_H

#include "writer.h"

/* Adopt, prune, merge, build, rename; then CERT_STATE for each certificate and WRITE_DONE. */
void commit_pass(struct writer *writer, int64_t now);

#endif
