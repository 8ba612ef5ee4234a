/* SPDX-License-Identifier: ISC */
/*
 * Owns: what leaves a certificate file: its CERTIFICATE blocks as text, and nothing else of it.
 * Runs in: supervisor (as root), command line.
 * Never: lets a byte through that stood outside such a block (the file may hold the private key), or leaves the raw file
 *        behind in memory.
 *
 * Accepted are "BEGIN CERTIFICATE" and its old name "BEGIN X509 CERTIFICATE" (both go out as CERTIFICATE).  OpenSSL's
 * "BEGIN TRUSTED CERTIFICATE" has trust settings after the certificate inside the same block; taking it apart is X.509
 * work, passing over it could turn a CA of the chain into the leaf: it is an error that tells how to convert it.
 * Tolerated: CRLF, a byte order mark, NUL bytes and any text between blocks, no newline at the end, one block's BEGIN
 * right behind another's END, blanks and lines of any length inside a block.
 * Beyond base64 only the outermost DER header is looked at: a block must be one SEQUENCE that begins with a SEQUENCE and
 * fills the block.  An unencrypted private key under the wrong label is not (RFC 5958, RFC 8017, RFC 5915: they begin
 * with an INTEGER), neither is a certificate with something behind it.
 */
#ifndef STAPLEGUARD_PEM_BLOCKS_H
#define STAPLEGUARD_PEM_BLOCKS_H

#include <stddef.h>

#include "bounds.h"
#include "words/reason.h"

/* Blocks in the order of the files.  All zero: empty.  text: owned, terminated; NULL while there are none. */
struct pem_blocks {
    char *text;
    size_t len;
    unsigned count;
};

/*
 * Append the CERTIFICATE blocks of the file at path (opened without waiting; regular files only).  On failure *blocks
 * stays as it was.  detail: one clean sentence, errno's text or the line and block; "" when there is nothing to add to
 * the reason.  Never a word of the file's contents, nor its path.
 * Returns REASON_NONE, FILE_MISSING, FILE_UNREADABLE, FILE_TOO_LARGE (over CERT_FILE_MAX, or the blocks over
 * CERT_PEM_MAX bytes or CERT_BLOCKS_MAX blocks, with what was there before), INTERNAL (no memory), or what
 * pem_blocks_scan finds.
 */
enum reason pem_blocks_read(const char *path, struct pem_blocks *blocks, char detail[DETAIL_MAX + 1]);

/*
 * The same for the len bytes at data, which stay the caller's.  Pure.
 * Returns REASON_NONE, NO_CERTIFICATE (detail: what is there instead), DER_NOT_PEM, CERT_MALFORMED (a block without an
 * end, not base64, or not a certificate's DER header), FILE_TOO_LARGE, INTERNAL (no memory).
 */
enum reason pem_blocks_scan(const char *data, size_t len, struct pem_blocks *blocks, char detail[DETAIL_MAX + 1]);

/* Free the text; *blocks is empty and may be used again. */
void pem_blocks_clear(struct pem_blocks *blocks);

#endif
