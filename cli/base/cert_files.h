/* SPDX-License-Identifier: ISC */
/*
 * Owns: reading a certificate and its chain from the files that a command names.
 * Runs in: command line.
 * Never: keeps anything of a file but its CERTIFICATE blocks.
 */
#ifndef STAPLEGUARD_CERT_FILES_H
#define STAPLEGUARD_CERT_FILES_H

#include "pem/pem_blocks.h"

struct cert_files {
    struct pem_blocks blocks;
    unsigned leaf_blocks; /* as cert_parse wants it */
    const char *failed;   /* the file that could not be read (borrowed), or NULL */
};

/* Read cert_path, then chain_path (NULL: none).  cert_files_clear it always.  Returns what pem_blocks_read does. */
enum reason cert_files_read(const char *cert_path, const char *chain_path, struct cert_files *files, char detail[DETAIL_MAX + 1]);
void cert_files_clear(struct cert_files *files);

#endif
