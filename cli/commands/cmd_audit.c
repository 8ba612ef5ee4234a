/* SPDX-License-Identifier: ISC */
/*
 * Owns: `stapleguard audit`: what the service did, as a story; its numbers; and whether the record of it is whole.
 * Runs in: command line; for showing, as root or a member of the log's group.
 * Never: asks the daemon, or writes to the log.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "audit/audit_request.h"
#include "audit/audit_setup.h"
#include "audit/audit_show.h"
#include "audit/audit_verify.h"
#include "audit/review_files.h"
#include "audit/review_when.h"
#include "base/client.h"
#include "base/command.h"
#include "base/output.h"
#include "system/log.h"

#define ERROR_MAX 2048u
#define OUTPUT_BUFFER 65536u

/* A file each stays open, and years of daily rotation are more than the usual 1,024. */
static void allow_many_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int look(const struct audit_request *request, const char *log)
{
    struct review_files files;
    char error[ERROR_MAX];
    int code = CLI_EXIT_ERROR;
    bool is_open = request->path_count > 0 ? review_files_open(request->paths, request->path_count, &files, error, sizeof error)
                                           : review_files_find(log, &files, error, sizeof error);

    if (!is_open)
        log_error("%s", error);
    else if (request->mode == AUDIT_MODE_SUMMARY)
        code = audit_summarise(request, &files);
    else
        code = audit_show(request, &files);
    review_files_close(&files);
    return code;
}

/* With the configuration where it is needed: for the log's path, unless FILEs are named without -c. */
static int do_request(const struct audit_request *request)
{
    struct conf *conf = NULL;
    const char *log = NULL;
    int code;

    if (request->path_count == 0 || request->is_config_named) {
        conf = client_conf(request->config_path);
        if (conf == NULL)
            return CLI_EXIT_ERROR;
        log = conf->audit_log;
    }
    if (request->mode == AUDIT_MODE_SETUP_SEAL)
        code = audit_setup_seal(conf, request->replaces);
    else if (request->mode == AUDIT_MODE_VERIFY)
        code = audit_verify(request, log);
    else
        code = look(request, log);
    conf_free(conf);
    return code;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct audit_request request;
    int code = audit_request_parse(command, argc, argv, &request);

    if (code < 0) {
        /* `| head` ends us without a word. */
        signal(SIGPIPE, SIG_DFL);
        setvbuf(stdout, NULL, _IOFBF, OUTPUT_BUFFER);
        allow_many_files();
        code = do_request(&request);
    }
    audit_request_clear(&request);
    return code;
}

const struct command command_audit = {
    .name = "audit",
    .help = {
        .usage = "[--since T] [--until T] [--cert NAME] [--event E] [--process P] [--severity S] [--json] [-c FILE] [FILE...]\n"
                 "--summary [--since T] [--until T] [--cert NAME] [--json] [-c FILE] [FILE...]\n"
                 "--verify [--key KEY] [--key-file FILE] [--anchor SEQ:HASH] [--journal DIR] [--json] [-c FILE] [FILE...]\n"
                 "--setup-seal [--replace] [-c FILE]",
        .summary = "Show the audit log, or verify that it is complete and unaltered",
        .options = (const struct help_option[]){
            {AUDIT_OPTION_SINCE, 0, "since", "T", "records from T on; T is one of " REVIEW_WHEN_FORMS},
            {AUDIT_OPTION_UNTIL, 0, "until", "T", "records before T"},
            {AUDIT_OPTION_CERT, 0, "cert", "NAME",
                "records about this certificate, as status names it; may be repeated, as may --event and --process"},
            {AUDIT_OPTION_EVENT, 0, "event", "E", "records of this event (\"fetch.failed\") or family of events (\"fetch\")"},
            {AUDIT_OPTION_PROCESS, 0, "process", "P", "records of this process: supervisor, fetcher or writer"},
            {AUDIT_OPTION_SEVERITY, 0, "severity", "S", "records of this severity or worse: info, warning or error"},
            {AUDIT_OPTION_JSON, 0, "json", NULL,
                "print the lines of the log, or the result of --summary or --verify, for programs"},
            {AUDIT_OPTION_SUMMARY, 0, "summary", NULL,
                "print totals of the period: per certificate the fetches, the failures, the writes of Apache's cache, and the longest "
                "time without a fresh staple; and those of the service"},
            {AUDIT_OPTION_VERIFY, 0, "verify", NULL,
                "verify that every record is present, unaltered and in its place, and name the first that is not.  The log is compared "
                "with the anchors that the service left in the system journal"},
            {AUDIT_OPTION_KEY, 0, "key", "KEY",
                "with --verify: also check the seals with the verification key of --setup-seal; KEY is the key, or a file with it"},
            {AUDIT_OPTION_KEY_FILE, 0, "key-file", "FILE",
                "the same with the key from FILE, or from standard input with -; repeat it for a key that replaced another"},
            {AUDIT_OPTION_ANCHOR, 0, "anchor", "SEQ:HASH",
                "with --verify: record SEQ must have this hash (as --verify prints it for the last record)"},
            {AUDIT_OPTION_JOURNAL, 0, "journal", "DIR",
                "with --verify: use the anchors of this journal instead of this machine's, for instance on a log host"},
            {AUDIT_OPTION_SETUP_SEAL, 0, "setup-seal", NULL,
                "create the key of the seals (as root), and print the verification key once"},
            {AUDIT_OPTION_REPLACE, 0, "replace", NULL,
                "with --setup-seal: replace an existing key; keep the verification key of the old one"},
            HELP_OPTION_CONFIG,
            {.argument = "FILE...",
                .text = "read these files instead of audit_log and its rotated files; .gz, .bz2, .xz and .zst files are read, too"},
            {0},
        },
        .exits = (const struct help_exit[]){
            {NULL, "0", "the records were shown"},
            {NULL, "1", "some lines are not records, or a file could not be read to its end"},
            {NULL, "3", "usage error, or nothing to read"},
            {"--verify", "0", "the log is sound"},
            {"--verify", "1", "the log is broken"},
            {"--verify", "2", "the log is incomplete: its records are sound, but some are missing or cannot be verified"},
            {"--verify", "3", "usage error, or nothing to read"},
            {"--setup-seal", "0", "the key was created"},
            {"--setup-seal", "1", "a key exists already"},
            {"--setup-seal", "3", "the key could not be created"},
            {0},
        },
    },
    .run = run,
};
