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
    .arguments
    = "[--since T] [--until T] [--cert NAME] [--event E] [--process P] [--severity S] [--json] [-c FILE] [FILE...]\n"
      "       stapleguard audit --summary [--since T] [--until T] [--cert NAME] [--json] [-c FILE] [FILE...]\n"
      "       stapleguard audit --verify [--key KEY] [--key-file FILE] [--anchor SEQ:HASH] [--journal DIR] [--json] [-c FILE] "
      "[FILE...]\n"
      "       stapleguard audit --setup-seal [--replace] [-c FILE]",
    .summary = "What happened, and whether the record of it is whole",
    .help
    = "  --since T, --until T  records from T on, and before T; T as in\n"
      "                        " REVIEW_WHEN_FORMS
      "\n"
      "  --cert NAME           about this certificate alone, as status names it (may be repeated, like --event and --process)\n"
      "  --event E             this event alone (\"fetch.failed\"), or a family of them (\"fetch\")\n"
      "  --process P           of supervisor, fetcher or writer\n"
      "  --severity S          info; warning and worse; error\n"
      "  --json                the lines of the log, or what --summary and --verify say, for programs\n"
      "  --summary             numbers of the period: per certificate what was fetched and failed, how often Apache's cache was\n"
      "                        written with it, and the longest time without a fresh staple; and of the service\n"
      "  --verify              is every record there, unaltered and in its place?  Names the first that is not.  Compares with "
      "the\n"
      "                        anchors that the service left in the system journal\n"
      "  --key KEY             --verify also checks the seals with the verification key of --setup-seal: the key, or a file with "
      "it\n"
      "  --key-file FILE       the same from a file, or from standard input with -; once more for a key that replaced another\n"
      "  --anchor SEQ:HASH     --verify: record SEQ must have this hash (what --verify prints as its end)\n"
      "  --journal DIR         --verify: anchors of this journal instead of the machine's own, for instance of a log host\n"
      "  --setup-seal          make the key of the seals (as root), and print the verification key, once\n"
      "  --replace             --setup-seal: even though there is a key; keep the verification key of the old one, too\n"
      "  -c, --config FILE     instead of " CONF_DEFAULT_PATH
      "\n"
      "  FILE...               these files instead of audit_log and what was rotated from it; .gz, .bz2, .xz and .zst are read, "
      "too\n"
      "\nexit codes: 0 shown; 1 some lines are no records, or a file could not be read to its end; 3 usage, or nothing to read\n"
      "  --verify: 0 sound; 1 broken; 2 incomplete: what is there is sound, but not all is there or can be judged; 3 usage, or\n"
      "  nothing to read\n"
      "  --setup-seal: 0 made; 1 there is a key already; 3 it cannot be done\n",
    .run = run,
};
