/* SPDX-License-Identifier: ISC */
#include "base/cert_files.h"

enum reason cert_files_read(const char *cert_path, const char *chain_path, struct cert_files *files, char detail[DETAIL_MAX + 1])
{
    enum reason reason;

    *files = (struct cert_files){.failed = cert_path};
    reason = pem_blocks_read(cert_path, &files->blocks, detail);
    if (reason != REASON_NONE)
        return reason;
    files->leaf_blocks = files->blocks.count;
    if (chain_path != NULL) {
        files->failed = chain_path;
        reason = pem_blocks_read(chain_path, &files->blocks, detail);
        if (reason != REASON_NONE)
            return reason;
    }
    files->failed = NULL;
    return REASON_NONE;
}

void cert_files_clear(struct cert_files *files)
{
    pem_blocks_clear(&files->blocks);
}
