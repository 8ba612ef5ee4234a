/* SPDX-License-Identifier: ISC */
/*
 * Owns: what the administrator should know about a configuration before or after an edit, as typed values.
 * Runs in: command line.
 * Never: decides what a finding means for the command's exit.
 */
#ifndef STAPLEGUARD_CONFIG_FINDING_H
#define STAPLEGUARD_CONFIG_FINDING_H

#include "apache_config/config.h"

/* CONFIG_FINDING(constant, word, sentence).  The sentence says what to do; %s, where it is, the finding's detail. */
/* clang-format off */
#define CONFIG_FINDING_TABLE(CONFIG_FINDING) \
    CONFIG_FINDING(OTHER_CACHE, "other-cache", \
        "another SSLStaplingCache (%s); enable comments it out, disable brings it back") \
    CONFIG_FINDING(OTHER_SETTING, "other-setting", \
        "\"%s\" contradicts stapleguard's own file; enable comments it out, disable brings it back") \
    CONFIG_FINDING(MD_STAPLING, "md-stapling", \
        "mod_md staples by itself here (%s); use one of the two: write MDStapling off, or leave stapling to mod_md") \
    CONFIG_FINDING(VHOST_OFF, "vhost-off", \
        "%s says SSLUseStapling off itself, and is left alone; to staple for it, name it with --domain") \
    CONFIG_FINDING(VHOST_OVERRIDES, "vhost-overrides", \
        "\"%s\" stands in the virtual host, so stapleguard's setting does not count there; take the line out") \
    CONFIG_FINDING(MUTEX, "mutex", "Mutex in effect for ssl-stapling: %s") \
    CONFIG_FINDING(MUTEX_OTHER, "mutex-other", \
        "\"%s\" is read after stapleguard's own Mutex line and would win; take ssl-stapling out of it") \
    CONFIG_FINDING(OMIT_PID, "omit-pid", \
        "\"%s\" with OmitPID: a file left behind by a crash keeps Apache from starting (AH01959); take OmitPID out") \
    CONFIG_FINDING(FORCE_URL, "force-url", \
        "SSLStaplingForceURL %s: Apache asks there when a staple is missing; stapleguard does not, see responder =") \
    CONFIG_FINDING(SHARED_LINE, "shared-line", \
        "\"%s\" stands in a file that is included more than once, so it counts at each of those places") \
    CONFIG_FINDING(MACRO_SHARED, "macro-shared", \
        "the macro makes %s too, which was not named; name that one also, use --all, or write SSLUseStapling on where the " \
        "macro is used") \
    CONFIG_FINDING(LINE_CHANGED, "line-changed", \
        "the SSLUseStapling line that stapleguard had put in was changed; it is left as it is")

enum config_finding_kind {
#define CONFIG_FINDING_CONSTANT(constant, word, sentence) CONFIG_FINDING_##constant,
    CONFIG_FINDING_TABLE(CONFIG_FINDING_CONSTANT)
#undef CONFIG_FINDING_CONSTANT
    CONFIG_FINDING_COUNT
};
/* clang-format on */

struct config_finding {
    enum config_finding_kind kind;
    char *path; /* the real file, or what Apache calls the place where it is none */
    unsigned line;
    char *detail; /* clean text */
};

/* All zero: empty. */
struct config_findings {
    struct config_finding *items;
    size_t count;
};

const char *config_finding_word(enum config_finding_kind kind);

/* Write "PATH:LINE: sentence", clean, without a newline, into out (cap bytes, always terminated). */
void config_finding_text(const struct config_finding *finding, char *out, size_t cap);

/* Append one.  The same finding twice is kept once.  Returns false when there is no memory. */
bool config_findings_add(
    struct config_findings *findings, enum config_finding_kind kind, const char *path, unsigned line, const char *detail);
/* The same about a line; the detail is "NAME WORD WORD". */
bool config_findings_add_line(struct config_findings *findings, enum config_finding_kind kind, const struct apache_config *config,
    const struct apache_line *line);
void config_findings_free(struct config_findings *findings);

#endif
