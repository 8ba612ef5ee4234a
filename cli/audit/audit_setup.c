/* SPDX-License-Identifier: ISC */
#include "audit/audit_setup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "audit/audit_key_file.h"
#include "base/command.h"
#include "base/output.h"
#include "bounds.h"
#include "system/log.h"
#include "text/duration.h"

#define EXIT_THERE_IS_ONE 1

static int refuse(const char *path, int error)
{
    if (error == EEXIST) {
        log_error(
            "%s: there is a key already.  --replace makes a new one; keep the verification key of the old one for the records "
            "that it sealed",
            path);
        return EXIT_THERE_IS_ONE;
    }
    log_error("%s: %s%s", path, strerror(error),
        error == ENOENT ? "; state_dir does not exist yet: start the service once, or make the directory" : "");
    return CLI_EXIT_ERROR;
}

static void print_key(const struct conf *conf, const struct audit_key *key)
{
    char text[AUDIT_KEY_TEXT_MAX];
    char interval[32];

    audit_key_format(key, text);
    duration_format(key->interval, interval, sizeof interval);
    printf("%s\n\n", text);
    printf("This is the verification key of %s, shown this once and written nowhere.\n", conf->audit_log);
    printf(
        "Copy it off this machine now: on paper, or into a password store that this machine cannot reach.  Whoever has it can "
        "check the log's seals, and make false ones: never keep it here.\n");
    printf("To check, on a machine that you trust, with a copy of the log: stapleguard audit --verify --key FILE\n\n");
    printf(
        "The service's own key changes every %s, and the one before is destroyed: what was sealed before that, root on this "
        "machine cannot alter unnoticed.\n",
        interval);
    if (conf->is_audit_sealed)
        printf("A running stapleguardd seals with it from its next record on, within a minute.\n");
    else
        printf(
            "It is not in use yet: put audit_seal = yes into the section [stapleguard] of the configuration, then: systemctl "
            "reload stapleguard\n");
    explicit_bzero(text, sizeof text);
}

int audit_setup_seal(const struct conf *conf, bool replace)
{
    struct audit_key key = {.start = (int64_t)time(NULL), .interval = (uint32_t)conf->audit_seal_interval_sec};
    char path[FILE_PATH_MAX + sizeof AUDIT_KEY_FILE + 1];
    int code;

    if (geteuid() != 0) {
        log_error("--setup-seal needs root: the key is for the service alone; use sudo");
        return CLI_EXIT_ERROR;
    }
    snprintf(path, sizeof path, "%s/" AUDIT_KEY_FILE, conf->state_dir);
    if (getrandom(key.secret, sizeof key.secret, 0) != (ssize_t)sizeof key.secret)
        code = refuse("getrandom", errno);
    else if (audit_key_file_write(path, &key, replace ? AUDIT_KEY_FILE_REPLACE : AUDIT_KEY_FILE_NEW, NULL) != 0)
        code = refuse(path, errno);
    else {
        print_key(conf, &key);
        code = output_end(0);
        if (code != 0)
            log_error("nobody saw the verification key: make another one with --replace");
    }
    explicit_bzero(&key, sizeof key);
    return code;
}
