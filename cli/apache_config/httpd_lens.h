/* SPDX-License-Identifier: ISC */
/*
 * Owns: augeas' httpd lens as the second reader of every file: both must see the same sections and directives.
 * Runs in: command line.
 * Never: lets augeas open, load or save a file.
 *
 * Why not augeas alone (measured with 1.14): its lens refuses files that httpd takes (no newline at the end, a comment alone,
 * a comment that goes on in a CRLF file, a form feed, <IfVersion !>= 2.4>, an argument that begins with a brace), drops CR
 * and continuations from values, gives no place for a section's end, and takes what stands behind an end tag for a
 * directive.  So the bytes come from httpd_nodes, and a file about which the two do not agree is not touched.
 */
#ifndef STAPLEGUARD_HTTPD_LENS_H
#define STAPLEGUARD_HTTPD_LENS_H

#include "apache_config/httpd_nodes.h"

struct httpd_lens;

/* A new reader that httpd_lens_close ends, or NULL; why (cap bytes) then says what to do. */
struct httpd_lens *httpd_lens_open(char *why, size_t cap);
void httpd_lens_close(struct httpd_lens *lens);

/*
 * True when augeas sees in data exactly the nodes that httpd_nodes_parse made of it.  Else false; *line (0: unknown) and why
 * say where and what.
 */
bool httpd_lens_agrees(struct httpd_lens *lens, const char *data, size_t len, const struct httpd_nodes *nodes, unsigned *line,
    char *why, size_t cap);

#endif
