/* SPDX-License-Identifier: ISC */
/*
 * Owns: what the administrator should know about a configuration before or after an edit, as typed values.
 * Runs in: command line.
 * Never: decides what a finding means for the command's exit.
 */
#ifndef STAPLEGUARD_CONFIG_FINDING_H
#define STAPLEGUARD_CONFIG_FINDING_H

#include "apache_config/config.h"

/* HTTPD_FINDING(constant, word, sentence).  The sentence says what to do; %s, where it is, the finding's detail. */
/* clang-format off */
#define HTTPD_FINDING_TABLE(HTTPD_FINDING) \
    HTTPD_FINDING(OTHER_CACHE, "other-cache", \
        "another SSLStaplingCache (%s); enable comments it out, disable brings it back") \
    HTTPD_FINDING(OTHER_SETTING, "other-setting", \
        "\"%s\" is read after stapleguard's own file and would win; enable comments it out, disable brings it back") \
    HTTPD_FINDING(MD_STAPLING, "md-stapling", \
        "mod_md staples by itself here (%s); use one of the two: write MDStapling off, or leave stapling to mod_md") \
    HTTPD_FINDING(VHOST_OFF, "vhost-off", \
        "%s says SSLUseStapling off itself, and is left alone; to staple for it, name it with --domain") \
    HTTPD_FINDING(VHOST_OVERRIDES, "vhost-overrides", \
        "\"%s\" stands in the virtual host, so stapleguard's setting does not count there; take the line out") \
    HTTPD_FINDING(MUTEX, "mutex", "Mutex in effect for ssl-stapling: %s") \
    HTTPD_FINDING(MUTEX_OTHER, "mutex-other", \
        "\"%s\" is read after stapleguard's own Mutex line and would win; take ssl-stapling out of it") \
    HTTPD_FINDING(OMIT_PID, "omit-pid", \
        "\"%s\" with OmitPID: a file left behind by a crash keeps Apache from starting (AH01959); take OmitPID out") \
    HTTPD_FINDING(FORCE_URL, "force-url", \
        "SSLStaplingForceURL %s: Apache asks there when a staple is missing; stapleguard does not, see responder =") \
    HTTPD_FINDING(SHARED_LINE, "shared-line", \
        "\"%s\" stands in a file that is included more than once, so it counts at each of those places") \
    HTTPD_FINDING(MACRO_SHARED, "macro-shared", \
        "the macro makes %s too, which was not named; name that one also, use --all, or write SSLUseStapling on where the " \
        "macro is used") \
    HTTPD_FINDING(LINE_CHANGED, "line-changed", \
        "the SSLUseStapling line that stapleguard had put in was changed; it is left as it is")

enum httpd_finding_kind {
#define HTTPD_FINDING_CONSTANT(constant, word, sentence) HTTPD_FINDING_##constant,
    HTTPD_FINDING_TABLE(HTTPD_FINDING_CONSTANT)
#undef HTTPD_FINDING_CONSTANT
    HTTPD_FINDING_COUNT
};
/* clang-format on */

struct httpd_finding {
    enum httpd_finding_kind kind;
    char *path; /* real file; NULL: none */
    unsigned line;
    char *detail; /* clean text */
};

/* All zero: empty. */
struct httpd_findings {
    struct httpd_finding *items;
    size_t count;
};

const char *httpd_finding_word(enum httpd_finding_kind kind);

/* Write "PATH:LINE: sentence", clean, without a newline, into out (cap bytes, always terminated). */
void httpd_finding_text(const struct httpd_finding *finding, char *out, size_t cap);

/* Append one; place may be NULL.  The same finding twice is kept once.  Returns false when there is no memory. */
bool httpd_findings_add(
    struct httpd_findings *findings, enum httpd_finding_kind kind, const struct httpd_place *place, const char *detail);
/* The same about a line; the detail is "NAME WORD WORD". */
bool httpd_findings_add_line(struct httpd_findings *findings, enum httpd_finding_kind kind, const struct httpd_line *line);
void httpd_findings_free(struct httpd_findings *findings);

#endif
